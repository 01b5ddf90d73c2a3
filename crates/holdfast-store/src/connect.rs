//! Connections: one that writes, a few that read, and what must be true before any of them is used.

use crate::schema::migrations;
use crate::types::Location;
use crate::{StoreError, row, wal};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many reads can run at once.
const READERS: usize = 4;
/// Pages that a reader keeps, in KiB, which SQLite takes as a negative number. What is read often is kept by this process
/// in another form, and the rest is in the system's cache.
const READER_CACHE: i32 = -256;
/// Statements are few and each is used often.
const STATEMENTS: usize = 128;

/// The connections of one store.
pub(crate) struct Connections {
    writer: Mutex<Connection>,
    /// Empty for a store in memory, which has a single connection.
    readers: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    /// Held for as long as the store is open, and let go by the system if the process dies.
    _lock: Option<File>,
}

impl Connections {
    pub(crate) fn open(at: &Location) -> Result<Self, StoreError> {
        let Location::File(path) = at else { return Self::in_memory() };
        let lock = lock(path)?;
        create(path)?;
        wal::check(&suffixed(path, "-wal"))?;
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        keep_a_log(&writer, path)?;
        check_pages(&writer)?;
        migrations().to_latest(&mut writer).map_err(|e| migration_error(e, path))?;
        check_rows(&writer)?;
        begin_the_log_anew(&writer);
        let readers = (0..READERS).map(|_| reader(path).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self { writer: Mutex::new(writer), readers, next: AtomicUsize::new(0), _lock: Some(lock) })
    }

    fn in_memory() -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut writer = Connection::open_in_memory_with_flags(flags)?;
        prepare(&writer)?;
        migrations().to_latest(&mut writer).map_err(|e| migration_error(e, Path::new(":memory:")))?;
        Ok(Self { writer: Mutex::new(writer), readers: Vec::new(), next: AtomicUsize::new(0), _lock: None })
    }

    /// Those of a store in memory, with nothing in it but what a new one has; the statements stay prepared.
    pub(crate) fn emptied(self) -> Result<Option<Self>, StoreError> {
        if self._lock.is_some() {
            return Ok(None);
        }
        let mut writer = self.writer();
        let change = writer.transaction()?;
        // Made later, deleted sooner: what refers to others goes before them.
        let made = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid DESC";
        for table in row::all(&change, made, [], |r| Ok(row::text(r, "name")?.to_owned()))? {
            let empty =
                if table == "counter" { "UPDATE counter SET value = 0" } else { &*format!("DELETE FROM {table}") };
            row::run(&change, empty, [])?;
        }
        change.commit()?;
        drop(writer);
        Ok(Some(self))
    }

    /// The connection that writes. A panic while it was held has rolled its transaction back.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to read with: a free one if there is one.
    pub(crate) fn reader(&self) -> MutexGuard<'_, Connection> {
        if self.readers.is_empty() {
            return self.writer();
        }
        if let Some(free) = self.readers.iter().find_map(|r| r.try_lock().ok()) {
            return free;
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        self.readers[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a second process out: two loops on one store would both write to AWS.
pub(crate) fn lock(path: &Path) -> Result<File, StoreError> {
    let beside = suffixed(path, ".lock");
    let file = owner_only().open(&beside).map_err(|e| cannot_open(&beside, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(e)) => Err(cannot_open(&beside, &e)),
    }
}

/// True if a process has the store open. Nothing is left behind.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let held = File::open(suffixed(path, ".lock")).map(|file| file.try_lock_shared());
    matches!(held, Ok(Err(TryLockError::WouldBlock)))
}

/// Makes an empty file that only its owner can read, if there is none; SQLite gives its log the same mode.
pub(crate) fn create(path: &Path) -> Result<(), StoreError> {
    owner_only().open(path).map(drop).map_err(|e| cannot_open(path, &e))
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn cannot_open(path: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full,
        std::io::ErrorKind::NotFound => StoreError::Open {
            path: path.to_owned(),
            reason: "its directory does not exist: make it, or name another place".to_owned(),
        },
        _ => StoreError::Open { path: path.to_owned(), reason: error.to_string() },
    }
}

/// A connection that only reads.
fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection)?;
    Ok(connection)
}

pub(crate) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // With a log, FULL syncs it at every commit: what was answered is on the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A statement keeps its plan, whatever is bound to it: else each new value has it prepared anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// Turns the write-ahead log on, which needs shared memory: no network file system has it.
fn keep_a_log(writer: &Connection, path: &Path) -> Result<(), StoreError> {
    let mode: String = writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Open {
            path: path.to_owned(),
            reason: "its file system cannot hold SQLite's write-ahead log: put it on a local disk".to_owned(),
        });
    }
    // A log that once grew with a long write gives its room back.
    writer.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    Ok(())
}

/// Empties the log into the file, so that it holds nothing but what this process writes: what an earlier one left
/// behind its end would look like damage later.
fn begin_the_log_anew(writer: &Connection) {
    // Without room for it the log goes on as it is, which SQLite can read as well.
    _ = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

/// Reads every page once and refuses a file whose structure is damaged.
fn check_pages(writer: &Connection) -> Result<(), StoreError> {
    verdict(writer, "PRAGMA quick_check(1)", "quick_check")
}

/// Holds the tables that are acted on against their indexes and against each other: a row that an index has lost
/// would be left alone for ever. The log is not among them, so opening takes no longer as it grows.
fn check_rows(writer: &Connection) -> Result<(), StoreError> {
    for table in ["account", "stack", "resource", "memory", "intent", "carried", "awaiting", "approval", "hold"] {
        verdict(writer, &format!("PRAGMA integrity_check({table})"), "integrity_check")?;
    }
    match row::one(writer, "PRAGMA foreign_key_check", [], |r| Ok(row::text(r, "table")?.to_owned()))? {
        None => Ok(()),
        Some(table) => Err(StoreError::Corrupt(format!("a row of {table} has lost the row that it belongs to"))),
    }
}

fn verdict(writer: &Connection, pragma: &str, column: &str) -> Result<(), StoreError> {
    match row::one(writer, pragma, [], |r| Ok(row::text(r, column)?.to_owned()))?.as_deref() {
        Some("ok") => Ok(()),
        Some(other) => Err(StoreError::Corrupt(other.to_owned())),
        None => Err(StoreError::Corrupt("it cannot be checked".to_owned())),
    }
}

pub(crate) fn migration_error(error: rusqlite_migration::Error, path: &Path) -> StoreError {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        rusqlite_migration::Error::MigrationDefinition(_) => StoreError::Newer(path.to_owned()),
        other => StoreError::Open { path: path.to_owned(), reason: other.to_string() },
    }
}
