//! The list of what is declared, renewed where something moved, against the list that a new process reads.

use crate::fixture::*;
use holdfast_core::plan::{Fate, Hold};
use holdfast_core::policy::{Policy, RolloutPolicy};
use holdfast_store::{EventType, Place, ResourceChange, Store};
use proptest::prelude::*;
use std::path::Path;

#[derive(Clone, Debug)]
enum Op {
    /// Which, spec, tag, whether a rollout waits for approval.
    Declare(u8, u8, u8, bool),
    Remove(u8, Option<Fate>),
    /// Where, and until when if it begins.
    Pause(u8, Option<Option<u8>>),
}

fn op() -> impl Strategy<Value = Op> {
    let fate = prop_oneof![Just(None), Just(Some(Fate::DeleteByPolicy)), Just(Some(Fate::DeleteByName))];
    let until = prop_oneof![2 => Just(None), 1 => (0..40u8).prop_map(Some)];
    prop_oneof![
        4 => (0..4u8, 0..3u8, 0..2u8, any::<bool>()).prop_map(|(n, spec, tag, waits)| Op::Declare(n, spec, tag, waits)),
        1 => (0..4u8, fate).prop_map(|(n, fate)| Op::Remove(n, fate)),
        4 => (0..4u8, proptest::option::of(until)).prop_map(|(place, until)| Op::Pause(place, until)),
    ]
}

fn name(n: u8) -> String {
    format!("service-{n}")
}

fn step(store: &Store, seconds: i64, op: &Op) {
    match op {
        Op::Declare(n, spec, tag, waits) => {
            let policy = Policy { rollout: waits.then_some(RolloutPolicy::Approve), ..Policy::default() };
            let stack_tags = [("t".to_owned(), tag.to_string())].into();
            let new_uid = format!("uid-{n}-{seconds}");
            let plain = service(&name(*n), u64::from(*spec));
            let change =
                ResourceChange { policy_own: policy.clone(), policy_effective: policy, stack_tags, new_uid, ..plain };
            declare(store, seconds, vec![change]);
        }
        Op::Remove(n, fate) => _ = remove(store, seconds, key(&name(*n)), *fate),
        Op::Pause(place, begins) => {
            let until = |t: &Option<u8>| t.map(|t| at(i64::from(t)));
            let hold = begins.as_ref().map(|t| Hold { reason: "a release".to_owned(), until: until(t) });
            let told = event(seconds, &key("any"), EventType::Operated);
            match place {
                0 => store.set_hold_of(&Place::All, hold.as_ref(), &told).unwrap(),
                1 => store.set_hold_of(&Place::Scope(home()), hold.as_ref(), &told).unwrap(),
                2 => store.set_hold("es", hold.as_ref(), at(seconds), &told).unwrap(),
                n => store.set_hold_of(&Place::Resource(key(&name(n - 3))), hold.as_ref(), &told).unwrap(),
            };
        }
    }
}

/// What a process that opens the store now reads.
fn anew(directory: &Path, seconds: i64) -> String {
    let copy = tempfile::tempdir().unwrap();
    for file in ["holdfast.db", "holdfast.db-wal"] {
        std::fs::copy(directory.join(file), copy.path().join(file)).unwrap();
    }
    let store = Store::open(&file(copy.path())).unwrap();
    format!("{:#?}", store.desired(&home(), at(seconds)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_renewed_list_is_what_a_new_process_reads(ops in proptest::collection::vec((op(), proptest::option::of(0..40i64)), 1..24)) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&file(directory.path())).unwrap();
        for (seconds, (op, read_at)) in (0..).zip(&ops) {
            step(&store, seconds, op);
            // Several writes may lie between two readings.
            let Some(read_at) = read_at else { continue };
            let renewed = format!("{:#?}", store.desired(&home(), at(*read_at)).unwrap());
            prop_assert_eq!(renewed, anew(directory.path(), *read_at));
        }
    }
}
