//! A kind's own rules, held against a spec in which some places cannot be used.
//!
//! The rules read a typed spec. One field that nobody knows, or a reference where only a number fits, is no reason to keep
//! silent about all the rest, and no reason to accuse what is right: so something that fits is put into these places, one
//! thing after the other, and what is wrong whatever stands there is a mistake of its own.

use crate::pointer;
use crate::problem::SpecError;
use crate::reference;
use crate::schema::{Shape, type_name};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A reference to nothing: rules keep silent about what is not known yet.
const OPEN: &str = "${Any/one.id}";

/// Numbers to try; what is out of the rules' bounds there is not told, because it stands in a place that is refused anyway.
const NUMBERS: &[u32] = &[1, 0, 443, 65_535];

/// With more words than this to choose from, the rest is not tried.
const MOST_TURNS: usize = 12;

/// With more places than this, which nobody gets wrong by accident, their own mistakes are enough for one answer.
const MOST_PLACES: usize = 200;

/// Places that cannot be used as they are.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Nothing can stand there.
    unknown: BTreeSet<String>,
    /// Something else has to.
    wrong: BTreeSet<String>,
}

impl Places {
    /// Those that the schema refuses, and those where a reference stands that only its value can replace.
    pub(super) fn of(refused: &[SpecError], spec: &Value, shape: &Shape<'_>) -> Self {
        let mut places = Self::default();
        for error in refused {
            let (unknown, wrong) = (&mut places.unknown, &mut places.wrong);
            let of = if error.code == "unknown-field" { unknown } else { wrong };
            of.insert(error.pointer.clone());
        }
        holes(spec, shape, "", &mut places.wrong);
        places
    }

    /// What `rules` says whatever stands in these places. Where nothing fits, nothing is said.
    pub(super) fn around(
        &self,
        spec: &Value,
        shape: &Shape<'_>,
        rules: impl Fn(&Value) -> Vec<SpecError>,
    ) -> Vec<SpecError> {
        if self.unknown.is_empty() && self.wrong.is_empty() {
            return rules(spec);
        }
        if self.unknown.len() + self.wrong.len() > MOST_PLACES {
            return Vec::new();
        }
        let mut always: Option<Vec<SpecError>> = None;
        for turn in 0..self.turns(spec, shape) {
            let Some(copy) = self.mended(spec, shape, turn) else { return Vec::new() };
            let said = rules(&copy);
            let again = |e: &SpecError| said.iter().any(|s| s.pointer == e.pointer && s.code == e.code);
            match &mut always {
                Some(always) => always.retain(again),
                None => always = Some(said),
            }
        }
        let mut always = always.unwrap_or_default();
        always.retain(|error| !self.concern(&error.pointer));
        always
    }

    /// True if it is one of these places, within one, or around one.
    fn concern(&self, at: &str) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.unknown.iter().any(|place| within(at, place))
            || self.wrong.iter().any(|place| within(at, place) || within(place, at))
    }

    fn turns(&self, spec: &Value, shape: &Shape<'_>) -> usize {
        let most = self.wrong.iter().map(|at| stand_ins(spec, &shape.at(at), at).len()).max();
        most.unwrap_or(1).clamp(1, MOST_TURNS)
    }

    /// The spec with something that fits in each of the places; none if that cannot be had.
    fn mended(&self, spec: &Value, shape: &Shape<'_>, turn: usize) -> Option<Value> {
        let mut copy = spec.clone();
        for at in &self.wrong {
            let fits = stand_ins(spec, &shape.at(at), at);
            match fits.get(turn % fits.len().max(1)) {
                Some(one) if pointer::set(&mut copy, at, one.clone()) => {}
                None if may_be_absent(spec, shape, at) => _ = pointer::remove(&mut copy, at),
                _ => return None,
            }
        }
        for at in &self.unknown {
            pointer::remove(&mut copy, at);
        }
        Some(copy)
    }
}

/// True if it is a field that nothing requires.
fn may_be_absent(spec: &Value, shape: &Shape<'_>, at: &str) -> bool {
    let Some((parent, field)) = at.rsplit_once('/') else { return false };
    spec.pointer(parent).is_some_and(Value::is_object) && !shape.at(parent).requires(&pointer::unescape(field))
}

/// What fits into a place: its own value where only its length, form or size is wrong.
fn stand_ins(spec: &Value, shape: &Shape<'_>, at: &str) -> Vec<Value> {
    if shape.takes_any_string() {
        return vec![json!(OPEN)];
    }
    let words = shape.words();
    if !words.is_empty() {
        return words.into_iter().map(Value::from).collect();
    }
    let types = shape.types();
    if types.contains("integer") || types.contains("number") {
        return NUMBERS.iter().map(|n| json!(n)).collect();
    }
    if types.contains("boolean") {
        return vec![json!(true), json!(false)];
    }
    let own = spec.pointer(at).filter(|own| types.contains(type_name(own)));
    own.into_iter().cloned().collect()
}

/// Places where a reference stands and only its value will fit the kind's type: a number, a choice of words.
fn holes(value: &Value, shape: &Shape<'_>, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if reference::is_open(text) && !shape.takes_any_string() => {
            found.insert(at.to_owned());
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let index = index.to_string();
                holes(item, &shape.child(&index), &pointer::join(at, &index), found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                holes(item, &shape.child(key), &pointer::join(at, key), found);
            }
        }
        _ => {}
    }
}
