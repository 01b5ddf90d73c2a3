//! Others who work in the same AWS: people at the console, autoscalers, other tools.

use crate::cloud::SimCloud;
use crate::perform::{perform, vanish};
use holdfast_core::kind::AnyKind;
use holdfast_core::name::Scope;
use holdfast_core::observe::{Health, Observation};
use holdfast_core::ownership::Ownership;
use holdfast_core::pointer;
use serde_json::Value;
use std::sync::Arc;

/// What somebody else does to a live thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Tamper {
    /// Sets a field, by JSON Pointer into the live fields; `-` appends to a list.
    Set(String, Value),
    /// Removes a field or a list's item.
    Remove(String),
    /// Sets what AWS says of it beside its fields, by JSON Pointer.
    Private(String, Value),
    /// Sets a tag.
    SetTag(String, String),
    /// Removes a tag.
    RemoveTag(String),
    /// Says anew whose its fields are.
    Owned(Box<Ownership>),
    /// Works better or worse than before.
    Health(Health),
    /// Deletes it with all that AWS deletes with it, whatever else depends on it.
    Delete,
    /// Makes a thing of nobody's; the name given to [`SimCloud::tamper`] is not used.
    AddForeign(Box<Observation>),
    /// Does one of the kind's own actions, as another client of AWS would.
    Act(Value),
}

/// Why somebody else's change could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TamperError {
    /// The simulation has no such kind.
    #[error("the simulation knows no kind {0}")]
    UnknownKind(String),
    /// There is no such thing.
    #[error("no {0} is called {1}")]
    NotFound(String, String),
    /// The way to the field is barred.
    #[error("{0} leads nowhere")]
    NoSuchField(String),
    /// AWS would refuse it.
    #[error("{0}: {1}")]
    Refused(String, String),
}

impl SimCloud {
    /// Somebody else changes a live thing, which is named by its id or identity. Not a call of ours: it is in the
    /// trace, and in no log or count. A bystander that is changed this way is from then on to stay as it is.
    pub fn tamper(&self, scope: &Scope, kind: &str, name: &str, tamper: Tamper) -> Result<(), TamperError> {
        let registry = Arc::clone(self.registry());
        let kind = registry.get(kind).ok_or_else(|| TamperError::UnknownKind(kind.to_owned()))?;
        let now = self.clock().now();
        self.lock().note(format!("{scope} {} {name} {tamper:?} {now}", kind.name()).as_bytes());
        match tamper {
            Tamper::AddForeign(made) => {
                self.lock().scope(scope).make(kind.name(), *made, now, None);
                Ok(())
            }
            Tamper::Act(action) => self.act_as_another(scope, kind, &action),
            other => self.edit(scope, kind, name, &other),
        }
    }

    /// Puts a thing of nobody's into the scope that must stay as it is; see
    /// [`bystanders_touched`](Self::bystanders_touched).
    pub fn bystander(&self, scope: &Scope, kind: &str, made: Observation) -> Result<(), TamperError> {
        let name = self.registry().get(kind).ok_or_else(|| TamperError::UnknownKind(kind.to_owned()))?.name();
        let id = made.id.clone();
        self.tamper(scope, kind, &id, Tamper::AddForeign(Box::new(made)))?;
        if let Some(settled) = self.find(scope, kind, &id) {
            self.lock().bystanders.insert((scope.clone(), name, id), settled);
        }
        Ok(())
    }

    fn act_as_another(&self, scope: &Scope, kind: &dyn AnyKind, action: &Value) -> Result<(), TamperError> {
        let now = self.clock().now();
        let mut world = self.lock();
        world.scope(scope);
        let faults = world.faults().clone();
        let Some(here) = world.scopes.get_mut(scope) else { return Ok(()) };
        perform(here, self.registry(), kind, action, &faults, now, None)
            .map(drop)
            .map_err(|r| TamperError::Refused(r.code, r.message))
    }

    fn edit(&self, scope: &Scope, kind: &dyn AnyKind, name: &str, tamper: &Tamper) -> Result<(), TamperError> {
        let now = self.clock().now();
        let mut world = self.lock();
        let here = world.scope(scope);
        let found = here.by_id(kind.name(), name, now).or_else(|| here.by_identity(kind.name(), name, now));
        let before = found.and_then(|serial| here.now(serial, now).map(|o| (serial, Arc::clone(o))));
        let Some((serial, before)) = before else {
            return Err(TamperError::NotFound(kind.name().to_owned(), name.to_owned()));
        };
        if *tamper == Tamper::Delete {
            vanish(here, self.registry(), serial, now);
            world.bystanders.remove(&(scope.clone(), kind.name(), before.id.clone()));
            return Ok(());
        }
        let after = edited(kind, &before, tamper)?;
        here.turn_into(serial, after, now, None);
        let settled = here.now(serial, now).cloned();
        let place = (scope.clone(), kind.name(), before.id.clone());
        if let (Some(bystander), Some(settled)) = (world.bystanders.get_mut(&place), settled) {
            *bystander = settled;
        }
        Ok(())
    }
}

fn edited(kind: &dyn AnyKind, before: &Observation, tamper: &Tamper) -> Result<Observation, TamperError> {
    let mut after = before.clone();
    match tamper {
        Tamper::Set(at, value) => {
            if !pointer::set(&mut after.fields, at, value.clone()) {
                return Err(TamperError::NoSuchField(at.clone()));
            }
            // Another value is another try: AWS shows the newest one's end.
            after.ownership.undone.retain(|undone| undone.path != *at);
        }
        Tamper::Remove(at) => {
            if pointer::remove(&mut after.fields, at).is_none() {
                return Err(TamperError::NoSuchField(at.clone()));
            }
        }
        Tamper::Private(at, value) => {
            if !pointer::set(&mut after.private, at, value.clone()) {
                return Err(TamperError::NoSuchField(at.clone()));
            }
        }
        Tamper::SetTag(key, value) => {
            after.tags_mut().insert(key.clone(), value.clone());
        }
        Tamper::RemoveTag(key) => {
            after.tags_mut().remove(key);
        }
        Tamper::Owned(ownership) => after.ownership = Ownership::clone(ownership),
        Tamper::Health(health) => after.health = health.clone(),
        Tamper::Delete | Tamper::AddForeign(_) | Tamper::Act(_) => {}
    }
    kind.canonical(&mut after.fields);
    if let Some(identity) = kind.identity(&after.fields) {
        after.identity = identity;
    }
    Ok(after)
}
