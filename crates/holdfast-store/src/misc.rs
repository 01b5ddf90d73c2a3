//! Repeated requests, kept plans, the readiness probe, and clearing away what is old.

use crate::change::apply;
use crate::record_types::{Answer, IdempotencyRecord, PlanRecord};
use crate::types::{Change, Outcome};
use crate::write::Write;
use crate::{Store, StoreError, row};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

/// Makes the answer of a change from its outcomes: HTTP status and body.
pub type Respond<'a> = dyn Fn(&[Outcome]) -> (u16, Vec<u8>) + 'a;

fn find(connection: &Connection, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
    row::one(connection, "SELECT * FROM idempotency WHERE key = ?1", params![key], |r| {
        Ok(IdempotencyRecord {
            request_hash: row::text(r, "request_hash")?.to_owned(),
            status: r.get("status")?,
            body: r.get("body")?,
        })
    })
}

fn keep(write: &Write<'_>, key: &str, record: &IdempotencyRecord, now: Timestamp) -> Result<(), StoreError> {
    row::run(
        write,
        "INSERT INTO idempotency (key, at, request_hash, status, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![key, now.as_microsecond(), record.request_hash, record.status, record.body],
    )?;
    Ok(())
}

impl Store {
    /// The answer that was given under an Idempotency-Key.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn idempotent(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        find(&self.shared.connections.reader(), key)
    }

    /// Makes a change under an Idempotency-Key, and keeps the answer that `respond` makes of the outcomes
    /// in the same transaction. A key that was used before changes nothing.
    ///
    /// # Errors
    /// As [`Store::change`].
    pub fn change_once(
        &self,
        key: &str,
        request_hash: &str,
        change: &Change,
        respond: &Respond<'_>,
    ) -> Result<Answer, StoreError> {
        self.write(|write| {
            if let Some(before) = find(write, key)? {
                return Ok(Answer::Repeat(before));
            }
            let outcomes = apply(write, change)?;
            let (status, body) = respond(&outcomes);
            let record = IdempotencyRecord { request_hash: request_hash.to_owned(), status, body };
            keep(write, key, &record, change.now)?;
            Ok(Answer::Made(outcomes, record))
        })
    }

    /// Keeps the answer of a POST that changes nothing declared. If the key has been used meanwhile, answers what
    /// is kept under it.
    ///
    /// # Errors
    /// As every write.
    pub fn save_idempotent(
        &self,
        key: &str,
        record: &IdempotencyRecord,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.write(|write| {
            let before = find(write, key)?;
            if before.is_none() {
                keep(write, key, record, now)?;
            }
            Ok(before)
        })
    }

    /// Puts another answer in the place of the one that is kept under an Idempotency-Key.
    ///
    /// # Errors
    /// As every write.
    pub fn replace_answer(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.write(|write| {
            row::run(write, "UPDATE idempotency SET body = ?2 WHERE key = ?1", params![key, body])?;
            Ok(())
        })
    }

    /// Keeps a plan under its hash; one that is kept already stays as it is.
    ///
    /// # Errors
    /// As every write.
    pub fn save_plan(&self, hash: &str, body: &Value, now: Timestamp) -> Result<(), StoreError> {
        let body = row::json(body)?;
        self.write(|write| {
            row::run(
                write,
                "INSERT INTO plan (hash, at, body) VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO NOTHING",
                params![hash, now.as_microsecond(), body],
            )?;
            Ok(())
        })
    }

    /// A plan by its hash.
    ///
    /// # Errors
    /// As every read.
    pub fn plan(&self, hash: &str) -> Result<Option<PlanRecord>, StoreError> {
        row::one(&self.shared.connections.reader(), "SELECT * FROM plan WHERE hash = ?1", params![hash], |r| {
            let optional = |column| row::optional_text(r, column);
            Ok(PlanRecord {
                hash: row::text(r, "hash")?.to_owned(),
                created_at: row::time(r, "at")?,
                body: row::parse(row::text(r, "body")?)?,
                parts: optional("parts")?.map(row::parse).transpose()?.unwrap_or_default(),
                approval: optional("approval")?.map(row::parse).transpose()?,
                outcome: optional("outcome")?.map(row::parse).transpose()?,
            })
        })
    }

    /// Writes and reads: says whether the store can take a document now.
    ///
    /// # Errors
    /// Whatever a write or a read would meet.
    pub fn check(&self) -> Result<(), StoreError> {
        self.write(|write| row::run(write, "UPDATE counter SET value = value + 1 WHERE name = 'probe'", []))?;
        row::one(&self.shared.connections.reader(), "SELECT name FROM stack LIMIT 1", [], |_| Ok(()))?;
        Ok(())
    }

    /// Clears away what is older than `before`: events, ended intents, generations of what is no longer declared,
    /// kept answers, plans that nobody is asked about any more, scopes that have no resources any more, and pauses of resources that are gone. Whatever is declared keeps all its
    /// generations, and an intent without an outcome stays. Answers how many rows went.
    ///
    /// # Errors
    /// As every write.
    pub fn prune_log(&self, before: Timestamp) -> Result<u64, StoreError> {
        const OLD: [&str; 5] = [
            "DELETE FROM event WHERE at < ?1",
            "DELETE FROM intent WHERE at < ?1 AND result IS NOT NULL",
            "DELETE FROM generation WHERE at < ?1 AND uid NOT IN (SELECT uid FROM resource)",
            "DELETE FROM idempotency WHERE at < ?1",
            "DELETE FROM plan WHERE at < ?1 AND hash NOT IN (SELECT plan FROM awaiting UNION SELECT plan FROM approval)",
        ];
        let orphans = "DELETE FROM scope_status WHERE NOT EXISTS (SELECT 1 FROM resource r
           WHERE r.account = scope_status.account AND r.region = scope_status.region)";
        let pauses = "DELETE FROM hold WHERE place LIKE 'resource %'
           AND substr(place, 10) NOT IN (SELECT uid FROM resource)";
        self.write(|write| {
            let mut rows = row::run(write, orphans, [])? + row::run(write, pauses, [])?;
            for sql in OLD {
                rows += row::run(write, sql, params![before.as_microsecond()])?;
            }
            Ok(rows as u64)
        })
    }
}
