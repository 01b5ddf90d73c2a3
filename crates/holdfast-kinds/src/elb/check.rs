//! What the tests of the four kinds are told in: specs in, lines of text out.

use crate::registry;
use holdfast_core::compare::compare;
use holdfast_core::kind::{AnyKind, Context, Converge, Mint};
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Observation;
use holdfast_core::reference::{Worth, fill};
use holdfast_core::status::FieldDiff;
use serde_json::Value;
use std::collections::BTreeMap;

fn with<T>(kind: &str, work: impl FnOnce(&dyn AnyKind) -> T) -> T {
    let registry = registry();
    work(registry.get(kind).expect("the kind is listed"))
}

/// What is wrong with a spec, as `pointer code`.
pub(crate) fn check_invalid(kind: &str, spec: &Value, expected: &[&str]) {
    let told: Vec<String> =
        with(kind, |kind| kind.validate(spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect());
    assert_eq!(told, expected, "{spec}");
}

fn diffs(kind: &dyn AnyKind, spec: &Value, live: &Value, last: Option<&Value>) -> Vec<FieldDiff> {
    compare(spec, live, last, None, &[], kind.facts())
}

/// How a declaration differs from what AWS shows.
pub(crate) fn check_diffs(kind: &str, mut spec: Value, mut live: Value, expected: &[&str]) {
    with(kind, |kind| {
        kind.canonical(&mut spec);
        kind.canonical(&mut live);
        let told: Vec<String> =
            diffs(kind, &spec, &live, None).iter().map(|d| format!("{:?} {}", d.change, d.path)).collect();
        assert_eq!(told, expected, "\n{spec}\n{live}");
    });
}

/// The steps of a create.
pub(crate) fn check_create(kind: &str, mut spec: Value, expected: &[&str]) {
    with(kind, |kind| {
        kind.canonical(&mut spec);
        let (key, tags) = (ResourceKey::new("s", kind.name(), "it"), BTreeMap::new());
        let told: Vec<String> =
            kind.create(&spec, &Context { key: &key, tags: &tags }).into_iter().map(|d| d.action.text).collect();
        assert_eq!(told, expected);
    });
}

/// What AWS would make of a declaration, with all steps of its create done.
pub(crate) fn made(kind: &str, spec: &Value) -> Observation {
    with(kind, |kind| {
        let mut spec = spec.clone();
        kind.canonical(&mut spec);
        let (key, tags) = (ResourceKey::new("s", kind.name(), "it"), BTreeMap::new());
        let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
        let mut live: Option<Observation> = None;
        for step in kind.create(&spec, &Context { key: &key, tags: &tags }) {
            let (mut action, id) = (step.action.json, live.as_ref().map(|l| l.id.clone()).unwrap_or_default());
            fill(&mut action, &mut |_| Worth::Value(id.clone().into()));
            live = kind.predict(live.as_ref(), &action, &mut mint).expect("a create is taken");
        }
        live.expect("it is there")
    })
}

/// The steps from a live thing to a declaration; `last` is the declaration before.
pub(crate) fn check_converge(kind: &str, live: &Observation, last: &Value, spec: &Value, expected: &[&str]) {
    with(kind, |kind| {
        let (mut spec, mut last) = (spec.clone(), last.clone());
        kind.canonical(&mut spec);
        kind.canonical(&mut last);
        let (key, tags) = (ResourceKey::new("s", kind.name(), "it"), BTreeMap::new());
        let diffs = diffs(kind, &spec, &live.fields, Some(&last));
        match kind.converge(&spec, live, &diffs, &Context { key: &key, tags: &tags }) {
            Converge::Change(steps) => {
                let told: Vec<String> = steps.into_iter().map(|d| d.action.text).collect();
                assert_eq!(told, expected);
            }
            other => panic!("a change was due, not {other:?}"),
        }
    });
}
