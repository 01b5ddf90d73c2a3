//! Holdfast's engine in this process on a simulated AWS whose budgets never bind: for figures of the engine alone.

use crate::around::{Around, Bystander};
use crate::figures::thread_cpu;
use anyhow::{Result, ensure};
use holdfast_core::kind::Registry;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::observe::Snapshot;
use holdfast_core::plan::{Desired, Input, Memory, Settings, Verdict, plan};
use holdfast_core::validate::check_alone;
use holdfast_engine::{Budgets, Engine, EngineOptions, EngineSettings, PassReport, Undisturbed};
use holdfast_sim::{SimClock, SimCloud};
use holdfast_store::{Change, Location, ResourceChange, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The last that was seen of it.
#[derive(Default)]
struct Seen(Mutex<Option<Snapshot>>);

impl Bystander for Seen {
    fn after(&self, snapshot: &Snapshot) {
        if let Ok(mut seen) = self.0.lock() {
            *seen = Some(snapshot.clone());
        }
    }
}

/// A store in a file.
pub(crate) fn store_of(file: &Path) -> Result<Store> {
    Ok(Store::open(&Location::File(file.to_owned()))?)
}

/// Declares a stack in a store that no API has open; answers how many resources. The uids are the resources' own names,
/// so that things made by somebody else can carry them. The account needs no document.
pub(crate) fn declare(
    store: &Store,
    registry: &Registry,
    document: &Value,
    now: Timestamp,
    account: &str,
) -> Result<usize> {
    let accepted = check_alone(document, registry, crate::REGION).map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let mut change = Change::at(now);
    change.stacks = accepted.stacks.into_iter().map(Into::into).collect();
    let uid = |key: &ResourceKey| key.to_string().replace('/', "-");
    change.resources.extend(accepted.resources.into_iter().map(|mut r| {
        let uid = uid(&r.key);
        r.scope.account = account.to_owned();
        ResourceChange::of(r, uid)
    }));
    store.change(&change)?;
    Ok(change.resources.len())
}

/// Engine, store and simulated AWS.
pub struct Simulated {
    store: Store,
    registry: Arc<Registry>,
    clock: SimClock,
    watched: Arc<Around<Seen>>,
    engine: Engine,
    scope: Scope,
    declared: usize,
}

impl Simulated {
    /// An empty world with its store in a file.
    pub fn new(file: &Path) -> Result<Self> {
        let (registry, clock) = (Arc::new(holdfast_kinds::registry()), SimClock::default());
        let store = store_of(file)?;
        let cloud = SimCloud::new(Arc::clone(&registry), clock.clone(), 1);
        let watched = Arc::new(Around { cloud, by: Seen::default() });
        let shown = clock.clone();
        let engine = Engine::idle(EngineOptions {
            store: store.clone(),
            cloud: Arc::clone(&watched) as _,
            registry: Arc::clone(&registry),
            clock: Arc::new(move || shown.now()),
            budgets: Arc::new(Budgets::new()),
            settings: EngineSettings::default(),
            process: "figures".to_owned(),
            boundaries: Arc::new(Undisturbed),
        });
        Ok(Self { store, registry, clock, watched, engine, scope: Scope::new("default", crate::REGION), declared: 0 })
    }

    /// Declares a stack.
    pub fn declare(&mut self, document: &Value) -> Result<()> {
        self.declared += declare(&self.store, &self.registry, document, self.clock.now(), "default")?;
        Ok(())
    }

    /// How many resources are declared.
    pub fn declared(&self) -> usize {
        self.declared
    }

    /// One pass.
    pub async fn pass(&self) -> Result<PassReport> {
        Ok(self.engine.pass(&self.scope).await?)
    }

    /// Passes until nothing is left to do; the simulated clock, not ours, waits between them. Answers how many.
    pub async fn settle(&self) -> Result<usize> {
        for n in 1..=80 {
            let report = self.pass().await?;
            if report.next.is_none() && report.changed == 0 {
                return Ok(n);
            }
            self.clock
                .advance(report.next.and_then(|wait| wait.try_into().ok()).unwrap_or(SignedDuration::from_secs(1)));
        }
        anyhow::bail!("no fixed point after 80 passes")
    }

    /// How much CPU time `plan()` takes for what was last seen: when everything is compared, as in the first pass of a
    /// process, and when the plan before has left word of what everything looks like. Both plans must be empty.
    pub fn plan(&self) -> Result<(Duration, Duration)> {
        let now = self.clock.now();
        let desired = self.store.desired(&self.scope, now)?;
        let mut memory = self.store.memories(&self.scope)?;
        let (first, verdicts) = self.timed_plan(&desired, &memory)?;
        for verdict in verdicts {
            if let Some(memory) = memory.get_mut(&verdict.key) {
                memory.quiet = verdict.quiet;
            }
        }
        Ok((first, self.timed_plan(&desired, &memory)?.0))
    }

    fn timed_plan(
        &self,
        desired: &[Arc<Desired>],
        memory: &BTreeMap<ResourceKey, Memory>,
    ) -> Result<(Duration, Vec<Verdict>)> {
        let now = self.clock.now();
        let uids = self.store.declared_uids()?;
        let seen = self.watched.by.0.lock().ok().and_then(|s| s.clone());
        let Some(mut snapshot) = seen else { anyhow::bail!("nothing was swept") };
        // As the kinds leave what they have read.
        let all = snapshot.kinds.values_mut().flat_map(|reading| &mut reading.observations);
        all.for_each(|one| Arc::make_mut(one).fold());
        let input = Input {
            registry: &self.registry,
            desired,
            snapshot: &snapshot,
            memory,
            elsewhere: &BTreeMap::new(),
            declared_uids: &|uid| uids.contains(uid),
            settings: &Settings::default(),
            deletes_left: 10,
            replaces_left: 2,
            drift_confirmed: false,
            now,
        };
        let before = thread_cpu()?;
        let plan = plan(&input);
        let took = thread_cpu()?.saturating_sub(before);
        ensure!(plan.steps.is_empty(), "at the fixed point nothing is planned");
        Ok((took, plan.verdicts))
    }
}
