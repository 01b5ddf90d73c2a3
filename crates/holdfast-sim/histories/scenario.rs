//! What may be interrupted: for every kind its create, its updates, its replacements, its deletion and its adoption, and
//! the stacks of the examples as a whole.

use crate::boundary::Gate;
use crate::draft::Draft;
use crate::material::{Material, Start};
use crate::scene::Scene;
use anyhow::{Result, bail};
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use holdfast_sim::{Dice, Tamper};
use serde_json::json;

/// What is under way when it is interrupted.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Declare(Draft),
    Remove,
    /// The store is lost and nothing live bears a tag of ours any more; then this is declared.
    Adopt(Draft),
}

/// One thing that may be interrupted.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// What is in sync before.
    pub(crate) before: Option<Draft>,
    pub(crate) work: Work,
}

/// Passes that a calm world may take to come to rest.
const PASSES: usize = 60;

impl Scenario {
    /// All of them.
    pub(crate) fn all(material: &Material) -> Vec<Self> {
        let mut all = Vec::new();
        for kind in material.registry.iter() {
            all.extend(of_kind(material, kind));
        }
        for n in 0..material.systems() {
            let Some(start) = material.whole(n) else { continue };
            let draft = draft(&start);
            let name = |what: &str| format!("{what} stack {n} of {} resources", start.resources.len());
            let (before, work) = (None, Work::Declare(draft.clone()));
            all.push(Self { name: name("create"), before, work });
            all.push(Self { name: name("delete"), before: Some(draft), work: Work::Remove });
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
        if let Some(before) = &self.before {
            scene.declare_draft(before, material)?;
            settle(&mut scene).await?;
        }
        match &self.work {
            Work::Declare(draft) => scene.declare_draft(draft, material)?,
            Work::Remove => scene.remove()?,
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
    bail!("it does not come to rest in {PASSES} passes")
}

/// A stack of these resources, under policies that let all be done.
fn draft(start: &Start) -> Draft {
    let more = json!({ "policy": { "deletion": "delete", "replace": "allow" } });
    Draft { variables: start.variables.clone(), resources: start.resources.clone(), more }
}

fn of_kind(material: &Material, kind: &dyn AnyKind) -> Vec<Scenario> {
    let start = material.of_kind(kind);
    let before = draft(&start);
    let name = |what: &str| format!("{what} {}", kind.name());
    if before.check(material).is_err() {
        return Vec::new();
    }
    let declared = Some(before.clone());
    let mut all = vec![
        Scenario { name: name("create"), before: None, work: Work::Declare(before.clone()) },
        Scenario { name: name("delete"), before: declared.clone(), work: Work::Remove },
    ];
    let mut adopting = before.clone();
    adopting.more["policy"]["adopt"] = json!("ifExists");
    all.push(Scenario { name: name("adopt"), before: declared.clone(), work: Work::Adopt(adopting) });
    let mut tagged = before.clone();
    tagged.more["tags"] = json!({ "env": "another" });
    all.push(Scenario { name: name("update tags of"), before: declared.clone(), work: Work::Declare(tagged) });
    for field in material.fields(kind.name()) {
        let create_only = material.is_create_only(kind.name(), &field);
        for (n, after) in changed(material, kind, &before, &field, create_only).into_iter().enumerate() {
            let what = if create_only { "replace" } else { "update" };
            let name = name(&format!("{what} {field} {n} of"));
            all.push(Scenario { name: name.clone(), before: declared.clone(), work: Work::Declare(after.clone()) });
            if !create_only {
                all.push(Scenario { name: format!("{name} back"), before: Some(after), work: Work::Declare(before.clone()) });
            }
        }
    }
    all
}

/// The stack with another value in a field of its first resource; a create-only one comes with another name.
fn changed(material: &Material, kind: &dyn AnyKind, before: &Draft, field: &str, create_only: bool) -> Vec<Draft> {
    let mut dice = Dice::new(7);
    let mut found: Vec<Draft> = Vec::new();
    for _ in 0..12 {
        let mut after = before.clone();
        let Some(spec) = after.resources.first_mut().map(|r| &mut r["spec"]) else { break };
        let Some(other) = material.other(kind.name(), spec, field, &mut dice) else { break };
        spec[field] = other;
        let same = before.resources.first().is_some_and(|r| kind.identity(&r["spec"]) == kind.identity(spec));
        if create_only && same {
            material.rename(kind, spec);
        }
        let fresh = !found.contains(&after) && found.len() < 2;
        if fresh && after.check(material).is_ok() {
            found.push(after);
        }
    }
    found
}

/// Another process, undisturbed.
pub(crate) fn undisturbed(scene: &mut Scene) -> Result<()> {
    scene.start(&Gate::open())
}
