//! Files that are generated from the kinds: IAM policies, a docs page a kind, the kinds' index.

use crate::deploy;
use anyhow::{Context, Result};
use holdfast_core::facts::{Field, Shape};
use holdfast_core::kind::AnyKind;
use holdfast_core::schema::resolved;
use serde_json::Value;
use std::path::Path;

/// Every generated file with its content, by path from the top.
fn all() -> Result<Vec<(String, String)>> {
    let registry = holdfast_kinds::registry();
    let mut out = Vec::new();
    let mut index = String::from("# Kinds\n\n| kind | what it is |\n|---|---|\n");
    for kind in registry.iter() {
        out.push((format!("docs/src/kinds/{}.md", kind.name()), page(kind)?));
        index += &format!("| [{0}](kinds/{0}.md) | {1} |\n", kind.name(), kind.summary());
    }
    out.push(("docs/src/kinds.md".to_owned(), index));
    let kinds: Vec<&dyn AnyKind> = registry.iter().collect();
    out.extend(deploy::all(&kinds)?);
    Ok(out)
}

fn page(kind: &dyn AnyKind) -> Result<String> {
    let name = kind.name();
    let example: Value =
        serde_json::from_str(kind.example()).with_context(|| format!("the example of {name} is no JSON"))?;
    let mut text = format!(
        "# {name}\n\n{}\n\n{}\n\n## Example\n\n```json\n{}\n```\n",
        kind.summary(),
        kind.doc().trim(),
        serde_json::to_string_pretty(&example)?
    );
    text += "\n## Fields\n\n| field | type | | what it is |\n|---|---|---|---|\n";
    let mut rows = Vec::new();
    fields(kind, kind.schema(), "", 0, &mut rows);
    text += &rows.concat();
    text += "\n*create-only*: AWS cannot change it in place. *late*: filled in after the create, so references through it may form a circle. *write-only*: an instruction for a call, never compared.\n";
    text += &known(kind);
    text += "\n## Outputs\n\n| reference | what it is |\n|---|---|\n";
    for output in kind.outputs() {
        text += &format!("| `${{{name}/NAME.{}}}` | {} |\n", output.name, output.doc);
    }
    text += "\n## Permissions\n\n";
    for permission in kind.permissions() {
        text += &format!("- `{permission}`\n");
    }
    Ok(text)
}

/// What is known of the fields beyond their types: defaults with their sources, forms, other owners.
fn known(kind: &dyn AnyKind) -> String {
    let mut text = String::new();
    let mut table = |heading: &str, head: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            let rule = "|---".repeat(head.matches('|').count() - 1);
            text += &format!("\n## {heading}\n\n{head}\n{rule}|\n{}", rows.concat());
        }
    };
    let defaults = kind.fields().iter().filter(|f| f.has_default()).map(default_row).collect();
    table("Defaults that are no drift", "| field | default | source |", defaults);
    let forms = kind.fields().iter().filter(|f| !f.canonical.is_empty());
    let forms = forms.map(|f| format!("| {} | {} |\n", name(f), f.canonical)).collect();
    table("Ways to write the same", "| field | canonical form |", forms);
    let owners = kind.fields().iter().filter(|f| !f.owners.is_empty());
    let owners = owners.map(|f| format!("| {} | {} |\n", name(f), f.owners)).collect();
    table("Other owners", "| field | who else may own it |", owners);
    text
}

fn name(field: &Field) -> String {
    format!("`{}`", field.path)
}

fn default_row(field: &Field) -> String {
    let mut defaults: Vec<String> = field
        .given
        .iter()
        .map(|g| match g.default {
            "null" => format!("none where {g}"),
            default => format!("`{default}` where {g}"),
        })
        .collect();
    if let Some(default) = field.default {
        let rest = if field.given.is_empty() { "" } else { "else " };
        defaults.push(format!("{rest}`{default}`"));
    }
    let mut sources: Vec<&str> = Vec::new();
    for source in field.given.iter().map(|g| g.source).chain(field.default.map(|_| field.source)) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    let link = |page: &&str| {
        let last = page.rsplit('/').next().unwrap_or(page);
        format!("[{}]({page})", last.trim_start_matches("API_").trim_end_matches(".html"))
    };
    let sources: Vec<String> = sources.iter().map(link).collect();
    format!("| {} | {} | {} |\n", name(field), defaults.join("; "), sources.join(", "))
}

/// One row a field, nested ones behind their parent; five levels reach every field there is.
fn fields(kind: &dyn AnyKind, schema: &Value, prefix: &str, depth: usize, rows: &mut Vec<String>) {
    let schema = resolved(schema, kind.schema());
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}/{name}");
        let inner = resolved(field, kind.schema());
        let (list, item) = match inner["items"].is_object() {
            true => ("list of ", resolved(&inner["items"], kind.schema())),
            false => ("", inner.clone()),
        };
        let facts = kind.facts().at(&path);
        let mut marks = Vec::new();
        if required.contains(&name.as_str()) {
            marks.push("required");
        }
        if facts.field().is_some_and(|f| f.create_only) {
            marks.push("create-only");
        }
        if facts.field().is_some_and(|f| f.late) {
            marks.push("late");
        }
        if facts.field().is_some_and(|f| f.shape == Shape::WriteOnly) {
            marks.push("write-only");
        }
        if facts.field().is_some_and(|f| f.sensitive) {
            marks.push("secret");
        }
        let doc = field["description"].as_str().or(inner["description"].as_str()).unwrap_or_default();
        let doc = doc.replace('\n', " ").replace('|', "\\|");
        rows.push(format!(
            "| `{}` | {list}{} | {} | {doc} |\n",
            &path[1..].replace('/', "."),
            type_name(&item),
            marks.join(", ")
        ));
        if depth < 5 {
            let below = if list.is_empty() { path } else { format!("{path}/*") };
            fields(kind, &item, &below, depth + 1, rows);
        }
    }
}

fn type_name(schema: &Value) -> String {
    let choices = schema["enum"]
        .as_array()
        .map(|c| c.iter().filter_map(Value::as_str).map(|c| format!("`{c}`")).collect::<Vec<_>>());
    if let Some(choices) = choices.filter(|c| !c.is_empty()) {
        return choices.join(" \\| ");
    }
    match &schema["type"] {
        Value::String(s) if s == "object" && schema["additionalProperties"].is_object() => "map".to_owned(),
        Value::String(s) => s.clone(),
        Value::Array(types) => {
            types.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "string".to_owned(),
    }
}

/// Writes all generated files.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (path, text) in all()? {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// What is written differently from what would be generated now.
pub(crate) fn stale(root: &Path) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for (path, text) in all()? {
        if std::fs::read_to_string(root.join(&path)).ok().as_deref() != Some(text.as_str()) {
            out.push(format!("{path} is out of date; run `cargo xtask golden`"));
        }
    }
    Ok(out)
}
