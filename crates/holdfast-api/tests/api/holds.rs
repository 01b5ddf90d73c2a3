//! What is held until a person says so: pauses of more and less than a stack, emptied and shrunk stacks, deletions of
//! what others refer to, and too much drift.

use crate::support::{Api, alone, api, house, house_of, room, toys};
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn everything_a_scope_and_a_resource_are_paused_and_resumed_and_it_shows() {
    let api = api();
    api.apply(&house()).await;
    let shown = |path: &'static str| {
        let api = &api;
        async move { api.get(path).await.json() }
    };
    for (path, what, wide) in [
        ("/v1/resources/house/Room/hall", "house/Room/hall", "(this resource is paused)"),
        ("/v1/scopes/default/eu-west-1", "default/eu-west-1", "(its account and region are paused)"),
        ("/v1", "everything", "(everything is paused)"),
    ] {
        let body = json!({ "reason": "an audit", "until": "2026-01-01T01:00:00Z" });
        let reply = api.post(&format!("{path}/pause"), &body).await;
        assert_eq!((reply.status, &reply.json()["what"]), (StatusCode::OK, &json!(what)), "{path}");
        assert_eq!(reply.json()["paused"], body);
        let hall = shown("/v1/resources/house/Room/hall").await;
        assert_eq!(hall["paused"]["reason"], format!("an audit {wide}"), "{path}");
        let attic = shown("/v1/resources/house/Room/attic").await;
        assert_eq!(attic["paused"].is_null(), path.contains("hall"), "{path}: {attic}");
        let scope = shown("/v1/scopes").await["items"][0]["paused"].clone();
        assert_eq!(scope.is_null(), path.contains("hall"), "{path}: {scope}");
        assert_eq!(shown("/v1/overview").await["paused"].is_null(), path != "/v1", "{path}");
        let resumed = api.post(&format!("{path}/resume"), &json!({ "reason": "over" })).await;
        assert_eq!((resumed.status, &resumed.json()["paused"]), (StatusCode::OK, &Value::Null));
        assert_eq!(shown("/v1/resources/house/Room/hall").await["paused"], Value::Null, "{path}");
    }
    let events = shown("/v1/events?type=operated").await;
    assert_eq!(events["items"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn a_pause_of_nothing_is_404_one_without_a_reason_422_and_one_that_is_over_holds_nothing() {
    let api = api();
    api.apply(&house()).await;
    let body = json!({ "reason": "x", "until": "2026-01-01T01:00:00Z" });
    for path in ["/v1/resources/house/Room/nowhere/pause", "/v1/scopes/default/eu-west-9/pause"] {
        assert_eq!(api.post(path, &body).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/v1/pause", "/v1/scopes/default/eu-west-1/pause", "/v1/resources/house/Room/hall/pause"] {
        assert_eq!(api.post(path, &json!({})).await.mistakes(), ["/reason missing-field"]);
        assert_eq!(api.post(path, &body).await.status, StatusCode::OK);
    }
    let read = api.get("/v1/resources/house/Room/hall").await;
    let tag = [("if-none-match", read.header("etag"))];
    api.clock.fetch_add(3_600_000, std::sync::atomic::Ordering::SeqCst);
    let later = api.call(http::Method::GET, "/v1/resources/house/Room/hall", &tag, "").await;
    assert_eq!((later.status, &later.json()["paused"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn a_retry_under_its_key_is_answered_as_before_whatever_has_become_of_what_it_asked_for() {
    let api = api();
    api.apply(&house()).await;
    let until = json!({ "reason": "an audit", "until": "2026-01-01T01:00:00Z" }).to_string();
    let asked = [
        ("/v1/stacks/house/pause", &*until),
        ("/v1/resources/house/Room/hall/pause", &until),
        ("/v1/resources/house/Room/hall/resume", "{}"),
        ("/v1/resources/house/Room/hall/adopt", "{}"),
        ("/v1/stacks/house/reconcile", "{}"),
        ("/v1/stacks/house/resume", "{}"),
    ];
    let call = async |(path, body): (&str, &str)| {
        let reply = api.call(http::Method::POST, path, &[("idempotency-key", path)], body).await;
        (reply.status, reply.bytes)
    };
    let mut first = Vec::new();
    for one in asked {
        first.push(call(one).await);
        assert!(first.last().is_some_and(|(status, _)| status.is_success()), "{one:?}: {:?}", first.last());
    }
    api.clock.fetch_add(7_200_000, std::sync::atomic::Ordering::SeqCst);
    assert!(api.delete("/v1/stacks/house?deletion=retain").await.status.is_success());
    for (one, before) in asked.into_iter().zip(first) {
        assert_eq!(call(one).await, before, "{one:?}");
    }
}

#[tokio::test]
async fn what_others_refer_to_is_deleted_only_with_them() {
    let api = api();
    api.apply(&house()).await;
    for query in ["", "?deletion=delete", "?deletion=retain"] {
        let refused = api.delete(&format!("/v1/resources/house/Room/hall{query}")).await;
        assert_eq!((refused.status, refused.mistakes()), (StatusCode::CONFLICT, vec![" referenced".to_owned()]));
        assert!(refused.detail().contains("house/Box/toys"), "{}", refused.detail());
    }
    assert_eq!(api.delete("/v1/resources/house/Box/toys").await.status, StatusCode::OK);
    assert_eq!(api.delete("/v1/resources/house/Room/hall").await.status, StatusCode::OK);

    api.apply(&house()).await;
    let mut guest = house();
    guest["metadata"]["name"] = json!("guest");
    let mut box_ = toys();
    box_["spec"]["roomId"] = json!("${house:Room/attic.id}");
    box_["spec"]["boxName"] = json!("guest-box");
    guest["spec"]["resources"] = json!([box_]);
    api.apply(&guest).await;
    let refused = api.delete("/v1/stacks/house?deletion=delete").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.detail().contains("guest/Box/toys"), "{}", refused.detail());
    let pruned = api.post("/v1/apply?prune=true", &house_of(vec![room("hall"), toys()])).await;
    assert_eq!((pruned.status, pruned.mistakes()), (StatusCode::CONFLICT, vec![" referenced".to_owned()]));
    assert_eq!(api.get("/v1/stacks/house").await.json()["resources"].as_array().unwrap().len(), 3);
    assert_eq!(api.delete("/v1/stacks/guest").await.status, StatusCode::OK);
    assert_eq!(api.delete("/v1/stacks/house?deletion=delete").await.status, StatusCode::ACCEPTED);
}

/// A house of ten rooms; `deletion` is what their policy says.
fn hotel(rooms: usize, deletion: &str) -> Value {
    let mut hotel = house_of((0..rooms).map(|n| room(&format!("room-{n}"))).collect());
    hotel["spec"]["policy"] = json!({ "deletion": deletion });
    hotel
}

async fn held(api: &Api, query: &str, document: &Value) -> Vec<String> {
    let reply = api.post(&format!("/v1/apply?prune=true{query}"), document).await;
    if reply.status == StatusCode::OK { Vec::new() } else { reply.mistakes() }
}

#[tokio::test]
async fn i09_a_stack_that_suddenly_shrinks_or_is_emptied_is_asked_about_before_anything_is_deleted() {
    // crossplane#6001, provider-azure#215, upjet-gcp#541.
    let api = api();
    api.apply(&hotel(10, "delete")).await;
    let asked = vec!["/spec/resources sudden-shrink".to_owned()];
    assert_eq!(held(&api, "", &hotel(4, "delete")).await, asked);
    let plan = api.post("/v1/plan?prune=true", &hotel(4, "delete")).await;
    assert_eq!(plan.mistakes(), asked);
    assert_eq!(held(&api, "", &hotel(0, "delete")).await, ["/spec/resources empty-set"]);
    assert_eq!(held(&api, "&confirm=shrink", &hotel(0, "delete")).await, ["/spec/resources empty-set"]);
    let fates = |api: &Api| {
        let all = api.store.resources(&Default::default(), 100, None).unwrap();
        all.iter().filter(|r| r.fate == holdfast_core::plan::Fate::Keep).count()
    };
    assert_eq!(fates(&api), 10, "nothing of a refused request is stored");
    // Half of it may go, and what is retained live is no deletion.
    assert_eq!(held(&api, "", &hotel(5, "delete")).await, Vec::<String>::new());
    api.apply(&hotel(10, "retain")).await;
    assert_eq!(held(&api, "", &hotel(2, "retain")).await, Vec::<String>::new());
    api.apply(&hotel(10, "delete")).await;
    assert_eq!(held(&api, "&confirm=shrink", &hotel(2, "delete")).await, Vec::<String>::new());
    assert_eq!(fates(&api), 2);
}

#[tokio::test]
async fn a_person_confirms_drift_with_a_reconcile() {
    let api = api();
    api.apply(&house()).await;
    let scope = holdfast_core::name::Scope::new("default", "eu-west-1");
    let confirmed = |api: &Api, at: &str| api.store.is_drift_confirmed(&scope, at.parse().unwrap()).unwrap();
    let refused = api.post("/v1/stacks/house/reconcile", &json!({ "confirm": "all" })).await;
    assert_eq!(refused.mistakes(), ["/confirm invalid-value"]);
    assert!(!confirmed(&api, "2026-01-01T00:01:00Z"));
    let taken = api.post("/v1/stacks/house/reconcile", &json!({ "confirm": "drift" })).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    assert!(confirmed(&api, "2026-01-01T00:14:00Z"));
    assert!(!confirmed(&api, "2026-01-01T00:16:00Z"), "it does not hold for ever");
    let alone = api.put("/v1/resources/house/Room/shed", &alone(room("shed"))).await;
    assert_eq!(alone.status, StatusCode::CREATED);
}
