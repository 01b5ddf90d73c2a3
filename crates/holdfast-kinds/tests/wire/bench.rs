//! The loop of the engine in small: look, plan, act, remember.

use crate::emulator::{Emulator, filled};
use holdfast_core::cloud::{ApplyError, Cloud};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::{Wanted, WantedResource};
use holdfast_core::plan::{Desired, Fate, Input, Memory, Plan, Settings, Step, plan};
use holdfast_core::policy::Policy;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stack on an emulator.
pub(crate) struct Bench {
    pub(crate) aws: Emulator,
    pub(crate) desired: BTreeMap<ResourceKey, Arc<Desired>>,
    pub(crate) memory: BTreeMap<ResourceKey, Memory>,
    stack: String,
}

impl Bench {
    /// Nothing declared yet.
    pub(crate) fn new(aws: Emulator, stack: &str) -> Self {
        Self { aws, desired: BTreeMap::new(), memory: BTreeMap::new(), stack: stack.to_owned() }
    }

    fn key(&self, kind: &str, name: &str) -> ResourceKey {
        ResourceKey::new(self.stack.as_str(), kind, name)
    }

    /// Declares it, or declares it anew.
    pub(crate) fn declare(&mut self, kind: &str, name: &str, spec: Value) {
        let key = self.key(kind, name);
        let desired = Desired {
            uid: format!("{}-{kind}-{name}", self.stack),
            generation: self.desired.get(&key).map_or(1, |d| d.generation + 1),
            scope: self.aws.scope.clone(),
            spec: Arc::new(spec.into()),
            stack_tags: Arc::new(BTreeMap::from([("env".to_owned(), "test".to_owned())])),
            policy: Policy::default(),
            fate: Fate::Keep,
            hold: None,
            instead: None,
            key: key.clone(),
        };
        self.desired.insert(key, Arc::new(desired));
    }

    /// Everything is to be deleted.
    pub(crate) fn condemn(&mut self) {
        for desired in self.desired.values_mut() {
            Arc::make_mut(desired).fate = Fate::DeleteByName;
        }
    }

    /// What is declared now.
    pub(crate) fn spec(&self, kind: &str, name: &str) -> Value {
        self.desired[&self.key(kind, name)].spec.value()
    }

    /// AWS's handle of what was made.
    pub(crate) fn id(&self, kind: &str, name: &str) -> String {
        self.memory[&self.key(kind, name)].id.clone().expect("it was made")
    }

    fn filled(&self, value: &Value) -> Value {
        filled(value, &self.stack, |key, output| self.memory.get(key)?.outputs.get(output).cloned())
    }

    fn kind(&self, name: &str) -> KindName {
        self.aws.registry.get(name).expect("the kind is listed").name()
    }

    /// All that is declared now, as a sweep is asked for it.
    pub(crate) fn wanted(&self) -> BTreeMap<KindName, Wanted> {
        let mut wanted: BTreeMap<KindName, Wanted> = BTreeMap::new();
        for (key, desired) in &self.desired {
            let kind = self.aws.registry.get(&key.kind).expect("the kind is listed");
            let mut spec = self.filled(&desired.spec.value());
            kind.canonical(&mut spec);
            let id = self.memory.get(key).and_then(|m| m.id.clone());
            let resource = WantedResource::new(key.clone(), desired.uid.clone(), id, spec.into());
            let retiring = self.memory.get(key).into_iter().flat_map(|m| &m.retiring);
            let of_kind = &mut wanted.entry(kind.name()).or_default().resources;
            of_kind.extend(retiring.map(|old| WantedResource { id: Some(old.clone()), ..resource.clone() }));
            of_kind.push(resource);
        }
        wanted
    }

    /// Sweeps and plans.
    pub(crate) async fn plan(&self) -> Plan {
        let snapshot = self.aws.cloud.sweep(&self.aws.scope, &self.wanted()).await;
        for (kind, reading) in &snapshot.kinds {
            assert_eq!(reading.gaps, [], "{kind}");
        }
        let desired: Vec<Arc<Desired>> = self.desired.values().cloned().collect();
        plan(&Input {
            registry: &self.aws.registry,
            desired: &desired,
            snapshot: &snapshot,
            memory: &self.memory,
            elsewhere: &BTreeMap::new(),
            declared_uids: &|uid| desired.iter().any(|d| d.uid == uid),
            settings: &Settings::default(),
            deletes_left: 10,
            replaces_left: 2,
            drift_confirmed: false,
            now: jiff::Timestamp::now(),
        })
    }

    /// Sweeps, plans, acts, remembers. Returns the plan that was carried out.
    pub(crate) async fn pass(&mut self) -> Plan {
        let plan = self.plan().await;
        for verdict in &plan.verdicts {
            let memory = self.memory.entry(verdict.key.clone()).or_default();
            if let Some(id) = &verdict.id {
                memory.id = Some(id.clone());
                memory.outputs = verdict.outputs.clone();
            }
            if let Some(resolved) = &verdict.resolved {
                memory.last_written = Some(resolved.clone());
            }
        }
        for step in &plan.steps {
            self.take(step).await.unwrap_or_else(|e| panic!("{} {}: {e}", step.key, step.text));
        }
        plan
    }

    /// Acts, remembers.
    pub(crate) async fn take(&mut self, step: &Step) -> Result<(), ApplyError> {
        let action = self.filled(&step.action);
        let applied = self.aws.cloud.apply(&self.aws.scope, self.kind(&step.key.kind), &action, "token").await?;
        let memory = self.memory.entry(step.key.clone()).or_default();
        memory.id = applied.id.or(memory.id.take());
        memory.outputs.extend(applied.outputs);
        Ok(())
    }
}
