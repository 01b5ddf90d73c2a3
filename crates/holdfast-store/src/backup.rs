//! Copies of a store: taken while it is in use, proven before they count, and put back without a gap.

use crate::connect::{create, lock, prepare, suffixed};
use crate::inspect::{Inspection, inspect, open, version};
use crate::schema::migrations;
use crate::{Location, Store, StoreError, digest};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What becomes of a file that stands in the place of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is done.
    Keep,
    /// The copy takes its place.
    Replace,
}

/// How a restore ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What is in the store now.
    pub inspection: Inspection,
    /// Where the store that stood there before is now.
    pub before: Option<PathBuf>,
}

/// Writes a copy of the store at `from`, as it is at one moment, to `to`; the store may be in use meanwhile. The copy is
/// checked, marked with a hash over all that is in it, and on the disk before it gets its name: there is a whole
/// backup of that name, or the one before, or none.
///
/// # Errors
/// [`StoreError::Exists`], [`StoreError::Corrupt`] if the store is not sound, [`StoreError::Full`], [`StoreError::Open`].
pub fn backup(from: &Path, to: &Path, existing: Existing, now: Timestamp) -> Result<Inspection, StoreError> {
    if existing == Existing::Keep && to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let partial = Partial::copy(from, to)?;
    digest::put(&partial.connect()?, now)?;
    let inspection = inspect(&partial.0)?.sound()?;
    partial.take_place_of(to)?;
    Ok(inspection)
}

/// Puts a copy of the store at `from`, usually a backup, in the place `to`, after it has been checked. `ready` may change the store
/// before anybody else sees it, such as to pause it. A store that stands there is kept beside it.
///
/// # Errors
/// [`StoreError::InUse`] while a process has the store open, [`StoreError::Exists`], [`StoreError::Corrupt`] if the copy is not
/// sound, [`StoreError::Newer`], [`StoreError::Full`], [`StoreError::Open`]; then `to` is as it was.
pub fn restore(
    from: &Path,
    to: &Path,
    existing: Existing,
    now: Timestamp,
    ready: impl FnOnce(&Store, Option<Timestamp>) -> Result<(), StoreError>,
) -> Result<Restored, StoreError> {
    let source = inspect(from)?.sound()?;
    let _alone = lock(to)?;
    if existing == Existing::Keep && to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let partial = Partial::copy(from, to)?;
    if source.backup_of.is_some() {
        digest::check(&partial.connect()?)?;
    }
    partial.become_a_store(|store| ready(store, source.backup_of))?;
    let inspection = inspect(&partial.0)?.sound()?;
    let before = if to.exists() { Some(aside(to, now)?) } else { None };
    // A log that is not this file's would be read as if it were.
    for beside in ["-wal", "-shm"] {
        remove(&suffixed(to, beside))?;
    }
    partial.take_place_of(to)?;
    Ok(Restored { inspection, before })
}

/// A copy under way, beside the place that it is for; gone with the value unless it took its place.
struct Partial(PathBuf);

impl Partial {
    /// Copies everything that is committed.
    fn copy(from: &Path, to: &Path) -> Result<Self, StoreError> {
        let source = open(from)?;
        version(&source, from)?;
        let partial = Self(suffixed(to, ".partial"));
        partial.clear()?;
        create(&partial.0)?;
        let name = partial
            .0
            .to_str()
            .ok_or_else(|| StoreError::Open { path: partial.0.clone(), reason: "its name is no UTF-8".to_owned() })?;
        source.execute("VACUUM INTO ?1", [name])?;
        Ok(partial)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.0, flags)?;
        prepare(&connection)?;
        Ok(connection)
    }

    /// Brings the copy to this version, and leaves it as one file without a log.
    fn become_a_store(&self, ready: impl FnOnce(&Store) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut connection = self.connect()?;
        digest::remove(&connection)?;
        migrations().to_latest(&mut connection).map_err(|e| crate::connect::migration_error(e, &self.0))?;
        drop(connection);
        let store = Store::open(&Location::File(self.0.clone()))?;
        ready(&store)?;
        drop(store);
        fold(&self.0)
    }

    fn clear(&self) -> Result<(), StoreError> {
        ["", "-wal", "-shm", "-journal", ".lock"].iter().try_for_each(|beside| remove(&suffixed(&self.0, beside)))
    }

    /// Gives the copy its name, once it is on the disk.
    fn take_place_of(self, to: &Path) -> Result<(), StoreError> {
        let synced = File::open(&self.0).and_then(|file| file.sync_all());
        synced.and_then(|()| fs::rename(&self.0, to)).map_err(|e| crate::connect::cannot_open(to, &e))?;
        sync_folder(to)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next copy.
        _ = self.clear();
    }
}

/// Writes everything that stands in the log into the file, and leaves no log.
fn fold(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(())
}

/// Gives the store that stands at `to` a second name, under which it stays.
fn aside(to: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    // A damaged one stays as it is, with its log.
    let whole = inspect(to).is_ok_and(|found| found.findings.is_empty()) && fold(to).is_ok();
    let kept = suffixed(to, &format!(".before-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let link = |from: &Path, to: &Path| fs::hard_link(from, to).map_err(|e| crate::connect::cannot_open(to, &e));
    remove(&kept)?;
    link(to, &kept)?;
    let log = suffixed(to, "-wal");
    if !whole && log.exists() {
        remove(&suffixed(&kept, "-wal"))?;
        link(&log, &suffixed(&kept, "-wal"))?;
    }
    sync_folder(to)?;
    Ok(kept)
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(crate::connect::cannot_open(path, &e)),
        _ => Ok(()),
    }
}

/// A name is on the disk when its folder is.
fn sync_folder(of: &Path) -> Result<(), StoreError> {
    let folder = of.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| crate::connect::cannot_open(folder, &e))
}
