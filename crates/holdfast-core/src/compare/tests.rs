//! The table of what is a difference and what is none.

use super::*;
use crate::facts::{Field, Given, When};
use serde_json::json;

const TABLE: &[Field] = &[
    Field::of("/tags", Shape::Map),
    Field::of("/ingress", Shape::Set(ItemKey::AllBut(&["description"]))),
    Field::set("/subnets"),
    Field::of("/containers", Shape::Set(ItemKey::Of(&["name"]))),
    Field::scalar("/containers/*/essential").default("true", "ECS API reference"),
    Field::of("/containers/*/env", Shape::Set(ItemKey::Of(&["name"]))),
    Field::of("/password", Shape::WriteOnly),
    Field::scalar("/grace").default("0", "ECS API reference"),
    Field::of("/breaker", Shape::Object).default(r#"{"enable":false}"#, "ECS API reference"),
    Field::scalar("/breaker/threshold").default("50", "ECS API reference"),
    Field::scalar("/timeout").given(TIMEOUT).default("10", "ELB API reference"),
    Field::scalar("/protocol").default("\"TCP\"", "ELB API reference"),
    Field::set("/conditions"),
];

const TIMEOUT: &[Given] =
    &[Given { when: &[When { at: "/protocol", is: &["HTTP", "HTTPS"] }], default: "5", source: "ELB API reference" }];

struct Case<'a> {
    desired: Value,
    live: Value,
    last: Option<Value>,
    baseline: Option<Value>,
    unread: &'a [&'a str],
}

fn case(desired: Value, live: Value) -> Case<'static> {
    Case { desired, live, last: None, baseline: None, unread: &[] }
}

fn check(case: &Case<'_>, expected: &[&str]) {
    let unread: Vec<String> = case.unread.iter().map(|s| (*s).to_owned()).collect();
    let facts = Facts::new(TABLE);
    let diffs = compare(&case.desired, &case.live, case.last.as_ref(), case.baseline.as_ref(), &unread, &facts);
    let told: Vec<String> =
        diffs.iter().map(|d| format!("{:?} {} {} -> {}", d.change, d.path, d.desired, d.live)).collect();
    assert_eq!(told, expected);
}

#[test]
fn an_absent_field_is_unmanaged_and_a_null_must_be_unset() {
    check(&case(json!({}), json!({ "count": 3 })), &[]);
    check(&case(json!({ "count": null }), json!({ "count": 3 })), &["Added /count null -> 3"]);
    check(&case(json!({ "count": null, "grace": null }), json!({ "grace": 0 })), &[]);
}

#[test]
fn scalars_forgive_spelling() {
    check(&case(json!({ "cpu": 256, "on": "true" }), json!({ "cpu": "256", "on": true })), &[]);
    check(&case(json!({ "cpu": 256 }), json!({ "cpu": "512" })), &["Changed /cpu 256 -> \"512\""]);
}

#[test]
fn rules_are_a_set_whose_description_is_compared_inside() {
    let rule = |port: u16, text: &str| json!({ "port": port, "description": text });
    check(
        &case(json!({ "ingress": [rule(1, "a"), rule(2, "b")] }), json!({ "ingress": [rule(2, "b"), rule(1, "a")] })),
        &[],
    );
    check(
        &case(json!({ "ingress": [rule(1, "a"), rule(2, "b")] }), json!({ "ingress": [rule(1, "x"), rule(22, "")] })),
        &[
            "Changed /ingress/0/description \"a\" -> \"x\"",
            "Removed /ingress/1 {\"port\":2,\"description\":\"b\"} -> null",
            "Added /ingress/2 null -> {\"port\":22,\"description\":\"\"}",
        ],
    );
    check(&case(json!({ "ingress": [] }), json!({})), &[]);
    check(&case(json!({ "ingress": [{ "port": 1 }] }), json!({ "ingress": [rule(1, "")] })), &[]);
}

#[test]
fn a_map_owns_its_keys_and_those_it_had() {
    let mut c = case(json!({ "tags": { "a": "1" } }), json!({ "tags": { "a": "2", "b": "2", "c": "3" } }));
    c.last = Some(json!({ "tags": { "a": "1", "b": "2" } }));
    check(&c, &["Changed /tags/a \"1\" -> \"2\"", "Added /tags/b null -> \"2\""]);
    check(&case(json!({ "tags": { "a": "1" } }), json!({})), &["Removed /tags/a \"1\" -> null"]);
}

#[test]
fn an_item_of_a_list_is_declared_whole_but_for_defaults() {
    let want = json!({ "containers": [{ "name": "x", "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] }] });
    let have = json!({ "containers": [{ "name": "x", "essential": true, "links": [],
        "env": [{ "name": "B", "value": "2" }, { "name": "A", "value": "1" }] }] });
    check(&case(want.clone(), have), &[]);
    let have = json!({ "containers": [{ "name": "x", "essential": false, "env": [{ "name": "A", "value": "9" }] }] });
    check(
        &case(want, have),
        &[
            "Changed /containers/0/env/0/value \"1\" -> \"9\"",
            "Removed /containers/0/env/1 {\"name\":\"B\",\"value\":\"2\"} -> null",
            "Added /containers/0/essential null -> false",
        ],
    );
}

#[test]
fn a_missing_object_is_one_difference_and_one_of_defaults_is_none() {
    check(&case(json!({ "o": { "a": 1, "b": 2 } }), json!({})), &["Removed /o {\"a\":1,\"b\":2} -> null"]);
    check(&case(json!({ "o": { "a": "" } }), json!({})), &[]);
}

#[test]
fn the_unread_and_the_write_only_are_never_drift() {
    let mut c = case(json!({ "tags": { "a": "1" }, "password": "x", "n": 1 }), json!({ "n": 2 }));
    c.unread = &["/tags"];
    check(&c, &["Changed /n 1 -> 2"]);
}

#[test]
fn a_change_that_nobody_declared_is_undeclared_and_aws_defaults_are_not() {
    let mut c =
        case(json!({ "a": 1, "tags": { "x": "1" } }), json!({ "a": 1, "b": 5, "tags": { "x": "1", "y": "2" } }));
    check(&c, &[]);
    c.baseline = Some(json!({ "a": 1, "b": 4, "grace": 0, "tags": { "x": "1" } }));
    check(&c, &["Undeclared /b null -> 5", "Undeclared /tags/y null -> \"2\""]);
}

#[test]
fn an_open_reference_differs_from_everything() {
    check(
        &case(json!({ "subnets": ["${Subnet/a.id}", "s-2"] }), json!({ "subnets": ["s-2", "s-1"] })),
        &["Removed /subnets/0 \"${Subnet/a.id}\" -> null", "Added /subnets/2 null -> \"s-1\""],
    );
}

#[test]
fn a_default_hangs_on_what_is_declared_else_on_what_is_live_else_on_another_default() {
    let null = |protocol: Value| json!({ "timeout": null, "protocol": protocol });
    check(&case(null(json!("HTTP")), json!({ "timeout": 5, "protocol": "HTTP" })), &[]);
    check(&case(null(json!("HTTP")), json!({ "timeout": 10, "protocol": "HTTP" })), &["Added /timeout null -> 10"]);
    check(&case(json!({ "timeout": null }), json!({ "timeout": 5, "protocol": "HTTPS" })), &[]);
    check(&case(json!({ "timeout": null }), json!({ "timeout": 10 })), &[]);
    check(&case(json!({ "timeout": null }), json!({ "timeout": 5 })), &["Added /timeout null -> 5"]);
}

#[test]
fn a_default_that_aws_has_grown_is_still_the_default() {
    let grown = json!({ "breaker": { "enable": false, "threshold": 50, "ofTomorrow": true } });
    check(&case(json!({ "breaker": null }), grown.clone()), &[]);
    check(
        &case(json!({ "breaker": null }), json!({ "breaker": { "enable": false, "threshold": 3 } })),
        &["Added /breaker null -> {\"enable\":false,\"threshold\":3}"],
    );
    check(&case(json!({ "breaker": { "enable": false } }), grown), &[]);
}

#[test]
fn an_item_that_aws_has_grown_is_the_same_item_and_its_new_member_is_told_alone() {
    let want = json!({ "conditions": [{ "field": "host" }, { "field": "path" }] });
    let live = json!({ "conditions": [{ "field": "path", "new": 1 }, { "field": "host" }] });
    check(&case(want.clone(), live), &["Added /conditions/1/new null -> 1"]);
    let other = json!({ "conditions": [{ "field": "port", "new": 1 }, { "field": "host" }] });
    check(
        &case(want, other),
        &[
            "Removed /conditions/1 {\"field\":\"path\"} -> null",
            "Added /conditions/2 null -> {\"field\":\"port\",\"new\":1}",
        ],
    );
}

#[test]
fn what_aws_had_added_to_an_item_when_it_was_in_sync_is_no_difference_wherever_the_item_stands() {
    let want = json!({ "containers": [{ "name": "x" }, { "name": "y" }] });
    let mut c = case(want.clone(), json!({ "containers": [{ "name": "y", "new": 1 }, { "name": "x" }] }));
    check(&c, &["Added /containers/1/new null -> 1"]);
    c.baseline = Some(json!({ "containers": [{ "name": "x" }, { "new": 1, "name": "y" }] }));
    // While nobody declared the containers it may have been anybody's.
    c.last = Some(json!({}));
    check(&c, &["Added /containers/1/new null -> 1"]);
    c.last = Some(want);
    check(&c, &[]);
    c.live = json!({ "containers": [{ "name": "y", "new": 2 }, { "name": "x" }] });
    check(&c, &["Added /containers/1/new null -> 2"]);
}

#[test]
fn what_was_declared_in_an_item_and_is_no_more_must_go_however_long_it_stood() {
    let mut c = case(json!({ "containers": [{ "name": "x" }] }), json!({ "containers": [{ "name": "x", "n": 1 }] }));
    c.last = Some(json!({ "containers": [{ "name": "x", "n": 1 }] }));
    c.baseline = Some(json!({ "containers": [{ "name": "x", "n": 1 }] }));
    check(&c, &["Added /containers/0/n null -> 1"]);
    // It was written out of there since, and is live all the same: somebody has put it back.
    let settled_as = c.last.replace(json!({ "containers": [{ "name": "x" }] }));
    check(&c, &[]);
    let known = Known {
        last: c.last.as_ref(),
        settled: c.baseline.as_ref(),
        settled_as: settled_as.as_ref(),
        ..Known::default()
    };
    let diffs = compare_known(&c.desired, &c.live, &known, &Facts::new(TABLE));
    assert_eq!((diffs.len(), &diffs[0].last_written), (1, &json!(1)), "no addition of AWS's: {diffs:?}");
}

#[test]
fn an_undeclared_change_is_told_where_it_is_inside_declared_objects_too() {
    let mut c = case(json!({ "o": { "a": 1 } }), json!({ "o": { "a": 1, "b": { "c": 2, "d": 3 } } }));
    c.baseline = Some(json!({ "o": { "a": 1, "b": { "c": 2 } } }));
    check(&c, &["Undeclared /o/b/d null -> 3"]);
    c.baseline = Some(json!({ "o": { "a": 1 } }));
    check(&c, &["Undeclared /o/b null -> {\"c\":2,\"d\":3}"]);
}
