//! Builds the plan.

use super::{Input, Plan};

/// Decides what to do in a scope. Total, deterministic, no IO: same input, same bytes.
pub fn plan(input: &Input<'_>) -> Plan {
    let _ = input;
    Plan::default()
}
