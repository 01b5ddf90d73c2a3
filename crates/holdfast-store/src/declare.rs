//! What a change does to one resource.

use crate::change::{revive, words};
use crate::parts::{self, Table};
use crate::record_types::{Event, EventType};
use crate::resource::{self, Declared, StatusColumns};
use crate::types::{Outcome, Removal, ResourceChange, Target, What};
use crate::write::Write;
use crate::{StoreError, approval, row};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Fate};
use holdfast_core::policy::RolloutPolicy;
use holdfast_core::status::{ConditionType, Phase, Status, Truth};
use jiff::Timestamp;
use rusqlite::params;
use serde_json::{Map, Value};

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
    scope: Scope,
    /// What was declared, where the change asks for approval.
    before: Option<Desired>,
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

    fn declared<'a>(
        &'a self,
        change: &'a ResourceChange,
        uid: &'a str,
        generation: u64,
        fate: &'a str,
    ) -> Declared<'a> {
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
        let gated = new.is_some_and(|(change, _)| change.policy_effective.rollout == Some(RolloutPolicy::Approve));
        Ok(Standing {
            before: if gated { Some(old.desired(None)?) } else { None },
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

/// Declares a resource: new, changed or as it was.
pub(crate) fn put_resource(
    write: &mut Write<'_>,
    now: Timestamp,
    change: &ResourceChange,
) -> Result<Outcome, StoreError> {
    let target = Target::Resource(change.key.clone());
    if parts::find(write, Table::Stack, &change.key.stack, |_| Ok(()))?.is_none() {
        return Err(StoreError::Missing(Target::Stack(change.key.stack.clone())));
    }
    revive(write, &change.key.stack)?;
    let columns = Columns::of(change)?;
    let (what, generation) = match standing(write, &change.key, Some((change, &columns)))? {
        None => {
            insert(write, now, change, &columns)?;
            write.touched.member(change.scope.clone(), &change.key);
            (What::Created, 1)
        }
        Some(old) if old.same_inputs && old.same_writing && old.fate == Fate::Keep => {
            return Ok(Outcome { target, what: What::Unchanged, generation: old.generation, version: old.version });
        }
        Some(old) => {
            let moved = !old.same_inputs || old.fate != Fate::Keep;
            let generation = old.generation + u64::from(moved);
            update(write, now, change, &columns, &old, generation)?;
            approval::declared_anew(write, old.id, old.before, change, generation)?;
            (What::Updated, generation)
        }
    };
    let (reason, verb) = words(what);
    let event = Event::new(now, EventType::Declared, reason, format!("{} {verb}", change.key));
    write.log(&event.of(&change.key).at_generation(generation))?;
    write.touched.row(change.scope.clone(), &change.key);
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
        write.touched.member(old.scope.clone(), &change.key);
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

/// Takes a declaration away.
pub(crate) fn remove(write: &mut Write<'_>, now: Timestamp, removal: &Removal) -> Result<Outcome, StoreError> {
    let target = Target::Resource(removal.key.clone());
    let Some(old) = standing(write, &removal.key, None)? else {
        return Ok(Outcome { target, what: What::Unchanged, generation: 0, version: 0 });
    };
    let (what, version) = match removal.fate {
        None | Some(Fate::Keep) => {
            row::run(write, "DELETE FROM resource WHERE id = ?1", params![old.id])?;
            write.touched.member(old.scope.clone(), &removal.key);
            (What::Removed, old.version)
        }
        // What was asked for by name stays so, and a snapshot once asked for is taken.
        Some(fate) if old.fate == fate || old.fate.is_by_name() && fate != Fate::DeleteWithSnapshot => {
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
    write.touched.row(old.scope, &removal.key);
    Ok(Outcome { target, what, generation: old.generation, version })
}

/// Declares a resource once more as it is, as a generation of its own; answers which, or `None` if it is not there or
/// is to go.
pub(crate) fn redeclare(
    write: &mut Write<'_>,
    now: Timestamp,
    key: &ResourceKey,
    generation: u64,
) -> Result<Option<u64>, StoreError> {
    let Some(old) = standing(write, key, None)?.filter(|o| o.fate == Fate::Keep && o.generation == generation) else {
        return Ok(None);
    };
    let generation = old.generation + 1;
    let version = row::number(write.version()?);
    let place = params![key.stack, key.kind, key.name];
    let seal = row::one(write, STANDING, place, |r| Ok(Declared { generation, ..Declared::read(r)? }.seal()))?;
    row::run(
        write,
        "UPDATE resource SET generation = ?2, seal = ?3, version = ?4, updated_at = ?5 WHERE id = ?1",
        params![old.id, row::number(generation), seal, version, now.as_microsecond()],
    )?;
    let said = unseen(old.status, Phase::Pending, "NewGeneration", generation, now);
    put_status(write, old.id, &old.uid, &said)?;
    row::one(write, STANDING, place, |r| keep_generation(write, now, &Declared::read(r)?, What::Updated))?;
    write.touched.row(old.scope, key);
    Ok(Some(generation))
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
