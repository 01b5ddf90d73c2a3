//! What stands in the way of steps: a pause, a policy, a fix that does not take, a failure that is waited out.

use super::decide::{Case, Decided};
use super::say::{CONTENDED, Say, paths};
use super::{Contest, Decision, Fate, Hold, Verdict};
use crate::policy::DriftPolicy;
use crate::status::{FieldDiff, Phase};
use jiff::Timestamp;

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
        self.failure(say, print)
    }

    /// The contest over the differences of that fingerprint, if it is lost.
    fn contest(&self, print: &str) -> Option<&Contest> {
        let contest = self.memory.contest.as_deref().filter(|c| c.fingerprint == print)?;
        let back_since = self.memory.drift_since.unwrap_or(self.input.now);
        let soon = back_since.duration_since(contest.at) < Contest::SOON;
        (soon && contest.times >= self.input.settings.max_reversals).then_some(contest)
    }

    /// When it was created, if AWS may not show it yet.
    pub(super) fn young(&self) -> Option<Timestamp> {
        let settle = self.input.settings.settle_of(Some(self.kind));
        self.memory.created_unseen.filter(|at| self.input.now.duration_since(*at) < settle)
    }

    /// Waits for what was created to be shown.
    pub(super) fn not_shown_yet(&self, say: &Say<'_>) -> Option<Decided> {
        Some(self.waits_to_see(say, self.young()?, "AWS does not show it yet"))
    }

    /// Waits for what was created a moment ago, and is not shown, to be shown or shown again: lists may disagree.
    pub(super) fn not_shown_now(&self, say: &Say<'_>) -> Option<Decided> {
        let settle = self.input.settings.settle_of(Some(self.kind));
        let seen = || self.memory.created_at.filter(|at| self.input.now.duration_since(*at) < settle);
        self.not_shown_yet(say)
            .or_else(|| Some(self.waits_to_see(say, seen()?, "AWS has shown it and does not show it now")))
    }

    fn waits_to_see(&self, say: &Say<'_>, created: Timestamp, shows: &str) -> Decided {
        let seconds = self.input.settings.settle_of(Some(self.kind)).as_secs();
        let why = format!("Created at {created}; {shows}. Waiting up to {seconds} s before looking for it as lost.");
        Decided::quiet(say.verdict(Decision::Wait, Phase::Progressing, why))
    }

    pub(super) fn failure(&self, say: &Say<'_>, print: &str) -> Option<Decided> {
        let failure = self.memory.failure.as_ref()?;
        if failure.fingerprint != print || failure.retry_at <= self.input.now {
            return None;
        }
        Some(Decided::quiet(say.failing(failure)))
    }

    pub(super) fn held(&self, say: &Say<'_>, fate: Fate) -> Option<Verdict> {
        if self.desired.policy.protect == Some(true) {
            let why = "policy.protect keeps it. Lift the protection to let it go.";
            return Some(say.verdict(Decision::Hold, Phase::Blocked, why));
        }
        if let Some(hold) = &self.desired.hold {
            return Some(say.verdict(Decision::Paused, Phase::Paused, paused(hold)));
        }
        if fate == Fate::DeleteByPolicy && self.deletes_left == 0 {
            let why = "The deletion budget of this hour ([safety] maxDeletesPerHour) is used up. It is deleted when the budget allows, \
                       or at once by DELETE with ?deletion=delete.";
            return Some(say.verdict(Decision::Hold, Phase::Blocked, why));
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
