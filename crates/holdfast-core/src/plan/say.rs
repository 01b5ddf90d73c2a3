//! Puts verdicts into words: reasons and conditions.

use super::{Decision, Desired, Failure, Fate, Verdict};
use crate::cloud::{ApplyError, ErrorClass};
use crate::observe::{Health, Observation};
use crate::status::{Condition, ConditionType, Conditions, FieldDiff, MISSING, Phase, Truth};
use jiff::Timestamp;
use std::cell::OnceCell;

/// A verdict in the making: the decision, why, and what stands behind it.
pub(super) struct Say<'a> {
    pub(super) desired: &'a Desired,
    pub(super) now: Timestamp,
    pub(super) live: Option<&'a Observation>,
    /// That is older than what was made a moment ago.
    pub(super) behind: bool,
    /// What references wait for; empty when all have a value.
    pub(super) unresolved: &'a str,
    /// What is said of all that there is nothing to say of.
    pub(super) calm: &'a OnceCell<Conditions>,
}

impl Say<'_> {
    /// The verdict with its conditions; differences and the rest are added by the caller.
    pub(super) fn verdict(&self, decision: Decision, phase: Phase, reason: impl Into<String>) -> Verdict {
        let reason = reason.into();
        Verdict {
            key: self.desired.key.clone(),
            generation: self.desired.generation,
            decision,
            phase,
            conditions: self.conditions(decision, &reason),
            reason,
            diffs: Vec::new(),
            learned: Vec::new(),
            owned: Vec::new(),
            rolled_back: None,
            outputs: self.live.map(|l| l.outputs.clone()).unwrap_or_default(),
            id: self.live.map(|l| l.id.clone()),
            beside: Vec::new(),
            observed: decision != Decision::Unknown,
            behind: self.behind,
            fingerprint: None,
            is_drift: false,
            news: Vec::new(),
            resolved: None,
            live: None,
            unread: self.live.map_or_else(Vec::new, |l| l.unread.clone()),
            pending: None,
            quiet: None,
        }
    }

    /// The verdict while a failure is waited out: what AWS said, what is known beside it, when it is tried again, and a
    /// word for its sort.
    pub(super) fn failing(&self, failure: &Failure, known: &str) -> Verdict {
        let refused = matches!(failure.error.class, ErrorClass::Denied | ErrorClass::Rejected | ErrorClass::Quota);
        let (decision, phase) = match (refused, self.desired.fate) {
            (_, Fate::DeleteByName | Fate::DeleteWithSnapshot | Fate::DeleteByPolicy) => {
                (Decision::Wait, Phase::Deleting)
            }
            (true, Fate::Keep) => (Decision::Failed, Phase::Failed),
            (false, Fate::Keep) => (Decision::Wait, Phase::Progressing),
        };
        let why = format!(
            "\"{}\" was refused {} time{}: {}.{known} Next try at {}, or when something changes.",
            failure.step,
            failure.times,
            if failure.times == 1 { "" } else { "s" },
            failure.error,
            failure.retry_at
        );
        let mut verdict = self.verdict(decision, phase, why);
        for synced in verdict.conditions.iter_mut().filter(|c| c.kind == ConditionType::Synced) {
            sort_of(&failure.error).clone_into(&mut synced.reason);
        }
        verdict
    }

    fn condition(&self, kind: ConditionType, status: Truth, reason: &str, message: &str) -> Condition {
        Condition { kind, status, reason: reason.to_owned(), message: message.to_owned(), since: self.now }
    }

    /// All five; of what is in sync, works and waits for nothing, the same ones.
    fn conditions(&self, decision: Decision, why: &str) -> Conditions {
        let works = self.live.is_some_and(|live| live.health == Health::Healthy);
        let calm = decision == Decision::InSync && works && self.unresolved.is_empty();
        if calm {
            return self.calm.get_or_init(|| self.told(decision, "").into()).clone();
        }
        self.told(decision, why).into()
    }

    fn told(&self, decision: Decision, why: &str) -> Vec<Condition> {
        use ConditionType as T;
        use Truth::{False, True, Unknown};
        let synced = match decision {
            Decision::InSync => self.condition(T::Synced, True, "InSync", ""),
            Decision::Unknown => self.condition(T::Synced, Unknown, "NotRead", why),
            other => self.condition(T::Synced, False, word(other), why),
        };
        let ready = match self.live.map(|l| &l.health) {
            _ if decision == Decision::Unknown => self.condition(T::Ready, Unknown, "NotRead", why),
            None => self.condition(T::Ready, False, MISSING, "It does not exist."),
            Some(Health::Healthy) => self.condition(T::Ready, True, "Healthy", ""),
            Some(Health::Progressing(m)) => self.condition(T::Ready, False, "Progressing", m),
            Some(Health::Degraded(m)) => self.condition(T::Ready, False, "Degraded", m),
        };
        let references = if self.unresolved.is_empty() {
            self.condition(T::ReferencesResolved, True, "Resolved", "")
        } else {
            self.condition(T::ReferencesResolved, False, "Waiting", self.unresolved)
        };
        let owned = match (decision, self.live) {
            (Decision::Unknown, _) => self.condition(T::Owned, Unknown, "NotRead", why),
            (_, Some(_)) => self.condition(T::Owned, True, "Owned", ""),
            (_, None) => self.condition(T::Owned, Unknown, "Missing", ""),
        };
        let stuck = match decision {
            Decision::Stuck if why.starts_with(CONTENDED) => self.condition(T::Stuck, True, "Contended", why),
            Decision::Stuck => self.condition(T::Stuck, True, "FixDoesNotTake", why),
            _ => self.condition(T::Stuck, False, "NotStuck", ""),
        };
        vec![synced, ready, references, owned, stuck]
    }
}

/// How the reason of a conflict begins.
pub(super) const NOT_OURS: &str = "A live thing of the same identity is not ours";

/// How the reason of a fix that somebody else reverses begins.
pub(super) const CONTENDED: &str = "Contended";

/// What is decided, in a word.
pub(super) fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::InSync => "InSync",
        Decision::Create => "Creating",
        Decision::Update => "Updating",
        Decision::Replace => "Replacing",
        Decision::Delete => "Deleting",
        Decision::Adopt => "Adopting",
        Decision::Gone => "Gone",
        Decision::Report => "Drifted",
        Decision::Wait => "Waiting",
        Decision::Blocked => "Blocked",
        Decision::Hold => "Held",
        Decision::Unknown => "NotRead",
        Decision::Stuck => "Stuck",
        Decision::Failed => "Refused",
        Decision::RolledBack => "RolledBack",
        Decision::Paused => "Paused",
    }
}

/// What stands in the way, in one word: people and alerts look for it.
fn sort_of(error: &ApplyError) -> &'static str {
    let in_use = ["DependencyViolation", "InUse"].iter().any(|part| error.code.contains(part));
    match error.class {
        ErrorClass::Denied => "AccessDenied",
        ErrorClass::Quota => "QuotaExceeded",
        ErrorClass::Rejected => word(Decision::Failed),
        ErrorClass::Throttled => "Throttled",
        ErrorClass::Conflict if in_use => "InUse",
        ErrorClass::Conflict | ErrorClass::Transient | ErrorClass::Lost | ErrorClass::Unsigned => word(Decision::Wait),
    }
}

/// `/a, /b and 3 more`.
pub(super) fn paths(diffs: &[&FieldDiff]) -> String {
    let names: Vec<&str> =
        diffs.iter().take(3).map(|d| if d.path.is_empty() { "all of it" } else { &d.path }).collect();
    let more = diffs.len().saturating_sub(3);
    match more {
        0 => names.join(", "),
        n => format!("{} and {n} more", names.join(", ")),
    }
}
