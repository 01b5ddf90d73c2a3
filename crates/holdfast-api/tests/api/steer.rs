//! Reconcile, pause, resume.

use crate::support::{Asked, api, house};
use holdfast_api::LoopError;
use holdfast_core::name::Scope;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_reconcile_asks_the_loop_and_is_told() {
    let api = api();
    api.apply(&house()).await;
    api.control.asked();
    for body in ["", "{}"] {
        let reply = api.call(Method::POST, "/v1/stacks/house/reconcile", &[], body).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED);
        assert_eq!(reply.json()["scopes"], json!([{ "account": "default", "region": "eu-west-1" }]));
        let scopes = BTreeSet::from([Scope::new("default", "eu-west-1")]);
        assert_eq!(api.control.asked(), [Asked::Forgive("house".to_owned()), Asked::Nudge(scopes)]);
    }
    let events = api.get("/v1/events?type=operated").await.json();
    assert_eq!(events["items"][0]["reason"], "ReconcileRequested");
    assert_eq!(api.post("/v1/stacks/other/reconcile", &json!({})).await.status, StatusCode::NOT_FOUND);
    *api.control.broken.lock().unwrap() = Some(LoopError::Unavailable("it is shutting down".to_owned()));
    let reply = api.post("/v1/stacks/house/reconcile", &json!({})).await;
    assert_eq!(
        (reply.status, reply.mistakes()),
        (StatusCode::SERVICE_UNAVAILABLE, vec![" loop-unavailable".to_owned()])
    );
}

#[tokio::test]
async fn a_pause_has_a_reason_and_may_end_by_itself() {
    let api = api();
    api.apply(&house()).await;
    let reply =
        api.post("/v1/stacks/house/pause", &json!({ "reason": " load test ", "until": "2026-01-01T01:00:00Z" })).await;
    assert_eq!(reply.status, StatusCode::OK);
    let paused = json!({ "reason": "load test", "until": "2026-01-01T01:00:00Z" });
    assert_eq!(reply.json()["paused"], paused);
    let read = api.get("/v1/stacks/house").await;
    assert_eq!(read.json()["status"]["paused"], paused);
    // An hour later it is over, and the tag has moved with it.
    api.clock.fetch_add(3_600_000, std::sync::atomic::Ordering::SeqCst);
    let later = api.call(Method::GET, "/v1/stacks/house", &[("if-none-match", read.header("etag"))], "").await;
    assert_eq!((later.status, &later.json()["status"]["paused"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn all_three_take_a_reason_and_an_end_and_the_log_tells_the_reason() {
    let api = api();
    api.apply(&house()).await;
    let over = json!({ "reason": "after the fix", "until": "2020-01-01T00:00:00Z" });
    let soon = json!({ "reason": "after the fix", "until": "2026-01-02T00:00:00Z" });
    for (what, body, status) in [
        ("reconcile", &over, StatusCode::ACCEPTED),
        ("pause", &soon, StatusCode::OK),
        ("resume", &over, StatusCode::OK),
    ] {
        assert_eq!(api.post(&format!("/v1/stacks/house/{what}"), body).await.status, status, "{what}");
        let bad = api.post(&format!("/v1/stacks/house/{what}"), &json!({ "reason": "x", "until": "soon" })).await;
        assert_eq!(bad.mistakes(), ["/until bad-format"], "{what}");
    }
    assert_eq!(api.post("/v1/resume", &soon).await.status, StatusCode::OK);
    let events = api.get("/v1/events?type=operated").await.json();
    let told: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|t| t.ends_with(": after the fix")), "{told:?}");
}

#[tokio::test]
async fn a_resume_ends_a_pause_and_a_repeat_under_a_key_does_nothing() {
    let api = api();
    api.apply(&house()).await;
    let key = [("idempotency-key", "p")];
    let body = json!({ "reason": "incident" }).to_string();
    let first = api.call(Method::POST, "/v1/stacks/house/pause", &key, &body).await;
    assert_eq!(api.post("/v1/stacks/house/resume", &json!({ "reason": "over" })).await.json()["paused"], Value::Null);
    let again = api.call(Method::POST, "/v1/stacks/house/pause", &key, &body).await;
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(api.get("/v1/stacks/house").await.json()["status"]["paused"], Value::Null);
    let resumed = api.call(Method::POST, "/v1/stacks/house/resume", &[], "").await;
    assert_eq!(resumed.status, StatusCode::OK);
    let other = api.call(Method::POST, "/v1/stacks/house/resume", &key, &body).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn every_mistake_of_a_pause_is_named() {
    let api = api();
    api.apply(&house()).await;
    for (body, expected) in [
        (json!({}), vec!["/reason missing-field"]),
        (json!({ "reason": null }), vec!["/reason missing-field"]),
        (json!({ "reason": " " }), vec!["/reason too-short"]),
        (
            json!({ "reason": 5, "until": 5, "untill": "x" }),
            vec!["/untill unknown-field", "/reason wrong-type", "/until wrong-type"],
        ),
        (json!({ "reason": "x", "until": "tomorrow" }), vec!["/until bad-format"]),
        (json!({ "reason": "x", "until": "2020-01-01T00:00:00Z" }), vec!["/until out-of-range"]),
        (json!({ "reason": "x".repeat(1001) }), vec!["/reason too-long"]),
        (json!([]), vec![" wrong-type", "/reason missing-field"]),
    ] {
        let reply = api.post("/v1/stacks/house/pause", &body).await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::UNPROCESSABLE_ENTITY, expected.iter().map(ToString::to_string).collect()),
            "{body}"
        );
    }
    assert_eq!(api.get("/v1/stacks/house").await.json()["status"]["paused"], Value::Null);
    let reply = api.post("/v1/stacks/house/reconcile", &json!({ "now": true })).await;
    assert_eq!(reply.mistakes(), ["/now unknown-field"]);
}
