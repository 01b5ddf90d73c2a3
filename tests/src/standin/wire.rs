//! AWS's two spellings of a call: form fields with XML for an answer, and JSON with JSON.

use serde_json::{Map, Value};
use std::fmt::Write as _;

/// What the lists of a query are wrapped in; EC2 wraps them in nothing.
const WRAPPERS: [&str; 5] = ["member", "Tag", "SubnetIdentifier", "VpcSecurityGroupId", "item"];

/// Form fields as the tree that their dots mean: `Tags.member.1.Key=a` is `{"Tags": [{"Key": "a"}]}`.
pub(crate) fn form(body: &[u8]) -> Value {
    let mut root = Map::new();
    for (path, value) in form_urlencoded::parse(body) {
        let mut at = &mut root;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part.to_owned(), Value::String(value.into_owned()));
                break;
            }
            let next = at.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            let Value::Object(inner) = next else { break };
            at = inner;
        }
    }
    listed(Value::Object(root))
}

/// Objects whose keys are numbers are lists, and a list in a wrapper is the list.
fn listed(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let is_list = !map.is_empty() && map.keys().all(|k| k.parse::<usize>().is_ok());
    if is_list {
        let mut items: Vec<(usize, Value)> =
            map.into_iter().filter_map(|(k, v)| Some((k.parse().ok()?, listed(v)))).collect();
        items.sort_by_key(|(place, _)| *place);
        return items.into_iter().map(|(_, item)| item).collect();
    }
    let mut map: Map<String, Value> = map.into_iter().map(|(k, v)| (k, listed(v))).collect();
    let wrapped = map.len() == 1 && map.iter().all(|(k, v)| WRAPPERS.contains(&k.as_str()) && v.is_array());
    if wrapped { map.values_mut().next().map(Value::take).unwrap_or_default() } else { Value::Object(map) }
}

/// How a service names the items of a list.
pub(crate) type ItemName = fn(list: &str) -> &'static str;

/// Appends `value` as an element; absent values are no element.
pub(crate) fn xml(out: &mut String, name: &str, value: &Value, item: ItemName) {
    match value {
        Value::Null => return,
        Value::Array(items) => {
            let _ = write!(out, "<{name}>");
            items.iter().for_each(|one| xml(out, item(name), one, item));
        }
        Value::Object(members) => {
            let _ = write!(out, "<{name}>");
            members.iter().for_each(|(member, one)| xml(out, member, one, item));
        }
        Value::String(text) => {
            let _ = write!(out, "<{name}>");
            escape(out, text);
        }
        Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "<{name}>{value}");
        }
    }
    let _ = write!(out, "</{name}>");
}

fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
}

/// The text of a member; none if it is not there or empty.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str).filter(|t| !t.is_empty())
}

/// The items of a member that is a list of texts.
pub(crate) fn texts(value: &Value, member: &str) -> Vec<String> {
    let items = value.get(member).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_dots_of_a_form_are_lists_and_members() {
        let sent = b"Action=X&Tags.member.1.Key=a&Tags.member.1.Value=1&Ids.1=x&Ids.2=y&Config.Values.member.1=%2F%2A";
        let meant = json!({ "Action": "X", "Tags": [{ "Key": "a", "Value": "1" }], "Ids": ["x", "y"], "Config": { "Values": ["/*"] } });
        assert_eq!(form(sent), meant);
    }

    #[test]
    fn an_answer_is_elements_with_items_for_lists() {
        let mut out = String::new();
        xml(&mut out, "set", &json!([{ "id": "a<b", "on": true, "none": null }]), |_| "item");
        assert_eq!(out, "<set><item><id>a&lt;b</id><on>true</on></item></set>");
    }
}
