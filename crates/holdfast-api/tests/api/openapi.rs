//! The OpenAPI document and the schemas.

use crate::support::{alone, api, house, toys};
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_says_what_it_does() {
    let api = api();
    let document = api.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for field in ["operationId", "summary"] {
                assert!(operation[field].as_str().is_some_and(|t| !t.is_empty()), "{method} {path} has no {field}");
            }
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
            if path == "/v1/watch" {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let reply = api.call(method.clone(), &path.replace(['{', '}'], ""), &[], "").await;
            assert_ne!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!reply.status.is_server_error(), "{method} {path}: {reply:?}");
            let strict = operation["responses"].get("422").is_some() && method == Method::GET;
            if strict {
                let reply =
                    api.call(method.clone(), &format!("{}?surely=not", path.replace(['{', '}'], "")), &[], "").await;
                assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {path} takes any parameter");
            }
        }
    }
    let many = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), many, "an operationId is used twice");
    for path in [
        "/v1/apply",
        "/v1/plan",
        "/v1/drift",
        "/v1/stacks/{stack}/pause",
        "/v1/resources/{stack}/{kind}/{name}/history",
        "/metrics",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path} is missing");
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &Value, root: &Value, count: &mut usize) {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads outside"));
            assert!(root.pointer(pointer).is_some(), "{target} leads nowhere");
            *count += 1;
        }
        match value {
            Value::Object(map) => map.values().for_each(|v| walk(v, root, count)),
            Value::Array(items) => items.iter().for_each(|v| walk(v, root, count)),
            _ => {}
        }
    }
    let document = api().get("/openapi.json").await.json();
    let mut count = 0;
    walk(&document, &document, &mut count);
    assert!(count > 50);
}

#[tokio::test]
async fn the_body_of_an_apply_has_a_schema_that_knows_right_from_wrong() {
    let document = api().get("/openapi.json").await.json();
    let mut root =
        document["paths"]["/v1/apply"]["post"]["requestBody"]["content"]["application/json"]["schema"].clone();
    root["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&root).unwrap();
    assert!(validator.is_valid(&house()));
    assert!(validator.is_valid(&alone(toys())));
    let mut wrong = house();
    wrong["spec"]["resources"][0]["spec"]["size"] = json!("large");
    assert!(!validator.is_valid(&wrong));
}

#[tokio::test]
async fn schemas_are_served_for_editors_of_both_ages() {
    let api = api();
    let room = api.get("/schemas/Room.json").await;
    assert_eq!(room.header("content-type"), "application/schema+json");
    assert_eq!(room.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for name in ["v1", "Stack", "Account", "List", "Box"] {
        assert_eq!(api.get(&format!("/schemas/{name}.json")).await.status, StatusCode::OK, "{name}");
    }
    let old = api.get("/schemas/v1.json?draft=7").await.json();
    assert!(old["$schema"].as_str().unwrap().contains("draft-07"));
    assert_eq!(api.get("/schemas/v1.json?draft=6").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}
