//! A damaged file is refused, never silently used.

use crate::fixture::*;
use holdfast_core::plan::Verb;
use holdfast_core::status::Phase;
use holdfast_store::{EventFilter, Location, Store, StoreError};
use jiff::Timestamp;
use rusqlite::Connection;
use std::fmt::Write;
use std::path::Path;

/// A small store with something in every table that is acted on, its log folded into the file.
fn filled(directory: &Path) {
    fill(&Store::open(&file(directory)).unwrap());
    fold(directory);
}

fn fill(store: &Store) {
    declare(store, 0, (0..40).map(|n| service(&format!("r{n}"), n)).collect());
    find_all(store, 1, Phase::InSync);
    store.intend(&intent(&key("r1"), Verb::Create, 2)).unwrap();
    let hold = holdfast_core::plan::Hold { reason: "night".to_owned(), until: Some(at(9)) };
    let told = event(1, &key("r1"), holdfast_store::EventType::Operated);
    store.set_hold("es", Some(&hold), at(1), &told).unwrap();
}

fn fold(directory: &Path) {
    let raw = Connection::open(directory.join("holdfast.db")).unwrap();
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// Everything that a pass acts on, as text.
fn acted_on(at: &Location, now: Timestamp) -> Result<String, StoreError> {
    told(&Store::open(at)?, now)
}

fn told(store: &Store, now: Timestamp) -> Result<String, StoreError> {
    let mut all = String::new();
    write!(all, "{:?}", store.desired(&home(), now)?).unwrap();
    write!(all, "{:?}{:?}", store.memories(&home())?, store.statuses(&home())?).unwrap();
    write!(all, "{:?}", store.open_intents(&home())?).unwrap();
    Ok(all)
}

fn edit(directory: &Path, sql: &str) {
    let raw = Connection::open(directory.join("holdfast.db")).unwrap();
    assert!(raw.execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("holdfast.db"), vec![7; 8192]).unwrap();
    assert!(matches!(Store::open(&file(directory.path())), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_torn_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let path = directory.path().join("holdfast.db");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(Store::open(&file(directory.path())), Err(StoreError::Corrupt(_))));
}

#[test]
fn one_wrong_digit_in_a_row_is_refused() {
    let wrong = [
        "UPDATE resource SET spec = replace(spec, '\"desiredCount\":7', '\"desiredCount\":8')",
        "UPDATE resource SET generation = 2 WHERE name = 'r7'",
        "UPDATE resource SET fate = 'deleteByName' WHERE name = 'r7'",
        "UPDATE resource SET region = 'eu-west-1', uid = 'x' WHERE name = 'r7'",
        "UPDATE resource SET phase = 'Failed' WHERE name = 'r7'",
        "UPDATE memory SET body = replace(body, 'i-1', 'i-2')",
        "UPDATE intent SET body = replace(body, 'token-2', 'token-3')",
        "UPDATE stack SET hold = NULL",
    ];
    for sql in wrong {
        let directory = tempfile::tempdir().unwrap();
        filled(directory.path());
        edit(directory.path(), sql);
        let answer = acted_on(&file(directory.path()), at(1));
        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{sql}: {answer:?}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let path = directory.path().join("holdfast.db");
    let (at_rest, whole) = (file(directory.path()), std::fs::read(&path).unwrap());
    let truth = acted_on(&at_rest, at(1)).unwrap();
    let (mut refused, mut place) = (0, 17);
    while place < whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&path, &bytes).unwrap();
        for beside in ["holdfast.db-wal", "holdfast.db-shm"] {
            _ = std::fs::remove_file(directory.path().join(beside));
        }
        match acted_on(&at_rest, at(1)) {
            Ok(read) => assert!(read == truth, "a bit at {place} was read as if nothing had happened"),
            Err(_) => refused += 1,
        }
        // A prime, so that all parts of pages are met.
        place += 211;
    }
    assert!(refused > 100, "only {refused} were noticed");
}

#[test]
fn a_store_in_memory_that_was_emptied_is_as_a_new_one_and_no_other_is_emptied() {
    let store = Store::open(&Location::Memory).unwrap();
    fill(&store);
    let all =
        |store: &Store| format!("{}{:?}", told(store, at(1)).unwrap(), store.events(0, 100, &EventFilter::default()));
    let (first, other) = (all(&store), store.clone());
    assert!(store.emptied().unwrap().is_none(), "another handle is left");
    let again = other.emptied().unwrap().unwrap();
    assert_eq!(all(&again), all(&Store::open(&Location::Memory).unwrap()));
    fill(&again);
    assert_eq!(all(&again), first, "the same ids and versions");
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let before = acted_on(&file(directory.path()), at(1)).unwrap();
    assert!(Store::open(&file(directory.path())).unwrap().emptied().unwrap().is_none(), "a file");
    assert_eq!(acted_on(&file(directory.path()), at(1)).unwrap(), before);
}

#[test]
fn a_second_process_is_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let first = Store::open(&file(directory.path())).unwrap();
    assert!(matches!(Store::open(&file(directory.path())), Err(StoreError::InUse(_))));
    drop(first);
    Store::open(&file(directory.path())).unwrap();
}

#[test]
fn a_store_of_a_later_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    Connection::open(directory.path().join("holdfast.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&file(directory.path())), Err(StoreError::Newer(_))));
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = Location::File(directory.path().join("no/where.db"));
    let error = Store::open(&nowhere).unwrap_err().to_string();
    assert!(error.contains("no/where.db") && error.contains("directory"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let mode = std::fs::metadata(directory.path().join("holdfast.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
