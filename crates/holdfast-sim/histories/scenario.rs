//! What may be interrupted: for every kind its create, its updates, its replacements, its deletion and its adoption, and
//! the stacks of the examples as a whole. `changes.json` has what no field alone comes to: declarations between which
//! AWS is asked for something else, and what others do.

use crate::boundary::Gate;
use crate::draft::Draft;
use crate::material::{Material, Start};
use crate::scene::Scene;
use anyhow::{Context, Result, bail};
use holdfast_core::compare::compare;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{KindName, RESOURCE_TAG, UID_TAG};
use holdfast_core::pointer;
use holdfast_sim::{Dice, Tamper};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is under way when it is interrupted.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Declare(Draft),
    Remove,
    /// The store is lost and nothing live bears a tag of ours any more; then this is declared.
    Adopt(Draft),
    /// Somebody else changes the thing of a kind.
    Live(KindName, Vec<Tamper>),
}

/// A change of a kind's example, by pointers and values.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Told {
    /// What is declared at first, beside the example.
    from: BTreeMap<String, Value>,
    /// What is declared then.
    to: BTreeMap<String, Value>,
    /// What others make of the live fields.
    live: BTreeMap<String, Value>,
    /// What AWS says beside the fields from then on.
    private: BTreeMap<String, Value>,
}

/// One thing that may be interrupted.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// What is in sync before, one after the other.
    pub(crate) before: Vec<Draft>,
    pub(crate) work: Work,
}

/// Passes that a calm world may take to come to rest.
const PASSES: usize = 60;

impl Scenario {
    /// All of them whose name contains `filter`; `variants` says whether each kind begins with other declarations as well.
    pub(crate) fn all(material: &Material, filter: &str, variants: bool) -> Vec<Self> {
        let mut all = Vec::new();
        let named: Vec<&str> = material.registry.names().filter(|name| filter.ends_with(name)).collect();
        for kind in
            material.registry.iter().filter(|k| !k.lookup()).filter(|k| named.is_empty() || named.contains(&k.name()))
        {
            let start = material.of_kind(kind);
            all.extend(of_kind(material, kind, &start, None));
            all.extend(of_table(kind, &start));
            let others = if variants { material.variants(kind, &start) } else { Vec::new() };
            for (n, start) in others.iter().enumerate() {
                all.extend(of_kind(material, kind, start, Some(n)));
            }
        }
        if named.is_empty() {
            all.extend(Self::of_stacks(material));
        }
        all.retain(|scenario| scenario.name.contains(filter));
        all
    }

    fn of_stacks(material: &Material) -> Vec<Self> {
        let mut all = Vec::new();
        for n in 0..material.systems() {
            let Some(start) = material.whole(n) else { continue };
            let draft = draft(&start);
            let name = |what: &str| format!("{what} stack {n} of {} resources", start.resources.len());
            let (before, work) = (Vec::new(), Work::Declare(draft.clone()));
            all.push(Self { name: name("create"), before, work });
            all.push(Self { name: name("delete"), before: vec![draft], work: Work::Remove });
        }
        all
    }

    /// True for one that is about more than one kind.
    pub(crate) fn is_stack(&self) -> bool {
        self.name.contains(" stack ")
    }

    /// A scene in which the work is declared and nothing of it is done.
    pub(crate) async fn prepared(&self, material: &Material) -> Result<Scene> {
        let mut scene = Scene::new(&material.registry, 1, false)?;
        for before in &self.before {
            scene.declare_draft(before, material)?;
            settle(&mut scene).await?;
        }
        match &self.work {
            Work::Declare(draft) => scene.declare_draft(draft, material)?,
            Work::Remove => scene.remove()?,
            Work::Live(kind, all) => {
                let live = scene.sim.live(&scene.scope);
                let thing = live.iter().find(|t| t.kind == *kind).context("nothing of the kind is live")?;
                for tamper in all {
                    scene.sim.tamper(&scene.scope, kind, &thing.observation.id, tamper.clone())?;
                }
            }
            Work::Adopt(draft) => {
                scene.lose_store()?;
                for thing in scene.sim.live(&scene.scope) {
                    for tag in [UID_TAG, RESOURCE_TAG] {
                        let id = &thing.observation.id;
                        scene.sim.tamper(&scene.scope, thing.kind, id, Tamper::RemoveTag(tag.to_owned()))?;
                    }
                }
                scene.declare_draft(draft, material)?;
            }
        }
        Ok(scene)
    }
}

/// Passes until nothing is left open.
pub(crate) async fn settle(scene: &mut Scene) -> Result<()> {
    for _ in 0..PASSES {
        let report = scene.pass().await?;
        scene.forget_gone()?;
        match report.next {
            Some(wait) => scene.wait(i64::try_from(wait.as_secs()).unwrap_or(60) + 1).await,
            None if report.changed == 0 => return Ok(()),
            None => scene.wait(1).await,
        }
    }
    let statuses = scene.store()?.statuses(&scene.scope)?;
    let words =
        statuses.iter().filter_map(|(key, s)| Some(format!("{key} {}: {}", s.phase, s.conditions.first()?.message)));
    let open: Vec<String> = words.filter(|w| !w.contains(" InSync: ")).collect();
    bail!("it does not come to rest in {PASSES} passes: {}", open.join("; "))
}

/// A stack of these resources, under policies that let all be done.
fn draft(start: &Start) -> Draft {
    let more = json!({ "policy": { "deletion": "delete", "replace": "allow" } });
    Draft { variables: start.variables.clone(), resources: start.resources.clone(), more }
}

/// What may be interrupted of a kind: its first resource is the one that it is about.
fn of_kind(material: &Material, kind: &dyn AnyKind, start: &Start, variant: Option<usize>) -> Vec<Scenario> {
    let before = draft(start);
    if before.check(material).is_err() {
        return Vec::new();
    }
    let is_variant = variant.is_some();
    let which = variant.map(|n| format!(", variant {n}")).unwrap_or_default();
    let scenario = |what: &str, before: Option<&Draft>, work: Work| Scenario {
        name: format!("{what} {}{which}", kind.name()),
        before: before.into_iter().cloned().collect(),
        work,
    };
    let mut all = vec![scenario("create", None, Work::Declare(before.clone()))];
    let mut adopting = before.clone();
    adopting.more["policy"]["adopt"] = json!("ifExists");
    let mut tagged = before.clone();
    tagged.more["tags"] = json!({ "env": "another" });
    if !is_variant {
        all.push(scenario("delete", Some(&before), Work::Remove));
        all.push(scenario("adopt", Some(&before), Work::Adopt(adopting)));
        all.push(scenario("update tags of", Some(&before), Work::Declare(tagged)));
    }
    for field in material.fields(kind.name()) {
        for (n, (after, replaces)) in changed(material, kind, &before, &field).into_iter().enumerate() {
            let what = if replaces { "replace" } else { "update" };
            let name = format!("{what} {field} {n} of");
            all.push(scenario(&name, Some(&before), Work::Declare(after.clone())));
            if !replaces {
                all.push(scenario(&format!("{name} back"), Some(&after), Work::Declare(before.clone())));
            }
        }
    }
    all
}

/// What the table says of a kind: there, and back again.
fn of_table(kind: &dyn AnyKind, start: &Start) -> Vec<Scenario> {
    let table: BTreeMap<String, Vec<Told>> = serde_json::from_str(include_str!("changes.json")).unwrap_or_default();
    let told = table.get(kind.name()).into_iter().flatten().enumerate();
    let of_one = |(n, told): (usize, &Told)| {
        let name = |what: &str| format!("{what} {n} told of {}", kind.name());
        let from = patched(&draft(start), &told.from);
        if told.to.is_empty() {
            let set = told.live.iter().map(|(at, value)| Tamper::Set(at.clone(), value.clone()));
            let private = told.private.iter().map(|(at, value)| Tamper::Private(at.clone(), value.clone()));
            let work = Work::Live(kind.name(), set.chain(private).collect());
            return vec![Scenario { name: name("what others do"), before: vec![from], work }];
        }
        let to = patched(&from, &told.to);
        let work = Work::Declare(to.clone());
        let there = Scenario { name: name("update"), before: vec![from.clone()], work };
        let back =
            Scenario { name: name("return from update"), before: vec![from.clone(), to], work: Work::Declare(from) };
        vec![there, back]
    };
    told.flat_map(of_one).collect()
}

/// A stack with other values in its first resource.
fn patched(draft: &Draft, values: &BTreeMap<String, Value>) -> Draft {
    let mut other = draft.clone();
    for (at, value) in values {
        if let Some(first) = other.resources.first_mut() {
            pointer::set(&mut first["spec"], at, value.clone());
        }
    }
    other
}

/// The stack with another value in a field of its first resource, and whether that takes a replacement: then it comes with
/// another name.
fn changed(material: &Material, kind: &dyn AnyKind, before: &Draft, field: &str) -> Vec<(Draft, bool)> {
    let mut dice = Dice::new(7);
    let mut found: Vec<(Draft, bool)> = Vec::new();
    let Some(was) = before.resources.first().map(|r| r["spec"].clone()) else { return found };
    for _ in 0..24 {
        let mut after = before.clone();
        let Some(spec) = after.resources.first_mut().map(|r| &mut r["spec"]) else { break };
        let Some(other) = material.other(kind.name(), spec, field, &mut dice) else { break };
        spec[field] = other;
        let replaces = is_fixed(kind, &was, spec);
        if replaces && kind.identity(&was) == kind.identity(spec) {
            material.rename(kind, spec);
        }
        let fresh = !found.iter().any(|(known, _)| *known == after);
        let few = found.iter().filter(|(_, r)| *r == replaces).count() < 2;
        if fresh && few && after.check(material).is_ok() {
            found.push((after, replaces));
        }
    }
    found
}

/// True if AWS cannot get from one spec to the other in place.
fn is_fixed(kind: &dyn AnyKind, was: &Value, is: &Value) -> bool {
    let (mut was, mut is) = (was.clone(), is.clone());
    kind.canonical(&mut was);
    kind.canonical(&mut is);
    let diffs = compare(&is, &was, None, None, &[], kind.facts());
    diffs.iter().any(|d| kind.facts().any_above(&d.path, |f| f.create_only))
}

/// Another process, undisturbed.
pub(crate) fn undisturbed(scene: &mut Scene) -> Result<()> {
    scene.start(&Gate::open())
}
