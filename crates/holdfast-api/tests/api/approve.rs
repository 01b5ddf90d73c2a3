//! Approving plans.

use crate::support::{Api, Asked, alone, api, house, room, start};
use holdfast_core::name::Scope;
use holdfast_store::{Event, EventFilter, EventType};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// The house under `rollout: approve`.
fn gated() -> Value {
    let mut house = house();
    house["spec"]["policy"] = json!({ "rollout": "approve" });
    house
}

fn hash(answer: &Value) -> String {
    answer["planHash"].as_str().unwrap_or_else(|| panic!("no planHash in {answer}")).to_owned()
}

/// What the engine's pass would leave in the store.
fn pass(api: &Api) {
    let scope = Scope::new("default", "eu-west-1");
    let desired = api.store.desired(&scope, start()).unwrap();
    let parts = api.control.awaiting(&scope, &desired);
    let told = |stack: &str, _: &str| Event::new(start(), EventType::Decided, "PlanOvertaken", "").of_stack(stack);
    api.store.record_awaiting(&scope, &parts, &[], (start(), start()), &told).unwrap();
}

#[tokio::test]
async fn an_apply_names_the_plan_to_approve_and_the_plan_tells_the_same_before() {
    let api = api();
    let planned = api.post("/v1/plan", &gated()).await.json();
    assert_eq!(planned["approval"]["state"], "notDeclared");
    assert!(planned["steps"].as_array().unwrap().iter().any(|s| s["awaitsApproval"] == true));
    let early = api.post(&format!("/v1/plans/{}/approve", hash(&planned)), &json!({})).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.detail().contains("Apply them"), "{}", early.detail());

    let applied = api.apply(&gated()).await;
    assert_eq!(hash(&applied), hash(&planned), "same world, same declarations, same hash");
    let kept = api.get(&format!("/v1/plans/{}", hash(&applied))).await;
    assert_eq!(kept.status, StatusCode::OK);
    let kept = kept.json();
    assert_eq!((&kept["approval"]["state"], &kept["approval"]["approved"]), (&json!("awaiting"), &json!(false)));
    assert_eq!(kept["verdicts"][0]["fields"][0]["path"], "/size");
    assert_eq!(kept["steps"].as_array().unwrap().len(), 3);

    let again = api.apply(&gated()).await;
    assert_eq!(hash(&again), hash(&applied), "an apply that changes nothing names it too");
    pass(&api);
    assert_eq!(api.get("/v1/stacks/house").await.json()["awaitingApproval"], applied["planHash"]);
    assert_eq!(api.get("/v1/resources/house/Room/hall").await.json()["awaitingApproval"], applied["planHash"]);
    let mut read = api.get("/v1/resources/house/Room/hall").await.json();
    read["spec"]["size"] = json!(7);
    assert_eq!(api.put("/v1/resources/house/Room/hall", &read).await.status, StatusCode::OK, "it can be sent back");
}

#[tokio::test(start_paused = true)]
async fn an_apply_does_not_wait_long_for_an_aws_that_is_silent_and_the_plan_is_named_later() {
    let api = api();
    api.control.silent.store(true, std::sync::atomic::Ordering::SeqCst);
    let asked = tokio::time::Instant::now();
    let key = [("idempotency-key", "once")];
    let applied = api.call(Method::POST, "/v1/apply", &key, &gated().to_string()).await;
    assert_eq!((applied.status, &applied.json()["planHash"]), (StatusCode::OK, &Value::Null));
    assert!(asked.elapsed().as_secs() < 10, "it took {:?}", asked.elapsed());
    let again = api.call(Method::POST, "/v1/apply", &key, &gated().to_string()).await;
    assert_eq!(applied.bytes, again.bytes);
    pass(&api);
    assert!(api.get("/v1/stacks/house").await.json()["awaitingApproval"].is_string());
}

#[tokio::test]
async fn a_document_without_approval_gets_no_plan_in_its_answer() {
    let api = api();
    assert_eq!(api.apply(&house()).await["planHash"], Value::Null);
    assert!(!api.control.asked().iter().any(|a| matches!(a, Asked::Plan(_))), "and costs no look at AWS");
}

#[tokio::test]
async fn an_approval_is_kept_with_who_and_why_and_wakes_the_loop() {
    let api = api();
    let plan = hash(&api.apply(&gated()).await);
    api.control.asked();
    let path = format!("/v1/plans/{plan}/approve");
    let reply = api.call(Method::POST, &path, &[("idempotency-key", "k")], r#"{ "reason": "the new hall" }"#).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    let approval = reply.json()["approval"].clone();
    assert_eq!((&approval["state"], &approval["reason"]), (&json!("approved"), &json!("the new hall")));
    assert_eq!(approval["by"], "somebody on the server's machine");
    assert!(api.control.asked().iter().any(|a| matches!(a, Asked::Nudge(s) if s.len() == 1)));
    let given =
        api.store.approvals(&Scope::new("default", "eu-west-1"), "2027-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(given.given["house"].plan, plan);
    let events = api.store.events(0, 100, &EventFilter::default()).unwrap();
    assert_eq!(events.iter().filter(|e| e.reason == "Approved").count(), 1);
    let again = api.call(Method::POST, &path, &[("idempotency-key", "k")], r#"{ "reason": "the new hall" }"#).await;
    assert_eq!(again.bytes, reply.bytes);
    assert_eq!(api.post(&path, &json!({})).await.status, StatusCode::OK, "what is approved can be approved again");
    let events = api.store.events(0, 100, &EventFilter::default()).unwrap();
    assert_eq!(events.iter().filter(|e| e.reason == "Approved").count(), 1, "and that is no news");
}

#[tokio::test]
async fn an_overtaken_plan_is_refused_with_what_moved_and_the_plan_in_its_place() {
    let api = api();
    let old = hash(&api.apply(&gated()).await);
    let path = format!("/v1/plans/{old}/approve");
    *api.control.world.lock().unwrap() = "somebody painted it".to_owned();
    let reply = api.post(&path, &json!({})).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    let problem = reply.json();
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("/size"), "{problem}");
    let new = hash(&problem);
    assert_ne!(new, old);
    assert!(reply.detail().contains(&new));
    assert_eq!(api.post(&format!("/v1/plans/{new}/approve"), &json!({})).await.status, StatusCode::OK);

    let mut hall = alone(room("hall"));
    hall["spec"]["size"] = json!(8);
    let newer = hash(&api.put("/v1/resources/house/Room/hall", &hall).await.json());
    let reply = api.post(&path, &json!({})).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert!(reply.detail().contains("generation 1 became 2"), "{}", reply.detail());
    assert_eq!(hash(&reply.json()), newer);
    pass(&api);
    let read = api.get(&format!("/v1/plans/{old}")).await.json();
    assert_eq!((&read["approval"]["state"], &read["approval"]["overtaken"]), (&json!("overtaken"), &json!(true)));
}

#[tokio::test]
async fn what_cannot_be_approved_says_why() {
    let api = api();
    assert_eq!(api.post("/v1/plans/nothing/approve", &json!({})).await.status, StatusCode::NOT_FOUND);
    let plan = hash(&api.apply(&gated()).await);
    let reply = api.post(&format!("/v1/plans/{plan}/approve"), &json!({ "reasn": "x" })).await;
    assert_eq!(reply.mistakes(), ["/reasn unknown-field"]);
}

#[tokio::test]
async fn the_same_key_answers_the_same_plan() {
    let api = api();
    let body = gated().to_string();
    let first = api.call(Method::POST, "/v1/apply", &[("idempotency-key", "a")], &body).await;
    let again = api.call(Method::POST, "/v1/apply", &[("idempotency-key", "a")], &body).await;
    assert!(first.json()["planHash"].is_string());
    assert_eq!(first.bytes, again.bytes);
}
