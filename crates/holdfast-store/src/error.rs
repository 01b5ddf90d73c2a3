//! What can go wrong, sorted by what the caller does next.

use crate::types::Target;
use rusqlite::ffi;
use std::path::PathBuf;

/// Why the store did not do what it was asked. Nothing of a refused write is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room on the disk. Reads go on; a write works again as soon as there is room.
    #[error("the store's disk is full, so nothing was written: free some space and try again")]
    Full,
    /// The disk takes no writes: a quota, a limit on the size of files, a file system that was mounted again for reading
    /// only. Reads go on; a write works again as soon as the disk does.
    #[error(
        "the store's disk refuses to be written ({0}), so nothing was written: look at its quota, its limits and its health, and try again"
    )]
    Unwritable(String),
    /// What is on the disk is not what was written there. The store must not be used.
    #[error(
        "the store is corrupt: {0}. Stop Holdfast and put a backup of the store back, or start with an empty store and apply the documents again: live resources are found by their owner tags"
    )]
    Corrupt(String),
    /// Somebody else held the write lock for too long.
    #[error("the store is busy: another process holds its write lock; try again")]
    Busy,
    /// A precondition did not hold.
    #[error("{target} {}", match .found { Some(v) => format!("is at version {v}: it moved since it was read, or it exists already"), None => "does not exist".to_owned() })]
    Conflict {
        /// What the precondition was about.
        target: Target,
        /// Its version now; `None` if it does not exist.
        found: Option<u64>,
    },
    /// A change names something that is not there.
    #[error("{0} does not exist")]
    Missing(Target),
    /// A file stands where a copy is to go.
    #[error("{} exists already, and stays as it is", .0.display())]
    Exists(PathBuf),
    /// Another process has the store open.
    #[error("{} is in use by another Holdfast process: stop it, or give this one its own store", .0.display())]
    InUse(PathBuf),
    /// The store was written by a later version of Holdfast.
    #[error("{} was written by a later version of Holdfast: run that version or a later one", .0.display())]
    Newer(PathBuf),
    /// The file cannot be opened or made.
    #[error("cannot open the store {}: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A value has no JSON form.
    #[error("a value cannot be stored as JSON")]
    Encode(#[from] serde_json::Error),
    /// Anything else that SQLite reports.
    #[error("SQLite refused")]
    Sqlite(#[source] rusqlite::Error),
}

/// What SQLite says when the disk refuses a write for another reason than that it is full.
const REFUSED: [i32; 4] =
    [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC, ffi::SQLITE_IOERR_TRUNCATE];

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error().map(|e| e.extended_code) else {
            return match error {
                // A column that no longer holds its type was not written by us.
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => Self::Corrupt(error.to_string()),
                other => Self::Sqlite(other),
            };
        };
        match code & 0xff {
            ffi::SQLITE_FULL => Self::Full,
            // The shared-memory index of the log is a file too, and grows.
            ffi::SQLITE_IOERR if code == ffi::SQLITE_IOERR_SHMSIZE => Self::Full,
            ffi::SQLITE_READONLY => Self::Unwritable(error.to_string()),
            ffi::SQLITE_IOERR if REFUSED.contains(&code) => Self::Unwritable(error.to_string()),
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Self::Corrupt(error.to_string()),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}
