//! Looking at a store, backing it up and putting it back.

use crate::fixture::*;
use holdfast_core::plan::{Hold, Verb};
use holdfast_core::status::Phase;
use holdfast_store::{
    EventType, Existing, Filter, Inspection, Location, Place, Restored, Store, StoreError, backup, inspect, restore,
};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

fn db(directory: &Path) -> PathBuf {
    directory.join("holdfast.db")
}

fn filled(directory: &Path, resources: u64) -> Store {
    let store = Store::open(&file(directory)).unwrap();
    declare(&store, 0, (0..resources).map(|n| service(&format!("r{n:04}"), n)).collect());
    find_all(&store, 1, Phase::InSync);
    store.intend(&intent(&key("r0001"), Verb::Create, 2)).unwrap();
    store
}

fn declared(store: &Store) -> Vec<String> {
    let all = store.resources(&Filter::default(), 10_000, None).unwrap();
    all.into_iter().map(|r| format!("{} {} {}", r.key, r.generation, r.spec.value())).collect()
}

fn declared_at(path: &Path) -> Vec<String> {
    declared(&Store::open(&Location::File(path.to_owned())).unwrap())
}

fn put_back(from: &Path, to: &Path, existing: Existing) -> Result<Restored, StoreError> {
    restore(from, to, existing, at(50), |_, _| Ok(()))
}

fn places(found: &Inspection) -> Vec<&str> {
    found.findings.iter().map(|f| f.place.as_str()).collect()
}

#[test]
fn a_sound_store_is_found_sound_at_rest_and_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 30);
    let found = inspect(&db(directory.path())).unwrap();
    assert_eq!(found.findings, []);
    assert_eq!((found.stacks, found.resources, found.open_intents), (1, 30, 1));
    assert_eq!((found.in_use, found.backup_of, found.earlier), (true, None, false));
    assert_eq!(found.newest_event, Some(at(0)));
    drop(store);
    assert_eq!(inspect(&db(directory.path())).unwrap(), Inspection { in_use: false, ..found });
}

#[test]
fn what_breaks_a_law_between_rows_is_found_and_named() {
    let wrong = [
        ("UPDATE resource SET spec = '{}' WHERE name = 'r0007'", "resource", "es/Service/r0007"),
        ("UPDATE memory SET body = '{}'", "memory", "not what was written"),
        ("UPDATE intent SET outcome = '{}'", "intent", "half an outcome"),
        ("UPDATE event SET message = X'ff'", "event", "message"),
        ("UPDATE counter SET value = 0 WHERE name = 'version'", "counter", "never given"),
        ("DELETE FROM counter WHERE name = 'probe'", "counter", "probe"),
        ("DELETE FROM generation WHERE name = 'r0003'", "generation", "es/Service/r0003"),
        ("UPDATE generation SET body = '{' WHERE name = 'r0003'", "generation", "JSON"),
        ("INSERT INTO approval VALUES ('a', 'r', 'es', 'p', 'none', 0)", "approval", "es has an approval"),
        ("PRAGMA foreign_keys = OFF; DELETE FROM stack", "references", "resource"),
        (
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'resource_scope'",
            "structure",
            "never used",
        ),
    ];
    for (sql, place, says) in wrong {
        let directory = tempfile::tempdir().unwrap();
        drop(filled(directory.path(), 10));
        Connection::open(db(directory.path())).unwrap().execute_batch(sql).unwrap();
        let found = inspect(&db(directory.path())).unwrap();
        assert!(places(&found).contains(&place), "{sql}: {found:?}");
        assert!(found.findings.iter().any(|f| f.to_string().contains(says)), "{sql}: {found:?}");
        assert!(matches!(found.sound(), Err(StoreError::Corrupt(_))));
    }
}

#[test]
fn what_is_no_store_is_no_damaged_store() {
    let directory = tempfile::tempdir().unwrap();
    let said = |path: &Path| inspect(path).unwrap_err().to_string();
    assert!(said(&db(directory.path())).contains("no such file"));
    std::fs::write(db(directory.path()), "").unwrap();
    assert!(said(&db(directory.path())).contains("empty"));
    let other = directory.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(said(&other).contains("no store of Holdfast"));
    std::fs::write(db(directory.path()), [7; 8192]).unwrap();
    assert_eq!(places(&inspect(&db(directory.path())).unwrap()), ["structure"]);
    std::fs::remove_file(db(directory.path())).unwrap();
    drop(filled(directory.path(), 1));
    Connection::open(db(directory.path())).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(inspect(&db(directory.path())), Err(StoreError::Newer(_))));
}

#[test]
fn a_backup_is_one_moment_of_a_store_that_goes_on_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 5);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                // Always two together: a backup between them would be no moment of the store.
                let pair = [format!("a{number}"), format!("b{number}")];
                declare(&store, 3, pair.iter().map(|name| service(name, number)).collect());
                number += 1;
            }
            number
        });
        for n in 0..4 {
            let copy = directory.path().join(format!("copy-{n}.db"));
            let found = backup(&db(directory.path()), &copy, Existing::Keep, at(9)).unwrap();
            assert_eq!((found.backup_of, found.findings.len()), (Some(at(9)), 0));
            let to = directory.path().join(format!("back-{n}.db"));
            put_back(&copy, &to, Existing::Keep).unwrap();
            let back = declared_at(&to);
            assert_eq!(back.len() as u64, found.resources);
            assert_eq!(found.resources % 2, 1, "five, and whole pairs");
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

#[test]
fn what_is_put_back_is_what_was_backed_up_and_can_be_changed_first() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 20);
    let (truth, copy, to) = (declared(&store), directory.path().join("copy.db"), directory.path().join("new.db"));
    backup(&db(directory.path()), &copy, Existing::Keep, at(9)).unwrap();
    declare(&store, 10, vec![service("later", 1)]);
    let restored = restore(&copy, &to, Existing::Keep, at(50), |store, taken| {
        assert_eq!(taken, Some(at(9)));
        let hold = Hold { reason: "restored".to_owned(), until: None };
        store.set_hold_of(&Place::All, Some(&hold), &event(50, &key("r0001"), EventType::Operated)).map(drop)
    })
    .unwrap();
    assert_eq!((restored.before, restored.inspection.backup_of, restored.inspection.open_intents), (None, None, 1));
    let back = Store::open(&Location::File(to)).unwrap();
    assert_eq!(declared(&back), truth);
    assert_eq!(back.open_intents(&home()).unwrap(), store.open_intents(&home()).unwrap());
    assert!(back.holds().unwrap().all.is_some());
    // And it goes on from there.
    declare(&back, 60, vec![service("more", 1)]);
}

#[test]
fn nothing_that_stands_is_overwritten_unless_it_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 3);
    let (mine, copy) = (db(directory.path()), directory.path().join("copy.db"));
    backup(&mine, &copy, Existing::Keep, at(9)).unwrap();
    assert!(matches!(backup(&mine, &copy, Existing::Keep, at(9)), Err(StoreError::Exists(_))));
    declare(&store, 10, vec![service("later", 1)]);
    assert!(matches!(put_back(&copy, &mine, Existing::Replace), Err(StoreError::InUse(_))));
    drop(store);
    assert!(matches!(put_back(&copy, &mine, Existing::Keep), Err(StoreError::Exists(_))));
    assert_eq!(declared_at(&mine).len(), 4);
    let before = put_back(&copy, &mine, Existing::Replace).unwrap().before.unwrap();
    assert_eq!((declared_at(&mine).len(), declared_at(&before).len()), (3, 4));
    backup(&mine, &copy, Existing::Replace, at(11)).unwrap();
    assert_eq!(inspect(&copy).unwrap().backup_of, Some(at(11)));
}

#[test]
fn a_log_that_was_left_behind_does_not_leak_into_what_is_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 3);
    let (copy, to) = (directory.path().join("copy.db"), directory.path().join("to/holdfast.db"));
    backup(&db(directory.path()), &copy, Existing::Keep, at(9)).unwrap();
    declare(&store, 10, vec![service("later", 1)]);
    std::fs::create_dir(to.parent().unwrap()).unwrap();
    // As a process leaves them that was killed.
    for beside in ["", "-wal"] {
        let from = format!("{}{beside}", db(directory.path()).display());
        std::fs::copy(from, format!("{}{beside}", to.display())).unwrap();
    }
    let before = put_back(&copy, &to, Existing::Replace).unwrap().before.unwrap();
    assert_eq!((declared_at(&to).len(), declared_at(&before).len()), (3, 4));
    std::fs::remove_file(&to).unwrap();
    std::fs::write(format!("{}-wal", to.display()), [7; 5000]).unwrap();
    put_back(&copy, &to, Existing::Keep).unwrap();
    assert_eq!(declared_at(&to).len(), 3);
}

#[test]
fn a_damaged_store_is_not_backed_up_and_a_damaged_one_can_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 50));
    let (mine, copy) = (db(directory.path()), directory.path().join("copy.db"));
    backup(&mine, &copy, Existing::Keep, at(9)).unwrap();
    let bytes = std::fs::read(&mine).unwrap();
    std::fs::write(&mine, &bytes[..bytes.len() / 2]).unwrap();
    let other = directory.path().join("other.db");
    assert!(matches!(backup(&mine, &other, Existing::Keep, at(10)), Err(StoreError::Corrupt(_))));
    assert!(!other.exists() && inspect(&copy).unwrap().findings.is_empty());
    let before = put_back(&copy, &mine, Existing::Replace).unwrap().before.unwrap();
    assert_eq!(declared_at(&mine).len(), 50);
    assert_eq!(std::fs::metadata(before).unwrap().len() as usize, bytes.len() / 2);
}

#[test]
fn half_a_backup_is_refused_and_what_stands_stays() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 30);
    let (mine, copy) = (db(directory.path()), directory.path().join("copy.db"));
    backup(&mine, &copy, Existing::Keep, at(9)).unwrap();
    declare(&store, 10, vec![service("later", 1)]);
    drop(store);
    let whole = std::fs::read(&copy).unwrap();
    // SQLite reads zeros where a file ends early: without those at its end a file says the same.
    let mut length = whole.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    while length > 0 {
        std::fs::write(&copy, &whole[..length]).unwrap();
        let answer = put_back(&copy, &mine, Existing::Replace);
        assert!(
            matches!(answer, Err(StoreError::Corrupt(_) | StoreError::Open { .. })),
            "{length} of {} bytes: {answer:?}",
            whole.len()
        );
        length = length.saturating_sub(whole.len() / 40);
    }
    assert_eq!(declared_at(&mine).len(), 31);
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn a_flipped_bit_in_a_backup_is_refused_or_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 20);
    let (truth, copy) = (declared(&store), directory.path().join("copy.db"));
    let events = store.events(0, 1000, &Default::default()).unwrap();
    backup(&db(directory.path()), &copy, Existing::Keep, at(9)).unwrap();
    let whole = std::fs::read(&copy).unwrap();
    let (mut refused, mut place, to) = (0, 5, directory.path().join("to.db"));
    while place < whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&copy, &bytes).unwrap();
        match put_back(&copy, &to, Existing::Keep) {
            Ok(_) => {
                let back = Store::open(&Location::File(to.clone())).unwrap();
                assert_eq!(declared(&back), truth, "a bit at {place}");
                assert_eq!(back.events(0, 1000, &Default::default()).unwrap(), events, "a bit at {place}");
                drop(back);
                std::fs::remove_file(&to).unwrap();
            }
            Err(_) => refused += 1,
        }
        place += 2003;
    }
    assert!(refused > 10, "only {refused} were noticed");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_copy() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 3));
    let (copy, to) = (directory.path().join("copy.db"), directory.path().join("to.db"));
    backup(&db(directory.path()), &copy, Existing::Keep, at(9)).unwrap();
    put_back(&copy, &to, Existing::Keep).unwrap();
    for path in [copy, to] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
