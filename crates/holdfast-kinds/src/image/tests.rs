//! What is refused, and which image is taken.

use super::{Image, chosen};
use holdfast_core::kind::Kind;
use serde_json::{Value, json};

fn mistakes(spec: Value) -> Vec<String> {
    let spec = serde_json::from_value(spec).expect("it has the shape");
    Image::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
}

#[test]
fn an_image_of_anybody_or_of_any_name_is_not_asked_for() {
    let good = json!({ "owners": ["amazon", "self", "123456789012", "${var.team}"], "name": "al2023-*" });
    assert_eq!(mistakes(good), [""; 0]);
    assert_eq!(mistakes(json!({ "owners": [], "name": "**" })), ["/owners required", "/name required"]);
    assert_eq!(mistakes(json!({ "owners": ["canonical"], "name": "ubuntu*" })), ["/owners/0 invalid-value"]);
}

#[test]
fn the_known_image_stays_while_it_fits_and_else_the_newest_is_taken() {
    let fitting = [("2025-01-01", "ami-1"), ("2025-03-01", "ami-3"), ("2025-03-01", "ami-2")];
    assert_eq!(chosen(&fitting, Some("ami-1")), Some("ami-1"));
    assert_eq!(chosen(&fitting, Some("ami-gone")), Some("ami-2"), "of two of one moment, the first by id");
    assert_eq!(chosen(&fitting, None), Some("ami-2"));
    assert_eq!(chosen(&[], Some("ami-1")), None);
}
