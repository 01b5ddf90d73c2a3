//! Small documents and times for the tests.

use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::document::StackSpec;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Fate, Memory, Verb};
use holdfast_core::policy::Policy;
use holdfast_core::status::{Condition, ConditionType, Drift, Phase, Status, Truth};
use holdfast_store::{
    Change, Changed, Event, EventType, Gone, Intent, IntentOutcome, IntentResult, Location, Outcome, PassRecord,
    Removal, ResourceChange, ScopeStatus, StackChange, Store,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::Path;

/// `seconds` after the tests' epoch.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub(crate) fn file(directory: &Path) -> Location {
    Location::File(directory.join("holdfast.db"))
}

pub(crate) fn home() -> Scope {
    Scope::new("default", "eu-west-1")
}

/// `es/Service/{name}`.
pub(crate) fn key(name: &str) -> ResourceKey {
    ResourceKey::new("es", "Service", name)
}

/// A service of the stack `es`; its uid is `uid-{name}`.
pub(crate) fn service(name: &str, count: u64) -> ResourceChange {
    resource(key(name), count)
}

pub(crate) fn resource(key: ResourceKey, count: u64) -> ResourceChange {
    ResourceChange {
        scope: home(),
        document_spec: json!({ "desiredCount": count, "cluster": "${var.cluster}" }),
        spec: json!({ "desiredCount": count, "cluster": "main" }),
        policy_own: Policy::default(),
        policy_effective: Policy::default(),
        stack_tags: [("env".to_owned(), "prod".to_owned())].into(),
        labels: [].into(),
        new_uid: format!("uid-{}-{}-{}", key.stack, key.kind, key.name),
        key,
    }
}

pub(crate) fn stack(name: &str) -> StackChange {
    StackChange { name: name.to_owned(), spec: StackSpec::default(), ..StackChange::default() }
}

/// A change at a time.
pub(crate) fn change(seconds: i64) -> Change {
    Change::at(at(seconds))
}

/// Declares resources, and their stacks.
pub(crate) fn declare(store: &Store, seconds: i64, resources: Vec<ResourceChange>) -> Vec<Outcome> {
    let mut stacks: Vec<_> = resources.iter().map(|r| stack(&r.key.stack)).collect();
    stacks.dedup();
    let several = stacks.len();
    let outcomes = store.change(&Change { stacks, resources, ..change(seconds) }).unwrap();
    outcomes[several..].to_vec()
}

/// Takes a declaration away.
pub(crate) fn remove(store: &Store, seconds: i64, key: ResourceKey, fate: Option<Fate>) -> Outcome {
    store.change(&Change { removals: vec![Removal { key, fate }], ..change(seconds) }).unwrap().remove(0)
}

pub(crate) fn status(phase: Phase, generation: u64, seconds: i64) -> Status {
    Status {
        phase,
        observed_generation: generation,
        outputs: json!({ "id": "i-1" }).as_object().unwrap().clone().into(),
        conditions: vec![Condition {
            kind: ConditionType::Synced,
            status: if phase == Phase::InSync { Truth::True } else { Truth::False },
            reason: phase.to_string(),
            message: String::new(),
            since: at(seconds),
        }]
        .into(),
        drift: (phase == Phase::Drifted).then(|| Drift {
            since: at(seconds),
            action: "healing".to_owned(),
            fields: Vec::new(),
        }),
        owned: Vec::new(),
        last_observed_at: Some(at(seconds)),
    }
}

pub(crate) fn memory(id: &str) -> Memory {
    Memory {
        id: Some(id.to_owned()),
        outputs: json!({ "id": id, "arn": format!("arn:{id}") }).as_object().unwrap().clone().into(),
        last_written: Some(json!({ "desiredCount": 2 }).into()),
        ..Memory::default()
    }
}

/// What a pass would say of a resource that it planned with.
pub(crate) fn found(desired: &Desired, phase: Phase, seconds: i64) -> Changed<'static> {
    Changed {
        key: desired.key.clone(),
        uid: desired.uid.clone(),
        generation: desired.generation,
        fate: desired.fate,
        status: Cow::Owned(status(phase, desired.generation, seconds)),
        memory: Cow::Owned(memory("i-1")),
    }
}

/// A pass over the home scope that found nothing new.
pub(crate) fn pass(seconds: i64) -> PassRecord<'static> {
    PassRecord {
        now: at(seconds),
        changed: Vec::new(),
        gone: Vec::new(),
        events: Vec::new(),
        scope_status: ScopeStatus { swept_at: Some(at(seconds)), api_calls: 7, ..ScopeStatus::of(home()) },
    }
}

/// Finds everything of the home scope in a phase.
pub(crate) fn find_all(store: &Store, seconds: i64, phase: Phase) {
    let desired = store.desired(&home(), at(seconds)).unwrap();
    let changed = desired.iter().map(|d| found(d, phase, seconds)).collect();
    store.record(&PassRecord { changed, ..pass(seconds) }).unwrap();
}

pub(crate) fn gone(desired: &Desired) -> Gone {
    Gone { key: desired.key.clone(), uid: desired.uid.clone(), generation: desired.generation }
}

pub(crate) fn desired_one(store: &Store, key: &ResourceKey) -> Desired {
    let list = store.desired(&home(), at(0)).unwrap();
    Desired::clone(list.iter().find(|d| d.key == *key).unwrap())
}

pub(crate) fn intent(key: &ResourceKey, verb: Verb, seconds: i64) -> Intent {
    Intent {
        at: at(seconds),
        scope: home(),
        uid: format!("uid-{}-{}-{}", key.stack, key.kind, key.name),
        key: key.clone(),
        generation: 1,
        verb,
        action: json!({ "create": { "desiredCount": 2 } }),
        text: format!("{} {key}", verb.word()),
        because: "it is missing".to_owned(),
        target: None,
        token: format!("token-{seconds}"),
        implicit_delete: verb == Verb::Delete,
        replacement: verb == Verb::Create,
        identity: None,
    }
}

pub(crate) fn applied(seconds: i64) -> IntentOutcome {
    IntentOutcome { at: at(seconds), result: IntentResult::Applied(Applied::default()) }
}

pub(crate) fn failed(seconds: i64) -> IntentOutcome {
    let error = ApplyError {
        class: ErrorClass::Conflict,
        operation: "ecs:DeleteService".to_owned(),
        code: "InUse".to_owned(),
        message: "still in use".to_owned(),
        request_id: None,
    };
    IntentOutcome { at: at(seconds), result: IntentResult::Failed(error) }
}

pub(crate) fn event(seconds: i64, key: &ResourceKey, event_type: EventType) -> Event {
    Event::new(at(seconds), event_type, "Drifted", "something differs").of(key).with(json!({ "paths": ["/x"] }))
}

pub(crate) fn spec_of(count: u64) -> Value {
    service("x", count).spec
}
