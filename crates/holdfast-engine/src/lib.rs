//! The loop of Holdfast: sweeps, budgets, workqueue, executor.
//!
//! This crate must never know any single kind, the AWS SDK or the HTTP face; `cargo xtask tidy` and its test
//! `the_house_is_in_order` check it.
//!
//! # Flow
//! A scope is due: at its interval, when something is declared in it, when a failure has been waited out, when what
//! it refers to has moved. A worker makes one pass over it: sweep, [`plan`](holdfast_core::plan::plan), record what
//! was found, execute the plan's steps, record what came of them. What a pass leaves open, the next one sees.
//!
//! # Guarantees
//! - One pass a scope at a time, and only the executor writes in AWS. A step is begun only while what is declared is
//!   still what the plan was made from.
//! - A write is journalled before it is sent, and its outcome, with the id of what it made, after the answer and
//!   before anything else happens. A crash at any boundary costs one pass; an open create is looked for before it is
//!   made again.
//! - What differs is in the store before anything is done about it.
//! - A pass that fails or panics concerns its own scope.
//! - A pass that finds nothing new writes nothing, neither in AWS nor in the store.
//! - Nothing is written in an account whose id is not the one its document declares.
//!
//! # Errors
//! What concerns one resource is in its status. What concerns a scope is a [`PassError`], kept in its
//! [`ScopeStatus`](holdfast_store::ScopeStatus) and told once in the log.

mod approve;
mod book;
mod core;
mod engine;
mod error;
mod execute;
mod hold;
mod judge;
mod left;
mod lines;
mod load;
mod meter;
mod options;
mod pass;
mod preflight;
mod queue;
mod recover;
mod retry;
mod seat;
mod seen;
mod step;
mod token;
mod trouble;

pub use engine::{Engine, Overlay, ScopeView, Tally};
pub use error::PassError;
pub use load::Load;
pub use meter::{BucketUse, Budgets, Counts, Limit, OperationUse, Usage, limits};
pub use options::{Boundaries, Boundary, Clock, EngineOptions, EngineSettings, Undisturbed};
pub use pass::PassReport;
pub use preflight::Checked;
pub use retry::{Growth, RetryPolicy};
