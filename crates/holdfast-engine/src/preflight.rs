//! What AWS can say of a plan before it is carried out.

use crate::core::Core;
use futures::FutureExt;
use holdfast_core::name::Scope;
use holdfast_core::panic::said;
use holdfast_core::plan::{Desired, Plan};
use holdfast_core::preflight::{Finding, Level, ask, judge};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// A plan, and what AWS says of it before it is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The plan.
    pub plan: Plan,
    /// What to know of the asked stacks, the worst first. It holds nothing back: AWS decides.
    pub preflight: Vec<Finding>,
}

/// Asks AWS about what `stacks` name and need. Costs no call where there is nothing to ask.
pub(crate) async fn preflight(
    core: &Core,
    scope: &Scope,
    desired: &[Arc<Desired>],
    plan: &Plan,
    stacks: &BTreeSet<String>,
) -> Vec<Finding> {
    let questions = ask(&core.registry, scope, desired, plan, stacks);
    if questions.asked.is_empty() {
        return Vec::new();
    }
    let answer = AssertUnwindSafe(core.cloud.preflight(scope, &questions.asked)).catch_unwind().await;
    match answer {
        Ok(answer) => judge(&questions, &answer, scope),
        Err(panic) => {
            let message = format!("nothing of {scope} was checked, by a fault of Holdfast's: {}", said(panic.as_ref()));
            vec![Finding::of_scope(Level::Unknown, message)]
        }
    }
}
