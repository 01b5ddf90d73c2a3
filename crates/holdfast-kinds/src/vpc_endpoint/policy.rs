//! A policy has one form: a text of JSON, for there are many ways to write the same one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A policy as people write it: JSON, or a text of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Policy(pub(super) Value);

impl schemars::JsonSchema for Policy {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Policy".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["object", "string"] })
    }
}

/// Brings a policy to its form; what is no JSON object stays, a reference for instance.
pub(super) fn canonical(policy: &mut Value) {
    let parsed = match &*policy {
        Value::Object(_) => Some(policy.clone()),
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        _ => None,
    };
    if let Some(mut whole) = parsed {
        plain(&mut whole);
        *policy = Value::String(sorted(&whole).to_string());
    }
}

/// Undoes what IAM lets people write in more than one way.
fn plain(policy: &mut Value) {
    let Some(members) = policy.as_object_mut() else { return };
    // It is what a policy has that names none.
    if members.get("Version").and_then(Value::as_str) == Some("2008-10-17") {
        members.shift_remove("Version");
    }
    if let Some(statements) = members.get_mut("Statement") {
        if statements.is_object() {
            *statements = Value::Array(vec![statements.take()]);
        }
        if let Value::Array(all) = statements {
            all.iter_mut().filter_map(Value::as_object_mut).for_each(plain_statement);
            all.sort_by_key(|one| sorted(one).to_string());
        }
    }
}

fn plain_statement(statement: &mut Map<String, Value>) {
    if statement.get("Sid").and_then(Value::as_str) == Some("") {
        statement.shift_remove("Sid");
    }
    for (key, value) in statement.iter_mut() {
        match key.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => plain_list(value),
            "Principal" | "NotPrincipal" => {
                value.as_object_mut().into_iter().for_each(|of| of.values_mut().for_each(plain_list));
                if value.as_object().is_some_and(|of| of.len() == 1 && of.get("AWS") == Some(&"*".into())) {
                    *value = "*".into();
                }
            }
            "Condition" => {
                let operators = value.as_object_mut().into_iter().flat_map(|all| all.values_mut());
                let keys = operators.filter_map(Value::as_object_mut).flat_map(|keys| keys.values_mut());
                keys.for_each(|values| {
                    match &mut *values {
                        Value::Array(items) => items.iter_mut().for_each(crate::common::to_text),
                        one => crate::common::to_text(one),
                    }
                    plain_list(values);
                });
            }
            _ => {}
        }
    }
}

/// A list has no order, and a list of one is that one.
fn plain_list(value: &mut Value) {
    if let Value::Array(items) = value {
        items.sort_by_key(|item| sorted(item).to_string());
        items.dedup();
        if let [one] = items.as_slice()
            && !one.is_array()
        {
            *value = one.clone();
        }
    }
}

/// The same with its keys in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let keys: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(keys.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn many_ways_to_write_a_policy_are_one() {
        let form = |mut policy: Value| {
            canonical(&mut policy);
            policy
        };
        let one = form(json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "a", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::b/*",
              "Condition": { "Bool": { "aws:SecureTransport": "true" } } } ] }));
        let same = json!({ "Statement": { "Action": ["s3:PutObject", "s3:GetObject", "s3:GetObject"], "Resource": ["arn:aws:s3:::b/*"],
            "Principal": { "AWS": ["*"] }, "Effect": "Allow", "Sid": "a", "Condition": { "Bool": { "aws:SecureTransport": [true] } } },
            "Version": "2012-10-17" });
        assert_eq!(one, form(same.clone()));
        assert_eq!(one, form(Value::String(format!(" {same} "))));
        assert_eq!(one, form(one.clone()), "it is final");
        let other = form(json!({ "Version": "2012-10-17", "Statement": { "Effect": "Deny" } }));
        assert_ne!(one, other);
    }

    #[test]
    fn what_is_no_policy_stays() {
        for odd in [json!("${var.policy}"), json!(5), json!(null), json!("[1]"), json!([[1]])] {
            let mut policy = odd.clone();
            canonical(&mut policy);
            assert_eq!(policy, odd);
        }
    }
}
