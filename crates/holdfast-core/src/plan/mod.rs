//! The plan: a pure function from what is declared, seen and remembered to what to do and why.

mod adopt;
mod approve;
mod build;
mod decide;
mod differ;
mod drift;
mod follow;
mod guard;
mod hold;
mod interrupt;
mod leaving;
mod link;
mod lookup;
mod matching;
mod newcomers;
mod owners;
mod quiet;
mod replace;
mod say;
mod sequence;
mod snapshot;
mod sought;
mod types;
mod unseen;

pub use adopt::{ADOPTABLE, NOTHING_TO_ADOPT, UNCONFIRMED};
pub use approve::{Approvals, Approved, Given, Instead, Part, Pending, Release, hash_of_parts, moved, plan_hash};
pub use drift::settled_before_steps;
pub use quiet::Quiet;
pub use types::*;

/// Decides what to do in a scope. Total, deterministic, no IO: same input, same bytes.
pub fn plan(input: &Input<'_>) -> Plan {
    plan_with(input, &Approvals::default())
}

/// As [`plan`], with what persons have approved.
pub fn plan_with(input: &Input<'_>, approvals: &Approvals) -> Plan {
    approve::plan_with(input, approvals)
}
