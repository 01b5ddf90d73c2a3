//! What the engine is made of, and its limits.

use crate::meter::Budgets;
use crate::retry::RetryPolicy;
use async_trait::async_trait;
use holdfast_core::cloud::Cloud;
use holdfast_core::kind::Registry;
use holdfast_core::name::Scope;
use holdfast_core::plan;
use holdfast_store::Store;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Tells the time. Any `Fn() -> Timestamp` is one.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

/// What the engine is made of.
#[derive(Clone)]
pub struct EngineOptions {
    /// The memory.
    pub store: Store,
    /// AWS, real or simulated.
    pub cloud: Arc<dyn Cloud>,
    /// The kinds.
    pub registry: Arc<Registry>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The budgets that `cloud` draws on; the engine reads its counts.
    pub budgets: Arc<Budgets>,
    /// Limits.
    pub settings: EngineSettings,
    /// Name of this process, another one for each start: the leader in `/v1/scopes`, and part of every token.
    pub process: String,
    /// Where tests may let it die; [`Undisturbed`] otherwise.
    pub boundaries: Arc<dyn Boundaries>,
}

/// Limits of the engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How often a scope is swept when nothing happens.
    pub sweep_interval: Duration,
    /// Passes over different scopes at the same time; as many more over scopes in trouble.
    pub workers: usize,
    /// Steps of one pass under way at the same time in the line of each of AWS's buckets.
    pub parallel_steps: usize,
    /// Deletions that nobody named, per scope and hour.
    pub max_deletes_per_hour: u32,
    /// Replacements, per scope and hour.
    pub max_replacements_per_hour: u32,
    /// How long after a pass that left something open the next one looks, at first.
    pub follow_up: Duration,
    /// How old the sweep behind a plan may be when a step of it is begun.
    pub stale_after: Duration,
    /// Limits of the plan.
    pub plan: plan::Settings,
    /// Delays before failed writes are tried again.
    pub retry: RetryPolicy,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            sweep_interval: Duration::from_secs(60),
            workers: 16,
            parallel_steps: 32,
            max_deletes_per_hour: 10,
            max_replacements_per_hour: 2,
            follow_up: Duration::from_millis(250),
            stale_after: Duration::from_secs(300),
            plan: plan::Settings::default(),
            retry: RetryPolicy::default(),
        }
    }
}

/// A place in a pass where a crash leaves a state of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// The sweep is done, nothing of it is recorded.
    Swept,
    /// What the sweep found is recorded.
    Recorded,
    /// A step is about to be journalled.
    BeforeIntent,
    /// A step is journalled, and not yet sent.
    AfterIntent,
    /// AWS has answered, and nothing of it is journalled.
    AfterAct,
    /// The outcome is journalled.
    AfterOutcome,
    /// All steps have ended, and the end of the pass is not recorded.
    BeforeEnd,
    /// The end of the pass is recorded.
    AfterEnd,
}

/// Is told of every boundary that a pass crosses. A test that never returns from `reached` and drops the pass has
/// crashed it there.
#[async_trait]
pub trait Boundaries: Send + Sync {
    /// The pass over `scope` is at `boundary`.
    async fn reached(&self, scope: &Scope, boundary: Boundary);
}

/// Lets every pass go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Undisturbed;

#[async_trait]
impl Boundaries for Undisturbed {
    async fn reached(&self, _: &Scope, _: Boundary) {}
}
