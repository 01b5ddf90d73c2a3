//! The compare: declared against live, field by field.
//!
//! One walk serves every kind; what differs between kinds is in their field facts. A declared list, and every
//! item of one, is declared *whole*: what live has beyond it and AWS's defaults is a difference. A declared
//! object owns only its keys.
//!
//! AWS grows. A default that is an object is matched as a subset, a key that nobody declares is never healed, and a
//! key that AWS has added to a declared item is no difference once the thing was in sync with it; who finds out that
//! AWS did is [`plan`](crate::plan).

use crate::facts::{Facts, Field, ItemKey, Scene, Severity, Shape};
use crate::pointer::join;
use crate::status::{Change, FieldDiff};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is known of a thing besides the two sides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The spec as we last wrote it: a map's key that stands there and is declared no more must go.
    pub last: Option<&'a Value>,
    /// What was live when it was last in sync, whatever was declared then: what AWS had added to a declared item by then
    /// is no drift.
    pub settled: Option<&'a Value>,
    /// What was declared then, where something else has been written since; else that is `last`. AWS can have added only
    /// to what was declared, and only what was not.
    pub settled_as: Option<&'a Value>,
    /// The same, if it belongs to what is declared now: a key that nobody declares and that differs from it is
    /// `undeclared`.
    pub baseline: Option<&'a Value>,
    /// Pointers that are unknown and so never differ.
    pub unread: &'a [String],
}

/// Compares two specs in canonical form. `desired` may still hold open references; they differ from everything.
pub fn compare(
    desired: &Value,
    live: &Value,
    last: Option<&Value>,
    baseline: Option<&Value>,
    unread: &[String],
    facts: &Facts,
) -> Vec<FieldDiff> {
    compare_known(desired, live, &Known { last, settled: baseline, settled_as: None, baseline, unread }, facts)
}

/// As [`compare`], with all that is known.
pub fn compare_known(desired: &Value, live: &Value, known: &Known<'_>, facts: &Facts) -> Vec<FieldDiff> {
    let mut walk = Walk { scene: Scene { desired, live, facts }, unread: known.unread, out: Vec::new() };
    let none = Map::new();
    let (whole, seen) = (desired.as_object().unwrap_or(&none), live.as_object().unwrap_or(&none));
    let sides = Sides { desired: whole, live: seen, last: known.last.and_then(Value::as_object) };
    let shape = facts.field().map_or(Shape::Object, |f| f.shape);
    walk.object("", &sides, facts, if shape == Shape::Map { Owned::Keys } else { Owned::Declared });
    walk.excuse(known);
    if let Some(baseline) = known.baseline.filter(|baseline| *baseline != live) {
        walk.undeclared("", Some(desired), live, known.last, baseline, facts);
    }
    walk.out
}

/// True for a difference that AWS may have made by showing a member that it did not show before: a key beyond what is
/// declared within an item of a declared list, never declared before, and no exposure.
pub fn is_extra_member(diff: &FieldDiff) -> bool {
    diff.change == Change::Added
        && diff.last_written.is_null()
        && diff.severity != Severity::Exposure
        && is_member_of_item(&diff.path)
}

/// True if the pointer ends in a key and leads through an item of a list.
fn is_member_of_item(path: &str) -> bool {
    let is_index = |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    path.rsplit_once('/').is_some_and(|(front, key)| !is_index(key) && front.split('/').any(is_index))
}

static NULL: Value = Value::Null;

/// What of an object the declaration owns.
#[derive(Clone, Copy, PartialEq)]
enum Owned {
    /// The keys it declares.
    Declared,
    /// Those, and the keys it declared before.
    Keys,
    /// All of it.
    Whole,
}

struct Sides<'a> {
    desired: &'a Map<String, Value>,
    live: &'a Map<String, Value>,
    last: Option<&'a Map<String, Value>>,
}

struct Walk<'a> {
    scene: Scene<'a>,
    unread: &'a [String],
    out: Vec<FieldDiff>,
}

impl Walk<'_> {
    fn push(&mut self, path: String, change: Change, desired: &Value, live: &Value, last: &Value) {
        let severity = self.scene.facts.severity(&path);
        let (desired, live) = (desired.clone(), live.clone());
        let last_written = last.clone();
        self.out.push(FieldDiff { path, change, desired, live, last_written, severity, decision: String::new() });
    }

    fn is_unread(&self, path: &str) -> bool {
        self.unread.iter().any(|u| crate::pointer::covers(u, path))
    }

    fn object(&mut self, path: &str, sides: &Sides<'_>, facts: &Facts, owned: Owned) {
        for (key, want) in sides.desired {
            let last = sides.last.and_then(|l| l.get(key));
            self.value(&join(path, key), want, sides.live.get(key), last, facts.child(key), owned);
        }
        if owned == Owned::Declared {
            return;
        }
        let extra = sides.live.iter().filter(|(key, _)| !sides.desired.contains_key(*key));
        for (key, have) in extra {
            let (at, child) = (join(path, key), facts.child(key));
            let was_ours = sides.last.is_some_and(|l| l.contains_key(key));
            let counts = owned == Owned::Whole || was_ours;
            if counts && !is_blank(have, child, &self.scene) && !is_uncompared(child) && !self.is_unread(&at) {
                let last = sides.last.and_then(|l| l.get(key)).unwrap_or(&Value::Null);
                self.push(at, Change::Added, &Value::Null, have, last);
            }
        }
    }

    fn value(
        &mut self,
        path: &str,
        want: &Value,
        have: Option<&Value>,
        last: Option<&Value>,
        facts: &Facts,
        owned: Owned,
    ) {
        if is_uncompared(facts) || self.is_unread(path) {
            return;
        }
        let have = have.unwrap_or(&Value::Null);
        let said = last.unwrap_or(&Value::Null);
        if want.is_null() {
            if !is_blank(have, facts, &self.scene) {
                self.push(path.to_owned(), Change::Added, want, have, said);
            }
            return;
        }
        if have.is_null() && is_blank(want, facts, &self.scene) {
            return;
        }
        match (shape_of(want, facts), want, have) {
            (Shape::Object | Shape::Map, Value::Object(want_map), Value::Object(_) | Value::Null) => {
                self.nested(path, want_map, have, last, facts, owned);
            }
            (Shape::Set(key), Value::Array(want), _) if have.is_array() || have.is_null() => {
                self.set(path, want, have.as_array().map_or(&[], Vec::as_slice), key, facts);
            }
            (Shape::List, Value::Array(want), _) if have.is_array() || have.is_null() => {
                self.list(path, want, have.as_array().map_or(&[], Vec::as_slice), said, facts);
            }
            _ if same(want, have) => {}
            _ => {
                let change = if have.is_null() { Change::Removed } else { Change::Changed };
                self.push(path.to_owned(), change, want, have, said);
            }
        }
    }

    fn nested(
        &mut self,
        path: &str,
        want: &Map<String, Value>,
        have: &Value,
        last: Option<&Value>,
        facts: &Facts,
        owned: Owned,
    ) {
        let none = Map::new();
        let is_map = matches!(facts.field().map(|f| f.shape), Some(Shape::Map));
        let owned = match owned {
            Owned::Whole => Owned::Whole,
            _ if is_map => Owned::Keys,
            _ => Owned::Declared,
        };
        let live = have.as_object().unwrap_or(&none);
        let sides = Sides { desired: want, live, last: last.and_then(Value::as_object) };
        let before = self.out.len();
        self.object(path, &sides, facts, owned);
        // An object that is missing as a whole is one difference, not one a leaf; a map's keys stand alone.
        if have.is_null() && !is_map && self.out.len() > before {
            self.out.truncate(before);
            let last = last.unwrap_or(&Value::Null);
            self.push(path.to_owned(), Change::Removed, &Value::Object(want.clone()), have, last);
        }
    }

    fn set(&mut self, path: &str, want: &[Value], have: &[Value], key: ItemKey, facts: &Facts) {
        let item_facts = facts.child("*");
        let mut live: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for item in have.iter().rev() {
            live.entry(item_key(item, key, item_facts, &self.scene)).or_default().push(item);
        }
        let mut alone = Vec::new();
        for (i, item) in want.iter().enumerate() {
            match live.get_mut(&item_key(item, key, item_facts, &self.scene)).and_then(Vec::pop) {
                Some(found) if key != ItemKey::Whole => self.item(&format!("{path}/{i}"), item, found, item_facts),
                Some(_) => {}
                None => alone.push((i, item)),
            }
        }
        let mut extras: Vec<&Value> = live.into_values().flat_map(|items| items.into_iter().rev()).collect();
        for (i, item) in alone {
            let at = format!("{path}/{i}");
            // Where all of an item is its key, one that holds more than is declared is still that item.
            match extras.iter().position(|have| self.grew(&at, item, have, item_facts)) {
                Some(found) => self.item(&at, item, extras.remove(found), item_facts),
                None => self.push(at, Change::Removed, item, &Value::Null, &Value::Null),
            }
        }
        for (k, item) in extras.into_iter().enumerate() {
            let at = format!("{path}/{}", want.len() + k);
            self.push(at, Change::Added, &Value::Null, item, &Value::Null);
        }
    }

    /// True if a live item holds all of a declared one, and differs by keys of its own alone.
    fn grew(&mut self, at: &str, want: &Value, have: &Value, facts: &Facts) -> bool {
        if !want.is_object() || !have.is_object() {
            return false;
        }
        let before = self.out.len();
        self.item(at, want, have, facts);
        let facts = self.scene.facts;
        let has_default = |path: &str| facts.at(path).field().is_some_and(Field::has_default);
        let grown = |d: &FieldDiff| d.change == Change::Added && is_member_of_item(&d.path) && !has_default(&d.path);
        self.out.drain(before..).all(|d| grown(&d))
    }

    fn list(&mut self, path: &str, want: &[Value], have: &[Value], said: &Value, facts: &Facts) {
        if !want.iter().chain(have).any(Value::is_object) {
            let alike = want.len() == have.len() && want.iter().zip(have).all(|(w, h)| same(w, h));
            if !alike {
                let change = if have.is_empty() { Change::Removed } else { Change::Changed };
                let (want, have) = (Value::Array(want.to_vec()), Value::Array(have.to_vec()));
                self.push(path.to_owned(), change, &want, &have, said);
            }
            return;
        }
        for i in 0..want.len().max(have.len()) {
            let at = format!("{path}/{i}");
            match (want.get(i), have.get(i)) {
                (Some(w), Some(h)) => self.item(&at, w, h, facts.child("*")),
                (Some(w), None) => self.push(at, Change::Removed, w, &Value::Null, &Value::Null),
                (None, Some(h)) => self.push(at, Change::Added, &Value::Null, h, &Value::Null),
                (None, None) => {}
            }
        }
    }

    fn item(&mut self, path: &str, want: &Value, have: &Value, facts: &Facts) {
        match (want, have) {
            (Value::Object(desired), Value::Object(live)) => {
                self.object(path, &Sides { desired, live, last: None }, facts, Owned::Whole);
            }
            _ => self.value(path, want, Some(have), None, facts, Owned::Whole),
        }
    }

    /// Lets pass what AWS had added to declared items when the thing was last in sync: to those that were declared then.
    /// What was declared in one and is no more is told as such.
    fn excuse(&mut self, known: &Known<'_>) {
        if known.settled.is_none() && known.last.is_none() {
            return;
        }
        let scene = self.scene;
        let before = |side: Option<&'_ Value>, path: &str| side.and_then(|v| located(path, v, &scene)).cloned();
        self.out.retain_mut(|diff| {
            let Some((item, _)) = diff.path.rsplit_once('/').filter(|_| is_member_of_item(&diff.path)) else {
                return true;
            };
            if diff.change != Change::Added {
                return true;
            }
            let then = known.settled_as.or(known.last);
            diff.last_written = before(known.last, &diff.path).or_else(|| before(then, &diff.path)).unwrap_or_default();
            if !is_extra_member(diff) || before(then, item).is_none() {
                return true;
            }
            let facts = scene.facts.at(&diff.path);
            let alike = |then: Value| normal(&then, facts, &scene) == normal(&diff.live, facts, &scene);
            !before(known.settled, &diff.path).is_some_and(alike)
        });
    }

    /// Tells what has changed that nobody declares. What is declared below is compared elsewhere; a list is declared
    /// whole.
    fn undeclared(
        &mut self,
        at: &str,
        desired: Option<&Value>,
        live: &Value,
        last: Option<&Value>,
        baseline: &Value,
        facts: &Facts,
    ) {
        let declared = desired.and_then(Value::as_object);
        if live == baseline || (desired.is_some() && declared.is_none()) {
            return;
        }
        if is_uncompared(facts) || self.is_unread(at) || self.out.iter().any(|d| crate::pointer::covers(&d.path, at)) {
            return;
        }
        let empty = Map::new();
        let (now, then) = match (live, baseline) {
            (Value::Object(now), Value::Object(then)) => (now, then),
            (Value::Object(now), _) if declared.is_some() => (now, &empty),
            (_, Value::Object(then)) if declared.is_some() => (&empty, then),
            _ => return self.one_undeclared(at, live, baseline, facts),
        };
        let is_map = facts.field().is_some_and(|f| f.shape == Shape::Map);
        for key in now.keys().chain(then.keys().filter(|k| !now.contains_key(*k))) {
            let want = declared.and_then(|d| d.get(key));
            let last = last.and_then(|l| l.get(key));
            // A map's key that was declared before is compared as one that must go.
            if want.is_none() && is_map && last.is_some() {
                continue;
            }
            let (now, then) = (now.get(key).unwrap_or(&NULL), then.get(key).unwrap_or(&NULL));
            self.undeclared(&join(at, key), want, now, last, then, facts.child(key));
        }
    }

    fn one_undeclared(&mut self, at: &str, now: &Value, then: &Value, facts: &Facts) {
        let scene = &self.scene;
        let alike = normal(now, facts, scene) == normal(then, facts, scene);
        let silent = alike || (is_blank(now, facts, scene) && is_blank(then, facts, scene));
        if !silent {
            self.push(at.to_owned(), Change::Undeclared, &Value::Null, now, then);
        }
    }
}

fn is_uncompared(facts: &Facts) -> bool {
    facts.field().is_some_and(|f| f.shape == Shape::WriteOnly || f.sensitive)
}

fn shape_of(want: &Value, facts: &Facts) -> Shape {
    match (facts.field().map(|f| f.shape), want) {
        (Some(shape), _) if shape != Shape::Scalar => shape,
        (_, Value::Object(_)) => Shape::Object,
        (_, Value::Array(_)) => Shape::List,
        _ => Shape::Scalar,
    }
}

/// True if a value says no more than its absence: nothing, or AWS's default.
pub(crate) fn is_blank(value: &Value, facts: &Facts, scene: &Scene<'_>) -> bool {
    let nothing = match value {
        Value::Null => true,
        Value::String(s) => s.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.iter().all(|(k, v)| is_blank(v, facts.child(k), scene)),
        _ => false,
    };
    nothing || facts.default_in(scene).is_some_and(|default| fits(default, value, facts, scene))
}

/// True if a value is the default. An object may have grown: keys of which the table knows no default are AWS's own.
fn fits(default: &Value, value: &Value, facts: &Facts, scene: &Scene<'_>) -> bool {
    let (Value::Object(default), Value::Object(value)) = (default, value) else {
        return normal(default, facts, scene) == normal(value, facts, scene);
    };
    let kept = default.iter().all(|(k, d)| match value.get(k) {
        Some(v) => fits(d, v, facts.child(k), scene),
        None => is_blank(d, facts.child(k), scene),
    });
    let mut more = value.iter().filter(|(k, _)| !default.contains_key(*k));
    kept && more.all(|(k, v)| !facts.child(k).has_default() || is_blank(v, facts.child(k), scene))
}

/// The value of another form of the spec at a path that was found while walking the declared one: items of a set are
/// found by what makes them the same, not by their place.
fn located<'o>(path: &str, other: &'o Value, scene: &Scene<'_>) -> Option<&'o Value> {
    let (mut want, mut here, mut facts) = (Some(scene.desired), other, scene.facts);
    for segment in crate::pointer::segments(path) {
        let index = segment.parse::<usize>().ok();
        let inner = want.and_then(|w| w.get(&segment).or_else(|| w.get(index?)));
        here = match (here, facts.field().map(|f| f.shape)) {
            (Value::Array(items), Some(Shape::Set(key))) => {
                let of = |item: &Value| item_key(item, key, facts.child("*"), scene);
                let wanted = inner.map(of)?;
                items.iter().find(|item| of(item) == wanted)?
            }
            (Value::Array(items), _) => items.get(index?)?,
            (other, _) => other.get(&segment)?,
        };
        (want, facts) = (inner, facts.child(&segment));
    }
    Some(here)
}

/// Equality of scalars that forgives the ways APIs spell them: `80` and `"80"`, `true` and `"true"`.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::String(s), Value::Number(_) | Value::Bool(_)) => *s == normal_text(b),
        (Value::Number(_) | Value::Bool(_), Value::String(s)) => *s == normal_text(a),
        _ => a == b,
    }
}

/// A number or a truth value as AWS writes it in a string.
fn normal_text(value: &Value) -> String {
    value.to_string()
}

fn item_key(item: &Value, key: ItemKey, facts: &Facts, scene: &Scene<'_>) -> String {
    let Value::Object(map) = item else { return normal(item, facts, scene) };
    let chosen = map.iter().filter(|(k, _)| match key {
        ItemKey::Whole => true,
        ItemKey::Of(fields) => fields.contains(&k.as_str()),
        ItemKey::AllBut(fields) => !fields.contains(&k.as_str()),
    });
    object_normal(chosen, facts, scene)
}

/// A text that is equal for values that mean the same: keys sorted, blanks left out, sets sorted, scalars as text.
fn normal(value: &Value, facts: &Facts, scene: &Scene<'_>) -> String {
    match value {
        Value::Object(map) => object_normal(map.iter(), facts, scene),
        Value::Array(items) => {
            let mut parts: Vec<String> = items.iter().map(|i| normal(i, facts.child("*"), scene)).collect();
            if matches!(facts.field().map(|f| f.shape), Some(Shape::Set(_))) {
                parts.sort();
            }
            format!("[{}]", parts.join(","))
        }
        Value::String(s) => format!("{s:?}"),
        Value::Null => "\"\"".to_owned(),
        Value::Number(n) if n.is_f64() => format!("\"{}\"", n.as_f64().unwrap_or_default()),
        other => format!("\"{other}\""),
    }
}

fn object_normal<'a>(
    entries: impl Iterator<Item = (&'a String, &'a Value)>,
    facts: &Facts,
    scene: &Scene<'_>,
) -> String {
    let mut parts: Vec<String> = entries
        .filter(|(k, v)| !is_blank(v, facts.child(k), scene))
        .map(|(k, v)| format!("{k:?}:{}", normal(v, facts.child(k), scene)))
        .collect();
    parts.sort();
    format!("{{{}}}", parts.join(","))
}

#[cfg(test)]
mod tests;
