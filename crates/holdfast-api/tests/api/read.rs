//! Reads: lists, pages, one stack, one resource, drift, overview, scopes, history, metrics.

use crate::support::{Api, api, house, house_of, room};
use holdfast_core::facts::Severity;
use holdfast_core::status::{Change, FieldDiff, Phase};
use http::StatusCode;
use serde_json::{Value, json};

fn diff(path: &str, change: Change, desired: Value, live: Value, severity: Severity) -> FieldDiff {
    let decision = "update".to_owned();
    FieldDiff { path: path.to_owned(), change, desired, live, last_written: Value::Null, severity, decision }
}

/// The house: the hall in sync, the attic missing, the box with something foreign in it.
async fn drifted() -> Api {
    let api = api();
    api.apply(&house()).await;
    api.observe("house/Room/hall", Phase::InSync, vec![]);
    api.observe(
        "house/Room/attic",
        Phase::Progressing,
        vec![diff("", Change::Missing, json!({}), Value::Null, Severity::Functional)],
    );
    let foreign = diff("/contents/1", Change::Added, Value::Null, json!({ "label": "knife" }), Severity::Exposure);
    api.observe("house/Box/toys", Phase::Drifted, vec![foreign]);
    api
}

fn names(page: &Value) -> Vec<String> {
    let name = |r: &Value| format!("{}/{}", r["kind"].as_str().unwrap(), r["metadata"]["name"].as_str().unwrap());
    page["items"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_list_is_filtered_by_everything_it_says() {
    let api = drifted().await;
    for (query, expected) in [
        ("", vec!["Box/toys", "Room/attic", "Room/hall"]),
        ("kind=Room", vec!["Room/attic", "Room/hall"]),
        ("phase=Drifted", vec!["Box/toys"]),
        ("q=HALL", vec!["Room/hall"]),
        ("q=house/Room", vec!["Room/attic", "Room/hall"]),
        ("stack=other", vec![]),
        ("account=default&region=eu-west-1&kind=Box", vec!["Box/toys"]),
        ("region=eu-west-2", vec![]),
    ] {
        assert_eq!(names(&api.get(&format!("/v1/resources?{query}")).await.json()), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_others_write() {
    let api = api();
    let rooms: Vec<Value> = (10..30).map(|n| room(&format!("room-{n}"))).collect();
    api.apply(&house_of(rooms)).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    let mut pages = 0;
    loop {
        let page = api.get(&format!("/v1/resources?limit=3{cursor}")).await.json();
        seen.extend(names(&page));
        pages += 1;
        // Somebody declares before and behind, takes one away that was read, and a status moves.
        if pages == 2 {
            let added = ["aaa", "zzz"].map(|n| crate::support::alone(room(n)));
            api.apply(&json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": added })).await;
            api.delete("/v1/resources/house/Room/room-11").await;
            api.observe("house/Room/room-20", Phase::InSync, vec![]);
        }
        match page.get("nextCursor").map(|c| c.as_str().unwrap()) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut expected: Vec<String> = (10..30).map(|n| format!("Room/room-{n}")).collect();
    expected.push("Room/zzz".to_owned());
    assert_eq!(seen, expected);
    assert_eq!(pages, 7);
}

#[tokio::test]
async fn a_cursor_of_another_list_or_of_ones_own_making_is_refused() {
    let api = drifted().await;
    let cursor = api.get("/v1/resources?limit=1").await.json()["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(api.get(&format!("/v1/resources?limit=2&cursor={cursor}")).await.status, StatusCode::OK);
    for query in [format!("kind=Room&cursor={cursor}"), "cursor=abc".to_owned(), format!("cursor=0{cursor}")] {
        let reply = api.get(&format!("/v1/resources?{query}")).await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![" invalid-cursor".to_owned()])
        );
    }
}

#[tokio::test]
async fn a_resource_is_read_in_the_shape_of_the_contract() {
    let api = drifted().await;
    let hall = api.get("/v1/resources/house/Room/hall").await.json();
    assert_eq!(hall["apiVersion"], "holdfast.dev/v1");
    let metadata = &hall["metadata"];
    assert_eq!(
        [
            &metadata["stack"],
            &metadata["name"],
            &metadata["account"],
            &metadata["region"],
            &metadata["generation"],
            &metadata["labels"]
        ],
        [&json!("house"), &json!("hall"), &json!("default"), &json!("eu-west-1"), &json!(1), &json!({})]
    );
    assert!(metadata["uid"].is_string() && metadata["createdAt"].is_string());
    assert_eq!((&hall["policy"], &hall["spec"]), (&json!({}), &json!({ "roomName": "hall", "size": 4 })));
    let status = &hall["status"];
    assert_eq!((&status["phase"], &status["observedGeneration"]), (&json!("InSync"), &json!(1)));
    assert_eq!((&status["drift"], &status["outputs"]["id"]), (&Value::Null, &json!("id-hall")));
    assert_eq!(status["conditions"][0]["type"], "Synced");
    assert_eq!(hall["usedBy"], json!([{ "stack": "house", "kind": "Box", "name": "toys" }]));
    let toys = api.get("/v1/resources/house/Box/toys").await.json();
    assert_eq!(toys["dependsOn"], json!([{ "stack": "house", "kind": "Room", "name": "hall" }]));
    let states: Vec<_> = toys["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["path"].as_str().unwrap(), f["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("/boxName", "same"), ("/roomId", "same"), ("/contents/0", "same"), ("/contents/1", "drift")]);
}

#[tokio::test]
async fn a_stack_has_a_summary_and_a_line_for_each_resource() {
    let api = drifted().await;
    let stack = api.get("/v1/stacks/house").await.json();
    assert_eq!(stack["status"]["phases"], json!({ "Progressing": 1, "InSync": 1, "Drifted": 1 }));
    assert_eq!((&stack["status"]["paused"], &stack["status"]["deleting"]), (&Value::Null, &json!(false)));
    assert!(stack["spec"].get("resources").is_none());
    let toys = &stack["resources"][0];
    assert_eq!(
        (&toys["kind"], &toys["name"], &toys["phase"], &toys["ready"]),
        (&json!("Box"), &json!("toys"), &json!("Drifted"), &json!("True"))
    );
    assert_eq!((&toys["message"], &toys["dependsOn"][0]["name"]), (&json!("it differs"), &json!("hall")));
    let list = api.get("/v1/stacks").await.json();
    assert_eq!(list["items"][0]["status"]["phases"]["InSync"], 1);
    let missing = api.get("/v1/stacks/hose").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.detail().contains("Did you mean \"house\"?"), "{}", missing.detail());
}

#[tokio::test]
async fn the_drift_report_counts_and_filters() {
    let api = drifted().await;
    let report = api.get("/v1/drift").await.json();
    assert_eq!(report["summary"], json!({ "resources": 3, "inSync": 1, "drifted": 1, "missing": 1, "unknown": 0 }));
    let scope = &report["scopes"][0];
    assert_eq!(
        (&scope["account"], &scope["apiCalls"], &scope["durationMs"]),
        (&json!("default"), &json!(3), &json!(12))
    );
    assert!(scope["sweptAt"].is_string() && report["generatedAt"].is_string());
    let item = &report["items"][0];
    assert_eq!((&item["stack"], &item["name"], &item["action"]), (&json!("house"), &json!("toys"), &json!("healing")));
    let field = &item["fields"][0];
    assert_eq!(
        (&field["path"], &field["change"], &field["desired"]),
        (&json!("/contents/1"), &json!("added"), &Value::Null)
    );
    assert_eq!((&field["severity"], &field["decision"]), (&json!("exposure"), &json!("update")));
    for (query, items) in [
        ("severity=exposure", 1),
        ("severity=cosmetic", 0),
        ("kind=Room", 1),
        ("stack=other", 0),
        ("region=eu-west-1", 2),
    ] {
        let report = api.get(&format!("/v1/drift?{query}")).await.json();
        assert_eq!(report["items"].as_array().unwrap().len(), items, "{query}");
    }
    assert_eq!(api.get("/v1/drift?stack=other").await.json()["summary"]["resources"], 0);
    assert_eq!(api.get("/v1/drift?stack=other").await.json()["scopes"], json!([]));
}

#[tokio::test]
async fn an_undeclared_change_is_told_of_and_counts_as_in_sync() {
    let api = drifted().await;
    api.observe(
        "house/Box/toys",
        Phase::InSync,
        vec![diff("/lid", Change::Undeclared, Value::Null, json!(1), Severity::Cosmetic)],
    );
    let report = api.get("/v1/drift").await.json();
    assert_eq!(report["summary"], json!({ "resources": 3, "inSync": 2, "drifted": 0, "missing": 1, "unknown": 0 }));
    assert_eq!(report["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_overview_tells_how_everything_stands() {
    let api = drifted().await;
    let overview = api.get("/v1/overview").await.json();
    assert_eq!(overview["phases"], json!({ "Progressing": 1, "InSync": 1, "Drifted": 1 }));
    assert_eq!(overview["byStack"][0]["name"], "house");
    assert_eq!(overview["byKind"][1], json!({ "name": "Room", "phases": { "Progressing": 1, "InSync": 1 } }));
    assert_eq!(overview["oldestDrift"]["stack"], "house");
    assert_eq!(overview["scopes"][0]["apiCalls"], 3);
}

#[tokio::test]
async fn scopes_are_there_before_their_first_sweep_and_readiness_waits_for_it() {
    let api = api();
    assert_eq!(api.get("/readyz").await.status, StatusCode::OK);
    api.apply(&house()).await;
    assert_eq!(api.get("/v1/scopes").await.json()["items"][0]["sweptAt"], Value::Null);
    let reply = api.get("/readyz").await;
    assert_eq!((reply.status, reply.mistakes()), (StatusCode::SERVICE_UNAVAILABLE, vec![" not-swept".to_owned()]));
    assert_eq!(api.get("/healthz").await.status, StatusCode::OK);
    api.observe("house/Room/hall", Phase::InSync, vec![]);
    assert_eq!(api.get("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn history_is_newest_first_and_outlives_the_resource() {
    let api = api();
    api.apply(&house()).await;
    let mut changed = house();
    changed["spec"]["resources"][1]["spec"]["size"] = json!(5);
    api.apply(&changed).await;
    api.delete("/v1/resources/house/Room/attic").await;
    let history = api.get("/v1/resources/house/Room/attic/history").await.json();
    let what: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["what"].as_str().unwrap(), m["generation"].as_u64().unwrap()))
        .collect();
    assert_eq!(what, [("removal", 2), ("generation", 2), ("generation", 1)]);
    assert_eq!(history["items"][2]["data"]["spec"]["size"], 4);
    assert_eq!(
        api.get("/v1/resources/house/Room/attic/history?limit=1").await.json()["items"].as_array().unwrap().len(),
        1
    );
    assert_eq!(api.get("/v1/resources/house/Room/never/history").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_history_that_is_longer_than_a_page_is_read_on_and_what_comes_meanwhile_moves_no_page() {
    let api = api();
    let attic = "/v1/resources/house/Room/attic";
    let mut changed = house();
    for size in 1..=5 {
        changed["spec"]["resources"][1]["spec"]["size"] = json!(size);
        api.apply(&changed).await;
        api.post(&format!("{attic}/pause"), &json!({ "reason": "a test" })).await;
    }
    let whole = api.get(&format!("{attic}/history")).await.json();
    let whole = whole["items"].as_array().unwrap();
    assert_eq!(whole.len(), 10);
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{attic}/history?limit=3&cursor={cursor}")).await.json();
        read.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = next.to_owned();
        api.post(&format!("{attic}/resume"), &json!({})).await;
    }
    assert_eq!(read, *whole);
    for bad in ["x", "1-2", "1-2-3-4", "--"] {
        let reply = api.get(&format!("{attic}/history?cursor={bad}")).await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![" invalid-cursor".to_owned()]),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn metrics_tell_phases_severities_sweeps_and_requests() {
    let api = drifted().await;
    let reply = api.get("/metrics").await;
    assert!(reply.header("content-type").starts_with("application/openmetrics-text"));
    let text = String::from_utf8(reply.bytes).unwrap();
    for line in [
        "holdfast_resources{phase=\"Drifted\"} 1",
        "holdfast_resources{phase=\"Failed\"} 0",
        "holdfast_drift_fields{severity=\"exposure\"} 1",
        "holdfast_last_sweep_aws_calls{account=\"default\",region=\"eu-west-1\"} 3.0",
        "holdfast_http_requests_total{method=\"POST\",route=\"/v1/apply\",status=\"200\"} 1",
        "holdfast_passes_total{account=\"default\",region=\"eu-west-1\"} 2",
        "holdfast_aws_throttles_total{account=\"default\",region=\"eu-west-1\"} 1",
        "holdfast_sweep_duration_seconds_total{account=\"default\",region=\"eu-west-1\"} 1.5",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_scope_shows_its_calls_by_action_its_budgets_and_how_long_a_look_takes() {
    let api = drifted().await;
    let scopes = api.get("/v1/scopes").await.json();
    let load = &scopes["items"][0]["load"];
    assert_eq!(load["calls"][0], json!({ "action": "ec2:DescribeBoxes", "calls": 6, "throttles": 1 }));
    assert_eq!((&load["buckets"][0]["headroom"], &load["buckets"][0]["grantedPercent"]), (&json!(94), &json!(50)));
    assert_eq!((&load["lookEveryMs"], &load["rounds"]["unread"]), (&json!(1200), &json!(1)));
    assert!(load["rounds"]["oldestReadAt"].is_string());
    let overview = api.get("/v1/overview").await.json();
    assert!(overview["scopes"][0].get("load").is_none(), "the overview is for all scopes at a glance");
}
