//! A store, a simulated AWS and an engine, with all that a test wants to ask of them.

use crate::toys;
use async_trait::async_trait;
use holdfast_core::kind::Registry;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::observe::Observation;
use holdfast_core::plan::Fate;
use holdfast_core::status::{Phase, Status};
use holdfast_core::validate::{Accepted, check_alone};
use holdfast_engine::*;
use holdfast_sim::{Call, SimClock, SimCloud, laws};
use holdfast_store::{Change, Event, EventFilter, EventType, Location, Removal, ResourceChange, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) sim: SimCloud,
    pub(crate) clock: SimClock,
    pub(crate) scope: Scope,
    pub(crate) engine: Engine,
    pub(crate) options: EngineOptions,
    uids: AtomicU64,
}

/// A bench with the toy kinds.
pub(crate) fn bench() -> Bench {
    bench_of(toys::toys(), "eu-west-1")
}

pub(crate) fn bench_of(registry: Registry, region: &str) -> Bench {
    bench_with(registry, region, SimClock::default())
}

pub(crate) fn bench_with(registry: Registry, region: &str, clock: SimClock) -> Bench {
    let registry = Arc::new(registry);
    let store = Store::open(&Location::Memory).expect("a store in memory opens");
    let sim = SimCloud::new(Arc::clone(&registry), clock.clone(), 1);
    let shown = clock.clone();
    let options = EngineOptions {
        store: store.clone(),
        cloud: Arc::new(sim.clone()),
        registry,
        clock: Arc::new(move || shown.now()),
        budgets: Arc::new(Budgets::new()),
        settings: EngineSettings::default(),
        process: "test-1".to_owned(),
        boundaries: Arc::new(Undisturbed),
    };
    let engine = Engine::idle(options.clone());
    Bench { store, sim, clock, scope: Scope::new("default", region), engine, options, uids: AtomicU64::new(0) }
}

/// A stack with these resources, each `(kind, name, spec)`.
pub(crate) fn stack(name: &str, resources: &[(&str, &str, Value)]) -> Value {
    let resources: Vec<Value> = resources
        .iter()
        .map(|(kind, name, spec)| json!({ "kind": kind, "metadata": { "name": name }, "spec": spec }))
        .collect();
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": name },
            "spec": { "region": "eu-west-1", "tags": { "env": "test" }, "resources": resources } })
}

impl Bench {
    pub(crate) fn accept(&self, document: &Value) -> Accepted {
        check_alone(document, &self.options.registry, &self.scope.region).expect("the document is valid")
    }

    pub(crate) fn declare(&self, document: &Value) {
        let accepted = self.accept(document);
        let mut change = Change::at(self.clock.now());
        change.accounts = accepted.accounts.into_iter().map(Into::into).collect();
        change.stacks = accepted.stacks.into_iter().map(Into::into).collect();
        let uid = || format!("uid-{}", self.uids.fetch_add(1, Ordering::Relaxed));
        change.resources = accepted.resources.into_iter().map(|r| ResourceChange::of(r, uid())).collect();
        self.store.change(&change).expect("the store takes it");
    }

    pub(crate) fn remove(&self, stack: &str, fate: Fate) {
        let keys = self.store.desired(&self.scope, self.clock.now()).expect("the store reads");
        let mut change = Change::at(self.clock.now());
        change.removals = keys
            .iter()
            .filter(|d| d.key.stack == stack)
            .map(|d| Removal { key: d.key.clone(), fate: Some(fate) })
            .collect();
        change.removed_stacks = vec![stack.to_owned()];
        self.store.change(&change).expect("the store takes it");
    }

    pub(crate) fn key(&self, key: &str) -> ResourceKey {
        ResourceKey::parse(key).expect("a key")
    }

    /// Another engine on the same store and the same AWS, as after a restart.
    pub(crate) fn restart(&mut self, process: &str, boundaries: Arc<dyn Boundaries>) {
        self.options.process = process.to_owned();
        self.options.boundaries = boundaries;
        self.engine = Engine::idle(self.options.clone());
    }

    pub(crate) async fn pass(&self) -> PassReport {
        self.engine.pass(&self.scope).await.expect("the pass goes through")
    }

    /// Passes until nothing is left open, with time going on between them. Answers how many.
    pub(crate) async fn settle(&self) -> usize {
        for n in 1..=80 {
            let report = self.pass().await;
            match report.next {
                Some(wait) => self.clock.advance(SignedDuration::try_from(wait).expect("short enough")),
                None if report.changed == 0 => return n,
                None => self.clock.advance(SignedDuration::from_secs(1)),
            }
        }
        panic!("no end after 80 passes: {:#?}", self.out_of_sync());
    }

    /// What is not in sync, and why.
    fn out_of_sync(&self) -> Vec<String> {
        let out = self.phases().into_iter().filter(|(_, phase)| *phase != Phase::InSync);
        out.map(|(k, _)| format!("{k}: {:?}", self.status(&k).conditions)).collect()
    }

    pub(crate) fn status(&self, key: &str) -> Status {
        self.store.resource(&self.key(key)).expect("the store reads").expect("it is declared").status
    }

    pub(crate) fn phases(&self) -> Vec<(String, Phase)> {
        let all = self.store.resources(&Default::default(), 10_000, None).expect("the store reads");
        all.into_iter().map(|r| (r.key.to_string(), r.status.phase)).collect()
    }

    pub(crate) fn all_in_sync(&self) {
        let why = self.out_of_sync();
        assert!(why.is_empty(), "not in sync: {why:#?}\n{:#?}", self.events());
    }

    pub(crate) fn writes(&self) -> Vec<Call> {
        self.sim.calls().into_iter().filter(|c| c.write).collect()
    }

    pub(crate) fn live(&self, kind: &str, name: &str) -> Arc<Observation> {
        self.sim.find(&self.scope, kind, name).expect("it is live")
    }

    pub(crate) fn events(&self) -> Vec<String> {
        let all: Vec<Event> = self.store.events(0, 10_000, &EventFilter::default()).expect("the store reads");
        let name = |e: &Event| e.name.clone().unwrap_or_default();
        all.iter().map(|e| format!("{} {} {}", e.reason, name(e), e.message)).collect()
    }

    pub(crate) fn count_events(&self, reason: &str) -> usize {
        self.events().iter().filter(|e| e.starts_with(reason)).count()
    }

    /// No write happens when nothing has to be done.
    pub(crate) async fn stays_silent(&self) {
        let before = self.writes().len();
        let events = self.events().len();
        for _ in 0..3 {
            self.clock.advance(SignedDuration::from_secs(60));
            let report = self.pass().await;
            assert_eq!((report.planned, report.changed, report.next), (0, 0, None));
        }
        assert_eq!(self.writes().len(), before, "wrote at the fixed point");
        assert_eq!(self.events().len(), events, "told something at the fixed point");
    }

    /// The laws that hold after any run.
    pub(crate) fn lawful(&self) {
        let live = self.sim.live(&self.scope);
        let uids: BTreeSet<String> = (0..self.uids.load(Ordering::Relaxed)).map(|n| format!("uid-{n}")).collect();
        let mut broken = laws::at_most_one(&live, &BTreeSet::new());
        broken.extend(laws::unowned_untouched(&self.sim.calls(), &uids, &BTreeSet::new()));
        broken.extend(laws::no_orphan(&live, &uids));
        broken.extend(laws::journalled(&self.sim.calls(), &self.journal()));
        broken.extend(self.sim.bystanders_touched());
        assert_eq!(broken, []);
    }

    fn journal(&self) -> Vec<laws::Intent> {
        let calls = self.sim.calls();
        let keys: BTreeSet<ResourceKey> = self
            .store
            .events(0, 100_000, &EventFilter::default())
            .expect("the store reads")
            .into_iter()
            .filter_map(|e| Some(ResourceKey::new(e.stack?, e.kind?, e.name?)))
            .collect();
        assert!(calls.iter().all(|c| !c.write || !c.token.is_empty()));
        let all = keys.iter().flat_map(|k| self.store.intents_of(k, 10_000).expect("the store reads"));
        all.map(|r| laws::Intent { token: r.intent.token, ended: r.outcome.is_some() }).collect()
    }
}

impl Bench {
    /// The loop of its own, on paused time.
    pub(crate) fn started(&self) -> Engine {
        Engine::start(self.options.clone()).expect("the store reads")
    }

    /// A person asks for a pass of a stack: done as the API does it. Answers the scopes concerned.
    pub(crate) fn reconcile(&self, engine: &Engine, stack: &str) -> Vec<Scope> {
        let scopes = engine.forgive(stack).expect("the store reads");
        let event = Event::new(self.clock.now(), EventType::Operated, "ReconcileRequested", "by hand").of_stack(stack);
        self.store.log(&[event]).expect("the store takes it");
        for scope in &scopes {
            engine.nudge(scope).expect("the store reads");
        }
        scopes
    }

    /// Lets time go on, the simulation's and tokio's alike.
    pub(crate) async fn wait(&self, seconds: u64) {
        for _ in 0..seconds * 4 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.clock.advance(SignedDuration::from_millis(250));
        }
    }

    /// Another engine whose AWS is behind the budgets, as the real one is.
    pub(crate) fn metered(&mut self) {
        self.options.cloud = Arc::new(self.sim.clone().metered(Arc::clone(&self.options.budgets) as _));
        self.restart("metered", Arc::new(Undisturbed));
    }
}

/// Dies at the boundary of that number, counted from 0 over all passes.
pub(crate) struct DieAt {
    number: u64,
    reached: AtomicU64,
}

impl DieAt {
    fn is_dead(&self) -> bool {
        self.reached.load(Ordering::SeqCst) > self.number
    }
}

impl Bench {
    /// Restarts, and runs at most so many passes until one dies at boundary `number`; answers whether one did.
    pub(crate) async fn dies(&mut self, process: &str, number: u64, passes: usize) -> bool {
        let die = Arc::new(DieAt { number, reached: AtomicU64::new(0) });
        self.restart(process, Arc::clone(&die) as _);
        for _ in 0..passes {
            let mut pass = std::pin::pin!(self.engine.pass(&self.scope));
            while futures::poll!(&mut pass).is_pending() {
                if die.is_dead() {
                    return true;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(SignedDuration::from_secs(2));
        }
        false
    }

    /// A pass of a new process.
    pub(crate) async fn pass_after_restart(&mut self, process: &str) -> PassReport {
        self.restart(process, Arc::new(Undisturbed));
        self.pass().await
    }
}

#[async_trait]
impl Boundaries for DieAt {
    async fn reached(&self, _: &Scope, _: Boundary) {
        if self.reached.fetch_add(1, Ordering::SeqCst) >= self.number {
            std::future::pending::<()>().await;
        }
    }
}
