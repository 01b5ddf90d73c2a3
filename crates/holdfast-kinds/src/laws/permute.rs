//! Any order of a set and any documented default, wherever they may stand, leave nothing to do.

use super::world;
use crate::cases::{Told, planned};
use crate::registry;
use holdfast_core::facts::{Facts, Field, Scene, Shape};
use holdfast_core::kind::AnyKind;
use holdfast_core::observe::Observation;
use holdfast_core::plan::{Decision, Memory};
use holdfast_core::reference::{Reference, Worth, fill};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A declaration with what an AWS that does as the kind predicts makes of it.
struct Made {
    kind: &'static str,
    spec: Value,
    live: Observation,
}

/// Every example of a kind, and every resource of the example stack.
static MADE: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let registry = registry();
    let stack: Value = serde_json::from_str(include_str!("../../../../examples/es/stack.json")).expect("it is JSON");
    let resources = stack["spec"]["resources"].as_array().expect("a stack has resources");
    let of_stack = resources.iter().map(|r| (r["kind"].as_str().expect("a kind"), closed(&r["spec"])));
    let examples = registry.iter().map(|kind| (kind.name(), world::filled(kind)));
    let all: Vec<(&str, Value)> = examples.chain(of_stack).collect();
    all.into_iter().map(|(kind, spec)| made(registry.get(kind).expect("the kind is listed"), spec)).collect()
});

/// The spec with a plausible value for every reference.
fn closed(spec: &Value) -> Value {
    let mut spec = spec.clone();
    fill(&mut spec, &mut |reference| {
        Worth::Value(match reference {
            Reference::Variable(name) => name.to_lowercase().into(),
            Reference::Output { kind, name, output, .. } => match (kind.as_str(), output.as_str()) {
                ("TaskDefinition", _) => format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{name}:1").into(),
                (_, "arn") => format!("arn:aws:x:eu-west-1:123456789012:{}/{name}", kind.to_lowercase()).into(),
                _ => format!("{}-{name}", kind.to_lowercase()).into(),
            },
        })
    });
    spec
}

fn made(kind: &dyn AnyKind, spec: Value) -> Made {
    let mut world = world::World::of(kind, spec.clone());
    world.create().unwrap_or_else(|why| panic!("{}: its create is refused: {why}", kind.name()));
    Made { kind: kind.name(), spec, live: world.live().clone() }
}

/// Turns every set at the end of a path, by numbers that say how far.
fn permute(value: &mut Value, path: &[&str], turns: &mut dyn FnMut() -> usize) {
    match (path.split_first(), value) {
        (None, Value::Array(items)) if items.len() > 1 => {
            for end in (1..items.len()).rev() {
                items.swap(end, turns() % (end + 1));
            }
        }
        (Some((&"*", rest)), Value::Array(items)) => items.iter_mut().for_each(|i| permute(i, rest, turns)),
        (Some((key, rest)), Value::Object(map)) => {
            if let Some(inner) = map.get_mut(*key) {
                permute(inner, rest, turns);
            }
        }
        _ => {}
    }
}

/// Puts the default of a field wherever its parent stands and it does not, if `wanted` says so.
fn insert(value: &mut Value, path: &[&str], default: &Value, wanted: &mut dyn FnMut() -> bool) -> usize {
    match (path, value) {
        ([key], Value::Object(map)) if !map.contains_key(*key) => {
            let puts = wanted();
            if puts {
                map.insert((*key).to_owned(), default.clone());
            }
            usize::from(puts)
        }
        (["*", rest @ ..], Value::Array(items)) => items.iter_mut().map(|i| insert(i, rest, default, wanted)).sum(),
        ([key, rest @ ..], Value::Object(map)) if !rest.is_empty() => {
            map.get_mut(*key).map_or(0, |inner| insert(inner, rest, default, wanted))
        }
        _ => 0,
    }
}

fn segments(field: &Field) -> Vec<&'static str> {
    field.path.split('/').skip(1).collect()
}

/// The declaration and the live thing, their sets turned and defaults put in; how many were put in.
fn respelled(made: &Made, facts: &Facts, fields: &[Field], numbers: &[usize]) -> (Value, Observation, usize) {
    let mut at = 0;
    let mut next = move || {
        at += 1;
        numbers[at % numbers.len()].wrapping_add(at)
    };
    let (mut declared, mut live) = (made.spec.clone(), made.live.clone());
    let mut put = 0;
    for field in fields.iter().filter(|f| f.has_default() && !matches!(f.shape, Shape::WriteOnly)) {
        let scene = Scene { desired: &made.spec, live: &made.live.fields, facts };
        let Some(default) = facts.at(field.path).default_in(&scene).filter(|d| !d.is_null()).cloned() else { continue };
        put += insert(&mut live.fields, &segments(field), &default, &mut || next() % 2 == 0);
        put += insert(&mut declared, &segments(field), &default, &mut || next() % 2 == 0);
    }
    for field in fields.iter().filter(|f| matches!(f.shape, Shape::Set(_))) {
        permute(&mut live.fields, &segments(field), &mut next);
        permute(&mut declared, &segments(field), &mut next);
    }
    (declared, live, put)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_sets_and_any_insertion_of_defaults_leaves_the_plan_empty(
        numbers in prop::collection::vec(any::<usize>(), 16..64),
    ) {
        let registry = registry();
        let told = MADE.iter().map(|made| {
            let kind = registry.get(made.kind).expect("the kind is listed");
            let (declared, mut live, _) = respelled(made, kind.facts(), kind.fields(), &numbers);
            kind.canonical(&mut live.fields);
            let mut written = made.spec.clone();
            kind.canonical(&mut written);
            let memory = Memory { last_written: Some(written.into()), ..Memory::default() };
            Told { kind: made.kind, declared, live, memory }
        });
        let plan = planned(told.collect());
        for verdict in &plan.verdicts {
            let told: Vec<String> = verdict.diffs.iter().map(|d| format!("{} {} -> {}", d.path, d.desired, d.live)).collect();
            prop_assert_eq!(verdict.decision, Decision::InSync, "{}: {} {}", verdict.key, verdict.reason, told.join("; "));
        }
        prop_assert!(plan.steps.is_empty());
    }
}

#[test]
fn the_property_turns_sets_and_puts_defaults_in_for_every_kind() {
    let registry = registry();
    let mut moved: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for made in MADE.iter() {
        let kind = registry.get(made.kind).expect("the kind is listed");
        let (_, live, put) = respelled(made, kind.facts(), kind.fields(), &[0, 1]);
        let turned = kind.fields().iter().filter(|f| matches!(f.shape, Shape::Set(_)));
        let sets = turned.filter(|f| live.fields.pointer(f.path).is_some_and(Value::is_array)).count();
        let known = moved.entry(made.kind).or_default();
        *known = (known.0 + put, known.1 + sets);
    }
    assert_eq!(moved.len(), registry.names().count());
    let has_any = |kind: &str| {
        registry
            .get(kind)
            .is_some_and(|k| k.fields().iter().any(|f| f.has_default() || matches!(f.shape, Shape::Set(_))))
    };
    let idle: Vec<&str> =
        moved.iter().filter(|(kind, (put, sets))| put + sets == 0 && has_any(kind)).map(|(kind, _)| *kind).collect();
    assert!(idle.is_empty(), "nothing moves for {idle:?}");
}
