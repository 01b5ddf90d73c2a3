//! Apply, put, delete.

use crate::support::{Asked, alone, api, house, house_of, room, toys};
use holdfast_core::name::Scope;
use holdfast_core::plan::Fate;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn outcomes(answer: &Value) -> Vec<String> {
    let line = |r: &Value| {
        format!(
            "{}/{} {} {}",
            r["kind"].as_str().unwrap(),
            r["name"].as_str().unwrap(),
            r["outcome"].as_str().unwrap(),
            r["generation"]
        )
    };
    answer["results"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_stack_is_created_then_unchanged_then_updated_and_the_loop_is_woken() {
    let api = api();
    let first = api.apply(&house()).await;
    assert_eq!(
        outcomes(&first),
        ["Stack/house created 1", "Room/hall created 1", "Room/attic created 1", "Box/toys created 1"]
    );
    let scope = BTreeSet::from([Scope::new("default", "eu-west-1")]);
    assert_eq!(api.control.asked(), [Asked::Nudge(scope)]);
    let again = api.apply(&house()).await;
    assert_eq!(
        outcomes(&again),
        ["Stack/house unchanged 1", "Room/hall unchanged 1", "Room/attic unchanged 1", "Box/toys unchanged 1"]
    );
    let mut changed = house();
    changed["spec"]["resources"][0]["spec"]["size"] = json!(5);
    let third = api.apply(&changed).await;
    assert_eq!(outcomes(&third)[1], "Room/hall updated 2");
}

#[tokio::test]
async fn a_list_is_taken_whole_or_not_at_all() {
    let api = api();
    let mut bad = room("cellar");
    bad["spec"]["size"] = json!("large");
    let list = json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [house(), alone(bad)] });
    let reply = api.post("/v1/apply", &list).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.mistakes().contains(&"/items/1/spec/size wrong-type".to_owned()), "{:?}", reply.mistakes());
    assert!(api.store.stacks().unwrap().is_empty());
    assert!(api.control.asked().is_empty());
}

#[tokio::test]
async fn accounts_are_stored_and_listed_beside_the_default_one() {
    let api = api();
    let account = json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": "prod" },
        "spec": { "accountId": "123456789012" } });
    assert_eq!(outcomes(&api.apply(&account).await), ["Account/prod created 1"]);
    let listed = api.get("/v1/accounts").await.json();
    let names: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|a| a["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "prod"]);
}

#[tokio::test]
async fn without_prune_nothing_goes_and_with_it_each_goes_as_its_policy_says() {
    let api = api();
    let mut full = house();
    full["spec"]["resources"][2]["policy"] = json!({ "deletion": "delete" });
    api.apply(&full).await;
    let smaller = house_of(vec![room("hall")]);
    assert_eq!(outcomes(&api.apply(&smaller).await), ["Stack/house unchanged 1", "Room/hall unchanged 1"]);
    let reply = api.post("/v1/apply?prune=true", &smaller).await;
    assert_eq!(reply.status, StatusCode::OK);
    let lines = outcomes(&reply.json());
    assert!(
        lines.contains(&"Room/attic removed 1".to_owned()) && lines.contains(&"Box/toys deleting 1".to_owned()),
        "{lines:?}"
    );
    let toys = api.store.resource(&api.key("house/Box/toys")).unwrap().unwrap();
    assert_eq!(toys.fate, Fate::DeleteByPolicy);
    assert!(api.store.resource(&api.key("house/Room/attic")).unwrap().is_none());
}

#[tokio::test]
async fn a_stack_is_emptied_only_when_a_person_confirms() {
    let api = api();
    api.apply(&house()).await;
    let held = api.post("/v1/apply?prune=true", &house_of(vec![])).await;
    assert_eq!((held.status, held.mistakes()), (StatusCode::CONFLICT, vec!["/spec/resources empty-set".to_owned()]));
    assert!(held.detail().contains("?confirm=empty"), "{}", held.detail());
    assert_eq!(api.get("/v1/resources?stack=house").await.json()["items"].as_array().unwrap().len(), 3);
    let confirmed = api.post("/v1/apply?prune=true&confirm=empty", &house_of(vec![])).await;
    assert_eq!(confirmed.status, StatusCode::OK);
    assert!(api.get("/v1/resources?stack=house").await.json()["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_protected_is_neither_pruned_nor_deleted_and_is_named() {
    let api = api();
    let mut full = house();
    full["spec"]["resources"][1]["policy"] = json!({ "protect": true });
    api.apply(&full).await;
    let attempts = [
        api.post("/v1/apply?prune=true", &house_of(vec![room("hall"), toys()])).await,
        api.delete("/v1/stacks/house?deletion=delete").await,
        api.delete("/v1/stacks/house").await,
        api.delete("/v1/resources/house/Room/attic?deletion=delete").await,
    ];
    for reply in attempts {
        assert_eq!(reply.status, StatusCode::CONFLICT);
        assert_eq!(reply.mistakes(), [" protected"]);
        assert!(reply.detail().contains("house/Room/attic"), "{}", reply.detail());
    }
    assert_eq!(api.store.resource(&api.key("house/Room/hall")).unwrap().unwrap().fate, Fate::Keep);
    // Lifting it in the same document that drops the declaration is not enough for a resource of its own policy.
    full["spec"]["resources"][1]["policy"] = json!({ "protect": false });
    api.apply(&full).await;
    assert_eq!(api.delete("/v1/stacks/house").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stack_is_forgotten_by_default_and_torn_down_by_name() {
    let api = api();
    api.apply(&house()).await;
    let torn = api.delete("/v1/stacks/house?deletion=delete").await;
    assert_eq!(torn.status, StatusCode::ACCEPTED);
    let lines = outcomes(&torn.json());
    assert!(lines.contains(&"Stack/house deleting 1".to_owned()), "{lines:?}");
    let stack = api.get("/v1/stacks/house").await.json();
    assert_eq!(stack["status"]["deleting"], true);
    assert_eq!(stack["status"]["phases"]["Deleting"], 3);
    assert_eq!(api.store.resource(&api.key("house/Box/toys")).unwrap().unwrap().fate, Fate::DeleteByName);
    // The same again changes nothing, and is still under way.
    assert_eq!(api.delete("/v1/stacks/house?deletion=delete").await.status, StatusCode::ACCEPTED);
    let forgotten = api.delete("/v1/stacks/house?deletion=retain").await;
    assert_eq!(forgotten.status, StatusCode::OK);
    assert_eq!(api.get("/v1/stacks/house").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_resource_is_put_read_sent_back_and_deleted() {
    let api = api();
    api.apply(&house()).await;
    let path = "/v1/resources/house/Room/cellar";
    let made = api.put(path, &alone(room("cellar"))).await;
    assert_eq!((made.status, outcomes(&made.json())), (StatusCode::CREATED, vec!["Room/cellar created 1".to_owned()]));
    let read = api.get(path).await;
    assert_eq!(made.header("etag"), read.header("etag"));
    // What was read can be sent back as it is, and changes nothing.
    let mut read = read.json();
    read["detailsReadAt"] = json!("2026-01-01T00:00:00Z");
    let back = api.put(path, &read).await;
    assert_eq!((back.status, outcomes(&back.json())), (StatusCode::OK, vec!["Room/cellar unchanged 1".to_owned()]));
    // The path says the stack where the body does not.
    let mut bare = alone(room("cellar"));
    bare["metadata"].as_object_mut().unwrap().shift_remove("stack");
    bare["spec"]["size"] = json!(9);
    assert_eq!(outcomes(&api.put(path, &bare).await.json()), ["Room/cellar updated 2"]);
    assert_eq!(outcomes(&api.delete(path).await.json()), ["Room/cellar removed 2"]);
    assert_eq!(api.get(path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stack_can_be_sent_back_as_it_was_read_and_loses_nothing() {
    let api = api();
    api.apply(&house()).await;
    let mut read = api.get("/v1/stacks/house").await.json();
    read["awaitingApproval"] = json!("0123");
    assert_eq!(outcomes(&api.apply(&read).await), ["Stack/house unchanged 1"]);
    read["metadata"]["labels"] = json!({ "floor": "2" });
    assert_eq!(outcomes(&api.apply(&read).await)[0], "Stack/house updated 1");
    assert_eq!(api.get("/v1/stacks/house").await.json()["status"]["resources"], 3);
    let pruned = api.post("/v1/apply?prune=true", &read).await;
    assert_eq!(pruned.status, StatusCode::CONFLICT, "what a read leaves out is not pruned without a word");
    // Declarations that stand at the wrong place are no view.
    let mut misplaced = house();
    misplaced["resources"] = misplaced["spec"]["resources"].take();
    misplaced["spec"].as_object_mut().unwrap().shift_remove("resources");
    misplaced["status"] = json!({});
    let reply = api.post("/v1/apply", &misplaced).await;
    assert_eq!(
        (reply.status, reply.mistakes()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["/resources unknown-field".to_owned()])
    );
}

#[tokio::test]
async fn a_body_that_is_not_what_its_path_says_is_refused() {
    let api = api();
    api.apply(&house()).await;
    let reply = api.put("/v1/resources/other/Box/cellar", &alone(room("attic"))).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        reply.mistakes(),
        ["/kind path-mismatch", "/metadata/name path-mismatch", "/metadata/stack path-mismatch"]
    );
    let stack = api.put("/v1/resources/house/Room/attic", &house()).await;
    assert_eq!(stack.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_same_key_and_body_answer_the_same_bytes_and_do_nothing_again() {
    let api = api();
    let key = [("idempotency-key", "k-1")];
    let first = api.call(Method::POST, "/v1/apply", &key, &house().to_string()).await;
    api.control.asked();
    let again = api.call(Method::POST, "/v1/apply", &key, &house().to_string()).await;
    assert_eq!((first.status, &first.bytes), (again.status, &again.bytes));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert!(api.control.asked().is_empty());
    let other = api.call(Method::POST, "/v1/apply", &key, &house_of(vec![room("hall")]).to_string()).await;
    assert_eq!(
        (other.status, other.mistakes()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec![" idempotency-key-reused".to_owned()])
    );
    let elsewhere = api.call(Method::POST, "/v1/apply?prune=true", &key, &house().to_string()).await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn two_at_once_under_one_key_get_one_answer() {
    let api = api();
    let key = [("idempotency-key", "k-1")];
    let body = house().to_string();
    let call = || api.call(Method::POST, "/v1/apply", &key, &body);
    let (a, b) = tokio::join!(call(), call());
    assert_eq!(a.bytes, b.bytes);
    assert_eq!(
        api.store
            .events(0, 100, &holdfast_store::EventFilter::default())
            .unwrap()
            .iter()
            .filter(|e| e.reason == "Created")
            .count(),
        4
    );
}

#[tokio::test]
async fn a_refused_request_keeps_no_answer_under_its_key() {
    let api = api();
    let key = [("idempotency-key", "k-1")];
    let refused = api.call(Method::POST, "/v1/apply", &key, "{}").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let taken = api.call(Method::POST, "/v1/apply", &key, &house().to_string()).await;
    assert_eq!(taken.status, StatusCode::OK);
    let long = "x".repeat(256);
    for bad in ["", long.as_str()] {
        let reply = api.call(Method::POST, "/v1/apply", &[("idempotency-key", bad)], &house().to_string()).await;
        assert_eq!(reply.mistakes(), [" invalid-header"]);
    }
}

#[tokio::test]
async fn one_live_thing_is_declared_once_whatever_it_was_called_before_and_whoever_only_asked() {
    let api = api();
    api.apply(&house()).await;
    let named = |name: &str, called: &str| {
        let mut room = alone(room(name));
        room["spec"]["roomName"] = json!(called);
        room
    };
    let put = async |name: &str, called: &str| {
        let reply = api.put(&format!("/v1/resources/house/Room/{name}"), &named(name, called)).await;
        if reply.status == StatusCode::UNPROCESSABLE_ENTITY { reply.mistakes() } else { vec![] }
    };
    let twice = vec![" duplicate-identity".to_owned()];
    assert_eq!(put("study", "hall").await, twice);
    assert_eq!(put("study", "study").await, Vec::<String>::new());
    assert_eq!(put("cellar", "study").await, twice);
    // A plan of it declares nothing.
    let planned = api.post("/v1/plan", &named("guest", "parlour")).await;
    assert_eq!(planned.status, StatusCode::OK, "{}", planned.json());
    assert_eq!(put("parlour", "parlour").await, Vec::<String>::new());
    // A name that is given up is free.
    assert_eq!(put("study", "library").await, Vec::<String>::new());
    assert_eq!(put("cellar", "study").await, Vec::<String>::new());
    assert_eq!(put("study", "study").await, twice);
    let gone = api.delete("/v1/resources/house/Room/cellar?deletion=retain").await;
    assert!(gone.status.is_success(), "{}", gone.json());
    assert_eq!(put("study", "study").await, Vec::<String>::new());
}
