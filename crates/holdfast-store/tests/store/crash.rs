//! kill -9 at any moment: every document that was accepted is there afterwards.

use crate::fixture::*;
use holdfast_core::plan::Verb;
use holdfast_store::{Change, EventFilter, Filter, Store};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DIRECTORY: &str = "HOLDFAST_STORE_CRASH_TEST";
const ROUNDS: u8 = 12;

/// The process that is killed: applies documents and says so after each one. A test only in name, because the
/// test binary is the one binary at hand.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let store = Store::open(&file(&PathBuf::from(directory))).unwrap();
    let before = store.summary(&Filter::default()).unwrap().resources;
    for number in before.. {
        let name = format!("r{number:06}");
        let change = Change { stacks: vec![stack("es")], resources: vec![service(&name, number)], ..change(1) };
        store.change(&change).unwrap();
        say(&format!("accepted {name}"));
        let id = store.intend(&intent(&key(&name), Verb::Create, 1)).unwrap();
        say(&format!("intended {id}"));
        store.outcome(id, &applied(1), Some((&key(&name), &memory(&name)))).unwrap();
        say(&format!("done {name}"));
    }
}

/// One whole line in one write, so that a kill leaves no half of it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Lets a child work for a while after its first word, kills it, and answers what it had said.
#[expect(clippy::disallowed_methods, reason = "the kill must not wait for anything that the child does")]
fn run_and_kill(directory: &Path, round: u8) -> Vec<String> {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let first = lines.find(|l| l.starts_with("accepted")).unwrap();
    let reader = std::thread::spawn(move || lines.collect::<Vec<_>>());
    // A different moment each round, and another one on each machine.
    std::thread::sleep(Duration::from_micros(500 + u64::from(round) * 3_700 % 23_000));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut said = reader.join().unwrap();
    said.insert(0, first);
    said
}

#[test]
fn every_accepted_document_survives_kill_minus_nine() {
    let directory = tempfile::tempdir().unwrap();
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let said = run_and_kill(directory.path(), round);
        let store = Store::open(&file(directory.path())).unwrap();
        let memories = store.memories(&home()).unwrap();
        let open = store.open_intents(&home()).unwrap();
        assert!(open.len() <= usize::from(round) + 1, "one a kill at most");
        for line in &said {
            match line.split_once(' ').unwrap_or_default() {
                ("accepted", name) => {
                    assert!(store.resource(&key(name)).unwrap().is_some(), "{name} is lost");
                    accepted += 1;
                }
                ("intended", id) => assert!(store.newest_intent() >= id.parse::<i64>().unwrap()),
                ("done", name) => assert_eq!(memories[&key(name)], memory(name)),
                _ => {}
            }
        }
        let resources = store.summary(&Filter::default()).unwrap().resources;
        let declared =
            store.events(0, 1_000_000, &EventFilter { kind: Some("Service".to_owned()), ..EventFilter::default() });
        assert_eq!(resources, declared.unwrap().len() as u64, "a document and its event come together");
    }
    assert!(accepted >= u64::from(ROUNDS));
    let raw = rusqlite::Connection::open(directory.path().join("holdfast.db")).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// What the tests ask of the store and nobody else does.
trait Newest {
    fn newest_intent(&self) -> i64;
}

impl Newest for Store {
    fn newest_intent(&self) -> i64 {
        let last = self.resources(&Filter::default(), 1_000_000, None).unwrap();
        last.iter().flat_map(|r| self.intents_of(&r.key, 1).unwrap()).map(|i| i.id).max().unwrap_or(0)
    }
}
