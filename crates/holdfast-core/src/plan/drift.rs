//! Tells drift from rollout, field by field: what somebody else has changed, and what the declared generation brings.

use super::decide::Case;
use crate::compare::{Known, compare_known};
use crate::kept::Kept;
use crate::pointer::{covers, segments};
use crate::policy::DriftPolicy;
use crate::status::{Change, FieldDiff};

/// What differs and is not left to anybody, by what becomes of it.
pub(super) struct Open {
    /// What steps are to heal.
    pub(super) heal: Vec<FieldDiff>,
    /// Drift that policy only reports, beside what the generation brings.
    pub(super) left: Vec<FieldDiff>,
    /// Pointers of the differences that the generation brings.
    pub(super) news: Vec<String>,
}

impl Open {
    /// True if somebody else has made that difference.
    pub(super) fn is_drift(&self, diff: &FieldDiff) -> bool {
        !self.news.contains(&diff.path)
    }

    /// True if there is something to heal, and the generation brings none of it.
    pub(super) fn is_all_drift(&self) -> bool {
        !self.heal.is_empty() && self.heal.iter().all(|d| self.is_drift(d))
    }

    /// Those to be healed that the generation brings, and those that somebody else has made.
    pub(super) fn sorted<'d>(
        &self,
        of: impl Iterator<Item = &'d FieldDiff>,
    ) -> (Vec<&'d FieldDiff>, Vec<&'d FieldDiff>) {
        of.partition(|d| !self.is_drift(d))
    }

    /// What is left as it is and can be put into a spec: within lists, places move.
    pub(super) fn left_fields(&self) -> impl Iterator<Item = &FieldDiff> {
        self.left.iter().filter(|d| segments(&d.path).all(|s| s.parse::<usize>().is_err()))
    }
}

impl Case<'_> {
    /// Sorts what differs: `diffs` is all of it, `heals` says what nothing but policy keeps from being healed.
    pub(super) fn open(&self, diffs: &[FieldDiff], heals: impl Fn(&FieldDiff) -> bool) -> Open {
        let differs = diffs.iter().filter(|d| d.change != Change::Undeclared);
        let news = self.declared_anew(differs.collect());
        let heal = diffs.iter().filter(|d| heals(d)).cloned().collect();
        let mut open = Open { heal, left: Vec::new(), news };
        let brings = open.heal.iter().any(|d| !open.is_drift(d));
        if brings && self.desired.policy.drift == Some(DriftPolicy::Report) {
            let news = &open.news;
            (open.heal, open.left) = open.heal.into_iter().partition(|d| news.contains(&d.path));
        }
        open
    }

    /// The pointers of those differences that the generation brings: it declares something else there than what was
    /// declared when the thing was last in sync.
    fn declared_anew(&self, diffs: Vec<&FieldDiff>) -> Vec<String> {
        if diffs.is_empty() || self.was_in_sync() || self.is_unconfirmed() {
            return Vec::new();
        }
        let all = || diffs.iter().map(|d| d.path.clone()).collect();
        let Some(before) = self.settled_spec().map(Kept::value) else { return all() };
        // Of tags, those go that were declared, also where none is declared any more.
        let tags = self.tags.cloned().unwrap_or_default();
        let declared = self.whole(self.spec, Some(&tags));
        let known = Known { last: Some(&before), ..Known::default() };
        let moved = compare_known(&declared, &before, &known, self.kind.facts());
        let is_news = |diff: &&&FieldDiff| moved.iter().any(|moved| brings(moved, diff));
        diffs.iter().filter(is_news).map(|d| d.path.clone()).collect()
    }

    /// What was declared when the thing was last in sync; `None` if it never was, or if steps of another generation than
    /// the declared one have been planned since: what differs may be their doing then.
    fn settled_spec(&self) -> Option<&Kept> {
        let memory = self.memory;
        // A thing that was made anew has not been in sync yet.
        let settled = memory.baseline.is_some() && memory.baseline_generation != 0;
        let untouched = memory.begun.is_none_or(|begun| begun == self.desired.generation);
        memory.settled_as.as_ref().or(memory.last_written.as_ref()).filter(|_| settled && untouched)
    }
}

/// True if what is declared anew at `moved` may be behind a difference. What a list has beyond the declaration stands at
/// another place on each side.
fn brings(moved: &FieldDiff, diff: &FieldDiff) -> bool {
    let list = |d: &FieldDiff| d.path.rsplit_once('/').map(|(list, _)| list.to_owned());
    let extra = moved.change == Change::Added && diff.change == Change::Added && list(moved) == list(diff);
    extra || covers(&moved.path, &diff.path) || covers(&diff.path, &moved.path)
}
