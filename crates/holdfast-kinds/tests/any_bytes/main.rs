//! The properties of `fuzz/`, on a stable compiler: examples with bytes changed, and words that mean something.

#[path = "../../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a library for the targets of cargo-fuzz, and a module here")]
mod properties;

use proptest::prelude::*;

/// Changes of a text: where, how much goes, what comes.
fn edits() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    let piece = prop_oneof![
        3 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => ".{0,4}",
    ];
    prop::collection::vec((any::<usize>(), 0..12_usize, piece), 1..5)
}

const PIECES: [&str; 24] = [
    "null",
    "true",
    "-1",
    "1e300",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[[",
    "}",
    ",",
    ":",
    "${",
    "}",
    "$${",
    "${var.a}",
    "${Vpc/main.id}",
    "${other:Vpc/main.id}",
    "\\u0000",
    "\"*\"",
    "0.0.0.0/0",
    "::/0",
    "65536",
    "\"spec\"",
];

fn edited(text: &str, edits: &[(usize, usize, String)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, goes, comes) in edits {
        let at = at % (bytes.len() + 1);
        let to = (at + goes).min(bytes.len());
        bytes.splice(at..to, comes.bytes());
    }
    bytes
}

fn example() -> impl Strategy<Value = (u8, &'static str)> {
    let all: Vec<_> = holdfast_kinds::registry().iter().map(|kind| kind.example()).collect();
    let numbered: Vec<(u8, &'static str)> = (0..).zip(all).collect();
    prop::sample::select(numbered)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn documents_are_accepted_or_every_mistake_is_named((_, text) in example(), edits in edits()) {
        properties::documents(&edited(text, &edits));
    }

    #[test]
    fn references_are_written_as_they_are_read(start in "[a$]{0,3}", edits in edits()) {
        properties::references(&edited(&start, &edits));
    }

    #[test]
    fn a_canonical_form_is_its_own((number, text) in example(), edits in edits()) {
        let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let spec = edited(&document["spec"].to_string(), &edits);
        properties::canonical(&[&[number], spec.as_slice()].concat());
    }
}
