//! Crashes at every boundary of a pass: whatever is lost, one more pass finds.

use crate::bench::{Bench, bench, stack};
use holdfast_core::plan::Fate;
use holdfast_engine::Undisturbed;
use holdfast_sim::Tamper;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is under way when the process dies.
#[derive(Clone, Copy, Debug)]
enum Work {
    Create,
    Update,
    Heal,
    Delete,
}

fn things(size: u32, image: &str) -> Value {
    stack(
        "s",
        &[
            ("Group", "a", json!({ "groupName": "a", "rules": ["http"] })),
            ("Group", "b", json!({ "groupName": "b", "rules": ["ssh", "${Group/a.id}"] })),
            ("Recipe", "r", json!({ "family": "r", "image": image })),
            (
                "Machine",
                "m",
                json!({ "name": "m", "size": size, "group": "${Group/b.id}", "recipe": "${Recipe/r.arn}" }),
            ),
            ("Part", "p", json!({ "machine": "${Machine/m.id}", "slot": 1 })),
        ],
    )
}

async fn prepared(work: Work) -> Bench {
    let b = bench();
    b.declare(&things(1, "1"));
    if matches!(work, Work::Create) {
        return b;
    }
    b.settle().await;
    b.all_in_sync();
    match work {
        Work::Create => {}
        Work::Update => b.declare(&things(2, "2")),
        Work::Heal => {
            b.sim.tamper(&b.scope, "Part", b.live("Part", &part(&b)).id.as_str(), Tamper::Delete).expect("it is there");
            b.sim.tamper(&b.scope, "Group", "a", Tamper::Set("/rules".to_owned(), json!(["x"]))).expect("it is there");
        }
        Work::Delete => b.remove("s", Fate::DeleteByName),
    }
    b
}

fn part(b: &Bench) -> String {
    format!("{}#1", b.live("Machine", "m").id)
}

async fn converges(b: &mut Bench, work: Work) {
    b.restart("after", Arc::new(Undisturbed));
    b.settle().await;
    match work {
        Work::Delete => {
            assert_eq!(b.sim.live(&b.scope), []);
            assert_eq!(b.phases(), []);
        }
        _ => {
            b.all_in_sync();
            assert_eq!(b.sim.live(&b.scope).len(), 5);
            b.stays_silent().await;
        }
    }
    b.lawful();
}

#[tokio::test]
async fn a_crash_at_any_boundary_leaves_no_duplicate_and_no_orphan_and_the_same_end() {
    let mut crashes = 0;
    for work in [Work::Create, Work::Update, Work::Heal, Work::Delete] {
        for number in 0.. {
            let mut b = prepared(work).await;
            let died = b.dies("first", number, 12).await;
            converges(&mut b, work).await;
            if !died {
                break;
            }
            crashes += 1;
        }
    }
    assert!(crashes > 100, "only {crashes} boundaries were tried");
}

#[tokio::test]
async fn two_crashes_are_no_worse_than_one() {
    for work in [Work::Create, Work::Heal, Work::Delete] {
        for first in (1..28).step_by(3) {
            for second in (0..20).step_by(3) {
                let mut b = prepared(work).await;
                b.dies("first", first, 12).await;
                b.dies("second", second, 12).await;
                converges(&mut b, work).await;
            }
        }
    }
}

#[tokio::test]
async fn a_create_that_aws_shows_late_is_not_made_twice_after_a_crash() {
    for number in 0..30 {
        let mut b = prepared(Work::Create).await;
        b.sim.change_faults(|f| f.unseen = SignedDuration::from_secs(40));
        b.dies("first", number, 12).await;
        converges(&mut b, Work::Create).await;
    }
}
