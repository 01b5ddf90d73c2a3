//! What the API wants of the loop; the engine is behind it in the binary, a fake in the tests.

use crate::load::Load;
use async_trait::async_trait;
use holdfast_core::cloud::Leftovers;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Plan};
use holdfast_core::preflight::Finding;
use holdfast_core::why::Sight;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The loop, as the API sees it.
#[async_trait]
pub trait Loop: Send + Sync {
    /// Asks for a pass of these scopes soon, because of what the log now says; returns at once.
    fn nudge(&self, scopes: &BTreeSet<Scope>);

    /// Has the next pass try again what was refused or is stuck in a stack.
    ///
    /// # Errors
    /// [`LoopError`] if it cannot be asked.
    fn forgive(&self, stack: &str) -> Result<(), LoopError>;

    /// Plans these scopes as if they had the given desired state, asks AWS what is to be known of `stacks` before, and
    /// writes nothing.
    ///
    /// # Errors
    /// [`LoopError`] if a scope cannot be read.
    async fn plan(
        &self,
        overlay: BTreeMap<Scope, Vec<Arc<Desired>>>,
        stacks: &BTreeSet<String>,
    ) -> Result<Vec<ScopePlan>, LoopError>;

    /// What is live of a stack in a scope, by its owner tag, whatever is declared; `deleted` are handles that are known
    /// to have been live. Writes nothing.
    ///
    /// # Errors
    /// [`LoopError`] if the scope cannot be asked at all.
    async fn leftovers(
        &self,
        scope: &Scope,
        stack: &str,
        deleted: &[(ResourceKey, String)],
    ) -> Result<Leftovers, LoopError>;

    /// What the last pass saw of a resource that it did not leave simply in sync; `None` if it is in sync, or this
    /// process has not looked at it yet.
    fn sight(&self, scope: &Scope, key: &ResourceKey) -> Option<Arc<Sight>> {
        let _ = (scope, key);
        None
    }

    /// What a scope costs and what is left of its budgets; `None` if this process has not looked at it.
    fn load(&self, scope: &Scope) -> Option<Load> {
        let _ = scope;
        None
    }

    /// When those fields were last read of the thing with that handle that AWS gives only one thing a call; `None` if
    /// they were not, or all of it is read in every sweep.
    fn read_at(&self, scope: &Scope, id: &str) -> Option<Timestamp> {
        let _ = (scope, id);
        None
    }

    /// What this process has done in each scope so far, for the metrics.
    fn counts(&self) -> BTreeMap<Scope, Counts> {
        BTreeMap::new()
    }
}

/// What a process has done in a scope since it started. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passes that ended.
    pub passes: u64,
    /// AWS calls, reads and writes.
    pub calls: u64,
    /// Those that write.
    pub writes: u64,
    /// Those that were told to slow down.
    pub throttles: u64,
    /// How long all sweeps took together, in milliseconds.
    pub sweep_ms: u64,
}

/// The plan of one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopePlan {
    /// Which scope.
    pub scope: Scope,
    /// What would be done.
    pub plan: Plan,
    /// What to know of the asked stacks before it is done, the worst first.
    pub preflight: Vec<Finding>,
    /// When the live state behind it was read.
    pub seen_at: Timestamp,
}

/// Why the loop did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoopError {
    /// It is shutting down or too busy.
    #[error("the loop cannot take this now: {0}")]
    Unavailable(String),
    /// Its own fault.
    #[error("the loop failed: {0}")]
    Failed(String),
}
