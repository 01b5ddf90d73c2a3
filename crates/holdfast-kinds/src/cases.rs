//! Tables of cases: what a person declares, what AWS shows of it, and whether that is a difference.
//!
//! Each kind has its table beside it, in `cases.json`. A case is a base with patches, by JSON Pointer; `"(absent)"` takes
//! a value away. `same` must come out of a whole plan as in sync, without a step; `differs` must come out with exactly
//! the differences that it `finds`. Every case names its source.

use crate::common::Tags;
use crate::registry;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Snapshot};
use holdfast_core::plan::{Decision, Desired, Fate, Input, Memory, Plan, Settings, plan};
use holdfast_core::pointer;
use holdfast_core::policy::Policy;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Pages of AWS's documentation, and threads about what AWS does, by the short name that cases use.
    sources: BTreeMap<String, String>,
    bases: BTreeMap<String, Base>,
    same: Vec<Row>,
    differs: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    declared: Value,
    live: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    case: String,
    base: String,
    #[serde(default)]
    declared: BTreeMap<String, Value>,
    #[serde(default)]
    live: BTreeMap<String, Value>,
    /// What was declared before, as patches over what is declared now.
    #[serde(default)]
    before: BTreeMap<String, Value>,
    /// Live tags.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    source: String,
    #[serde(default)]
    finds: Vec<String>,
}

fn table(kind: &str) -> Table {
    let text = crate::tables().into_iter().find(|(name, _)| *name == kind).expect("the kind has a table").1;
    serde_json::from_str(text).unwrap_or_else(|e| panic!("the table of {kind}: {e}"))
}

/// Every declaration in a kind's table.
pub(crate) fn declarations(kind: &str) -> Vec<Value> {
    let table = table(kind);
    let rows = table.same.iter().chain(&table.differs);
    rows.map(|row| patched(&table.bases[&row.base].declared, &row.declared)).collect()
}

fn patched(base: &Value, patches: &BTreeMap<String, Value>) -> Value {
    let mut value = base.clone();
    for (at, patch) in patches {
        if patch == "(absent)" {
            assert!(pointer::remove(&mut value, at).is_some(), "{at} is not there to be taken away");
        } else {
            assert!(pointer::set(&mut value, at, patch.clone()), "there is no way to {at}");
        }
    }
    value
}

/// How a kind reads what AWS shows, given what is declared and the live tags.
pub(crate) type Read<'a> = &'a dyn Fn(&Value, &Value, Tags) -> Observation;

/// For kinds whose answers are read field by field into the shape of the spec: the table shows that shape.
fn read_as_spec(kind: &str) -> impl Fn(&Value, &Value, Tags) -> Observation {
    let kind = kind.to_owned();
    move |live, _, tags| {
        let registry = registry();
        let kind = registry.get(&kind).expect("the kind is listed");
        let mut fields = live.clone();
        kind.canonical(&mut fields);
        let identity = kind.identity(&fields).unwrap_or_default();
        crate::common::settled("id-1".to_owned(), identity, tags, fields)
    }
}

/// A case as told to the plan.
pub(crate) struct Told<'a> {
    pub(crate) kind: &'a str,
    pub(crate) declared: Value,
    pub(crate) live: Observation,
    pub(crate) memory: Memory,
}

/// The plan for these, all of one scope, each named by its place.
pub(crate) fn planned(told: Vec<Told<'_>>) -> Plan {
    let registry = registry();
    let (mut kinds, mut memory) = (BTreeMap::<_, Reading>::new(), BTreeMap::new());
    let mut desired = Vec::new();
    for (i, one) in told.into_iter().enumerate() {
        let kind = registry.get(one.kind).map(AnyKind::name).expect("the kind is listed");
        let (key, uid) = (ResourceKey::new("s", kind, format!("it{i:03}")), format!("uid-{i}"));
        let mut live = one.live;
        live.id = format!("{}-{i}", live.id);
        live.state = LiveState::Settled;
        live.health = Health::Healthy;
        live.tags_mut().insert(UID_TAG.to_owned(), uid.clone());
        live.tags_mut().insert(RESOURCE_TAG.to_owned(), key.to_string());
        kinds.entry(kind).or_default().observations.push(Arc::new(live));
        memory.insert(key.clone(), one.memory);
        desired.push(Arc::new(Desired {
            key,
            uid,
            generation: 1,
            scope: Scope::new("default", "eu-west-1"),
            spec: Arc::new(one.declared.into()),
            stack_tags: Arc::default(),
            policy: Policy::default(),
            fate: Fate::Keep,
            hold: None,
            instead: None,
        }));
    }
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let snapshot = Snapshot { scope: Scope::new("default", "eu-west-1"), taken_at: now, kinds };
    plan(&Input {
        registry: &registry,
        desired: &desired,
        snapshot: &snapshot,
        memory: &memory,
        elsewhere: &BTreeMap::new(),
        declared_uids: &|uid| uid.starts_with("uid-"),
        settings: &Settings::default(),
        deletes_left: 0,
        replaces_left: 2,
        // What differs is the question here, not whether so much at once is believed.
        drift_confirmed: true,
        now,
    })
}

/// What a whole plan says of a case.
fn outcome(kind: &str, table: &Table, row: &Row, read: Read<'_>) -> (bool, Vec<String>) {
    let base = table.bases.get(&row.base).unwrap_or_else(|| panic!("{kind}: {} has no base {}", row.case, row.base));
    let (declared, wire) = (patched(&base.declared, &row.declared), patched(&base.live, &row.live));
    let live = read(&wire, &declared, row.tags.clone());
    let mut last = patched(&declared, &row.before);
    let registry = registry();
    registry.get(kind).expect("the kind is listed").canonical(&mut last);
    let memory = Memory { last_written: Some(last.into()), ..Memory::default() };
    let plan = planned(vec![Told { kind, declared, live, memory }]);
    let verdict = &plan.verdicts[0];
    let told = verdict.diffs.iter().map(|d| format!("{:?} {}", d.change, d.path).to_lowercase()).collect();
    (verdict.decision == Decision::InSync && plan.steps.is_empty(), told)
}

/// Walks the table of a kind whose cases show what is live in the shape of the spec.
pub(crate) fn check_as_spec(kind: &str) {
    check(kind, &read_as_spec(kind));
}

/// Walks the table of a kind.
pub(crate) fn check(kind: &str, read: Read<'_>) {
    let table = table(kind);
    let mut wrong = Vec::new();
    let registry = registry();
    for row in table.same.iter().chain(&table.differs) {
        let declared = patched(&table.bases[&row.base].declared, &row.declared);
        let refused = registry.get(kind).expect("the kind is listed").validate(&declared);
        wrong.extend(refused.iter().map(|e| format!("{}: is refused: {} {}", row.case, e.pointer, e.message)));
    }
    for row in &table.same {
        let (in_sync, told) = outcome(kind, &table, row, read);
        if !in_sync || !told.is_empty() {
            wrong.push(format!("{}: {}", row.case, told.join(", ")));
        }
    }
    for row in &table.differs {
        let (_, told) = outcome(kind, &table, row, read);
        let finds: Vec<String> = row.finds.iter().map(|f| f.to_lowercase()).collect();
        if told != finds || finds.is_empty() {
            wrong.push(format!("{}: found {told:?}, not {finds:?}", row.case));
        }
    }
    assert!(wrong.is_empty(), "{kind}:\n{}", wrong.join("\n"));
}

#[test]
fn kinds_of_load_balancing_see_what_differs_and_nothing_else() {
    for kind in ["Listener", "ListenerRule", "SecurityGroup", "TargetGroup"] {
        check_as_spec(kind);
    }
}

#[test]
fn there_are_hundreds_of_cases_no_two_alike_and_each_has_a_source() {
    let (mut same, mut differs) = (0, 0);
    for (kind, _) in crate::tables() {
        let table = table(kind);
        let (mut names, mut told) = (BTreeSet::new(), BTreeSet::new());
        for row in table.same.iter().chain(&table.differs) {
            assert!(names.insert(&row.case), "{kind}: \"{}\" is there twice", row.case);
            let base = &table.bases[&row.base];
            let (declared, live) = (patched(&base.declared, &row.declared), patched(&base.live, &row.live));
            let both = format!("{declared} {live} {:?} {:?}", row.before, row.tags);
            assert!(told.insert(both), "{kind}: \"{}\" says what another case says", row.case);
            let source = table.sources.get(&row.source);
            assert!(source.is_some_and(|s| s.starts_with("https://")), "{kind}: \"{}\" has no source", row.case);
        }
        println!("{kind}: {} that are no drift, {} that are", table.same.len(), table.differs.len());
        (same, differs) = (same + table.same.len(), differs + table.differs.len());
    }
    println!("{same} cases that are no drift, {differs} that are");
    assert!(same >= 400 && differs >= 60, "{same} and {differs} are too few");
}
