//! Replacement, make before break: what cannot change in place is made anew beside the live thing, the references of
//! others move over, and only then, when nothing refers to the old one any more, is it deleted.
//!
//! Both bear the same owner tag while they stand side by side. The one whose identity is the declared one is the
//! resource, or where the kind has no names, the one that was made as declared; the other is to be retired, if it is
//! remembered as one that was replaced: a copy that somebody made with our tags is not.

use super::decide::{Case, Decided, Refused};
use super::say::{NOT_OURS, Say};
use super::{Decision, Input, RETIRE, Verb};
use crate::kind::{AnyKind, Context};
use crate::observe::{Health, LiveState, Observation};
use crate::policy::ReplacePolicy;
use crate::status::Phase;
use crate::uses;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Case<'_> {
    /// Replaces `live`, whose `fields` AWS cannot change in place; otherwise says why not.
    pub(super) fn replace(&self, say: &Say<'_>, live: &Observation, fields: &[String]) -> Result<Decided, Refused> {
        let named = fields.join(", ");
        let policy = &self.desired.policy;
        if policy.replace.unwrap_or_default() == ReplacePolicy::Never {
            let why = format!(
                "AWS cannot change {named} in place, and policy.replace is \"never\". Put the declaration back, set policy.replace \
                 to \"allow\", or delete the resource by name and declare it anew."
            );
            return Err((Decision::Blocked, why));
        }
        self.side_by_side(live, fields).map_err(|why| (Decision::Blocked, why))?;
        if policy.protect == Some(true) {
            let why = format!("{named} needs a replacement, and policy.protect forbids it. Lift the protection first.");
            return Err((Decision::Hold, why));
        }
        if self.replaces_left == 0 && !self.follows_container(fields) {
            let why = format!(
                "{named} needs a replacement, and the replacement budget of this hour ([safety] maxReplacementsPerHour) is used \
                 up. It is replaced when the budget allows."
            );
            return Err((Decision::Hold, why));
        }
        let tags = self.create_tags();
        let mut drafts = self.kind.create(self.spec, &Context { key: &self.desired.key, tags: &tags });
        if let Some(first) = drafts.first_mut() {
            first.because = format!("{named} cannot change in place; {} is deleted when nothing refers to it", live.id);
            first.heals = fields.to_vec();
            first.decision = "replace";
        }
        let phase = if self.was_in_sync() { Phase::Drifted } else { Phase::Progressing };
        let reason = format!(
            "AWS cannot change {named} in place and policy.replace is \"allow\": another one is made beside {}.",
            live.id
        );
        let drafts = drafts.into_iter().map(|d| (Verb::Create, d)).collect();
        Ok(Decided { verdict: say.verdict(Decision::Replace, phase, reason), drafts })
    }

    /// Whether the declared one can stand beside the live one; otherwise why not.
    fn side_by_side(&self, live: &Observation, fields: &[String]) -> Result<(), String> {
        let (kind, named) = (self.kind.name(), fields.join(", "));
        // What has no name, or one that hangs on what this plan makes, is in nobody's way.
        let Some(identity) = self.kind.identity(self.spec) else { return Ok(()) };
        if identity == live.identity {
            let by = identity_fields(self.kind, self.spec).join(" or ");
            return Err(format!(
                "AWS cannot change {named} in place, and takes no second {kind} under the same name beside {}. Change {by} in \
                 the same declaration, and it is replaced; or put {named} back.",
                live.id
            ));
        }
        let reading = self.input.snapshot.kinds.get(kind);
        let taken = reading.and_then(|r| r.observations.iter().find(|o| o.identity == identity && o.id != live.id));
        match taken {
            Some(other) => {
                Err(format!("{NOT_OURS}: {} has the name that the replacement of {} needs.", other.id, live.id))
            }
            None => Ok(()),
        }
    }

    /// True if it takes one out of the replacement budget.
    pub(super) fn takes_replacement(&self, decided: &Decided) -> bool {
        let first = decided.drafts.first().filter(|_| decided.verdict.decision == Decision::Replace);
        first.is_some_and(|(_, draft)| !self.follows_container(&draft.heals))
    }

    /// True if it is replaced only because what it lives in is.
    fn follows_container(&self, fields: &[String]) -> bool {
        self.kind.container().is_some_and(|c| fields.iter().all(|f| f == c.pointer))
    }

    /// Deletes what `live` has taken the place of, once it works and nothing refers to the old one. Gives the
    /// fingerprint of the deletion beside the decision.
    pub(super) fn retire(&self, say: &Say<'_>, live: &Observation) -> Option<(Decided, String)> {
        // What was the resource until this pass is replaced by now, though nobody has written that down yet.
        let (memory, stem) = (self.memory, self.kind.stem());
        let was_it = |id: &str| memory.id.as_deref().is_some_and(|was| stem(was) == stem(id));
        let replaced = |o: &&&Arc<Observation>| memory.has_replaced(&o.id, stem) || was_it(&o.id);
        let old = self.beside.iter().find(replaced)?;
        let print = format!("{RETIRE}{}", old.id);
        let quiet = |decision, phase, why: String| {
            Some((
                Decided::quiet(say.verdict(
                    decision,
                    phase,
                    format!("{} has taken the place of {}, {why}", live.id, old.id),
                )),
                String::new(),
            ))
        };
        let policy = &self.desired.policy;
        if policy.protect == Some(true) {
            let why = "which policy.protect keeps. Lift the protection to let it go.".to_owned();
            return quiet(Decision::Hold, Phase::Blocked, why);
        }
        if policy.replace.unwrap_or_default() == ReplacePolicy::Never {
            let why =
                "which stays because policy.replace is \"never\" again. Set it to \"allow\" to let it go.".to_owned();
            return quiet(Decision::Hold, Phase::Blocked, why);
        }
        if let Health::Progressing(state) | Health::Degraded(state) = &live.health {
            let why = format!("which is kept until the new one works: {state}");
            return quiet(Decision::Wait, Phase::Progressing, why);
        }
        if let Some((user, at)) = user_of(self.input, self.kind, old) {
            let why = format!("which goes when nothing refers to it; {user} still does, at {at}.");
            return quiet(Decision::Wait, Phase::Progressing, why);
        }
        if let LiveState::Busy(state) = &old.state {
            return quiet(Decision::Wait, Phase::Progressing, format!("which AWS holds in state {state}."));
        }
        let known = || {
            let (new, old) = (&live.id, &old.id);
            format!(
                " {new} has taken its place, so no declaration reaches {old} any more: what AWS asks for is done by hand."
            )
        };
        if let Some(waiting) = self.failure(say, &print, known) {
            return Some((waiting, print));
        }
        let mut drafts = self.kind.delete(old);
        for draft in &mut drafts {
            draft.because = format!("{} has taken its place and nothing refers to it", live.id);
        }
        let reason = format!("{} has taken the place of {}, which is deleted.", live.id, old.id);
        let verdict = say.verdict(Decision::Update, Phase::Progressing, reason);
        Some((Decided { verdict, drafts: drafts.into_iter().map(|d| (Verb::Delete, d)).collect() }, print))
    }
}

/// The declared fields that a name is made of.
fn identity_fields(kind: &dyn AnyKind, spec: &Value) -> Vec<String> {
    let identity = kind.identity(spec);
    let decides = |path: &&str| {
        let mut other = spec.clone();
        match other.pointer_mut(path) {
            Some(Value::String(text)) => text.push('x'),
            _ => return false,
        }
        kind.identity(&other) != identity
    };
    kind.fields().iter().map(|f| f.path).filter(decides).map(str::to_owned).collect()
}

/// A live thing that refers to `old` and does not itself only wait to be retired: in words, with where it does so.
pub(super) fn user_of(input: &Input<'_>, own: &dyn AnyKind, old: &Observation) -> Option<(String, String)> {
    let names = uses::names(Some(own), old);
    let retiring: BTreeSet<&str> = input.memory.values().flat_map(|m| &m.retiring).map(String::as_str).collect();
    for (kind, reading) in &input.snapshot.kinds {
        let facts = input.registry.get(kind).map(AnyKind::facts);
        for other in reading.observations.iter().filter(|o| o.id != old.id) {
            let strips =
                |at: &str| retiring.contains(other.id.as_str()) && facts.is_some_and(|f| f.any_above(at, |x| x.late));
            if let Some(at) = uses::place_of(Some(own), &names, (kind, &other.fields), &strips) {
                let whose = other.owner_resource().map(|key| format!(" ({key})")).unwrap_or_default();
                return Some((format!("{kind} {}{whose}", other.id), at));
            }
        }
    }
    None
}
