//! The page of the API in the docs, written from the OpenAPI document.

use crate::kinds;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const HEAD: &str = "# API reference

Written from the server's own table of routes. `GET /openapi.json` serves the same as OpenAPI 3.1, with the schemas of all bodies and
answers; `GET /schemas/v1.json` serves the schema of documents.

Any route may also answer 401, 403, 500 or 503; [problems](#problems) says what they tell. Beyond loopback all but the health checks and the empty page of the dashboard
want `Authorization: Bearer TOKEN`.

A parameter without a value (`?phase=`) filters nothing where something is read. Where something is written it is refused, because nobody can
tell what `?dryRun` or `?deletion=` was to say. A parameter that there is not is 422, and so is a `limit` over 500. Stacks, accounts and scopes are
told whole; other lists are paged. A filter by a stack, kind or name that there is not finds nothing; a phase or severity that there is not is 422.

An `Idempotency-Key` stands for what was stored: dry runs and refused requests are answered anew. A resource that is sent alone into a stack that
there is not makes that stack, in the server's own Region unless it names one.
";

/// Statuses that any route may answer with, told once at the top.
const ANYWHERE: &[&str] = &["401", "403", "500", "503"];

/// Every problem: its code, its status, and what it tells.
const PROBLEMS: &[(&str, u16, &str)] = &[
    ("malformed-json", 400, "The body is no JSON; the message says where it stops being JSON."),
    ("broken-body", 400, "The body broke off."),
    ("unauthenticated", 401, "A token is missing or not known."),
    ("foreign-host", 403, "Without tokens, only names of this machine are served."),
    ("cross-origin", 403, "A page from elsewhere asked in a browser's name."),
    ("not-found", 404, "There is nothing of that name."),
    ("method-not-allowed", 405, "The path has other methods; `Allow` names them."),
    ("body-timeout", 408, "The body did not arrive in time."),
    ("empty-set", 409, "It would empty a stack; `?confirm=empty` says that it is meant."),
    ("nothing-to-confirm", 409, "No adoption of the resource waits to be confirmed."),
    ("not-declared", 409, "The documents of a plan have not been applied, so it cannot be approved."),
    ("nothing-to-approve", 409, "Nothing of a plan awaits approval."),
    (
        "overtaken",
        409,
        "The world or the declarations have moved since the plan; `planHash` names the one in its place.",
    ),
    ("protected", 409, "`policy.protect` keeps what it names."),
    ("referenced", 409, "Others refer to what would go; `errors` names them."),
    ("sudden-shrink", 409, "It would delete most of a stack; `?confirm=shrink` says that it is meant."),
    ("precondition-failed", 412, "`If-Match` or `If-None-Match` does not hold; read again."),
    ("too-large", 413, "The body is too large."),
    ("unsupported-media-type", 415, "The body is not announced as `application/json`."),
    ("invalid-document", 422, "Documents are not valid; `errors` has every mistake with its JSON Pointer."),
    ("invalid-parameter", 422, "Parameters or headers are not valid; `errors` names each."),
    ("internal", 500, "A fault of the server; its log has the cause under `instance`."),
    ("closing", 503, "The server is shutting down."),
    ("loop-unavailable", 503, "The loop cannot answer now."),
    ("not-swept", 503, "Not ready: a scope has not been swept yet."),
    ("retry", 503, "A kept answer is gone; send the request again."),
    ("store", 503, "Not ready: the store takes no writes."),
    ("store-busy", 503, "The store is busy; try again in a moment."),
    ("unread", 503, "AWS could not be read, so nobody can say whether a plan still holds."),
    ("timeout", 503, "The answer took too long."),
    ("too-many-watchers", 503, "There are as many event streams as the server allows."),
    ("store-full", 507, "The server's disk is full; nothing was stored."),
    ("store-unwritable", 507, "The server's disk refuses writes, such as over a quota; nothing was stored."),
];

fn page(document: &Value) -> String {
    let mut text = String::from(HEAD);
    for tag in document["tags"].as_array().unwrap() {
        text += &format!("\n## {}\n\n{}\n", tag["name"].as_str().unwrap(), told(&tag["description"]));
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(_, o)| o["tags"][0] == tag["name"]) {
                text += &section(&method.to_uppercase(), path, operation);
            }
        }
    }
    text += "\n## Problems\n\nAn answer that is no success is `application/problem+json` (RFC 9457): `type` ends with the code, and `errors` has each mistake \
             with `pointer`, `code` and `message`.\n\n| code | status | what it tells |\n|---|---|---|\n";
    for (code, status, doc) in PROBLEMS {
        text += &format!("| `{code}` | {status} | {doc} |\n");
    }
    text
}

fn section(method: &str, path: &str, operation: &Value) -> String {
    let mut text = format!("\n### `{method} {path}`\n\n{}\n", told(&operation["summary"]));
    if operation["description"].is_string() {
        text += &format!("\n{}\n", told(&operation["description"]));
    }
    let parameters = operation["parameters"].as_array().unwrap();
    if !parameters.is_empty() {
        text += "\n| parameter | in | values | what it is |\n|---|---|---|---|\n";
    }
    for p in parameters {
        let (name, place) = (p["name"].as_str().unwrap(), p["in"].as_str().unwrap());
        text += &format!("| `{name}` | {place} | {} | {} |\n", values(&p["schema"]), told(&p["description"]));
    }
    text += "\n| answer | what it means | body |\n|---|---|---|\n";
    if let Some(body) = operation.get("requestBody") {
        let presence = if body["required"] == true { "" } else { " It may be left out." };
        let schema = schema_name(&body["content"]["application/json"]["schema"]);
        text = text.replace("\n| answer |", &format!("\nThe body is JSON: {schema}.{presence}\n\n| answer |"));
    }
    let answers: BTreeMap<&String, &Value> = operation["responses"].as_object().unwrap().iter().collect();
    for (status, answer) in answers.into_iter().filter(|(status, _)| !ANYWHERE.contains(&status.as_str())) {
        text += &format!("| {status} | {} | {} |\n", told(&answer["description"]), content(&answer["content"]));
    }
    text
}

fn content(content: &Value) -> String {
    let Some((kind, inner)) = content.as_object().and_then(|c| c.iter().next()) else { return String::new() };
    match kind.as_str() {
        "application/problem+json" => "[problem](#problems)".to_owned(),
        "application/json" => schema_name(&inner["schema"]),
        other => format!("`{other}`"),
    }
}

fn schema_name(schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next());
    match name {
        Some("DocumentDocument") => "one or more documents".to_owned(),
        Some("MemberDocument") => "a resource document".to_owned(),
        Some(name) => format!("`{name}`"),
        None => "JSON".to_owned(),
    }
}

fn values(schema: &Value) -> String {
    let choices: Vec<String> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(schema.get("const"))
        .map(|v| format!("`{}`", told(v)))
        .collect();
    let limit = |key: &str, word: &str| schema.get(key).map(|v| format!("{word} {v}"));
    let limits = [limit("minimum", "from"), limit("maximum", "to"), limit("default", "default")];
    let kind = if choices.is_empty() { told(&schema["type"]) } else { choices.join(", ") };
    std::iter::once(kind).chain(limits.into_iter().flatten()).collect::<Vec<_>>().join(", ")
}

fn told(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

#[test]
fn the_api_reference_says_what_the_routes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/api.md");
    let page = page(&holdfast_api::openapi(&kinds::registry()));
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/src/reference/api.md is out of date; run `cargo xtask golden`");
}

/// The codes in the sources: what follows where a problem is made.
fn codes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for made in
            ["Problem::new(", "Self::new(StatusCode", "Self::new(\n", "Problem::conflict(", "Problem::unavailable("]
        {
            for rest in text.split(made).skip(1) {
                let arguments = rest.split([';', '{']).next().unwrap();
                let code =
                    arguments.split('"').nth(1).filter(|c| c.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
                found.extend(code.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_problem_that_is_made_is_on_the_page() {
    let mut made = BTreeSet::new();
    codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut made);
    let listed: BTreeSet<String> = PROBLEMS.iter().map(|(code, ..)| (*code).to_owned()).collect();
    assert_eq!(listed, made);
}
