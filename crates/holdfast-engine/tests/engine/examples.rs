//! Every example that people are given, in the simulated AWS: silent for ever once it is in sync, and back there
//! whatever others do to it.

use crate::bench::{Bench, bench_of};
use crate::seeds::Dice;
use holdfast_core::plan::ADOPTABLE;
use holdfast_core::status::{ConditionType, Phase};
use holdfast_engine::Undisturbed;
use holdfast_sim::{Effect, Tamper};
use holdfast_store::{Location, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PASSES: usize = 1000;

/// An example in one of its regions.
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) region: String,
    /// Its stacks there, as one list.
    pub(crate) document: Value,
}

/// The examples: a folder each, its documents by region.
pub(crate) fn systems() -> Vec<System> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let listed = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).expect("there are examples");
        let mut all: Vec<PathBuf> = entries.map(|e| e.expect("it can be read").path()).collect();
        all.sort();
        all
    };
    let mut systems = BTreeMap::<(String, String), Vec<Value>>::new();
    for folder in listed(Path::new(root)).into_iter().filter(|p| p.is_dir()) {
        let name = folder.file_name().and_then(|n| n.to_str()).expect("a name").to_owned();
        for path in listed(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
            let text = std::fs::read_to_string(&path).expect("it can be read");
            let document: Value = serde_json::from_str(&text).expect("it is JSON");
            let region = document["spec"]["region"].as_str().expect("an example names its region").to_owned();
            systems.entry((name.clone(), region)).or_default().push(document);
        }
    }
    let list = |items| json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": items });
    systems.into_iter().map(|((name, region), items)| System { name, region, document: list(items) }).collect()
}

pub(crate) async fn settled(system: &System) -> Bench {
    let b = bench_of(holdfast_kinds::registry(), &system.region);
    b.declare(&system.document);
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
    let systems = systems();
    assert!(!systems.is_empty());
    for system in &systems {
        let b = settled(system).await;
        let place = format!("{} in {}", system.name, system.region);
        let (writes, events, status) = (b.sim.counters().writes, b.events().len(), told(&b));
        for n in 0..PASSES {
            b.clock.advance(SignedDuration::from_secs(60));
            let report = b.pass().await;
            let at_rest = (report.planned, report.changed, report.next) == (0, 0, None);
            assert!(at_rest, "{place} at pass {n}: {report:?}");
        }
        assert_eq!(b.sim.counters().writes - writes, 0, "{place}");
        assert_eq!(b.events().len(), events);
        assert_eq!(told(&b), status);
        println!("{place}: 0 writes, 0 events, 0 changes of status in {PASSES} passes");
    }
}

/// AWS deletes none of these while others need them.
const NEEDED: [&str; 9] = [
    "CapacityProvider",
    "Cluster",
    "DBParameterGroup",
    "DBSubnetGroup",
    "ElasticIp",
    "InternetGateway",
    "Subnet",
    "TaskDefinition",
    "Vpc",
];

/// What somebody might do to a thing of a kind, as far as AWS lets them.
fn change(kind: &str, dice: &mut Dice) -> Tamper {
    let set = |at: &str, value: Value| Tamper::Set(at.to_owned(), value);
    match (kind, dice.below(5)) {
        (kind, 0) if !NEEDED.contains(&kind) => Tamper::Delete,
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
        ("Vpc", _) => set("/enableDnsHostnames", json!(false)),
        ("Subnet", 3) => set("/mapPublicIpOnLaunch", json!(true)),
        ("RouteTable", _) => set("/routes", json!([])),
        ("Instance", _) => set("/sourceDestCheck", json!(dice.below(2) == 0)),
        ("DBInstance", 3) => set("/backupRetentionPeriod", json!(1 + dice.below(30))),
        ("DBParameterGroup", _) => set("/parameters/rds.force_ssl", json!("0")),
        _ => Tamper::RemoveTag("env".to_owned()),
    }
}

#[tokio::test]
async fn whatever_others_change_in_an_example_it_comes_back_and_is_silent() {
    let seeds = std::env::var("HOLDFAST_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(12_u64);
    for (system, seed) in systems().iter().flat_map(|system| (0..seeds).map(move |seed| (system, seed))) {
        println!("{} in {}, seed {seed}", system.name, system.region);
        let mut dice = Dice::of_seed(seed);
        let b = settled(system).await;
        let things = b.sim.live(&b.scope).len();
        // What is gone right after its create is waited for: AWS's lists may lag. Here everything has been shown for long.
        b.clock.advance(SignedDuration::from_secs(400));
        b.pass().await;
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

#[tokio::test]
async fn a_lost_store_finds_every_example_again_and_nothing_is_created_or_deleted() {
    for system in systems() {
        let place = format!("{} in {}", system.name, system.region);
        let mut b = settled(&system).await;
        let (calls, live) = (b.sim.calls().len(), handles(&b));
        b.store = Store::open(&Location::Memory).expect("a store in memory opens");
        b.options.store = b.store.clone();
        b.restart("after", Arc::new(Undisturbed));
        // Long after, as for somebody who has to find the documents first.
        b.clock.advance(SignedDuration::from_hours(48));
        b.declare(&system.document);
        b.settle().await;
        // What bears no tags is found by its name, and a person says that it is ours.
        let untagged: Vec<String> =
            b.phases().into_iter().filter(|(_, p)| *p != Phase::InSync).map(|(k, _)| k).collect();
        assert!(untagged.iter().all(|key| owned_reason(&b, key) == ADOPTABLE), "{place}: {untagged:?}");
        b.declare(&adopting(&system.document, &untagged));
        b.settle().await;
        b.all_in_sync();
        assert_eq!(handles(&b), live, "{place}");
        let since = b.sim.calls().split_off(calls);
        let effects: Vec<&Effect> = since.iter().flat_map(|c| &c.effects).collect();
        assert!(effects.iter().all(|e| matches!(e, Effect::Updated { .. })), "{place}: {effects:#?}");
        println!(
            "{place}: {} things found again, {} of them by name; 0 created, 0 deleted",
            live.len(),
            untagged.len()
        );
        b.stays_silent().await;
    }
}

fn handles(b: &Bench) -> BTreeSet<String> {
    b.sim.live(&b.scope).into_iter().map(|t| format!("{} {}", t.kind, t.observation.id)).collect()
}

fn owned_reason(b: &Bench, key: &str) -> String {
    let conditions = b.status(key).conditions;
    conditions.iter().find(|c| c.kind == ConditionType::Owned).map(|c| c.reason.clone()).unwrap_or_default()
}

/// The documents, with the leave to adopt on some of their resources.
fn adopting(documents: &Value, keys: &[String]) -> Value {
    let mut documents = documents.clone();
    for stack in documents["items"].as_array_mut().into_iter().flatten() {
        let name = stack["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        for resource in stack["spec"]["resources"].as_array_mut().into_iter().flatten() {
            let kind = resource["kind"].as_str().unwrap_or_default();
            let key = format!("{name}/{kind}/{}", resource["metadata"]["name"].as_str().unwrap_or_default());
            if keys.contains(&key) {
                resource["policy"]["adopt"] = json!("ifExists");
            }
        }
    }
    documents
}
