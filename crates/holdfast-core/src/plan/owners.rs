//! Leaves to other owners what is theirs: takes out of the differences what an owner inferred from the live world has
//! set within its bounds, and what AWS itself took back and would take back again.

use super::decide::Decided;
use super::say::Say;
use super::{Decision, Input, Memory, RolledBack};
use crate::kept::Kept;
use crate::name::KindName;
use crate::observe::{Observation, Snapshot};
use crate::ownership::{Claim, FieldOwner, Owned, Undone};
use crate::pointer::{self, covers};
use crate::reference::is_open;
use crate::status::{Change, FieldDiff, Phase};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Every claim that a thing of this sweep makes on another, by the kind claimed and the text that leads to it.
#[derive(Default)]
pub(super) struct Claims<'a> {
    by_kind: BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a Claim>>>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut claims = Self::default();
        let all = snapshot.kinds.values().flat_map(|r| &r.observations);
        for claim in all.flat_map(|o| &o.ownership.claims) {
            let texts = claim.id.as_slice().iter().chain(if claim.id.is_none() { &claim.among[..] } else { &[] });
            let by_text = claims.by_kind.entry(&claim.kind).or_default();
            for text in texts {
                by_text.entry(text).or_default().push(claim);
            }
        }
        claims
    }

    /// The owners of a live thing's fields: its own, and those of whoever claims them.
    pub(super) fn owners(&self, kind: KindName, live: Option<&'a Observation>) -> Vec<Owner<'a>> {
        let Some(live) = live else { return Vec::new() };
        let mut found: Vec<Owner<'a>> = live.ownership.owners.iter().map(Owner::of).collect();
        let Some(by_text) = self.by_kind.get(kind) else { return found };
        // For one look: what is seen stays until the pass ends.
        let fields = live.fields.glance();
        let mut texts = vec![live.id.as_str()];
        each_text(&fields, &mut |text| texts.push(text));
        texts.sort_unstable();
        texts.dedup();
        for claim in texts.into_iter().filter_map(|text| by_text.get(text)).flatten() {
            let known = found.iter().any(|o| o.claim.is_some_and(|c| std::ptr::eq(c, *claim)));
            if !known && claim.holds(&fields) {
                found.push(Owner { field: &claim.owner, claim: Some(claim) });
            }
        }
        found
    }
}

/// Whoever owns a field of one live thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    field: &'a FieldOwner,
    claim: Option<&'a Claim>,
}

impl<'a> Owner<'a> {
    /// Whoever sets that field of the thing itself.
    pub(super) fn of(field: &'a FieldOwner) -> Self {
        Self { field, claim: None }
    }

    /// True if a difference between these two is the owner's doing.
    fn does(&self, declared: Option<&Value>, live: &Value) -> bool {
        let inside = self.field.bounds.is_none_or(|b| b.hold(live));
        let elsewhere = self.claim.is_some_and(|c| c.complete && declared.is_some_and(|d| !c.all_among(d)));
        inside && !elsewhere
    }
}

impl Claim {
    /// True while the live field says what the owner writes there, and nothing else of its sort.
    fn holds(&self, fields: &Value) -> bool {
        fields.pointer(&self.owner.path).is_some_and(|field| self.any_among(field) && self.all_among(field))
    }

    fn all_among(&self, value: &Value) -> bool {
        let mut all = true;
        each_text(value, &mut |t| all &= !t.contains(&self.marker) || self.among.iter().any(|a| a == t));
        all
    }

    fn any_among(&self, value: &Value) -> bool {
        let mut any = false;
        each_text(value, &mut |t| any |= self.among.iter().any(|a| a == t));
        any
    }
}

fn each_text<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|i| each_text(i, visit)),
        Value::Object(map) => map.values().for_each(|v| each_text(v, visit)),
        _ => {}
    }
}

/// What is left to decide on once every owner has its own.
pub(super) struct Sorted<'a> {
    /// The spec as it is to be: where an owner's bounds are overstepped, the declared value brought inside them.
    pub(super) spec: Cow<'a, Value>,
    /// The differences that are nobody's but the declaration's.
    pub(super) diffs: Vec<FieldDiff>,
    /// Declared fields that somebody owns.
    pub(super) owned: Vec<Owned>,
    /// What a new declaration has to wait for: an owner who will be done.
    pub(super) waits: Option<String>,
    /// The value that AWS took back and that is not tried again. Its difference stays, and is not healed.
    pub(super) rolled_back: Option<Box<RolledBack>>,
    /// True if live still differs there.
    pub(super) held: bool,
}

impl Sorted<'_> {
    /// True if something is to be done about a difference.
    pub(super) fn heals(&self, diff: &FieldDiff) -> bool {
        let held = self.rolled_back.as_ref().is_some_and(|r| r.path == diff.path);
        diff.change != Change::Undeclared && !held
    }

    /// Completes what was decided about the differences.
    pub(super) fn put_into(self, decided: &mut Decided, say: &Say<'_>) {
        let verdict = &mut decided.verdict;
        let in_sync = verdict.decision == Decision::InSync;
        match (&self.rolled_back, &self.waits) {
            (Some(taken), _) if self.held && verdict.decision != Decision::Paused => {
                let decision = if decided.drafts.is_empty() { Decision::RolledBack } else { verdict.decision };
                let mut reason = taken.to_string();
                if !in_sync {
                    reason = format!("{reason} {}", verdict.reason);
                }
                *verdict = say.verdict(decision, Phase::Failed, reason);
            }
            (_, Some(waits)) if in_sync => *verdict = say.verdict(Decision::Wait, Phase::Progressing, waits),
            _ => {}
        }
        (verdict.diffs, verdict.owned, verdict.rolled_back) = (self.diffs, self.owned, self.rolled_back);
    }
}

/// What the sorting looks at.
pub(super) struct Sorting<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) spec: &'a Value,
    pub(super) live: &'a Observation,
    pub(super) memory: &'a Memory,
    pub(super) owners: &'a [Owner<'a>],
    /// True if this generation had been in sync before.
    pub(super) is_drift: bool,
}

impl<'a> Sorting<'a> {
    pub(super) fn sort(&self, diffs: Vec<FieldDiff>) -> Sorted<'a> {
        let mut sorted = Sorted {
            spec: Cow::Borrowed(self.spec),
            diffs: Vec::new(),
            owned: self.owned(),
            waits: None,
            rolled_back: None,
            held: false,
        };
        for mut diff in diffs {
            let theirs = || self.owners.iter().filter(|o| covers(&o.field.path, &diff.path));
            if let Some(owner) = theirs().find(|o| o.does(self.declared(o), &diff.live)) {
                if owner.field.passing && diff.change != Change::Undeclared && self.is_news(owner) {
                    let why = || format!("{} is set when its owner is done: {}", diff.path, owner.field.why);
                    sorted.waits.get_or_insert_with(why);
                }
                continue;
            }
            if let Some(inside) = theirs().find_map(|o| o.field.bounds?.nearest(&diff.desired)) {
                diff.desired = json!(inside);
                pointer::set(sorted.spec.to_mut(), &diff.path, json!(inside));
            }
            sorted.diffs.push(diff);
        }
        (sorted.rolled_back, sorted.held) = self.rolled_back(&sorted.diffs);
        sorted
    }

    fn declared(&self, owner: &Owner<'_>) -> Option<&'a Value> {
        self.spec.pointer(&owner.field.path)
    }

    /// True if the owner's field is declared otherwise than it was when we last wrote it or found it in sync.
    fn is_news(&self, owner: &Owner<'_>) -> bool {
        let written = self.memory.last_written.as_ref().map(Kept::value);
        !self.is_drift || written.is_none_or(|w| w.pointer(&owner.field.path) != self.declared(owner))
    }

    fn owned(&self) -> Vec<Owned> {
        let mut told: Vec<Owned> = Vec::new();
        for owner in self.owners {
            let Some(declared) = self.declared(owner) else { continue };
            if told.iter().any(|o| o.path == owner.field.path) {
                continue;
            }
            let live = self.live.fields.pointer(&owner.field.path).unwrap_or(&Value::Null);
            told.push(Owned {
                path: owner.field.path.clone(),
                owner: owner.field.owner.clone(),
                bounds: owner.field.bounds,
                declared: declared.clone(),
                live: live.clone(),
                left: owner.does(Some(declared), live),
                why: owner.field.why.clone(),
            });
        }
        told
    }

    /// What AWS took back and is not to be tried again, and whether live differs there.
    fn rolled_back(&self, diffs: &[FieldDiff]) -> (Option<Box<RolledBack>>, bool) {
        let held = diffs.iter().filter(|d| d.change != Change::Undeclared).find_map(|d| self.taken_back(d));
        if held.is_some() {
            return (held, true);
        }
        // While it cannot be seen whether live differs, what is known stays known.
        let kept = self.memory.rolled_back.as_ref().filter(|r| {
            let differs = self.live.fields.pointer(&r.path) != Some(&r.value);
            self.stands(r) && differs && !diffs.iter().any(|d| d.path == r.path)
        });
        (kept.cloned(), false)
    }

    fn taken_back(&self, diff: &FieldDiff) -> Option<Box<RolledBack>> {
        if matches!(&diff.desired, Value::String(text) if is_open(text)) {
            return None;
        }
        let known = self.memory.rolled_back.as_ref().filter(|r| r.path == diff.path && self.stands(r));
        if known.is_some() {
            return known.cloned();
        }
        let seen = self.live.ownership.undone.iter().find(|u| u.path == diff.path && self.tried(u, diff))?;
        Some(Box::new(RolledBack {
            path: seen.path.clone(),
            value: diff.desired.clone(),
            why: seen.why.clone(),
            beside: seen.beside.clone(),
            declared: print(self.spec, &seen.beside),
            since: self.input.now,
        }))
    }

    /// True if the declaration is the one that was rolled back.
    fn stands(&self, known: &RolledBack) -> bool {
        self.spec.pointer(&known.path) == Some(&known.value) && known.declared == print(self.spec, &known.beside)
    }

    /// True if it is this declaration that AWS has tried, as far as anybody knows. After the store was lost, nobody
    /// knows more than AWS says.
    fn tried(&self, undone: &Undone, diff: &FieldDiff) -> bool {
        let named = undone.value.is_null() || undone.value == diff.desired;
        let written = self.memory.last_written.as_ref().map(Kept::value);
        named && written.is_none_or(|w| print(&w, &undone.beside) == print(self.spec, &undone.beside))
    }
}

/// Equal for declarations that differ in no more than `beside` and tags.
fn print(spec: &Value, beside: &[String]) -> String {
    let mut spec = spec.clone();
    for path in beside.iter().map(String::as_str).chain(["/tags"]) {
        pointer::remove(&mut spec, path);
    }
    blake3::hash(sorted_text(&spec).as_bytes()).to_hex()[..16].to_owned()
}

/// The value as text, the keys of its objects in order: what is stored may come back in another.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut parts: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", sorted_text(v))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted_text).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned);
        write!(f, "AWS took {value} back at {} ({})", self.path, self.why)?;
        write!(f, "; it is not applied again until the declaration changes")?;
        match self.beside.as_slice() {
            [] => write!(f, "."),
            beside => write!(f, ", for which {} alone does not count.", beside.join(", ")),
        }
    }
}
