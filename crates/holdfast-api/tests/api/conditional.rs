//! ETag, If-Match, If-None-Match.

use crate::support::{Api, Reply, alone, api, house, house_of, room};
use holdfast_core::status::Phase;
use http::{Method, StatusCode};
use serde_json::json;

const HALL: &str = "/v1/resources/house/Room/hall";

async fn with(api: &Api, method: Method, path: &str, header: (&str, &str), body: &str) -> Reply {
    api.call(method, path, &[header], body).await
}

#[tokio::test]
async fn every_read_is_free_when_nothing_moved() {
    let api = api();
    api.apply(&house()).await;
    for path in [
        "/v1/stacks",
        "/v1/stacks/house",
        "/v1/resources",
        HALL,
        "/v1/resources/house/Room/hall/history",
        "/v1/drift",
        "/v1/events",
        "/v1/accounts",
        "/v1/accounts/default",
        "/v1/scopes",
        "/v1/overview",
        "/openapi.json",
        "/schemas/v1.json",
        "/schemas/Room.json",
    ] {
        let read = api.get(path).await;
        assert_eq!(read.status, StatusCode::OK, "{path}");
        let tag = read.header("etag").to_owned();
        let again = with(&api, Method::GET, path, ("if-none-match", &tag), "").await;
        assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        let other = with(&api, Method::GET, path, ("if-none-match", "\"other\""), "").await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_new_status_is_a_new_tag_but_refuses_no_write() {
    let api = api();
    api.apply(&house()).await;
    let before = api.get(HALL).await;
    let stack = api.get("/v1/stacks/house").await;
    api.observe("house/Room/hall", Phase::InSync, vec![]);
    for (path, read) in [(HALL, &before), ("/v1/stacks/house", &stack)] {
        let again = with(&api, Method::GET, path, ("if-none-match", read.header("etag")), "").await;
        assert_eq!(again.status, StatusCode::OK, "{path}");
    }
    let mut changed = before.json();
    changed["spec"]["size"] = json!(7);
    let put = with(&api, Method::PUT, HALL, ("if-match", before.header("etag")), &changed.to_string()).await;
    assert_eq!(put.status, StatusCode::OK);
}

#[tokio::test]
async fn a_write_over_somebody_elses_is_refused() {
    let api = api();
    api.apply(&house()).await;
    let tag = api.get(HALL).await.header("etag").to_owned();
    let stack = api.get("/v1/stacks/house").await.header("etag").to_owned();
    let mut mine = alone(room("hall"));
    mine["metadata"]["labels"] = json!({ "a": "b" });
    assert_eq!(with(&api, Method::PUT, HALL, ("if-match", &tag), &mine.to_string()).await.status, StatusCode::OK);
    mine["spec"]["size"] = json!(8);
    let put = with(&api, Method::PUT, HALL, ("if-match", &tag), &mine.to_string()).await;
    assert_eq!(
        (put.status, put.mistakes()),
        (StatusCode::PRECONDITION_FAILED, vec![" precondition-failed".to_owned()])
    );
    assert_eq!(with(&api, Method::DELETE, HALL, ("if-match", &tag), "").await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(api.put(HALL, &mine).await.status, StatusCode::OK);
    // The stack has moved with its resource.
    assert_eq!(
        with(&api, Method::DELETE, "/v1/stacks/house", ("if-match", &stack), "").await.status,
        StatusCode::PRECONDITION_FAILED
    );
    let apply = with(&api, Method::POST, "/v1/apply", ("if-match", &stack), &house().to_string()).await;
    assert_eq!(apply.status, StatusCode::PRECONDITION_FAILED);
    let stack = api.get("/v1/stacks/house").await.header("etag").to_owned();
    assert_eq!(
        with(&api, Method::POST, "/v1/apply", ("if-match", &stack), &house().to_string()).await.status,
        StatusCode::OK
    );
    assert_eq!(with(&api, Method::DELETE, "/v1/stacks/house", ("if-match", "*"), "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn create_only_creates_only() {
    let api = api();
    let only = ("if-none-match", "*");
    assert_eq!(with(&api, Method::POST, "/v1/apply", only, &house().to_string()).await.status, StatusCode::OK);
    assert_eq!(
        with(&api, Method::POST, "/v1/apply", only, &house().to_string()).await.status,
        StatusCode::PRECONDITION_FAILED
    );
    let cellar = "/v1/resources/house/Room/cellar";
    let body = alone(room("cellar")).to_string();
    assert_eq!(with(&api, Method::PUT, cellar, only, &body).await.status, StatusCode::CREATED);
    assert_eq!(with(&api, Method::PUT, cellar, only, &body).await.status, StatusCode::PRECONDITION_FAILED);
    let missing =
        with(&api, Method::PUT, "/v1/resources/house/Room/shed", ("if-match", "*"), &alone(room("shed")).to_string())
            .await;
    assert_eq!(missing.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(api.get("/v1/resources/house/Room/shed").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dry_run_a_plan_and_steering_keep_the_conditions_of_a_write() {
    let api = api();
    api.apply(&house()).await;
    let old = api.get("/v1/stacks/house").await.header("etag").to_owned();
    api.put("/v1/resources/house/Room/cellar", &alone(room("cellar"))).await;
    let new = api.get("/v1/stacks/house").await.header("etag").to_owned();
    let (document, reason) = (house().to_string(), json!({ "reason": "x" }).to_string());
    for (path, body) in [
        ("/v1/apply?dryRun=true", &document),
        ("/v1/plan", &document),
        ("/v1/stacks/house/pause", &reason),
        ("/v1/stacks/house/resume", &reason),
        ("/v1/stacks/house/reconcile", &reason),
    ] {
        let stale = with(&api, Method::POST, path, ("if-match", &old), body).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{path}");
        assert!(with(&api, Method::POST, path, ("if-match", &new), body).await.status.is_success(), "{path}");
    }
}

#[tokio::test]
async fn an_account_is_read_with_its_tag_and_written_over_that_tag_only() {
    let api = api();
    let account = |id: &str| {
        json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": "prod" },
            "spec": { "accountId": id } })
    };
    api.apply(&account("123456789012")).await;
    let read = api.get("/v1/accounts/prod").await;
    assert_eq!(read.json()["spec"]["accountId"], "123456789012");
    let tag = read.header("etag").to_owned();
    let mut labelled = read.json();
    labelled["metadata"]["labels"] = json!({ "team": "media" });
    let apply = |body: String| with(&api, Method::POST, "/v1/apply", ("if-match", &tag), body.leak());
    assert_eq!(apply(labelled.to_string()).await.status, StatusCode::OK, "what was read can be sent back");
    assert_eq!(apply(account("123456789012").to_string()).await.status, StatusCode::PRECONDITION_FAILED);
    let implied = api.get("/v1/accounts/default").await.header("etag").to_owned();
    let mut default = account("123456789012");
    default["metadata"]["name"] = json!("default");
    for (tag, status) in [("\"x.0\"", StatusCode::PRECONDITION_FAILED), (&*implied, StatusCode::OK)] {
        let reply = with(&api, Method::POST, "/v1/apply", ("if-match", tag), &default.to_string()).await;
        assert_eq!(reply.status, status, "the account that is there without a document has a tag too");
    }
    let unknown = api.get("/v1/accounts/prdo").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.detail().contains("Did you mean \"prod\"?"), "{}", unknown.detail());
}

#[tokio::test]
async fn steering_one_resource_keeps_the_conditions_of_a_write() {
    let api = api();
    api.apply(&house()).await;
    let old = api.get(HALL).await.header("etag").to_owned();
    let mut changed = alone(room("hall"));
    changed["policy"] = json!({ "drift": "report" });
    assert_eq!(api.put(HALL, &changed).await.status, StatusCode::OK);
    let new = api.get(HALL).await.header("etag").to_owned();
    let reason = json!({ "reason": "x" }).to_string();
    for (what, body) in [("pause", reason.as_str()), ("resume", &reason), ("adopt", "{}")] {
        let path = format!("{HALL}/{what}");
        let stale = with(&api, Method::POST, &path, ("if-match", &old), body).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{path}");
        assert!(with(&api, Method::POST, &path, ("if-match", &new), body).await.status.is_success(), "{path}");
    }
}

#[tokio::test]
async fn a_condition_that_says_nothing_is_refused() {
    let api = api();
    api.apply(&house()).await;
    let list = json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [house_of(vec![room("hall")])] });
    let reply = with(&api, Method::POST, "/v1/apply", ("if-match", "\"x\""), &list.to_string()).await;
    assert_eq!(
        (reply.status, reply.mistakes()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec![" invalid-header".to_owned()])
    );
    let pause = with(&api, Method::POST, "/v1/pause", ("if-match", "*"), &json!({ "reason": "x" }).to_string()).await;
    assert_eq!(
        (pause.status, pause.mistakes()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec![" invalid-header".to_owned()])
    );
    assert_eq!(api.get("/v1/overview").await.json()["paused"], json!(null));
    let reply = with(&api, Method::GET, HALL, ("if-none-match", "unquoted"), "").await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
}
