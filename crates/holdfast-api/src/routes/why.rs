//! Why a resource and its fields stand where they stand.

use super::resources::find;
use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::{Mistake, Problem};
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::get;
use holdfast_core::facts::Facts;
use holdfast_core::kept::Kept;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::ResourceKey;
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::status::{ConditionType, Truth};
use holdfast_core::why::{Asked, Explanation, Generation, Peer, explain};
use holdfast_store::{ResourceRecord, StoreError, in_force};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::RefCell;
use std::sync::Arc;

/// More generations than this are not looked through for where a value was declared first.
const MOST_GENERATIONS: usize = 200;

const WHY: &[Param] = &[Param::text(
    "path",
    "JSON Pointer into the spec, such as `/desiredCount`; without it, the resource and each field there is something to say of.",
)];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/resources/{stack}/{kind}/{name}/why", "explainResource", get(why))
            .about("resources", "Why a resource and its fields stand where they stand")
            .doc(
                "For a field: what is declared and since which generation, what is live, AWS's default, whose the field is, \
                 the rule that decides, what is done, what it waits for, and the smallest edit of the declaration that brings \
                 it in sync. It tells what the last pass knew, and asks AWS nothing; `seenAt` says how old that is.",
            )
            .query(WHY)
            .headers(&[Header::IfNoneMatch])
            .gives::<Explained>(StatusCode::OK, "The explanation."),
    ]
}

/// An explanation, and when it was made.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Explained {
    /// When this answer was made.
    #[schemars(with = "Time")]
    generated_at: Timestamp,
    /// The explanation.
    #[serde(flatten)]
    explanation: Explanation,
}

async fn why(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<(String, String, String)>,
    params: Params,
    conditions: Conditions,
) -> Answer {
    state
        .blocking(move |state| {
            let record = find(state, &ResourceKey::new(stack, kind, name))?;
            let path = params.text("path");
            if let Some(path) = path {
                check_path(state, &record.key, path)?;
            }
            let explanation = explanation(state, &record, path)?;
            let tag = Tag::of_content(&explanation);
            conditions.answer(&tag, &Explained { generated_at: state.now(), explanation })
        })
        .await
}

/// Refuses a path that is no field of the kind.
fn check_path(state: &ApiState, key: &ResourceKey, path: &str) -> Result<(), Problem> {
    let wrong = |code, message| Err(Problem::parameters(vec![Mistake::of_parameter("path", code, message)]));
    if !path.starts_with('/') {
        let message = format!("path takes a JSON Pointer into the spec, such as /{path}.");
        return wrong("invalid-value", message);
    }
    let kind = state.registry().get(&key.kind);
    match kind.and_then(|kind| state.validators().unknown_field(kind, path)) {
        Some(message) => wrong("unknown-field", message),
        None => Ok(()),
    }
}

fn explanation(state: &ApiState, record: &ResourceRecord, path: Option<&str>) -> Result<Explanation, Problem> {
    let store = state.store();
    let memory = store.memory(&record.key)?.unwrap_or_default();
    let last_written = memory.last_written.as_ref().map(Kept::value);
    // What was live when what is carried out came in sync.
    let desired = store.desired(&record.scope, state.now())?;
    let desired = desired.iter().find(|d| d.key == record.key);
    let carried_out = desired.and_then(|d| d.carried_out()).map_or(record.generation, |(generation, _)| generation);
    let baseline = memory.baseline.as_ref().filter(|_| memory.baseline_generation == carried_out);
    let baseline = baseline.map(Kept::value);
    let generations: Vec<Generation> = store.generations(&record.key, &record.uid, MOST_GENERATIONS)?;
    let sight = state.control().sight(&record.scope, &record.key);
    let live = sight.as_ref().and_then(|s| s.live.as_ref()).map(Kept::value);
    let now = state.now();
    // A look-up that fails is kept, and answered instead of what it would have changed.
    let failed: RefCell<Option<StoreError>> = RefCell::new(None);
    let peers = |key: &ResourceKey| match store.resource(key) {
        Ok(found) => found.as_ref().map(peer),
        Err(error) => {
            failed.borrow_mut().get_or_insert(error);
            None
        }
    };
    let unknown_kind = Facts::default();
    let (document, spec) = (record.document_spec.value(), record.spec.value());
    let explanation = explain(
        &Asked {
            facts: state.registry().get(&record.key.kind).map_or(&unknown_kind, AnyKind::facts),
            key: &record.key,
            generation: record.generation,
            hold: record.hold.as_ref().filter(|h| in_force(h, now)),
            document: &document,
            spec: &spec,
            stack_tags: &record.stack_tags,
            policy_own: &record.policy_own,
            policy: &record.policy_effective,
            status: &record.status,
            last_written: last_written.as_ref(),
            baseline: baseline.as_ref(),
            rolled_back: memory.rolled_back.as_deref(),
            failure: memory.failure.as_deref(),
            sight: sight.as_deref(),
            live: live.as_ref(),
            generations: &generations,
            peers: &peers,
            now,
        },
        path,
    );
    match failed.into_inner() {
        Some(error) => Err(error.into()),
        None => Ok(explanation),
    }
}

fn peer(record: &ResourceRecord) -> Peer {
    let synced = record.status.condition(ConditionType::Synced).filter(|c| c.status != Truth::True);
    Peer {
        phase: record.status.phase,
        message: synced.map(|c| c.message.clone()).unwrap_or_default(),
        outputs: record.status.outputs.clone(),
        spec: Arc::new(record.spec.value()),
    }
}
