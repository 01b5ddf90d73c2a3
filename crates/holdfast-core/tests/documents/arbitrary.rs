//! Whatever is sent, nothing panics.

use crate::{kinds, outcome, stack};
use holdfast_core::document::{MAX_DEPTH, from_bytes, parse};
use holdfast_core::validate::offline;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Words that mean something here, so that arbitrary bodies get further than the first line.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "apiVersion",
        "holdfast.dev/v1",
        "kind",
        "metadata",
        "name",
        "stack",
        "spec",
        "resources",
        "items",
        "List",
        "Stack",
        "Account",
        "Box",
        "Lid",
        "policy",
        "ignore",
        "path",
        "tags",
        "variables",
        "region",
        "account",
        "boxName",
        "size",
        "slots",
        "seal",
        "type",
        "wax",
        "handle",
        "colour",
        "boxId",
        "cutFrom",
        "${var.a}",
        "${Box/a.id}",
        "${Lid/a.id}",
        "${",
        "$${",
        "/a/~",
        "eu-west-1",
        "*",
        "",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_bytes(&bytes, MAX_DEPTH);
    }

    #[test]
    fn json_comes_back_as_it_was(value in value()) {
        // Keys that repeat are not made by a map, and floats may lose their last digit in text.
        if let Ok(read) = from_bytes(value.to_string().as_bytes(), MAX_DEPTH) {
            prop_assert_eq!(read.to_string(), value.to_string());
        }
    }

    #[test]
    fn no_value_makes_the_parser_panic(value in value()) {
        let _ = parse(&value, &kinds::registry());
        outcome(&value);
    }

    #[test]
    fn no_spec_makes_the_check_panic(box_spec in value(), lid_spec in value(), around in value(), variables in value()) {
        let mut body = stack(json!([
            { "kind": "Box", "metadata": { "name": "a" }, "spec": box_spec },
            { "kind": "Lid", "metadata": { "name": "a" }, "spec": lid_spec, "policy": around },
            { "kind": "Lid", "metadata": around, "spec": lid_spec },
        ]));
        body["spec"]["variables"] = variables;
        outcome(&body);
    }

    #[test]
    fn errors_point_into_the_body_or_at_what_is_missing(spec in value()) {
        let body = stack(json!([{ "kind": "Box", "metadata": { "name": "a" }, "spec": spec }]));
        if let Err(errors) = offline(&body, &kinds::registry()) {
            for error in errors {
                let parent = error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(body.pointer(parent).is_some(), "{} is nowhere", error.pointer);
            }
        }
    }
}
