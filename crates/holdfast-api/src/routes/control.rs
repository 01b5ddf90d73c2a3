//! Steering a stack: reconcile now, pause, resume.

use super::idempotency::{self, Key, Once};
use super::stacks;
use crate::http::body::{JsonBody, MaybeJson};
use crate::http::conditional::Conditions;
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::openapi::endpoint::{Answer, Endpoint, Header, Presence};
use crate::state::ApiState;
use crate::views::{Paused, stack_tag};
use axum::extract::State;
use axum::routing::post;
use holdfast_core::name::Scope;
use holdfast_core::plan::Hold;
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::problem::{SpecError, did_you_mean};
use holdfast_store::{Event, EventType};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const LONGEST_REASON: usize = 1000;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let about = |path, id, handler, summary| {
        Endpoint::new(Method::POST, path, id, handler)
            .about("stacks", summary)
            .headers(&[Header::IfMatch, Header::IdempotencyKey])
    };
    vec![
        about(
            "/v1/stacks/{stack}/reconcile",
            "reconcileStack",
            post(reconcile),
            "Look at a stack now, and try again what was refused or stuck",
        )
        .doc(
            "Where so much of an account and region has drifted at once that nothing is written there, `{\"confirm\":\"drift\"}` says \
             that a person has looked and wants it healed: for a quarter of an hour, in every scope of this stack.",
        )
        .takes_json::<ReconcileBody>(Presence::Optional)
        .gives::<Asked>(StatusCode::ACCEPTED, "A pass is on its way."),
        about(
            "/v1/stacks/{stack}/pause",
            "pauseStack",
            post(pause),
            "Hold a stack: it is looked at and reported, and nothing is written",
        )
        .takes_json::<PauseBody>(Presence::Required)
        .gives::<Steered>(StatusCode::OK, "It is paused."),
        about("/v1/stacks/{stack}/resume", "resumeStack", post(resume), "Let a stack go on")
            .takes_json::<ResumeBody>(Presence::Optional)
            .gives::<Steered>(StatusCode::OK, "It goes on."),
    ]
}

/// How long a person's word holds that drift is to be healed, however much it is.
const CONFIRMED: SignedDuration = SignedDuration::from_mins(15);

/// Why, and what a person confirms.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; it is read field by field, to name every mistake"
)]
struct ReconcileBody {
    /// `drift`: heal the scopes of this stack, however much has drifted in them.
    #[schemars(extend("enum" = ["drift"]))]
    confirm: Option<String>,
    /// Why, for the person who wonders later.
    #[schemars(length(min = 1, max = 1000))]
    reason: Option<String>,
    /// Taken as in a pause, and says nothing here: a pass is one moment.
    #[schemars(with = "Option<Time>")]
    until: Option<Timestamp>,
}

/// Why, and for how long.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; it is read field by field, to name every mistake"
)]
pub(super) struct PauseBody {
    /// Why, for the person who wonders later.
    #[schemars(length(min = 1, max = 1000))]
    reason: String,
    /// When it ends by itself.
    #[schemars(with = "Option<Time>")]
    until: Option<Timestamp>,
}

/// Why.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; it is read field by field, to name every mistake"
)]
pub(super) struct ResumeBody {
    /// Why it goes on.
    #[schemars(length(min = 1, max = 1000))]
    reason: Option<String>,
    /// Taken as in a pause, and says nothing here: what goes on has no end.
    #[schemars(with = "Option<Time>")]
    until: Option<Timestamp>,
}

/// A pass that was asked for.
#[derive(Serialize, JsonSchema)]
struct Asked {
    /// The stack.
    stack: String,
    /// The scopes that are looked at.
    scopes: Vec<AskedScope>,
}

/// A scope that is looked at.
#[derive(Serialize, JsonSchema)]
struct AskedScope {
    account: String,
    region: String,
}

/// A stack after a pause or a resume.
#[derive(Serialize, JsonSchema)]
struct Steered {
    /// The stack.
    stack: String,
    /// The pause in force; null if none is.
    paused: Option<Paused>,
}

/// The scopes of a stack, or 404.
fn scopes(state: &ApiState, stack: &str) -> Result<BTreeSet<Scope>, Problem> {
    Ok(stacks::find(state, stack)?.1.into_iter().map(|r| r.scope).collect())
}

/// Refuses to steer a stack whose declaration is not the one that was read.
fn unmoved(state: &ApiState, stack: &str, conditions: &Conditions) -> Result<(), Problem> {
    if !conditions.any() {
        return Ok(());
    }
    let (record, members) = stacks::find(state, stack)?;
    conditions.allow_write(&format!("stack {stack}"), Some(&stack_tag(&record, &members)))
}

async fn reconcile(
    State(state): State<ApiState>,
    Segments(stack): Segments<String>,
    conditions: Conditions,
    key: Key,
    MaybeJson(body): MaybeJson,
) -> Answer {
    let mut fields = Fields::of(body.as_ref(), &["confirm", "reason", "until"]);
    let (confirmed, reason) = (fields.confirms("drift"), fields.reason());
    fields.time();
    fields.done()?;
    let once = key.over(body.as_ref().map_or(&[], |b| &b.bytes));
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::ACCEPTED, || {
                let scopes = scopes(state, &stack)?;
                unmoved(state, &stack, &conditions)?;
                // Before the log tells of it: the pass that this causes is the one that tries again.
                state.control().forgive(&stack)?;
                if confirmed {
                    confirm_drift(state, &stack, &scopes)?;
                }
                let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                let message = format!("a pass of stack {stack} was asked for{why}");
                let event = Event::new(state.now(), EventType::Operated, "ReconcileRequested", message);
                state.store().log(&[event.of_stack(&stack)])?;
                state.control().nudge(&scopes);
                let scopes = scopes.into_iter().map(|s| AskedScope { account: s.account, region: s.region });
                Ok(Asked { stack, scopes: scopes.collect() })
            })
        })
        .await
}

fn confirm_drift(state: &ApiState, stack: &str, scopes: &BTreeSet<Scope>) -> Result<(), Problem> {
    let now = state.now();
    let until = now.saturating_add(CONFIRMED).unwrap_or(now);
    let names: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let message = format!("a person wants all drift of {} healed, until {until}", names.join(", "));
    let event = Event::new(now, EventType::Operated, "DriftConfirmed", message).of_stack(stack);
    Ok(state.store().confirm_drift(scopes, until, &event)?)
}

async fn pause(
    State(state): State<ApiState>,
    Segments(stack): Segments<String>,
    conditions: Conditions,
    key: Key,
    body: JsonBody,
) -> Answer {
    let (once, what) = (key.over(&body.bytes), format!("stack {stack}"));
    steer(state, stack, conditions, once, move |state| paused(state, &what, &body)).await
}

async fn resume(
    State(state): State<ApiState>,
    Segments(stack): Segments<String>,
    conditions: Conditions,
    key: Key,
    MaybeJson(body): MaybeJson,
) -> Answer {
    let (once, what) = (key.over(body.as_ref().map_or(&[], |b| &b.bytes)), format!("stack {stack}"));
    steer(state, stack, conditions, once, move |_| resumed(&what, body.as_ref())).await
}

async fn steer(
    state: ApiState,
    stack: String,
    conditions: Conditions,
    once: Option<Once>,
    asked: impl FnOnce(&ApiState) -> Result<Steering, Problem> + Send + 'static,
) -> Answer {
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::OK, || {
                let Steering { hold, reason, message } = asked(state)?;
                let scopes = scopes(state, &stack)?;
                unmoved(state, &stack, &conditions)?;
                let now = state.now();
                let event = Event::new(now, EventType::Operated, reason, message).of_stack(&stack);
                if !state.store().set_hold(&stack, hold.as_ref(), now, &event)? {
                    return Err(Problem::not_found(&format!("There is no stack \"{stack}\".")));
                }
                state.control().nudge(&scopes);
                Ok(Steered { stack, paused: hold.as_ref().map(Paused::from) })
            })
        })
        .await
}

/// A pause or its end, and what the log is told of it.
pub(super) struct Steering {
    pub(super) hold: Option<Hold>,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The pause that a body asks for.
pub(super) fn paused(state: &ApiState, what: &str, body: &JsonBody) -> Result<Steering, Problem> {
    let mut fields = Fields::of(Some(body), &["reason", "until"]);
    let reason = fields.reason();
    if reason.is_none() && fields.map.get("reason").is_none_or(Value::is_null) {
        fields.refuse("/reason", "missing-field", "Say why it is paused: whoever wonders later reads it.");
    }
    let until = fields.until(state.now());
    fields.done()?;
    let hold = Hold { reason: reason.unwrap_or_default(), until };
    let message = match hold.until {
        Some(until) => format!("{what} is paused until {until}: {}", hold.reason),
        None => format!("{what} is paused: {}", hold.reason),
    };
    Ok(Steering { hold: Some(hold), reason: "Paused", message })
}

/// The end of a pause, with the reason that the body gives.
pub(super) fn resumed(what: &str, body: Option<&JsonBody>) -> Result<Steering, Problem> {
    let mut fields = Fields::of(body, &["reason", "until"]);
    let reason = fields.reason();
    fields.time();
    fields.done()?;
    let message = reason.map_or_else(|| format!("{what} goes on"), |reason| format!("{what} goes on: {reason}"));
    Ok(Steering { hold: None, reason: "Resumed", message })
}

/// The fields of a small body, with every mistake in them.
pub(crate) struct Fields {
    map: Map<String, Value>,
    errors: Vec<SpecError>,
}

impl Fields {
    pub(crate) fn of(body: Option<&JsonBody>, known: &[&str]) -> Self {
        let mut fields = Self { map: Map::new(), errors: Vec::new() };
        match body.map(|b| &b.value) {
            None => {}
            Some(Value::Object(map)) => fields.map = map.clone(),
            Some(_) => fields.refuse("", "wrong-type", "The body must be an object."),
        }
        let unknown: Vec<String> = fields.map.keys().filter(|k| !known.contains(&k.as_str())).cloned().collect();
        for key in unknown {
            let hint = match did_you_mean(&key, known.iter().copied()) {
                near if !near.is_empty() => near,
                _ if known.is_empty() => " Send an empty object.".to_owned(),
                _ => format!(" It takes {}.", known.join(", ")),
            };
            let shown = holdfast_core::problem::clip(&key, 100);
            fields.refuse(
                &holdfast_core::pointer::join("", &key),
                "unknown-field",
                &format!("There is no field \"{shown}\" here.{hint}"),
            );
        }
        fields
    }

    fn refuse(&mut self, pointer: &str, code: &str, message: &str) {
        self.errors.push(SpecError::new(pointer, code, message));
    }

    pub(crate) fn reason(&mut self) -> Option<String> {
        match self.map.get("reason") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.refuse("/reason", "too-short", "The reason is empty; write a few words.");
                None
            }
            Some(Value::String(text)) if text.chars().count() > LONGEST_REASON => {
                self.refuse(
                    "/reason",
                    "too-long",
                    &format!("The reason has more than {LONGEST_REASON} characters; shorten it."),
                );
                None
            }
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(_) => {
                self.refuse("/reason", "wrong-type", "The reason must be a string.");
                None
            }
        }
    }

    /// True if `confirm` has that value.
    fn confirms(&mut self, wanted: &str) -> bool {
        match self.map.get("confirm") {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) if text == wanted => true,
            Some(_) => {
                self.refuse("/confirm", "invalid-value", &format!("confirm takes \"{wanted}\"."));
                false
            }
        }
    }

    /// The end that a body names; refused if it is over.
    fn until(&mut self, now: Timestamp) -> Option<Timestamp> {
        let until = self.time()?;
        if until <= now {
            self.refuse("/until", "out-of-range", &format!("until is over already; it is {now} now."));
            return None;
        }
        Some(until)
    }

    /// `until` as it is written, whether it is over or not.
    fn time(&mut self) -> Option<Timestamp> {
        let text = match self.map.get("until") {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => text.clone(),
            Some(_) => {
                self.refuse(
                    "/until",
                    "wrong-type",
                    "until must be a string with an RFC 3339 time, such as \"2026-07-01T12:00:00Z\".",
                );
                return None;
            }
        };
        let time = text.parse::<Timestamp>().ok();
        if time.is_none() {
            self.refuse("/until", "bad-format", "until takes an RFC 3339 time, such as \"2026-07-01T12:00:00Z\".");
        }
        time
    }

    /// A flag; false if it is not there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        match self.map.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                let message = format!("{name} must be true or false.");
                self.refuse(&holdfast_core::pointer::join("", name), "wrong-type", &message);
                false
            }
        }
    }

    pub(crate) fn done(&mut self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(std::mem::take(&mut self.errors))) }
    }
}
