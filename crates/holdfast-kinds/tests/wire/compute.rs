//! What instances are made of: key pairs.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::Tag;
use serde_json::json;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAu7Zq3IDVmbSCUXr7n8Tg0jBkpjTLTBMmGhPLMkZz4";

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

async fn bench(stack: &str) -> Bench {
    // Each run has a stack of its own, so that what an earlier one left behind is somebody else's.
    let stack = format!("{stack}{}", std::process::id());
    Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &stack)
}

/// What differed, sorted, and what was done, as text.
async fn pass(bench: &mut Bench) -> (Vec<String>, Vec<String>) {
    let plan = bench.pass().await;
    let diffs = plan.verdicts.iter().flat_map(|v| v.diffs.iter().map(|d| (&v.key.name, d)));
    let mut found: Vec<String> = diffs.map(|(name, d)| format!("{name} {:?} {}", d.change, d.path)).collect();
    found.sort();
    let done = plan.steps.iter().map(|s| format!("{} {}: {}", s.verb.sign(), s.key.name, s.text)).collect();
    (found, done)
}

async fn check_quiet(bench: &mut Bench) {
    assert_eq!(pass(bench).await, (vec![], vec![]));
}

/// A quiet pass makes these calls and no others.
async fn check_calls(bench: &mut Bench, expected: &[&str]) {
    bench.aws.meter.take();
    check_quiet(bench).await;
    assert_eq!(bench.aws.meter.take_sorted(), expected);
}

/// With no memory of ours everything is found again.
async fn forgets_everything(bench: &mut Bench) {
    bench.memory.clear();
    bench.aws = Emulator::named_by("HOLDFAST_TEST_MOTO").await;
    check_quiet(bench).await;
    check_quiet(bench).await;
}

/// Everything is deleted and stays so.
async fn goes(bench: &mut Bench) {
    bench.condemn();
    let (_, done) = pass(bench).await;
    assert!(!done.is_empty() && done.iter().all(|line| line.starts_with('-')), "{done:#?}");
    check_quiet(bench).await;
    let plan = bench.plan().await;
    assert!(plan.verdicts.iter().all(|v| v.id.is_none()), "{:#?}", plan.verdicts);
}

#[tokio::test]
async fn a_key_pair_lives_and_goes() {
    let mut bench = bench("keys").await;
    let (name, by) = (format!("ops-{}", std::process::id()), format!("by-{}", std::process::id()));
    let (ec2, key) = (other(&bench), Blob::new(KEY.as_bytes()));
    let imported = ec2.import_key_pair().key_name(&by).public_key_material(key.clone()).send().await;
    imported.expect("a bystander is imported");
    let spec = json!({ "keyName": name, "publicKeyMaterial": format!("{KEY} me@laptop"), "tags": { "team": "media" } });
    bench.declare("KeyPair", "ops", spec);
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done, [format!("+ ops: create key pair: keyName {name}")]);
    check_quiet(&mut bench).await;
    check_calls(&mut bench, &["DescribeKeyPairs"]).await;

    let id = bench.id("KeyPair", "ops");
    ec2.delete_tags().resources(&id).tags(Tag::builder().key("team").build()).send().await.expect("a tag is removed");
    assert_eq!(pass(&mut bench).await.0, ["ops Removed /tags/team"]);
    check_quiet(&mut bench).await;
    ec2.delete_key_pair().key_name(&name).send().await.expect("it is deleted behind our back");
    assert_eq!(pass(&mut bench).await.0, ["ops Missing "]);
    check_quiet(&mut bench).await;
    forgets_everything(&mut bench).await;
    goes(&mut bench).await;
    let left = ec2.describe_key_pairs().key_names(&by).send().await.expect("moto answers");
    assert_eq!(left.key_pairs().len(), 1, "what is not ours stays");
}
