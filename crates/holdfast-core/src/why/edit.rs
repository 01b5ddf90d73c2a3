//! The smallest edit: what to write into the declaration so that it says what is live.

use super::types::{Edit, Op, PatchOp};
use crate::pointer::{self, join, segments};
use crate::policy::{AdoptPolicy, Policy};
use crate::status::{Change, FieldDiff};
use serde_json::{Map, Value};

/// What is to become of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Become {
    /// It gets this value.
    This(Value),
    /// It goes.
    Nothing,
}

/// The operation that makes `path` in `document`, which stands at `prefix`, what it is to become. `filled` is the
/// document with variables filled in: where a variable stands for more than the place, its value is written out.
pub(super) fn operation(
    document: &Value,
    filled: &Value,
    prefix: &str,
    path: &str,
    become_: &Become,
) -> Option<PatchOp> {
    let names: Vec<String> = segments(path).collect();
    let (mut here, mut at) = (document, String::new());
    for (i, name) in names.iter().enumerate() {
        let next = match here {
            Value::Object(map) => map.get(name),
            Value::Array(items) => name.parse::<usize>().ok().and_then(|n| items.get(n)),
            _ => return written_out(filled, prefix, &at, path, become_),
        };
        match (next, here) {
            (Some(value), _) => {
                here = value;
                at = join(&at, name);
            }
            (None, Value::Array(_)) => return added(prefix, &at, "-", &names[i + 1..], become_),
            (None, _) => return added(prefix, &at, name, &names[i + 1..], become_),
        }
    }
    let path = format!("{prefix}{at}");
    Some(match become_ {
        Become::This(value) => PatchOp { op: Op::Replace, path, value: Some(value.clone()) },
        Become::Nothing => PatchOp { op: Op::Remove, path, value: None },
    })
}

fn added(prefix: &str, at: &str, name: &str, rest: &[String], become_: &Become) -> Option<PatchOp> {
    let Become::This(value) = become_ else { return None };
    let nested = rest
        .iter()
        .rev()
        .fold(value.clone(), |inner, segment| Value::Object(Map::from_iter([(segment.clone(), inner)])));
    Some(PatchOp { op: Op::Add, path: format!("{prefix}{}", join(at, name)), value: Some(nested) })
}

fn written_out(filled: &Value, prefix: &str, at: &str, path: &str, become_: &Become) -> Option<PatchOp> {
    let mut value = filled.pointer(at)?.clone();
    let inside = path.get(at.len()..)?;
    match become_ {
        Become::This(new) => pointer::set(&mut value, inside, new.clone()).then_some(())?,
        Become::Nothing => _ = pointer::remove(&mut value, inside)?,
    }
    Some(PatchOp { op: Op::Replace, path: format!("{prefix}{at}"), value: Some(value) })
}

/// What a difference's place is to become for the declaration to say what is live; none if no edit does it.
pub(super) fn accept(diff: &FieldDiff, by_stack: bool) -> Option<Become> {
    match diff.change {
        Change::Missing => None,
        // What the stack's tags declare, a resource takes back with a null.
        Change::Removed if by_stack => Some(Become::This(Value::Null)),
        Change::Removed => Some(Become::Nothing),
        Change::Undeclared if diff.live.is_null() => None,
        Change::Added | Change::Changed | Change::Undeclared => Some(Become::This(diff.live.clone())),
    }
}

/// Several operations in an order in which none moves the place of another.
pub(super) fn together(mut operations: Vec<PatchOp>) -> Vec<PatchOp> {
    let place = |o: &PatchOp| -> Vec<(usize, String)> { segments(&o.path).map(|s| (s.len(), s)).collect() };
    // Replacements first, then removals from the end, then what is added.
    operations.sort_by(|a, b| match a.op.cmp(&b.op) {
        std::cmp::Ordering::Equal if a.op == Op::Remove => place(b).cmp(&place(a)),
        other => other,
    });
    operations.dedup();
    operations
}

/// Lets an existing thing be taken over.
pub(super) fn adopt(own: &Policy, says: &str) -> Option<Edit> {
    let policy = serde_json::to_value(own).unwrap_or_default();
    let value = serde_json::to_value(AdoptPolicy::IfExists).unwrap_or_default();
    let patch = operation(&policy, &policy, "/policy", "/adopt", &Become::This(value))?;
    Some(Edit { says: says.to_owned(), patch: vec![patch] })
}
