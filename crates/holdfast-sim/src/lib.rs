//! A simulated AWS behind the engine's [`Cloud`](holdfast_core::cloud::Cloud) trait.
//!
//! It is driven by each kind's `predict` and by the kind's own facts (container, users, identity), and must never
//! know any single kind, the SDK, or the wall clock. Time is a [`SimClock`] that only its owner moves, chance is a
//! seed, and whatever happens is written to a call log, so the same seed gives the same [`trace`](SimCloud::trace_hash).
//! `cargo xtask tidy` and its test `the_house_is_in_order` check what it must not know.
//!
//! How the thing that an action acts on is found, with no knowledge of the kind: an action that `predict` takes
//! without a `before` is a create; any other acts on the thing of the same kind whose id stands in the action, the
//! shallowest first, or else that knows most strings of the action by its fields, outputs and private data. A create on a
//! taken identity is tried again with the existing thing as `before`: a kind that takes it into account makes a
//! new revision, one that ignores it is refused with `AlreadyExists`.

mod actors;
mod clock;
mod cloud;
mod faults;
mod find;
pub mod laws;
mod limits;
mod log;
mod lookup;
pub mod owners;
mod perform;
mod preflight;
mod world;

pub use actors::{Tamper, TamperError};
pub use clock::SimClock;
pub use cloud::SimCloud;
pub use faults::{Allowance, Dice, Fault, FaultRule, Faults, Hidden, Settle, WhileBusy};
pub use find::action_name;
pub use limits::Limit;
pub use log::{Call, Counters, Effect, Ending};
pub use world::LiveThing;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod toys;
