//! AWS and the store side by side at one moment: what is said of each resource, and what is true of it.

use crate::material::{STACK, filled, with_variables};
use crate::scene::{Declared, Scene};
use anyhow::Result;
use holdfast_core::compare::compare;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::{LiveState, Observation};
use holdfast_core::outputs::Outputs;
use holdfast_core::plan::Fate;
use holdfast_core::pointer::covers;
use holdfast_core::status::{Change, FieldDiff, Phase, Status};
use holdfast_sim::LiveThing;
use holdfast_sim::laws::Told;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The outputs of resources.
type AllOutputs = BTreeMap<ResourceKey, Outputs>;

/// What is live and what is said, at one moment.
pub(crate) struct Sight<'s> {
    scene: &'s Scene,
    live: &'s [LiveThing],
    statuses: BTreeMap<ResourceKey, Status>,
    outputs: OnceCell<AllOutputs>,
}

impl<'s> Sight<'s> {
    /// Reads what is said.
    pub(crate) fn of(scene: &'s Scene, live: &'s [LiveThing]) -> Result<Self> {
        let statuses = scene.store()?.statuses(&scene.scope)?;
        Ok(Self { scene, live, statuses, outputs: OnceCell::new() })
    }

    /// What is said of every resource that is to stay, and what is true of it.
    pub(crate) fn told(&self) -> Vec<Told> {
        let mut all = self.said();
        for (told, (key, declared)) in all.iter_mut().zip(self.staying()) {
            let own = self.own(key, declared);
            let current = self.outputs().get(key).and_then(|o| own.iter().find(|one| one.outputs == *o)).or(own.last());
            told.live = own.len();
            told.differs = current.map(|one| self.differs(key, declared, one)).unwrap_or_default();
        }
        all
    }

    /// The same without what is true, as if all were well.
    pub(crate) fn said(&self) -> Vec<Told> {
        let nothing = Status::default();
        let one = |(key, declared): (&ResourceKey, &Declared)| {
            let status = self.statuses.get(key).unwrap_or(&nothing);
            let condition = status.conditions.first().map(|c| format!(" ({}: {})", c.reason, c.message));
            Told {
                key: key.to_string(),
                generation: declared.document.generation,
                observed: status.observed_generation,
                in_sync: status.phase == Phase::InSync,
                words: format!("{}{}", status.phase, condition.unwrap_or_default()),
                live: 1,
                differs: Vec::new(),
            }
        };
        self.staying().map(one).collect()
    }

    /// True if what AWS cannot change in place of a resource, if it is live, is as its document says.
    pub(crate) fn fits(&self, variables: &Value, resource: &Value) -> bool {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let key = ResourceKey::new(STACK, text(&resource["kind"]), text(&resource["metadata"]["name"]));
        let declared = self.scene.declared.get(&key);
        let Some((declared, kind)) = declared.zip(self.scene.registry.get(&key.kind)) else { return true };
        let Some(one) = self.own(&key, declared).first().copied() else { return true };
        let mut spec = filled(&with_variables(&resource["spec"], variables), self.outputs());
        kind.canonical(&mut spec);
        let diffs = compare(&spec, &one.fields, None, None, &one.unread, kind.facts());
        // What a kind itself knows that AWS cannot change, its status says.
        let status = self.statuses.get(&key);
        let refused = status.is_some_and(|s| s.conditions.iter().any(|c| c.message.contains("AWS cannot change")));
        let fixed = |d: &FieldDiff| refused || kind.facts().any_above(&d.path, |f| f.create_only);
        !diffs.iter().any(|d| d.change != Change::Undeclared && fixed(d))
    }

    fn staying(&self) -> impl Iterator<Item = (&'s ResourceKey, &'s Declared)> {
        let scene = self.scene;
        scene.declared.iter().filter(|(key, d)| d.fate == Fate::Keep && !is_question(scene, key))
    }

    /// The live things of a resource: by their tag, or where AWS takes none, by their identity.
    fn own(&self, key: &ResourceKey, declared: &Declared) -> Vec<&'s Observation> {
        let Some(kind) = self.scene.registry.get(&key.kind).filter(|kind| !kind.tagged()) else {
            return of(self.live, &declared.uid);
        };
        let mut spec = filled(&declared.document.spec, self.outputs());
        kind.canonical(&mut spec);
        let identity = kind.identity(&spec);
        let same =
            self.live.iter().filter(|t| t.kind == kind.name() && Some(&t.observation.identity) == identity.as_ref());
        same.map(|t| &*t.observation).collect()
    }

    /// The outputs of what is declared: as they are live, or for what is on its way somewhere else, as the engine has
    /// them.
    fn outputs(&self) -> &AllOutputs {
        self.outputs.get_or_init(|| {
            let newest = self.outputs_by(|_, _, all| all.last().copied());
            // Of a thing and its replacement, others refer to the one that is as declared, else to the newer one.
            let mut outputs = self.outputs_by(|key, declared, all| {
                let fits = |o: &Observation| differs(self.scene, key, declared, o, &newest).is_empty();
                let fitting = || all.iter().rev().find(|o| fits(o));
                if all.len() > 1 { fitting().or(all.last()).copied() } else { all.first().copied() }
            });
            let open = self.statuses.iter().filter(|(_, s)| s.phase != Phase::InSync && !s.outputs.is_empty());
            for (key, status) in open {
                if let Some(known) = outputs.get_mut(key) {
                    known.clone_from(&status.outputs);
                }
            }
            outputs
        })
    }

    fn outputs_by(
        &self,
        pick: impl for<'o> Fn(&ResourceKey, &Declared, &[&'o Observation]) -> Option<&'o Observation>,
    ) -> AllOutputs {
        let one = |(key, declared): (&ResourceKey, &Declared)| {
            if is_question(self.scene, key) {
                // What AWS has answered is nowhere live; others refer to the answer as it was told.
                return Some((key.clone(), self.statuses.get(key)?.outputs.clone()));
            }
            Some((key.clone(), pick(key, declared, &of(self.live, &declared.uid))?.outputs.clone()))
        };
        self.scene.declared.iter().filter_map(one).collect()
    }

    fn differs(&self, key: &ResourceKey, declared: &Declared, live: &Observation) -> Vec<String> {
        differs(self.scene, key, declared, live, self.outputs())
    }
}

/// The live things of a uid that are not on their way out.
pub(crate) fn of<'l>(live: &'l [LiveThing], uid: &str) -> Vec<&'l Observation> {
    let own = live.iter().map(|t| &*t.observation).filter(|o| o.owner_uid() == Some(uid));
    own.filter(|o| !matches!(o.state, LiveState::Deleting(_))).collect()
}

/// True for what only asks AWS and makes nothing.
fn is_question(scene: &Scene, key: &ResourceKey) -> bool {
    scene.registry.get(&key.kind).is_some_and(AnyKind::lookup)
}

/// How a live thing differs from its declaration, in what nobody else sets.
fn differs(
    scene: &Scene,
    key: &ResourceKey,
    declared: &Declared,
    live: &Observation,
    outputs: &AllOutputs,
) -> Vec<String> {
    let Some(kind) = scene.registry.get(&key.kind) else { return vec!["its kind is unknown".to_owned()] };
    let mut spec = filled(&declared.document.spec, outputs);
    let tags = spec.as_object_mut().and_then(|s| s.shift_remove("tags"));
    kind.canonical(&mut spec);
    let diffs = compare(&spec, &live.fields, None, None, &live.unread, kind.facts());
    let theirs = |path: &str| live.ownership.owners.iter().any(|o| covers(&o.path, path));
    let own = diffs.into_iter().filter(|d| d.change != Change::Undeclared && !theirs(&d.path));
    let mut found: Vec<String> = own.map(|d| format!("{} ({} for {})", d.path, d.live, d.desired)).collect();
    for (tag, value) in tags.as_ref().and_then(Value::as_object).into_iter().flatten() {
        let there = live.tags.get(tag).map(String::as_str);
        if there != value.as_str() && !value.is_null() {
            found.push(format!("tag {tag} ({there:?} for {value})"));
        }
    }
    found
}
