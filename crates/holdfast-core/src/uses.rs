//! What refers to a live thing: an id or ARN of AWS's does so wherever it stands, a plain name only where names of its kind
//! stand. A volume of a task definition may be called as a database's subnets are, and uses none of them.

use crate::kind::AnyKind;
use crate::observe::Observation;
use crate::pointer::{covers, join};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a live thing of `kind` may be called by whoever refers to it.
pub fn names<'o>(kind: Option<&dyn AnyKind>, thing: &'o Observation) -> BTreeSet<&'o str> {
    // Its name says which one only where AWS's handle follows from it: a load balancer may be called as another one was.
    let by_name = kind.is_some_and(AnyKind::id_is_name).then_some("name");
    let outputs = ["id", "arn"].into_iter().chain(by_name).filter_map(|o| thing.outputs.get(o)?.as_str());
    std::iter::once(thing.id.as_str()).chain(outputs).filter(|n| !n.is_empty()).collect()
}

/// True if `text`, which a thing of kind `to` may be called by, refers to that at the place `at` of a thing of kind `by`.
pub fn refers(to: Option<&dyn AnyKind>, text: &str, by: &str, at: &str) -> bool {
    let Some(to) = to.filter(|to| to.id_is_name() && !text.contains(':')) else { return true };
    to.named_in().iter().any(|(kind, pattern)| *kind == by && covers(pattern, at))
}

/// Where `fields` of a thing of kind `by` refer to a thing that bears one of `names`: the first place that is not
/// `excused`.
pub fn place_of(
    to: Option<&dyn AnyKind>,
    names: &BTreeSet<&str>,
    (by, fields): (&str, &Value),
    excused: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let mut found = None;
    each_text(fields, "", &mut |at, text| {
        if found.is_none() && names.contains(text) && refers(to, text, by, at) && !excused(at) {
            found = Some(at.to_owned());
        }
    });
    found
}

/// Visits every text of a value with its JSON Pointer.
pub fn each_text<'v>(value: &'v Value, at: &str, visit: &mut dyn FnMut(&str, &'v str)) {
    match value {
        Value::String(text) => visit(at, text),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| each_text(item, &format!("{at}/{n}"), visit));
        }
        Value::Object(map) => {
            map.iter().for_each(|(name, inner)| each_text(inner, &join(at, name), visit));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_text_is_visited_with_its_place() {
        let fields = json!({ "a/b": "1", "list": [{ "name": "2" }, "3"], "n": 4 });
        let mut seen = Vec::new();
        each_text(&fields, "", &mut |at, text| seen.push(format!("{at}={text}")));
        assert_eq!(seen, ["/a~1b=1", "/list/0/name=2", "/list/1=3"]);
    }
}
