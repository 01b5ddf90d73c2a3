//! What AWS makes of one action: the kind's `predict`, and the rules that hold for all kinds.

use crate::faults::{Dice, Faults, Settle};
use crate::find;
use crate::log::Effect;
use crate::world::{ScopeWorld, Serial};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{AnyKind, Container, Mint, Refusal, Registry};
use holdfast_core::name::KindName;
use holdfast_core::observe::{LiveState, Observation};
use holdfast_core::uses;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an action left behind.
pub(crate) struct Performed {
    pub(crate) effects: Vec<Effect>,
    /// The thing afterwards; none if it is gone.
    pub(crate) after: Option<Observation>,
}

/// What an action means, before anything has changed.
enum Meaning {
    Make(Observation),
    Change(Serial, Observation),
    Remove(Serial),
    Nothing,
}

/// Does one action in a scope, or refuses it and changes nothing. With dice, what changes does so in part, and nothing is
/// made or deleted.
pub(crate) fn perform(
    world: &mut ScopeWorld,
    registry: &Registry,
    kind: &dyn AnyKind,
    action: &Value,
    faults: &Faults,
    now: Timestamp,
    half: Option<&mut Dice>,
) -> Result<Performed, Refusal> {
    let mut mint = world.mint.clone();
    let meaning = meaning(world, kind, action, now, &mut mint)?;
    refuse_if_dangling(world, registry, kind.name(), &meaning, now)?;
    let meaning = match half {
        Some(dice) => in_part(world, meaning, now, dice),
        None => meaning,
    };
    let (Meaning::Change(serial, _) | Meaning::Remove(serial)) = &meaning else {
        world.mint = mint;
        return Ok(make(world, kind, meaning, now, faults));
    };
    let serial = *serial;
    if let Some(state) = world.refuses(serial, now) {
        return Err(conflict("IncorrectState", format!("it is {state}; try again when it has finished")));
    }
    let settle = faults.settle_of(kind.name());
    let performed = match meaning {
        Meaning::Change(_, after) if !matches!(after.state, LiveState::Deleting(_)) => {
            change(world, serial, after, now, settle)
        }
        Meaning::Change(_, after) => remove(world, registry, serial, Some(after), now, settle)?,
        _ => remove(world, registry, serial, None, now, settle)?,
    };
    world.mint = mint;
    Ok(performed)
}

/// Of a change each field and tag by itself, as the dice fall; of all else nothing. What gets another id, as a new revision
/// of a task definition does, is made, and no call makes half a thing.
fn in_part(world: &ScopeWorld, meaning: Meaning, now: Timestamp, dice: &mut Dice) -> Meaning {
    let Meaning::Change(serial, mut after) = meaning else { return Meaning::Nothing };
    let stays = |before: &&Arc<Observation>| before.id == after.id && !matches!(after.state, LiveState::Deleting(_));
    let Some(before) = world.now(serial, now).filter(stays) else { return Meaning::Nothing };
    if let (Some(had), Some(has)) = (before.fields.as_object(), after.fields.as_object_mut()) {
        let names: BTreeSet<String> = had.keys().chain(has.keys()).cloned().collect();
        let mut rolled: Vec<(BTreeSet<String>, bool)> = Vec::new();
        for name in names {
            let (was, is) = (had.get(&name), has.get(&name));
            if was == is {
                continue;
            }
            // Fields that name the same are two views of one thing, such as the subnets of a load balancer.
            let (moved, roll) = (moved(was, is), dice.below(2) == 0);
            let alike = rolled.iter().find(|(other, _)| !other.is_disjoint(&moved)).map(|(_, roll)| *roll);
            let changes = alike.unwrap_or(roll);
            rolled.push((moved, changes));
            if changes {
                continue;
            }
            match was.cloned() {
                Some(value) => has.insert(name, value),
                None => has.remove(&name),
            };
        }
    }
    if dice.below(2) == 0 {
        after.tags.clone_from(&before.tags);
    }
    Meaning::Change(serial, after)
}

/// The texts that stand in one of two values and not in the other.
fn moved(was: Option<&Value>, is: Option<&Value>) -> BTreeSet<String> {
    let texts = |value: Option<&Value>| -> BTreeSet<String> {
        value.into_iter().flat_map(find::strings).map(str::to_owned).collect()
    };
    texts(was).symmetric_difference(&texts(is)).cloned().collect()
}

fn meaning(
    world: &ScopeWorld,
    kind: &dyn AnyKind,
    action: &Value,
    now: Timestamp,
    mint: &mut Mint,
) -> Result<Meaning, Refusal> {
    let said = kind.acts_on(action);
    let named = said
        .and_then(|n| world.by_id(kind.name(), &n, now).or_else(|| world.by_identity(kind.name(), &n, now)))
        .or_else(|| find::named_by_id(world, kind.name(), action, now));
    let mut fresh_mint = mint.clone();
    let fresh = kind.predict(None, action, &mut fresh_mint);
    let target = match &fresh {
        Ok(Some(made)) => named.or_else(|| world.by_identity(kind.name(), &made.identity, now)),
        // What is gone is not taken for another thing that is like it.
        Ok(None) | Err(_) if find::strings(action).iter().any(|s| world.is_gone(s, now)) => named,
        Ok(None) | Err(_) => named.or_else(|| find::named_otherwise(world, kind.name(), action, now)),
    };
    let before = target.and_then(|t| world.now(t, now).map(|o| (t, Arc::clone(o))));
    let Some((serial, before)) = before else {
        *mint = fresh_mint;
        return fresh.map(|made| made.map_or(Meaning::Nothing, Meaning::Make));
    };
    let start = mint.clone();
    let again = kind.predict(Some(&before), action, mint)?;
    match (fresh, again) {
        // The kind makes a new thing whether or not there is one: a plain create.
        (Ok(Some(made)), Some(after)) if made == after => {
            *mint = start;
            kind.predict(None, action, mint)?;
            if world.by_identity(kind.name(), &made.identity, now).is_some() {
                let message = format!("{} {} already exists", kind.name(), made.identity);
                return Err(conflict("AlreadyExists", message));
            }
            Ok(Meaning::Make(made))
        }
        (_, Some(after)) => Ok(Meaning::Change(serial, after)),
        (_, None) => Ok(Meaning::Remove(serial)),
    }
}

/// AWS refuses what refers to something that is gone. What was never here may be a thing that nobody simulates.
fn refuse_if_dangling(
    world: &ScopeWorld,
    registry: &Registry,
    by: KindName,
    meaning: &Meaning,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (after, before) = match meaning {
        Meaning::Make(after) => (after, None),
        Meaning::Change(serial, after) => (after, world.now(*serial, now)),
        Meaning::Remove(_) | Meaning::Nothing => return Ok(()),
    };
    let had = before.map_or(Vec::new(), |b| find::strings(&b.fields));
    // A thing that is called as one was that is gone does not refer to it.
    let own = [after.id.as_str(), after.identity.as_str()];
    let mut gone = None;
    uses::each_text(&after.fields, "", &mut |at, text| {
        let refers = |kind| uses::refers(registry.get(kind), text, by, at);
        if gone.is_none() && !had.contains(&text) && !own.contains(&text) && world.gone_of(text, now).any(refers) {
            gone = Some(text);
        }
    });
    match gone {
        Some(gone) => Err(conflict("NotFound", format!("{gone} does not exist"))),
        None => Ok(()),
    }
}

fn make(world: &mut ScopeWorld, kind: &dyn AnyKind, meaning: Meaning, now: Timestamp, faults: &Faults) -> Performed {
    let Meaning::Make(made) = meaning else { return Performed { effects: Vec::new(), after: None } };
    world.make(kind.name(), made.clone(), now, faults.settle_of(kind.name()));
    let owner = made.owner_uid().map(str::to_owned);
    Performed { effects: vec![Effect::Created { id: made.id.clone(), owner }], after: Some(made) }
}

fn change(
    world: &mut ScopeWorld,
    serial: Serial,
    after: Observation,
    now: Timestamp,
    settle: Option<&Settle>,
) -> Performed {
    let effects = world
        .now(serial, now)
        .filter(|before| ***before != after)
        .map(|before| Effect::Updated { id: before.id.clone(), owner: before.owner_uid().map(str::to_owned) });
    world.turn_into(serial, after.clone(), now, settle);
    Performed { effects: effects.into_iter().collect(), after: Some(after) }
}

fn remove(
    world: &mut ScopeWorld,
    registry: &Registry,
    serial: Serial,
    going: Option<Observation>,
    now: Timestamp,
    settle: Option<&Settle>,
) -> Result<Performed, Refusal> {
    let doomed = doomed(world, registry, serial, now)?;
    refuse_if_used(world, registry, serial, &doomed, now)?;
    let effects = doomed
        .iter()
        .filter_map(|s| world.now(*s, now))
        .map(|o| Effect::Deleted { id: o.id.clone(), owner: o.owner_uid().map(str::to_owned) });
    let effects = effects.collect();
    for inner in doomed.into_iter().skip(1) {
        world.unmake(inner, now);
    }
    match &going {
        Some(going) => world.turn_into(serial, going.clone(), now, settle),
        None => world.unmake(serial, now),
    }
    Ok(Performed { effects, after: going })
}

/// A thing and all that AWS deletes together with it; refused if something lives in them that AWS does not delete.
fn doomed(world: &ScopeWorld, registry: &Registry, serial: Serial, now: Timestamp) -> Result<Vec<Serial>, Refusal> {
    let mut doomed = vec![serial];
    let mut looked_at = 0;
    while let Some(outer) = doomed.get(looked_at).copied() {
        looked_at += 1;
        for (inner, container) in contents(world, registry, outer, now) {
            if !container.cascades {
                let name = |s| world.now(s, now).map_or("", |o| o.id.as_str());
                return Err(conflict("ResourceInUse", format!("{} still contains {}", name(outer), name(inner))));
            }
            if !doomed.contains(&inner) {
                doomed.push(inner);
            }
        }
    }
    Ok(doomed)
}

/// Somebody else deletes a thing: what lives in it and goes with it goes, and nobody asks what else needs it.
pub(crate) fn vanish(world: &mut ScopeWorld, registry: &Registry, serial: Serial, now: Timestamp) {
    for (inner, container) in contents(world, registry, serial, now) {
        if container.cascades {
            vanish(world, registry, inner, now);
        }
    }
    world.unmake(serial, now);
}

/// What lives in a thing.
fn contents(world: &ScopeWorld, registry: &Registry, outer: Serial, now: Timestamp) -> Vec<(Serial, Container)> {
    let Some(container) = world.now(outer, now) else { return Vec::new() };
    let outside = world.kind_of(outer).and_then(|k| registry.get(k));
    let names = uses::names(outside, container);
    let lives_there = |serial: Serial, kind: KindName, thing: &Observation| {
        let fact = registry.get(kind).and_then(AnyKind::container)?;
        let lives_in = thing.fields.pointer(fact.pointer).and_then(Value::as_str)?;
        let inside = names.contains(lives_in) && uses::refers(outside, lives_in, kind, fact.pointer);
        (serial != outer && inside).then_some((serial, fact))
    };
    world.all(now).filter_map(|(serial, kind, thing)| lives_there(serial, kind, thing)).collect()
}

fn refuse_if_used(
    world: &ScopeWorld,
    registry: &Registry,
    serial: Serial,
    doomed: &[Serial],
    now: Timestamp,
) -> Result<(), Refusal> {
    let kind = world.kind_of(serial).and_then(|k| registry.get(k)).filter(|k| k.held_by_users());
    let Some(thing) = world.now(serial, now).filter(|_| kind.is_some()) else { return Ok(()) };
    let names = uses::names(kind, thing);
    let used = |by: KindName, o: &Observation| uses::place_of(kind, &names, (by, &o.fields), &|_| false).is_some();
    let user = world.all(now).find(|(other, k, o)| *other != serial && !doomed.contains(other) && used(k, o));
    match user {
        Some((_, kind, user)) => {
            Err(conflict("DependencyViolation", format!("{} is in use by {kind} {}", thing.id, user.id)))
        }
        None => Ok(()),
    }
}

fn conflict(code: &str, message: String) -> Refusal {
    Refusal { class: ErrorClass::Conflict, code: code.to_owned(), message }
}
