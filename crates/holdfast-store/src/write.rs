//! One write: a transaction, with what must happen after its commit.

use crate::cache::Touched;
use crate::record_types::Event;
use crate::{Store, StoreError, row};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde_json::Value;
use std::ops::Deref;

/// A write under way.
pub(crate) struct Write<'c> {
    transaction: Transaction<'c>,
    version: Option<u64>,
    newest_event: Option<u64>,
    /// What it makes untrue in the cache.
    pub(crate) touched: Touched,
}

impl Deref for Write<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl Write<'_> {
    /// The version of every row that this write changes: one more than any before.
    pub(crate) fn version(&mut self) -> Result<u64, StoreError> {
        if let Some(version) = self.version {
            return Ok(version);
        }
        let version =
            row::one(self, "UPDATE counter SET value = value + 1 WHERE name = 'version' RETURNING value", [], |r| {
                row::count(r, "value")
            })?
            .ok_or_else(|| StoreError::Corrupt("the version counter is gone".to_owned()))?;
        self.version = Some(version);
        Ok(version)
    }

    /// Appends to the log.
    pub(crate) fn log(&mut self, event: &Event) -> Result<(), StoreError> {
        let data = if event.data == Value::Null { None } else { Some(row::json(&event.data)?) };
        row::run(
            self,
            "INSERT INTO event (at, type, stack, kind, name, generation, reason, message, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                event.at.as_microsecond(),
                row::word(&event.event_type)?,
                event.stack,
                event.kind,
                event.name,
                event.generation.map(row::number),
                event.reason,
                event.message,
                data
            ],
        )?;
        self.newest_event = u64::try_from(self.last_insert_rowid()).ok();
        Ok(())
    }
}

impl Store {
    /// Runs `work` in a transaction. If it fails, nothing of it stays; if it does not, it is on the disk.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (answer, newest_event) = self.commit(work)?;
        if let Some(id) = newest_event {
            self.tell(id);
        }
        Ok(answer)
    }

    /// As [`Store::write`], without telling; answers the newest event beside what `work` did.
    fn commit<T>(
        &self,
        work: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError>,
    ) -> Result<(T, Option<u64>), StoreError> {
        let mut connection = self.shared.connections.writer();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut write = Write { transaction, version: None, newest_event: None, touched: Touched::default() };
        let answer = work(&mut write)?;
        let Write { transaction, newest_event, touched, .. } = write;
        transaction.commit()?;
        // Before the next write can begin, so that the cache moves in the order of the commits.
        self.shared.cache.drop_touched(touched);
        Ok((answer, newest_event))
    }
}

#[cfg(test)]
mod tests {
    use crate::types::{Change, StackChange};
    use crate::{Filter, Location, Store, StoreError};
    use jiff::Timestamp;

    fn limit_pages(store: &Store, pages: u32) {
        store.shared.connections.writer().pragma_update(None, "max_page_count", pages).unwrap();
    }

    fn apply(store: &Store, name: &str) -> Result<(), StoreError> {
        let labels = [("long".to_owned(), "x".repeat(50_000))].into();
        let stacks = vec![StackChange { name: name.to_owned(), labels, ..StackChange::default() }];
        store.change(&Change { stacks, ..Change::at(Timestamp::UNIX_EPOCH) }).map(drop)
    }

    #[test]
    fn a_full_disk_refuses_writes_keeps_reads_and_heals_itself() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::File(directory.path().join("holdfast.db"))).unwrap();
        apply(&store, "fits").unwrap();
        let events = store.newest_event().unwrap();
        // SQLite never shrinks below what is there, so this stops all growth.
        limit_pages(&store, 1);
        for _ in 0..2 {
            assert!(matches!(apply(&store, "does-not-fit"), Err(StoreError::Full)));
            assert_eq!(store.stacks().unwrap().len(), 1);
            assert_eq!(store.newest_event().unwrap(), events);
            assert_eq!(store.summary(&Filter::default()).unwrap().resources, 0);
        }
        limit_pages(&store, u32::MAX);
        apply(&store, "does-not-fit").unwrap();
        assert_eq!(store.stacks().unwrap().len(), 2);
    }
}
