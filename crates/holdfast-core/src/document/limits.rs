//! Rules of documents that a schema cannot put into words: tags, variables, ignored paths.

use crate::pointer;
use crate::policy::Policy;
use crate::problem::{SpecError, clip};
use crate::reference::{self, Piece};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// AWS takes 50 tags on a resource; two of them are the owner's.
pub(crate) const MOST_TAGS: usize = 48;
/// AWS's longest tag key, in characters.
const LONGEST_KEY: usize = 128;
/// AWS's longest tag value, in characters.
const LONGEST_VALUE: usize = 256;

/// Keys and values of tags; `pointer` is that of the map. Values that hold references are not measured.
pub(crate) fn tags(tags: &Map<String, Value>, pointer: &str, errors: &mut Vec<SpecError>) {
    let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    sizes(pairs, "tag", pointer, errors);
    for key in tags.keys() {
        let lower = key.to_lowercase();
        if let Some(prefix) = ["aws:", "holdfast:"].iter().find(|p| lower.starts_with(**p)) {
            let whose = if *prefix == "aws:" { "AWS" } else { "Holdfast" };
            let message = format!("Tag keys that begin with {prefix} belong to {whose}. Take another key.");
            errors.push(SpecError::new(pointer::join(pointer, key), "reserved-tag", message));
        }
    }
    if tags.len() > MOST_TAGS {
        errors.push(too_many_tags(tags.len(), pointer));
    }
}

/// More tags than AWS takes.
pub(crate) fn too_many_tags(count: usize, pointer: &str) -> SpecError {
    let message = format!(
        "A resource can have {MOST_TAGS} tags of yours, those of its stack included, and this makes {count}. \
         (AWS takes 50, and 2 say whose the resource is.)"
    );
    SpecError::new(pointer, "too-many", message)
}

/// Keys and values of labels, which keep the sizes of tags.
pub(crate) fn labels(labels: &BTreeMap<String, String>, pointer: &str, errors: &mut Vec<SpecError>) {
    sizes(labels.iter().map(|(k, v)| (k.as_str(), v.as_str())), "label", pointer, errors);
}

fn sizes<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, what: &str, pointer: &str, errors: &mut Vec<SpecError>) {
    for (key, value) in pairs {
        let at = pointer::join(pointer, key);
        let (long, wide) = (key.chars().count(), value.chars().count());
        if long == 0 {
            errors.push(SpecError::new(&at, "too-short", format!("The key of a {what} cannot be empty.")));
        } else if long > LONGEST_KEY {
            let message = format!("The key of a {what} has at most {LONGEST_KEY} characters, and this one {long}.");
            errors.push(SpecError::new(&at, "too-long", message));
        }
        if wide > LONGEST_VALUE && !reference::is_open(value) {
            let message = format!("The value of a {what} has at most {LONGEST_VALUE} characters, and this one {wide}.");
            errors.push(SpecError::new(&at, "too-long", message));
        }
    }
}

/// Names and values of a stack's variables.
pub(crate) fn variables(variables: &Map<String, Value>, pointer: &str, errors: &mut Vec<SpecError>) {
    for (name, value) in variables {
        let at = pointer::join(pointer, name);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            let message = format!(
                "\"{}\" is no name of a variable: use letters, digits, `_` and `-`, as in ${{var.name}}.",
                clip(name, 60)
            );
            errors.push(SpecError::new(&at, "bad-pattern", message));
        }
        no_references(value, &at, errors);
    }
}

/// The value of a variable is taken as it is. A reference in it would silently stay text, so it is refused.
fn no_references(value: &Value, pointer: &str, errors: &mut Vec<SpecError>) {
    match value {
        Value::String(text) => {
            let pieces = reference::pieces(text).unwrap_or_default();
            if pieces.iter().any(|p| matches!(p, Piece::Reference(..))) {
                let message =
                    "A variable holds a plain value, no reference. Write the reference where the variable is used.";
                errors.push(SpecError::new(pointer, "reference-in-variable", message));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                no_references(item, &format!("{pointer}/{index}"), errors);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                no_references(item, &pointer::join(pointer, key), errors);
            }
        }
        _ => {}
    }
}

/// The ignored paths of a policy.
pub(crate) fn policy(policy: &Policy, pointer: &str, errors: &mut Vec<SpecError>) {
    for (index, ignore) in policy.ignore.iter().flatten().enumerate() {
        let at = format!("{pointer}/ignore/{index}");
        if let Err(why) = is_pointer(&ignore.path) {
            errors.push(SpecError::new(format!("{at}/path"), "bad-pointer", why));
        }
        if ignore.reason.trim().is_empty() {
            let message = "Say why the field is ignored, for the person who finds it later.";
            errors.push(SpecError::new(format!("{at}/reason"), "too-short", message));
        }
    }
}

pub(crate) fn is_pointer(path: &str) -> Result<(), String> {
    let shown = clip(path, 60);
    if path.is_empty() {
        return Err("An empty path ignores everything; write drift: \"report\" for that.".to_owned());
    }
    if !path.starts_with('/') {
        let hint = path.replace(['.', '['], "/").replace(']', "");
        return Err(format!("\"{shown}\" is no JSON Pointer. Did you mean \"/{}\"?", clip(&hint, 60)));
    }
    let escapes_well = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if escapes_well { Ok(()) } else { Err(format!("\"{shown}\" is no JSON Pointer: write ~0 for ~ and ~1 for /.")) }
}
