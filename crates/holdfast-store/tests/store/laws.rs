//! Random histories of one key against a model of what generation and version mean.

use crate::fixture::*;
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use holdfast_store::{Gone, HistoryType, Location, PassRecord, Removal, ResourceChange, Store, What};
use proptest::prelude::*;
use serde_json::json;

#[derive(Clone, Debug)]
enum Op {
    /// Spec, tag, label.
    Declare(u8, u8, u8),
    Remove(Option<Fate>),
    /// A pass that planned with what is there now.
    Pass,
    /// A pass that planned so many generations ago says that it is gone.
    Gone(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let fate = prop_oneof![Just(None), Just(Some(Fate::DeleteByPolicy)), Just(Some(Fate::DeleteByName))];
    prop_oneof![
        6 => (0..3u8, 0..2u8, 0..2u8).prop_map(|(spec, tag, label)| Op::Declare(spec, tag, label)),
        2 => fate.prop_map(Op::Remove),
        2 => Just(Op::Pass),
        1 => (0..2u64).prop_map(Op::Gone),
    ]
}

/// What should be there.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    uid: String,
    generation: u64,
    inputs: (u8, u8),
    label: u8,
    fate: Fate,
}

fn declaration((spec, tag): (u8, u8), label: u8, uid: String) -> ResourceChange {
    ResourceChange {
        spec: json!({ "n": spec, "f": f64::from(spec) / 3.0 }),
        document_spec: json!({ "n": "${var.n}" }),
        stack_tags: [("t".to_owned(), tag.to_string())].into(),
        labels: [("l".to_owned(), label.to_string())].into(),
        new_uid: uid,
        ..service("web", 0)
    }
}

/// What a declaration makes of the model.
fn declared(old: Option<Model>, inputs: (u8, u8), label: u8, uid: String) -> (What, Model) {
    match old {
        None => (What::Created, Model { uid, generation: 1, inputs, label, fate: Fate::Keep }),
        Some(m) if m.inputs == inputs && m.fate == Fate::Keep && m.label == label => (What::Unchanged, m),
        Some(m) => {
            let moved = m.inputs != inputs || m.fate != Fate::Keep;
            (What::Updated, Model { generation: m.generation + u64::from(moved), inputs, label, fate: Fate::Keep, ..m })
        }
    }
}

fn removed(old: Option<Model>, fate: Option<Fate>) -> (What, Option<Model>) {
    match (old, fate) {
        (None, _) => (What::Unchanged, None),
        (Some(_), None) => (What::Removed, None),
        (Some(m), Some(fate)) if m.fate == fate || m.fate == Fate::DeleteByName => (What::Unchanged, Some(m)),
        (Some(m), Some(fate)) => (What::Deleting, Some(Model { fate, ..m })),
    }
}

fn step(store: &Store, model: Option<Model>, number: usize, op: &Op) -> Option<Model> {
    let seconds = i64::try_from(number).unwrap();
    match op {
        Op::Declare(spec, tag, label) => {
            let uid = format!("uid-{number}");
            let outcome = declare(store, seconds, vec![declaration((*spec, *tag), *label, uid.clone())]).remove(0);
            let (what, model) = declared(model, (*spec, *tag), *label, uid);
            assert_eq!((outcome.what, outcome.generation), (what, model.generation));
            Some(model)
        }
        Op::Remove(fate) => {
            let removals = vec![Removal { key: key("web"), fate: *fate }];
            let outcome = store.change(&holdfast_store::Change { removals, ..change(seconds) }).unwrap().remove(0);
            let (what, model) = removed(model, *fate);
            assert_eq!(outcome.what, what);
            model
        }
        Op::Pass => {
            find_all(store, seconds, Phase::InSync);
            model
        }
        Op::Gone(ago) => {
            let m = model?;
            let gone =
                vec![Gone { key: key("web"), uid: m.uid.clone(), generation: m.generation.saturating_sub(*ago) }];
            store.record(&PassRecord { gone, ..pass(seconds) }).unwrap();
            (*ago > 0 || m.fate == Fate::Keep).then_some(m)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generation_and_version_move_exactly_when_they_should(ops in proptest::collection::vec(op(), 1..40)) {
        let store = Store::open(&Location::Memory).unwrap();
        let (mut model, mut generations, mut last) = (None, 0, None);
        let mut newest_version = 0;
        for (number, op) in ops.iter().enumerate() {
            let before: Option<Model> = model.clone();
            model = step(&store, model, number, op);
            let grown = |m: &Model| before.as_ref().is_none_or(|b| b.generation != m.generation || b.uid != m.uid);
            generations += usize::from(model.as_ref().is_some_and(grown));

            let record = store.resource(&key("web")).unwrap();
            let found = record.as_ref().map(|r| (r.uid.clone(), r.generation, r.fate));
            prop_assert_eq!(found, model.as_ref().map(|m| (m.uid.clone(), m.generation, m.fate)));
            let desired = store.desired(&home(), at(0)).unwrap();
            prop_assert_eq!(desired.first().map(|d| (d.generation, d.fate)), model.as_ref().map(|m| (m.generation, m.fate)));
            if let Some(record) = record {
                let in_sync = record.status.phase == Phase::InSync;
                prop_assert!(!in_sync || record.status.observed_generation == record.generation);
                let (version, mut row) = (record.version, record);
                row.version = 0;
                // Being seen again is no change of the row.
                row.status.last_observed_at = None;
                // The same row has the same version, another one a version that nobody has had.
                match &last {
                    Some((old, same)) if *same == row => prop_assert_eq!(*old, version),
                    _ => prop_assert!(version > newest_version),
                }
                newest_version = version;
                last = Some((version, row));
            }
        }
        let history = store.history(&key("web"), 1000).unwrap();
        prop_assert_eq!(history.iter().filter(|h| h.entry_type == HistoryType::Generation).count(), generations);
    }
}
