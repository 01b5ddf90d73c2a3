//! What makes a backup provable: one row that says when it was taken and what hash everything else in it has.
//!
//! The hash is over values, not over pages: it is the same after SQLite has moved them.

use crate::{StoreError, row};
use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

const TABLE: &str = "CREATE TABLE backup (at INTEGER NOT NULL, digest BLOB NOT NULL)";

/// Marks the database as a backup taken at `now`.
pub(crate) fn put(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    remove(connection)?;
    let digest = of(connection)?;
    row::run(connection, TABLE, [])?;
    row::run(connection, "INSERT INTO backup VALUES (?1, ?2)", params![now.as_microsecond(), digest])?;
    Ok(())
}

/// Makes a store of a backup again.
pub(crate) fn remove(connection: &Connection) -> Result<(), StoreError> {
    row::run(connection, "DROP TABLE IF EXISTS backup", []).map(drop)
}

/// When it was taken; `None` if it is no backup.
pub(crate) fn taken(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let marked = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'backup'";
    if row::one(connection, marked, [], |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    match row::one(connection, "SELECT at FROM backup", [], |r| row::time(r, "at"))? {
        Some(at) => Ok(Some(at)),
        None => Err(StoreError::Corrupt("its backup mark is gone".to_owned())),
    }
}

/// Refuses a backup in which anything is not as it was when it was taken.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    let kept = row::one(connection, "SELECT digest FROM backup", [], |r| Ok(r.get::<_, Vec<u8>>("digest")?))?;
    if kept.as_deref() == Some(of(connection)?.as_slice()) {
        Ok(())
    } else {
        Err(StoreError::Corrupt("its content is not what was backed up".to_owned()))
    }
}

fn of(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let mut hasher = blake3::Hasher::new();
    let tables = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('backup', 'sqlite_stat1')
                  ORDER BY name";
    let tables = row::all(connection, tables, [], |r| {
        Ok((row::text(r, "name")?.to_owned(), row::optional_text(r, "sql")?.map(str::to_owned)))
    })?;
    for (name, sql) in tables {
        add(&mut hasher, b'n', name.as_bytes());
        add(&mut hasher, b's', sql.unwrap_or_default().as_bytes());
        // In the order of the table itself: a damaged index must not decide what is read.
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\" NOT INDEXED"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Null => add(&mut hasher, b'0', &[]),
                    ValueRef::Integer(n) => add(&mut hasher, b'i', &n.to_le_bytes()),
                    ValueRef::Real(n) => add(&mut hasher, b'f', &n.to_bits().to_le_bytes()),
                    ValueRef::Text(text) => add(&mut hasher, b't', text),
                    ValueRef::Blob(bytes) => add(&mut hasher, b'b', bytes),
                }
            }
            add(&mut hasher, b'r', &[]);
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// With type and length, so that no two rows look alike.
fn add(hasher: &mut blake3::Hasher, kind: u8, bytes: &[u8]) {
    hasher.update(&[kind]);
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
