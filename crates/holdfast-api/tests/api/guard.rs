//! Tokens, hosts, origins.

use crate::support::{api, api_with, house};
use holdfast_api::{ServeError, ServerOptions, TokenHash, check_address, serve};
use http::{Method, StatusCode};

fn locked() -> ServerOptions {
    ServerOptions { tokens: vec![TokenHash::of("one"), TokenHash::of("two")], ..ServerOptions::default() }
}

#[tokio::test]
async fn with_tokens_everything_but_health_and_the_empty_page_wants_one() {
    let api = api_with(locked());
    for path in ["/v1/stacks", "/v1/watch", "/metrics", "/openapi.json", "/schemas/v1.json", "/v1/nothing", "/nothing"]
    {
        let reply = api.get(path).await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::UNAUTHORIZED, vec![" unauthenticated".to_owned()]),
            "{path}"
        );
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
    for path in ["/healthz", "/readyz", "/dashboard"] {
        assert_eq!(api.get(path).await.status, StatusCode::OK, "{path}");
    }
    for (value, status) in [
        ("Bearer one", StatusCode::OK),
        ("bearer two", StatusCode::OK),
        ("Bearer three", StatusCode::UNAUTHORIZED),
        ("Basic one", StatusCode::UNAUTHORIZED),
        ("one", StatusCode::UNAUTHORIZED),
        ("Bearer ", StatusCode::UNAUTHORIZED),
    ] {
        let reply = api.call(Method::GET, "/v1/stacks", &[("authorization", value)], "").await;
        assert_eq!(reply.status, status, "{value}");
    }
    // With a token the name of the server does not matter.
    let named = [("host", "holdfast.example"), ("origin", "https://elsewhere"), ("authorization", "Bearer one")];
    assert_eq!(api.call(Method::POST, "/v1/apply", &named, &house().to_string()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_tokens_only_this_machine_and_its_own_pages_may_ask() {
    let api = api();
    for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8080", ""] {
        let reply = api.call(Method::GET, "/v1/stacks", &[("host", host)], "").await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::FORBIDDEN, vec![" foreign-host".to_owned()]),
            "{host}"
        );
    }
    for host in ["localhost", "127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(api.call(Method::GET, "/v1/stacks", &[("host", host)], "").await.status, StatusCode::OK, "{host}");
    }
    let body = house().to_string();
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:3000"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let reply = api.call(Method::POST, "/v1/apply", &[header], &body).await;
        assert_eq!(
            (reply.status, reply.mistakes()),
            (StatusCode::FORBIDDEN, vec![" cross-origin".to_owned()]),
            "{header:?}"
        );
    }
    assert!(api.store.stacks().unwrap().is_empty());
    let own = [("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")];
    assert_eq!(api.call(Method::POST, "/v1/apply", &own, &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn beyond_loopback_nothing_is_served_without_a_token() {
    for (address, open) in [
        ("127.0.0.1:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("10.0.0.1:1", false),
    ] {
        let address = address.parse().unwrap();
        assert_eq!(check_address(address, &ServerOptions::default()).is_ok(), open, "{address}");
        assert!(check_address(address, &locked()).is_ok());
    }
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, api().state, std::future::pending()).await;
    assert!(matches!(refused, Err(ServeError::NeedsToken(_))));
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let api = api();
    for path in ["/v1/stacks", "/nothing", "/dashboard"] {
        let reply = api.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"));
        assert!(!reply.header("content-security-policy").contains("unsafe"));
    }
}
