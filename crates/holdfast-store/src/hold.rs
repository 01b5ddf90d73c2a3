//! Pauses of everything, of a scope and of single resources, beside those of stacks; and what a person has confirmed.

use crate::record_types::Event;
use crate::types::in_force;
use crate::{Store, StoreError, row};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::Hold;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// What is paused, where it is no stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Everything.
    All,
    /// All resources of a scope.
    Scope(Scope),
    /// One resource, for as long as it is declared.
    Resource(ResourceKey),
}

/// The pauses of everything but stacks, those that are over included, see [`in_force`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holds {
    /// Of everything.
    pub all: Option<Hold>,
    /// Of scopes.
    pub scopes: BTreeMap<Scope, Hold>,
    /// Of resources, by uid.
    pub resources: BTreeMap<String, Hold>,
}

const ALL: &str = "all";

fn scope_place(word: &str, scope: &Scope) -> String {
    format!("{word} {}/{}", scope.account, scope.region)
}

fn resource_place(uid: &str) -> String {
    format!("resource {uid}")
}

impl Holds {
    /// Every pause that concerns a resource, the widest first, in words that say how wide it is.
    pub(crate) fn of<'a>(
        &'a self,
        scope: &Scope,
        stack: Option<&'a Hold>,
        uid: &str,
    ) -> impl Iterator<Item = (&'a Hold, &'static str)> {
        let all = self.all.as_ref().map(|h| (h, " (everything is paused)"));
        let scope = self.scopes.get(scope).map(|h| (h, " (its account and region are paused)"));
        let stack = stack.map(|h| (h, ""));
        let own = self.resources.get(uid).map(|h| (h, " (this resource is paused)"));
        all.into_iter().chain(scope).chain(stack).chain(own)
    }

    /// The pause that holds a resource at `now`, its stack's included.
    pub fn in_force(&self, scope: &Scope, stack: Option<&Hold>, uid: &str, now: Timestamp) -> Option<Hold> {
        let mut held = self.of(scope, stack, uid).filter(|(hold, _)| in_force(hold, now));
        held.next().map(|(hold, wide)| Hold { reason: format!("{}{wide}", hold.reason), until: hold.until })
    }
}

/// All pauses but those of stacks, seals checked.
pub(crate) fn holds(connection: &Connection) -> Result<Holds, StoreError> {
    let rows = row::all(connection, "SELECT place, body, seal FROM hold WHERE place NOT LIKE 'drift %'", [], |r| {
        let (place, body) = (row::text(r, "place")?, row::text(r, "body")?);
        row::check_seal(r, "seal", &["hold", place, body], &format_args!("the pause of {place}"))?;
        Ok((place.to_owned(), row::parse::<Hold>(body)?))
    })?;
    let mut holds = Holds::default();
    for (place, hold) in rows {
        match place.split_once(' ') {
            Some(("scope", name)) => {
                if let Some((account, region)) = name.split_once('/') {
                    holds.scopes.insert(Scope::new(account, region), hold);
                }
            }
            Some(("resource", uid)) => _ = holds.resources.insert(uid.to_owned(), hold),
            _ => holds.all = Some(hold),
        }
    }
    Ok(holds)
}

fn put(connection: &Connection, place: &str, hold: Option<&Hold>) -> Result<(), StoreError> {
    let Some(hold) = hold else {
        row::run(connection, "DELETE FROM hold WHERE place = ?1", params![place])?;
        return Ok(());
    };
    let body = row::json(hold)?;
    row::run(
        connection,
        "INSERT INTO hold (place, body, seal) VALUES (?1, ?2, ?3)
         ON CONFLICT (place) DO UPDATE SET body = ?2, seal = ?3",
        params![place, body, row::seal(&["hold", place, &body])],
    )?;
    Ok(())
}

impl Store {
    /// Pauses a place or, with no hold, lets it go on; `event` tells of it. Answers false if there is no such
    /// resource.
    ///
    /// # Errors
    /// As every write: [`StoreError::Full`], [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn set_hold_of(&self, place: &Place, hold: Option<&Hold>, event: &Event) -> Result<bool, StoreError> {
        self.write(|write| {
            let place = match place {
                Place::All => ALL.to_owned(),
                Place::Scope(scope) => scope_place("scope", scope),
                Place::Resource(key) => {
                    let uid = row::one(
                        write,
                        "SELECT uid FROM resource WHERE stack = ?1 AND kind = ?2 AND name = ?3",
                        params![key.stack, key.kind, key.name],
                        |r| Ok(row::text(r, "uid")?.to_owned()),
                    )?;
                    match uid {
                        Some(uid) => resource_place(&uid),
                        None => return Ok(false),
                    }
                }
            };
            put(write, &place, hold)?;
            write.log(event)?;
            write.touched.everything();
            Ok(true)
        })
    }

    /// The pauses of everything, of scopes and of resources.
    ///
    /// # Errors
    /// As every read.
    pub fn holds(&self) -> Result<Holds, StoreError> {
        holds(&self.shared.connections.reader())
    }

    /// Notes that a person has looked at the drift of these scopes and wants it healed, until `until`; `event` tells
    /// of it.
    ///
    /// # Errors
    /// As every write.
    pub fn confirm_drift<'s>(
        &self,
        scopes: impl IntoIterator<Item = &'s Scope>,
        until: Timestamp,
        event: &Event,
    ) -> Result<(), StoreError> {
        let confirmed = Hold { reason: "confirmed".to_owned(), until: Some(until) };
        self.write(|write| {
            for scope in scopes {
                put(write, &scope_place("drift", scope), Some(&confirmed))?;
            }
            write.log(event)
        })
    }

    /// True if a person wants the drift of this scope healed, however much it is.
    ///
    /// # Errors
    /// As every read.
    pub fn is_drift_confirmed(&self, scope: &Scope, now: Timestamp) -> Result<bool, StoreError> {
        let place = scope_place("drift", scope);
        let found = row::one(
            &self.shared.connections.reader(),
            "SELECT body, seal FROM hold WHERE place = ?1",
            params![place],
            |r| {
                let body = row::text(r, "body")?;
                row::check_seal(r, "seal", &["hold", &place, body], &place)?;
                row::parse::<Hold>(body)
            },
        )?;
        Ok(found.is_some_and(|hold| in_force(&hold, now)))
    }
}
