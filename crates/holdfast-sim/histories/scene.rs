//! The engine and a store as in production, over the simulated AWS, in virtual time.

use crate::boundary::Gate;
use crate::cloud::{Onlooker, Watched, Watching, look};
use crate::draft::Draft;
use crate::material::{Material, REGION, STACK};
use anyhow::{Context, Result, anyhow};
use holdfast_core::kind::Registry;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Fate, Hold};
use holdfast_core::policy::{DeletionPolicy, Policy};
use holdfast_core::validate::Accepted;
use holdfast_engine::{Budgets, Engine, EngineOptions, EngineSettings, PassError, PassReport};
use holdfast_sim::laws::Document;
use holdfast_sim::{SimClock, SimCloud};
use holdfast_store::{Change, Event, EventType, Location, Removal, ResourceChange, Store, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A resource that is declared, or was and is on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) uid: String,
    pub(crate) document: Document,
    pub(crate) policy: Policy,
    pub(crate) fate: Fate,
}

impl Declared {
    /// Its document and what is to become of it, to be read by a person.
    pub(crate) fn told(&self) -> Value {
        let mut told = json!({ "fate": format!("{:?}", self.fate), "policy": self.policy });
        if let (Some(told), Some(spec)) = (told.as_object_mut(), self.document.spec.as_object()) {
            told.extend(spec.clone());
        }
        told
    }
}

/// All that a history happens in.
pub(crate) struct Scene {
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: Option<Store>,
    pub(crate) sim: SimCloud,
    pub(crate) scope: Scope,
    pub(crate) engine: Option<Engine>,
    pub(crate) onlooker: Watching,
    /// What was accepted, by key.
    pub(crate) declared: BTreeMap<ResourceKey, Declared>,
    /// Every key that was ever declared.
    pub(crate) keys: std::collections::BTreeSet<ResourceKey>,
    location: Location,
    folder: Option<tempfile::TempDir>,
    began: Instant,
    skew: Arc<AtomicI64>,
    processes: u32,
    uids: u32,
}

thread_local! {
    /// An empty store in memory. To make one costs as much as all that happens in it.
    static USED: Cell<Option<Store>> = const { Cell::new(None) };
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.end();
    }
}

impl Scene {
    /// An empty store, an empty AWS, and a process.
    pub(crate) fn new(registry: &Arc<Registry>, seed: u64, on_disk: bool) -> Result<Self> {
        let began = Instant::now();
        let clock = SimClock::following(move || at(began.elapsed()));
        let folder = on_disk.then(tempfile::tempdir).transpose()?;
        let location = match &folder {
            Some(folder) => Location::File(folder.path().join("store.db")),
            None => Location::Memory,
        };
        let mut scene = Self {
            registry: Arc::clone(registry),
            store: None,
            sim: SimCloud::new(Arc::clone(registry), clock, seed),
            scope: Scope::new("default", REGION),
            engine: None,
            onlooker: Arc::default(),
            declared: BTreeMap::new(),
            keys: Default::default(),
            location,
            folder,
            began,
            skew: Arc::default(),
            processes: 0,
            uids: 0,
        };
        scene.start(&Gate::open())?;
        Ok(scene)
    }

    /// The file of the store, if it has one.
    pub(crate) fn file(&self) -> Option<std::path::PathBuf> {
        self.folder.as_ref().map(|f| f.path().join("store.db"))
    }

    /// What the clock of the machine shows.
    pub(crate) fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_secs(self.skew.load(Ordering::SeqCst));
        at(self.began.elapsed()).saturating_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// Sets the clock of the machine so many seconds off; answers how far off it was.
    pub(crate) fn skewed(&self, seconds: i64) -> i64 {
        self.skew.swap(seconds, Ordering::SeqCst)
    }

    /// Lets time go by.
    pub(crate) async fn wait(&self, seconds: i64) {
        tokio::time::advance(Duration::from_secs(seconds.unsigned_abs())).await;
    }

    /// The store.
    pub(crate) fn store(&self) -> Result<&Store> {
        self.store.as_ref().context("no process has the store open")
    }

    /// Another process: the one before it, if any, is dead.
    pub(crate) fn start(&mut self, gate: &Arc<Gate>) -> Result<()> {
        self.engine = None;
        if self.store.is_none() || self.folder.is_some() {
            // A file is another process's only when that one has let go of it.
            self.store = None;
            let used = if self.folder.is_none() { USED.take() } else { None };
            self.store = Some(used.map_or_else(|| Store::open(&self.location), Ok)?);
        }
        self.processes += 1;
        let process = format!("process-{}", self.processes);
        let budgets = Arc::new(Budgets::new());
        let watched = Watched::new(&self.sim, Arc::clone(&budgets) as _, &process, &self.onlooker, gate);
        let (began, skew) = (self.began, Arc::clone(&self.skew));
        let clock = move || {
            let skew = SignedDuration::from_secs(skew.load(Ordering::SeqCst));
            at(began.elapsed()).saturating_add(skew).unwrap_or(Timestamp::MAX)
        };
        gate.tells(&self.onlooker);
        {
            let mut onlooker = look(&self.onlooker);
            onlooker.writer.clone_from(&process);
            onlooker.journalled.clear();
        }
        self.engine = Some(Engine::idle(EngineOptions {
            store: self.store()?.clone(),
            cloud: Arc::new(watched),
            registry: Arc::clone(&self.registry),
            clock: Arc::new(clock),
            budgets,
            settings: EngineSettings::default(),
            process,
            boundaries: Arc::clone(gate) as _,
        }));
        Ok(())
    }

    /// One pass.
    pub(crate) async fn pass(&self) -> Result<PassReport, PassError> {
        match &self.engine {
            Some(engine) => engine.pass(&self.scope).await,
            None => Ok(PassReport::default()),
        }
    }

    /// The pass that the engine makes by itself after one that left something open.
    pub(crate) async fn follow_up(&self) -> Result<PassReport, PassError> {
        match &self.engine {
            Some(engine) => engine.follow_up(&self.scope).await,
            None => Ok(PassReport::default()),
        }
    }

    /// Declares a stack as the API does: what it no longer has goes as its policy says.
    pub(crate) fn declare(&mut self, accepted: Accepted) -> Result<()> {
        let mut change = Change::at(self.now());
        change.stacks = accepted.stacks.into_iter().map(Into::into).collect();
        for resource in accepted.resources {
            self.uids += 1;
            change.resources.push(ResourceChange::of(resource, format!("uid-{}", self.uids)));
        }
        let kept: std::collections::BTreeSet<&ResourceKey> = change.resources.iter().map(|r| &r.key).collect();
        for (key, declared) in self.declared.iter().filter(|(key, d)| !kept.contains(key) && d.fate == Fate::Keep) {
            let fate = match declared.policy.deletion.unwrap_or_default() {
                DeletionPolicy::Retain => None,
                DeletionPolicy::Delete | DeletionPolicy::Snapshot => Some(Fate::DeleteByPolicy),
            };
            change.removals.push(Removal { key: key.clone(), fate });
        }
        self.change(&change)
    }

    /// Checks a draft and declares it.
    pub(crate) fn declare_draft(&mut self, draft: &Draft, material: &Material) -> Result<()> {
        let accepted = draft.check(material).map_err(|e| anyhow!("the document is refused: {e}"))?;
        self.declare(accepted)
    }

    /// Somebody deletes the whole stack by name.
    pub(crate) fn remove(&mut self) -> Result<()> {
        let mut change = Change::at(self.now());
        let fate = Some(Fate::DeleteByName);
        change.removals = self.declared.keys().map(|key| Removal { key: key.clone(), fate }).collect();
        change.removed_stacks = vec![STACK.to_owned()];
        self.change(&change)
    }

    /// Makes a change, and keeps in mind what the answer says.
    fn change(&mut self, change: &Change) -> Result<()> {
        let outcomes = self.store()?.change(change)?;
        let told = |key: &ResourceKey| {
            let is = |o: &&holdfast_store::Outcome| o.target == holdfast_store::Target::Resource(key.clone());
            outcomes.iter().rev().find(is).map(|o| (o.generation, o.what))
        };
        for resource in &change.resources {
            let (generation, what) = told(&resource.key).context("an answer names every part of the change")?;
            let known = self.declared.get(&resource.key).filter(|_| what != What::Created);
            let uid = known.map_or_else(|| resource.new_uid.clone(), |k| k.uid.clone());
            let document = Document { generation, spec: resource.spec.clone() };
            let policy = resource.policy_effective.clone();
            let declared = Declared { uid, document, policy, fate: Fate::Keep };
            self.declared.insert(resource.key.clone(), declared);
            self.keys.insert(resource.key.clone());
        }
        for removal in &change.removals {
            match (removal.fate, self.declared.get_mut(&removal.key)) {
                (Some(fate), Some(declared)) if told(&removal.key).is_some_and(|(_, w)| w != What::Removed) => {
                    declared.fate = if declared.fate.is_by_name() { declared.fate } else { fate };
                }
                _ => drop(self.declared.remove(&removal.key)),
            }
        }
        self.tell_onlooker();
        // A pause goes with its stack.
        let held = self.store()?.stack(STACK)?.is_some_and(|stack| stack.hold.is_some());
        look(&self.onlooker).paused &= held;
        Ok(())
    }

    /// The store is lost; what is live stays.
    pub(crate) fn lose_store(&mut self) -> Result<()> {
        self.end();
        self.declared.clear();
        self.keys.clear();
        self.tell_onlooker();
        self.start(&Gate::open())
    }

    /// No process has the store any more; what it was made of serves the next one.
    fn end(&mut self) {
        self.engine = None;
        let left = self.store.take().and_then(|store| store.emptied().ok().flatten());
        USED.set(left);
    }

    /// What is gone in the store because it was to go, is gone in mind as well.
    pub(crate) fn forget_gone(&mut self) -> Result<()> {
        let desired = self.store()?.desired(&self.scope, self.now())?;
        let before = self.declared.len();
        let there = |key: &ResourceKey| desired.binary_search_by(|d| d.key.cmp(key)).is_ok();
        self.declared.retain(|key, declared| declared.fate == Fate::Keep || there(key));
        if self.declared.len() != before {
            self.tell_onlooker();
        }
        Ok(())
    }

    fn tell_onlooker(&self) {
        let mut onlooker: std::sync::MutexGuard<'_, Onlooker> = look(&self.onlooker);
        let generations = self.declared.iter().map(|(key, d)| (key.to_string(), d.document.generation));
        onlooker.declared = Arc::new(generations.collect());
        onlooker.ours.extend(self.declared.values().map(|d| d.uid.clone()));
        let staying = self.declared.values().filter(|d| d.fate == Fate::Keep);
        onlooker.staying = staying.map(|d| d.uid.clone()).collect();
    }

    /// Pauses the stack, or lets it go on.
    pub(crate) fn pause(&self, paused: bool) -> Result<()> {
        let now = self.now();
        let hold = Hold { reason: "a person looks at it".to_owned(), until: None };
        let reason = if paused { "Paused" } else { "Resumed" };
        let event = Event::new(now, EventType::Operated, reason, "somebody asked for it").of_stack(STACK);
        let there = self.store()?.set_hold(STACK, paused.then_some(&hold), now, &event)?;
        look(&self.onlooker).paused = paused && there;
        Ok(())
    }
}

/// The simulated time so long after the beginning.
fn at(elapsed: Duration) -> Timestamp {
    let began = Timestamp::constant(1_735_689_600, 0);
    SignedDuration::try_from(elapsed).ok().and_then(|e| began.checked_add(e).ok()).unwrap_or(Timestamp::MAX)
}
