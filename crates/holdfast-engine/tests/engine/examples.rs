//! Every example that people are given, in the simulated AWS: silent for ever once it is in sync, and back there
//! whatever others do to it.

use crate::bench::{Bench, bench_of};
use crate::seeds::Dice;
use holdfast_sim::Tamper;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::path::PathBuf;

const PASSES: usize = 1000;

/// The JSON documents below `examples/`.
fn documents() -> Vec<(PathBuf, Value)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let folders = std::fs::read_dir(root).expect("there are examples").map(|e| e.expect("it can be read").path());
    let files = folders.filter(|p| p.is_dir()).flat_map(|folder| {
        std::fs::read_dir(folder).expect("it can be read").map(|e| e.expect("it can be read").path())
    });
    let json = files.filter(|p| p.extension().is_some_and(|e| e == "json"));
    json.map(|path| {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        (path, serde_json::from_str(&text).expect("it is JSON"))
    })
    .collect()
}

async fn settled(document: &Value) -> Bench {
    let region = document["spec"]["region"].as_str().expect("an example names its region");
    let b = bench_of(holdfast_kinds::registry(), region);
    b.declare(document);
    b.settle().await;
    b.all_in_sync();
    b
}

/// All that is said of every resource, but for when it was last seen.
fn told(b: &Bench) -> Vec<Value> {
    let all = b.store.resources(&Default::default(), 10_000, None).expect("the store reads");
    let mut all: Vec<Value> = all.iter().map(|r| json!({ "key": r.key.to_string(), "status": r.status })).collect();
    for one in &mut all {
        one["status"]["lastObservedAt"] = Value::Null;
    }
    all
}

#[tokio::test]
async fn nothing_is_written_and_nothing_changes_over_a_thousand_passes_of_every_example() {
    let documents = documents();
    assert!(!documents.is_empty());
    for (path, document) in documents {
        let b = settled(&document).await;
        let (writes, events, status) = (b.sim.counters().writes, b.events().len(), told(&b));
        for n in 0..PASSES {
            b.clock.advance(SignedDuration::from_secs(60));
            let report = b.pass().await;
            let at_rest = (report.planned, report.changed, report.next) == (0, 0, None);
            assert!(at_rest, "{} at pass {n}: {report:?}", path.display());
        }
        assert_eq!(b.sim.counters().writes - writes, 0, "{}", path.display());
        assert_eq!(b.events().len(), events);
        assert_eq!(told(&b), status);
        println!("{}: 0 writes, 0 events, 0 changes of status in {PASSES} passes", path.display());
    }
}

/// What somebody might do to a thing of a kind, as far as AWS lets them.
fn change(kind: &str, dice: &mut Dice) -> Tamper {
    let set = |at: &str, value: Value| Tamper::Set(at.to_owned(), value);
    match (kind, dice.below(5)) {
        // AWS deletes no cluster that has services.
        (kind, 0) if kind != "Cluster" => Tamper::Delete,
        (_, 1) => Tamper::SetTag("env".to_owned(), "theirs".to_owned()),
        (_, 2) => Tamper::RemoveTag("system".to_owned()),
        ("SecurityGroup", 3) => set("/ingress", json!([])),
        ("SecurityGroup", _) => set(
            "/ingress",
            json!([{ "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0", "description": "just for a moment" }]),
        ),
        ("Cluster", _) => set("/settings", json!([{ "name": "containerInsights", "value": "disabled" }])),
        ("LoadBalancer", 3) => set("/attributes/idle_timeout.timeout_seconds", json!("4000")),
        ("LoadBalancer", _) => set("/securityGroups", json!(["sg-0123456789abcdef0"])),
        ("TargetGroup", 3) => set("/healthCheckPath", json!("/wrong")),
        ("TargetGroup", _) => set("/attributes/deregistration_delay.timeout_seconds", json!("3600")),
        ("Listener", _) => {
            let answer = json!({ "statusCode": "503", "contentType": "text/plain", "messageBody": "closed" });
            set("/defaultActions", json!([{ "type": "fixed-response", "fixedResponseConfig": answer }]))
        }
        ("ListenerRule", 3) => set("/priority", json!(1000 + dice.below(1000))),
        ("ListenerRule", _) => {
            set("/conditions", json!([{ "field": "path-pattern", "pathPatternConfig": { "values": ["/theirs"] } }]))
        }
        ("Service", 3) => set("/desiredCount", json!(dice.below(20))),
        ("Service", _) => set("/deploymentConfiguration/minimumHealthyPercent", json!(0)),
        _ => Tamper::RemoveTag("env".to_owned()),
    }
}

#[tokio::test]
async fn whatever_others_change_in_the_example_it_comes_back_and_is_silent() {
    let seeds = std::env::var("HOLDFAST_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(40_u64);
    let (_, document) = documents().into_iter().find(|(p, _)| p.ends_with("es/stack.json")).expect("it is there");
    for seed in 0..seeds {
        println!("seed {seed}");
        let mut dice = Dice::of_seed(seed);
        let b = settled(&document).await;
        let things = b.sim.live(&b.scope).len();
        for _ in 0..dice.below(12) + 1 {
            let live = b.sim.live(&b.scope);
            let thing = dice.of(&live);
            let change = change(thing.kind, &mut dice);
            println!("  {} {}: {change:?}", thing.kind, thing.observation.identity);
            b.sim.tamper(&b.scope, thing.kind, &thing.observation.id, change).expect("it is there");
            if dice.below(3) == 0 {
                b.pass().await;
                b.clock.advance(SignedDuration::from_secs(1));
            }
        }
        b.clock.advance(SignedDuration::from_secs(400));
        b.settle().await;
        b.all_in_sync();
        assert_eq!(b.sim.live(&b.scope).len(), things);
        b.stays_silent().await;
        b.lawful();
    }
}
