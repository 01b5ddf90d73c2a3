//! What the histories themselves must hold to.
