//! Histories by seed: others change things, declarations move, calls fail, reads lie, the process dies. When all
//! that stops, live becomes what is declared and stays so, and no law was broken on the way.

use crate::bench::{Bench, bench, stack};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::name::UID_TAG;
use holdfast_engine::Undisturbed;
use holdfast_sim::{Fault, FaultRule, Hidden, Settle, Tamper, WhileBusy};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

/// SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self(seed)
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
    pub(crate) fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}

fn declaration(dice: &mut Dice) -> Value {
    let rules: Vec<String> = (0..dice.below(4)).map(|i| format!("rule-{i}")).collect();
    let (size, image) = (dice.below(3) + 1, format!("image-{}", dice.below(3)));
    stack(
        "s",
        &[
            ("Group", "a", json!({ "groupName": "a", "rules": rules })),
            ("Group", "b", json!({ "groupName": "b", "rules": ["ssh", "${Group/a.id}"] })),
            ("Recipe", "r", json!({ "family": "r", "image": image })),
            (
                "Machine",
                "m",
                json!({ "name": "m", "size": size, "group": "${Group/b.id}", "recipe": "${Recipe/r.arn}" }),
            ),
            ("Part", "p", json!({ "machine": "${Machine/m.id}", "slot": 1, "colour": "red" })),
        ],
    )
}

fn faults(b: &Bench, dice: &mut Dice) {
    let fail = |class| Fault::Fail { class, code: "Broken".to_owned(), message: "no".to_owned() };
    let fault = match dice.below(7) {
        0 => fail(ErrorClass::Transient),
        1 => fail(ErrorClass::Rejected),
        2 => Fault::Gap(Hidden::All),
        3 => Fault::Gap(Hidden::PerMille(500)),
        4 => Fault::Throttle,
        _ => Fault::LoseAnswer,
    };
    let per_mille = *dice.of(&[0, 100, 300, 1000]);
    let seconds = |dice: &mut Dice| SignedDuration::from_secs(*dice.of(&[0, 0, 0, 3, 20, 45]));
    let (stale, unseen, lasts) = (seconds(dice), seconds(dice), seconds(dice));
    let writes = *dice.of(&[WhileBusy::Accepted, WhileBusy::Refused]);
    let settle = Settle { kind: None, lasts, state: "modifying".to_owned(), writes };
    b.sim.change_faults(|f| {
        f.rules = vec![FaultRule::always(fault).per_mille(per_mille)];
        (f.stale, f.unseen) = (stale, unseen);
        f.settle = if lasts.is_zero() { Vec::new() } else { vec![settle] };
    });
}

fn tamper(b: &Bench, dice: &mut Dice) {
    let live = b.sim.live(&b.scope);
    if live.is_empty() {
        return;
    }
    let thing = dice.of(&live);
    let change = match (thing.kind, dice.below(4)) {
        (_, 0) => Tamper::Delete,
        (_, 1) => Tamper::SetTag("env".to_owned(), "theirs".to_owned()),
        ("Group", 2) => Tamper::Set("/rules".to_owned(), json!(["theirs"])),
        ("Group", _) => Tamper::Set("/rules".to_owned(), json!([])),
        ("Machine", _) => Tamper::Set("/size".to_owned(), json!(9)),
        ("Part", _) => Tamper::Set("/colour".to_owned(), json!("blue")),
        _ => Tamper::RemoveTag("env".to_owned()),
    };
    // What is gone meanwhile is gone.
    let _ = b.sim.tamper(&b.scope, thing.kind, &thing.observation.id, change);
}

async fn history(seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let mut b = bench();
    b.declare(&declaration(&mut dice));
    for round in 0..20_u64 {
        match dice.below(8) {
            0 => faults(&b, &mut dice),
            1 | 2 => tamper(&b, &mut dice),
            3 => b.declare(&declaration(&mut dice)),
            4 => _ = b.dies(&format!("round-{round}"), dice.below(20), 1).await,
            5 => b.restart(&format!("round-{round}"), Arc::new(Undisturbed)),
            _ => {}
        }
        b.pass_after_restart(&format!("again-{round}")).await;
        b.clock.advance(SignedDuration::from_secs(*dice.of(&[0, 1, 5, 30, 70])));
    }
    b.sim.change_faults(|f| *f = Default::default());
    b.restart("end", Arc::new(Undisturbed));
    b.clock.advance(SignedDuration::from_secs(120));
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    b.all_in_sync();
    let live = b.sim.live(&b.scope);
    assert_eq!(live.len(), 5);
    assert!(live.iter().all(|t| t.observation.tags.contains_key(UID_TAG)));
    b.stays_silent().await;
    b.lawful();
    b.sim.trace_hash()
}

#[tokio::test]
async fn whatever_has_happened_live_becomes_what_is_declared_and_stays_so() {
    let seeds = std::env::var("HOLDFAST_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(150);
    let first = std::env::var("HOLDFAST_FIRST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0_u64);
    for seed in first..first + seeds {
        println!("seed {seed}");
        history(seed).await;
    }
}

#[tokio::test]
async fn the_same_seed_leaves_the_same_trace() {
    assert_eq!(history(7).await, history(7).await);
    assert_ne!(history(7).await, history(8).await);
}
