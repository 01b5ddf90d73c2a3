//! Every field of every kind's example, with every kind of wrong value: a clear 4xx, nothing stored, no 5xx.

use crate::simulated;
use anyhow::{Result, ensure};
use holdfast_core::pointer;
use holdfast_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

/// The pointers of everything in a value, the value itself left out.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(k, v)| (pointer::join(at, k), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (format!("{at}/{i}"), v)).collect(),
        _ => return,
    };
    for (place, inner) in below {
        out.push(place.clone());
        places(inner, &place, out);
    }
}

/// Whether a document must be refused, or may also be fine.
#[derive(Clone, Copy, PartialEq)]
enum Must {
    BeRefused,
    NotBreak,
}

fn spoiled(example: &Value, place: &str) -> Vec<(&'static str, Must, Value, String)> {
    let at = format!("/spec{place}");
    let here = example.pointer(&at).cloned().unwrap_or_default();
    let put = |value: Value| {
        let mut document = example.clone();
        pointer::set(&mut document, &at, value);
        document
    };
    let wrong = if here.is_object() { json!(7) } else { json!({ "no": "such" }) };
    let is_free_map =
        ["/tags", "/attributes", "/parameters", "/redeployOn", "/options", "/dockerLabels", "/policyDocument"]
            .iter()
            .any(|m| place.contains(m));
    let mut out = vec![
        ("wrong type", if is_free_map { Must::NotBreak } else { Must::BeRefused }, put(wrong), at.clone()),
        ("null", Must::NotBreak, put(Value::Null), at.clone()),
        ("too long", Must::NotBreak, put(json!("x".repeat(70_000))), at.clone()),
        ("odd", Must::NotBreak, put(json!("\u{0}\u{202e}${")), at.clone()),
        ("huge", Must::NotBreak, put(json!(1e300)), at.clone()),
        ("negative", Must::NotBreak, put(json!(-1)), at.clone()),
    ];
    if here.is_object() && !is_free_map {
        let mut document = example.clone();
        let sibling = pointer::join(&at, "noSuchField");
        pointer::set(&mut document, &sibling, json!(1));
        out.push(("unknown sibling", Must::BeRefused, document, sibling));
    }
    out
}

fn check(server: &Server, what: &str, must: Must, document: &Value, place: &str) -> Result<()> {
    let name = document["metadata"]["name"].as_str().unwrap_or_default();
    let told = format!("{} with {what} at {place}", document["kind"]);
    let started = std::time::Instant::now();
    let (status, body) = server.call(Method::POST, "/v1/apply?dryRun=true", Some(document))?;
    ensure!(started.elapsed().as_secs() < 30, "{told} hung");
    if status == 200 && must == Must::NotBreak {
        return Ok(());
    }
    ensure!((400..500).contains(&status), "{told} answered {status}: {body}");
    let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(!errors.is_empty(), "{told}: no errors are listed: {body}");
    for error in errors {
        let said = |field: &str| error[field].as_str().is_some_and(|s| !s.is_empty());
        ensure!(error["pointer"].is_string() && said("code") && said("message"), "{told}: {error}");
    }
    if must == Must::BeRefused {
        let near =
            errors.iter().any(|e| e["pointer"].as_str().is_some_and(|p| p.starts_with(place) || place.starts_with(p)));
        ensure!(near, "{told}: no error points there: {body:#}");
    }
    let (status, _) = server.call(Method::POST, "/v1/apply", Some(document))?;
    ensure!((400..500).contains(&status), "{told} was refused in a dry run and taken for real");
    let kind = document["kind"].as_str().unwrap_or_default();
    let (status, _) = server.call(Method::GET, &format!("/v1/resources/bad/{kind}/{name}"), None)?;
    ensure!(status == 404, "{told} was refused and stored");
    Ok(())
}

#[test]
fn every_field_of_every_kind_with_every_wrong_value_is_refused_clearly() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let mut checked = 0;
    for kind in holdfast_kinds::registry().iter() {
        let mut example: Value = serde_json::from_str(kind.example())?;
        example["metadata"] = json!({ "name": "x", "stack": "bad" });
        let mut all = Vec::new();
        places(&example["spec"], "", &mut all);
        for place in std::iter::once(String::new()).chain(all) {
            for (what, must, document, at) in spoiled(&example, &place) {
                check(&server, what, must, &document, &at)?;
                checked += 1;
            }
        }
    }
    ensure!(checked > 500, "only {checked} documents were tried");
    Ok(())
}

#[test]
fn a_body_that_is_no_document_is_refused_and_the_server_lives() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let bodies: [(&str, Vec<u8>); 6] = [
        ("cut short", b"{\"apiVersion\":".to_vec()),
        ("empty", Vec::new()),
        ("deep", deep.into_bytes()),
        ("not UTF-8", vec![b'"', 0xff, 0xfe, b'"']),
        ("a lone surrogate", b"{\"kind\":\"\\ud800\"}".to_vec()),
        ("too large", vec![b' '; 50 << 20]),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (what, body) in bodies {
        let url = format!("{}/v1/apply", server.url);
        let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
        // A body over the limit may be cut off before all of it is sent; that is an answer too.
        if let Ok(response) = runtime.block_on(request.send()) {
            ensure!(response.status().is_client_error(), "{what} answered {}", response.status());
        }
        ensure!(server.call(Method::GET, "/healthz", None)?.0 == 200, "after a body that is {what} it is not well");
    }
    ensure!(server.get("/v1/resources")?["items"] == json!([]), "something was stored");
    Ok(())
}
