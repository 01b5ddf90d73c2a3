//! What a person does who reads in the status that something cannot go because something else refers to it.

use crate::draft::{Draft, Drafts};
use crate::history::name_of;
use crate::material::Material;
use crate::scene::Scene;
use crate::sight::of;
use anyhow::Result;
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::Fate;
use holdfast_core::status::Conditions;
use holdfast_core::uses;
use holdfast_sim::{LiveThing, Tamper};
use serde_json::{Value, json};

/// The words of a status that send a person here.
const TOLD: &str = "refers to it at";

/// The words of a status that say whose the live thing is that a declaration is about.
const OWNED: &str = "belongs to ";

/// Takes out what refers to things that are to go where nobody declares it; where somebody does, declares the thing again.
/// Answers whether something is declared otherwise.
pub(crate) fn lets_go(scene: &Scene, drafts: &mut Drafts, material: &Material) -> Result<bool> {
    let mut again = calls_back(scene, drafts, material)?
        || refers_anew(scene, drafts, material)?
        || tries_again(scene, drafts, material)?;
    for (key, declared) in scene.declared.iter().filter(|(_, d)| d.fate != Fate::Keep) {
        if !conditions(scene, key)?.iter().any(|c| c.message.contains(TOLD)) {
            continue;
        }
        let live = scene.sim.live(&scene.scope);
        for thing in of(&live, &declared.uid) {
            let names = uses::names(scene.registry.get(&key.kind), thing);
            for other in live.iter().filter(|t| t.observation.id != thing.id) {
                again |= !takes_out(scene, key, &names, other)
                    && (drafts.restore(Some(key), &thing.identity, material)
                        || drafts.declare_again(key, &thing.identity, material));
            }
        }
    }
    Ok(again)
}

/// What the status of a resource says.
fn conditions(scene: &Scene, key: &ResourceKey) -> Result<Conditions> {
    Ok(scene.store()?.resource(key)?.map(|r| r.status.conditions).unwrap_or_default())
}

/// Gives what was called otherwise its name back where its live thing cannot go because something lives in it.
fn calls_back(scene: &Scene, drafts: &mut Drafts, material: &Material) -> Result<bool> {
    let mut again = false;
    for key in scene.declared.iter().filter(|(_, d)| d.fate == Fate::Keep).map(|(key, _)| key) {
        let owned = |message: &str| ResourceKey::parse(message.split(OWNED).nth(1)?.trim_end_matches('.'));
        let Some(before) = conditions(scene, key)?.iter().find_map(|c| owned(&c.message)) else { continue };
        let goes = scene.declared.get(&before).is_some_and(|d| d.fate != Fate::Keep);
        let held = conditions(scene, &before)?.iter().any(|c| c.reason == "InUse");
        again |= goes && held && drafts.call(key, &before.name, material);
    }
    Ok(again)
}

/// Declares a service otherwise, of which AWS has taken something back: until then that is not tried again.
fn tries_again(scene: &Scene, drafts: &mut Drafts, material: &Material) -> Result<bool> {
    let mut again = false;
    for key in scene.declared.iter().filter(|(_, d)| d.fate == Fate::Keep).map(|(key, _)| key) {
        let conditions = conditions(scene, key)?;
        again |= conditions.iter().any(|c| c.reason == "RolledBack") && drafts.try_again(key, material);
    }
    Ok(again)
}

/// The words of a refusal that say what something else has to be there for it.
const MISSED: &str = " does not exist";

/// Declares what refers to something by a name that it has no more with the name that it has; what is not declared any
/// more, again.
fn refers_anew(scene: &Scene, drafts: &mut Drafts, material: &Material) -> Result<bool> {
    for key in scene.declared.iter().filter(|(_, d)| d.fate == Fate::Keep).map(|(key, _)| key) {
        let conditions = conditions(scene, key)?;
        let missed = |message: &str| Some(message.split_once(MISSED)?.0.rsplit(' ').next()?.to_owned());
        let Some(missed) = conditions.iter().find_map(|c| missed(&c.message)) else { continue };
        if drafts.refer_anew(key, &missed, material) || drafts.restore(None, &missed, material) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Switches off the protection of what was replaced: no declaration reaches that any more.
pub(crate) fn unprotects(scene: &Scene) -> Result<()> {
    let memories = scene.store()?.memories(&scene.scope)?;
    let told = |key: &ResourceKey| {
        let status = scene.store().ok()?.resource(key).ok()??.status;
        status.conditions.iter().any(|c| c.message.contains("no declaration reaches")).then_some(())
    };
    for (key, memory) in memories.iter().filter(|(key, memory)| !memory.retiring.is_empty() && told(key).is_some()) {
        let (live, stem) = (scene.sim.live(&scene.scope), scene.registry.stem(&key.kind));
        let replaced = |t: &&LiveThing| t.kind == key.kind && memory.has_replaced(&t.observation.id, stem);
        for thing in live.iter().filter(replaced) {
            unprotect(scene, thing);
        }
    }
    Ok(())
}

/// Where a live thing says that it must not be deleted.
const PROTECTIONS: [&str; 3] =
    ["/deletionProtection", "/disableApiTermination", "/attributes/deletion_protection.enabled"];

/// Switches off the protection of a live thing.
pub(crate) fn unprotect(scene: &Scene, thing: &LiveThing) {
    for at in PROTECTIONS {
        let off: Value = match thing.observation.fields.pointer(at) {
            Some(on) if *on == true => false.into(),
            Some(on) if *on == "true" => "false".into(),
            _ => continue,
        };
        let _ = scene.sim.tamper(&scene.scope, thing.kind, &thing.observation.id, Tamper::Set(at.to_owned(), off));
    }
}

/// Takes out every place of a live thing that bears one of `names`; false where somebody declares it.
fn takes_out(scene: &Scene, key: &ResourceKey, names: &std::collections::BTreeSet<&str>, other: &LiveThing) -> bool {
    let kind = scene.registry.get(&key.kind);
    let mut fields = other.observation.fields.clone();
    while let Some(at) = uses::place_of(kind, names, (other.kind, &fields), &|_| false) {
        let top = at.split('/').nth(1).unwrap_or_default();
        let owner = scene.declared.values().find(|d| Some(d.uid.as_str()) == other.observation.owner_uid());
        if owner.is_some_and(|d| d.document.spec.get(top).is_some()) {
            return false;
        }
        // Of a list, the whole item goes.
        let place: Vec<&str> = at.split('/').collect();
        let item = place.iter().position(|part| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty());
        let place = item.map_or_else(|| at.clone(), |n| place[..=n].join("/"));
        let _ = scene.sim.tamper(&scene.scope, other.kind, &other.observation.id, Tamper::Remove(place.clone()));
        if holdfast_core::pointer::remove(&mut fields, &place).is_none() {
            return true;
        }
    }
    true
}

/// True if a resource stands under that key.
fn is_called(resource: &Value, key: &ResourceKey) -> bool {
    name_of(resource) == format!("{}/{}", key.kind, key.name)
}

/// What stands under a key.
fn standing<'d>(draft: &'d mut Draft, key: &ResourceKey) -> Option<&'d mut Value> {
    draft.resources.iter_mut().find(|resource| is_called(resource, key))
}

impl Drafts {
    /// Declares that, if it may be.
    fn declare(&mut self, other: Draft, material: &Material) -> bool {
        let may = other.check(material).is_ok();
        if may {
            self.now = other;
        }
        may
    }

    /// Declares a service with another switch, if it may be.
    fn try_again(&mut self, key: &ResourceKey, material: &Material) -> bool {
        let mut other = self.now.clone();
        let Some(resource) = standing(&mut other, key) else { return false };
        let switch = &mut resource["spec"]["enableExecuteCommand"];
        *switch = (*switch != true).into();
        self.declare(other, material)
    }

    /// Declares what stands under a key with the name that AWS has now for what was once called `before`, if it may be.
    fn refer_anew(&mut self, key: &ResourceKey, before: &str, material: &Material) -> bool {
        let Some(now) = self.now.resources.iter().find_map(|other| self.other_name(other, before, material)) else {
            return false;
        };
        let mut other = self.now.clone();
        let fields = standing(&mut other, key)
            .and_then(|r| r["spec"].as_object_mut())
            .into_iter()
            .flat_map(|spec| spec.values_mut());
        fields.filter(|value| *value == before).for_each(|value| *value = now.clone().into());
        other.resources != self.now.resources && self.declare(other, material)
    }

    /// What AWS calls a resource, if it was called `before` under an earlier spec.
    fn other_name(&self, resource: &Value, before: &str, material: &Material) -> Option<String> {
        let kind = material.registry.get(resource["kind"].as_str()?)?;
        let was = self.versions(resource).any(|spec| kind.identity(spec).as_deref() == Some(before));
        kind.identity(&resource["spec"]).filter(|now| was && now != before)
    }

    /// Declares what stands under a key under that name instead, if it may be.
    fn call(&mut self, key: &ResourceKey, name: &str, material: &Material) -> bool {
        let mut other = self.now.clone();
        let Some(resource) = standing(&mut other, key) else { return false };
        resource["metadata"]["name"] = name.into();
        self.declare(other, material)
    }

    /// Declares again, under that key, what AWS calls by that name and what has gone on under another key since, if it may
    /// be.
    fn declare_again(&mut self, key: &ResourceKey, name: &str, material: &Material) -> bool {
        let mut gone = json!({ "kind": key.kind, "metadata": { "name": key.name } });
        let kind = material.registry.get(&key.kind);
        let is_it = |spec: &&Value| kind.and_then(|kind| kind.identity(spec)).is_some_and(|is| is == name);
        let Some(spec) = self.versions(&gone).rev().find(is_it).cloned() else { return false };
        gone["spec"] = spec;
        let mut other = self.now.clone();
        other.resources.push(gone);
        self.declare(other, material)
    }

    /// Declares again what went under that key, or what AWS calls by that name, if it may be.
    fn restore(&mut self, key: Option<&ResourceKey>, name: &str, material: &Material) -> bool {
        let kind = |gone: &Value| material.registry.get(gone["kind"].as_str()?);
        let called = |gone: &Value| kind(gone)?.identity(&gone["spec"]).filter(|is| is == name);
        let is_it = |gone: &Value| key.is_some_and(|key| is_called(gone, key));
        let Some(place) = self.dropped.iter().rposition(|gone| is_it(gone) || called(gone).is_some()) else {
            return false;
        };
        let mut other = self.now.clone();
        other.resources.push(self.dropped[place].clone());
        let may = self.declare(other, material);
        if may {
            self.dropped.remove(place);
        }
        may
    }
}
