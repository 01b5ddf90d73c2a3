//! Plans as they are shown.

use super::declare::Line;
use super::preflight::ShownFinding;
use crate::control::ScopePlan;
use crate::views::Ref;
use holdfast_core::name::Scope;
use holdfast_core::plan::{Decision, Part, Step, Verb, Verdict};
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::status::{FieldDiff, Phase};
use holdfast_store::{Consent, PlanEnd, PlanRecord};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What would be done, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Plan")]
pub(crate) struct Planned {
    /// Names exactly this plan: the same declarations, live facts and steps. Where something awaits approval, it names
    /// what awaits it.
    pub(crate) plan_hash: String,
    /// When it was first computed.
    #[schemars(with = "Time")]
    pub(crate) created_at: Timestamp,
    /// Whether it can be approved and has been; absent where nothing of it awaits approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<Approval>,
    /// What would become of each document; empty for a plan that a pass made.
    pub(crate) results: Vec<Line>,
    /// The scopes it was computed in, and when their live state was read.
    pub(crate) scopes: Vec<PlannedScope>,
    /// What AWS said of it when it was computed: what is named and not there, quotas without room. Nothing is held back by it,
    /// and a plan that awaits approval keeps none of it.
    pub(crate) preflight: Vec<ShownFinding>,
    /// What would be written, in an order that respects `needs` and `after`.
    pub(crate) steps: Vec<PlannedStep>,
    /// One decision a resource, with its reason.
    pub(crate) verdicts: Vec<PlannedVerdict>,
}

/// Where the approval of a plan stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Approval {
    /// Where it stands.
    pub(crate) state: Standing,
    /// True once somebody approved it, whatever became of that.
    pub(crate) approved: bool,
    /// True if it matches the world or the declarations no more.
    pub(crate) overtaken: bool,
    /// Who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When it was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Time>")]
    at: Option<Timestamp>,
    /// Why, in the words of whoever approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The plan that took its place, if an approved one was overtaken.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// What one approval sets free together: one part a stack and scope.
    parts: Vec<PlannedPart>,
}

/// Where the approval of a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Standing {
    /// Its documents have not been applied.
    NotDeclared,
    /// It awaits approval.
    Awaiting,
    /// It is approved, and the next pass carries it out if nothing has moved.
    Approved,
    /// It was approved and has been carried out.
    CarriedOut,
    /// The world or the declarations have moved; nothing of it is done.
    Overtaken,
}

/// A part of a plan that can be approved.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedPart {
    stack: String,
    account: String,
    region: String,
    /// The part's own hash.
    hash: String,
}

/// A scope of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedScope {
    account: String,
    region: String,
    /// When its live state was read.
    #[schemars(with = "Time")]
    seen_at: Timestamp,
}

impl PlannedScope {
    pub(crate) fn new(scope: &Scope, seen_at: Timestamp) -> Self {
        Self { account: scope.account.clone(), region: scope.region.clone(), seen_at }
    }
}

/// One write.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedStep {
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
    /// True if it is done only once the plan is approved.
    awaits_approval: bool,
}

/// What was decided of one resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedVerdict {
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

impl PlannedVerdict {
    /// What of it makes another plan.
    pub(crate) fn said(&self) -> (&Ref, u64, Decision, &[FieldDiff]) {
        (&self.key, self.generation, self.decision, &self.fields)
    }

    fn new(v: &Verdict, fields: &[FieldDiff]) -> Self {
        Self {
            key: Ref::from(&v.key),
            generation: v.pending.as_ref().map_or(v.generation, |p| p.generation),
            decision: v.decision,
            reason: v.reason.clone(),
            phase: v.phase,
            fields: fields.to_vec(),
        }
    }
}

/// Steps and verdicts of several scopes, steps numbered through.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) verdicts: Vec<PlannedVerdict>,
}

impl Shown {
    fn steps(&mut self, scope: &Scope, steps: &[&Step], awaits_approval: bool) {
        // A plan has far fewer than four billion steps.
        let first = u32::try_from(self.steps.len()).unwrap_or(u32::MAX) + 1;
        let numbers: BTreeMap<u32, u32> = steps.iter().map(|s| s.id).zip(first..).collect();
        let renumber = |ids: &[u32]| ids.iter().filter_map(|id| numbers.get(id).copied()).collect();
        self.steps.extend(steps.iter().zip(first..).map(|(s, id)| PlannedStep {
            id,
            account: scope.account.clone(),
            region: scope.region.clone(),
            key: Ref::from(&s.key),
            generation: s.generation,
            verb: s.verb,
            text: s.text.clone(),
            because: s.because.clone(),
            heals: s.heals.clone(),
            needs: renumber(&s.needs),
            after: renumber(&s.after),
            target: s.target.clone(),
            awaits_approval,
        }));
    }

    /// Adds what a scope's plan says of `stacks`, the steps that those wait for, and what awaits approval of them.
    pub(crate) fn scope(&mut self, plan: &ScopePlan, stacks: &BTreeSet<String>) {
        let all = &plan.plan.steps;
        let mut wanted: BTreeSet<u32> = all.iter().filter(|s| stacks.contains(&s.key.stack)).map(|s| s.id).collect();
        // A step only waits for earlier ones, so one walk from the end finds all.
        for step in all.iter().rev() {
            if wanted.contains(&step.id) {
                wanted.extend(step.needs.iter().chain(&step.after));
            }
        }
        let shown: Vec<&Step> = all.iter().filter(|s| wanted.contains(&s.id)).collect();
        self.steps(&plan.scope, &shown, false);
        let parts: Vec<&Part> =
            plan.plan.awaiting.iter().filter(|p| !p.approved && stacks.contains(&p.stack)).collect();
        for part in &parts {
            self.steps(&part.scope, &part.steps.iter().collect::<Vec<_>>(), true);
        }
        let asked = |v: &Verdict| parts.iter().flat_map(|p| &p.verdicts).find(|a| a.key == v.key);
        for v in plan.plan.verdicts.iter().filter(|v| stacks.contains(&v.key.stack)) {
            // What is held is shown with what it asks for, not only with what is carried out meanwhile.
            let fields = asked(v).filter(|_| v.pending.is_some()).map_or(&v.diffs, |a| &a.diffs);
            self.verdicts.push(PlannedVerdict::new(v, fields));
        }
    }

    /// Adds a part that can be approved.
    fn part(&mut self, part: &Part, awaits_approval: bool) {
        self.steps(&part.scope, &part.steps.iter().collect::<Vec<_>>(), awaits_approval);
        self.verdicts.extend(part.verdicts.iter().map(|v| PlannedVerdict::new(v, &v.diffs)));
    }
}

impl Approval {
    /// The approval of a plan with these parts.
    pub(crate) fn new(standing: Standing, parts: &[Part], record: Option<&PlanRecord>) -> Self {
        let consent: Option<&Consent> = record.and_then(|r| r.approval.as_ref());
        let outcome = record.and_then(|r| r.outcome.as_ref()).filter(|o| o.end == PlanEnd::Overtaken);
        Self {
            state: standing,
            approved: consent.is_some(),
            overtaken: standing == Standing::Overtaken,
            by: consent.map(|c| c.by.clone()),
            at: consent.map(|c| c.at),
            reason: consent.and_then(|c| c.reason.clone()),
            replaced_by: outcome.and_then(|o| o.replaced_by.clone()),
            parts: parts
                .iter()
                .map(|p| PlannedPart {
                    stack: p.stack.clone(),
                    account: p.scope.account.clone(),
                    region: p.scope.region.clone(),
                    hash: p.hash.clone(),
                })
                .collect(),
        }
    }
}

/// A kept plan that can be approved.
pub(crate) fn kept(record: &PlanRecord, standing: Standing) -> Planned {
    let mut shown = Shown::default();
    for part in &record.parts {
        shown.part(part, !matches!(standing, Standing::Approved | Standing::CarriedOut));
    }
    let scopes: BTreeSet<&Scope> = record.parts.iter().map(|p| &p.scope).collect();
    Planned {
        plan_hash: record.hash.clone(),
        created_at: record.created_at,
        approval: Some(Approval::new(standing, &record.parts, Some(record))),
        results: Vec::new(),
        scopes: scopes.into_iter().map(|s| PlannedScope::new(s, record.created_at)).collect(),
        preflight: Vec::new(),
        steps: shown.steps,
        verdicts: shown.verdicts,
    }
}
