//! Plans and dry runs.

use crate::support::{Asked, alone, api, house, house_of, room};
use holdfast_api::LoopError;
use holdfast_core::name::Scope;
use http::{Method, StatusCode};
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_dry_run_answers_the_plan_and_stores_nothing() {
    let api = api();
    let reply =
        api.call(Method::POST, "/v1/apply?dryRun=true", &[("idempotency-key", "d")], &house().to_string()).await;
    assert_eq!(reply.status, StatusCode::OK);
    let plan = reply.json();
    assert_eq!(
        plan["results"][1],
        json!({ "kind": "Room", "stack": "house", "name": "hall", "outcome": "created", "generation": 1 })
    );
    assert_eq!(plan["steps"][0]["verb"], "create");
    assert_eq!(plan["verdicts"][0]["decision"], "create");
    let scope = Scope::new("default", "eu-west-1");
    assert_eq!(api.control.asked(), [Asked::Plan(BTreeMap::from([(scope, 3)]))]);
    assert!(api.store.stacks().unwrap().is_empty());
    let hash = plan["planHash"].as_str().unwrap();
    assert_eq!(api.get(&format!("/v1/plans/{hash}")).await.status, StatusCode::NOT_FOUND);
    // The key is still free, because nothing was kept under it.
    let applied = api.call(Method::POST, "/v1/apply", &[("idempotency-key", "d")], &house().to_string()).await;
    assert_eq!(applied.status, StatusCode::OK);
}

#[tokio::test]
async fn a_plan_is_kept_under_its_hash_and_is_the_same_for_the_same_documents() {
    let api = api();
    let first = api.post("/v1/plan", &house()).await.json();
    let again = api.post("/v1/plan", &house()).await.json();
    assert_eq!(first["planHash"], again["planHash"]);
    let read = api.get(&format!("/v1/plans/{}", first["planHash"].as_str().unwrap())).await;
    assert_eq!(read.json(), first);
    let other = api.post("/v1/plan", &house_of(vec![room("hall")])).await.json();
    assert_ne!(first["planHash"], other["planHash"]);
    assert!(api.store.stacks().unwrap().is_empty());
    // Nothing of it awaits approval.
    let approve = api.post(&format!("/v1/plans/{}/approve", first["planHash"].as_str().unwrap()), &json!({})).await;
    assert_eq!(approve.status, StatusCode::CONFLICT);
    assert!(approve.detail().contains("without one"), "{}", approve.detail());
}

#[tokio::test]
async fn a_plan_says_what_would_become_of_each_document() {
    let api = api();
    api.apply(&house()).await;
    let mut hall = room("hall");
    hall["spec"]["size"] = json!(9);
    let mut labelled = room("attic");
    labelled["metadata"]["labels"] = json!({ "a": "b" });
    let plan = api.post("/v1/plan?prune=true", &house_of(vec![hall, labelled, room("shed")])).await.json();
    let lines: Vec<String> = plan["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| format!("{} {} {}", r["name"].as_str().unwrap(), r["outcome"].as_str().unwrap(), r["generation"]))
        .collect();
    assert_eq!(lines, ["house unchanged 1", "hall updated 2", "attic updated 1", "shed created 1", "toys removed 1"]);
    let applied = api
        .post(
            "/v1/apply?prune=true",
            &house_of(vec![
                {
                    let mut h = room("hall");
                    h["spec"]["size"] = json!(9);
                    h
                },
                {
                    let mut a = room("attic");
                    a["metadata"]["labels"] = json!({ "a": "b" });
                    a
                },
                room("shed"),
            ]),
        )
        .await
        .json();
    assert_eq!(plan["results"], applied["results"]);
}

#[tokio::test]
async fn a_plan_shows_its_own_stacks_and_what_they_wait_for() {
    let api = api();
    api.apply(&house()).await;
    // The fake loop lets each step wait for the one before it, in the order of keys: house comes before yard.
    let mut gate = alone(room("gate"));
    gate["metadata"]["stack"] = json!("yard");
    let plan = api.post("/v1/plan", &gate).await.json();
    assert_eq!(plan["verdicts"].as_array().unwrap().len(), 1);
    let steps: Vec<_> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["id"].as_u64().unwrap(), s["key"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(steps, [(1, "toys"), (2, "attic"), (3, "hall"), (4, "gate")]);
}

#[tokio::test]
async fn what_cannot_be_planned_is_a_problem() {
    let api = api();
    let held = api.post("/v1/plan", &json!({ "kind": "Room" })).await;
    assert_eq!(held.status, StatusCode::UNPROCESSABLE_ENTITY);
    *api.control.broken.lock().unwrap() = Some(LoopError::Failed("sk-secret".to_owned()));
    let reply = api.post("/v1/plan", &house()).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!String::from_utf8_lossy(&reply.bytes).contains("sk-secret"));
    assert!(reply.json()["instance"].as_str().unwrap().starts_with("urn:uuid:"));
}
