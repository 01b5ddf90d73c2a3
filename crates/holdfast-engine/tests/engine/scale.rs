//! Ten thousand resources: what a pass that finds nothing costs.

use crate::bench::{bench, stack};
use holdfast_engine::Undisturbed;
use holdfast_store::{Location, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
#[ignore = "a measurement: run it with --release --ignored --nocapture"]
async fn a_pass_over_ten_thousand_that_finds_nothing_costs_little() {
    let b = bench();
    for s in 0..100 {
        let names: Vec<String> = (0..100).map(|i| format!("g{s}-{i}")).collect();
        let all: Vec<(&str, &str, Value)> = names
            .iter()
            .enumerate()
            .map(|(i, name)| match i % 4 {
                0 => ("Group", name.as_str(), json!({ "groupName": name, "rules": ["http", "ssh", "rdp", "dns"] })),
                _ => {
                    let group = format!("${{Group/{}.id}}", names[i - i % 4]);
                    ("Machine", name.as_str(), json!({ "name": name, "size": 3, "group": group }))
                }
            })
            .collect();
        b.declare(&stack(&format!("s{s}"), &all));
    }
    let start = Instant::now();
    let first = b.pass().await;
    println!("create {} in {:?}", first.succeeded, start.elapsed());
    let start = Instant::now();
    let second = b.pass().await;
    println!("settle {} in {:?}", second.changed, start.elapsed());
    b.settle().await;
    let start = Instant::now();
    for _ in 0..40 {
        let quiet = b.pass().await;
        assert_eq!((quiet.resources, quiet.planned, quiet.changed), (10_000, 0, 0));
    }
    println!("a pass that finds nothing: {:?}", start.elapsed() / 40);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "{}",
        status.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM")).collect::<Vec<_>>().join(" ")
    );
}

/// The pages of the database that passes have written: its write-ahead log only ever grows by them.
fn written(dir: &std::path::Path) -> u64 {
    std::fs::metadata(dir.join("holdfast.db-wal")).map(|m| m.len()).unwrap_or_default()
}

#[tokio::test]
async fn a_hundred_passes_that_find_nothing_new_write_nothing_in_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut b = bench();
    let file = Location::File(dir.path().join("holdfast.db"));
    b.store = Store::open(&file).expect("it opens");
    b.options.store = b.store.clone();
    b.restart("on-disk", Arc::new(Undisturbed));
    b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": ["http"] }))]));
    b.settle().await;
    let (before, swept) = (written(dir.path()), b.store.scope_statuses().expect("it reads")[0].swept_at);
    for _ in 0..100 {
        b.clock.advance(SignedDuration::from_secs(60));
        let quiet = b.pass().await;
        assert_eq!((quiet.planned, quiet.changed), (0, 0));
    }
    assert!(before > 0 && written(dir.path()) == before, "{} bytes were written", written(dir.path()) - before);
    let seen = b.store.scope_statuses().expect("it reads")[0].swept_at;
    assert_eq!(seen, swept.map(|at| at + SignedDuration::from_secs(6000)), "nobody hears of the sweeps");
    assert_eq!(b.status("s/Group/g").last_observed_at, seen);
    assert!(b.engine.shutdown(Duration::from_secs(1)).await);
    assert!(written(dir.path()) > before, "the last sweep is not written when the process ends");
}
