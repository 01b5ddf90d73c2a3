//! The dashboard's files.

use crate::support::api;
use http::{Method, StatusCode};

#[tokio::test]
async fn the_root_goes_to_the_page_and_the_page_routes_by_itself() {
    let api = api();
    let root = api.get("/").await;
    assert_eq!((root.status, root.header("location")), (StatusCode::PERMANENT_REDIRECT, "/dashboard"));
    let page = api.get("/dashboard").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for path in ["/dashboard/", "/dashboard/stacks/house", "/dashboard/resources/house/Room/hall.v2"] {
        let reply = api.get(path).await;
        assert_eq!((reply.status, &reply.bytes), (StatusCode::OK, &page.bytes), "{path}");
    }
    let missing = api.get("/dashboard/app/none.js").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn files_have_their_type_and_are_free_when_known() {
    let api = api();
    for (path, kind) in [
        ("/dashboard/app/main.js", "text/javascript; charset=utf-8"),
        ("/dashboard/favicon.svg", "image/svg+xml"),
        ("/dashboard/css/base.css", "text/css; charset=utf-8"),
    ] {
        let reply = api.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, kind), "{path}");
        let again = api.call(Method::GET, path, &[("if-none-match", reply.header("etag"))], "").await;
        assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
    }
    for path in ["/dashboard/../Cargo.toml", "/dashboard/..%2fCargo.toml", "/dashboard/app/%2e%2e/index.html"] {
        let reply = api.get(path).await;
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("[package]"), "{path}");
    }
}
