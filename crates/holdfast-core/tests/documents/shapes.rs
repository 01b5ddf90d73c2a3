//! The documents' own shape.

use crate::{Transcript, a_box, stack};
use serde_json::{Value, json};

/// A box by itself, with changes at pointers; null takes a field out.
fn alone(changes: Value) -> Value {
    let mut body = json!({ "apiVersion": "holdfast.dev/v1", "kind": "Box",
        "metadata": { "name": "a", "stack": "shop" }, "spec": { "boxName": "a" } });
    for (pointer, value) in changes.as_object().unwrap() {
        if value.is_null() {
            holdfast_core::pointer::remove(&mut body, pointer);
        } else {
            holdfast_core::pointer::set(&mut body, pointer, value.clone());
        }
    }
    body
}

#[test]
fn a_document_says_its_version_its_kind_and_its_name() {
    let mut all = Transcript::default();
    all.check("as it should be", alone(json!({})))
        .check("no version", alone(json!({ "/apiVersion": null })))
        .check("another version", alone(json!({ "/apiVersion": "holdfast.dev/v2" })))
        .check("no kind", alone(json!({ "/kind": null })))
        .check("a kind that is a number", alone(json!({ "/kind": 5 })))
        .check("a kind that is nearly one", alone(json!({ "/kind": "Boxx" })))
        .check("a kind that is none", alone(json!({ "/kind": "Elephant" })))
        .check("no metadata", alone(json!({ "/metadata": null })))
        .check("no name", alone(json!({ "/metadata/name": null })))
        .check("no stack", alone(json!({ "/metadata/stack": null })))
        .check("no spec", alone(json!({ "/spec": null })))
        .check("a spec that is a list", alone(json!({ "/spec": [] })))
        .check("no object", json!([1]))
        .check("nothing", Value::Null)
        .check("an empty object", json!({}));
    insta::assert_snapshot!(all.text());
}

#[test]
fn unknown_fields_point_at_themselves_and_name_the_nearest() {
    let mut all = Transcript::default();
    let body = alone(json!({ "/metadta": {}, "/metadata/lables": {}, "/policy": { "drfit": "heal" }, "/x": 1 }));
    all.check("around a resource", body);
    let mut body = stack(json!([]));
    body["spec"]["ressources"] = json!([]);
    body["policy"] = json!({ "drift": "heal" });
    body["metadata"]["region"] = json!("eu-west-1");
    all.check("around a stack", body);
    insta::assert_snapshot!(all.text());
}

#[test]
fn names_are_short_and_plain() {
    let mut all = Transcript::default();
    for name in ["web.v2_A-1", "", "-a", "a b", "a/b", "ä", "${var.name}"] {
        all.check(name, alone(json!({ "/metadata/name": name })));
    }
    all.check("64 letters", alone(json!({ "/metadata/name": "a".repeat(64) })))
        .check("a stack with a dot", alone(json!({ "/metadata/stack": "a.b" })))
        .check("a name that is a number", alone(json!({ "/metadata/name": 7 })));
    insta::assert_snapshot!(all.text());
}

#[test]
fn tags_and_labels_keep_the_limits_of_aws() {
    let mut all = Transcript::default();
    let long = "x".repeat(129);
    let mut body = stack(json!([]));
    body["spec"]["tags"] =
        json!({ "": "a", "aws:x": "a", "Holdfast:uid": "a", "long": "v".repeat(257), "n": 5, "l": [] });
    body["spec"]["tags"][&long] = json!("a");
    body["metadata"]["labels"] = json!({ "": "a", "long": "v".repeat(257), "aws:x": "fine here" });
    all.check("of a stack", body);
    let many: Value = (0..49).map(|i| (format!("k{i}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let mut body = stack(json!([a_box("a", json!({ "tags": { "holdfast:x": "y", "b": "${Box/a.id}" } }))]));
    body["spec"]["tags"] = many.clone();
    all.check("too many on a stack, a reserved one on a box", body);
    let mut body = stack(json!([a_box("a", json!({ "tags": { "k0": "mine", "own": "1" } })), a_box("b", json!({}))]));
    body["spec"]["tags"] = many;
    body["spec"]["tags"].as_object_mut().unwrap().remove("k48");
    all.check("too many together", body);
    insta::assert_snapshot!(all.text());
}

#[test]
fn policies_say_what_they_may_say() {
    let mut all = Transcript::default();
    let policy = json!({ "drift": "head", "deletion": "Delete", "protect": "true", "adopt": "ifexists", "ignore": [
        { "path": "size", "reason": "r" }, { "path": "/siez", "reason": " " }, { "path": "", "reason": "r" },
        { "path": "/slots/*/depht", "reason": "r", "until": "tomorrow" }, { "path": "/attributes/x", "reason": "r" },
        { "path": "/a~2", "reason": "r" }, { "reason": "r" } ] });
    all.check("wrong in every field", alone(json!({ "/policy": policy })));
    let policy = json!({ "drift": "report", "rollout": "auto", "deletion": "snapshot", "protect": true,
        "replace": "allow", "adopt": "required",
        "ignore": [{ "path": "/slots/*/depth", "reason": "worn", "until": "2030-01-01T00:00:00Z" }] });
    all.check("right in every field", alone(json!({ "/policy": policy })));
    all.check("approval on a resource", alone(json!({ "/policy": { "rollout": "approve" } })));
    let mut body = stack(json!([]));
    body["spec"]["policy"] = json!({ "rollout": "approve" });
    all.check("approval on a stack", body);
    let mut lid = json!({ "apiVersion": "holdfast.dev/v1", "kind": "Lid", "metadata": { "name": "a" }, "spec": {} });
    let mut body = stack(json!([lid]));
    body["spec"]["policy"] = json!({ "deletion": "snapshot" });
    all.check("a stack's snapshots, where a kind has none", body);
    lid["policy"] = json!({ "deletion": "snapshot" });
    all.stack("snapshots of what has none", json!([lid]));
    insta::assert_snapshot!(all.text());
}

#[test]
fn what_is_named_to_be_adopted_must_be_adopted_and_be_named_once() {
    let mut all = Transcript::default();
    let adopts = |name: &str, policy: Value| {
        let mut one = a_box(name, json!({ "boxName": name }));
        one["policy"] = policy;
        one
    };
    all.stack(
        "without policy.adopt, twice, and not at all an id",
        json!([
            adopts("a", json!({ "adoptId": "box-1" })),
            adopts("b", json!({ "adopt": "required", "adoptId": "box-2" })),
            adopts("c", json!({ "adopt": "ifExists", "adoptId": "box-2" })),
            adopts("d", json!({ "adopt": "ifExists", "adoptId": " " })),
            adopts("e", json!({ "adopt": "ifExists", "adoptId": "arn:aws:x:mars-1:123456789012:box/e" })),
        ]),
    );
    let mut body = stack(json!([adopts("a", json!({ "adoptId": "box-1" }))]));
    body["spec"]["policy"] = json!({ "adopt": "ifExists" });
    all.check("by the stack's policy.adopt", body);
    let mut body = stack(json!([]));
    body["spec"]["policy"] = json!({ "adopt": "ifExists", "adoptId": "box-1" });
    all.check("on a stack", body);
    insta::assert_snapshot!(all.text());
}

#[test]
fn a_duplicate_is_named_at_the_second() {
    let mut all = Transcript::default();
    all.stack(
        "two boxes of a name",
        json!([a_box("a", json!({})), a_box("b", json!({})), a_box("a", json!({ "boxName": "c" }))]),
    );
    let account = json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": "prod" },
        "spec": { "accountId": "123456789012" } });
    let list = json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [
        account, stack(json!([a_box("a", json!({}))])), stack(json!([])), account, alone(json!({})) ] });
    all.check("in a list", list);
    insta::assert_snapshot!(all.text());
}

#[test]
fn a_list_holds_documents_and_lists_of_them() {
    let mut all = Transcript::default();
    let version = "holdfast.dev/v1";
    let inner = json!({ "apiVersion": version, "kind": "List", "items": [alone(json!({ "/apiVersion": null }))] });
    all.check("of everything", json!({ "apiVersion": version, "kind": "List", "metadata": {}, "items": [inner] }))
        .check("of nothing", json!({ "apiVersion": version, "kind": "List", "items": [] }))
        .check("with no items", json!({ "apiVersion": version, "kind": "List" }))
        .check("with a spec", json!({ "apiVersion": version, "kind": "List", "items": [], "spec": {} }))
        .check(
            "of what is no document",
            json!({ "apiVersion": version, "kind": "List", "items": [1, {}, { "kind": "Boks" }] }),
        )
        .check("with items that are an object", json!({ "apiVersion": version, "kind": "List", "items": {} }));
    insta::assert_snapshot!(all.text());
}

#[test]
fn a_stack_holds_resources_only_and_its_own() {
    let mut all = Transcript::default();
    let mut lost = a_box("b", json!({}));
    lost["metadata"]["stack"] = json!("other");
    all.stack("", json!([stack(json!([])), lost, 5, { "kind": "Bxo" }]));
    let mut body = stack(json!({}));
    body["spec"]["variables"] = json!({ "a b": 1, "c": "${var.d}", "e": ["${Box/x.id}"], "home": "${HOME}" });
    all.check("resources that are no list, and variables", body);
    insta::assert_snapshot!(all.text());
}

#[test]
fn what_was_read_can_be_sent_back() {
    let read = alone(json!({ "/status": { "phase": "InSync" }, "/metadata/uid": "u", "/metadata/generation": 3,
        "/metadata/createdAt": "2026-01-01T00:00:00Z", "/metadata/region": "eu-west-3", "/policy": {} }));
    let mut all = Transcript::default();
    all.check("a resource as read", read);
    insta::assert_snapshot!(all.text());
}

#[test]
fn accounts_say_how_they_are_reached() {
    let mut all = Transcript::default();
    let account = |spec: Value| json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": "prod" }, "spec": spec });
    all.check("as it should be", account(json!({ "accountId": 123456789012u64, "roleArn": "arn:aws:iam::123456789012:role/h",
            "externalId": "abc", "sessionName": "h-1", "regions": ["eu-west-1"], "endpointUrl": "http://localhost:5000" })))
        .check("wrong in every field", account(json!({ "accountId": "12", "roleArn": "role/h", "externalId": "a", "sessionName": "h h",
            "regions": ["eu-wset-1", "Ireland", "Ireland"], "endpointUrl": "localhost", "profile": "p" })))
        .check("a role elsewhere", account(json!({ "accountId": "123456789012", "roleArn": "arn:aws:iam::210987654321:role/h" })))
        .check("nothing", account(json!({})));
    insta::assert_snapshot!(all.text());
}

#[test]
fn with_no_server_at_hand_only_the_body_is_judged() {
    let registry = crate::kinds::registry();
    let mut body = stack(json!([a_box("a", json!({ "lidId": "${other:Lid/x.id}" }))]));
    body["spec"]["account"] = json!("prod");
    assert_eq!(holdfast_core::validate::offline(&body, &registry), Ok(1));
    body["spec"]["resources"][0]["spec"]["lidId"] = json!("${Lid/x.id}");
    let errors = holdfast_core::validate::offline(&body, &registry).expect_err("it was taken");
    assert_eq!(errors.iter().map(|e| e.code.as_str()).collect::<Vec<_>>(), ["dangling-reference"]);
    // What the stack of a lone resource says is not known; of a stack that is in the body it is.
    let mut alone = a_box("a", json!({ "boxName": "${var.env}-a" }));
    alone["apiVersion"] = json!("holdfast.dev/v1");
    alone["metadata"]["stack"] = json!("elsewhere");
    alone["policy"] = json!({ "adoptId": "box-1" });
    let judged = |body: &Value| holdfast_core::validate::offline(body, &registry);
    assert_eq!(judged(&alone), Ok(1));
    let errors = judged(&stack(json!([a_box("a", json!({ "boxName": "${var.env}-a" }))]))).expect_err("it was taken");
    assert_eq!(errors.iter().map(|e| e.code.as_str()).collect::<Vec<_>>(), ["unknown-variable"]);
}
