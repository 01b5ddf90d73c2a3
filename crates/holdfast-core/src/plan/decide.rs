//! Decides on one resource: what differs, what may be done about it, and by which steps.

use super::differ::{Differences, user_tags};
use super::drift::Open;
use super::newcomers::Newcomers;
use super::quiet::Quiet;
use super::say::{Say, paths};
use super::{Decision, Desired, Fate, Input, Instead, Memory, Verb, Verdict};
use crate::kept::Kept;
use crate::kind::{AnyAction, AnyKind, Context, Converge, Draft};
use crate::name::{RESOURCE_TAG, UID_TAG};
use crate::observe::{LiveState, Observation};
use crate::plan::matching::Match;
use crate::plan::owners::{Owner, Sorting};
use crate::status::{Change, Conditions, FieldDiff, Phase};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The reason of a resource in sync.
pub(super) const AS_DECLARED: &str = "Live equals declared.";

/// One resource with all that the decision needs.
pub(super) struct Case<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) kind: &'a dyn AnyKind,
    pub(super) desired: &'a Desired,
    pub(super) memory: &'a Memory,
    pub(super) found: &'a Match<'a>,
    /// Who else sets fields of the live thing.
    pub(super) owners: &'a [Owner<'a>],
    /// The canonical spec without tags, references filled in as far as known.
    pub(super) spec: &'a Value,
    /// The declared tags, the stack's included; none if nobody declares any.
    pub(super) tags: Option<&'a Map<String, Value>>,
    /// References that have no value and that no step of this plan will make, with why.
    pub(super) missing: &'a [Missing],
    /// What AWS has begun to show of every thing of a kind.
    pub(super) newcomers: &'a Newcomers,
    /// Replacements that the budget still allows after those decided before this one.
    pub(super) replaces_left: u32,
    /// Other live things with the same owner tag.
    pub(super) beside: &'a [&'a Arc<Observation>],
    /// What was found is older than what was made a moment ago.
    pub(super) behind: bool,
    /// The conditions of all that there is nothing to say of.
    pub(super) calm: &'a OnceCell<Conditions>,
}

/// A decision not to do something, with why.
pub(super) type Refused = (Decision, String);

/// A reference that cannot be had in this plan.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    /// It stands in a field that the kind can fill in later.
    pub(super) late: bool,
    /// A sentence.
    pub(super) why: String,
}

/// A verdict and the steps it stands on.
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    pub(super) drafts: Vec<(Verb, Draft<AnyAction>)>,
}

impl Decided {
    pub(super) fn quiet(verdict: Verdict) -> Self {
        Self { verdict, drafts: Vec::new() }
    }

    /// It looks as it did when there was nothing to say of it.
    pub(super) fn still_quiet(say: &Say<'_>, looks: Quiet) -> Self {
        let mut verdict = say.verdict(Decision::InSync, Phase::InSync, AS_DECLARED);
        verdict.quiet = Some(looks);
        Self::quiet(verdict)
    }

    /// True if there is nothing to say and nothing to do.
    pub(super) fn is_silent(&self) -> bool {
        let verdict = &self.verdict;
        let nothing_told = verdict.diffs.is_empty() && verdict.learned.is_empty() && verdict.owned.is_empty();
        verdict.decision == Decision::InSync && nothing_told && self.drafts.is_empty()
    }
}

impl<'a> Case<'a> {
    pub(super) fn decide(&self) -> Decided {
        let waits = self.missing.iter().map(|m| m.why.as_str()).collect::<Vec<_>>().join(" ");
        let live: Option<&Observation> = self.found.live().map(AsRef::as_ref);
        let say = Say {
            desired: self.desired,
            now: self.input.now,
            live,
            behind: self.behind,
            unresolved: &waits,
            calm: self.calm,
        };
        if let Match::Unknown(why) = self.found {
            return Decided::quiet(self.unknown(&say, why));
        }
        if self.desired.instead.as_deref() == Some(&Instead::Nothing) {
            let why = "Nothing of it has been approved yet.";
            let held = || Decided::quiet(say.verdict(Decision::Hold, Phase::Blocked, why));
            return self.paused(&say).unwrap_or_else(held);
        }
        match (self.desired.fate, live) {
            _ if self.kind.lookup() => self.looked_up(&say, live),
            (Fate::Keep, Some(live)) => self.shown_as_before(&say).unwrap_or_else(|| self.present(&say, live)),
            (Fate::Keep, None) => self.absent(&say),
            (fate, _) => self.going(&say, fate),
        }
    }

    fn unknown(&self, say: &Say<'_>, why: &str) -> Verdict {
        let mut verdict = say.verdict(Decision::Unknown, Phase::Unknown, why);
        // References go on taking what was known: one unread page must not stop everything behind it.
        verdict.outputs.clone_from(&self.memory.outputs);
        verdict.id.clone_from(&self.memory.id);
        verdict
    }

    pub(super) fn owner_tags(&self) -> BTreeMap<String, String> {
        if !self.kind.tagged() {
            return BTreeMap::new();
        }
        BTreeMap::from([
            (UID_TAG.to_owned(), self.desired.uid.clone()),
            (RESOURCE_TAG.to_owned(), self.desired.key.to_string()),
        ])
    }

    pub(super) fn create_tags(&self) -> BTreeMap<String, String> {
        let declared = self.tags.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
        declared.chain(self.owner_tags()).collect()
    }

    /// True if this generation had been in sync: a difference now is somebody else's doing.
    pub(super) fn was_in_sync(&self) -> bool {
        self.memory.baseline_generation == self.desired.generation
    }

    // ---- it is to be, and is not there ----

    fn absent(&self, say: &Say<'_>) -> Decided {
        self.not_ours(say).unwrap_or_else(|| self.create(say))
    }

    fn create(&self, say: &Say<'_>) -> Decided {
        let mut diff = FieldDiff {
            path: String::new(),
            change: Change::Missing,
            desired: self.whole(self.spec, self.tags),
            live: Value::Null,
            last_written: self.memory.last_written.as_ref().map(Kept::value).unwrap_or_default(),
            severity: crate::facts::Severity::Functional,
            decision: "create".to_owned(),
        };
        let print = fingerprint(self.desired.generation, &[&diff]);
        let is_drift = self.was_in_sync();
        let mut decided = self.gate(say, &[&diff], &print, is_drift).unwrap_or_else(|| {
            if let Some(waiting) = self.not_shown(say) {
                return waiting;
            }
            if self.missing.iter().any(|m| !m.late) {
                return Decided::quiet(say.verdict(Decision::Blocked, Phase::Blocked, say.unresolved));
            }
            let tags = self.create_tags();
            let context = Context { key: &self.desired.key, tags: &tags };
            let mut drafts = self.kind.create(self.spec, &context);
            if let Some(first) = drafts.first_mut().filter(|d| d.because.is_empty()) {
                first.because = if is_drift { "it is missing" } else { "it does not exist yet" }.to_owned();
            }
            let phase = if is_drift { Phase::Drifted } else { Phase::Progressing };
            let reason =
                if is_drift { "It is missing and is made again." } else { "It does not exist yet and is created." };
            Decided {
                verdict: say.verdict(Decision::Create, phase, reason),
                drafts: drafts.into_iter().map(|d| (Verb::Create, d)).collect(),
            }
        });
        if decided.verdict.decision != Decision::Create {
            idle_word(&decided).clone_into(&mut diff.decision);
        }
        decided.verdict.diffs = vec![diff];
        self.finish(decided, print, is_drift, None)
    }

    // ---- it is to be, and is there ----

    fn present(&self, say: &Say<'_>, live: &Observation) -> Decided {
        let Differences { counted, learned, ignored } = self.differ(live);
        let is_drift = self.was_in_sync() || self.is_unconfirmed();
        let (input, spec, memory, owners) = (self.input, self.spec, self.memory, self.owners);
        let sorted = Sorting { input, spec, live, memory, owners, is_drift }.sort(counted);
        let news = self.declared_anew(&sorted.diffs);
        let open = self.open(sorted.diffs.iter().filter(|d| sorted.heals(d)).cloned().collect(), news);
        let heal: Vec<&FieldDiff> = open.heal.iter().collect();
        let mut print = fingerprint(self.desired.generation, &heal);
        let gated = match heal.is_empty() {
            true => self.paused(say),
            false => self.unconfirmed(say, &heal).or_else(|| self.gate(say, &heal, &print, open.is_all_drift())),
        };
        let mut decided = match gated {
            Some(decided) => decided,
            None => self.converge(say, live, &open, &sorted.spec),
        };
        if heal.is_empty() {
            print.clear();
            if decided.verdict.decision == Decision::InSync
                && let Some(retired) = self.retire(say, live)
            {
                (decided, print) = retired;
            }
        }
        sorted.put_into(&mut decided, say);
        let word = idle_word(&decided);
        let is_left = |diff: &FieldDiff| open.left.iter().any(|left| left.path == diff.path);
        for diff in &mut decided.verdict.diffs {
            diff.severity = self.kind.severity(diff);
            diff.decision = match decided.drafts.iter().find(|(_, d)| d.heals.contains(&diff.path)) {
                Some((_, draft)) => draft.decision.to_owned(),
                None if diff.change == Change::Undeclared || is_left(diff) => "report".to_owned(),
                None => word.to_owned(),
            };
        }
        decided.verdict.learned = learned;
        decided.verdict.owned.extend(ignored);
        let differs = decided.verdict.diffs.iter().filter(|d| d.change != Change::Undeclared);
        let drifts = differs.count() > open.news.len();
        if drifts {
            decided.verdict.news = open.news;
        }
        self.finish(decided, print, drifts, Some(live))
    }

    fn converge(&self, say: &Say<'_>, live: &Observation, open: &Open, spec: &Value) -> Decided {
        if let LiveState::Busy(state) = &live.state {
            let why = format!("AWS holds it in state {state}; nothing is written until that ends.");
            return Decided::quiet(say.verdict(Decision::Wait, Phase::Progressing, why));
        }
        if self.missing.iter().any(|m| !m.late) {
            return Decided::quiet(say.verdict(Decision::Blocked, Phase::Blocked, say.unresolved));
        }
        let facts = self.kind.facts();
        let heal: Vec<&FieldDiff> = open.heal.iter().collect();
        let (fixed, mut rest): (Vec<&FieldDiff>, Vec<&FieldDiff>) =
            open.heal.iter().partition(|d| facts.any_above(&d.path, |f| f.create_only));
        rest.retain(|d| !d.path.starts_with("/tags/"));
        let fields: Vec<FieldDiff> = rest.into_iter().cloned().collect();
        let tags = self.create_tags();
        let context = Context { key: &self.desired.key, tags: &tags };
        let mut immovable: Vec<String> = fixed.iter().map(|d| d.path.clone()).collect();
        // What cannot change in place, or is to stay as it is, is not changed on the way to what can.
        let spec = &open.leave(with_live(spec, &fixed), &live.fields);
        let converge = self.kind.converge(spec, live, &fields, &context);
        let mut drafts = self.retag(live, &heal);
        let mut refused = None;
        match converge {
            Converge::Change(mut more) => {
                refused = self.take_interruptions(live, &mut more);
                drafts.extend(more.into_iter().map(|d| (Verb::Update, d)));
            }
            Converge::Replace(fields) if immovable.is_empty() => immovable = fields,
            Converge::Replace(_) => {}
            Converge::Wait(why) if drafts.is_empty() => {
                return Decided::quiet(say.verdict(Decision::Wait, Phase::Progressing, why));
            }
            Converge::Wait(_) => {}
        }
        if !immovable.is_empty() {
            match self.replace(say, live, &immovable) {
                Ok(decided) => return decided,
                Err(refusal) => refused = Some(refusal),
            }
        }
        for (_, draft) in &mut drafts {
            explain(draft, open);
        }
        let verdict = self.summary(say, open, drafts.is_empty(), refused);
        Decided { verdict, drafts }
    }

    fn summary(&self, say: &Say<'_>, open: &Open, no_steps: bool, refused: Option<Refused>) -> Verdict {
        let named = paths(&open.heal.iter().collect::<Vec<_>>());
        match (refused, no_steps, open.heal.is_empty()) {
            (Some((decision, why)), _, _) => say.verdict(decision, Phase::Blocked, why),
            (None, true, true) if self.missing.is_empty() => match self.unread_news(say.live) {
                None => say.verdict(Decision::InSync, Phase::InSync, AS_DECLARED),
                Some(at) => {
                    let why =
                        format!("All that was read is as declared; {at}, which is declared anew, has yet to be read.");
                    say.verdict(Decision::Wait, Phase::Progressing, why)
                }
            },
            (None, true, true) => say.verdict(Decision::Blocked, Phase::Blocked, say.unresolved),
            (None, true, false) if !self.missing.is_empty() => {
                say.verdict(Decision::Blocked, Phase::Blocked, say.unresolved)
            }
            (None, true, false) => say.verdict(
                Decision::Blocked,
                Phase::Blocked,
                format!("AWS has no call that changes {named} as things stand."),
            ),
            (None, false, true) => {
                // Upkeep, such as dropping old revisions: what is declared is already live, as far as that was read.
                let phase = if self.unread_news(say.live).is_none() { Phase::InSync } else { Phase::Progressing };
                say.verdict(Decision::Update, phase, "Live equals declared; there is something to tidy up.")
            }
            (None, false, false) if open.is_all_drift() => {
                say.verdict(Decision::Update, Phase::Drifted, format!("Live differs at {named} and is put back."))
            }
            (None, false, false) => say.verdict(Decision::Update, Phase::Progressing, self.rollout(open)),
        }
    }

    fn rollout(&self, open: &Open) -> String {
        let (news, drift) = open.sorted(None);
        let mut told = format!("Generation {} changes {}", self.desired.generation, paths(&news));
        if !drift.is_empty() {
            told += &format!("; live differs at {} and is put back", paths(&drift));
        }
        if !open.left.is_empty() {
            let left = paths(&open.left.iter().collect::<Vec<_>>());
            told += &format!("; {left} has drifted and is left, as policy.drift is \"report\"");
        }
        told + "."
    }

    /// A field that this generation declares otherwise than the one that was last carried out, and that was not read: to call
    /// that in sync would make a difference that is found later somebody's drift. What is set only when a thing is made is as
    /// it was made, and AWS does not show all of it.
    fn unread_news<'l>(&self, live: Option<&'l Observation>) -> Option<&'l str> {
        let live = live.filter(|live| !live.unread.is_empty() && !self.was_in_sync())?;
        // At the first sight of a thing, the whole account would wait for the audit.
        let written = self.memory.last_written.as_ref()?.value();
        let is_news = |at: &&String| {
            let declared = self.spec.pointer(at);
            let is_set_once = self.kind.facts().any_above(at, |field| field.create_only);
            !is_set_once && declared.is_some() && written.pointer(at) != declared
        };
        live.unread.iter().find(is_news).map(String::as_str)
    }

    fn retag(&self, live: &Observation, heal: &[&FieldDiff]) -> Vec<(Verb, Draft<AnyAction>)> {
        let (mut set, mut remove, mut heals) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for diff in heal {
            let Some(key) = diff.path.strip_prefix("/tags/").map(crate::pointer::unescape) else { continue };
            match diff.desired.as_str() {
                Some(value) => _ = set.insert(key, value.to_owned()),
                None => _ = remove.insert(key),
            }
            heals.push(diff.path.clone());
        }
        let unread = live.unread.iter().any(|u| u == "/tags");
        let lost: Vec<_> = self.owner_tags().into_iter().filter(|(k, v)| live.tags.get(k) != Some(v)).collect();
        let because =
            if lost.is_empty() || unread { String::new() } else { "its owner tags are not as written".to_owned() };
        if !unread {
            set.extend(lost);
        }
        if set.is_empty() && remove.is_empty() {
            return Vec::new();
        }
        let mut draft = Draft::heal(self.kind.retag(live, set, remove), "tag", heals);
        draft.because = because;
        vec![(Verb::Update, draft)]
    }

    // ---- it is to go ----

    fn going(&self, say: &Say<'_>, fate: Fate) -> Decided {
        let live = match self.found {
            Match::Owned(live) => live,
            Match::Leaving(live) => {
                let why = format!("AWS is deleting {}.", live.id);
                return Decided::quiet(say.verdict(Decision::Wait, Phase::Deleting, why));
            }
            Match::Foreign(..) | Match::NotNamed(_) | Match::Adoptable(_) => {
                let why = "What is live under its identity is not ours and stays; the declaration is dropped.";
                return Decided::quiet(say.verdict(Decision::Gone, Phase::Deleting, why));
            }
            _ => return self.gone(say),
        };
        if let Some(held) = self.held(say) {
            return Decided::quiet(held);
        }
        if let Some(waiting) = self.shown_as_before(say) {
            return waiting;
        }
        let print = format!("delete {}", live.id);
        if let Some(waiting) = self.failure(say, &print, || self.in_use(live)) {
            return self.finish(waiting, print, false, Some(live));
        }
        if let LiveState::Busy(state) = &live.state {
            let why = format!("AWS holds it in state {state}; it is deleted when that ends.");
            return Decided::quiet(say.verdict(Decision::Wait, Phase::Deleting, why));
        }
        let (drafts, because) = self.removal(live, fate);
        let verdict = say.verdict(Decision::Delete, Phase::Deleting, format!("Deleted because {because}."));
        let drafts = drafts.into_iter().map(|d| (Verb::Delete, d)).collect();
        self.finish(Decided { verdict, drafts }, print, false, Some(live))
    }

    fn gone(&self, say: &Say<'_>) -> Decided {
        if let Some(at) = self.young() {
            let why = format!("Created at {at} and not shown by AWS now; it is deleted when it appears.");
            return Decided::quiet(say.verdict(Decision::Wait, Phase::Deleting, why));
        }
        Decided::quiet(say.verdict(Decision::Gone, Phase::Deleting, "It is gone."))
    }

    // ---- the end of all ways ----

    pub(super) fn whole(&self, spec: &Value, tags: Option<&Map<String, Value>>) -> Value {
        let mut whole = spec.clone();
        if let (Some(tags), Value::Object(map)) = (tags, &mut whole) {
            map.insert("tags".to_owned(), Value::Object(tags.clone()));
        }
        whole
    }

    pub(super) fn finish(
        &self,
        mut decided: Decided,
        print: String,
        is_drift: bool,
        live: Option<&Observation>,
    ) -> Decided {
        let verdict = &mut decided.verdict;
        verdict.is_drift = is_drift;
        verdict.fingerprint = (!print.is_empty()).then_some(print);
        if !(decided.is_silent() && self.was_in_sync()) {
            let verdict = &mut decided.verdict;
            // What is to go is not compared.
            let is_compared = self.missing.is_empty() && self.desired.fate == Fate::Keep;
            verdict.resolved = is_compared.then(|| self.whole(self.spec, self.tags).into());
            verdict.live = live.map(|l| self.whole(&l.fields, Some(&user_tags(l))).into());
        }
        decided
    }
}

/// What is done about a difference that no step heals.
fn idle_word(decided: &Decided) -> &'static str {
    if decided.verdict.decision == Decision::Report { "report" } else { "none" }
}

fn explain(draft: &mut Draft<AnyAction>, open: &Open) {
    if draft.because.is_empty() {
        let (news, drift) = open.sorted(Some(&draft.heals));
        let told = |of: &[&FieldDiff], what| (!of.is_empty()).then(|| format!("{} {what}", paths(of)));
        let parts = [told(&news, "has a new declaration"), told(&drift, "is not as declared")];
        draft.because = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    }
}

/// Equal for the same differences of the same generation.
pub(super) fn fingerprint(generation: u64, diffs: &[&FieldDiff]) -> String {
    let told: Vec<_> = diffs.iter().map(|d| (&d.path, d.change, &d.desired, &d.live)).collect();
    let bytes = serde_json::to_vec(&(generation, told)).unwrap_or_default();
    blake3::hash(&bytes).to_hex()[..16].to_owned()
}

/// A spec with the live values of these differences.
fn with_live<'s>(spec: &'s Value, of: &[&FieldDiff]) -> Cow<'s, Value> {
    let mut spec = Cow::Borrowed(spec);
    for diff in of {
        if diff.live.is_null() {
            crate::pointer::remove(spec.to_mut(), &diff.path);
        } else {
            crate::pointer::set(spec.to_mut(), &diff.path, diff.live.clone());
        }
    }
    spec
}
