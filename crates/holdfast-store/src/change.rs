//! Changes of what is declared.

use crate::declare::{put_resource, redeclare, remove};
use crate::parts::{self, Part, Table};
use crate::record_types::{Event, EventType};
use crate::types::{Change, Outcome, Precondition, StackChange, Target, What};
use crate::write::Write;
use crate::{Store, StoreError, row};
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::Hold;
use jiff::Timestamp;
use rusqlite::params;

impl Store {
    /// Makes a change: all of it or nothing, on the disk before this returns. Answers what became of each
    /// account, stack, resource, removal and removed stack, in the order of the change.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a precondition does not hold, [`StoreError::Missing`] if a resource's stack is
    /// not there, [`StoreError::Full`] and the others of every write.
    pub fn change(&self, change: &Change) -> Result<Vec<Outcome>, StoreError> {
        self.write(|write| apply(write, change))
    }

    /// Declares a resource once more as it is, if `generation` is still the one that is declared: what stands in the
    /// way of a generation until somebody says something new stands in its way no more. `event` tells of it. Answers
    /// the new generation, or `None` if something else is declared, or nothing.
    ///
    /// # Errors
    /// As every write.
    pub fn redeclare(
        &self,
        key: &ResourceKey,
        generation: u64,
        now: Timestamp,
        event: &Event,
    ) -> Result<Option<u64>, StoreError> {
        self.write(|write| {
            let made = redeclare(write, now, key, generation)?;
            if let Some(generation) = made {
                write.log(&event.clone().of(key).at_generation(generation))?;
            }
            Ok(made)
        })
    }

    /// Pauses a stack or, with no hold, lets it go on; `event` tells of it. Answers false if there is no such stack.
    ///
    /// # Errors
    /// As every write.
    pub fn set_hold(
        &self,
        stack: &str,
        hold: Option<&Hold>,
        now: Timestamp,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let text = hold.map(row::json).transpose()?;
        self.write(|write| {
            let Some((_, deleting)) = parts::state(write, stack)? else {
                return Ok(false);
            };
            parts::put_state(write, stack, text.as_deref(), deleting)?;
            row::run(write, "UPDATE stack SET updated_at = ?2 WHERE name = ?1", params![stack, now.as_microsecond()])?;
            write.log(event)?;
            write.touched.everything();
            Ok(true)
        })
    }
}

/// Makes a change within a write.
pub(crate) fn apply(write: &mut Write<'_>, change: &Change) -> Result<Vec<Outcome>, StoreError> {
    for precondition in &change.preconditions {
        check(write, precondition)?;
    }
    let mut outcomes = Vec::new();
    for account in &change.accounts {
        let (labels, spec) = (row::json(&account.labels)?, row::json(&account.spec)?);
        outcomes.push(put_part(write, change.now, Table::Account, &account.name, &labels, &spec)?);
    }
    for stack in &change.stacks {
        outcomes.push(put_stack(write, change.now, stack)?);
    }
    for resource in &change.resources {
        outcomes.push(put_resource(write, change.now, resource)?);
    }
    // The log tells of a stack's end before it tells of what was in it.
    let of_stacks = change.removed_stacks.iter().map(|stack| remove_stack(write, change.now, stack));
    let of_stacks = of_stacks.collect::<Result<Vec<_>, _>>()?;
    for removal in &change.removals {
        outcomes.push(remove(write, change.now, removal)?);
    }
    outcomes.extend(of_stacks);
    let emptied = drop_empty_stacks(write, change.now)?;
    for outcome in &mut outcomes {
        if matches!(&outcome.target, Target::Stack(name) if emptied.contains(name)) {
            outcome.what = What::Removed;
        }
    }
    Ok(outcomes)
}

fn check(write: &Write<'_>, precondition: &Precondition) -> Result<(), StoreError> {
    let (Precondition::IfVersion(target, _) | Precondition::MustNotExist(target)) = precondition;
    let found = match target {
        Target::Stack(name) => parts::find(write, Table::Stack, name, |r| row::count(r, "version")),
        Target::Account(name) => parts::find(write, Table::Account, name, |r| row::count(r, "version")),
        Target::Resource(key) => row::one(
            write,
            "SELECT version FROM resource WHERE stack = ?1 AND kind = ?2 AND name = ?3",
            params![key.stack, key.kind, key.name],
            |r| row::count(r, "version"),
        ),
    }?;
    let holds = match precondition {
        Precondition::IfVersion(_, version) => found == Some(*version),
        Precondition::MustNotExist(_) => found.is_none(),
    };
    if holds { Ok(()) } else { Err(StoreError::Conflict { target: target.clone(), found }) }
}

fn target(table: Table, name: &str) -> Target {
    match table {
        Table::Stack => Target::Stack(name.to_owned()),
        Table::Account => Target::Account(name.to_owned()),
    }
}

/// An outcome with what the row says now.
fn part_outcome(write: &Write<'_>, table: Table, name: &str, what: What) -> Result<Outcome, StoreError> {
    let found = parts::find(write, table, name, |r| Ok((row::count(r, "generation")?, row::count(r, "version")?)))?;
    let (what, (generation, version)) = found.map_or((What::Unchanged, (0, 0)), |f| (what, f));
    Ok(Outcome { target: target(table, name), what, generation, version })
}

fn put_stack(write: &mut Write<'_>, now: Timestamp, stack: &StackChange) -> Result<Outcome, StoreError> {
    let (labels, spec) = (row::json(&stack.labels)?, parts::without_resources(&stack.spec)?);
    let mut outcome = put_part(write, now, Table::Stack, &stack.name, &labels, &spec)?;
    if revive(write, &stack.name)? && outcome.what == What::Unchanged {
        outcome = part_outcome(write, Table::Stack, &stack.name, What::Updated)?;
    }
    Ok(outcome)
}

/// Ends the deletion of a stack, if it was being deleted.
pub(crate) fn revive(write: &mut Write<'_>, stack: &str) -> Result<bool, StoreError> {
    let Some((hold, true)) = parts::state(write, stack)? else {
        return Ok(false);
    };
    parts::put_state(write, stack, hold.as_deref(), false)?;
    Ok(true)
}

fn remove_stack(write: &mut Write<'_>, now: Timestamp, stack: &str) -> Result<Outcome, StoreError> {
    let Some((hold, false)) = parts::state(write, stack)? else {
        return part_outcome(write, Table::Stack, stack, What::Unchanged);
    };
    parts::put_state(write, stack, hold.as_deref(), true)?;
    let (reason, verb) = words(What::Deleting);
    write.log(&Event::new(now, EventType::Declared, reason, format!("stack {stack} {verb}")).of_stack(stack))?;
    part_outcome(write, Table::Stack, stack, What::Deleting)
}

fn put_part(
    write: &mut Write<'_>,
    now: Timestamp,
    table: Table,
    name: &str,
    labels: &str,
    spec: &str,
) -> Result<Outcome, StoreError> {
    let found = parts::find(write, table, name, |r| {
        let old = Part::read(table, r)?;
        Ok((old.generation, row::same(old.spec, spec)?, row::same(old.labels, labels)?))
    })?;
    let (what, generation) = match found {
        None => (What::Created, 1),
        Some((_, true, true)) => return part_outcome(write, table, name, What::Unchanged),
        Some((generation, same_spec, _)) => (What::Updated, generation + u64::from(!same_spec)),
    };
    let version = write.version()?;
    let seal = Part { name, labels, spec, generation, version }.seal(table);
    let sql = format!(
        "INSERT INTO {} (name, labels, spec, generation, version, created_at, updated_at, seal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
         ON CONFLICT (name) DO UPDATE SET labels = ?2, spec = ?3, generation = ?4, version = ?5, updated_at = ?6, seal = ?7",
        table.name()
    );
    let counts = (row::number(generation), row::number(version));
    row::run(write, &sql, params![name, labels, spec, counts.0, counts.1, now.as_microsecond(), seal])?;
    if let (Table::Stack, What::Created) = (table, what) {
        parts::put_state(write, name, None, false)?;
    }
    let (reason, verb) = words(what);
    let mut event = Event::new(now, EventType::Declared, reason, format!("{} {name} {verb}", table.name()));
    match table {
        Table::Stack => event = event.of_stack(name),
        Table::Account => (event.kind, event.name) = (Some("Account".to_owned()), Some(name.to_owned())),
    }
    write.log(&event.at_generation(generation))?;
    Ok(Outcome { target: target(table, name), what, generation, version })
}

/// The reason and the verb of an event that tells of an outcome.
pub(crate) fn words(what: What) -> (&'static str, &'static str) {
    match what {
        What::Created => ("Created", "declared"),
        What::Updated => ("Updated", "declaration changed"),
        What::Unchanged => ("Unchanged", "declaration unchanged"),
        What::Deleting => ("DeletionRequested", "is to be deleted"),
        What::Removed => ("Removed", "no longer declared"),
    }
}

/// Drops the stacks that were to go and have no resource left; answers their names.
pub(crate) fn drop_empty_stacks(write: &mut Write<'_>, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let gone = row::all(
        write,
        "DELETE FROM stack WHERE deleting = 1 AND NOT EXISTS (SELECT 1 FROM resource WHERE resource.stack = stack.name)
         RETURNING name",
        [],
        |r| Ok(row::text(r, "name")?.to_owned()),
    )?;
    for stack in &gone {
        let event =
            Event::new(now, EventType::Declared, "Removed", format!("stack {stack} is gone with its last resource"));
        write.log(&event.of_stack(stack))?;
    }
    Ok(gone)
}
