//! Taking over what exists: whose it may be, what the taking writes, and what waits for a person afterwards.
//!
//! Adopting writes the owner tags and nothing else. What differs then is shown and left, until a person confirms it
//! or declares something new.

use super::decide::{Case, Decided};
use super::matching::Match;
use super::say::{NOT_OURS, Say, paths};
use super::{Decision, Verb};
use crate::kind::Draft;
use crate::observe::Observation;
use crate::policy::AdoptPolicy;
use crate::status::{ConditionType, FieldDiff, Phase, Truth};
use std::collections::BTreeSet;

/// The reason of `Owned` where policy could let an existing thing be taken over.
pub const ADOPTABLE: &str = "Adoptable";
/// The reason of `Owned` where policy wants to take over what is not there.
pub const NOTHING_TO_ADOPT: &str = "NothingToAdopt";
/// The reason of `Synced` where what was taken over differs and nobody has confirmed that it is to be changed.
pub const UNCONFIRMED: &str = "AdoptionUnconfirmed";

impl Case<'_> {
    /// What is done where the thing is not ours, or not there and policy does not let it be made; `None` if it is to
    /// be created.
    pub(super) fn not_ours(&self, say: &Say<'_>) -> Option<Decided> {
        let policy = &self.desired.policy;
        let adopt = policy.adopt.unwrap_or_default();
        match self.found {
            Match::Foreign(live, whose) => {
                let why = format!("{NOT_OURS}: {} belongs to {whose}.", live.id);
                Some(blocked(say, why, (Truth::False, "Conflict")))
            }
            Match::NotNamed(live) => {
                let named = policy.adopt_id.as_deref().unwrap_or_default();
                let why = format!(
                    "{NOT_OURS}: {} has it, and policy.adoptId names {named}, which is not there. Correct policy.adoptId.",
                    live.id
                );
                Some(blocked(say, why, (Truth::False, "Conflict")))
            }
            Match::Adoptable(live) if adopt == AdoptPolicy::Never => {
                let how = "Set policy.adopt to \"ifExists\" to take it over, or give this one another name.";
                let why = format!("{NOT_OURS}: {} exists without an owner. {how}", live.id);
                Some(blocked(say, why, (Truth::False, ADOPTABLE)))
            }
            Match::Adoptable(live) => Some(self.adopt(say, live)),
            Match::Leaving(live) => {
                let why = format!("{} is still being deleted; its name is free after that.", live.id);
                Some(Decided::quiet(say.verdict(Decision::Wait, Phase::Progressing, why)))
            }
            _ if adopt == AdoptPolicy::Required => {
                let what = policy.adopt_id.as_ref().map_or_else(String::new, |id| format!(" under {id}"));
                let why = format!("There is nothing to adopt{what}, and policy.adopt is \"required\".");
                Some(blocked(say, why, (Truth::Unknown, NOTHING_TO_ADOPT)))
            }
            _ => None,
        }
    }

    fn adopt(&self, say: &Say<'_>, live: &Observation) -> Decided {
        if let Some(held) = self.paused(say) {
            return held;
        }
        // What was made under another name is this one's, and would stand beside what is taken over.
        let made_as_another = self.memory.made_as.as_ref().is_some_and(|made| *made != live.identity);
        if let Some(waiting) = self.not_shown(say).filter(|_| made_as_another) {
            return waiting;
        }
        let print = format!("adopt {}", live.id);
        if let Some(waiting) = self.failure(say, &print, String::new) {
            return self.finish(waiting, print, false, None);
        }
        let action = self.kind.retag(live, self.owner_tags(), BTreeSet::new());
        let draft = Draft::because(action, "adopt", "policy.adopt allows to take it over");
        let reason = format!("{} exists without an owner and policy.adopt allows to take it over.", live.id);
        let mut verdict = say.verdict(Decision::Adopt, Phase::Progressing, reason);
        verdict.id = Some(live.id.clone());
        self.finish(Decided { verdict, drafts: vec![(Verb::Adopt, draft)] }, print, false, None)
    }

    /// True if this generation took over what existed, has not been in sync since, and nobody has confirmed it.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.memory.adopted_generation == self.desired.generation
    }

    /// What was taken over and differs is shown, and left until somebody says so.
    pub(super) fn unconfirmed(&self, say: &Say<'_>, heal: &[&FieldDiff]) -> Option<Decided> {
        if !self.is_unconfirmed() || self.desired.hold.is_some() {
            return None;
        }
        let named = paths(heal);
        let why = format!(
            "It was adopted and differs at {named}. Nothing but its owner tags was written; `holdfast adopt {} --confirm` \
             brings it to the declaration, and so does a new declaration.",
            self.desired.key
        );
        let mut decided = Decided::quiet(say.verdict(Decision::Report, Phase::Drifted, why));
        reason_of(&mut decided, ConditionType::Synced, UNCONFIRMED);
        reason_of(&mut decided, ConditionType::Owned, "Adopted");
        Some(decided)
    }
}

fn blocked(say: &Say<'_>, why: String, (status, reason): (Truth, &str)) -> Decided {
    let mut decided = Decided::quiet(say.verdict(Decision::Blocked, Phase::Blocked, why.clone()));
    for owned in decided.verdict.conditions.iter_mut().filter(|c| c.kind == ConditionType::Owned) {
        owned.status = status;
        reason.clone_into(&mut owned.reason);
        owned.message.clone_from(&why);
    }
    decided
}

fn reason_of(decided: &mut Decided, kind: ConditionType, reason: &str) {
    for condition in decided.verdict.conditions.iter_mut().filter(|c| c.kind == kind) {
        reason.clone_into(&mut condition.reason);
    }
}
