//! Validation of whole documents: every mistake at once, each with its JSON Pointer.
