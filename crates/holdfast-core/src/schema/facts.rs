//! Field facts in a schema: `x-holdfast` for programs, a sentence in the description for people.

use crate::facts::{Field, Given, ItemKey, Severity, Shape};
use serde_json::{Map, Value, json};

/// Writes a kind's facts beside its fields. A definition that is used at several places is copied to those that
/// have facts, because they need not be the same everywhere.
pub(super) fn annotate(schema: &mut Value, fields: &[Field]) {
    let definitions = schema.get("$defs").cloned().unwrap_or_default();
    for field in fields {
        let path: Vec<&str> = field.path.split('/').skip(1).collect();
        at(schema, &path, &definitions, &mut |place| note(place, field));
    }
}

fn at(schema: &mut Value, path: &[&str], definitions: &Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    let Value::Object(map) = schema else { return };
    let Some((segment, rest)) = path.split_first() else { return visit(map) };
    inline(map, definitions);
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(branches)) = map.get_mut(keyword) {
            branches.iter_mut().for_each(|branch| at(branch, path, definitions, visit));
        }
    }
    let inner = if *segment == "*" {
        let keyword = if map.contains_key("items") { "items" } else { "additionalProperties" };
        map.get_mut(keyword)
    } else {
        map.get_mut("properties").and_then(|p| p.get_mut(*segment))
    };
    if let Some(inner) = inner {
        at(inner, rest, definitions, visit);
    }
}

/// Puts a definition in the place of the reference to it; what stands beside the reference wins.
fn inline(map: &mut Map<String, Value>, definitions: &Value) {
    let name = map.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
    if let Some(Value::Object(definition)) = name.and_then(|n| definitions.get(n)).cloned() {
        map.shift_remove("$ref");
        for (keyword, value) in definition {
            map.entry(keyword).or_insert(value);
        }
    }
}

fn note(place: &mut Map<String, Value>, field: &Field) {
    let mut facts = json!({ "severity": field.severity });
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    if field.create_only {
        facts["createOnly"] = json!(true);
    }
    if let Some(default) = field.default {
        facts["default"] = parsed(default);
    }
    if !field.given.is_empty() {
        let one = |g: &Given| json!({ "when": g.to_string(), "default": parsed(g.default), "source": g.source });
        facts["defaultWhen"] = field.given.iter().map(one).collect();
    }
    for (name, _) in [("late", field.late), ("sensitive", field.sensitive)].iter().filter(|(_, holds)| *holds) {
        facts[*name] = json!(true);
    }
    facts["compare"] = json!(compared(field.shape).0);
    for (name, words) in [("source", field.source), ("canonical", field.canonical), ("owners", field.owners)] {
        if !words.is_empty() {
            facts[name] = json!(words);
        }
    }
    let words: Vec<String> = sentences(field).into_iter().map(|(_, sentence)| sentence).collect();
    if !words.is_empty() {
        let said = place.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{said} {}", words.join(" "));
        place.insert("description".to_owned(), json!(text.trim_start()));
    }
    place.insert("x-holdfast".to_owned(), facts);
}

/// What a field's facts say to people, each with the page of AWS's that says so, or an empty text.
pub fn sentences(field: &Field) -> Vec<(&'static str, String)> {
    let mut words = Vec::new();
    let mut say = |source: &'static str, sentence: String| words.push((source, sentence));
    if field.create_only {
        say("", "AWS cannot change it in place.".to_owned());
    }
    for given in field.given {
        match given.default {
            "null" => say(given.source, format!("AWS has no default where {given}.")),
            default => say(given.source, format!("AWS's default is `{default}` where {given}.")),
        }
    }
    if let Some(default) = field.default {
        let rest = if field.given.is_empty() { "AWS's default is" } else { "Otherwise AWS's default is" };
        say(field.source, format!("{rest} `{default}`."));
    }
    if field.late {
        say("", "It can be filled in after the create, so references through it may form a circle.".to_owned());
    }
    if field.sensitive {
        say("", "It is a secret, never stored or shown.".to_owned());
    }
    if field.severity == Severity::Exposure {
        say("", "A difference here is an exposure.".to_owned());
    }
    if let (_, Some(sentence)) = compared(field.shape) {
        say("", sentence);
    }
    if !field.canonical.is_empty() {
        say("", format!("Canonical form: {}.", field.canonical));
    }
    if !field.owners.is_empty() {
        say("", format!("It may also belong to {}.", field.owners));
    }
    words
}

fn compared(shape: Shape) -> (&'static str, Option<String>) {
    match shape {
        Shape::Scalar => ("value", None),
        Shape::Object => ("object", None),
        Shape::Map => ("map", Some("Only the keys that are declared are managed.".to_owned())),
        Shape::List => ("list", None),
        Shape::Set(ItemKey::Of(fields)) => {
            ("set", Some(format!("The order does not matter; items are the same when {} is.", fields.join(" and "))))
        }
        Shape::Set(ItemKey::Whole | ItemKey::AllBut(_)) => ("set", Some("The order does not matter.".to_owned())),
        Shape::WriteOnly => ("never", Some("It is an instruction and is not compared.".to_owned())),
    }
}
