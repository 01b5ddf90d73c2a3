//! Why things are as they are, and adoptions that wait to be confirmed.

use crate::support::{Api, Asked, alone, api, house, house_of, room};
use holdfast_core::facts::Severity;
use holdfast_core::plan::{Memory, UNCONFIRMED};
use holdfast_core::status::{Change, ConditionType, FieldDiff, Phase, Truth};
use holdfast_store::Changed;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

fn diff(path: &str, change: Change, desired: Value, live: Value) -> FieldDiff {
    let (severity, decision) = (Severity::Functional, "update".to_owned());
    FieldDiff { path: path.to_owned(), change, desired, live, last_written: Value::Null, severity, decision }
}

const HALL: &str = "/v1/resources/house/Room/hall/why";

#[tokio::test]
async fn a_field_is_explained_and_its_edit_can_be_put() {
    let api = api();
    api.apply(&house()).await;
    api.observe("house/Room/hall", Phase::Drifted, vec![diff("/size", Change::Changed, json!(4), json!(9))]);
    let why = api.get(&format!("{HALL}?path=/size")).await.json();
    let field = &why["fields"][0];
    assert_eq!(field["declared"], json!({ "value": 4, "resolved": 4, "generation": 1, "byStack": false }));
    assert_eq!(
        (&field["live"]["value"], &field["rule"], &field["decision"]),
        (&json!(9), &json!("declared-wins"), &json!("update"))
    );
    assert_eq!(field["edit"]["patch"], json!([{ "op": "replace", "path": "/spec/size", "value": 9 }]));
    assert_eq!(why["seenAt"], "2026-01-01T00:00:00Z");
    // The patch is on the document as it is read; with it brought in, the server takes the document back.
    let mut document = api.get("/v1/resources/house/Room/hall").await.json();
    *document.pointer_mut("/spec/size").unwrap() = field["edit"]["patch"][0]["value"].clone();
    assert_eq!(api.put("/v1/resources/house/Room/hall", &document).await.status, StatusCode::OK);
    let later = api.get(HALL).await.json();
    assert_eq!(later["waitsFor"][0]["what"], "pass");
    assert_eq!(api.get(&format!("{HALL}?path=/size")).await.json()["fields"][0]["declared"]["generation"], 2);
}

#[tokio::test]
async fn without_a_path_everything_noteworthy_is_told() {
    let api = api();
    let mut hall = room("hall");
    hall["policy"] =
        json!({ "ignore": [{ "path": "/size", "reason": "others set it", "until": "2027-01-01T00:00:00Z" }] });
    api.apply(&house_of(vec![hall, room("attic")])).await;
    let tag = diff("/tags/team", Change::Removed, json!("home"), Value::Null);
    api.observe("house/Room/hall", Phase::Drifted, vec![tag]);
    let why = api.get(HALL).await.json();
    let told: Vec<_> = why["fields"].as_array().unwrap().iter().map(|f| (&f["path"], &f["rule"])).collect();
    assert_eq!(told, [(&json!("/tags/team"), &json!("declared-wins")), (&json!("/size"), &json!("ignored"))]);
    assert_eq!(why["fields"][1]["owner"]["until"], "2027-01-01T00:00:00Z");
    assert_eq!(why["fields"][0]["declared"]["byStack"], true);
    assert_eq!(why["edit"]["patch"], json!([{ "op": "add", "path": "/spec/tags", "value": { "team": null } }]));
}

#[tokio::test]
async fn a_chain_of_waiting_is_followed_to_its_beginning() {
    let api = api();
    api.apply(&house()).await;
    let why = api.get("/v1/resources/house/Box/toys/why?path=/roomId").await.json();
    assert_eq!(why["fields"][0]["rule"], "reference-waits");
    assert_eq!(
        why["fields"][0]["waitsFor"][0]["on"],
        json!({ "stack": "house", "kind": "Room", "name": "hall", "output": "id" })
    );
    api.observe("house/Room/hall", Phase::InSync, vec![]);
    let why = api.get("/v1/resources/house/Box/toys/why?path=/roomId").await.json();
    assert_eq!(why["fields"][0]["declared"]["resolved"], "id-hall");
    assert_eq!(why["fields"][0]["waitsFor"], json!([]));
}

#[tokio::test]
async fn a_path_that_is_no_field_and_a_resource_that_is_not_there_are_refused() {
    let api = api();
    api.apply(&house()).await;
    let wrong = api.get(&format!("{HALL}?path=/siez")).await;
    assert_eq!((wrong.status, wrong.mistakes()), (StatusCode::UNPROCESSABLE_ENTITY, vec![" unknown-field".to_owned()]));
    assert!(wrong.detail().contains("Did you mean \"size\"?"), "{}", wrong.detail());
    let wrong = api.get(&format!("{HALL}?path=size")).await;
    assert!(wrong.detail().contains("such as /size"), "{}", wrong.detail());
    assert_eq!(api.get("/v1/resources/house/Room/cellar/why").await.status, StatusCode::NOT_FOUND);
    let read = api.get(HALL).await;
    let again = api.call(Method::GET, HALL, &[("if-none-match", read.header("etag"))], "").await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

/// A hall that was taken over and differs.
async fn adopted() -> Api {
    let api = api();
    api.apply(&house_of(vec![room("hall")])).await;
    api.observe("house/Room/hall", Phase::Drifted, vec![diff("/size", Change::Changed, json!(4), json!(9))]);
    let record = api.store.resource(&api.key("house/Room/hall")).unwrap().unwrap();
    let mut status = record.status;
    for condition in status.conditions.iter_mut().filter(|c| c.kind == ConditionType::Synced) {
        (condition.status, condition.reason) = (Truth::False, UNCONFIRMED.to_owned());
    }
    let (status, memory) = (Cow::Owned(status), Cow::Owned(Memory { adopted_generation: 1, ..Memory::default() }));
    let (key, uid, generation, fate) = (record.key, record.uid, record.generation, record.fate);
    api.pass(record.scope, vec![Changed { key, uid, generation, fate, status, memory }]);
    api
}

const ADOPT: &str = "/v1/resources/house/Room/hall/adopt";

#[tokio::test]
async fn an_adoption_is_shown_and_confirmed_once() {
    let api = adopted().await;
    let shown = api.post(ADOPT, &json!({})).await.json();
    assert_eq!(
        (&shown["state"], &shown["fields"][0]["path"], &shown["id"]),
        (&json!("unconfirmed"), &json!("/size"), &json!("id-hall"))
    );
    let why = api.get(HALL).await.json();
    assert_eq!((&why["waitsFor"][0]["what"], &why["reason"]), (&json!("person"), &json!(UNCONFIRMED)));
    api.control.asked();
    let confirm = json!({ "confirm": true }).to_string();
    let once = [("idempotency-key", "k1")];
    let done = api.call(Method::POST, ADOPT, &once, &confirm).await;
    assert_eq!(
        (done.status, &done.json()["state"], &done.json()["generation"]),
        (StatusCode::OK, &json!("confirmed"), &json!(2))
    );
    let record = api.store.resource(&api.key("house/Room/hall")).unwrap().unwrap();
    assert_eq!((record.generation, record.status.phase), (2, Phase::Pending));
    assert_eq!(api.control.asked(), [Asked::Nudge(BTreeSet::from([record.scope]))]);
    assert_eq!(api.get("/v1/events?type=operated").await.json()["items"][0]["reason"], "AdoptionConfirmed");
    assert_eq!(api.call(Method::POST, ADOPT, &once, &confirm).await.bytes, done.bytes, "a retry is answered alike");
    let again = api.post(ADOPT, &json!({ "confirm": true })).await;
    assert_eq!((again.status, again.mistakes()), (StatusCode::CONFLICT, vec![" nothing-to-confirm".to_owned()]));
}

#[tokio::test]
async fn a_confirmation_says_what_is_wrong_with_it() {
    let api = adopted().await;
    let wrong = api.post(ADOPT, &json!({ "confirm": "yes", "force": true })).await;
    assert_eq!(wrong.mistakes(), ["/force unknown-field", "/confirm wrong-type"]);
    let mut hall = alone(room("hall"));
    hall["spec"]["size"] = json!(5);
    api.apply(&hall).await;
    assert_eq!(
        api.post(ADOPT, &json!({ "confirm": true })).await.status,
        StatusCode::CONFLICT,
        "the new declaration counts by itself"
    );
    assert_eq!(api.post("/v1/resources/house/Room/cellar/adopt", &json!({})).await.status, StatusCode::NOT_FOUND);
}
