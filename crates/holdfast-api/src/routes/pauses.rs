//! Pauses of everything, of an account and region, and of single resources; those of stacks are steered with the stack.

use super::control::{PauseBody, ResumeBody, Steering, paused, resumed};
use super::idempotency::{self, Key, Once};
use super::resources;
use crate::http::body::{JsonBody, MaybeJson};
use crate::http::conditional::Conditions;
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::openapi::endpoint::{Answer, Endpoint, Header, Presence};
use crate::state::ApiState;
use crate::views::{Paused, resource_tag};
use axum::extract::State;
use axum::routing::{MethodRouter, post};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::problem::did_you_mean;
use holdfast_store::{Event, EventType, Place};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;

const PAUSE: &str = "Hold it: what is held is looked at and reported, and nothing is written";

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let pause = |path, id, tag, handler: MethodRouter<ApiState>| {
        let endpoint =
            Endpoint::new(Method::POST, path, id, handler).about(tag, PAUSE).headers(&[Header::IdempotencyKey]);
        endpoint.takes_json::<PauseBody>(Presence::Required).gives::<Held>(StatusCode::OK, "It is paused.")
    };
    let resume = |path, id, tag, handler: MethodRouter<ApiState>| {
        let doc = "A pause of anything wider, such as its stack or everything, still holds.";
        let endpoint = Endpoint::new(Method::POST, path, id, handler).about(tag, "Let it go on").doc(doc);
        let endpoint = endpoint.headers(&[Header::IdempotencyKey]).takes_json::<ResumeBody>(Presence::Optional);
        endpoint.gives::<Held>(StatusCode::OK, "This pause is over.")
    };
    // Only a resource has an ETag here: everything and a scope are no documents.
    let of_resource = |endpoint: Endpoint| endpoint.headers(&[Header::IfMatch]);
    vec![
        pause("/v1/pause", "pauseAll", "operations", post(pause_all)),
        resume("/v1/resume", "resumeAll", "operations", post(resume_all)),
        pause("/v1/scopes/{account}/{region}/pause", "pauseScope", "accounts", post(pause_scope)),
        resume("/v1/scopes/{account}/{region}/resume", "resumeScope", "accounts", post(resume_scope)),
        of_resource(pause(
            "/v1/resources/{stack}/{kind}/{name}/pause",
            "pauseResource",
            "resources",
            post(pause_resource),
        )),
        of_resource(resume(
            "/v1/resources/{stack}/{kind}/{name}/resume",
            "resumeResource",
            "resources",
            post(resume_resource),
        )),
    ]
}

/// What was paused or goes on.
#[derive(Serialize, JsonSchema)]
struct Held {
    /// `everything`, `ACCOUNT/REGION` or `STACK/KIND/NAME`.
    what: String,
    /// The pause in force; null if none is. Pauses of anything wider are not told here.
    paused: Option<Paused>,
}

type Three = (String, String, String);
type Two = (String, String);

async fn pause_all(State(state): State<ApiState>, key: Key, body: JsonBody) -> Answer {
    pause(state, Place::All, Conditions::default(), key, body).await
}

async fn resume_all(State(state): State<ApiState>, key: Key, MaybeJson(body): MaybeJson) -> Answer {
    resume(state, Place::All, Conditions::default(), key, body).await
}

async fn pause_scope(
    State(state): State<ApiState>,
    Segments((account, region)): Segments<Two>,
    key: Key,
    body: JsonBody,
) -> Answer {
    pause(state, Place::Scope(Scope::new(account, region)), Conditions::default(), key, body).await
}

async fn resume_scope(
    State(state): State<ApiState>,
    Segments((account, region)): Segments<Two>,
    key: Key,
    MaybeJson(body): MaybeJson,
) -> Answer {
    resume(state, Place::Scope(Scope::new(account, region)), Conditions::default(), key, body).await
}

async fn pause_resource(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<Three>,
    conditions: Conditions,
    key: Key,
    body: JsonBody,
) -> Answer {
    pause(state, Place::Resource(ResourceKey::new(stack, kind, name)), conditions, key, body).await
}

async fn resume_resource(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<Three>,
    conditions: Conditions,
    key: Key,
    MaybeJson(body): MaybeJson,
) -> Answer {
    resume(state, Place::Resource(ResourceKey::new(stack, kind, name)), conditions, key, body).await
}

async fn pause(state: ApiState, place: Place, conditions: Conditions, key: Key, body: JsonBody) -> Answer {
    let (once, what) = (key.over(&body.bytes), name(&place));
    steer(state, place, conditions, once, move |state| paused(state, &what, &body)).await
}

async fn resume(state: ApiState, place: Place, conditions: Conditions, key: Key, body: Option<JsonBody>) -> Answer {
    let (once, what) = (key.over(body.as_ref().map_or(&[], |b| &b.bytes)), name(&place));
    steer(state, place, conditions, once, move |_| resumed(&what, body.as_ref())).await
}

fn name(place: &Place) -> String {
    match place {
        Place::All => "everything".to_owned(),
        Place::Scope(scope) => scope.to_string(),
        Place::Resource(key) => key.to_string(),
    }
}

/// The scopes that a place concerns, or 404; 412 for a resource that has moved.
fn scopes(state: &ApiState, place: &Place, conditions: &Conditions) -> Result<BTreeSet<Scope>, Problem> {
    let known = state.store().scopes()?;
    match place {
        Place::All => Ok(known.into_iter().collect()),
        Place::Resource(key) => {
            let record = resources::find(state, key)?;
            conditions.allow_write(&key.to_string(), Some(&resource_tag(&record)))?;
            Ok(BTreeSet::from([record.scope]))
        }
        Place::Scope(scope) if known.contains(scope) => Ok(BTreeSet::from([scope.clone()])),
        Place::Scope(scope) => {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            let near = did_you_mean(&scope.to_string(), names.iter().map(String::as_str));
            Err(Problem::not_found(&format!("Nothing is declared in {scope}.{near}")))
        }
    }
}

async fn steer(
    state: ApiState,
    place: Place,
    conditions: Conditions,
    once: Option<Once>,
    asked: impl FnOnce(&ApiState) -> Result<Steering, Problem> + Send + 'static,
) -> Answer {
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::OK, || {
                let Steering { hold, reason, message } = asked(state)?;
                let scopes = scopes(state, &place, &conditions)?;
                let event = Event::new(state.now(), EventType::Operated, reason, message);
                let event = match &place {
                    Place::All => event,
                    Place::Scope(scope) => event.with(json!({ "scope": scope })),
                    Place::Resource(key) => event.of(key),
                };
                if !state.store().set_hold_of(&place, hold.as_ref(), &event)? {
                    return Err(Problem::not_found(&format!("There is no resource {}.", name(&place))));
                }
                state.control().nudge(&scopes);
                Ok(Held { what: name(&place), paused: hold.as_ref().map(Paused::from) })
            })
        })
        .await
}
