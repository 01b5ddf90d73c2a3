//! One compiled schema a kind, and what a single resource's spec is held against.

use super::around::Places;
use crate::document::limits;
use crate::facts::{Facts, ItemKey, Shape as Comparison};
use crate::kind::{AnyKind, Registry};
use crate::name::KindName;
use crate::pointer;
use crate::problem::SpecError;
use crate::reference;
use crate::schema::{Checker, Latitude};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The compiled schemas of all kinds; each is compiled when it is first needed. Build it once and keep it.
pub struct Validators {
    kinds: BTreeMap<KindName, OnceLock<Checker>>,
}

impl Validators {
    /// Makes room for every kind of a registry.
    pub fn new(registry: &Registry) -> Self {
        Self { kinds: registry.names().map(|name| (name, OnceLock::new())).collect() }
    }

    /// What is wrong with a path that is no field of the kind.
    pub fn unknown_field(&self, kind: &dyn AnyKind, path: &str) -> Option<String> {
        super::members::unknown_field(&self.of(kind)?.shape(), path)
    }

    pub(crate) fn of(&self, kind: &dyn AnyKind) -> Option<&Checker> {
        Some(self.kinds.get(kind.name())?.get_or_init(|| Checker::new(kind.schema())))
    }
}

/// Brings a spec to the types of its schema and finds every mistake that can be seen from it alone, and the places that
/// cannot be used for it. Variables are filled in already.
pub(super) fn spec(kind: &dyn AnyKind, checker: &Checker, spec: &mut Value) -> (Vec<SpecError>, Places) {
    checker.normalise(spec);
    let facts = kind.facts();
    let secret = |pointer: &str| facts.any_above(pointer, |f| f.sensitive);
    let mut errors = checker.errors(spec, Latitude::Spec, &secret);
    let shape = checker.shape();
    let places = Places::of(&errors, spec, &shape);
    errors.extend(places.around(spec, &shape, |spec| typed(kind, spec)));
    let mut general = Vec::new();
    if let Some(Value::Object(tags)) = spec.get("tags")
        && checker.shape().child("tags").is_free_key("any")
    {
        limits::tags(tags, "/tags", &mut general);
    }
    repetitions(spec, facts, "", &mut general);
    // The kind's own words are better where it found the same.
    general.retain(|g| !errors.iter().any(|e| e.pointer == g.pointer));
    errors.extend(general);
    (errors, places)
}

/// The kind's own rules. A null says "must be unset", which its type says by a field that is absent.
fn typed(kind: &dyn AnyKind, spec: &Value) -> Vec<SpecError> {
    let mut spec = spec.clone();
    without_nulls(&mut spec);
    let mut errors = kind.validate(&spec);
    errors.retain(|e| {
        e.code != "invalid-value" || !spec.pointer(&e.pointer).and_then(Value::as_str).is_some_and(reference::is_open)
    });
    errors
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, item| !item.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Items of a set that are there twice, at the second.
fn repetitions(value: &Value, facts: &Facts, pointer: &str, errors: &mut Vec<SpecError>) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                repetitions(item, facts.child(key), &pointer::join(pointer, key), errors);
            }
        }
        Value::Array(items) => {
            if let Some(Comparison::Set(key)) = facts.field().map(|f| f.shape) {
                let mut seen = BTreeSet::new();
                for (index, item) in items.iter().enumerate() {
                    if identity(item, key).is_some_and(|identity| !seen.insert(identity)) {
                        let message = format!("The same {} stands in this list twice. Keep one of them.", noun(key));
                        errors.push(SpecError::new(format!("{pointer}/{index}"), "duplicate-item", message));
                    }
                }
            }
            for (index, item) in items.iter().enumerate() {
                let index = index.to_string();
                repetitions(item, facts.child(&index), &pointer::join(pointer, &index), errors);
            }
        }
        _ => {}
    }
}

fn noun(key: ItemKey) -> String {
    match key {
        ItemKey::Of(fields) => fields.join(" and "),
        ItemKey::Whole | ItemKey::AllBut(_) => "item".to_owned(),
    }
}

/// The part of an item that makes it the same item, as text with sorted keys; `None` if it has nothing of it.
fn identity(item: &Value, key: ItemKey) -> Option<String> {
    let Value::Object(map) = item else { return Some(item.to_string()) };
    let counts = |field: &str| match key {
        ItemKey::Whole => true,
        ItemKey::Of(fields) => fields.contains(&field),
        ItemKey::AllBut(fields) => !fields.contains(&field),
    };
    let part: BTreeMap<&String, String> =
        map.iter().filter(|(field, _)| counts(field)).map(|(f, v)| (f, v.to_string())).collect();
    (!part.is_empty()).then(|| format!("{part:?}"))
}
