//! Approval: under `rollout: approve` a new generation is held until a person has approved exactly what it would do.
//!
//! A scope with something held is planned twice: once as it is carried out meanwhile, with the generations that were
//! approved before, so that drift still heals; and once as if everything were approved, to show what is asked for.
//! What the second has beyond the first is, stack by stack, a [`Part`]. Its hash covers the declarations, the live
//! facts that the steps stand on and the steps, and no times or counters: the same hash means the same thing to
//! approve. An approval of another hash than today's is refused.

use super::build::{build, build_asked_for};
use super::{Decision, Desired, Fate, Input, Plan, Step, Verb, Verdict};
use crate::name::{ResourceKey, Scope};
use crate::outputs::Outputs;
use crate::policy::{Policy, RolloutPolicy};
use crate::reference::{self, Worth};
use crate::spec::Spec;
use crate::status::{Change, ConditionType, Conditions, Phase, Truth};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is carried out of a resource while its newest generation awaits approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Instead {
    /// Nothing has been approved yet, so nothing.
    Nothing,
    /// The generation that was carried out before.
    Approved(Approved),
}

/// A generation that is carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approved {
    /// Its number.
    pub generation: u64,
    /// Its spec, variables filled in.
    pub spec: Arc<Spec>,
    /// The stack's tags at that time.
    pub stack_tags: Arc<BTreeMap<String, String>>,
}

impl Instead {
    /// What is carried out of a resource that gets this policy, generation and fate, if something is held.
    pub fn after(before: Option<&Desired>, policy: &Policy, generation: u64, fate: Fate) -> Option<Arc<Self>> {
        if policy.rollout != Some(RolloutPolicy::Approve) || fate.is_by_name() {
            return None;
        }
        match before {
            None => Some(Arc::new(Self::Nothing)),
            Some(b) if b.generation == generation && b.fate == fate => b.instead.clone(),
            Some(b) => Some(b.instead.clone().unwrap_or_else(|| {
                let (generation, spec, stack_tags) = (b.generation, Arc::clone(&b.spec), b.stack_tags.clone());
                Arc::new(Self::Approved(Approved { generation, spec, stack_tags }))
            })),
        }
    }
}

impl Desired {
    /// The generation that is carried out, and to which end; none while nothing of it is approved.
    pub fn carried_out(&self) -> Option<(u64, Fate)> {
        match self.instead.as_deref() {
            None => Some((self.generation, self.fate)),
            Some(Instead::Approved(a)) => Some((a.generation, Fate::Keep)),
            Some(Instead::Nothing) => None,
        }
    }
}

/// What persons have approved, as far as a plan of one scope must know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Approvals {
    /// Approvals that no pass has acted on yet, by stack.
    pub given: BTreeMap<String, Given>,
    /// What awaits approval of the same stacks in other scopes: hashes of parts.
    pub elsewhere: BTreeMap<String, BTreeMap<Scope, String>>,
    /// By stack, the part that took the place of an approved one that was overtaken before its turn.
    pub replaced: BTreeMap<String, Given>,
}

/// A part, and the plan that it was approved with.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The part's hash.
    pub part: String,
    /// The plan's hash.
    pub plan: String,
}

/// What awaits approval of one stack in one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Which stack.
    pub stack: String,
    /// Where.
    pub scope: Scope,
    /// Names exactly this: 32 hexadecimal digits.
    pub hash: String,
    /// True if it is approved and this plan carries it out.
    #[serde(skip)]
    pub approved: bool,
    /// True if something of it could not be read: then nobody can say whether it has moved.
    #[serde(default)]
    pub unread: bool,
    /// The steps that approval sets free, numbered from 1.
    pub steps: Vec<Step>,
    /// What would be decided of each resource that is held, or that something held would change.
    pub verdicts: Vec<Verdict>,
}

/// A generation that is carried out from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Whose.
    pub key: ResourceKey,
    /// The uid that was planned with.
    pub uid: String,
    /// Which generation.
    pub generation: u64,
    /// To which end.
    pub fate: Fate,
}

/// A generation that awaits approval, as its verdict tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The generation that is declared; the verdict's own is the one that is carried out.
    pub generation: u64,
    /// True if the generation that is carried out is in sync.
    pub in_sync: bool,
}

/// The hash of a plan that has these parts, each with its stack, scope and hash.
pub fn plan_hash<'a>(parts: impl IntoIterator<Item = (&'a str, &'a Scope, &'a str)>) -> String {
    digest(&parts.into_iter().collect::<BTreeSet<_>>())
}

/// The hash of a plan that has these parts.
pub fn hash_of_parts<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    plan_hash(parts.into_iter().map(|p| (p.stack.as_str(), &p.scope, p.hash.as_str())))
}

fn digest<T: Serialize>(content: &T) -> String {
    // Plain data with string keys; serializing it cannot fail.
    let bytes = serde_json::to_vec(content).unwrap_or_default();
    blake3::hash(&bytes).to_hex()[..32].to_owned()
}

/// Decides what to do in a scope, and what of it must be approved first.
pub(super) fn plan_with(input: &Input<'_>, approvals: &Approvals) -> Plan {
    if input.desired.iter().all(|d| d.instead.is_none()) {
        return build(input);
    }
    let held: Vec<Arc<Desired>> = input.desired.iter().map(carried).collect();
    let open: Vec<Arc<Desired>> = input.desired.iter().map(opened).collect();
    let meanwhile = build(&Input { desired: &held, ..*input });
    // A budget that is used up for now does not make it another plan, nor does a hold of the whole scope.
    let unbound = Input { replaces_left: u32::MAX, drift_confirmed: true, ..*input };
    let proposed = build_asked_for(&Input { desired: &open, ..unbound });
    let mut gate = Gate { input, approvals, meanwhile: &meanwhile, proposed: &proposed, released: BTreeSet::new() };
    let parts = gate.parts();
    let released = gate.released;
    let mut plan = if released.is_empty() {
        meanwhile
    } else {
        let free = input.desired.iter().map(|d| if released.contains(&d.key) { freed(d) } else { carried(d) });
        build(&Input { desired: &free.collect::<Vec<_>>(), ..*input })
    };
    for desired in input.desired.iter().filter(|d| d.instead.is_some()) {
        if released.contains(&desired.key) {
            let (key, uid) = (desired.key.clone(), desired.uid.clone());
            plan.released.push(Release { key, uid, generation: desired.generation, fate: desired.fate });
        } else if let Ok(at) = plan.verdicts.binary_search_by(|v| v.key.cmp(&desired.key)) {
            let part = parts.iter().find(|p| p.stack == desired.key.stack && !p.approved);
            hold(&mut plan.verdicts[at], desired, part.map(|p| demand(p, desired, approvals)));
        }
    }
    plan.awaiting = parts;
    plan
}

/// As it is carried out while nothing more is approved.
fn carried(desired: &Arc<Desired>) -> Arc<Desired> {
    match desired.instead.as_deref() {
        None | Some(Instead::Nothing) => Arc::clone(desired),
        Some(Instead::Approved(approved)) => Arc::new(Desired {
            generation: approved.generation,
            spec: Arc::clone(&approved.spec),
            stack_tags: approved.stack_tags.clone(),
            fate: Fate::Keep,
            ..Desired::clone(desired)
        }),
    }
}

/// As it is carried out once it is approved.
fn freed(desired: &Arc<Desired>) -> Arc<Desired> {
    match desired.instead {
        None => Arc::clone(desired),
        Some(_) => Arc::new(Desired { instead: None, ..Desired::clone(desired) }),
    }
}

/// As it is shown for approval: a pause does not change what is asked for.
fn opened(desired: &Arc<Desired>) -> Arc<Desired> {
    match desired.instead {
        None => Arc::clone(desired),
        Some(_) => Arc::new(Desired { instead: None, hold: None, ..Desired::clone(desired) }),
    }
}

struct Gate<'a> {
    input: &'a Input<'a>,
    approvals: &'a Approvals,
    /// With everything held.
    meanwhile: &'a Plan,
    /// With nothing held.
    proposed: &'a Plan,
    released: BTreeSet<ResourceKey>,
}

impl Gate<'_> {
    /// What must be approved, stack by stack. What is approved, or changes nothing live, is released.
    fn parts(&mut self) -> Vec<Part> {
        let mut stacks: BTreeMap<&str, Vec<&Desired>> = BTreeMap::new();
        for desired in self.input.desired.iter().filter(|d| d.instead.is_some()) {
            let changes_nothing = self.proposed.verdict(&desired.key).is_some_and(|v| {
                v.decision == Decision::Gone || (v.phase == Phase::InSync && v.decision != Decision::Adopt)
            });
            if changes_nothing {
                self.released.insert(desired.key.clone());
            } else {
                stacks.entry(&desired.key.stack).or_default().push(desired);
            }
        }
        let mut parts = Vec::with_capacity(stacks.len());
        for (stack, mut held) in stacks {
            held.sort_by(|a, b| a.key.cmp(&b.key));
            let mut part = self.part(stack, &held);
            part.approved = !part.unread && self.approvals.given.get(stack).is_some_and(|g| g.part == part.hash);
            if part.approved {
                self.released.extend(held.iter().map(|d| d.key.clone()));
            }
            parts.push(part);
        }
        parts
    }

    fn part(&self, stack: &str, held: &[&Desired]) -> Part {
        let is_held = |key: &ResourceKey| held.iter().any(|d| d.key == *key);
        let goes_on: BTreeSet<(&ResourceKey, &str, &str)> =
            self.meanwhile.steps.iter().map(|s| (&s.key, s.verb.word(), s.text.as_str())).collect();
        // What goes by itself needs nobody's approval, however long something stands in its way.
        let new = |s: &&Step| {
            is_held(&s.key) || (s.verb != Verb::Delete && !goes_on.contains(&(&s.key, s.verb.word(), s.text.as_str())))
        };
        let steps: Vec<&Step> = self.proposed.steps.iter().filter(|s| s.key.stack == stack).filter(new).collect();
        let concerned = |v: &&Verdict| is_held(&v.key) || steps.iter().any(|s| s.key == v.key);
        let verdicts: Vec<&Verdict> =
            self.proposed.verdicts.iter().filter(|v| v.key.stack == stack).filter(concerned).collect();
        let declared: Vec<_> =
            held.iter().map(|d| (&d.key, d.generation, d.fate, self.filled_from_abroad(d), &d.stack_tags)).collect();
        let facts: Vec<_> = verdicts.iter().map(|v| (&v.key, &v.id, facts(v))).collect();
        let writes: Vec<_> = steps.iter().map(|s| (&s.key, s.verb, &s.heals, &s.target)).collect();
        Part {
            stack: stack.to_owned(),
            scope: self.input.snapshot.scope.clone(),
            hash: digest(&(declared, facts, writes)),
            approved: false,
            unread: verdicts.iter().any(|v| v.decision == Decision::Unknown || waits_to_be_read(v)),
            verdicts: verdicts.into_iter().map(bare).collect(),
            steps: renumbered(&steps),
        }
    }

    /// The spec as declared, with what other stacks give filled in. References within the stack stand: which id a
    /// sibling gets is no other plan.
    fn filled_from_abroad(&self, desired: &Desired) -> Value {
        let mut spec = desired.spec.value();
        reference::fill(&mut spec, &mut |r| {
            let Some((key, output)) = r.target(&desired.key.stack).filter(|(k, _)| k.stack != desired.key.stack) else {
                return Worth::Open;
            };
            let here = self.proposed.verdict(&key).map(|v| &v.outputs);
            let value = here.or_else(|| self.input.elsewhere.get(&key)).and_then(|o| o.worth(output));
            value.map_or(Worth::Open, Worth::Value)
        });
        spec
    }
}

/// True if nothing is known to differ and not all has been read.
fn waits_to_be_read(verdict: &Verdict) -> bool {
    verdict.decision == Decision::Wait && verdict.diffs.is_empty() && !verdict.unread.is_empty()
}

/// The live facts that a verdict stands on.
fn facts(verdict: &Verdict) -> Vec<(&str, Change, &Value)> {
    let counted = verdict.diffs.iter().filter(|d| d.change != Change::Undeclared);
    counted.map(|d| (d.path.as_str(), d.change, &d.live)).collect()
}

/// A verdict without what moves with the time of the day.
fn bare(verdict: &Verdict) -> Verdict {
    Verdict {
        conditions: Conditions::default(),
        outputs: Outputs::default(),
        resolved: None,
        live: None,
        quiet: None,
        fingerprint: None,
        ..verdict.clone()
    }
}

fn renumbered(steps: &[&Step]) -> Vec<Step> {
    let numbers: BTreeMap<u32, u32> = steps.iter().map(|s| s.id).zip(1..).collect();
    let renumber = |ids: &[u32]| ids.iter().filter_map(|id| numbers.get(id).copied()).collect();
    let step =
        |(s, id): (&&Step, u32)| Step { id, needs: renumber(&s.needs), after: renumber(&s.after), ..Step::clone(s) };
    steps.iter().zip(1..).map(step).collect()
}

/// What is asked for, and the command that answers it.
fn demand(part: &Part, desired: &Desired, approvals: &Approvals) -> String {
    let what = match desired.fate {
        Fate::Keep => format!("Generation {}", desired.generation),
        Fate::DeleteByPolicy | Fate::DeleteByName | Fate::DeleteWithSnapshot => "Its deletion".to_owned(),
    };
    if part.unread {
        return format!("{what} awaits approval; its plan can be told when all that it stands on has been read.");
    }
    let elsewhere = approvals.elsewhere.get(&part.stack);
    let others = elsewhere.into_iter().flatten().filter(|(scope, _)| **scope != part.scope);
    let others = others.map(|(scope, hash)| (part.stack.as_str(), scope, hash.as_str()));
    let plan = plan_hash(others.chain([(part.stack.as_str(), &part.scope, part.hash.as_str())]));
    let given = approvals.given.get(&part.stack).map(|g| &g.plan);
    let replaced = approvals.replaced.get(&part.stack).filter(|r| r.part == part.hash).map(|r| &r.plan);
    let overtaken = given.or(replaced).map_or_else(String::new, |old| {
        format!("The approved plan {old} was overtaken before its turn, and nothing of it was done. ")
    });
    format!("{overtaken}{what} awaits approval of plan {plan}. Carry it out with: holdfast approve {plan}")
}

/// Says of a verdict that its resource awaits approval.
fn hold(verdict: &mut Verdict, desired: &Desired, demand: Option<String>) {
    let in_sync = verdict.decision == Decision::InSync;
    verdict.pending = Some(Pending { generation: desired.generation, in_sync });
    let Some(demand) = demand.filter(|_| verdict.decision != Decision::Unknown) else { return };
    let held = in_sync || (verdict.decision == Decision::Hold && desired.carried_out().is_none());
    if held {
        (verdict.decision, verdict.phase) = (Decision::Hold, Phase::Blocked);
        verdict.reason = demand;
    } else {
        verdict.reason = format!("{} {demand}", verdict.reason);
    }
    for synced in verdict.conditions.iter_mut().filter(|c| c.kind == ConditionType::Synced) {
        synced.status = Truth::False;
        synced.message.clone_from(&verdict.reason);
        if held {
            "AwaitingApproval".clone_into(&mut synced.reason);
        }
    }
}

/// What has moved from the parts of a plan to what awaits approval now, in sentences.
pub fn moved(old: &[Part], new: &[Part]) -> Vec<String> {
    let mut said = Vec::new();
    for part in old {
        let now = new.iter().find(|n| n.stack == part.stack && n.scope == part.scope);
        if now.is_some_and(|n| n.hash == part.hash) {
            continue;
        }
        let before = said.len();
        for was in &part.verdicts {
            said.extend(how_moved(was, now.and_then(|n| n.verdicts.iter().find(|v| v.key == was.key))));
        }
        let added = now.into_iter().flat_map(|n| &n.verdicts);
        let added = added.filter(|v| part.verdicts.iter().all(|w| w.key != v.key));
        said.extend(added.map(|v| format!("{} awaits approval as well now.", v.key)));
        if said.len() == before {
            said.push(format!("The steps of stack {} in {} are others now.", part.stack, part.scope));
        }
    }
    said
}

fn how_moved(was: &Verdict, is: Option<&Verdict>) -> Option<String> {
    let key = &was.key;
    let Some(is) = is else { return Some(format!("{key} awaits no approval any more.")) };
    if was.generation != is.generation {
        return Some(format!("{key} has been declared anew: generation {} became {}.", was.generation, is.generation));
    }
    let (before, after) = (facts(was), facts(is));
    if was.id != is.id || before != after {
        let paths: BTreeSet<&str> = before
            .iter()
            .filter(|f| !after.contains(f))
            .chain(after.iter().filter(|f| !before.contains(f)))
            .map(|(path, ..)| if path.is_empty() { "all of it" } else { path })
            .collect();
        let paths =
            if paths.is_empty() { "its id".to_owned() } else { paths.into_iter().collect::<Vec<_>>().join(", ") };
        return Some(format!("{key} is live as something else now: {paths}."));
    }
    None
}
