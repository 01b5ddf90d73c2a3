//! What AWS takes no tags for is ours because we remember it: across lost answers, crashes and replacements.

use crate::bench::{Bench, bench_of, stack};
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use holdfast_engine::Undisturbed;
use holdfast_sim::{Fault, FaultRule};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1";

fn target(port: u16) -> Value {
    let spec = json!({ "targetGroupArn": GROUP, "targetId": "10.0.0.1", "port": port });
    let mut document = stack("s", &[("TargetAttachment", "t", spec)]);
    document["spec"]["resources"][0]["policy"] = json!({ "replace": "allow" });
    document
}

fn declared(port: u16) -> Bench {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-1");
    b.declare(&target(port));
    b
}

fn ports(b: &Bench) -> Vec<Value> {
    b.sim.live(&b.scope).iter().map(|t| t.observation.fields["port"].clone()).collect()
}

async fn goes(b: &Bench) {
    b.remove("s", Fate::DeleteByName);
    b.settle().await;
    assert_eq!((ports(b), b.phases()), (vec![], vec![]));
}

#[tokio::test]
async fn one_whose_answer_was_lost_is_ours() {
    for unseen in [0, 20] {
        let b = declared(80);
        b.sim.change_faults(|f| {
            f.unseen = SignedDuration::from_secs(unseen);
            f.rules = vec![FaultRule::always(Fault::LoseAnswer).times(1)];
        });
        for _ in 0..20 {
            b.pass().await;
            b.clock.advance(SignedDuration::from_secs(5));
        }
        b.all_in_sync();
        assert_eq!(b.writes().len(), 1, "it is registered once");
        b.stays_silent().await;
        goes(&b).await;
    }
}

#[tokio::test]
async fn one_that_a_crash_cut_off_is_ours() {
    for number in 0.. {
        let mut b = declared(80);
        let died = b.dies("first", number, 8).await;
        b.restart("after", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        assert_eq!(ports(&b), [80]);
        goes(&b).await;
        if !died {
            break;
        }
    }
}

#[tokio::test]
async fn a_replacement_leaves_one_whatever_is_lost() {
    for lost in [0, 1, 2, 3] {
        let b = declared(80);
        b.settle().await;
        b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::LoseAnswer).times(lost)]);
        b.declare(&target(81));
        for _ in 0..60 {
            b.pass().await;
            b.clock.advance(SignedDuration::from_secs(5));
        }
        b.all_in_sync();
        assert_eq!(ports(&b), [81], "{lost} answers are lost");
        goes(&b).await;
    }
}

#[tokio::test]
async fn with_a_lost_store_what_was_ours_stays_and_waits_for_a_person() {
    let first = declared(80);
    first.settle().await;
    let live = first.sim.live(&first.scope);
    let second = bench_of(holdfast_kinds::registry(), "eu-west-1");
    for thing in live {
        let made = Arc::unwrap_or_clone(thing.observation);
        second.sim.bystander(&second.scope, thing.kind, made).expect("it is no resource of ours");
    }
    second.declare(&target(80));
    second.pass().await;
    assert_eq!(second.status("s/TargetAttachment/t").phase, Phase::Blocked);
    second.remove("s", Fate::DeleteByName);
    second.settle().await;
    assert_eq!((ports(&second), second.writes().len()), (vec![json!(80)], 0));
}
