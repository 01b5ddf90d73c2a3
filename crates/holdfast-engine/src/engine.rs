//! The engine: periodic sweeps and nudges, workers, the watch over declarations.

use crate::approve;
use crate::book::{abroad, wanted};
use crate::core::{Core, ScopeState, blocking};
use crate::error::PassError;
use crate::left;
use crate::load::{self, Load};
use crate::meter::Counts;
use crate::options::EngineOptions;
use crate::pass::{Facts, PassReport, elsewhere, look, make_plan, pass, verify, went_through};
use crate::preflight::{Checked, preflight};
use crate::queue::{Lane, Queue, Urgency};
use crate::seat::Seat;
use crate::seen::Look;
use crate::token::fnv;
use crate::trouble;
use holdfast_core::cloud::{Leftovers, Memo};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Plan};
use holdfast_core::why::Sight;
use holdfast_store::{EventFilter, EventType, Filter, ScopeStatus, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The loop. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    core: Core,
    queue: Queue,
    tasks: TaskTracker,
    /// Ends the workers at once, whatever they are doing.
    abort: CancellationToken,
    news: Notify,
}

/// A scope as `/v1/scopes` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeView {
    /// Its last sweep.
    pub status: ScopeStatus,
    /// True while a pass is under way.
    pub running: bool,
    /// How soon the next pass begins, if one is planned.
    pub next_in: Option<Duration>,
}

/// What this process has done in a scope so far. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passes whose sweep ended.
    pub passes: u64,
    /// How long their sweeps took together.
    pub sweeping: Duration,
    /// AWS calls.
    pub counts: Counts,
}

/// Declarations to plan with that are not in the store.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Declared on top, instead of what is stored under the same key.
    pub put: Vec<Arc<Desired>>,
    /// Stored, and not to be planned with.
    pub without: BTreeSet<ResourceKey>,
}

impl Engine {
    /// An engine that only does what it is told: passes by [`Engine::pass`], no sweeps of its own.
    pub fn idle(options: EngineOptions) -> Self {
        let core = Core::new(options);
        let (tasks, abort) = (TaskTracker::new(), CancellationToken::new());
        Self { shared: Arc::new(Shared { core, queue: Queue::default(), tasks, abort, news: Notify::new() }) }
    }

    /// Starts sweeping every scope that has resources, at once and then at intervals, and whenever it is nudged or
    /// something is declared.
    ///
    /// # Errors
    /// Those of the store, if it cannot be read.
    pub fn start(options: EngineOptions) -> Result<Self, StoreError> {
        let engine = Self::idle(options);
        let core = &engine.shared.core;
        let scopes = core.store.scopes()?;
        // Many scopes at once would be one peak; each gets a place of its own in the first moments.
        let spread = Duration::from_millis(100).saturating_mul(scopes.len().saturating_sub(1) as u32);
        let spread = spread.min(core.settings.sweep_interval);
        let troubled: BTreeSet<Scope> =
            core.store.scope_statuses()?.into_iter().filter(|s| s.error.is_some()).map(|s| s.scope).collect();
        for scope in &scopes {
            let due = Instant::now() + spread.mul_f64(place(scope));
            let lane = if troubled.contains(scope) { Lane::Troubled } else { Lane::Well };
            engine.shared.queue.done(scope, Some((due, Urgency::Periodic)), lane);
        }
        let after = core.store.newest_event()?;
        let weak = Arc::downgrade(&engine.shared);
        core.store.on_event(Box::new(move |_| {
            if let Some(shared) = weak.upgrade() {
                shared.news.notify_one();
            }
        }));
        for lane in [Lane::Well, Lane::Troubled] {
            let worker = engine.clone();
            engine.spawn(move |_| async move { worker.work(lane).await });
        }
        engine.spawn(move |shared| async move { watch(&shared, after).await });
        Ok(engine)
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: impl FnOnce(Arc<Shared>) -> F) {
        let task = task(Arc::clone(&self.shared));
        let abort = self.shared.abort.clone();
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = abort.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Has a scope looked at as soon as a worker is free, unless a pass has begun there since the last event was logged.
    ///
    /// # Errors
    /// Those of the store.
    pub fn nudge(&self, scope: &Scope) -> Result<(), StoreError> {
        let newest = self.shared.core.store.newest_event()?;
        self.shared.queue.add_after(scope, newest, Urgency::Asked);
        Ok(())
    }

    /// Has the scopes of a lane looked at, as many at a time as there are seats, until the engine stops.
    async fn work(&self, lane: Lane) {
        let core = &self.shared.core;
        let seats = Arc::new(Semaphore::new(core.settings.workers.max(1)));
        loop {
            let next = async { (Seat::take(&seats).await, self.shared.queue.next(lane).await) };
            let (seat, (scope, urgency)) = tokio::select! {
                () = core.stop.cancelled() => return,
                next = next => next,
            };
            self.spawn(move |shared| async move { look_at(&shared, &scope, urgency, seat).await });
        }
    }

    /// Tries again what failed or was given up in a stack, with the next pass. Answers the scopes concerned.
    ///
    /// # Errors
    /// Those of the store.
    pub fn forgive(&self, stack: &str) -> Result<Vec<Scope>, StoreError> {
        let scopes = scopes_of(&self.shared.core, stack)?;
        for scope in &scopes {
            self.shared.core.scope(scope).forgive(stack);
        }
        Ok(scopes)
    }

    /// One pass over a scope, now: sweep, plan, record, execute, record. Waits for a pass that is under way there.
    ///
    /// # Errors
    /// [`PassError`]: what concerns the scope as a whole.
    pub async fn pass(&self, scope: &Scope) -> Result<PassReport, PassError> {
        pass(&self.shared.core, scope, &Seat::none(), Look::Whole).await
    }

    /// The pass that follows one that left something open, as [`Engine::start`] makes it by itself: it reads only the
    /// kinds that had not come to rest, where nothing was declared or asked for since and the last whole look is a
    /// moment ago; else it is [`Engine::pass`].
    ///
    /// # Errors
    /// [`PassError`].
    pub async fn follow_up(&self, scope: &Scope) -> Result<PassReport, PassError> {
        pass(&self.shared.core, scope, &Seat::none(), Look::Following).await
    }

    /// What a pass would do now if the overlay were declared. Sweeps, and writes nothing anywhere.
    ///
    /// # Errors
    /// [`PassError`].
    pub async fn plan_now(&self, scope: &Scope, overlay: &Overlay) -> Result<Plan, PassError> {
        Ok(self.plan_checked(scope, overlay, &BTreeSet::new()).await?.plan)
    }

    /// [`plan_now`](Self::plan_now), and what AWS says of it before it is carried out, as far as it concerns `stacks`.
    ///
    /// # Errors
    /// [`PassError`]. What only the check could not read is a finding.
    pub async fn plan_checked(
        &self,
        scope: &Scope,
        overlay: &Overlay,
        stacks: &BTreeSet<String>,
    ) -> Result<Checked, PassError> {
        let core = &self.shared.core;
        let stored = blocking(|| core.store.desired(scope, core.clock.now()))?;
        let kept = stored.iter().filter(|d| !overlay.without.contains(&d.key));
        let mut desired: BTreeMap<&ResourceKey, &Arc<Desired>> = kept.map(|d| (&d.key, d)).collect();
        desired.extend(overlay.put.iter().filter(|d| d.scope == *scope).map(|d| (&d.key, d)));
        let desired: Vec<Arc<Desired>> = desired.into_values().cloned().collect();
        let unverified = match verify(core, scope, &mut crate::book::Book::default()).await {
            Err(error @ PassError::Identify(_)) => Some(error),
            verified => verified.map(|()| None)?,
        };
        let memory = blocking(|| core.store.memories(scope))?;
        let elsewhere = elsewhere(core, scope, &abroad(&desired, &desired))?;
        let wanted = wanted(&desired, &memory, &core.registry, &elsewhere);
        let known = approve::known(core, scope, &desired, core.clock.now())?;
        let snapshot = match &unverified {
            Some(error) => trouble::unread(scope, &wanted, error, core.clock.now()),
            None => look(core, scope, &wanted, &mut Memo::default()).await,
        };
        let facts = Facts {
            registry: &core.registry,
            desired: &desired,
            memory: &memory,
            elsewhere: &elsewhere,
            approvals: &known.approvals,
        };
        let plan = blocking(|| make_plan(core, &facts, &snapshot))?;
        let preflight = preflight(core, scope, &desired, &plan, stacks).await;
        Ok(Checked { plan, preflight })
    }

    /// What is live of a stack in a scope, by its owner tag, whatever is declared of it; `deleted` are handles that are
    /// known to have been live. Writes nothing.
    ///
    /// # Errors
    /// [`PassError`].
    pub async fn leftovers(
        &self,
        scope: &Scope,
        stack: &str,
        deleted: &[(ResourceKey, String)],
    ) -> Result<Leftovers, PassError> {
        left::behind(&self.shared.core, scope, stack, deleted).await
    }

    /// What the last pass saw of a resource that it did not leave simply in sync; `None` if it is in sync, or no pass
    /// of this process has looked at it yet.
    pub fn sight(&self, scope: &Scope, key: &ResourceKey) -> Option<Arc<Sight>> {
        self.shared.core.sight(scope, key)
    }

    /// What this process has done in each scope that it looked at.
    pub fn tallies(&self) -> BTreeMap<Scope, Tally> {
        let core = &self.shared.core;
        let tally = |(scope, state): (Scope, Arc<ScopeState>)| {
            let tally = Tally {
                passes: state.sweeps.load(Ordering::Relaxed),
                sweeping: Duration::from_millis(state.sweep_ms.load(Ordering::Relaxed)),
                counts: core.budgets.counts(&scope),
            };
            (scope, tally)
        };
        core.known().into_iter().map(tally).collect()
    }

    /// What a scope costs and what is left of its budgets, in this process.
    pub fn load(&self, scope: &Scope) -> Load {
        let core = &self.shared.core;
        load::of(core, scope, &core.scope(scope))
    }

    /// When what AWS gives only one thing a call was last read of the thing with that handle; none if it was not, or if
    /// all of it is read in every sweep.
    pub fn read_at(&self, scope: &Scope, id: &str) -> Option<Timestamp> {
        self.shared.core.cloud.read_at(scope, id)
    }

    /// Every scope that has resources or has been swept, in order.
    ///
    /// # Errors
    /// Those of the store.
    pub fn scopes(&self) -> Result<Vec<ScopeView>, StoreError> {
        let core = &self.shared.core;
        let mut statuses: BTreeMap<Scope, ScopeStatus> =
            core.store.scopes()?.into_iter().map(|s| (s.clone(), ScopeStatus::of(s))).collect();
        statuses.extend(core.store.scope_statuses()?.into_iter().map(|s| (s.scope.clone(), s)));
        let now = Instant::now();
        let view = |(scope, status)| ScopeView {
            status,
            running: core.is_running(&scope),
            next_in: self.shared.queue.due(&scope).map(|due| due.saturating_duration_since(now)),
        };
        Ok(statuses.into_iter().map(view).collect())
    }

    /// Stops: no step is begun any more, those under way are finished and journalled, for as long as `deadline`;
    /// then everything ends. Answers whether all ended in time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let shared = &self.shared;
        shared.core.stop.cancel();
        shared.tasks.close();
        let in_time = tokio::time::timeout(deadline, shared.tasks.wait()).await.is_ok();
        if !in_time {
            tracing::warn!("stopped with steps under way; the next start looks at what became of them");
            shared.abort.cancel();
            shared.tasks.wait().await;
        }
        if let Err(error) = blocking(|| shared.core.store.write_sweeps()) {
            tracing::warn!(%error, "when the scopes were last looked at could not be written down");
        }
        in_time
    }
}

/// A place of a scope between 0 and 1, always the same.
fn place(scope: &Scope) -> f64 {
    (fnv(&[scope.account.as_bytes(), scope.region.as_bytes()]) % 1000) as f64 / 1000.0
}

/// The scopes that a stack lives in.
fn scopes_of(core: &Core, stack: &str) -> Result<Vec<Scope>, StoreError> {
    let summary = core.store.summary(&Filter { stack: Some(stack.to_owned()), ..Filter::default() })?;
    let mut scopes = core.store.scopes()?;
    // A few too many, where a stack spans accounts and regions, cost a look each.
    scopes.retain(|s| summary.accounts.contains_key(&s.account) && summary.regions.contains_key(&s.region));
    Ok(scopes)
}

/// One pass over a scope, and when the next one is due.
async fn look_at(shared: &Shared, scope: &Scope, urgency: Urgency, seat: Seat) {
    let core = &shared.core;
    let begun = Instant::now();
    match blocking(|| core.store.newest_event()) {
        Ok(newest) => shared.queue.begins(scope, newest),
        Err(error) => {
            tracing::error!(%error, "the log could not be read; the scope may be looked at once more than needed")
        }
    }
    let much = if urgency == Urgency::Moving { Look::Following } else { Look::Whole };
    let passed = pass(core, scope, &seat, much).await;
    let lane = if went_through(&passed) { Lane::Well } else { Lane::Troubled };
    let whole = passed.as_ref().map_or(true, |report| report.whole);
    let periodic = periodic(core, scope, core.scope(scope).whole_since(begun, whole));
    let next = match passed {
        Ok(report) if report.resources == 0 => None,
        Ok(report) => {
            for other in core.referring(&report.outputs_moved).iter().filter(|other| *other != scope) {
                shared.queue.add(other, Instant::now(), Urgency::Moving);
            }
            let calm = if report.exposed { Urgency::Exposed } else { Urgency::Periodic };
            let follow_up = report.next.map(|wait| (Instant::now() + wait, Urgency::Moving));
            follow_up.into_iter().chain([(periodic, calm)]).min()
        }
        Err(_) => Some((periodic, Urgency::Periodic)),
    };
    shared.queue.done(scope, next, lane);
}

/// When a scope is swept if nothing happens: intervals differ a little, so that scopes drift apart.
fn periodic(core: &Core, scope: &Scope, begun: Instant) -> Instant {
    (begun + core.settings.sweep_interval.mul_f64(0.95 + 0.1 * place(scope))).max(Instant::now())
}

/// Nudges the scopes of what is declared, paused or resumed, in whatever way it came into the store. A document of an
/// account concerns all that lives there.
async fn watch(shared: &Shared, mut after: u64) {
    const PAGE: usize = 500;
    let core = &shared.core;
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            () = shared.news.notified() => {}
        }
        let (mut stacks, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let events = match blocking(|| core.store.events(after, PAGE, &EventFilter::default())) {
                Ok(events) => events,
                Err(error) => {
                    tracing::error!(%error, "the log could not be read; periodic sweeps go on");
                    break;
                }
            };
            after = events.last().map_or(after, |e| e.id);
            let full = events.len() == PAGE;
            let declared =
                events.into_iter().filter(|e| matches!(e.event_type, EventType::Declared | EventType::Operated));
            for event in declared {
                if event.kind.as_deref() == Some("Account") {
                    accounts.extend(event.name);
                } else {
                    stacks.extend(event.stack);
                }
            }
            if !full {
                break;
            }
        }
        if !accounts.is_empty() {
            match blocking(|| core.store.scopes()) {
                Ok(all) => all
                    .iter()
                    .filter(|s| accounts.contains(&s.account))
                    .for_each(|scope| shared.queue.add_after(scope, after, Urgency::Asked)),
                Err(error) => tracing::error!(%error, "the scopes could not be read"),
            }
        }
        for stack in stacks {
            match blocking(|| scopes_of(core, &stack)) {
                Ok(scopes) => scopes.iter().for_each(|scope| shared.queue.add_after(scope, after, Urgency::Asked)),
                Err(error) => tracing::error!(%error, stack, "its scopes could not be read"),
            }
        }
    }
}
