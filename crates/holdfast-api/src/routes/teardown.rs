//! The certificate of a teardown: what was deleted, what stays and why, and what AWS still shows of the stack.

use crate::control::Loop;
use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::get;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::status::{ConditionType, Phase};
use holdfast_store::{Event, EventFilter, HistoryType, ResourceRecord};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Events of a stack that are read at once.
const PAGE: usize = 500;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/stacks/{stack}/teardown", "getTeardown", get(read))
            .about("stacks", "What became of a stack that was to go, and a look at AWS for what is left of it")
            .doc(
                "While live things are being deleted it says what is gone and what is waited for. In the end it lists what was deleted and what was retained, and \
                 asks AWS, by owner tag and by handle, in every account and region of the stack, whether anything is left. It stays readable after the stack is gone, as long as the log is kept.",
            )
            .headers(&[Header::IfNoneMatch])
            .gives::<Teardown>(StatusCode::OK, "How far the teardown is, or how it ended.")
            .fails(StatusCode::SERVICE_UNAVAILABLE, "An account or region cannot be asked now."),
    ]
}

/// How far a teardown is, or how it ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Teardown {
    stack: String,
    /// Where it stands.
    pub(crate) state: Stage,
    /// When the stack was asked to go.
    #[schemars(with = "Time")]
    requested_at: Timestamp,
    /// When its last resource went; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Time>")]
    finished_at: Option<Timestamp>,
    /// What was deleted live, in the order it went.
    deleted: Vec<Deleted>,
    /// What was let go and stays live.
    retained: Vec<Retained>,
    /// What is still declared, and what it waits for.
    remaining: Vec<Remaining>,
    /// What AWS was asked in the end, one entry an account and region; empty while something remains.
    checks: Vec<Check>,
}

/// Where a teardown stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stage {
    /// Live things are being deleted.
    Deleting,
    /// Nothing with the stack's owner tag is live, but for what was retained.
    Clean,
    /// Something with its owner tag is still live.
    LeftBehind,
    /// It is finished, and AWS could not be asked for everything.
    Unproven,
}

/// Something that was deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    kind: String,
    name: String,
    /// AWS's handle; absent where it was gone before it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// When it was seen to be gone, or else when AWS took the call.
    #[schemars(with = "Time")]
    at: Timestamp,
}

/// Something that stays.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Retained {
    kind: String,
    name: String,
}

/// Something that is not gone yet.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Remaining {
    kind: String,
    name: String,
    #[schemars(with = "String")]
    phase: Phase,
    /// What it waits for, in words.
    why: String,
}

/// A look at AWS.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Check {
    account: String,
    region: String,
    #[schemars(with = "Time")]
    checked_at: Timestamp,
    /// What is live with the stack's owner tag and was not retained.
    left: Vec<Leftover>,
    /// What could not be read, and why.
    unread: Vec<String>,
}

/// Something that is still live.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Leftover {
    kind: String,
    name: String,
    /// AWS's handle.
    id: String,
}

async fn read(State(state): State<ApiState>, Segments(name): Segments<String>, conditions: Conditions) -> Answer {
    let teardown = certify(&state, &name).await?;
    conditions.answer(&Tag::of_content(&teardown), &teardown)
}

/// The teardown of a stack; 404 if it was never asked to go.
pub(crate) async fn certify(state: &ApiState, stack: &str) -> Result<Teardown, Problem> {
    let name = stack.to_owned();
    let (mut teardown, scopes) = state.blocking(move |state| told(state, &name)).await?;
    if teardown.remaining.is_empty() {
        for (scope, deleted) in &scopes {
            teardown.checks.push(check(state.control(), state.now(), scope, &teardown, deleted).await?);
        }
        teardown.state = match teardown.checks.as_slice() {
            checks if checks.iter().any(|c| !c.left.is_empty()) => Stage::LeftBehind,
            checks if checks.iter().any(|c| !c.unread.is_empty()) => Stage::Unproven,
            _ => Stage::Clean,
        };
    }
    Ok(teardown)
}

async fn check(
    control: &dyn Loop,
    now: Timestamp,
    scope: &Scope,
    teardown: &Teardown,
    deleted: &[(ResourceKey, String)],
) -> Result<Check, Problem> {
    let found = control.leftovers(scope, &teardown.stack, deleted).await.map_err(Problem::from)?;
    let retained: BTreeSet<(&str, &str)> =
        teardown.retained.iter().map(|r| (r.kind.as_str(), r.name.as_str())).collect();
    let left = found.things.into_iter().filter(|(key, _)| !retained.contains(&(key.kind.as_str(), key.name.as_str())));
    Ok(Check {
        account: scope.account.clone(),
        region: scope.region.clone(),
        checked_at: now,
        left: left.map(|(key, id)| Leftover { kind: key.kind.clone(), name: key.name.clone(), id }).collect(),
        unread: found.unread,
    })
}

/// What was deleted in each scope of a stack.
type ByScope = BTreeMap<Scope, Vec<(ResourceKey, String)>>;

/// What the log and the store tell of a teardown.
fn told(state: &ApiState, stack: &str) -> Result<(Teardown, ByScope), Problem> {
    let events = since_requested(state, stack)?;
    let Some(request) = events.first() else {
        return Err(Problem::not_found(&format!(
            "The stack \"{stack}\" was not asked to go, as far as the log goes back. DELETE /v1/stacks/{stack}?deletion=delete asks it to."
        )));
    };
    let members = super::stacks::members(state, stack)?;
    let finished = events.iter().rev().find(|e| e.kind.is_none() && e.reason == "Removed").map(|e| e.at);
    // A look-up only asks: nothing of it is live, so nothing of it goes or stays.
    let only_asks = |kind: &str| state.registry().get(kind).is_some_and(AnyKind::lookup);
    let things: Vec<&Event> = events.iter().filter(|e| !e.kind.as_deref().is_some_and(only_asks)).collect();
    let (deleted, retained) = ended(&things);
    let mut scopes = ByScope::new();
    for one in &deleted {
        let key = ResourceKey::new(stack, one.kind.as_str(), one.name.as_str());
        let handles = scopes.entry(scope_of(state, &key)?).or_default();
        handles.extend(one.id.clone().map(|id| (key, id)));
    }
    for one in &retained {
        scopes.entry(scope_of(state, &ResourceKey::new(stack, one.kind.as_str(), one.name.as_str()))?).or_default();
    }
    let teardown = Teardown {
        stack: stack.to_owned(),
        state: Stage::Deleting,
        requested_at: request.at,
        finished_at: finished.filter(|_| members.is_empty()),
        deleted,
        retained,
        remaining: members.iter().map(remaining).collect(),
        checks: Vec::new(),
    };
    Ok((teardown, scopes))
}

/// The events of a stack since it was last asked to go, that one first; none if it was not, or is declared again.
fn since_requested(state: &ApiState, stack: &str) -> Result<Vec<Event>, Problem> {
    let filter = EventFilter { stack: Some(stack.to_owned()), ..EventFilter::default() };
    let (mut after, mut since) = (0, Vec::<Event>::new());
    loop {
        let page = state.store().events(after, PAGE, &filter)?;
        let whole = page.len() == PAGE;
        for event in page {
            after = event.id;
            match (event.kind.is_none(), event.reason.as_str()) {
                (true, "DeletionRequested") => since = vec![event],
                // Declared anew: what was torn down before is another story.
                (true, "Created") => since.clear(),
                _ if !since.is_empty() => since.push(event),
                _ => {}
            }
        }
        if !whole {
            return Ok(since);
        }
    }
}

/// What was deleted and what was retained, in order.
fn ended(events: &[&Event]) -> (Vec<Deleted>, Vec<Retained>) {
    let mut handles: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let (mut deleted, mut retained) = (Vec::new(), Vec::new());
    for event in events {
        let (Some(kind), Some(name)) = (event.kind.as_deref(), event.name.as_deref()) else { continue };
        match event.reason.as_str() {
            "Deleted" => {
                if let Some(target) = event.data["target"].as_str() {
                    handles.insert((kind, name), target);
                }
            }
            "Gone" => deleted.push(Deleted {
                kind: kind.to_owned(),
                name: name.to_owned(),
                id: handles.get(&(kind, name)).map(|id| (*id).to_owned()),
                at: event.at,
            }),
            "Removed" => retained.push(Retained { kind: kind.to_owned(), name: name.to_owned() }),
            _ => {}
        }
    }
    (deleted, retained)
}

/// Where a resource was declared last.
fn scope_of(state: &ApiState, key: &ResourceKey) -> Result<Scope, Problem> {
    let history = state.store().history(key, PAGE)?;
    let declared = history.iter().find(|e| e.entry_type == HistoryType::Generation);
    let text = |field: &str| declared.and_then(|e| e.data[field].as_str()).unwrap_or_default();
    Ok(Scope::new(text("account"), text("region")))
}

fn remaining(record: &ResourceRecord) -> Remaining {
    let synced = record.status.conditions.iter().find(|c| c.kind == ConditionType::Synced);
    Remaining {
        kind: record.key.kind.clone(),
        name: record.key.name.clone(),
        phase: record.status.phase,
        why: synced.map(|c| c.message.clone()).unwrap_or_default(),
    }
}
