//! Approving a plan, and saying which plan awaits it.

use super::control::Fields;
use super::declare::Done;
use super::idempotency::{self, Key};
use super::planned::{Planned, Standing, kept};
use crate::http::auth::who;
use crate::http::body::MaybeJson;
use crate::http::path::Segments;
use crate::http::problem::{Mistake, Problem};
use crate::openapi::endpoint::{Answer, Endpoint, Header, Presence};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::post;
use holdfast_core::name::Scope;
use holdfast_core::plan::{Desired, Part, moved};
use holdfast_store::{Consent, Event, EventType, PlanEnd, PlanRecord};
use http::{HeaderMap, Method, StatusCode};
use schemars::JsonSchema;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/v1/plans/{hash}/approve", "approvePlan", post(approve))
            .about("plans", "Approve exactly this plan")
            .doc(
                "Live state is read again first. The next pass carries the plan out if it is still the same; otherwise it does \
                 nothing of it and says which plan took its place. What is approved already can be approved again.",
            )
            .headers(&[Header::IdempotencyKey])
            .takes_json::<ApproveBody>(Presence::Optional)
            .gives::<Planned>(StatusCode::OK, "It is approved.")
            .fails(
                StatusCode::CONFLICT,
                "It was overtaken, its documents are not applied, or nothing of it awaits approval. `errors` says what moved, \
                 `planHash` names the plan to look at instead.",
            ),
    ]
}

/// Why.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; it is read field by field, to name every mistake"
)]
struct ApproveBody {
    /// Why, for the person who wonders later.
    #[schemars(length(min = 1, max = 1000))]
    reason: Option<String>,
}

/// A plan by its hash, or 404.
pub(crate) fn find(state: &ApiState, hash: &str) -> Result<PlanRecord, Problem> {
    state.store().plan(hash)?.ok_or_else(|| {
        Problem::not_found("There is no plan of that hash. Plans are kept for a while; compute it again.")
    })
}

/// Where the approval of a kept plan stands, as far as the last passes know.
pub(crate) fn standing(state: &ApiState, record: &PlanRecord) -> Result<Standing, Problem> {
    if record.approval.is_some() && record.outcome.is_none() {
        return Ok(Standing::Approved);
    }
    let mut current = true;
    for part in &record.parts {
        for held in &part.verdicts {
            let stored = state.store().resource(&held.key)?.map_or(0, |r| r.generation);
            if stored < held.generation {
                return Ok(Standing::NotDeclared);
            }
            current &= stored == held.generation;
        }
        let waiting = state.store().awaiting(&part.stack)?.map_or_else(Vec::new, |a| a.parts);
        current &= match waiting.iter().find(|w| w.scope == part.scope) {
            Some(now) => now.hash == part.hash || is_older(now, part),
            // No pass has looked yet, or one has and nothing is left.
            None => is_held(state, part)?,
        };
    }
    Ok(match record.outcome.as_ref().map(|o| o.end) {
        _ if current => Standing::Awaiting,
        Some(PlanEnd::CarriedOut) => Standing::CarriedOut,
        _ => Standing::Overtaken,
    })
}

/// True if what a pass found belongs to declarations before those of `part`.
fn is_older(found: &Part, part: &Part) -> bool {
    let generation = |key| part.verdicts.iter().find(|v| v.key == key).map(|v| v.generation);
    found.verdicts.iter().any(|f| generation(f.key.clone()).is_some_and(|g| f.generation < g))
}

/// True if something of a part is held.
fn is_held(state: &ApiState, part: &Part) -> Result<bool, Problem> {
    let desired = state.store().desired(&part.scope, state.now())?;
    Ok(desired.iter().any(|d| d.instead.is_some() && part.verdicts.iter().any(|v| v.key == d.key)))
}

async fn approve(
    State(state): State<ApiState>,
    Segments(hash): Segments<String>,
    key: Key,
    headers: HeaderMap,
    MaybeJson(body): MaybeJson,
) -> Answer {
    let mut fields = Fields::of(body.as_ref(), &["reason"]);
    let reason = fields.reason();
    fields.done()?;
    let once = key.over(body.as_ref().map_or(&[], |b| &b.bytes));
    let asked = once.clone();
    let found = state
        .blocking(move |state| {
            if let Some(before) = asked.as_ref().map(|o| o.before(state)).transpose()?.flatten() {
                return Ok(Err(before));
            }
            let record = find(state, &hash)?;
            let standing = if record.parts.is_empty() { None } else { Some(standing(state, &record)?) };
            refuse(standing)?;
            Ok(Ok((record, matches!(standing, Some(Standing::Awaiting | Standing::Overtaken)))))
        })
        .await?;
    let (record, is_new) = match found {
        Ok(found) => found,
        Err(before) => return Ok(idempotency::replayed(before)),
    };
    if is_new {
        look_again(&state, &record).await?;
    }
    let by = who(&state, &headers);
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::OK, || {
                if is_new {
                    consent(state, &record, by, reason)?;
                }
                let record = find(state, &record.hash)?;
                Ok(kept(&record, standing(state, &record)?))
            })
        })
        .await
}

/// Refuses what cannot be approved, whatever the world looks like.
fn refuse(standing: Option<Standing>) -> Result<(), Problem> {
    match standing {
        None => Err(Problem::conflict(
            "nothing-to-approve",
            "Nothing of this plan awaits approval; it is carried out without one.",
        )),
        Some(Standing::NotDeclared) => Err(Problem::conflict(
            "not-declared",
            "The documents of this plan have not been applied, so there is nothing to carry out. Apply them; the answer names \
             the plan to approve.",
        )),
        Some(_) => Ok(()),
    }
}

/// Reads the world again and refuses a plan that it has left behind.
async fn look_again(state: &ApiState, record: &PlanRecord) -> Result<(), Problem> {
    let scopes: BTreeSet<Scope> = record.parts.iter().map(|p| p.scope.clone()).collect();
    let found = parts_now(state, scopes).await?;
    let same = |part: &Part| found.iter().find(|f| f.stack == part.stack && f.scope == part.scope);
    if let Some(unread) = record.parts.iter().filter_map(same).find(|f| f.unread) {
        let detail = format!(
            "Stack {} could not be read in {} just now, so nobody can say whether the plan still holds. Try again.",
            unread.stack, unread.scope
        );
        return Err(Problem::unavailable("unread", detail));
    }
    if record.parts.iter().all(|p| same(p).is_some_and(|f| f.hash == p.hash)) {
        return Ok(());
    }
    let said = moved(&record.parts, &found);
    let now: Vec<Part> = found.into_iter().filter(|f| record.parts.iter().any(|p| p.stack == f.stack)).collect();
    let new = match now.is_empty() {
        true => None,
        false => Some(state.blocking(move |state| Ok(state.store().keep_plan(&now, state.now())?)).await?),
    };
    let instead = match &new {
        Some(hash) => format!("Look at plan {hash}, which took its place, and approve that one."),
        None => "Nothing awaits approval there any more.".to_owned(),
    };
    let detail = format!("This plan was overtaken; nothing was approved. {} {instead}", said.join(" "));
    let mistakes = said.into_iter().map(|message| Mistake {
        pointer: String::new(),
        code: "overtaken".to_owned(),
        message,
        parameter: None,
    });
    Err(Problem::conflict("overtaken", detail).mistakes(mistakes).plan(new))
}

/// What awaits approval in these scopes, by the world as it is now.
async fn parts_now(state: &ApiState, scopes: BTreeSet<Scope>) -> Result<Vec<Part>, Problem> {
    let declared = state
        .blocking(move |state| {
            let mut declared: BTreeMap<Scope, Vec<Arc<Desired>>> = BTreeMap::new();
            for scope in scopes {
                let list = state.store().desired(&scope, state.now())?;
                declared.insert(scope, list.to_vec());
            }
            Ok(declared)
        })
        .await?;
    // Whether something is missing has nothing to do with what awaits approval.
    let plans = state.control().plan(declared, &BTreeSet::new()).await?;
    Ok(plans.into_iter().flat_map(|p| p.plan.awaiting).collect())
}

fn consent(state: &ApiState, record: &PlanRecord, by: String, reason: Option<String>) -> Result<(), Problem> {
    let at = state.now();
    let stacks: BTreeSet<&str> = record.parts.iter().map(|p| p.stack.as_str()).collect();
    let why = reason.as_ref().map_or_else(String::new, |r| format!(": {r}"));
    let message = format!("plan {} was approved by {by}{why}", record.hash);
    let data = json!({ "plan": record.hash, "by": by, "reason": reason });
    let event = Event::new(at, EventType::Operated, "Approved", message).with(data);
    let events: Vec<Event> = stacks.into_iter().map(|s| event.clone().of_stack(s)).collect();
    let consent = Consent { at, by, reason };
    state.store().approve(&record.hash, &record.parts, &consent, &events)?;
    state.control().nudge(&record.parts.iter().map(|p| p.scope.clone()).collect());
    Ok(())
}

/// How long an answer waits for AWS to name the plan to approve. The change is made by then, and a request that runs
/// into its own limit would hide that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends a change: names the plan that awaits approval because of it, wakes the loop and answers.
pub(crate) async fn finish(mut done: Done, state: &ApiState) -> Answer {
    let (stacks, once) = (std::mem::take(&mut done.stacks), done.once.take());
    let late = || Problem::unavailable("loop-unavailable", "AWS did not answer in time.");
    match tokio::time::timeout(PATIENCE, demanded(state, stacks)).await.unwrap_or_else(|_| Err(late())) {
        Ok(None) => {}
        Ok(Some(hash)) => {
            done.name_plan(&hash);
            if let Some(key) = once {
                let body = done.body.clone();
                state.blocking(move |state| Ok(state.store().replace_answer(&key, &body)?)).await?;
            }
        }
        // The change is made, and the next pass says in each status which plan awaits approval.
        Err(problem) => tracing::warn!(?problem, "the plan to approve could not be computed for the answer"),
    }
    done.done(state)
}

/// The plan of these stacks that awaits approval, if something of them does.
async fn demanded(state: &ApiState, of: BTreeSet<String>) -> Result<Option<String>, Problem> {
    let names = of.clone();
    let scopes = state
        .blocking(move |state| {
            let mut held: BTreeSet<Scope> = BTreeSet::new();
            for scope in state.store().scopes()? {
                if state.store().is_held(&scope, state.now())? {
                    let desired = state.store().desired(&scope, state.now())?;
                    if desired.iter().any(|d| d.instead.is_some() && names.contains(&d.key.stack)) {
                        held.insert(scope);
                    }
                }
            }
            Ok(held)
        })
        .await?;
    if scopes.is_empty() {
        return Ok(None);
    }
    let mut parts = parts_now(state, scopes).await?;
    parts.retain(|p| of.contains(&p.stack) && !p.approved && !p.unread);
    if parts.is_empty() {
        return Ok(None);
    }
    state.blocking(move |state| Ok(Some(state.store().keep_plan(&parts, state.now())?))).await
}
