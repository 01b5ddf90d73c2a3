//! Changes of what is declared.

use crate::parts::{self, Part, Table};
use crate::record_types::{Event, EventType};
use crate::resource::{self, Declared, StatusColumns};
use crate::types::{Change, Outcome, Precondition, Removal, ResourceChange, StackChange, Target, What};
use crate::write::Write;
use crate::{Store, StoreError, row};
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::{Fate, Hold};
use holdfast_core::status::{ConditionType, Phase, Status, Truth};
use jiff::Timestamp;
use rusqlite::params;
use serde_json::{Map, Value};

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

    /// Pauses a stack or, with no hold, lets it go on; `event` tells of it. Answers false if there is no such stack.
    ///
    /// # Errors
    /// As every write.
    pub fn set_hold(&self, stack: &str, hold: Option<&Hold>, now: Timestamp, event: &Event) -> Result<bool, StoreError> {
        let text = hold.map(row::json).transpose()?;
        self.write(|write| {
            let version = write.version()?;
            let found = row::run(
                write,
                "UPDATE stack SET hold = ?2, version = ?3, updated_at = ?4 WHERE name = ?1",
                params![stack, text, row::number(version), now.as_microsecond()],
            )?;
            if found > 0 {
                write.log(event)?;
                write.touched = crate::cache::Touched::Everything;
            }
            Ok(found > 0)
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
    for removal in &change.removals {
        outcomes.push(remove(write, change.now, removal)?);
    }
    for stack in &change.removed_stacks {
        outcomes.push(remove_stack(write, change.now, stack)?);
    }
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
fn revive(write: &mut Write<'_>, stack: &str) -> Result<bool, StoreError> {
    let deleting = parts::find(write, Table::Stack, stack, |r| Ok(r.get::<_, bool>("deleting")?))?;
    if deleting != Some(true) {
        return Ok(false);
    }
    let version = write.version()?;
    row::run(write, "UPDATE stack SET deleting = 0, version = ?2 WHERE name = ?1", params![stack, row::number(version)])?;
    Ok(true)
}

fn remove_stack(write: &mut Write<'_>, now: Timestamp, stack: &str) -> Result<Outcome, StoreError> {
    let deleting = parts::find(write, Table::Stack, stack, |r| Ok(r.get::<_, bool>("deleting")?))?;
    if deleting != Some(false) {
        return part_outcome(write, Table::Stack, stack, What::Unchanged);
    }
    let version = row::number(write.version()?);
    row::run(
        write,
        "UPDATE stack SET deleting = 1, version = ?2, updated_at = ?3 WHERE name = ?1",
        params![stack, version, now.as_microsecond()],
    )?;
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
    let (generation_column, version_column, at) = (row::number(generation), row::number(version), now.as_microsecond());
    let sql = match table {
        Table::Stack => {
            "INSERT INTO stack (name, labels, spec, generation, version, created_at, updated_at, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
             ON CONFLICT (name) DO UPDATE SET labels = ?2, spec = ?3, generation = ?4, version = ?5, updated_at = ?6, seal = ?7"
        }
        Table::Account => {
            "INSERT INTO account (name, labels, spec, generation, version, created_at, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (name) DO UPDATE SET labels = ?2, spec = ?3, generation = ?4, version = ?5, seal = ?7"
        }
    };
    row::run(write, sql, params![name, labels, spec, generation_column, version_column, at, seal])?;
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
fn words(what: What) -> (&'static str, &'static str) {
    match what {
        What::Created => ("Created", "declared"),
        What::Updated => ("Updated", "declaration changed"),
        What::Unchanged => ("Unchanged", "declaration unchanged"),
        What::Deleting => ("DeletionRequested", "is to be deleted"),
        What::Removed => ("Removed", "no longer declared"),
    }
}

/// A resource as it stands, as far as a change of it needs to know.
struct Standing {
    id: i64,
    uid: String,
    generation: u64,
    version: u64,
    fate: Fate,
    status: Status,
    /// Spec, policy, tags and scope are the same as in the change.
    same_inputs: bool,
    same_scope: bool,
    /// What people wrote is the same as in the change.
    same_writing: bool,
    scope: holdfast_core::name::Scope,
}

/// A resource change as columns.
struct Columns {
    labels: String,
    stack_tags: String,
    policy: String,
    policy_own: String,
    spec: String,
    document_spec: Option<String>,
}

impl Columns {
    fn of(change: &ResourceChange) -> Result<Self, StoreError> {
        let (spec, document) = (row::json(&change.spec)?, row::json(&change.document_spec)?);
        Ok(Self {
            labels: row::json(&change.labels)?,
            stack_tags: row::json(&change.stack_tags)?,
            policy: row::json(&change.policy_effective)?,
            policy_own: row::json(&change.policy_own)?,
            document_spec: (document != spec).then_some(document),
            spec,
        })
    }

    fn declared<'a>(&'a self, change: &'a ResourceChange, uid: &'a str, generation: u64, fate: &'a str) -> Declared<'a> {
        Declared {
            stack: &change.key.stack,
            kind: &change.key.kind,
            name: &change.key.name,
            account: &change.scope.account,
            region: &change.scope.region,
            uid,
            generation,
            fate,
            labels: &self.labels,
            stack_tags: &self.stack_tags,
            policy: &self.policy,
            policy_own: &self.policy_own,
            spec: &self.spec,
            document_spec: self.document_spec.as_deref(),
        }
    }
}

const STANDING: &str = "SELECT * FROM resource WHERE stack = ?1 AND kind = ?2 AND name = ?3";

fn standing(
    write: &Write<'_>,
    key: &ResourceKey,
    new: Option<(&ResourceChange, &Columns)>,
) -> Result<Option<Standing>, StoreError> {
    row::one(write, STANDING, params![key.stack, key.kind, key.name], |r| {
        let old = Declared::read(r)?;
        let (mut same_inputs, mut same_scope, mut same_writing) = (true, true, true);
        if let Some((change, columns)) = new {
            same_scope = old.scope() == change.scope;
            same_inputs = same_scope
                && row::same(old.spec, &columns.spec)?
                && row::same(old.policy, &columns.policy)?
                && row::same(old.stack_tags, &columns.stack_tags)?;
            let written = columns.document_spec.as_deref().unwrap_or(&columns.spec);
            same_writing = row::same(old.document_spec.unwrap_or(old.spec), written)?
                && row::same(old.policy_own, &columns.policy_own)?
                && row::same(old.labels, &columns.labels)?;
        }
        Ok(Standing {
            id: r.get("id")?,
            uid: old.uid.to_owned(),
            generation: old.generation,
            version: row::count(r, "version")?,
            fate: old.fate()?,
            status: resource::status(r)?,
            same_inputs,
            same_scope,
            same_writing,
            scope: old.scope(),
        })
    })
}

fn put_resource(write: &mut Write<'_>, now: Timestamp, change: &ResourceChange) -> Result<Outcome, StoreError> {
    let target = Target::Resource(change.key.clone());
    if parts::find(write, Table::Stack, &change.key.stack, |_| Ok(()))?.is_none() {
        return Err(StoreError::Missing(Target::Stack(change.key.stack.clone())));
    }
    revive(write, &change.key.stack)?;
    let columns = Columns::of(change)?;
    let (what, generation) = match standing(write, &change.key, Some((change, &columns)))? {
        None => {
            insert(write, now, change, &columns)?;
            (What::Created, 1)
        }
        Some(old) if old.same_inputs && old.same_writing && old.fate == Fate::Keep => {
            return Ok(Outcome { target, what: What::Unchanged, generation: old.generation, version: old.version });
        }
        Some(old) => {
            let moved = !old.same_inputs || old.fate != Fate::Keep;
            let generation = old.generation + u64::from(moved);
            update(write, now, change, &columns, &old, generation)?;
            (What::Updated, generation)
        }
    };
    let (reason, verb) = words(what);
    let event = Event::new(now, EventType::Declared, reason, format!("{} {verb}", change.key));
    write.log(&event.of(&change.key).at_generation(generation))?;
    write.touched.scope(change.scope.clone());
    let version = write.version()?;
    Ok(Outcome { target, what, generation, version })
}

fn insert(write: &mut Write<'_>, now: Timestamp, change: &ResourceChange, columns: &Columns) -> Result<(), StoreError> {
    let fate = row::word(&Fate::Keep)?;
    let declared = columns.declared(change, &change.new_uid, 1, &fate);
    let status = StatusColumns::of(&change.new_uid, &Status::default())?;
    let version = row::number(write.version()?);
    row::run(
        write,
        "INSERT INTO resource (stack, kind, name, account, region, phase, uid, generation, version, fate, created_at,
           updated_at, seal, status_seal, labels, stack_tags, policy, policy_own, spec, document_spec, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        params![
            declared.stack,
            declared.kind,
            declared.name,
            declared.account,
            declared.region,
            status.phase,
            declared.uid,
            version,
            declared.fate,
            now.as_microsecond(),
            declared.seal(),
            status.seal,
            declared.labels,
            declared.stack_tags,
            declared.policy,
            declared.policy_own,
            declared.spec,
            declared.document_spec,
            status.text
        ],
    )?;
    keep_generation(write, now, &declared, What::Created)
}

fn update(
    write: &mut Write<'_>,
    now: Timestamp,
    change: &ResourceChange,
    columns: &Columns,
    old: &Standing,
    generation: u64,
) -> Result<(), StoreError> {
    let fate = row::word(&Fate::Keep)?;
    let declared = columns.declared(change, &old.uid, generation, &fate);
    let version = row::number(write.version()?);
    row::run(
        write,
        "UPDATE resource SET account = ?2, region = ?3, generation = ?4, version = ?5, fate = ?6, updated_at = ?7,
           seal = ?8, labels = ?9, stack_tags = ?10, policy = ?11, policy_own = ?12, spec = ?13, document_spec = ?14
         WHERE id = ?1",
        params![
            old.id,
            declared.account,
            declared.region,
            row::number(generation),
            version,
            declared.fate,
            now.as_microsecond(),
            declared.seal(),
            declared.labels,
            declared.stack_tags,
            declared.policy,
            declared.policy_own,
            declared.spec,
            declared.document_spec
        ],
    )?;
    if !old.same_scope {
        // What is remembered belongs to another place.
        row::run(write, "DELETE FROM memory WHERE resource_id = ?1", params![old.id])?;
        write.touched.scope(old.scope.clone());
    }
    if generation == old.generation {
        return Ok(());
    }
    let said = unseen(old.status.clone(), Phase::Pending, "NewGeneration", generation, now);
    put_status(write, old.id, &old.uid, &said)?;
    keep_generation(write, now, &declared, What::Updated)
}

/// What can be said of a resource whose declaration has just moved: no longer that it is in sync.
fn unseen(mut status: Status, phase: Phase, reason: &str, generation: u64, now: Timestamp) -> Status {
    status.phase = phase;
    if let Some(synced) = status.conditions.iter_mut().find(|c| c.kind == ConditionType::Synced) {
        if synced.status != Truth::Unknown {
            synced.since = now;
        }
        synced.status = Truth::Unknown;
        synced.reason = reason.to_owned();
        synced.message = format!("generation {generation} has been accepted; the next pass looks at it");
    }
    status
}

fn put_status(write: &Write<'_>, id: i64, uid: &str, status: &Status) -> Result<(), StoreError> {
    let columns = StatusColumns::of(uid, status)?;
    row::run(
        write,
        "UPDATE resource SET status = ?2, phase = ?3, status_seal = ?4, drift_since = ?5 WHERE id = ?1",
        params![id, columns.text, columns.phase, columns.seal, columns.drift_since],
    )?;
    Ok(())
}

fn keep_generation(write: &Write<'_>, now: Timestamp, declared: &Declared<'_>, what: What) -> Result<(), StoreError> {
    let mut body = Map::new();
    body.insert("uid".to_owned(), declared.uid.into());
    body.insert("account".to_owned(), declared.account.into());
    body.insert("region".to_owned(), declared.region.into());
    body.insert("spec".to_owned(), row::parse(declared.spec)?);
    if let Some(document) = declared.document_spec {
        body.insert("documentSpec".to_owned(), row::parse(document)?);
    }
    body.insert("policy".to_owned(), row::parse(declared.policy)?);
    body.insert("stackTags".to_owned(), row::parse(declared.stack_tags)?);
    row::run(
        write,
        "INSERT INTO generation (stack, kind, name, uid, generation, at, reason, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            declared.stack,
            declared.kind,
            declared.name,
            declared.uid,
            row::number(declared.generation),
            now.as_microsecond(),
            words(what).0,
            row::json(&Value::Object(body))?
        ],
    )?;
    Ok(())
}

fn remove(write: &mut Write<'_>, now: Timestamp, removal: &Removal) -> Result<Outcome, StoreError> {
    let target = Target::Resource(removal.key.clone());
    let Some(old) = standing(write, &removal.key, None)? else {
        return Ok(Outcome { target, what: What::Unchanged, generation: 0, version: 0 });
    };
    let (what, version) = match removal.fate {
        None | Some(Fate::Keep) => {
            row::run(write, "DELETE FROM resource WHERE id = ?1", params![old.id])?;
            (What::Removed, old.version)
        }
        Some(fate) if old.fate == fate || old.fate == Fate::DeleteByName => {
            return Ok(Outcome { target, what: What::Unchanged, generation: old.generation, version: old.version });
        }
        Some(fate) => {
            let version = write.version()?;
            doom(write, now, &removal.key, fate, version)?;
            let said = unseen(old.status, Phase::Deleting, "DeletionRequested", old.generation, now);
            put_status(write, old.id, &old.uid, &said)?;
            (What::Deleting, version)
        }
    };
    let (reason, verb) = words(what);
    let event = Event::new(now, EventType::Declared, reason, format!("{} {verb}", removal.key));
    write.log(&event.of(&removal.key).at_generation(old.generation))?;
    write.touched.scope(old.scope);
    Ok(Outcome { target, what, generation: old.generation, version })
}

/// Gives a resource its end, and the row the seal that goes with it.
fn doom(write: &Write<'_>, now: Timestamp, key: &ResourceKey, fate: Fate, version: u64) -> Result<(), StoreError> {
    let word = row::word(&fate)?;
    let place = params![key.stack, key.kind, key.name];
    let seal = row::one(write, STANDING, place, |r| Ok(Declared { fate: &word, ..Declared::read(r)? }.seal()))?;
    row::run(
        write,
        "UPDATE resource SET fate = ?4, seal = ?5, version = ?6, updated_at = ?7
         WHERE stack = ?1 AND kind = ?2 AND name = ?3",
        params![key.stack, key.kind, key.name, word, seal, row::number(version), now.as_microsecond()],
    )?;
    Ok(())
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
        let event = Event::new(now, EventType::Declared, "Removed", format!("stack {stack} is gone with its last resource"));
        write.log(&event.of_stack(stack))?;
    }
    Ok(gone)
}
