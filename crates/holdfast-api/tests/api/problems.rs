//! Every class of error.

use crate::support::{alone, api, api_with, house, house_of, toys};
use axum::body::Body;
use holdfast_api::ServerOptions;
use http::{Method, Request, StatusCode};
use serde_json::json;

#[tokio::test]
async fn what_is_not_there_is_404_and_a_method_that_is_not_is_405() {
    let api = api();
    for path in ["/nothing", "/v1", "/v1/stacks/", "/v1/resources/a/b", "/schemas/Rom.json", "/schemas/Room"] {
        let reply = api.get(path).await;
        assert_eq!((reply.status, reply.mistakes()), (StatusCode::NOT_FOUND, vec![" not-found".to_owned()]), "{path}");
    }
    assert!(api.get("/schemas/Rom.json").await.detail().contains("\"Room\""));
    assert!(api.get("/v1/resources/house/Rom/hall").await.detail().contains("\"Room\""));
    for (method, path) in [
        (Method::PATCH, "/v1/stacks/house"),
        (Method::POST, "/v1/drift"),
        (Method::DELETE, "/v1/apply"),
        (Method::OPTIONS, "/v1/apply"),
    ] {
        let reply = api.call(method, path, &[], "").await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(!reply.header("allow").is_empty());
    }
}

#[tokio::test]
async fn unknown_and_wrong_parameters_are_all_named_with_the_nearest_right_ones() {
    let api = api();
    let reply = api.get("/v1/resources?stak=a&limit=0&phase=Insync&limit=501").await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        reply.mistakes(),
        [" unknown-parameter", " invalid-value", " invalid-value", " invalid-value", " duplicate-parameter"]
    );
    let body = reply.json();
    assert_eq!(body["errors"][0]["parameter"], "stak");
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("Did you mean \"stack\"?"));
    assert!(body["errors"][2]["message"].as_str().unwrap().contains("Did you mean \"InSync\"?"));
    for path in [
        "/v1/stacks?x=1",
        "/v1/accounts?x=1",
        "/v1/apply?dryrun=true",
        "/v1/stacks/house?delete=true",
        "/v1/apply?dryRun=yes",
        "/v1/apply?confirm=full",
    ] {
        let method = if path.contains("apply") { Method::POST } else { Method::GET };
        assert_eq!(api.call(method, path, &[], "").await.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    // Who asks for health may add what they like.
    assert_eq!(api.get("/healthz?probe=1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_value_filters_nothing_on_a_read_and_is_refused_on_a_write() {
    let api = api();
    for query in ["dryRun", "dryRun=", "prune=", "confirm="] {
        let reply = api.post(&format!("/v1/apply?{query}"), &house()).await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![" invalid-value".to_owned()]),
            "{query}"
        );
    }
    assert!(api.store.stacks().unwrap().is_empty(), "what was only to be looked at is not stored");
    api.apply(&house()).await;
    for path in ["/v1/stacks/house?deletion=", "/v1/resources/house/Box/toys?deletion"] {
        assert_eq!(api.delete(path).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    for path in ["/v1/resources?stack=&kind=&phase=&q=&limit=&cursor=", "/v1/events?after=", "/v1/drift?severity="] {
        assert_eq!(api.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_400_and_of_another_type_415() {
    let api = api();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in ["{", "nothing", "{} {}", "{\"a\": \"\\ud800\"}", deep.as_str(), " "] {
        let reply = api.call(Method::POST, "/v1/apply", &[], body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body:.20}");
        assert!(reply.mistakes()[0].starts_with(' '), "{:?}", reply.mistakes());
    }
    let empty = api.call(Method::POST, "/v1/apply", &[("content-type", "application/json")], "").await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    for kind in ["text/plain", "application/yaml", "application/jsonx", ""] {
        let reply = api.call(Method::POST, "/v1/apply", &[("content-type", kind)], &house().to_string()).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let gzip = [("content-encoding", "gzip")];
    assert_eq!(api.call(Method::POST, "/v1/apply", &gzip, "x").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(api.call(Method::POST, "/v1/apply", &charset, &house().to_string()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn duplicate_keys_and_nul_characters_are_422_at_their_place() {
    let api = api();
    let twice = r#"{"apiVersion":"holdfast.dev/v1","kind":"Stack","metadata":{"name":"a","name":"b"},"spec":{}}"#;
    let reply = api.call(Method::POST, "/v1/apply", &[], twice).await;
    assert_eq!(
        (reply.status, reply.mistakes()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["/metadata/name duplicate-key".to_owned()])
    );
    let reply = api.call(Method::POST, "/v1/apply", &[], r#"{"kind":"a\u0000"}"#).await;
    assert_eq!(reply.mistakes(), ["/kind bad-character"]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_however_it_is_sent() {
    let api = api_with(ServerOptions { max_body: 1000, ..ServerOptions::default() });
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(2000));
    let reply = api.call(Method::POST, "/v1/apply", &[], &large).await;
    assert_eq!((reply.status, reply.mistakes()), (StatusCode::PAYLOAD_TOO_LARGE, vec![" too-large".to_owned()]));
    let announced = [("content-length", "99999999999")];
    assert_eq!(api.call(Method::POST, "/v1/apply", &announced, "{}").await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(api.call(Method::POST, "/v1/apply", &[], "{}").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_nothing_of_the_inside_and_the_next_request_works() {
    let api = api();
    let mut bad = toys();
    bad["spec"]["boxName"] = json!("panic");
    bad["spec"]["roomId"] = json!("r");
    let reply = api.post("/v1/apply", &house_of(vec![bad.clone()])).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!String::from_utf8_lossy(&reply.bytes).contains("fault in a kind"));
    assert_eq!(api.put("/v1/resources/house/Box/toys", &alone(bad)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    api.apply(&house()).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_ends_with_408() {
    let api = api();
    let slow = futures::stream::once(std::future::pending::<Result<bytes::Bytes, std::io::Error>>());
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/apply")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Body::from_stream(slow))
        .unwrap();
    let reply = api.send(request).await;
    assert_eq!((reply.status, reply.mistakes()), (StatusCode::REQUEST_TIMEOUT, vec![" body-timeout".to_owned()]));
}

#[tokio::test]
async fn odd_paths_and_queries_are_answered() {
    let api = api();
    for path in [
        "/v1/resources/%00/%FF/x",
        "/v1/stacks/%E2%82",
        "/v1/resources?q=%00",
        "/v1/resources?q=%FF",
        "/v1/stacks/a%2Fb",
        "/v1/resources?cursor=%F0%9F%98%80",
    ] {
        let reply = api.get(path).await;
        assert!(!reply.status.is_server_error(), "{path}: {reply:?}");
    }
}
