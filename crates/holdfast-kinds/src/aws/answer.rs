//! What every live side does with actions and answers: members to types, answers to outcomes.

pub(crate) mod concern;

use super::error::{Access, class_of, ours};
use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::observe::Observation;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An action's members as their types. An action comes out of a checked spec, so this fails only on a reference that
/// was filled in with a value of another type. `operation` is IAM's name of the call.
pub(crate) fn parse<T: DeserializeOwned>(operation: &str, members: &Map<String, Value>) -> Result<T, ApplyError> {
    serde_json::from_value(Value::Object(members.clone()))
        .map_err(|e| refused(operation, "InvalidValue", format!("a value is not of the type that AWS takes: {e}")))
}

/// A refusal of our own. `operation` is IAM's name of the call.
pub(crate) fn refused(operation: &str, code: &str, message: String) -> ApplyError {
    ours(operation, code, ErrorClass::Rejected, message)
}

/// A refusal that AWS puts into an answer that succeeds, sorted as its others are. `operation` is IAM's name of the call.
pub(crate) fn answered(operation: &str, code: &str, message: &str) -> ApplyError {
    ours(operation, code, class_of(code, message, 400, Access::Write), message.to_owned())
}

/// An answer to a read that lacks what it is asked for. `operation` is IAM's name of the call.
pub(crate) fn untold(operation: &str, what: &str) -> ApplyError {
    ours(operation, "EmptyAnswer", ErrorClass::Transient, format!("AWS's answer does not say {what}"))
}

/// The answer to a create, with what AWS says it made.
pub(crate) fn made(operation: &str, seen: Option<Observation>) -> Result<Applied, ApplyError> {
    let Some(seen) = seen else {
        let words = "AWS's answer does not say what was made; it is looked for in the next sweep".to_owned();
        return Err(ours(operation, "EmptyAnswer", ErrorClass::Lost, words));
    };
    Ok(Applied { id: Some(seen.id), outputs: seen.outputs, request_ids: Vec::new() })
}

/// The answer to a delete: success also where the thing is gone already.
pub(crate) fn deleted<T>(answer: Result<T, ApplyError>) -> Result<(), ApplyError> {
    answer.map(drop).or_else(|error| if is_not_found(&error) { Ok(()) } else { Err(error) })
}

/// True if AWS said that the thing is not there.
pub(crate) fn is_not_found(error: &ApplyError) -> bool {
    error.code.contains("NotFound")
}

/// Builds an object out of what AWS said; what it did not say is left out.
pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let said: Map<String, Value> = members.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect();
    Value::Object(said)
}

/// Puts what the audit read into an observation; what it has not read yet is unknown.
pub(crate) fn put_audited(seen: &mut Observation, read: Option<&Value>, fields: &[&str]) {
    for field in fields {
        let value = read.and_then(|r| r.get(*field));
        match value.and_then(|value| Some((value, seen.fields.as_object_mut()?))) {
            Some((value, map)) => {
                map.insert((*field).to_owned(), value.clone());
            }
            None => seen.unread.push(format!("/{field}")),
        }
    }
    seen.fold();
}
