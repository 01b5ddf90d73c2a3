//! Changes that AWS makes in place, but only while the live thing is out of service: policy has to allow them.

use super::Decision;
use super::decide::{Case, Refused};
use crate::kind::{AnyAction, Draft};
use crate::observe::Observation;
use crate::policy::ReplacePolicy;

impl Case<'_> {
    /// Takes those steps out that put `live` out of service, unless policy allows a replacement, which is no less. Says
    /// why.
    pub(super) fn take_interruptions(&self, live: &Observation, drafts: &mut Vec<Draft<AnyAction>>) -> Option<Refused> {
        if self.desired.policy.replace.unwrap_or_default() == ReplacePolicy::Allow {
            return None;
        }
        let (mut fields, mut state) = (Vec::new(), None);
        drafts.retain(|draft| {
            let Some(meanwhile) = draft.interrupts else { return true };
            state = Some(meanwhile);
            fields.extend(draft.heals.iter().cloned());
            false
        });
        let why = format!(
            "AWS changes {} only while {} is {}, and policy.replace is \"never\". Set policy.replace to \"allow\" to have that \
             done, do it by hand, or put the declaration back.",
            fields.join(", "),
            live.id,
            state?
        );
        Some((Decision::Blocked, why))
    }
}
