//! What is refused, what is the same, what a changed key comes to.

use super::KeyPair;
use crate::cases;
use holdfast_core::kind::Kind;
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJXnUZ5vwBqGGzSmLVrVTQ4Yn6kTYKhbDFcVpFsA6kTn";

#[test]
fn a_name_is_one_that_aws_takes_and_every_mistake_is_told() {
    let mistakes = |name: &str, key: &str| -> Vec<String> {
        let spec = json!({ "keyName": name, "publicKeyMaterial": key });
        let spec = serde_json::from_value(spec).expect("it has the shape");
        KeyPair::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    for good in ["ops", "ops team/2", "${var.env}-ops"] {
        assert_eq!(mistakes(good, KEY), [""; 0], "{good}");
    }
    assert_eq!(mistakes("", "x"), ["/keyName required", "/publicKeyMaterial invalid-value"]);
    assert_eq!(mistakes(" ops", KEY), ["/keyName invalid-value"]);
    assert_eq!(mistakes("schlüssel", KEY), ["/keyName invalid-character"]);
    assert_eq!(mistakes(&"x".repeat(256), KEY), ["/keyName too-long"]);
    assert_eq!(mistakes("ops", "-----BEGIN RSA PRIVATE KEY-----"), ["/publicKeyMaterial private-key"]);
}

#[test]
fn a_key_that_aws_does_not_show_is_unknown_and_no_drift() {
    let seen = super::observed("key-1".to_owned(), crate::common::Tags::new(), json!({ "keyName": "ops" }), None);
    assert_eq!(seen.unread, ["/publicKeyMaterial"]);
}

#[test]
fn it_is_deleted_by_the_name_it_has() {
    let fields = json!({ "keyName": "ops", "publicKeyMaterial": KEY });
    let seen = super::observed("key-1".to_owned(), crate::common::Tags::new(), fields, None);
    let steps = KeyPair::delete(&seen);
    let told: Vec<Value> = steps.iter().filter_map(|s| serde_json::to_value(&s.action).ok()).collect();
    assert_eq!(told, [json!({ "do": "delete", "id": "key-1", "fields": { "keyName": "ops" } })]);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("KeyPair");
}
