//! What the kinds of RDS share: their names and ARNs, and how they talk to RDS.
//!
//! RDS tags by ARN and does all else by name. So the handle of its things is the ARN, and the name is its end.

#[cfg(feature = "aws")]
pub(crate) mod aws;

use crate::common::closed;
use crate::plain::{Action, Call};
use holdfast_core::handle::Arn;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use serde_json::Value;

/// The name at the end of a handle; a name is its own.
pub(crate) fn name_of(handle: &str) -> &str {
    handle.rsplit(':').next().unwrap_or(handle)
}

/// The name of what an action acts on, where it is there already.
pub(crate) fn named<K>(action: &Action<K>) -> Option<String> {
    match &action.call {
        Call::Create { .. } => None,
        Call::Modify { id, .. } | Call::Delete { id, .. } => Some(name_of(id).to_owned()),
        Call::Retag(retag) => Some(name_of(&retag.id).to_owned()),
    }
}

/// Reads the ARN of a thing of the given sort, such as `subgrp`.
pub(crate) fn handle(text: &str, sort: &str) -> Option<String> {
    Arn::rest(text, "rds", &format!("{sort}:")).map(|_| text.to_owned())
}

/// Names in lower case, as RDS keeps them.
pub(crate) fn lower(spec: &mut Value, names: &[&str]) {
    for name in names {
        if let Some(lowered) = closed(spec, name).map(str::to_lowercase) {
            spec[*name] = lowered.into();
        }
    }
}

/// The rules of a name: a letter first, then letters, digits and `more`, 255 at most.
pub(crate) fn check_name(errors: &mut Vec<SpecError>, pointer: &str, name: &str, more: &str) {
    if is_open(name) {
        return;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    let well = name.len() <= 255 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain);
    if !well {
        let also = more.chars().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
        let words =
            format!("\"{name}\" is no name for RDS: it takes a letter, then letters, digits and {also}, 255 at most");
        errors.push(SpecError::new(pointer, "invalid-name", words));
    } else if name.eq_ignore_ascii_case("default") || name.to_ascii_lowercase().starts_with("default.") {
        let words = format!("\"{name}\" is AWS's own; give it another name");
        errors.push(SpecError::new(pointer, "reserved-name", words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_lowered_unless_it_is_still_a_reference() {
        let mut spec = json!({ "a": "Main-DB", "b": "${DBSubnetGroup/Main.id}", "c": 1 });
        lower(&mut spec, &["a", "b", "c", "d"]);
        assert_eq!(spec, json!({ "a": "main-db", "b": "${DBSubnetGroup/Main.id}", "c": 1 }));
    }

    #[test]
    fn a_handle_is_an_arn_of_its_sort_and_ends_in_the_name() {
        let arn = "arn:aws:rds:eu-west-1:123456789012:subgrp:main";
        assert_eq!(handle(arn, "subgrp").as_deref(), Some(arn));
        assert_eq!(handle(arn, "pg"), None);
        assert_eq!(handle("main", "subgrp"), None);
        assert_eq!((name_of(arn), name_of("main")), ("main", "main"));
    }

    #[test]
    fn names_that_rds_refuses_are_refused() {
        let told = |name: &str| {
            let mut errors = Vec::new();
            check_name(&mut errors, "/name", name, "-");
            errors.into_iter().map(|e| e.code).collect::<Vec<_>>()
        };
        assert_eq!((told("main-db"), told("${var.name}-db")), (vec![], vec![]));
        for bad in ["", "1db", "main_db", "main.db"] {
            assert_eq!(told(bad), ["invalid-name"], "{bad}");
        }
        assert_eq!(told("Default"), ["reserved-name"]);
    }
}
