//! JSON Schemas of the documents, assembled from the kinds.
//!
//! What is served comes from [`named`]. It says exactly what the server takes: null in fields that are not
//! required, references wherever a value goes, numbers where AWS wants text. What documents are held against is
//! the kind's own schema, which lets the server name each mistake more exactly than those alternatives would.

mod check;
mod draft7;
mod envelope;
mod facts;
mod open;
mod publish;
mod resolve;
mod shape;
mod strict;
mod visit;

pub(crate) use check::{Checker, Latitude};
pub use draft7::draft7;
pub(crate) use envelope::{ENVELOPES, READ_ONLY_METADATA};
pub use facts::sentences;
pub use publish::{account, list, named, resource, stack, whole};
pub use resolve::resolved;
pub(crate) use shape::{Shape, type_name};
