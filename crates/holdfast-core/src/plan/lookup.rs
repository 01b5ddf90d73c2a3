//! Decides on a look-up: a question to AWS, whose answer others refer to. It never has a step.

use super::decide::{AS_DECLARED, Case, Decided};
use super::say::Say;
use super::{Decision, Fate};
use crate::observe::Observation;
use crate::status::Phase;

impl Case<'_> {
    /// Answered, not answered, or no longer asked.
    pub(super) fn looked_up(&self, say: &Say<'_>, live: Option<&Observation>) -> Decided {
        let verdict = match live {
            _ if self.desired.fate != Fate::Keep => {
                let why = "It is no longer asked for; AWS keeps what it is about.";
                say.verdict(Decision::Gone, Phase::Deleting, why)
            }
            Some(live) => {
                let verdict = say.verdict(Decision::InSync, Phase::InSync, AS_DECLARED);
                return self.finish(Decided::quiet(verdict), String::new(), false, Some(live));
            }
            None if !self.missing.is_empty() => say.verdict(Decision::Blocked, Phase::Blocked, say.unresolved),
            None => {
                let why = format!(
                    "AWS has no {} that answers this; change what is asked for, or make one.",
                    self.kind.name()
                );
                say.verdict(Decision::Blocked, Phase::Blocked, why)
            }
        };
        Decided::quiet(verdict)
    }
}
