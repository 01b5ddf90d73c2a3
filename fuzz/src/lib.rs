//! What must hold for any bytes: a function a property, which panics where it does not.
//!
//! `cargo +nightly fuzz run documents` (or `references`, `canonical`) looks for bytes with a sanitizer and coverage;
//! `crates/holdfast-kinds/tests/any_bytes` tries the same functions on every change, on a stable compiler.

use holdfast_core::compare::compare;
use holdfast_core::document::{MAX_DEPTH, from_bytes};
use holdfast_core::kind::Registry;
use holdfast_core::reference::{Piece, Reference, Worth, fill, fill_variables, pieces};
use holdfast_core::validate::check_alone;
use serde_json::{Value, json};
use std::sync::OnceLock;

fn registry() -> &'static Registry {
    static ALL: OnceLock<Registry> = OnceLock::new();
    ALL.get_or_init(holdfast_kinds::registry)
}

/// A body is accepted, or every mistake in it has a pointer, a code and a sentence. What is accepted once is accepted
/// alike when it is written anew.
pub fn documents(bytes: &[u8]) {
    let Ok(body) = from_bytes(bytes, MAX_DEPTH) else { return };
    match check_alone(&body, registry(), "eu-west-1") {
        Ok(accepted) => {
            let again = from_bytes(body.to_string().as_bytes(), MAX_DEPTH).map_err(|e| e.message);
            let again =
                again.and_then(|body| check_alone(&body, registry(), "eu-west-1").map_err(|e| format!("{e:?}")));
            assert_eq!(again.map(|a| a.resources.len()), Ok(accepted.resources.len()), "{body}");
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason: {body}");
            for error in errors {
                assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{error:?} in {body}");
                assert!(!error.code.to_string().is_empty() && !error.message.is_empty(), "{error:?} in {body}");
            }
        }
    }
}

/// Text is read as pieces that write it again, and filling in leaves what it does not know.
pub fn references(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(read) = pieces(text) else { return };
    let written: String = read
        .iter()
        .enumerate()
        .map(|(place, piece)| match piece {
            // A `$` right before a reference would make an escape of it.
            Piece::Text(text) if place + 1 < read.len() => {
                let bare = text.trim_end_matches('$');
                bare.replace("${", "$${") + &"${$}".repeat(text.len() - bare.len())
            }
            Piece::Text(text) => text.replace("${", "$${"),
            Piece::Reference(_, source) => source.clone(),
        })
        .collect();
    assert_eq!(pieces(&written).as_ref(), Ok(&read), "{text:?} was written as {written:?}");
    let mut unknown = json!(text);
    fill_variables(&mut unknown, &mut |_| None);
    assert_eq!(pieces(unknown.as_str().unwrap_or_default()).as_ref(), Ok(&read), "{text:?}");
    let open = |piece: &Piece| matches!(piece, Piece::Reference(Reference::Output { .. }, _));
    let mut filled = json!(text);
    fill(&mut filled, &mut |reference| match reference {
        Reference::Variable(name) => Worth::Value(json!(name)),
        Reference::Output { .. } => Worth::Open,
    });
    if read.iter().any(open) {
        let left = pieces(filled.as_str().unwrap_or_default()).unwrap_or_default();
        let outputs = |all: &[Piece]| all.iter().filter(|p| open(p)).cloned().collect::<Vec<_>>();
        assert_eq!(outputs(&left), outputs(&read), "{text:?} was filled in as {filled}");
    }
}

/// The first byte chooses a kind, the others are a spec: its canonical form is its own canonical form, and differs from
/// itself in nothing.
pub fn canonical(bytes: &[u8]) {
    let Some((choice, spec)) = bytes.split_first() else { return };
    let Ok(mut spec) = from_bytes(spec, MAX_DEPTH) else { return };
    let count = registry().iter().count();
    let Some(kind) = registry().iter().nth(usize::from(*choice) % count.max(1)) else { return };
    kind.canonical(&mut spec);
    let once = spec.clone();
    kind.canonical(&mut spec);
    assert_eq!(spec, once, "a second time it becomes something else");
    // An open reference differs from everything.
    if !has_reference(&once) {
        let diffs = compare(&once, &once, None, None, &[], kind.facts());
        assert!(diffs.is_empty(), "{once} differs from itself: {diffs:?}");
    }
}

fn has_reference(value: &Value) -> bool {
    value.to_string().contains("${")
}
