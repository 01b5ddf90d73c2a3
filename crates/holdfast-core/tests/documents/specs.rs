//! Specs, one by one.

use crate::{Transcript, a_box, stack};
use serde_json::{Value, json};

fn specs(cases: &[(&str, Value)]) -> String {
    let mut all = Transcript::default();
    for (title, spec) in cases {
        all.stack(title, json!([a_box("a", spec.clone())]));
    }
    all.text().to_owned()
}

#[test]
fn every_mistake_of_a_spec_is_found_at_once() {
    insta::assert_snapshot!(specs(&[(
        "wrong in every field",
        json!({ "boxName": "A BOX WITH A VERY LONG NAME", "size": 0, "weight": [], "count": -1, "fragile": "true",
            "colour": "bleu", "handle": { "lenght": 5, "length": 256 }, "seal": { "type": "wax", "turns": 3 },
            "slots": [{ "name": "a", "depth": "deep" }, { "name": "b" }, { "name": "a" }, "c"],
            "attributes": { "x": {} }, "combination": 12345678901u64, "tags": { "aws:a": "b" }, "boxname": "x" })
    )]));
}

#[test]
fn wrong_types_say_what_is_wanted() {
    insta::assert_snapshot!(specs(&[
        ("a number for an object", json!({ "handle": 5 })),
        ("an object for a list", json!({ "slots": {} })),
        ("a fraction", json!({ "size": 1.5 })),
        ("text for a number", json!({ "size": "large" })),
        ("a padded number", json!({ "size": "010" })),
        ("a number out of the type's range", json!({ "count": 5_000_000_000u64 })),
        ("a number for a word", json!({ "colour": 5 })),
        ("a word that differs by its case", json!({ "colour": "Red" })),
        ("an unknown form", json!({ "seal": { "type": "glue" } })),
        ("a form without its type", json!({ "seal": { "turns": 1 } })),
        ("a form's field missing", json!({ "seal": { "type": "wax" } })),
        ("a form that is a word", json!({ "seal": "wax" })),
        ("null where a value is required", json!({ "boxName": null })),
        ("null inside a list", json!({ "slots": [null] })),
        ("a rule of the kind", json!({ "colour": "blue", "size": 60 })),
    ]));
}

#[test]
fn the_rules_of_a_kind_hold_for_what_is_right_beside_what_is_wrong_and_accuse_nothing_else() {
    let blue = |more: Value| {
        let mut spec = json!({ "colour": "blue", "size": 60 });
        spec.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        spec
    };
    insta::assert_snapshot!(specs(&[
        ("a field that nobody knows", blue(json!({ "foo": 1 }))),
        (
            "a number for text, and in a list",
            blue(json!({ "weight": [], "slots": [{ "name": "a", "depth": "deep" }] }))
        ),
        ("a field missing in a list", blue(json!({ "slots": [{}] }))),
        ("a reference where a number goes", blue(json!({ "count": "${Box/b.id}" }))),
        ("the rule hangs on a word that is wrong", blue(json!({ "colour": "bleu" }))),
        ("the rule hangs on a number that is not known", blue(json!({ "size": "${Box/b.id}" }))),
        ("an object nobody can guess", blue(json!({ "handle": 5 }))),
    ]));
}

#[test]
fn a_spec_that_is_wrong_in_hundreds_of_places_is_not_held_against_the_rules_of_its_kind() {
    let told = |places: usize| {
        let slots: Vec<Value> = (0..places).map(|n| json!({ "name": n.to_string(), "depth": "deep" })).collect();
        specs(&[("", json!({ "colour": "blue", "size": 60, "slots": slots }))]).contains("no-such-box")
    };
    assert_eq!((told(200), told(201)), (true, false));
}

#[test]
fn scalars_are_taken_in_the_type_they_come_in() {
    insta::assert_snapshot!(specs(&[
        (
            "numbers for text",
            json!({ "weight": 256, "attributes": { "seconds": 30, "on": true, "x": "y" }, "tags": { "n": 1.5 } })
        ),
        ("text for numbers", json!({ "size": "80", "count": 3.0, "slots": [{ "name": "a", "depth": "7" }] })),
    ]));
}

#[test]
fn null_declares_that_a_field_must_be_unset() {
    insta::assert_snapshot!(specs(&[(
        "in every field that is not required",
        json!({ "size": null, "slots": null, "attributes": null, "handle": { "material": "brass", "length": null }, "seal": null, "tags": null })
    )]));
}

#[test]
fn a_reference_may_stand_wherever_a_value_goes() {
    insta::assert_snapshot!(specs(&[
        ("in a number, a word, an object, a list", json!({ "lidId": "${shop:Box/b.id}" })),
        (
            "to another box, everywhere",
            json!({ "size": "${Box/a.volume}", "colour": "${Box/a.id}", "handle": "${Box/a.id}", "slots": [{ "name": "x", "depth": "${Box/a.volume}" }] })
        ),
    ]));
    let body = stack(json!([
        a_box(
            "a",
            json!({ "size": "${Box/b.volume}", "colour": "${Box/b.id}", "handle": "${Box/b.arn}",
            "boxName": "A-${Box/b.id}-which-is-longer-than-it-may-be",
            "slots": ["${Box/b.id}", { "name": "x", "depth": "${Box/b.volume}" }], "seal": { "type": "${Box/b.id}" } })
        ),
        a_box("b", json!({}))
    ]));
    insta::assert_snapshot!("a_reference_in_every_type", crate::outcome(&body));
}

#[test]
fn variables_are_filled_in_and_unknown_ones_refused() {
    let mut all = Transcript::default();
    let mut body = stack(json!([a_box(
        "a",
        json!({ "boxName": "${var.env}-a", "size": "${var.size}", "weight": "${var.size}", "slots": "${var.slots}",
            "attributes": { "raw": "$${HOME} ${var.env}" } })
    )]));
    body["spec"]["variables"] = json!({ "env": "prod", "size": 20, "slots": [{ "name": "left" }], "account": "prod" });
    body["spec"]["tags"] = json!({ "env": "${var.env}" });
    all.check("all known", body.clone());
    body["spec"]["resources"][0]["spec"]["boxName"] = json!("${var.evn}-a");
    body["spec"]["resources"][0]["spec"]["count"] = json!("${var.nothing}");
    body["spec"]["tags"]["x"] = json!("${var.enw}");
    body["spec"]["tags"]["y"] = json!("${Box/a.id}");
    body["spec"]["region"] = json!("${var.region}");
    body["spec"]["account"] = json!("${var.account}");
    all.check("some unknown", body.clone());
    let mut body = stack(json!([a_box("a", json!({ "slots": "${var.slots}", "size": "${var.size}" }))]));
    body["spec"]["variables"] = json!({ "size": 200, "slots": [{ "name": "left" }, { "nmae": "right" }] });
    all.check("values that do not fit", body);
    insta::assert_snapshot!(all.text());
}
