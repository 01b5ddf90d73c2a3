//! The engine behind the API's door.

use async_trait::async_trait;
use holdfast_api::{Bucket, Calls, Counts, Load, Loop, LoopError, Rounds, ScopePlan};
use holdfast_core::cloud::Leftovers;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::Desired;
use holdfast_core::why::Sight;
use holdfast_engine::{Checked, Engine, Overlay, PassError};
use holdfast_store::{Store, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

/// The engine, as the API sees it.
pub(crate) struct Control {
    engine: Arc<Engine>,
    store: Store,
    /// Where the engine works: what reads AWS on somebody's request is done there as well.
    threads: Handle,
}

impl Control {
    pub(crate) fn new(engine: Arc<Engine>, store: Store, threads: Handle) -> Self {
        Self { engine, store, threads }
    }

    /// Does something where the engine works. If whoever asked goes away, it ends.
    async fn there<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, LoopError> {
        let task = AbortOnDropHandle::new(self.threads.spawn(work));
        task.await.map_err(|error| LoopError::Failed(error.to_string()))
    }
}

fn failed(error: &StoreError) -> LoopError {
    LoopError::Failed(error.to_string())
}

#[async_trait]
impl Loop for Control {
    fn nudge(&self, scopes: &BTreeSet<Scope>) {
        for scope in scopes {
            if let Err(error) = self.engine.nudge(scope) {
                tracing::error!(%error, %scope, "the log could not be read; the next periodic sweep looks at the scope");
            }
        }
    }

    fn forgive(&self, stack: &str) -> Result<(), LoopError> {
        self.engine.forgive(stack).map(drop).map_err(|e| failed(&e))
    }

    async fn plan(
        &self,
        overlay: BTreeMap<Scope, Vec<Arc<Desired>>>,
        stacks: &BTreeSet<String>,
    ) -> Result<Vec<ScopePlan>, LoopError> {
        let mut out = Vec::with_capacity(overlay.len());
        for (scope, put) in overlay {
            let stored = self.store.desired(&scope, jiff::Timestamp::now()).map_err(|e| failed(&e))?;
            let kept: BTreeSet<&ResourceKey> = put.iter().map(|d| &d.key).collect();
            let without = stored.iter().map(|d| d.key.clone()).filter(|k| !kept.contains(k)).collect();
            let seen_at = jiff::Timestamp::now();
            let (engine, there, stacks) = (Arc::clone(&self.engine), scope.clone(), stacks.clone());
            let overlay = Overlay { put, without };
            match self.there(async move { engine.plan_checked(&there, &overlay, &stacks).await }).await? {
                Ok(Checked { plan, preflight }) => out.push(ScopePlan { scope, plan, preflight, seen_at }),
                Err(error @ PassError::Panicked(_)) => return Err(LoopError::Failed(error.to_string())),
                Err(error) => return Err(LoopError::Unavailable(format!("{scope}: {error}"))),
            }
        }
        Ok(out)
    }

    async fn leftovers(
        &self,
        scope: &Scope,
        stack: &str,
        deleted: &[(ResourceKey, String)],
    ) -> Result<Leftovers, LoopError> {
        let (engine, there, stack, deleted) =
            (Arc::clone(&self.engine), scope.clone(), stack.to_owned(), deleted.to_vec());
        let looked = self.there(async move { engine.leftovers(&there, &stack, &deleted).await }).await?;
        looked.map_err(|error| LoopError::Unavailable(format!("{scope}: {error}")))
    }

    fn sight(&self, scope: &Scope, key: &ResourceKey) -> Option<Arc<Sight>> {
        self.engine.sight(scope, key)
    }

    fn load(&self, scope: &Scope) -> Option<Load> {
        Some(load(&self.engine.load(scope)))
    }

    fn read_at(&self, scope: &Scope, id: &str) -> Option<Timestamp> {
        self.engine.read_at(scope, id)
    }

    fn counts(&self) -> BTreeMap<Scope, Counts> {
        let counts = |tally: holdfast_engine::Tally| Counts {
            passes: tally.passes,
            calls: tally.counts.calls,
            writes: tally.counts.writes,
            throttles: tally.counts.throttles,
            sweep_ms: u64::try_from(tally.sweeping.as_millis()).unwrap_or(u64::MAX),
        };
        self.engine.tallies().into_iter().map(|(scope, tally)| (scope, counts(tally))).collect()
    }
}

/// The engine's view of a scope in the words of the API.
fn load(load: &holdfast_engine::Load) -> Load {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let operations = load.usage.operations.iter();
    let calls =
        operations.map(|(action, used)| Calls { action: action.clone(), calls: used.calls, throttles: used.throttles });
    let buckets = load.usage.buckets.iter().map(|bucket| Bucket {
        name: bucket.name.to_owned(),
        size: bucket.size,
        refill_per_second: bucket.refill,
        headroom: bucket.headroom as u64,
        granted_percent: (bucket.share * 100.0).round() as u64,
        waiting: bucket.waiting.into(),
        throttles: bucket.throttles,
    });
    let rounds = Rounds {
        things: load.rounds.things,
        unread: load.rounds.unread,
        oldest_read_at: load.rounds.oldest,
        round_takes_ms: ms(load.rounds.takes),
    };
    Load {
        calls: calls.collect(),
        buckets: buckets.collect(),
        look_takes_ms: ms(load.look_takes),
        look_every_ms: ms(load.look_every),
        rounds,
    }
}
