//! The journal: the intent before the act, the outcome after it.

use crate::record_types::{Intent, IntentOutcome, IntentRecord, IntentResult};
use crate::{Store, StoreError, resource, row};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::Memory;
use jiff::Timestamp;
use rusqlite::{Row, params};

/// The word under which a result is counted.
fn result_word(result: &IntentResult) -> &'static str {
    match result {
        IntentResult::Applied(_) => "applied",
        IntentResult::Failed(_) => "failed",
        IntentResult::Looked(_) => "looked",
    }
}

/// An intent of a row, seal checked.
pub(crate) fn read(row: &Row<'_>) -> Result<IntentRecord, StoreError> {
    let (id, body) = (row.get::<_, i64>("id")?, row::text(row, "body")?);
    row::check_seal(row, "seal", &["intent", body], &format_args!("intent {id}"))?;
    Ok(IntentRecord {
        id,
        intent: row::parse(body)?,
        outcome: row::optional_text(row, "outcome")?.map(row::parse).transpose()?,
    })
}

impl Store {
    /// Writes down what is about to be done; on the disk before this returns. Answers its number.
    ///
    /// # Errors
    /// As every write: [`StoreError::Full`], [`StoreError::Corrupt`], [`StoreError::Sqlite`]. Then the act must not
    /// be done.
    pub fn intend(&self, intent: &Intent) -> Result<i64, StoreError> {
        let body = row::json(intent)?;
        self.write(|write| {
            row::run(
                write,
                "INSERT INTO intent (account, region, stack, kind, name, uid, at, implicit_delete, body, seal, replacement)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    intent.scope.account,
                    intent.scope.region,
                    intent.key.stack,
                    intent.key.kind,
                    intent.key.name,
                    intent.uid,
                    intent.at.as_microsecond(),
                    intent.implicit_delete,
                    body,
                    row::seal(&["intent", &body]),
                    intent.replacement
                ],
            )?;
            Ok(write.last_insert_rowid())
        })
    }

    /// Writes down how an intent ended and, in the same transaction, what is to be remembered of its resource, such
    /// as the id of what was made. The memory is kept only if the resource still has the intent's uid.
    ///
    /// # Errors
    /// As every write.
    pub fn outcome(
        &self,
        id: i64,
        outcome: &IntentOutcome,
        memory: Option<(&ResourceKey, &Memory)>,
    ) -> Result<(), StoreError> {
        let body = row::json(outcome)?;
        self.write(|write| {
            row::run(
                write,
                "UPDATE intent SET result = ?2, outcome = ?3 WHERE id = ?1",
                params![id, result_word(&outcome.result), body],
            )?;
            let Some((key, memory)) = memory else {
                return Ok(());
            };
            let found = row::one(
                write,
                "SELECT r.id, r.uid FROM resource r JOIN intent i ON i.uid = r.uid
                 WHERE i.id = ?1 AND r.stack = ?2 AND r.kind = ?3 AND r.name = ?4",
                params![id, key.stack, key.kind, key.name],
                |r| Ok((r.get::<_, i64>("id")?, row::text(r, "uid")?.to_owned())),
            )?;
            found.map_or(Ok(()), |(resource, uid)| resource::remember(write, resource, &uid, memory))
        })
    }

    /// The intents of a scope whose outcome nobody knows, oldest first: after a crash, look at these before acting.
    ///
    /// # Errors
    /// As every read.
    pub fn open_intents(&self, scope: &Scope) -> Result<Vec<IntentRecord>, StoreError> {
        row::all(
            &self.shared.connections.reader(),
            "SELECT * FROM intent WHERE account = ?1 AND region = ?2 AND result IS NULL ORDER BY id",
            params![scope.account, scope.region],
            read,
        )
    }

    /// The last `limit` intents of a resource, newest first; also of earlier resources of the same key.
    ///
    /// # Errors
    /// As every read.
    pub fn intents_of(&self, key: &ResourceKey, limit: usize) -> Result<Vec<IntentRecord>, StoreError> {
        row::all(
            &self.shared.connections.reader(),
            "SELECT * FROM intent WHERE stack = ?1 AND kind = ?2 AND name = ?3 ORDER BY id DESC LIMIT ?4",
            params![key.stack, key.kind, key.name, row::limit(limit)],
            read,
        )
    }

    /// How many resources of a scope have been deleted since `since` without anybody having named them: deletions
    /// that AWS refused do not count, and several steps for one resource count once.
    ///
    /// # Errors
    /// As every read.
    pub fn implicit_deletes_since(&self, scope: &Scope, since: Timestamp) -> Result<u32, StoreError> {
        self.counted(
            "SELECT COUNT(DISTINCT uid) AS n FROM intent WHERE implicit_delete = 1
             AND account = ?1 AND region = ?2 AND at >= ?3 AND (result IS NULL OR result <> 'failed')",
            scope,
            since,
        )
    }

    /// How many resources of a scope have been replaced since `since`; creates that AWS refused do not count.
    ///
    /// # Errors
    /// As every read.
    pub fn replacements_since(&self, scope: &Scope, since: Timestamp) -> Result<u32, StoreError> {
        self.counted(
            "SELECT COUNT(DISTINCT uid) AS n FROM intent WHERE replacement = 1
             AND account = ?1 AND region = ?2 AND at >= ?3 AND (result IS NULL OR result <> 'failed')",
            scope,
            since,
        )
    }

    fn counted(&self, sql: &str, scope: &Scope, since: Timestamp) -> Result<u32, StoreError> {
        let place = params![scope.account, scope.region, since.as_microsecond()];
        let found = row::one(&self.shared.connections.reader(), sql, place, |r| row::count(r, "n"))?;
        Ok(u32::try_from(found.unwrap_or_default()).unwrap_or(u32::MAX))
    }
}
