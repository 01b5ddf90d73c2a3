//! `POST /v1/apply`: declare documents, all or nothing.

use super::declare::{self, Applied, Confirmed, Intake};
use super::idempotency::Key;
use super::{approve, planned, plans};
use crate::http::body::JsonBody;
use crate::http::conditional::{Conditions, json};
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint, Header, Takes};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::post;
use http::{Method, StatusCode};

/// `?prune=`
pub(crate) const PRUNE: Param =
    Param::flag("prune", "Declarations of a Stack that its document no longer has go, each as its policy says.");
/// `?confirm=`
pub(crate) const CONFIRM: Param = Param::one_of(
    "confirm",
    "`empty` says that a person wants `prune` to take the last declaration out of a stack, `shrink` that it may delete more \
     than the configured share of it.",
    &["empty", "shrink"],
);

const APPLY: &[Param] = &[Param::flag("dryRun", "Answers the plan and stores nothing."), PRUNE, CONFIRM];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/v1/apply", "apply", post(apply))
            .about("declare", "Declare a Stack, a resource, an Account or a List of them, all or nothing")
            .doc(
                "The answer comes when everything is durable. `planHash` names the plan that awaits approval, where `rollout` is \
                 `approve`; it is absent where AWS does not answer within 5 seconds, and then `awaitingApproval` of the stack and of its \
                 resources names it as soon as a pass has looked. With `dryRun` the answer is that of `POST /v1/plan`. \
                 `If-Match` takes the ETag of the one document in the body; `If-None-Match: *` wants none of them to be there.",
            )
            .query(APPLY)
            .headers(&[Header::IfMatch, Header::CreateOnly, Header::IdempotencyKey])
            .takes(Takes::Documents)
            .gives::<ApplyAnswer>(StatusCode::OK, "What became of each document; with `dryRun` what would, and the plan.")
            .fails(StatusCode::CONFLICT, "A protected resource would go, or one that others refer to, or a stack would be emptied or lose most of what it has."),
    ]
}

/// What an apply answers.
#[derive(serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two answers of one route in the OpenAPI document")]
enum ApplyAnswer {
    /// Without `dryRun`.
    Applied(Applied),
    /// With `dryRun`.
    Planned(Box<planned::Planned>),
}

async fn apply(
    State(state): State<ApiState>,
    params: Params,
    conditions: Conditions,
    key: Key,
    body: JsonBody,
) -> Answer {
    let dry = params.is_set("dryRun");
    // A dry run stores nothing, and so keeps no answer either.
    let once = if dry { None } else { key.over(&body.bytes) };
    let intake = intake(body, &params, conditions, once);
    if dry {
        return json(StatusCode::OK, &plans::compute(&state, intake).await?.planned);
    }
    let done = state.declaring(move |state| declare::apply(state, intake)).await?;
    approve::finish(done, &state).await
}

/// What the body and the parameters want.
pub(crate) fn intake(
    body: JsonBody,
    params: &Params,
    conditions: Conditions,
    once: Option<super::idempotency::Once>,
) -> Intake {
    Intake {
        body: body.value,
        prune: params.is_set("prune"),
        confirmed: match params.text("confirm") {
            Some("empty") => Some(Confirmed::Empty),
            Some(_) => Some(Confirmed::Shrink),
            None => None,
        },
        conditions,
        once,
    }
}
