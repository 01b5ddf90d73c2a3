//! Plans: what an apply would do, computed and kept under its hash.

use super::apply::{CONFIRM, PRUNE, intake};
use super::approve;
use super::declare::{self, Checked, Intake, Line};
use super::idempotency::{self, Key};
use super::planned::{self, Approval, Planned, PlannedScope, PlannedStep, PlannedVerdict, Shown, Standing};
use super::preflight::ShownFinding;
use crate::control::LoopError;
use crate::http::body::JsonBody;
use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint, Header, Takes};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::{get, post};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Fate, Hold, Instead, Part, hash_of_parts};
use holdfast_core::validate::AcceptedResource;
use holdfast_store::{ResourceRecord, Target, What};
use http::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PLAN: &[Param] = &[PRUNE, CONFIRM];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/v1/plan", "plan", post(plan))
            .about("plans", "Compute what an apply of these documents would do, and keep the plan under its hash")
            .doc(
                "Live state is read again for it. It shows the stacks of the body and what they wait for. Where `rollout` is `approve`, the hash names what awaits approval, and the same hash comes with the answer of the \
                 apply: that is the one to approve.",
            )
            .query(PLAN)
            .headers(&[Header::IfMatch, Header::CreateOnly, Header::IdempotencyKey])
            .takes(Takes::Documents)
            .gives::<Planned>(StatusCode::OK, "The plan.")
            .fails(StatusCode::CONFLICT, "A protected resource would go, or one that others refer to, or a stack would be emptied or lose most of what it has."),
        Endpoint::new(Method::GET, "/v1/plans/{hash}", "getPlan", get(read))
            .about("plans", "A plan that was computed before")
            .headers(&[Header::IfNoneMatch])
            .gives::<Planned>(StatusCode::OK, "The plan: as it was answered, or what approving it sets free, and where its approval stands."),
    ]
}

async fn plan(
    State(state): State<ApiState>,
    params: Params,
    conditions: Conditions,
    key: Key,
    body: JsonBody,
) -> Answer {
    let once = key.over(&body.bytes);
    let asked = once.clone();
    let before = state.blocking(move |state| asked.as_ref().map(|o| o.before(state)).transpose()).await?.flatten();
    let computed = match before {
        Some(_) => None,
        None => Some(compute(&state, intake(body, &params, conditions, None)).await?),
    };
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::OK, || {
                let planned = computed
                    .ok_or_else(|| Problem::unavailable("retry", "The kept answer is gone; send the request again."))?;
                let Computed { planned, parts } = planned;
                if parts.is_empty() {
                    let body = serde_json::to_value(&planned).map_err(|e| Problem::internal(&e))?;
                    state.store().save_plan(&planned.plan_hash, &body, planned.created_at)?;
                } else {
                    state.store().keep_plan(&parts, planned.created_at)?;
                }
                Ok(planned)
            })
        })
        .await
}

async fn read(State(state): State<ApiState>, Segments(hash): Segments<String>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let plan = approve::find(state, &hash)?;
            if plan.parts.is_empty() {
                return conditions.answer(&Tag::of_content(&plan.hash), &plan.body);
            }
            let view = planned::kept(&plan, approve::standing(state, &plan)?);
            conditions.answer(&Tag::of_content(&view), &view)
        })
        .await
}

/// A plan, and what of it can be approved.
pub(crate) struct Computed {
    pub(crate) planned: Planned,
    parts: Vec<Part>,
}

/// Plans as if the documents were declared; stores nothing.
pub(crate) async fn compute(state: &ApiState, mut intake: Intake) -> Result<Computed, Problem> {
    let (results, stacks, overlay) = state
        .declaring(move |state| {
            let checked = declare::check(state, &mut intake)?;
            declare::conditions(state, &checked.accepted, &intake)?;
            let results = outcomes(state, &checked)?;
            let stacks = stacks(&checked);
            Ok((results, stacks, overlay(state, checked)?))
        })
        .await?;
    let plans = match overlay.is_empty() {
        true => Vec::new(),
        false => state.control().plan(overlay, &stacks).await.map_err(Problem::from)?,
    };
    let preflight = plans.iter().flat_map(ShownFinding::all).collect();
    let scopes = plans.iter().map(|p| PlannedScope::new(&p.scope, p.seen_at)).collect();
    let mut shown = Shown::default();
    for plan in &plans {
        shown.scope(plan, &stacks);
    }
    let awaiting = plans.into_iter().flat_map(|p| p.plan.awaiting);
    let parts: Vec<Part> = awaiting.filter(|p| !p.approved && stacks.contains(&p.stack)).collect();
    let Shown { steps, verdicts } = shown;
    let plan_hash = if parts.is_empty() { hash(&results, &steps, &verdicts) } else { hash_of_parts(&parts) };
    let unchanged = results.iter().all(|r| r.outcome == What::Unchanged);
    let standing = if unchanged { Standing::Awaiting } else { Standing::NotDeclared };
    let approval = (!parts.is_empty()).then(|| Approval::new(standing, &parts, None));
    let created_at = state.now();
    let planned = Planned { plan_hash, created_at, approval, results, scopes, preflight, steps, verdicts };
    Ok(Computed { planned, parts })
}

fn hash(results: &[Line], steps: &[PlannedStep], verdicts: &[PlannedVerdict]) -> String {
    let said: Vec<_> = verdicts.iter().map(PlannedVerdict::said).collect();
    // Plain data with string keys; serializing it cannot fail.
    let bytes = serde_json::to_vec(&(results, steps, said)).unwrap_or_default();
    blake3::hash(&bytes).to_hex()[..32].to_owned()
}

fn stacks(checked: &Checked) -> BTreeSet<String> {
    let resources = checked.accepted.resources.iter().map(|r| r.key.stack.clone());
    resources.chain(checked.accepted.stacks.iter().map(|s| s.name.clone())).collect()
}

/// What the store would answer to the same documents.
fn outcomes(state: &ApiState, checked: &Checked) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::new();
    for account in &checked.accepted.accounts {
        let before = state.store().account(&account.name)?;
        let same = before.as_ref().map(|b| (b.labels == account.labels && b.spec == account.spec, b.generation));
        lines.push(line(Target::Account(account.name.clone()), same));
    }
    for stack in &checked.accepted.stacks {
        let before = state.store().stack(&stack.name)?;
        let same = before.as_ref().map(|b| {
            let spec = holdfast_core::document::StackSpec { resources: Vec::new(), ..stack.spec.clone() };
            (b.labels == stack.labels && b.spec == spec && !b.deleting, b.generation)
        });
        lines.push(line(Target::Stack(stack.name.clone()), same));
    }
    for resource in &checked.accepted.resources {
        let before = state.store().resource(&resource.key)?;
        let generation = generation(before.as_ref(), resource);
        let same = before.map(|b| {
            let written = b.labels == resource.labels
                && b.policy_own == resource.policy_own
                && b.document_spec.is(&resource.document_spec);
            (written && b.generation == generation, generation)
        });
        lines.push(line(Target::Resource(resource.key.clone()), same));
    }
    for (record, fate) in &checked.removals {
        let what = if fate.is_some() { What::Deleting } else { What::Removed };
        lines.push(Line::new(&Target::Resource(record.key.clone()), what, record.generation));
    }
    Ok(lines)
}

fn line(target: Target, before: Option<(bool, u64)>) -> Line {
    match before {
        None => Line::new(&target, What::Created, 1),
        Some((true, generation)) => Line::new(&target, What::Unchanged, generation),
        Some((false, generation)) => Line::new(&target, What::Updated, generation),
    }
}

/// The generation that a resource would have.
fn generation(before: Option<&ResourceRecord>, after: &AcceptedResource) -> u64 {
    let Some(before) = before else { return 1 };
    let same = before.fate == Fate::Keep
        && before.spec.is(&after.spec)
        && before.policy_effective == after.policy_effective
        && before.stack_tags == after.stack_tags
        && before.scope == after.scope;
    if same { before.generation } else { before.generation + 1 }
}

/// Everything desired in the scopes concerned, as it would be.
fn overlay(state: &ApiState, checked: Checked) -> Result<BTreeMap<Scope, Vec<Arc<Desired>>>, Problem> {
    let now = state.now();
    let mut scopes: BTreeSet<Scope> = checked.removals.iter().map(|(r, _)| r.scope.clone()).collect();
    scopes.extend(checked.accepted.resources.iter().map(|r| r.scope.clone()));
    let mut all: BTreeMap<ResourceKey, Arc<Desired>> = BTreeMap::new();
    for scope in &scopes {
        all.extend(state.store().desired(scope, now)?.iter().map(|d| (d.key.clone(), Arc::clone(d))));
    }
    let holds = state.store().holds()?;
    let mut stacks: BTreeMap<String, Option<Hold>> = BTreeMap::new();
    for resource in checked.accepted.resources {
        if !stacks.contains_key(&resource.key.stack) {
            let hold = state.store().stack(&resource.key.stack)?.and_then(|s| s.hold);
            stacks.insert(resource.key.stack.clone(), hold);
        }
        let stack = stacks.get(&resource.key.stack).and_then(Option::as_ref);
        let before = state.store().resource(&resource.key)?;
        let uid = before.as_ref().map_or_else(|| state.new_uid(), |b| b.uid.clone());
        let generation = generation(before.as_ref(), &resource);
        let instead = Instead::after(
            all.get(&resource.key).map(AsRef::as_ref),
            &resource.policy_effective,
            generation,
            Fate::Keep,
        );
        let desired = Desired {
            instead,
            hold: holds.in_force(&resource.scope, stack, &uid, now),
            uid,
            generation,
            key: resource.key,
            scope: resource.scope,
            spec: Arc::new(resource.spec.into()),
            stack_tags: resource.stack_tags.into(),
            policy: resource.policy_effective,
            fate: Fate::Keep,
        };
        all.insert(desired.key.clone(), Arc::new(desired));
    }
    for (record, fate) in checked.removals {
        // Without a fate it is retained, and no longer looked at.
        if let (Some(fate), Some(desired)) = (fate, all.remove(&record.key)) {
            let instead = Instead::after(Some(&desired), &desired.policy, desired.generation, fate);
            all.insert(record.key, Arc::new(Desired { fate, instead, ..Desired::clone(&desired) }));
        }
    }
    let mut overlay: BTreeMap<Scope, Vec<Arc<Desired>>> = scopes.into_iter().map(|s| (s, Vec::new())).collect();
    for desired in all.into_values() {
        overlay.entry(desired.scope.clone()).or_default().push(desired);
    }
    Ok(overlay)
}

impl From<LoopError> for Problem {
    fn from(error: LoopError) -> Self {
        match error {
            LoopError::Unavailable(why) => {
                Problem::unavailable("loop-unavailable", format!("It cannot be done now: {why}."))
            }
            LoopError::Failed(_) => Problem::internal(&error),
        }
    }
}
