//! What is to be known before a plan is carried out.

use crate::support::{api, house, house_of, room};
use holdfast_api::LoopError;
use http::StatusCode;
use serde_json::{Value, json};

/// A box in a room that is named by id.
fn stray() -> Value {
    json!({ "kind": "Box", "metadata": { "name": "stray" }, "spec": { "boxName": "stray", "roomId": "room-17" } })
}

fn finding() -> Value {
    json!({
        "level": "error", "account": "default", "region": "eu-west-1",
        "key": { "stack": "house", "kind": "Box", "name": "stray" },
        "pointer": "/roomId", "message": "there is no room room-17; make it first",
    })
}

#[tokio::test]
async fn a_plan_tells_what_is_named_and_not_there_and_is_the_same_plan() {
    let api = api();
    let document = house_of(vec![room("hall"), stray()]);
    let reply = api.post("/v1/plan", &document).await;
    assert_eq!(reply.status, StatusCode::OK);
    let plan = reply.json();
    assert_eq!(plan["preflight"], json!([finding()]));
    let kept = api.get(&format!("/v1/plans/{}", plan["planHash"].as_str().unwrap())).await.json();
    assert_eq!(kept, plan);
    // Nothing is held back by it.
    api.apply(&document).await;
    assert_eq!(api.post("/v1/plan?prune=true", &house()).await.json()["preflight"], json!([]));
}

#[tokio::test]
async fn the_preflight_of_everything_declared_can_be_narrowed_down() {
    let api = api();
    api.apply(&house_of(vec![room("hall"), stray()])).await;
    let whole = api.get("/v1/preflight").await;
    assert_eq!(whole.status, StatusCode::OK);
    assert_eq!(whole.json()["items"], json!([finding()]));
    assert_eq!(whole.json()["scopes"][0]["region"], "eu-west-1");
    assert_eq!(
        api.get("/v1/preflight?stack=house&account=default&region=eu-west-1").await.json()["items"],
        json!([finding()])
    );
    for other in ["stack=barn", "account=prod", "region=us-east-1"] {
        assert_eq!(
            api.get(&format!("/v1/preflight?{other}")).await.json(),
            json!({ "scopes": [], "items": [] }),
            "{other}"
        );
    }
    assert_eq!(api.get("/v1/preflight?kind=Box").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_scope_that_cannot_be_read_is_a_finding_and_no_failure() {
    let api = api();
    api.apply(&house_of(vec![stray()])).await;
    *api.control.broken.lock().unwrap() = Some(LoopError::Unavailable("the role is gone".to_owned()));
    let reply = api.get("/v1/preflight").await;
    assert_eq!(reply.status, StatusCode::OK);
    let items = reply.json()["items"].clone();
    assert_eq!((&items[0]["level"], &items[0]["key"]), (&json!("unknown"), &Value::Null));
    assert!(items[0]["message"].as_str().unwrap().contains("the role is gone"), "{items}");
}
