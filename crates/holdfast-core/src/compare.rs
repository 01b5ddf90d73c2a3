//! The compare: declared against live, field by field.
//!
//! One walk serves every kind; what differs between kinds is in their field facts. A declared list, and every
//! item of one, is declared *whole*: what live has beyond it and AWS's defaults is a difference. A declared
//! object owns only its keys.

use crate::facts::{Facts, ItemKey, Shape};
use crate::pointer::join;
use crate::status::{Change, FieldDiff};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Compares two specs in canonical form.
///
/// `desired` may still hold open references; they differ from everything. `last` is the spec as we last wrote it:
/// a map's key that stands there and not in `desired` was declared earlier and must go. `baseline` is what was
/// live when it was last in sync: a key that nobody declares and that differs from it is `undeclared`. `unread`
/// names pointers that are unknown and so never differ.
pub fn compare(
    desired: &Value,
    live: &Value,
    last: Option<&Value>,
    baseline: Option<&Value>,
    unread: &[String],
    facts: &Facts,
) -> Vec<FieldDiff> {
    let mut walk = Walk { root: facts, unread, out: Vec::new() };
    let none = Map::new();
    let (desired, live) = (desired.as_object().unwrap_or(&none), live.as_object().unwrap_or(&none));
    let sides = Sides { desired, live, last: last.and_then(Value::as_object) };
    let shape = facts.field().map_or(Shape::Object, |f| f.shape);
    walk.object("", &sides, facts, if shape == Shape::Map { Owned::Keys } else { Owned::Declared });
    if let Some(Value::Object(baseline)) = baseline {
        walk.undeclared(desired, live, sides.last, baseline, facts);
    }
    walk.out
}

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
    root: &'a Facts,
    unread: &'a [String],
    out: Vec<FieldDiff>,
}

impl Walk<'_> {
    fn push(&mut self, path: String, change: Change, desired: &Value, live: &Value, last: &Value) {
        let severity = self.root.severity(&path);
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
            if counts && !is_blank(have, child) && !is_uncompared(child) && !self.is_unread(&at) {
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
            if !is_blank(have, facts) {
                self.push(path.to_owned(), Change::Added, want, have, said);
            }
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
            _ if have.is_null() && is_blank(want, facts) => {}
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
            live.entry(item_key(item, key, item_facts)).or_default().push(item);
        }
        for (i, item) in want.iter().enumerate() {
            let at = format!("{path}/{i}");
            match live.get_mut(&item_key(item, key, item_facts)).and_then(Vec::pop) {
                Some(found) if key != ItemKey::Whole => self.item(&at, item, found, item_facts),
                Some(_) => {}
                None => self.push(at, Change::Removed, item, &Value::Null, &Value::Null),
            }
        }
        let extras = live.into_values().flat_map(|items| items.into_iter().rev());
        for (k, item) in extras.enumerate() {
            let at = format!("{path}/{}", want.len() + k);
            self.push(at, Change::Added, &Value::Null, item, &Value::Null);
        }
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

    fn undeclared(
        &mut self,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
        last: Option<&Map<String, Value>>,
        baseline: &Map<String, Value>,
        facts: &Facts,
    ) {
        let empty = Map::new();
        for key in live.keys().chain(baseline.keys().filter(|k| !live.contains_key(*k))) {
            let (at, child) = (join("", key), facts.child(key));
            let (now, then) = (live.get(key).unwrap_or(&Value::Null), baseline.get(key).unwrap_or(&Value::Null));
            if is_uncompared(child) || self.is_unread(&at) || self.out.iter().any(|d| d.path == at) {
                continue;
            }
            let is_map = matches!(child.field().map(|f| f.shape), Some(Shape::Map));
            match desired.get(key) {
                None if !is_map => self.one_undeclared(at, now, then, child),
                declared if is_map => {
                    let of = |v: Option<&Value>| v.and_then(Value::as_object).cloned().unwrap_or_default();
                    let (declared, was) = (of(declared), of(last.and_then(|l| l.get(key))));
                    let (now, then) = (now.as_object().unwrap_or(&empty), then.as_object().unwrap_or(&empty));
                    for k in now.keys().chain(then.keys().filter(|k| !now.contains_key(*k))) {
                        if !declared.contains_key(k) && !was.contains_key(k) {
                            let value = |m: &Map<String, Value>| m.get(k).cloned().unwrap_or_default();
                            self.one_undeclared(join(&at, k), &value(now), &value(then), child.child(k));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn one_undeclared(&mut self, at: String, now: &Value, then: &Value, facts: &Facts) {
        let alike = normal(now, facts) == normal(then, facts);
        let silent = alike || (is_blank(now, facts) && is_blank(then, facts));
        if !silent {
            self.push(at, Change::Undeclared, &Value::Null, now, then);
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
pub fn is_blank(value: &Value, facts: &Facts) -> bool {
    let nothing = match value {
        Value::Null => true,
        Value::String(s) => s.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.iter().all(|(k, v)| is_blank(v, facts.child(k))),
        _ => false,
    };
    nothing || facts.default_value().is_some_and(|d| normal(d, facts) == normal(value, facts))
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

fn item_key(item: &Value, key: ItemKey, facts: &Facts) -> String {
    let Value::Object(map) = item else { return normal(item, facts) };
    let chosen = map.iter().filter(|(k, _)| match key {
        ItemKey::Whole => true,
        ItemKey::Of(fields) => fields.contains(&k.as_str()),
        ItemKey::AllBut(fields) => !fields.contains(&k.as_str()),
    });
    object_normal(chosen, facts)
}

/// A text that is equal for values that mean the same: keys sorted, blanks left out, sets sorted, scalars as text.
fn normal(value: &Value, facts: &Facts) -> String {
    match value {
        Value::Object(map) => object_normal(map.iter(), facts),
        Value::Array(items) => {
            let mut parts: Vec<String> = items.iter().map(|i| normal(i, facts.child("*"))).collect();
            if matches!(facts.field().map(|f| f.shape), Some(Shape::Set(_))) {
                parts.sort();
            }
            format!("[{}]", parts.join(","))
        }
        Value::String(s) => format!("{s:?}"),
        Value::Null => "\"\"".to_owned(),
        other => format!("\"{other}\""),
    }
}

fn object_normal<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>, facts: &Facts) -> String {
    let mut parts: Vec<String> = entries
        .filter(|(k, v)| !is_blank(v, facts.child(k)))
        .map(|(k, v)| format!("{k:?}:{}", normal(v, facts.child(k))))
        .collect();
    parts.sort();
    format!("{{{}}}", parts.join(","))
}

#[cfg(test)]
mod tests;
