//! Declaring and taking away: from a checked body to a change, whatever route it came by.

use super::idempotency::Once;
use super::{accounts, guards, resources, stacks};
use crate::http::conditional::{Conditions, Tag, json_bytes, with_tag};
use crate::http::problem::{Mistake, Problem};
use crate::openapi::endpoint::Answer;
use crate::state::ApiState;
use crate::stored::StoreView;
use crate::views::{resource_tag, stack_tag};
use holdfast_core::document::without_views;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::Fate;
use holdfast_core::policy::{DeletionPolicy, Policy};
use holdfast_core::problem::SpecError;
use holdfast_core::validate::{Accepted, DEFAULT_ACCOUNT, World, check_body, identity};
use holdfast_store::{Answer as Kept, Change, Outcome, Removal, ResourceChange, ResourceRecord, Target, What};
use http::{HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a client wants declared, and under which conditions.
pub(crate) struct Intake {
    /// The documents.
    pub(crate) body: Value,
    /// Declarations of a stack that its document no longer has go.
    pub(crate) prune: bool,
    /// What a person has said may go.
    pub(crate) confirmed: Option<Confirmed>,
    /// `If-Match`, `If-None-Match`.
    pub(crate) conditions: Conditions,
    /// `Idempotency-Key`.
    pub(crate) once: Option<Once>,
}

/// What a person has said may go: `?confirm=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// All of a stack.
    Empty,
    /// Most of a stack.
    Shrink,
}

/// What became of each document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Applied {
    /// One line for each account, stack and resource, those that went included.
    pub(crate) results: Vec<Line>,
    /// The plan that must be approved before all of it is carried out, under `rollout: approve`; absent if none must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan_hash: Option<String>,
}

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Line {
    /// Its kind.
    pub(crate) kind: String,
    /// Its stack; absent for an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// `created`, `updated`, `unchanged`, `deleting` or `removed`.
    #[schemars(with = "String")]
    pub(crate) outcome: What,
    /// Its generation after the change.
    pub(crate) generation: u64,
}

impl Line {
    /// The line of a target.
    pub(crate) fn new(target: &Target, outcome: What, generation: u64) -> Self {
        let (kind, stack, name) = match target {
            Target::Account(name) => ("Account", None, name.clone()),
            Target::Stack(name) => ("Stack", Some(name.clone()), name.clone()),
            Target::Resource(key) => (key.kind.as_str(), Some(key.stack.clone()), key.name.clone()),
        };
        Self { kind: kind.to_owned(), stack, name, outcome, generation }
    }
}

/// A change that has been made, on its way to the client.
pub(crate) struct Done {
    status: StatusCode,
    pub(crate) body: Vec<u8>,
    /// The stacks that it touched.
    pub(crate) stacks: BTreeSet<String>,
    /// The Idempotency-Key that the answer is kept under.
    pub(crate) once: Option<String>,
    results: Vec<Line>,
    scopes: BTreeSet<Scope>,
    tag: Option<Tag>,
    replayed: bool,
}

impl Done {
    /// Says which plan awaits approval because of it.
    pub(crate) fn name_plan(&mut self, hash: &str) {
        self.body = bytes(&Applied { results: std::mem::take(&mut self.results), plan_hash: Some(hash.to_owned()) });
    }

    /// Wakes the loop and answers.
    pub(crate) fn done(self, state: &ApiState) -> Answer {
        if !self.scopes.is_empty() {
            state.control().nudge(&self.scopes);
        }
        let mut response = json_bytes(self.status, self.body);
        if self.replayed {
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        Ok(match &self.tag {
            Some(tag) => with_tag(response, tag),
            None => response,
        })
    }

    /// The answer that was given before.
    pub(crate) fn replay(record: holdfast_store::IdempotencyRecord) -> Self {
        let status = StatusCode::from_u16(record.status).unwrap_or(StatusCode::OK);
        Self {
            status,
            body: record.body,
            stacks: BTreeSet::new(),
            once: None,
            results: Vec::new(),
            scopes: BTreeSet::new(),
            tag: None,
            replayed: true,
        }
    }
}

/// A body that passed every check, with what goes because of it.
pub(crate) struct Checked {
    pub(crate) accepted: Accepted,
    /// What the body no longer declares, with the fate its policy gives it.
    pub(crate) removals: Vec<(ResourceRecord, Option<Fate>)>,
}

/// Checks a body against the store and refuses what only a person may want.
pub(crate) fn check(state: &ApiState, intake: &mut Intake) -> Result<Checked, Problem> {
    without_views(&mut intake.body);
    let view = StoreView::new(state);
    let world = World {
        registry: state.registry(),
        validators: state.validators(),
        stored: &view,
        default_region: state.default_region(),
        prune: intake.prune,
    };
    let verdict = check_body(&intake.body, &world);
    view.finish()?;
    let accepted = verdict.map_err(Problem::invalid)?;
    claim(state, &accepted);
    let mut removals = Vec::new();
    for key in &accepted.absent {
        let record = resources::find(state, key)?;
        let stack = accepted.stacks.iter().find(|s| s.name == key.stack);
        let base = stack.map(|s| s.spec.policy.clone()).unwrap_or_default();
        let policy = record.policy_own.over(&base);
        let fate = fate(None, &policy);
        removals.push((ResourceRecord { policy_effective: policy, ..record }, fate));
    }
    guards::refuse_protected(removals.iter().map(|(r, _)| r))?;
    if intake.confirmed != Some(Confirmed::Empty) {
        guards::refuse_emptied(&accepted, &intake.body)?;
        if intake.confirmed.is_none() {
            guards::refuse_shrunk(state, &accepted, &removals, &intake.body)?;
        }
    }
    guards::refuse_referenced(state, &accepted.absent, &accepted.resources)?;
    Ok(Checked { accepted, removals })
}

/// Says which live things are about to be somebody's. If they are not stored after all, that is no harm.
fn claim(state: &ApiState, accepted: &Accepted) {
    for resource in &accepted.resources {
        let kind = state.registry().get(&resource.key.kind);
        let own = kind.and_then(|kind| identity(kind, &resource.spec, &resource.key.stack));
        if let Some(own) = own {
            state.claims().enter(&resource.key.kind, &resource.scope, &own, &resource.key);
        }
    }
}

/// What becomes of a live thing whose declaration goes; `asked` is `?deletion=`.
fn fate(asked: Option<&str>, policy: &Policy) -> Option<Fate> {
    match (asked, policy.deletion.unwrap_or_default()) {
        (Some("retain"), _) | (None, DeletionPolicy::Retain) => None,
        (Some("snapshot"), _) => Some(Fate::DeleteWithSnapshot),
        (Some(_), _) => Some(Fate::DeleteByName),
        (None, DeletionPolicy::Delete | DeletionPolicy::Snapshot) => Some(Fate::DeleteByPolicy),
    }
}

/// `POST /v1/apply`.
pub(crate) fn apply(state: &ApiState, mut intake: Intake) -> Result<Done, Problem> {
    if let Some(before) = intake.once.as_ref().map(|once| once.before(state)).transpose()?.flatten() {
        return Ok(Done::replay(before));
    }
    let checked = check(state, &mut intake)?;
    conditions(state, &checked.accepted, &intake)?;
    make(state, checked, intake.once.as_ref())
}

/// `PUT` of one resource.
pub(crate) fn put(state: &ApiState, key: &ResourceKey, mut intake: Intake) -> Result<Done, Problem> {
    agrees(key, &mut intake.body)?;
    let checked = check(state, &mut intake)?;
    let before = state.store().resource(key)?;
    intake.conditions.allow_write(&key.to_string(), before.as_ref().map(resource_tag).as_ref())?;
    let mut done = make(state, checked, None)?;
    if before.is_none() {
        done.status = StatusCode::CREATED;
    }
    done.tag = state.store().resource(key)?.as_ref().map(resource_tag);
    Ok(done)
}

/// The path says what is meant; a body that says something else is refused, one that says nothing is taken.
fn agrees(key: &ResourceKey, body: &mut Value) -> Result<(), Problem> {
    if let Some(Value::Object(metadata)) = body.get_mut("metadata") {
        metadata.entry("stack").or_insert_with(|| Value::from(key.stack.as_str()));
    }
    let places =
        [("/kind", &key.kind, "kind"), ("/metadata/name", &key.name, "name"), ("/metadata/stack", &key.stack, "stack")];
    let mut errors = Vec::new();
    for (pointer, wanted, what) in places {
        // What is missing or no text is for the check of the document to tell.
        if let Some(Value::String(given)) = body.pointer(pointer)
            && given != wanted
        {
            let given = holdfast_core::problem::clip(given, 100);
            let message = format!("The path says {what} \"{wanted}\", the body \"{given}\". Make them the same.");
            errors.push(SpecError::new(pointer, "path-mismatch", message));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// `If-Match` and `If-None-Match` of an apply: about the one document of the body, or, to create only, about all.
pub(crate) fn conditions(state: &ApiState, accepted: &Accepted, intake: &Intake) -> Result<(), Problem> {
    if !intake.conditions.any() {
        return Ok(());
    }
    if intake.conditions.wants_match() && intake.body.get("kind").is_some_and(|k| k == "List") {
        let message = "If-Match is about one document, and this is a List. Send the document by itself.";
        return Err(Problem::parameters(vec![Mistake::of_parameter("if-match", "invalid-header", message.to_owned())]));
    }
    for account in &accepted.accounts {
        let tag = match state.store().account(&account.name)? {
            Some(account) => Some(accounts::tag(&account)),
            // It is there without a document, and it may be created.
            None if account.name == DEFAULT_ACCOUNT && intake.conditions.wants_match() => Some(accounts::implied_tag()),
            None => None,
        };
        intake.conditions.allow_write(&format!("account {}", account.name), tag.as_ref())?;
    }
    for stack in accepted.stacks.iter().filter(|s| !s.implied) {
        let tag = match state.store().stack(&stack.name)? {
            Some(record) => Some(stack_tag(&record, &stacks::members(state, &stack.name)?)),
            None => None,
        };
        intake.conditions.allow_write(&format!("stack {}", stack.name), tag.as_ref())?;
    }
    let in_stack = |key: &ResourceKey| accepted.stacks.iter().any(|s| !s.implied && s.name == key.stack);
    for resource in accepted.resources.iter().filter(|r| r.declared && !in_stack(&r.key)) {
        let tag = state.store().resource(&resource.key)?.as_ref().map(resource_tag);
        intake.conditions.allow_write(&resource.key.to_string(), tag.as_ref())?;
    }
    Ok(())
}

fn make(state: &ApiState, checked: Checked, once: Option<&Once>) -> Result<Done, Problem> {
    let mut scopes: BTreeSet<Scope> = checked.removals.iter().map(|(r, _)| r.scope.clone()).collect();
    scopes.extend(checked.accepted.resources.iter().map(|r| r.scope.clone()));
    let change = Change {
        accounts: checked.accepted.accounts.into_iter().map(Into::into).collect(),
        stacks: checked.accepted.stacks.into_iter().map(Into::into).collect(),
        resources: checked.accepted.resources.into_iter().map(|r| ResourceChange::of(r, state.new_uid())).collect(),
        removals: checked.removals.into_iter().map(|(r, fate)| Removal { key: r.key, fate }).collect(),
        ..Change::at(state.now())
    };
    commit(state, &change, scopes, once)
}

fn commit(state: &ApiState, change: &Change, scopes: BTreeSet<Scope>, once: Option<&Once>) -> Result<Done, Problem> {
    let lines = |outcomes: &[Outcome]| -> Vec<Line> {
        outcomes.iter().map(|o| Line::new(&o.target, o.what, o.generation)).collect()
    };
    let respond = |outcomes: &[Outcome]| {
        // An apply answers 200 also when it prunes; a DELETE says that it is not over yet.
        let applies = !(change.accounts.is_empty() && change.stacks.is_empty() && change.resources.is_empty());
        let under_way = !applies && change.removals.iter().any(|r| r.fate.is_some());
        let status = if under_way { StatusCode::ACCEPTED } else { StatusCode::OK };
        (status.as_u16(), bytes(&Applied { results: lines(outcomes), plan_hash: None }))
    };
    let (outcomes, (status, body)) = match once {
        None => {
            let outcomes = state.store().change(change)?;
            let answer = respond(&outcomes);
            (outcomes, answer)
        }
        Some(once) => match state.store().change_once(&once.key, &once.request_hash, change, &respond)? {
            Kept::Made(outcomes, record) => (outcomes, (record.status, record.body)),
            Kept::Repeat(record) => return once.same(record).map(Done::replay),
        },
    };
    let results = lines(&outcomes);
    Ok(Done {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        body,
        stacks: results.iter().filter_map(|l| l.stack.clone()).collect(),
        once: once.map(|o| o.key.clone()),
        results,
        scopes,
        tag: None,
        replayed: false,
    })
}

fn bytes(answer: &Applied) -> Vec<u8> {
    // Plain strings and numbers; serializing them cannot fail.
    serde_json::to_vec(answer).unwrap_or_default()
}

/// Takes declarations away, and with them their stack if it is named.
pub(crate) fn take_away(
    state: &ApiState,
    records: &[ResourceRecord],
    asked: Option<&str>,
    stack: Option<&str>,
) -> Result<Done, Problem> {
    guards::refuse_protected(records.iter())?;
    let leaving: Vec<ResourceKey> = records.iter().map(|r| r.key.clone()).collect();
    guards::refuse_referenced(state, &leaving, &[])?;
    let removal = |r: &ResourceRecord| Removal { key: r.key.clone(), fate: fate(asked, &r.policy_effective) };
    let change = Change {
        removals: records.iter().map(removal).collect(),
        removed_stacks: stack.map(str::to_owned).into_iter().collect(),
        ..Change::at(state.now())
    };
    let scopes = records.iter().map(|r| r.scope.clone()).collect();
    commit(state, &change, scopes, None)
}
