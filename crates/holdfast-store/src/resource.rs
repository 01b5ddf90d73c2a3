//! The row of a resource: how it is read, checked and written.

use crate::types::ResourceRecord;
use crate::{StoreError, parts, row};
use holdfast_core::kept::Kept;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Fate, Hold, Memory};
use holdfast_core::status::Status;
use rusqlite::{Connection, Row, params};
use std::sync::Arc;

/// What a query of resources selects; `r` is the resource, `s` its stack, `c` what is carried out of it.
pub(crate) const SELECT: &str =
    "SELECT r.*, s.hold, s.deleting, s.state_seal, c.body AS carried, c.seal AS carried_seal
     FROM resource r JOIN stack s ON s.name = r.stack LEFT JOIN carried c ON c.resource_id = r.id";

/// The declared part of a row, borrowed from it, seal checked.
pub(crate) struct Declared<'r> {
    pub(crate) stack: &'r str,
    pub(crate) kind: &'r str,
    pub(crate) name: &'r str,
    pub(crate) account: &'r str,
    pub(crate) region: &'r str,
    pub(crate) uid: &'r str,
    pub(crate) generation: u64,
    pub(crate) fate: &'r str,
    pub(crate) labels: &'r str,
    pub(crate) stack_tags: &'r str,
    pub(crate) policy: &'r str,
    pub(crate) policy_own: &'r str,
    pub(crate) spec: &'r str,
    /// `None` where it is the same as `spec`.
    pub(crate) document_spec: Option<&'r str>,
}

impl<'r> Declared<'r> {
    /// Reads a row and checks its seal.
    pub(crate) fn read(row: &'r Row<'_>) -> Result<Self, StoreError> {
        let declared = Self {
            stack: row::text(row, "stack")?,
            kind: row::text(row, "kind")?,
            name: row::text(row, "name")?,
            account: row::text(row, "account")?,
            region: row::text(row, "region")?,
            uid: row::text(row, "uid")?,
            generation: row::count(row, "generation")?,
            fate: row::text(row, "fate")?,
            labels: row::text(row, "labels")?,
            stack_tags: row::text(row, "stack_tags")?,
            policy: row::text(row, "policy")?,
            policy_own: row::text(row, "policy_own")?,
            spec: row::text(row, "spec")?,
            document_spec: row::optional_text(row, "document_spec")?,
        };
        let what = format_args!("{}/{}/{}", declared.stack, declared.kind, declared.name);
        row::check_seal(row, "seal", &declared.sealed(&declared.generation.to_string()), &what)?;
        Ok(declared)
    }

    /// The seal of this part of the row.
    pub(crate) fn seal(&self) -> [u8; 16] {
        row::seal(&self.sealed(&self.generation.to_string()))
    }

    fn sealed<'a>(&'a self, generation: &'a str) -> [&'a str; 14] {
        [
            self.stack,
            self.kind,
            self.name,
            self.account,
            self.region,
            self.uid,
            generation,
            self.fate,
            self.labels,
            self.stack_tags,
            self.policy,
            self.policy_own,
            self.spec,
            // No JSON text is empty.
            self.document_spec.unwrap_or(""),
        ]
    }

    pub(crate) fn key(&self) -> ResourceKey {
        ResourceKey::new(self.stack, self.kind, self.name)
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::new(self.account, self.region)
    }

    pub(crate) fn fate(&self) -> Result<Fate, StoreError> {
        row::from_word(self.fate)
    }

    /// The resource as a plan takes it, with nothing held for approval.
    pub(crate) fn desired(&self, hold: Option<Hold>) -> Result<Desired, StoreError> {
        Ok(Desired {
            key: self.key(),
            uid: self.uid.to_owned(),
            generation: self.generation,
            scope: self.scope(),
            spec: Arc::new(row::parse(self.spec)?),
            stack_tags: row::parse(self.stack_tags)?,
            policy: row::parse(self.policy)?,
            fate: self.fate()?,
            hold,
            instead: None,
        })
    }
}

/// Reads the resource of that key while it still has that uid.
pub(crate) fn of_uid<T>(
    connection: &Connection,
    key: &ResourceKey,
    uid: &str,
    read: impl FnOnce(&Row<'_>, &Declared<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    row::one(
        connection,
        "SELECT * FROM resource WHERE stack = ?1 AND kind = ?2 AND name = ?3 AND uid = ?4",
        params![key.stack, key.kind, key.name, uid],
        |r| read(r, &Declared::read(r)?),
    )
}

/// The status of a row, seal checked.
pub(crate) fn status(row: &Row<'_>) -> Result<Status, StoreError> {
    let (uid, text) = (row::text(row, "uid")?, row::text(row, "status")?);
    let parts = [uid, row::text(row, "phase")?, text];
    row::check_seal(row, "status_seal", &parts, &format_args!("the status of resource {uid}"))?;
    row::parse(text)
}

/// The whole row of a [`SELECT`].
pub(crate) fn record(row: &Row<'_>) -> Result<ResourceRecord, StoreError> {
    let declared = Declared::read(row)?;
    let spec: Arc<Kept> = Arc::new(row::parse(declared.spec)?);
    Ok(ResourceRecord {
        key: declared.key(),
        uid: declared.uid.to_owned(),
        scope: declared.scope(),
        generation: declared.generation,
        version: row::count(row, "version")?,
        fate: declared.fate()?,
        hold: parts::hold(declared.stack, row)?,
        document_spec: match declared.document_spec {
            Some(text) => Arc::new(row::parse(text)?),
            None => Arc::clone(&spec),
        },
        spec,
        policy_own: row::parse(declared.policy_own)?,
        policy_effective: row::parse(declared.policy)?,
        stack_tags: row::parse(declared.stack_tags)?,
        labels: row::parse(declared.labels)?,
        status: status(row)?,
        created_at: row::time(row, "created_at")?,
        updated_at: row::time(row, "updated_at")?,
    })
}

/// The columns that a status fills.
pub(crate) struct StatusColumns {
    pub(crate) text: String,
    pub(crate) phase: String,
    pub(crate) seal: [u8; 16],
    pub(crate) drift_since: Option<i64>,
}

impl StatusColumns {
    pub(crate) fn of(uid: &str, status: &Status) -> Result<Self, StoreError> {
        let text = row::json(status)?;
        let phase = status.phase.to_string();
        let seal = row::seal(&[uid, &phase, &text]);
        Ok(Self { text, phase, seal, drift_since: status.drift.as_ref().map(|d| d.since.as_microsecond()) })
    }
}

/// Remembers something of the resource with that id and uid.
pub(crate) fn remember(connection: &Connection, id: i64, uid: &str, memory: &Memory) -> Result<(), StoreError> {
    let body = row::json(memory)?;
    let seal = row::seal(&["memory", uid, &body]);
    row::run(
        connection,
        "INSERT INTO memory (resource_id, body, seal) VALUES (?1, ?2, ?3)
         ON CONFLICT (resource_id) DO UPDATE SET body = excluded.body, seal = excluded.seal
         WHERE memory.body <> excluded.body",
        params![id, body, seal],
    )?;
    Ok(())
}

/// What is remembered, seal checked. The row has the columns `uid`, `body` and `memory_seal`.
pub(crate) fn memory(row: &Row<'_>) -> Result<Memory, StoreError> {
    let (uid, body) = (row::text(row, "uid")?, row::text(row, "body")?);
    row::check_seal(row, "memory_seal", &["memory", uid, body], &format_args!("the memory of resource {uid}"))?;
    row::parse(body)
}
