//! What was adopted and differs: shown, and confirmed.

use super::control::Fields;
use super::idempotency::{self, Key};
use super::resources::find;
use crate::http::body::MaybeJson;
use crate::http::conditional::Conditions;
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::openapi::endpoint::{Answer, Endpoint, Header, Presence};
use crate::state::ApiState;
use crate::views::resource_tag;
use axum::extract::State;
use axum::routing::post;
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::{ADOPTABLE, UNCONFIRMED};
use holdfast_core::status::{ConditionType, FieldDiff};
use holdfast_store::{Event, EventType, ResourceRecord};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/v1/resources/{stack}/{kind}/{name}/adopt", "adoptResource", post(adopt))
            .about("resources", "Show what an adoption would change, or confirm it")
            .doc(
                "`policy.adopt` takes an existing thing over by tagging it, and changes nothing else in it. What differs from the \
                 declaration is shown here and in the drift report, and is left until it is confirmed with `confirm: true` or \
                 until something new is declared. A confirmation declares the resource once more as it is, as a new generation.",
            )
            .headers(&[Header::IfMatch, Header::IdempotencyKey])
            .takes_json::<AdoptBody>(Presence::Optional)
            .gives::<Adoption>(StatusCode::OK, "Where the adoption stands.")
            .fails(StatusCode::CONFLICT, "There is nothing to confirm."),
    ]
}

/// Whether it is confirmed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; it is read field by field, to name every mistake"
)]
struct AdoptBody {
    /// Bring what was adopted to its declaration. Without it nothing changes.
    confirm: Option<bool>,
}

/// Where an adoption stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Adoption {
    /// Its stack.
    stack: String,
    /// Its kind.
    kind: String,
    /// Its name.
    name: String,
    /// The generation that is declared.
    generation: u64,
    /// AWS's id of the thing; null if none is known.
    id: Value,
    /// Where it stands.
    state: AdoptionState,
    /// The same in words.
    message: String,
    /// What a confirmation would change.
    fields: Vec<FieldDiff>,
}

/// Where an adoption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum AdoptionState {
    /// There is something that policy could take over.
    Adoptable,
    /// It is taken over, and what differs waits to be confirmed.
    Unconfirmed,
    /// It was confirmed just now; a pass is on its way.
    Confirmed,
    /// Nothing of it waits for anybody.
    Settled,
}

fn state_of(record: &ResourceRecord) -> AdoptionState {
    let reason = |kind| record.status.condition(kind).map(|c| c.reason.as_str());
    if reason(ConditionType::Synced) == Some(UNCONFIRMED) && record.status.observed_generation == record.generation {
        AdoptionState::Unconfirmed
    } else if reason(ConditionType::Owned) == Some(ADOPTABLE) {
        AdoptionState::Adoptable
    } else {
        AdoptionState::Settled
    }
}

impl Adoption {
    fn of(record: &ResourceRecord) -> Self {
        let state = state_of(record);
        let said = |kind| record.status.condition(kind).map(|c| c.message.clone()).unwrap_or_default();
        let (message, fields) = match state {
            AdoptionState::Unconfirmed => {
                let drift = record.status.drift.as_ref();
                (said(ConditionType::Synced), drift.map(|d| d.fields.clone()).unwrap_or_default())
            }
            AdoptionState::Adoptable => (said(ConditionType::Owned), Vec::new()),
            AdoptionState::Confirmed | AdoptionState::Settled => {
                (format!("It is {}; no adoption of it waits for anybody.", record.status.phase), Vec::new())
            }
        };
        Self {
            stack: record.key.stack.clone(),
            kind: record.key.kind.clone(),
            name: record.key.name.clone(),
            generation: record.generation,
            id: record.status.outputs.get("id").cloned().unwrap_or_default(),
            state,
            message,
            fields,
        }
    }
}

async fn adopt(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<(String, String, String)>,
    conditions: Conditions,
    key: Key,
    MaybeJson(body): MaybeJson,
) -> Answer {
    let mut fields = Fields::of(body.as_ref(), &["confirm"]);
    let confirm = fields.flag("confirm");
    fields.done()?;
    let once = key.over(body.as_ref().map_or(&[], |b| &b.bytes));
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::OK, || {
                let record = find(state, &ResourceKey::new(stack, kind, name))?;
                conditions.allow_write(&record.key.to_string(), Some(&resource_tag(&record)))?;
                if confirm { confirmed(state, &record) } else { Ok(Adoption::of(&record)) }
            })
        })
        .await
}

fn confirmed(state: &ApiState, record: &ResourceRecord) -> Result<Adoption, Problem> {
    let before = Adoption::of(record);
    let nothing = |why: &str| Problem::conflict("nothing-to-confirm", format!("{}: {why}", record.key));
    if before.state != AdoptionState::Unconfirmed {
        return Err(nothing(&format!("there is no adoption to confirm. {}", before.message)));
    }
    let now = state.now();
    let message = format!("the adoption of {} was confirmed", record.key);
    let event = Event::new(now, EventType::Operated, "AdoptionConfirmed", message);
    let made = state.store().redeclare(&record.key, record.generation, now, &event)?;
    let generation = made.ok_or_else(|| nothing("something else was declared meanwhile. Look at it again."))?;
    state.control().nudge(&BTreeSet::from([record.scope.clone()]));
    let message = format!("It is brought to its declaration, as generation {generation}.");
    Ok(Adoption { generation, state: AdoptionState::Confirmed, message, ..before })
}
