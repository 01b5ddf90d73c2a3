//! What AWS makes of one action: the kind's `predict`, and the rules that hold for all kinds.

use crate::faults::{Faults, Settle};
use crate::find;
use crate::log::Effect;
use crate::world::{ScopeWorld, Serial};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{AnyKind, Mint, Refusal, Registry};
use holdfast_core::observe::{LiveState, Observation};
use jiff::Timestamp;
use serde_json::Value;
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

/// Does one action in a scope, or refuses it and changes nothing.
pub(crate) fn perform(
    world: &mut ScopeWorld,
    registry: &Registry,
    kind: &dyn AnyKind,
    action: &Value,
    faults: &Faults,
    now: Timestamp,
) -> Result<Performed, Refusal> {
    let mut mint = world.mint.clone();
    let meaning = meaning(world, kind, action, now, &mut mint)?;
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

fn meaning(
    world: &ScopeWorld,
    kind: &dyn AnyKind,
    action: &Value,
    now: Timestamp,
    mint: &mut Mint,
) -> Result<Meaning, Refusal> {
    let named = find::named_by_id(world, kind.name(), action, now);
    let mut fresh_mint = mint.clone();
    let fresh = kind.predict(None, action, &mut fresh_mint);
    let target = match &fresh {
        Ok(Some(made)) => named.or_else(|| world.by_identity(kind.name(), &made.identity, now)),
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
    let mut doomed = vec![serial];
    let mut looked_at = 0;
    while let Some(next) = doomed.get(looked_at).copied() {
        looked_at += 1;
        for inner in contents(world, registry, next, now)? {
            if !doomed.contains(&inner) {
                doomed.push(inner);
            }
        }
    }
    refuse_if_used(world, registry, serial, &doomed, now)?;
    let effects = doomed.iter().filter_map(|s| world.now(*s, now)).map(|o| Effect::Deleted {
        id: o.id.clone(),
        owner: o.owner_uid().map(str::to_owned),
    });
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

/// What AWS deletes together with a thing; refused if something lives in it that AWS does not delete with it.
fn contents(
    world: &ScopeWorld,
    registry: &Registry,
    outer: Serial,
    now: Timestamp,
) -> Result<Vec<Serial>, Refusal> {
    let Some(container) = world.now(outer, now) else { return Ok(Vec::new()) };
    let names = find::names(container);
    let mut found = Vec::new();
    for (serial, kind, thing) in world.all(now) {
        let Some(fact) = registry.get(kind).and_then(AnyKind::container) else { continue };
        let lives_in = thing.fields.pointer(fact.pointer).and_then(Value::as_str);
        if serial == outer || !lives_in.is_some_and(|c| names.contains(&c)) {
            continue;
        }
        if !fact.cascades {
            let message = format!("{} still contains {kind} {}", container.id, thing.id);
            return Err(conflict("ResourceInUse", message));
        }
        found.push(serial);
    }
    Ok(found)
}

fn refuse_if_used(
    world: &ScopeWorld,
    registry: &Registry,
    serial: Serial,
    doomed: &[Serial],
    now: Timestamp,
) -> Result<(), Refusal> {
    let held = world.kind_of(serial).and_then(|k| registry.get(k)).is_some_and(AnyKind::held_by_users);
    let Some(thing) = world.now(serial, now).filter(|_| held) else { return Ok(()) };
    let names = find::names(thing);
    let user = world.all(now).find(|(other, _, o)| {
        !doomed.contains(other) && find::strings(&o.fields).iter().any(|s| names.contains(s))
    });
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
