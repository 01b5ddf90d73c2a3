//! Bad input, made from the schemas: every field of every kind in every wrong way.

use crate::kinds;
use crate::support::{Api, alone, api, house, toys};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Every place in a document, with the value there.
fn places(value: &Value, pointer: &str, out: &mut Vec<String>) {
    out.push(pointer.to_owned());
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                places(item, &holdfast_core::pointer::join(pointer, key), out);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{pointer}/{index}"), out);
            }
        }
        _ => {}
    }
}

/// The wrong ways to write what stands at `pointer`.
fn spoiled(document: &Value, pointer: &str) -> Vec<(&'static str, Value)> {
    let mut out = Vec::new();
    let mut with = |how: &'static str, value: Value| {
        let mut copy = document.clone();
        if pointer.is_empty() {
            copy = value;
        } else {
            holdfast_core::pointer::set(&mut copy, pointer, value);
        }
        out.push((how, copy));
    };
    with("number", json!(-1.5));
    with("flag", json!(true));
    with("text", json!("\u{202e} nonsense \u{7f}"));
    with("long text", json!("x".repeat(100_000)));
    with("list", json!([[[]]]));
    with("object", json!({ "": { "/~": null } }));
    with("huge number", json!(1e300));
    with("null", Value::Null);
    with("open reference", json!("${"));
    with("dangling reference", json!("${Room/none.id}"));
    with("unknown output", json!("${Room/hall.colour}"));
    let mut without = document.clone();
    if holdfast_core::pointer::remove(&mut without, pointer).is_some() {
        out.push(("missing", without));
    }
    if let Some(Value::Object(_)) = document.pointer(pointer) {
        let mut more = document.clone();
        holdfast_core::pointer::set(&mut more, &format!("{pointer}/surelyNotAField"), json!(1));
        out.push(("unknown sibling", more));
    }
    if let Some(Value::Array(items)) = document.pointer(pointer)
        && let Some(first) = items.first()
    {
        let mut twice = document.clone();
        holdfast_core::pointer::set(&mut twice, &format!("{pointer}/-"), first.clone());
        out.push(("duplicate", twice));
    }
    out
}

async fn refused_or_taken(api: &Api, method: Method, path: &str, body: &Value, what: &str) -> bool {
    let before = (api.store.newest_event().unwrap(), api.store.stacks().unwrap().len());
    let reply = api.call(method, path, &[], &body.to_string()).await;
    if reply.status.is_success() {
        return false;
    }
    assert!(
        [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST, StatusCode::CONFLICT].contains(&reply.status),
        "{what}: {} {}",
        reply.status,
        reply.json()
    );
    let problem = reply.json();
    let errors = problem["errors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{what}");
    for error in errors {
        let pointer = error["pointer"].as_str().unwrap();
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{what}: {pointer} is no pointer");
        assert!(!error["code"].as_str().unwrap().is_empty(), "{what}");
        let message = error["message"].as_str().unwrap();
        assert!(message.len() > 10 && message.len() < 1500, "{what}: {message}");
        // The place is in the document, or it is a field that its parent lacks.
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(body.pointer(pointer).is_some() || body.pointer(parent).is_some(), "{what}: {pointer} is nowhere");
    }
    let after = (api.store.newest_event().unwrap(), api.store.stacks().unwrap().len());
    assert_eq!(before, after, "{what} left something behind");
    true
}

#[tokio::test]
async fn every_field_of_every_document_in_every_wrong_way_is_answered_and_leaves_nothing() {
    let account = json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": "prod", "labels": { "a": "b" } },
        "spec": { "accountId": "123456789012", "regions": ["eu-west-1"] } });
    let mut stack = house();
    stack["spec"]["variables"] = json!({ "env": "prod" });
    stack["spec"]["policy"] =
        json!({ "drift": "heal", "ignore": [{ "path": "/size", "reason": "r", "until": "2030-01-01T00:00:00Z" }] });
    stack["spec"]["resources"][0]["spec"]["tags"] = json!({ "env": "${var.env}" });
    let mut documents = vec![stack, account];
    for kind in kinds::registry().iter() {
        let example: Value = serde_json::from_str(kind.example()).unwrap();
        documents.push(json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [example] }));
    }
    let (mut tried, mut refused) = (0, 0);
    let mut api = api();
    api.apply(&house()).await;
    for document in &documents {
        let mut all = Vec::new();
        places(document, "", &mut all);
        for pointer in all {
            for (how, spoiled) in spoiled(document, &pointer) {
                tried += 1;
                let what = format!("{} {pointer}: {how}", document["kind"]);
                if refused_or_taken(&api, Method::POST, "/v1/apply", &spoiled, &what).await {
                    refused += 1;
                } else {
                    // What was taken must not colour what comes after it.
                    api = crate::support::api();
                    api.apply(&house()).await;
                }
            }
        }
    }
    assert!(tried > 500 && refused > tried / 2, "{refused} of {tried} were refused");
}

#[tokio::test]
async fn what_is_put_by_itself_is_checked_alike() {
    let api = api();
    api.apply(&house()).await;
    let document = alone(toys());
    let mut all = Vec::new();
    places(&document, "", &mut all);
    for pointer in all {
        for (how, spoiled) in spoiled(&document, &pointer) {
            let what = format!("{pointer}: {how}");
            refused_or_taken(&api, Method::PUT, "/v1/resources/house/Box/toys", &spoiled, &what).await;
        }
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_with_its_place_and_the_right_one() {
    let api = api();
    let mut document = house();
    document["spec"]["resources"][0]["spec"]["sise"] = json!(4);
    document["spec"]["resources"][1]["kind"] = json!("Rom");
    document["spec"]["resources"][2]["spec"]["roomId"] = json!("${Room/hal.id}");
    document["spec"]["regionn"] = json!("x");
    let reply = api.post("/v1/apply", &document).await;
    let mistakes = reply.mistakes();
    for expected in [
        "/spec/regionn unknown-field",
        "/spec/resources/0/spec/sise unknown-field",
        "/spec/resources/1/kind unknown-kind",
    ] {
        assert!(mistakes.contains(&expected.to_owned()), "{expected} is not in {mistakes:?}");
    }
    let messages = reply.json()["errors"].to_string();
    for near in ["size", "Room", "region"] {
        assert!(messages.contains(&format!("Did you mean \\\"{near}\\\"?")), "{near} is not suggested in {messages}");
    }
}
