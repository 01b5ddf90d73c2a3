//! The plan: a pure function from what is declared, seen and remembered to what to do and why.

mod build;
mod decide;
mod differ;
mod link;
mod matching;
mod newcomers;
mod owners;
mod quiet;
mod say;
mod types;

pub use build::plan;
pub use quiet::Quiet;
pub use types::*;
