//! The vocabulary and the decisions of Holdfast.
//!
//! Everything here is pure: documents, references, the compare, the [`Kind`](kind::Kind) trait, the
//! [`Snapshot`](observe::Snapshot) and [`plan()`](plan::plan). This crate must never know tokio, the clock,
//! randomness, AWS, SQL or HTTP; time and ids come in as arguments. `cargo xtask tidy` and its
//! test `the_house_is_in_order` check it.

pub mod cloud;
pub mod compare;
pub mod document;
pub mod facts;
pub mod handle;
pub mod kept;
pub mod kind;
pub mod name;
pub mod observe;
pub mod operation;
pub mod outputs;
pub mod ownership;
pub mod panic;
pub mod plan;
pub mod pointer;
pub mod policy;
pub mod preflight;
pub mod problem;
pub mod reference;
pub mod schema;
pub mod spec;
pub mod status;
pub mod uses;
pub mod validate;
pub mod why;
