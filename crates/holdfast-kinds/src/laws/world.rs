//! One thing in an AWS that does exactly what the kind predicts.

use crate::registry;
use holdfast_core::compare::compare;
use holdfast_core::kind::{AnyAction, AnyKind, Context, Converge, Draft, Mint};
use holdfast_core::name::{RESOURCE_TAG, ResourceKey, UID_TAG};
use holdfast_core::observe::{Health, LiveState, Observation};
use holdfast_core::reference::{Reference, Worth, fill};
use holdfast_core::status::{Change, FieldDiff};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The example document of a kind.
pub(super) fn example(kind: &dyn AnyKind) -> Value {
    serde_json::from_str(kind.example()).unwrap_or_else(|e| panic!("the example of {} is no JSON: {e}", kind.name()))
}

/// The example's spec with references filled in by what the example of the kind they name would give.
pub(super) fn filled(kind: &dyn AnyKind) -> Value {
    filled_at(kind, 0)
}

fn filled_at(kind: &dyn AnyKind, depth: usize) -> Value {
    let mut spec = example(kind)["spec"].clone();
    let registry = registry();
    fill(&mut spec, &mut |reference| match reference {
        Reference::Variable(name) => Worth::Value(Value::String(name.clone())),
        Reference::Output { kind: named, name, output, .. } => {
            let made = registry.get(named).filter(|_| depth < 4).map(|k| World::at(k, depth + 1).made());
            let worth = made.and_then(|live| live.outputs.get(output).cloned());
            Worth::Value(worth.unwrap_or_else(|| Value::String(format!("{}-{name}", named.to_lowercase()))))
        }
    });
    spec
}

/// How a heal ended.
pub(super) enum Outcome {
    /// Nothing differs any more.
    Healed,
    /// The kind says that it needs another thing.
    Replace,
    /// Something still differs, or was refused.
    Stuck(String),
}

/// One resource of a kind, declared as in its example.
pub(super) struct World<'k> {
    kind: &'k dyn AnyKind,
    key: ResourceKey,
    /// The declaration in canonical form, without tags, which core handles.
    pub(super) spec: Value,
    /// The tags of a create call.
    pub(super) tags: BTreeMap<String, String>,
    /// What the first step of the create left behind.
    pub(super) tags_after_first_step: BTreeMap<String, String>,
    /// Every action taken.
    pub(super) actions: Vec<AnyAction>,
    live: Option<Observation>,
    mint: Mint,
}

impl<'k> World<'k> {
    pub(super) fn new(kind: &'k dyn AnyKind) -> Self {
        Self::at(kind, 0)
    }

    fn at(kind: &'k dyn AnyKind, depth: usize) -> Self {
        Self::of(kind, filled_at(kind, depth))
    }

    /// One resource, declared like this.
    pub(super) fn of(kind: &'k dyn AnyKind, mut spec: Value) -> Self {
        let declared = spec.as_object_mut().and_then(|s| s.remove("tags"));
        let mut tags: BTreeMap<String, String> =
            declared.and_then(|t| serde_json::from_value(t).ok()).unwrap_or_default();
        if kind.tagged() {
            tags.insert(UID_TAG.to_owned(), "uid-1".to_owned());
            tags.insert(RESOURCE_TAG.to_owned(), format!("law/{}/it", kind.name()));
        }
        kind.canonical(&mut spec);
        Self {
            kind,
            key: ResourceKey::new("law", kind.name(), "it"),
            spec,
            tags,
            tags_after_first_step: BTreeMap::new(),
            actions: Vec::new(),
            live: None,
            mint: Mint { account_id: "123456789012".to_owned(), region: "eu-west-1".to_owned(), next: 0 },
        }
    }

    fn made(mut self) -> Observation {
        let kind = self.kind.name();
        self.create().unwrap_or_else(|why| panic!("the example of {kind} cannot be created: {why}"));
        self.live().clone()
    }

    pub(super) fn live(&self) -> &Observation {
        self.live.as_ref().expect("the law created it before")
    }

    pub(super) fn set_live(&mut self, live: Observation) {
        self.live = Some(live);
    }

    /// Runs the steps of a create.
    pub(super) fn create(&mut self) -> Result<(), String> {
        if self.kind.lookup() {
            let question = serde_json::json!({ "find": self.spec });
            let answer = self.kind.predict(None, &question, &mut self.mint);
            self.live = answer.map_err(|refusal| refusal.message)?;
            return Ok(());
        }
        let (key, tags) = (self.key.clone(), self.tags.clone());
        let drafts = self.kind.create(&self.spec, &Context { key: &key, tags: &tags });
        if drafts.is_empty() {
            return Err("no steps".to_owned());
        }
        for (i, draft) in drafts.into_iter().enumerate() {
            self.act(draft)?;
            if i == 0 {
                self.tags_after_first_step = self.live.as_ref().map(|l| BTreeMap::clone(&l.tags)).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// Runs one step: fills in what earlier steps made, asks the kind what AWS makes of it, lets it settle.
    fn act(&mut self, draft: Draft<AnyAction>) -> Result<(), String> {
        let mut action = draft.action;
        let outputs = self.live.as_ref().map(|l| l.outputs.clone()).unwrap_or_default();
        let key = self.key.clone();
        fill(&mut action.json, &mut |reference| match reference.target(&key.stack) {
            Some((target, output)) if target == key => outputs.get(output).cloned().map_or(Worth::Open, Worth::Value),
            _ => Worth::Open,
        });
        let after = self.kind.predict(self.live.as_ref(), &action.json, &mut self.mint);
        self.live = after.map_err(|r| format!("{}: {} {}", action.text, r.code, r.message))?;
        if let Some(live) = &mut self.live {
            live.state = LiveState::Settled;
            live.health = Health::Healthy;
        }
        self.actions.push(action);
        Ok(())
    }

    /// All differences but those of tags.
    pub(super) fn diffs(&self) -> Vec<FieldDiff> {
        let live = self.live();
        compare(&self.spec, &live.fields, Some(&self.spec), None, &live.unread, self.kind.facts())
    }

    /// The differences that core hands to the kind.
    pub(super) fn healable(&self) -> Vec<FieldDiff> {
        let facts = self.kind.facts();
        let mut diffs = self.diffs();
        diffs.retain(|d| d.change != Change::Undeclared && !facts.any_above(&d.path, |f| f.create_only));
        diffs
    }

    fn converge(&self, diffs: &[FieldDiff]) -> Converge<AnyAction> {
        self.kind.converge(&self.spec, self.live(), diffs, &Context { key: &self.key, tags: &self.tags })
    }

    /// An error if a pass without differences would do something.
    pub(super) fn is_quiet(&self) -> Result<(), String> {
        match self.converge(&[]) {
            Converge::Change(steps) if steps.is_empty() => Ok(()),
            Converge::Change(steps) => Err(format!("it would {}", steps[0].action.text)),
            Converge::Replace(fields) => Err(format!("it would be replaced for {fields:?}")),
            Converge::Wait(why) => Err(format!("it would wait: {why}")),
        }
    }

    /// Heals in at most so many rounds.
    pub(super) fn heal(&mut self, rounds: usize) -> Outcome {
        for _ in 0..rounds {
            let diffs = self.healable();
            if diffs.is_empty() {
                return Outcome::Healed;
            }
            match self.converge(&diffs) {
                Converge::Change(steps) => {
                    if let Err(why) = self.round(&diffs, steps) {
                        return Outcome::Stuck(why);
                    }
                }
                Converge::Replace(fields) if !fields.is_empty() => return Outcome::Replace,
                Converge::Replace(_) => return Outcome::Stuck("a replacement names no field".to_owned()),
                Converge::Wait(why) => return Outcome::Stuck(format!("it waits: {why}")),
            }
        }
        let left: Vec<String> =
            self.healable().iter().map(|d| format!("{} {} -> {}", d.path, d.desired, d.live)).collect();
        if left.is_empty() { Outcome::Healed } else { Outcome::Stuck(format!("still differs: {}", left.join("; "))) }
    }

    fn round(&mut self, diffs: &[FieldDiff], steps: Vec<Draft<AnyAction>>) -> Result<(), String> {
        let paths: BTreeSet<&str> = diffs.iter().map(|d| d.path.as_str()).collect();
        let healed: BTreeSet<&str> = steps.iter().flat_map(|s| s.heals.iter().map(String::as_str)).collect();
        if let Some(path) = healed.difference(&paths).next() {
            return Err(format!("a step says it heals {path}, which does not differ"));
        }
        if let Some(path) = paths.difference(&healed).next() {
            return Err(format!("no step heals {path}"));
        }
        steps.into_iter().try_for_each(|step| self.act(step))
    }

    /// Sets one tag and removes another, which is there before.
    pub(super) fn retag(&mut self) -> Result<(), String> {
        let mut live = self.live().clone();
        live.tags_mut().insert("law-gone".to_owned(), "x".to_owned());
        let set = BTreeMap::from([("law".to_owned(), "kept".to_owned())]);
        let remove = BTreeSet::from(["law-gone".to_owned()]);
        let action = self.kind.retag(&live, set, remove);
        self.live = Some(live);
        self.act(Draft::because(action, "update", "law"))
    }

    /// Runs the steps of a delete; an error if something is left.
    pub(super) fn delete(&mut self) -> Result<(), String> {
        let steps = self.kind.delete(self.live());
        for step in steps {
            self.act(step)?;
        }
        match &self.live {
            None => Ok(()),
            Some(left) => Err(format!("{} is still there after its delete", left.id)),
        }
    }
}
