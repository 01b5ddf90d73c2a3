//! Finds how a live thing differs from its declaration, and what of it AWS has added by itself.

use super::decide::{Case, fingerprint};
use crate::compare::{Known, compare_known, is_extra_member};
use crate::kept::Kept;
use crate::observe::Observation;
use crate::ownership::Owned;
use crate::status::{Change, FieldDiff};
use serde_json::{Map, Value, json};

/// Fixes for the same differences that AWS took and that changed nothing, after which a member that AWS shows beyond
/// the declaration counts as AWS's own.
const INSISTS: u32 = 2;

/// How a live thing differs from its declaration.
#[derive(Default)]
pub(super) struct Differences {
    /// What counts.
    pub(super) counted: Vec<FieldDiff>,
    /// What AWS has made by growing.
    pub(super) learned: Vec<FieldDiff>,
    /// What policy ignores.
    pub(super) ignored: Vec<Owned>,
}

impl Case<'_> {
    /// The differences, sorted by whether they count.
    pub(super) fn differ(&self, live: &Observation) -> Differences {
        let mut diffs = self.all_diffs(live);
        let ignored = self.take_ignored(&mut diffs);
        if diffs.is_empty() {
            return Differences { ignored, ..Differences::default() };
        }
        // What stands in a thing at the first sight of it after our own create, AWS has put there.
        if self.memory.created_unseen.is_some() {
            diffs.retain(|d| !is_extra_member(d));
        }
        let kind = self.desired.key.kind.as_str();
        let insists = self.aws_insists(&diffs);
        let (counted, learned) =
            diffs.into_iter().partition(|d| !(self.newcomers.has(kind, d) || (insists && is_extra_member(d))));
        Differences { counted, learned, ignored }
    }

    /// Takes out the differences that policy ignores, and tells of them.
    fn take_ignored(&self, diffs: &mut Vec<FieldDiff>) -> Vec<Owned> {
        let mut ignored = Vec::new();
        diffs.retain(|diff| {
            let Some(ignore) = self.desired.policy.ignoring(&diff.path, self.input.now) else { return true };
            ignored.push(Owned {
                path: diff.path.clone(),
                owner: "policy.ignore".to_owned(),
                bounds: None,
                declared: diff.desired.clone(),
                live: diff.live.clone(),
                left: true,
                why: match &ignore.until {
                    Some(until) => format!("policy.ignore until {}: {}", until.0, ignore.reason),
                    None => format!("policy.ignore: {}", ignore.reason),
                },
            });
            false
        });
        ignored
    }

    /// True if the same fix has been made and taken before, and AWS shows what it showed before it.
    fn aws_insists(&self, diffs: &[FieldDiff]) -> bool {
        let healable: Vec<&FieldDiff> = diffs.iter().filter(|d| d.change != Change::Undeclared).collect();
        self.memory.futile >= INSISTS
            && healable.iter().all(|d| is_extra_member(d))
            && self.memory.fingerprint == Some(fingerprint(self.desired.generation, &healable))
    }

    fn all_diffs(&self, live: &Observation) -> Vec<FieldDiff> {
        let memory = self.memory;
        let facts = self.kind.facts();
        let tree = |kept: &Option<Kept>| kept.as_ref().map(Kept::value);
        let (last, settled, settled_as) =
            (tree(&memory.last_written), tree(&memory.baseline), tree(&memory.settled_as));
        let (last, settled, settled_as) = (last.as_ref(), settled.as_ref(), settled_as.as_ref());
        // What is live and undeclared is held against the state after our own last change, not against the past.
        let baseline = settled.filter(|_| self.was_in_sync());
        let known = Known { last, settled, settled_as, baseline, unread: &live.unread };
        let mut diffs = compare_known(self.spec, &live.fields, &known, facts);
        diffs.retain(|d| !d.path.starts_with("/tags/") && d.path != "/tags");
        let tags = |m: Map<String, Value>| Value::Object(Map::from_iter([("tags".to_owned(), Value::Object(m))]));
        // Of tags, those go that were declared, whether others are declared still or none at all.
        let declared = tags(self.tags.cloned().unwrap_or_default());
        let only_tags = |v: &Value| json!({ "tags": v.get("tags").cloned().unwrap_or(json!({})) });
        let (last, baseline) = (last.map(only_tags), baseline.map(only_tags));
        let known =
            Known { last: last.as_ref(), baseline: baseline.as_ref(), unread: &live.unread, ..Known::default() };
        diffs.extend(compare_known(&declared, &tags(user_tags(live)), &known, facts));
        diffs
    }
}

/// The live tags that people wrote: without AWS's own and without ours.
pub(super) fn user_tags(live: &Observation) -> Map<String, Value> {
    live.tags
        .iter()
        .filter(|(k, _)| !k.starts_with("aws:") && !k.starts_with("holdfast:"))
        .map(|(k, v)| (k.clone(), Value::String(v.clone())))
        .collect()
}
