//! What stands in the way of steps: a pause, a policy, a fix that does not take, a failure that is waited out.

use super::decide::{Case, Decided};
use super::replace::user_of;
use super::say::{CONTENDED, Say, paths};
use super::{Contest, Decision, Fate, Hold, Verdict};
use crate::observe::Observation;
use crate::policy::DriftPolicy;
use crate::status::{FieldDiff, Phase};
use jiff::{SignedDuration, Timestamp};

impl Case<'_> {
    pub(super) fn paused(&self, say: &Say<'_>) -> Option<Decided> {
        let hold = self.desired.hold.as_ref()?;
        Some(Decided::quiet(say.verdict(Decision::Paused, Phase::Paused, paused(hold))))
    }

    /// Whatever keeps it from being healed of `diffs`, whose fingerprint is `print`.
    pub(super) fn gate(&self, say: &Say<'_>, diffs: &[&FieldDiff], print: &str, is_drift: bool) -> Option<Decided> {
        if let Some(held) = self.paused(say) {
            return Some(held);
        }
        if is_drift && self.desired.policy.drift == Some(DriftPolicy::Report) {
            let why = "It has drifted; policy.drift is \"report\", so it is left as it is.";
            return Some(Decided::quiet(say.verdict(Decision::Report, Phase::Drifted, why)));
        }
        let memory = self.memory;
        if memory.futile >= self.input.settings.max_futile && memory.fingerprint.as_deref() == Some(print) {
            let why = format!(
                "The same fix was made {} times and did not take. Holdfast has stopped; change the declaration, or reconcile to try again.",
                memory.futile
            );
            return Some(Decided::quiet(say.verdict(Decision::Stuck, Phase::Failed, why)));
        }
        if let Some(contest) = self.contest(print) {
            let why = format!(
                "{CONTENDED}: {} was put back {} times, the last time it was seen as declared at {}, and each time somebody else \
                 reversed it in the same way. Holdfast has stopped. Find who writes there and end it, ignore the field \
                 (policy.ignore), or reconcile to try again.",
                paths(diffs),
                contest.times,
                contest.at
            );
            return Some(Decided::quiet(say.verdict(Decision::Stuck, Phase::Failed, why)));
        }
        self.failure(say, print, String::new)
    }

    /// The contest over the differences of that fingerprint, if it is lost.
    fn contest(&self, print: &str) -> Option<&Contest> {
        let contest = self.memory.contest.as_deref().filter(|c| c.fingerprint == print)?;
        let back_since = self.memory.drift_since.unwrap_or(self.input.now);
        let soon = back_since.duration_since(contest.at) < Contest::SOON;
        (soon && contest.times >= self.input.settings.max_reversals).then_some(contest)
    }

    /// When it was created, if AWS may not show it yet, or not again: what is called gone is forgotten. What goes with its
    /// container is looked after there.
    pub(super) fn young(&self) -> Option<Timestamp> {
        let young = |at: &Timestamp| self.input.now.duration_since(*at) < self.input.settings.settle;
        self.memory.made_at().filter(young).filter(|_| !self.goes_with_container())
    }

    /// True if what it lives in is being deleted, or is gone, and AWS deletes this together with that.
    fn goes_with_container(&self) -> bool {
        let Some(container) = self.kind.container().filter(|c| c.cascades) else { return false };
        let mut targets = self.desired.spec.targets(&self.desired.key.stack);
        let Some((_, outer, _)) = targets.find(|(at, ..)| *at == container.pointer) else { return false };
        // They are in the order of keys.
        let all = self.input.desired;
        all.binary_search_by(|d| d.key.cmp(&outer)).ok().is_none_or(|place| all[place].fate != Fate::Keep)
    }

    /// Waits for what was created a moment ago, and is not shown, to be shown or shown again: lists may disagree.
    pub(super) fn not_shown(&self, say: &Say<'_>) -> Option<Decided> {
        let settings = &self.input.settings;
        // Under another name, or in another place, the same call makes a second thing.
        let other =
            self.memory.made_as.as_ref().zip(self.kind.identity(self.spec)).is_some_and(|(made, is)| *made != is);
        let settle = if other { settings.settle } else { settings.settle_of(Some(self.kind)) };
        let created = self.memory.made_at().filter(|at| self.input.now.duration_since(*at) < settle)?;
        Some(self.waits_to_see(say, created, settle))
    }

    /// Waits for what was made a moment ago, where AWS shows only what was there before it.
    pub(super) fn shown_as_before(&self, say: &Say<'_>) -> Option<Decided> {
        let created = self.memory.made_at().filter(|_| say.behind)?;
        Some(self.paused(say).unwrap_or_else(|| self.waits_to_see(say, created, self.input.settings.settle)))
    }

    fn waits_to_see(&self, say: &Say<'_>, created: Timestamp, settle: SignedDuration) -> Decided {
        let seen = self.memory.created_unseen.is_none();
        let shows = if seen { "AWS has shown it and does not show it now" } else { "AWS does not show it yet" };
        let seconds = settle.as_secs();
        let why = format!("Created at {created}; {shows}. Waiting up to {seconds} s before looking for it as lost.");
        Decided::quiet(say.verdict(Decision::Wait, Phase::Progressing, why))
    }

    /// Waits out a failure of what `print` stands for; `known` is what can be said beside AWS's words.
    pub(super) fn failure(&self, say: &Say<'_>, print: &str, known: impl FnOnce() -> String) -> Option<Decided> {
        let failure = self.memory.failure.as_ref()?;
        if failure.fingerprint != print || failure.retry_at <= self.input.now {
            return None;
        }
        Some(Decided::quiet(say.failing(failure, &known())))
    }

    /// Who refers to what is to go, in a sentence: AWS says that it is in use, and often not by whom.
    pub(super) fn in_use(&self, live: &Observation) -> String {
        let user = user_of(self.input, self.kind, live);
        let told =
            user.map(|(user, at)| format!(" {user} refers to it at {at}: take that out, or declare this one again."));
        told.unwrap_or_default()
    }

    pub(super) fn held(&self, say: &Say<'_>) -> Option<Verdict> {
        if self.desired.policy.protect == Some(true) {
            let why = "policy.protect keeps it. Lift the protection to let it go.";
            return Some(say.verdict(Decision::Hold, Phase::Blocked, why));
        }
        if let Some(hold) = &self.desired.hold {
            return Some(say.verdict(Decision::Paused, Phase::Paused, paused(hold)));
        }
        None
    }
}

pub(super) fn paused(hold: &Hold) -> String {
    match hold.until {
        Some(until) => format!("Paused until {until}: {}", hold.reason),
        None => format!("Paused: {}", hold.reason),
    }
}
