//! Damage by page type and in the log: SQLite's file has several kinds of page, and each breaks in its own way.

use crate::fixture::*;
use holdfast_core::plan::Verb;
use holdfast_core::status::Phase;
use holdfast_store::{Filter, Store, StoreError, inspect};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Bits flipped in each type of page.
const FLIPS: usize = 40;

/// A store with every type of page in it, its log folded into the file.
fn filled(directory: &Path) {
    let store = Store::open(&file(directory)).unwrap();
    declare(&store, 0, (0..160).map(|n| service(&format!("a-service-with-a-long-name-{n}"), n)).collect());
    let mut long = service("long", 1);
    long.spec = serde_json::json!({ "text": "x".repeat(30_000) });
    declare(&store, 0, vec![long]);
    find_all(&store, 1, Phase::InSync);
    store.intend(&intent(&key("long"), Verb::Create, 2)).unwrap();
    let large = "y".repeat(60_000);
    let notes: Vec<_> = (0..4).map(|_| event(1, &key("long"), holdfast_store::EventType::Operated)).collect();
    store
        .log(&notes.into_iter().map(|e| holdfast_store::Event { message: large.clone(), ..e }).collect::<Vec<_>>())
        .unwrap();
    // What goes leaves free pages.
    store.prune_log(at(100)).unwrap();
    drop(store);
}

/// The pages of each type, by number from 1.
fn pages(path: &Path) -> BTreeMap<String, Vec<usize>> {
    let raw = Connection::open(path).unwrap();
    let mut types: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let sql = "SELECT s.pageno, s.pagetype, COALESCE(m.type, 'table') FROM dbstat s LEFT JOIN sqlite_schema m ON m.name = s.name";
    let mut statement = raw.prepare(sql).unwrap();
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
    let mut seen = BTreeSet::from([1]);
    for row in rows.unwrap() {
        let (page, kind, of): (u32, String, String) = row.unwrap();
        let page = page as usize;
        seen.insert(page);
        if page > 1 {
            types.entry(format!("{of} {kind}")).or_default().push(page);
        }
    }
    let count: u32 = raw.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
    types.insert("free".to_owned(), (1..=count as usize).filter(|p| !seen.contains(p)).collect());
    types.insert("header".to_owned(), vec![1]);
    types
}

/// Everything that a pass acts on, as text.
fn acted_on(directory: &Path) -> Result<String, StoreError> {
    let store = Store::open(&file(directory))?;
    let mut all = String::new();
    write!(all, "{:?}", store.desired(&home(), at(1))?).unwrap();
    write!(all, "{:?}{:?}", store.memories(&home())?, store.statuses(&home())?).unwrap();
    write!(all, "{:?}", store.open_intents(&home())?).unwrap();
    Ok(all)
}

#[test]
fn a_flipped_bit_in_every_type_of_page_is_refused_or_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let path = directory.path().join("holdfast.db");
    let truth = acted_on(directory.path()).unwrap();
    let (whole, types) = (std::fs::read(&path).unwrap(), pages(&path));
    let names: Vec<&str> = types.iter().filter(|(_, p)| !p.is_empty()).map(|(n, _)| n.as_str()).collect();
    let all = ["free", "header", "index internal", "index leaf", "table internal", "table leaf", "table overflow"];
    assert_eq!(names, all);
    for (name, numbers) in &types {
        let mut refused = 0;
        for n in 0..FLIPS {
            // The first bytes of a page say what it is; the rest is met at all places.
            let offset = if n < 8 { n } else { n * 4096 / FLIPS + n };
            let place = (numbers[n % numbers.len()] - 1) * 4096 + offset;
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (n % 8);
            std::fs::write(&path, &bytes).unwrap();
            for beside in ["holdfast.db-wal", "holdfast.db-shm"] {
                _ = std::fs::remove_file(directory.path().join(beside));
            }
            match acted_on(directory.path()) {
                Ok(read) => assert!(read == truth, "a bit at {place}, {name}, was read as if nothing had happened"),
                Err(_) => refused += 1,
            }
        }
        println!("{name}: {refused} of {FLIPS} flips refused, the others without effect");
        // What stands in a free page is read by nobody.
        assert!(refused > 0 || name == "free", "{name}");
    }
}

/// The store with `commits` one after the other in its log, as a power cut leaves it; answers what the log weighed
/// after each.
fn with_a_log(directory: &Path, commits: u64) -> (Vec<u8>, Vec<usize>) {
    let live = tempfile::tempdir().unwrap();
    let store = Store::open(&file(live.path())).unwrap();
    let wal = live.path().join("holdfast.db-wal");
    let mut lengths = Vec::new();
    for n in 0..commits {
        declare(&store, 0, vec![service(&format!("r{n}"), n)]);
        lengths.push(std::fs::metadata(&wal).unwrap().len() as usize);
    }
    std::fs::copy(live.path().join("holdfast.db"), directory.join("holdfast.db")).unwrap();
    (std::fs::read(&wal).unwrap(), lengths)
}

/// Opens the store with this log beside the file as it was.
fn opened(directory: &Path, file_bytes: &[u8], log: &[u8]) -> Result<Vec<String>, StoreError> {
    std::fs::write(directory.join("holdfast.db"), file_bytes).unwrap();
    std::fs::write(directory.join("holdfast.db-wal"), log).unwrap();
    _ = std::fs::remove_file(directory.join("holdfast.db-shm"));
    let looked = inspect(&directory.join("holdfast.db"));
    let store = Store::open(&file(directory));
    assert_eq!(store.is_ok(), looked.is_ok_and(|found| found.findings.is_empty()), "both say the same");
    let store = store?;
    Ok(store.resources(&Filter::default(), 1000, None)?.into_iter().map(|r| r.key.name.clone()).collect())
}

#[test]
fn a_log_that_ends_anywhere_gives_what_was_committed_before_and_nothing_by_halves() {
    let directory = tempfile::tempdir().unwrap();
    let (log, lengths) = with_a_log(directory.path(), 8);
    let whole = std::fs::read(directory.path().join("holdfast.db")).unwrap();
    for length in (0..=log.len()).rev().step_by(4001) {
        let names = opened(directory.path(), &whole, &log[..length]).unwrap();
        let committed = lengths.iter().filter(|l| **l <= length).count();
        assert_eq!(names.len(), committed, "{length} of {} bytes", log.len());
    }
}

#[test]
fn a_damaged_log_is_refused_where_commits_stand_behind_the_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (log, lengths) = with_a_log(directory.path(), 8);
    let whole = std::fs::read(directory.path().join("holdfast.db")).unwrap();
    let last = lengths[lengths.len() - 2];
    let mut refused = 0;
    for place in (0..log.len()).step_by(911) {
        let mut bytes = log.clone();
        bytes[place] ^= 1 << (place % 8);
        match opened(directory.path(), &whole, &bytes) {
            // The last commit may have been torn by a power cut before it was answered: nobody can tell.
            Ok(names) => assert!(names.len() == 8 || (place >= last && names.len() == 7), "{place}: {names:?}"),
            Err(StoreError::Corrupt(_)) => refused += 1,
            Err(other) => panic!("a bit at {place}: {other}"),
        }
    }
    assert!(refused > 20, "only {refused} were noticed");
}
