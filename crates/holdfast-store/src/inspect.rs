//! Looks at a store from outside, also while a process has it open, and says all that is wrong with it.

use crate::connect::{is_in_use, suffixed};
use crate::resource::{Declared, SELECT};
use crate::{StoreError, approval, digest, events, hold, journal, parts, pass, resource, row, schema, wal};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// More findings than this say no more.
const MOST: usize = 100;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `structure`, `log`, `references`, `digest`, or the table.
    pub place: String,
    /// What, in words.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// What a look at a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// What is wrong; empty for a sound store. At most a hundred.
    pub findings: Vec<Finding>,
    /// Stacks declared.
    pub stacks: u64,
    /// Resources declared.
    pub resources: u64,
    /// Writes to AWS whose outcome nobody knows.
    pub open_intents: u64,
    /// When the newest event was written.
    pub newest_event: Option<Timestamp>,
    /// When it was taken, if it is a backup.
    pub backup_of: Option<Timestamp>,
    /// A process has it open.
    pub in_use: bool,
    /// It was written by an earlier version, whose rows are checked once this version has opened it.
    pub earlier: bool,
}

impl Inspection {
    fn find(&mut self, place: &str, message: impl Into<String>) {
        if self.findings.len() < MOST {
            self.findings.push(Finding { place: place.to_owned(), message: message.into() });
        }
    }

    /// Notes a finding of a check that may also fail as a whole.
    fn note(&mut self, place: &str, outcome: Result<(), StoreError>) {
        match outcome {
            Ok(()) => {}
            Err(StoreError::Corrupt(why)) => self.find(place, why),
            Err(other) => self.find(place, other.to_string()),
        }
    }

    /// Itself if nothing is wrong.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first finding.
    pub fn sound(self) -> Result<Self, StoreError> {
        match self.findings.as_slice() {
            [] => Ok(self),
            [only] => Err(StoreError::Corrupt(only.to_string())),
            [first, more @ ..] => Err(StoreError::Corrupt(format!("{first}, and {} more", more.len()))),
        }
    }
}

/// Looks at everything in the store at `path` and writes nothing: pages and indexes, the log beside it, references
/// between rows, the seal and the content of each row, and what must hold between rows.
///
/// # Errors
/// [`StoreError::Open`] if there is no store, [`StoreError::Newer`], [`StoreError::Busy`]. What is wrong with the store is
/// a finding.
pub fn inspect(path: &Path) -> Result<Inspection, StoreError> {
    let mut found = Inspection { in_use: is_in_use(path), ..Inspection::default() };
    if !found.in_use {
        found.note("log", wal::check(&suffixed(path, "-wal")));
    }
    let (connection, version) = match open(path).and_then(|c| version(&c, path).map(|version| (c, version))) {
        Ok(opened) => opened,
        Err(StoreError::Corrupt(why)) => {
            found.find("structure", why);
            return Ok(found);
        }
        Err(other) => return Err(other),
    };
    found.earlier = version < schema::VERSION;
    let structure =
        row::all(&connection, "PRAGMA integrity_check(100)", [], |r| Ok(row::text(r, "integrity_check")?.to_owned()));
    match structure {
        Ok(lines) => lines.iter().filter(|l| *l != "ok").for_each(|line| found.find("structure", line.as_str())),
        Err(error) => found.note("structure", Err(error)),
    }
    found.backup_of = match digest::taken(&connection) {
        Ok(taken) => taken,
        Err(error) => {
            found.note("digest", Err(error));
            None
        }
    };
    if found.backup_of.is_some() {
        found.note("digest", digest::check(&connection));
    }
    if !found.earlier {
        contents(&connection, &mut found);
    }
    Ok(found)
}

/// Opens a store to read it.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let nothing = |reason: &str| StoreError::Open { path: path.to_owned(), reason: reason.to_owned() };
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Err(nothing("it is empty")),
        Ok(file) if !file.is_file() => return Err(nothing("it is no file")),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(nothing("there is no such file")),
        Err(error) => return Err(nothing(&error.to_string())),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Which of our versions wrote it.
pub(crate) fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let tables = "SELECT COUNT(*) AS n FROM sqlite_schema WHERE name IN ('resource', 'stack', 'intent', 'counter')";
    let ours = row::one(connection, tables, [], |r| row::count(r, "n"))? == Some(4);
    match usize::try_from(version) {
        Ok(version) if version > schema::VERSION => Err(StoreError::Newer(path.to_owned())),
        Ok(version) if ours => Ok(version),
        _ => Err(StoreError::Open { path: path.to_owned(), reason: "it is no store of Holdfast".to_owned() }),
    }
}

/// Reads rows of a table until one cannot be had at all; what is wrong with one does not hide the next.
fn each(
    connection: &Connection,
    found: &mut Inspection,
    (place, sql): (&str, &str),
    mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> u64 {
    let mut rows = 0;
    let walked = row::all(connection, sql, [], |r| {
        rows += 1;
        found.note(place, read(r));
        Ok(())
    });
    found.note(place, walked.map(drop));
    rows
}

fn contents(connection: &Connection, found: &mut Inspection) {
    each(connection, found, ("references", "PRAGMA foreign_key_check"), |r| {
        Err(StoreError::Corrupt(format!("a row of {} has lost the row that it belongs to", row::text(r, "table")?)))
    });
    each(connection, found, ("account", "SELECT * FROM account"), |r| parts::read_account(r).map(drop));
    found.stacks = each(connection, found, ("stack", "SELECT * FROM stack"), |r| parts::read_stack(r).map(drop));
    let sql = format!("{SELECT} ORDER BY r.id");
    found.resources = each(connection, found, ("resource", &sql), |r| {
        let declared = Declared::read(r)?;
        resource::record(r)?;
        approval::instead(&declared.desired(None)?, r).map(drop)
    });
    let memories = "SELECT r.uid, m.body, m.seal AS memory_seal FROM resource r JOIN memory m ON m.resource_id = r.id";
    each(connection, found, ("memory", memories), |r| resource::memory(r).map(drop));
    found.note("hold", hold::holds(connection).map(drop));
    each(connection, found, ("intent", "SELECT * FROM intent"), |r| journal::read(r).map(drop));
    each(connection, found, ("event", "SELECT * FROM event"), |r| events::read(r).map(drop));
    let bodies = ["scope_status", "generation", "plan", "awaiting"];
    for table in bodies {
        each(connection, found, (table, &format!("SELECT body FROM {table}")), |r| {
            row::parse::<serde_json::Value>(row::text(r, "body")?).map(drop)
        });
    }
    found.note("scope_status", pass::scope_statuses(connection).map(drop));
    for (place, sql, what) in LAWS {
        each(connection, found, (place, sql), |r| Err(StoreError::Corrupt(format!("{} {what}", row::text(r, "who")?))));
    }
    found.open_intents = counted(connection, "SELECT COUNT(*) AS n FROM intent WHERE result IS NULL");
    let newest = row::one(connection, "SELECT at FROM event ORDER BY id DESC LIMIT 1", [], |r| row::time(r, "at"));
    found.newest_event = newest.unwrap_or_default();
}

fn counted(connection: &Connection, sql: &str) -> u64 {
    row::one(connection, sql, [], |r| row::count(r, "n")).ok().flatten().unwrap_or_default()
}

/// What holds between rows: a query for those that break it, and what to say of each.
const LAWS: [(&str, &str, &str); 6] = [
    (
        "generation",
        "SELECT stack || '/' || kind || '/' || name AS who FROM resource r
         WHERE generation <> (SELECT COALESCE(MAX(g.generation), 0) FROM generation g WHERE g.stack = r.stack
           AND g.kind = r.kind AND g.name = r.name AND g.uid = r.uid)",
        "declares another generation than the newest in its history",
    ),
    (
        "counter",
        "SELECT stack || '/' || kind || '/' || name AS who FROM resource
         WHERE version > (SELECT value FROM counter WHERE name = 'version')
         UNION ALL SELECT name FROM stack WHERE version > (SELECT value FROM counter WHERE name = 'version')
         UNION ALL SELECT name FROM account WHERE version > (SELECT value FROM counter WHERE name = 'version')",
        "has a version that was never given",
    ),
    (
        "counter",
        "SELECT word AS who FROM (SELECT 'version' AS word UNION SELECT 'probe')
         WHERE word NOT IN (SELECT name FROM counter)",
        "is a counter that is gone",
    ),
    (
        "intent",
        "SELECT 'intent ' || id AS who FROM intent WHERE (result IS NULL) <> (outcome IS NULL)",
        "has half an outcome",
    ),
    (
        "approval",
        "SELECT stack AS who FROM approval WHERE plan NOT IN (SELECT hash FROM plan)",
        "has an approval of a plan that is gone",
    ),
    (
        "stack",
        "SELECT name AS who FROM stack WHERE deleting = 1 AND name NOT IN (SELECT stack FROM resource)",
        "is to go, has no resources any more, and is still there",
    ),
];
