//! Ten thousand resources: figures, and bounds wide enough for a busy machine. Run with `--release -- --ignored`.

use crate::fixture::*;
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::Memory;
use holdfast_core::status::Phase;
use holdfast_store::{Change, Changed, Filter, PassRecord, ResourceChange, Store};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::time::{Duration, Instant};

const RESOURCES: usize = 10_000;

/// A spec of about the size of a service's.
fn spec(n: usize) -> Value {
    let entries: Vec<_> =
        (0..12).map(|i| json!({ "name": format!("KEY_{i}"), "value": format!("value-{n}-{i}") })).collect();
    json!({ "cluster": "${Cluster/main.arn}", "desiredCount": n, "environment": entries, "launchType": "FARGATE" })
}

/// How long this thread has been on a processor; the wall clock where the system does not say.
fn worked(begun: Instant) -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    said.split(' ').next().and_then(|nanos| nanos.parse().ok()).map_or_else(|| begun.elapsed(), Duration::from_nanos)
}

/// Bounds the work, not the wall: other tests may have the processors.
#[expect(clippy::print_stderr, reason = "the figures are what this is for")]
fn timed<T>(what: &str, bound: Duration, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let before = worked(begun);
    let answer = work();
    let (work, wall) = (worked(begun) - before, begun.elapsed());
    eprintln!("{what}: {work:.1?} of work, {wall:.1?} in all");
    assert!(work < bound, "{what} took {work:?} of work, more than {bound:?}");
    answer
}

fn resources() -> Vec<ResourceChange> {
    let key = |n: usize| {
        ResourceKey::new("es", if n.is_multiple_of(2) { "Service" } else { "TargetGroup" }, format!("r{n:05}"))
    };
    let make = |n| ResourceChange { spec: spec(n), document_spec: spec(n), ..resource(key(n), 0) };
    (0..RESOURCES).map(make).collect()
}

#[test]
#[ignore = "measures: cargo test --release -p holdfast-store -- --ignored speed --nocapture"]
fn ten_thousand_resources_are_no_burden() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&file(directory.path())).unwrap();
    let ms = Duration::from_millis;
    let change = Change { stacks: vec![stack("es")], resources: resources(), ..change(0) };
    timed("declare 10,000", ms(4000), || store.change(&change).unwrap());
    timed("declare the same 10,000", ms(2000), || store.change(&change).unwrap());
    let desired = timed("desired, first", ms(200), || store.desired(&home(), at(1)).unwrap());
    timed("desired, again", ms(1), || store.desired(&home(), at(1)).unwrap());
    let memory = |d: &holdfast_core::plan::Desired| Memory {
        last_written: Some(d.spec.value().into()),
        baseline: Some(d.spec.value().into()),
        ..memory("i")
    };
    let changed =
        |phase| desired.iter().map(|d| Changed { memory: Cow::Owned(memory(d)), ..found(d, phase, 2) }).collect();
    let full = PassRecord { changed: changed(Phase::InSync), ..pass(2) };
    timed("record 10,000 changed", ms(3000), || store.record(&full).unwrap());
    timed("record 10,000 without news", ms(1500), || store.record(&full).unwrap());
    timed("record nothing", ms(50), || store.record(&pass(3)).unwrap());
    timed("memories", ms(400), || store.memories(&home()).unwrap());
    timed("statuses", ms(200), || store.statuses(&home()).unwrap());
    timed("declared uids", ms(50), || store.declared_uids().unwrap());
    let after = ResourceKey::new("es", "Service", "r05000");
    timed("500 in the middle", ms(50), || {
        assert_eq!(store.resources(&Filter::default(), 500, Some(&after)).unwrap().len(), 500)
    });
    let q = |q: &str| Filter { q: Some(q.to_owned()), ..Filter::default() };
    timed("text that is rare", ms(50), || assert_eq!(store.resources(&q("R09999"), 500, None).unwrap().len(), 1));
    let drifted = Filter { phase: Some(Phase::Drifted), ..Filter::default() };
    timed("a phase that nobody is in", ms(50), || assert!(store.resources(&drifted, 500, None).unwrap().is_empty()));
    timed("summary", ms(50), || store.summary(&Filter::default()).unwrap());
    timed("one document", ms(50), || declare(&store, 5, vec![service("one-more", 1)]));
    drop(store);
    timed("open", ms(1500), || Store::open(&file(directory.path())).unwrap());
}
