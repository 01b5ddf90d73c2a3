//! The certificate of a teardown.

use crate::support::{Api, Asked, api, house, start};
use axum::body::Body;
use holdfast_api::LoopError;
use holdfast_core::cloud::Leftovers;
use holdfast_core::name::Scope;
use holdfast_store::{Event, EventType, Gone, PassRecord, ScopeStatus};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

const HOUSE: [&str; 3] = ["house/Box/toys", "house/Room/attic", "house/Room/hall"];

/// What passes leave that delete these, each with the handle `id-NAME`.
fn deleted(api: &Api, keys: &[&str]) {
    for key in keys {
        let record = api.store.resource(&api.key(key)).unwrap().unwrap();
        let target = json!({ "verb": "delete", "target": format!("id-{}", record.key.name) });
        let told = |reason: &str, kind| Event::new(start(), kind, reason, "it went").of(&record.key);
        let gone = Gone { key: record.key.clone(), uid: record.uid.clone(), generation: record.generation };
        let pass = PassRecord {
            now: start(),
            changed: vec![],
            gone: vec![gone],
            events: vec![told("Deleted", EventType::Acted).with(target), told("Gone", EventType::Observed)],
            scope_status: ScopeStatus::of(Scope::new("default", "eu-west-1")),
        };
        api.store.record(&pass).unwrap();
    }
}

async fn certificate(api: &Api) -> Value {
    let reply = api.get("/v1/stacks/house/teardown").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    reply.json()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_teardown_says_what_is_gone_and_what_is_waited_for_and_ends_with_a_look_at_aws() {
    let api = api();
    api.apply(&house()).await;
    assert_eq!(api.get("/v1/stacks/house/teardown").await.status, StatusCode::NOT_FOUND, "nobody asked it to go");
    assert_eq!(api.delete("/v1/stacks/house?deletion=delete").await.status, StatusCode::ACCEPTED);
    deleted(&api, &HOUSE[..1]);
    let halfway = certificate(&api).await;
    assert_eq!((halfway["state"].as_str(), halfway["checks"].as_array().unwrap().len()), (Some("deleting"), 0));
    assert_eq!((names(&halfway["deleted"]), names(&halfway["remaining"])), (vec!["toys"], vec!["attic", "hall"]));

    deleted(&api, &HOUSE[1..]);
    api.control.asked();
    let done = certificate(&api).await;
    assert_eq!(done["state"], "clean", "{done:#}");
    assert_eq!(names(&done["deleted"]), ["toys", "attic", "hall"]);
    assert_eq!(done["deleted"][2]["id"], "id-hall");
    assert_eq!(done["checks"][0]["region"], "eu-west-1");
    let handles = HOUSE.map(|key| (api.key(key), format!("id-{}", api.key(key).name))).to_vec();
    assert_eq!(api.control.asked(), [Asked::Leftovers("house".to_owned(), handles)], "by tag and by handle");
}

#[tokio::test]
async fn what_is_left_or_cannot_be_read_is_no_clean_end() {
    let api = api();
    api.apply(&house()).await;
    api.delete("/v1/stacks/house?deletion=delete").await;
    deleted(&api, &HOUSE);
    *api.control.left.lock().unwrap() = Leftovers { things: vec![], unread: vec!["Room: denied".to_owned()] };
    assert_eq!(certificate(&api).await["state"], "unproven");
    let things = vec![(api.key("house/Room/hall"), "id-hall".to_owned())];
    *api.control.left.lock().unwrap() = Leftovers { things, unread: vec![] };
    let left = certificate(&api).await;
    assert_eq!((left["state"].as_str(), names(&left["checks"][0]["left"])), (Some("leftBehind"), vec!["hall"]));
    *api.control.broken.lock().unwrap() = Some(LoopError::Unavailable("the region is off".to_owned()));
    let reply = api.get("/v1/stacks/house/teardown").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_was_retained_is_named_and_is_not_left_behind() {
    let api = api();
    api.apply(&house()).await;
    assert_eq!(api.delete("/v1/stacks/house?deletion=retain").await.status, StatusCode::OK);
    let things = vec![(api.key("house/Room/hall"), "id-hall".to_owned())];
    *api.control.left.lock().unwrap() = Leftovers { things, unread: vec![] };
    let done = certificate(&api).await;
    assert_eq!((done["state"].as_str(), names(&done["retained"]).len()), (Some("clean"), 3), "{done:#}");
    // A new stack of that name has not been torn down.
    api.apply(&house()).await;
    assert_eq!(api.get("/v1/stacks/house/teardown").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_delete_that_is_followed_as_a_stream_ends_with_the_certificate() {
    let api = api();
    api.apply(&house()).await;
    let request = Request::delete("/v1/stacks/house?deletion=delete").header("host", "localhost");
    let request = request.header("accept", "text/event-stream").body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    deleted(&api, &HOUSE);
    let body = tokio::time::timeout(Duration::from_secs(60), response.into_body().collect()).await;
    let text = String::from_utf8(body.expect("the stream ends").unwrap().to_bytes().to_vec()).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    let data = last.strip_prefix("event: teardown\ndata: ").unwrap_or_else(|| panic!("it ends with {last}"));
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["state"], "clean");
    assert!(text.contains("DeletionRequested") && text.contains("\"reason\":\"Deleted\""), "{text}");
}
