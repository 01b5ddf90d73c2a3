//! Plans: what an apply would do, computed and kept under its hash.

use super::apply::{CONFIRM, PRUNE, intake};
use super::declare::{self, Checked, Intake, Line};
use super::idempotency::{self, Key};
use crate::control::{LoopError, ScopePlan};
use crate::http::body::JsonBody;
use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint, Header, Takes};
use crate::state::ApiState;
use crate::views::Ref;
use axum::extract::State;
use axum::routing::{get, post};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Decision, Desired, Fate, Hold, Step, Verb, Verdict};
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::status::{FieldDiff, Phase};
use holdfast_core::validate::AcceptedResource;
use holdfast_store::{ResourceRecord, Target, What};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PLAN: &[Param] = &[PRUNE, CONFIRM];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/v1/plan", "plan", post(plan))
            .about("plans", "Compute what an apply of these documents would do, and keep the plan under its hash")
            .doc("Live state is read again for it. It shows the stacks of the body and what they wait for.")
            .query(PLAN)
            .headers(&[Header::IdempotencyKey])
            .takes(Takes::Documents)
            .gives::<Planned>(StatusCode::OK, "The plan.")
            .fails(StatusCode::CONFLICT, "A protected resource would go, or one that others refer to, or a stack would be emptied or lose most of what it has."),
        Endpoint::new(Method::GET, "/v1/plans/{hash}", "getPlan", get(read))
            .about("plans", "A plan that was computed before")
            .headers(&[Header::IfNoneMatch])
            .gives::<Planned>(StatusCode::OK, "The plan, as it was answered."),
    ]
}

/// What would be done, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Plan")]
pub(crate) struct Planned {
    /// Names exactly this plan: the same steps for the same reasons.
    plan_hash: String,
    /// When it was computed.
    #[schemars(with = "Time")]
    created_at: Timestamp,
    /// What would become of each document.
    results: Vec<Line>,
    /// The scopes it was computed in, and when their live state was read.
    scopes: Vec<PlannedScope>,
    /// What would be written, in an order that respects `needs` and `after`.
    steps: Vec<PlannedStep>,
    /// One decision a resource, with its reason.
    verdicts: Vec<PlannedVerdict>,
}

/// A scope of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlannedScope {
    account: String,
    region: String,
    /// When its live state was read.
    #[schemars(with = "Time")]
    seen_at: Timestamp,
}

/// One write.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlannedStep {
    /// Its number in the plan, from 1.
    id: u32,
    account: String,
    region: String,
    /// Whose.
    key: Ref,
    /// Which generation it serves.
    generation: u64,
    /// `create`, `update`, `delete` or `adopt`.
    #[schemars(with = "String")]
    verb: Verb,
    /// The action as a line of text.
    text: String,
    /// Why: the rest of "because …".
    because: String,
    /// Paths of the differences that it heals.
    heals: Vec<String>,
    /// Steps that must have succeeded before.
    needs: Vec<u32>,
    /// Steps that must have ended before, in whatever way.
    after: Vec<u32>,
    /// The live handle that it acts on; null for a create.
    target: Option<String>,
}

/// What was decided of one resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlannedVerdict {
    /// Whose.
    key: Ref,
    /// Its generation.
    generation: u64,
    /// What was decided, such as `create`, `inSync`, `hold`.
    #[schemars(with = "String")]
    decision: Decision,
    /// Why.
    reason: String,
    /// The phase that it is in because of it.
    phase: Phase,
    /// How live differs from what is declared.
    fields: Vec<FieldDiff>,
}

async fn plan(State(state): State<ApiState>, params: Params, key: Key, body: JsonBody) -> Answer {
    let once = key.over(&body.bytes);
    let asked = once.clone();
    let before = state.blocking(move |state| asked.as_ref().map(|o| o.before(state)).transpose()).await?.flatten();
    let computed = match before {
        Some(_) => None,
        None => Some(compute(&state, intake(body, &params, Conditions::default(), None)).await?),
    };
    state
        .blocking(move |state| {
            idempotency::once(state, once.as_ref(), StatusCode::OK, || {
                let planned = computed
                    .ok_or_else(|| Problem::unavailable("retry", "The kept answer is gone; send the request again."))?;
                let body = serde_json::to_value(&planned).map_err(|e| Problem::internal(&e))?;
                state.store().save_plan(&planned.plan_hash, &body, planned.created_at)?;
                Ok(planned)
            })
        })
        .await
}

async fn read(State(state): State<ApiState>, Segments(hash): Segments<String>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let plan = state.store().plan(&hash)?.ok_or_else(|| {
                Problem::not_found("There is no plan of that hash. Plans are kept for a while; compute it again.")
            })?;
            conditions.answer(&Tag::of_content(&plan.hash), &plan.body)
        })
        .await
}

/// Plans as if the documents were declared; stores nothing.
pub(crate) async fn compute(state: &ApiState, mut intake: Intake) -> Result<Planned, Problem> {
    let (results, stacks, overlay) = state
        .declaring(move |state| {
            let checked = declare::check(state, &mut intake)?;
            let results = outcomes(state, &checked)?;
            let stacks = stacks(&checked);
            Ok((results, stacks, overlay(state, checked)?))
        })
        .await?;
    let plans =
        if overlay.is_empty() { Vec::new() } else { state.control().plan(overlay).await.map_err(Problem::from)? };
    let scopes = plans.iter().map(|p| PlannedScope {
        account: p.scope.account.clone(),
        region: p.scope.region.clone(),
        seen_at: p.seen_at,
    });
    let scopes = scopes.collect();
    let mut steps = Vec::new();
    let mut verdicts = Vec::new();
    for plan in &plans {
        show(plan, &stacks, &mut steps, &mut verdicts);
    }
    let plan_hash = hash(&results, &steps, &verdicts);
    Ok(Planned { plan_hash, created_at: state.now(), results, scopes, steps, verdicts })
}

fn hash(results: &[Line], steps: &[PlannedStep], verdicts: &[PlannedVerdict]) -> String {
    let said: Vec<_> = verdicts.iter().map(|v| (&v.key, v.generation, v.decision, &v.fields)).collect();
    // Plain data with string keys; serializing it cannot fail.
    let bytes = serde_json::to_vec(&(results, steps, said)).unwrap_or_default();
    blake3::hash(&bytes).to_hex()[..32].to_owned()
}

/// Adds what a scope's plan says of `stacks`, and the steps that those wait for. Steps are numbered through.
fn show(plan: &ScopePlan, stacks: &BTreeSet<String>, steps: &mut Vec<PlannedStep>, verdicts: &mut Vec<PlannedVerdict>) {
    let mut wanted: BTreeSet<u32> =
        plan.plan.steps.iter().filter(|s| stacks.contains(&s.key.stack)).map(|s| s.id).collect();
    // A step only waits for earlier ones, so one walk from the end finds all.
    for step in plan.plan.steps.iter().rev() {
        if wanted.contains(&step.id) {
            wanted.extend(step.needs.iter().chain(&step.after));
        }
    }
    let shown: Vec<&Step> = plan.plan.steps.iter().filter(|s| wanted.contains(&s.id)).collect();
    // A plan has far fewer than four billion steps.
    let first = u32::try_from(steps.len()).unwrap_or(u32::MAX) + 1;
    let numbers: BTreeMap<u32, u32> = shown.iter().map(|s| s.id).zip(first..).collect();
    let renumber = |ids: &[u32]| ids.iter().filter_map(|id| numbers.get(id).copied()).collect();
    steps.extend(shown.into_iter().zip(first..).map(|(s, id)| PlannedStep {
        id,
        account: plan.scope.account.clone(),
        region: plan.scope.region.clone(),
        key: Ref::from(&s.key),
        generation: s.generation,
        verb: s.verb,
        text: s.text.clone(),
        because: s.because.clone(),
        heals: s.heals.clone(),
        needs: renumber(&s.needs),
        after: renumber(&s.after),
        target: s.target.clone(),
    }));
    let concerned = |v: &&Verdict| stacks.contains(&v.key.stack);
    verdicts.extend(plan.plan.verdicts.iter().filter(concerned).map(|v| PlannedVerdict {
        key: Ref::from(&v.key),
        generation: v.generation,
        decision: v.decision,
        reason: v.reason.clone(),
        phase: v.phase,
        fields: v.diffs.clone(),
    }));
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
                && *b.document_spec == resource.document_spec;
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
        && *before.spec == after.spec
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
        let desired = Desired {
            hold: holds.in_force(&resource.scope, stack, &uid, now),
            uid,
            generation: generation(before.as_ref(), &resource),
            key: resource.key,
            scope: resource.scope,
            spec: Arc::new(resource.spec),
            stack_tags: resource.stack_tags,
            policy: resource.policy_effective,
            fate: Fate::Keep,
        };
        all.insert(desired.key.clone(), Arc::new(desired));
    }
    for (record, fate) in checked.removals {
        // Without a fate it is retained, and no longer looked at.
        if let (Some(fate), Some(desired)) = (fate, all.remove(&record.key)) {
            all.insert(record.key, Arc::new(Desired { fate, ..Desired::clone(&desired) }));
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
