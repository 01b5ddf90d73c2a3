//! The schemas that are served.

use crate::{a_box, kinds, stack};
use holdfast_core::schema;
use serde_json::{Value, json};

fn alone(spec: Value) -> Value {
    let mut body = a_box("a", spec);
    body["apiVersion"] = json!("holdfast.dev/v1");
    body["metadata"]["stack"] = json!("shop");
    body
}

fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a schema that compiles");
    validator.iter_errors(value).map(|e| format!("{} {e}", e.instance_path())).collect()
}

#[test]
fn a_kinds_schema_says_what_is_known_of_each_field() {
    let registry = kinds::registry();
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema::named("Box", &registry)).unwrap());
}

#[test]
fn the_schemas_take_what_the_server_takes_and_refuse_what_it_refuses() {
    let registry = kinds::registry();
    let taken = [
        json!({ "size": 5, "handle": { "material": "brass" }, "seal": { "type": "wax", "emblem": "x" } }),
        json!({ "size": null, "handle": null, "seal": null, "colour": null, "slots": null, "tags": null }),
        json!({ "size": "${Box/b.volume}", "handle": "${Box/b.id}", "colour": "${Box/b.id}", "boxName": "A ${Box/b.id}",
            "slots": ["${Box/b.id}", { "name": "x", "depth": "${Box/b.volume}" }] }),
        json!({ "size": "7", "weight": 256, "attributes": { "a": 5 } }),
    ];
    let refused = [
        json!({ "size": 0 }),
        json!({ "size": "large" }),
        json!({ "boxName": null }),
        json!({ "boxname": "a" }),
        json!({ "colour": "bleu" }),
        json!({ "handle": {} }),
        json!({ "handle": "none" }),
        json!({ "slots": [{}] }),
        json!({ "seal": { "type": "glue" } }),
    ];
    let mut schemas: Vec<Value> = ["Box", "v1"].iter().map(|name| schema::named(name, &registry).unwrap()).collect();
    schemas.extend(schemas.clone().iter().map(schema::draft7));
    for schema in &schemas {
        for spec in &taken {
            assert_eq!(errors(schema, &alone(spec.clone())), Vec::<String>::new(), "{spec} with {}", schema["$schema"]);
        }
        for spec in &refused {
            assert!(!errors(schema, &alone(spec.clone())).is_empty(), "{spec} was taken by {}", schema["$schema"]);
        }
    }
}

#[test]
fn the_schema_of_everything_knows_stacks_lists_and_accounts() {
    let registry = kinds::registry();
    let whole = schema::whole(&registry);
    let in_stack = stack(json!([a_box("a", json!({})), { "kind": "Lid", "metadata": { "name": "l" }, "spec": {} }]));
    let list = json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [in_stack, alone(json!({}))] });
    for schema in [&whole, &schema::draft7(&whole)] {
        assert_eq!(errors(schema, &list), Vec::<String>::new());
        for wrong in [
            json!({}),
            json!({ "kind": "Box" }),
            json!({ "apiVersion": "holdfast.dev/v1", "kind": "Bok" }),
            stack(json!([{ "kind": "Stack" }])),
            stack(json!([a_box("a", json!({ "size": 0 }))])),
        ] {
            assert!(!errors(schema, &wrong).is_empty(), "{wrong} was taken");
        }
    }
    for name in ["Stack", "Account", "List", "Lid"] {
        assert!(jsonschema::validator_for(&schema::named(name, &registry).unwrap()).is_ok(), "{name}");
    }
    assert_eq!(errors(&schema::stack(&registry), &stack(json!([a_box("a", json!({ "size": 0 }))]))).len(), 1);
    assert!(schema::named("Elephant", &registry).is_none());
}
