//! `explain` and `schema`: what the kinds know of their fields, without a server.

use super::look::unknown_kind;
use crate::args::Output;
use crate::failure::Ending;
use crate::output::{self, hung, line};
use anyhow::{Context, Result, bail};
use holdfast_core::facts::Shape;
use holdfast_core::kind::AnyKind;
use holdfast_core::schema::{resolved, sentences};
use serde_json::Value;

/// The schema of documents, or of one kind; under `-o name` the names of kinds.
pub(crate) fn schema(how: Output, kind: Option<&str>) -> Result<Ending> {
    let registry = holdfast_kinds::registry();
    let schema = match kind {
        None => holdfast_core::schema::whole(&registry),
        Some(name) => holdfast_core::schema::named(name, &registry).with_context(|| unknown_kind(name))?,
    };
    match (how, kind) {
        (Output::Name, None) => registry.names().try_for_each(line)?,
        (Output::Name, Some(name)) => line(name)?,
        _ => output::json(&schema)?,
    }
    Ok(Ending::Fine)
}

pub(crate) fn explain(how: Output, field: &str) -> Result<Ending> {
    let mut parts = field.split('.');
    let name = parts.next().unwrap_or_default();
    let registry = holdfast_kinds::registry();
    let kind = registry.get(name).with_context(|| unknown_kind(name))?;
    let (mut here, mut pointer) = (kind.schema().clone(), String::new());
    for part in parts {
        here = step_into(kind, &here, part, &pointer)?;
        pointer = format!("{pointer}/{part}");
        if is_list(kind, &here) {
            pointer.push_str("/*");
        }
    }
    match how {
        Output::Json => output::json(&here)?,
        Output::Name => properties(kind, &here).iter().try_for_each(|(name, _)| line(format!("{field}.{name}")))?,
        Output::Table | Output::Wide => tell(kind, field, &here, &pointer)?,
    }
    Ok(Ending::Fine)
}

fn tell(kind: &dyn AnyKind, field: &str, here: &Value, pointer: &str) -> Result<()> {
    line(hung(&format!("{field}  "), &type_of(kind, here)))?;
    let doc = if pointer.is_empty() { kind.summary() } else { described(kind, here) };
    line("")?;
    doc.trim().lines().try_for_each(|paragraph| line(hung("", paragraph)))?;
    facts(kind, pointer.trim_end_matches("/*"))?;
    let fields = properties(kind, here);
    if !fields.is_empty() {
        line("\nFields")?;
        for (name, schema) in fields {
            let doc =
                described(kind, &schema).split_inclusive(['.', '\n']).next().unwrap_or_default().trim().to_owned();
            line(hung(&format!("  {name}  "), &type_of(kind, &schema)))?;
            if !doc.is_empty() {
                line(hung("      ", &doc))?;
            }
        }
    }
    keys(kind, pointer)?;
    if pointer.is_empty() {
        line("\nOutputs")?;
        for output in kind.outputs() {
            line(hung(&format!("  ${{{}/NAME.{}}}  ", kind.name(), output.name), output.doc))?;
        }
    }
    Ok(())
}

fn facts(kind: &dyn AnyKind, pointer: &str) -> Result<()> {
    let node = kind.facts().at(pointer);
    let Some(field) = node.field().filter(|_| !pointer.is_empty()) else { return Ok(()) };
    line(format!("  · compared as {:?}", field.shape))?;
    for (source, sentence) in sentences(field) {
        line(hung("  · ", &sentence))?;
        if !source.is_empty() {
            line(format!("    {source}"))?;
        }
    }
    Ok(())
}

/// The keys of a map that are known: its schema names none.
fn keys(kind: &dyn AnyKind, pointer: &str) -> Result<()> {
    let is_map = kind.facts().at(pointer).field().is_some_and(|f| f.shape == Shape::Map);
    let key = |path: &'static str| path.strip_prefix(pointer)?.strip_prefix('/').filter(|k| !k.contains('/'));
    let known = kind.fields().iter().filter(|_| is_map && !pointer.is_empty()).filter_map(|f| Some((key(f.path)?, f)));
    for (n, (key, field)) in known.enumerate() {
        if n == 0 {
            line("\nKeys with a default")?;
        }
        line(format!("  {key}"))?;
        sentences(field).into_iter().try_for_each(|(_, sentence)| line(hung("      ", &sentence)))?;
    }
    Ok(())
}

fn step_into(kind: &dyn AnyKind, here: &Value, part: &str, pointer: &str) -> Result<Value> {
    let fields = properties(kind, here);
    match fields.iter().find(|(n, _)| n == part) {
        Some((_, schema)) => Ok(schema.clone()),
        None => {
            let near = holdfast_core::problem::did_you_mean(part, fields.iter().map(|(n, _)| n.as_str()));
            bail!("{}{pointer} has no field {part}.{near}", kind.name())
        }
    }
}

/// What a field is, of a list what its items are.
fn item(kind: &dyn AnyKind, schema: &Value) -> Value {
    let mut here = resolved(schema, kind.schema());
    while here["items"].is_object() {
        here = resolved(&here["items"], kind.schema());
    }
    here
}

fn is_list(kind: &dyn AnyKind, schema: &Value) -> bool {
    type_of(kind, schema).starts_with("[]")
}

fn properties(kind: &dyn AnyKind, schema: &Value) -> Vec<(String, Value)> {
    let resolved = item(kind, schema);
    resolved["properties"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn described<'a>(_: &dyn AnyKind, schema: &'a Value) -> &'a str {
    schema["description"].as_str().unwrap_or_default()
}

fn type_of(kind: &dyn AnyKind, schema: &Value) -> String {
    let list = schema["items"].is_object()
        || schema["type"] == "array"
        || schema["type"].as_array().is_some_and(|t| t.iter().any(|t| t == "array"));
    let inner = item(kind, schema);
    let name = match &inner["type"] {
        Value::String(s) => s.clone(),
        Value::Array(types) => {
            types.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect::<Vec<_>>().join("|")
        }
        _ if inner["enum"].is_array() || inner["oneOf"].is_array() => "string".to_owned(),
        _ => "any".to_owned(),
    };
    if list { format!("[]{name}") } else { name }
}
