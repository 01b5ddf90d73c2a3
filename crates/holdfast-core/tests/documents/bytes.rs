use crate::Transcript;
use holdfast_core::document::{MAX_DEPTH, from_bytes};

fn outcome(body: &[u8]) -> String {
    match from_bytes(body, MAX_DEPTH) {
        Ok(value) => value.to_string(),
        Err(error) => format!("\"{}\" [{}] {}", error.pointer, error.code, error.message),
    }
}

fn transcript(bodies: &[&[u8]]) -> String {
    let mut all = Transcript::default();
    for body in bodies {
        all.line(&body.escape_ascii().to_string(), &outcome(body));
    }
    all.text().to_owned()
}

#[test]
fn what_is_no_json_says_where_it_stops_being_json() {
    insta::assert_snapshot!(transcript(&[
        b"",
        b" \n",
        b"{\"a\": ",
        b"{\"a\": [1, 2,]}",
        b"{} {}",
        b"{\"a\": 1e999}",
        b"kind: Stack",
        br#"{"a": "\ud800"}"#,
        br#"{"a": {"b": "\udc00 \ud800x"}}"#,
        b"{\"a\": \"\xff\xfe\"}",
        b"{\"a\": \"\x00\"}",
    ]));
}

#[test]
fn what_serde_lets_pass_is_refused_where_it_stands() {
    insta::assert_snapshot!(transcript(&[
        br#"{"a": ["x", "y\u0000z"]}"#,
        br#"{"a\u0000b": 1}"#,
        br#"{"a": [{"b": 1, "c/d": 2, "c/d": 3}]}"#,
        br#"{"kind": "Stack", "kind": "Stack"}"#,
    ]));
}

#[test]
fn a_body_that_nests_too_deep_is_refused_however_deep_it_is() {
    for depth in [MAX_DEPTH + 1, 10_000, 1_000_000] {
        for opening in ["[", "{\"a\":"] {
            let error = from_bytes(opening.repeat(depth).as_bytes(), MAX_DEPTH).expect_err("it was taken");
            assert_eq!((error.pointer.as_str(), error.code.as_str()), ("", "too-deep"));
        }
    }
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(from_bytes(deepest.as_bytes(), MAX_DEPTH).is_ok());
    assert_eq!(from_bytes(b"[[1]]", 1).expect_err("it was taken").code, "too-deep");
}

#[test]
fn a_body_is_read_as_it_stands() {
    let body = br#"{"b": [null, true, -1, 1.5, 18446744073709551615, "\u00e9\ud83d\ude00"], "a": {}}"#;
    let value = from_bytes(body, MAX_DEPTH).unwrap();
    assert_eq!(value, serde_json::from_slice::<serde_json::Value>(body).unwrap());
    assert_eq!(from_bytes(b"\xef\xbb\xbf{}", MAX_DEPTH).unwrap(), serde_json::json!({}));
}
