//! The log, paged and streamed.

use crate::support::{Api, alone, api, api_with, house, room};
use axum::body::Body;
use holdfast_api::ServerOptions;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;

fn ids(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|e| e["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_log_is_oldest_first_and_paged_by_id() {
    let api = api();
    api.apply(&house()).await;
    let all = ids(&api.get("/v1/events").await.json());
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted());
    let first = api.get("/v1/events?limit=3").await.json();
    assert_eq!(ids(&first), all[..3]);
    let rest = api.get(&format!("/v1/events?limit=3&after={}", first["nextCursor"].as_str().unwrap())).await.json();
    assert_eq!((ids(&rest), rest.get("nextCursor")), (all[3..].to_vec(), None));
    let newest = api.get("/v1/events?order=desc&limit=2").await.json();
    assert_eq!(ids(&newest), [all[3], all[2]]);
    assert_eq!(ids(&api.get("/v1/events?kind=Room&name=hall").await.json()).len(), 1);
    assert_eq!(api.get("/v1/events?after=-1").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// A stream that is read piece by piece.
struct Stream(Body, String);

impl Stream {
    async fn open(api: &Api, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::builder().uri(format!("/v1/watch{query}")).header("host", "localhost");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body(), String::new())
    }

    /// The next message or comment; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((message, rest)) = self.1.split_once("\n\n") {
                let message = message.to_owned();
                self.1 = rest.to_owned();
                return Some(message);
            }
            let frame = tokio::time::timeout(Duration::from_secs(60), self.0.frame()).await.expect("nothing came")?;
            self.1.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
    }

    /// The id and name of the next event.
    async fn event(&mut self) -> (u64, String) {
        loop {
            let message = self.next().await.expect("the stream ended");
            let Some(id) = message.strip_prefix("id: ") else { continue };
            let (id, data) = id.split_once("\ndata: ").unwrap();
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(event["id"].to_string(), id);
            return (id.parse().unwrap(), event["name"].as_str().unwrap_or("-").to_owned());
        }
    }
}

#[tokio::test]
async fn a_stream_starts_now_goes_on_and_is_resumed_without_loss() {
    let api = api();
    api.apply(&house()).await;
    let mut stream = Stream::open(&api, "", None).await;
    assert!(stream.next().await.unwrap().contains("connected"));
    api.apply(&alone(room("cellar"))).await;
    let (first, name) = stream.event().await;
    assert_eq!(name, "cellar");
    drop(stream);
    api.apply(&alone(room("shed"))).await;
    api.apply(&alone(room("porch"))).await;
    let last = first.to_string();
    for mut resumed in [
        Stream::open(&api, "", Some(&last)).await,
        Stream::open(&api, &format!("?after={last}"), None).await,
        Stream::open(&api, "?after=1", Some(&last)).await,
    ] {
        assert_eq!(resumed.event().await.1, "shed");
        assert_eq!(resumed.event().await.1, "porch");
        drop(resumed);
    }
    let mut filtered = Stream::open(&api, "?after=0&name=porch", None).await;
    assert_eq!(filtered.event().await.1, "porch");
    // An id from another log would otherwise wait for ever.
    let mut strange = Stream::open(&api, "?after=999999", None).await;
    strange.next().await;
    api.apply(&alone(room("tower"))).await;
    assert_eq!(strange.event().await.1, "tower");
}

#[tokio::test]
async fn a_long_log_is_streamed_in_order_and_whole() {
    let api = api();
    for batch in 0..3 {
        let items: Vec<Value> = (0..120).map(|n| alone(room(&format!("r-{batch}-{n}")))).collect();
        api.apply(&serde_json::json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": items })).await;
    }
    let mut stream = Stream::open(&api, "?after=0", None).await;
    let mut last = 0;
    for _ in 0..361 {
        let (id, _) = stream.event().await;
        assert!(id > last);
        last = id;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_that_it_lives() {
    let api = api();
    let mut stream = Stream::open(&api, "", None).await;
    stream.next().await;
    for _ in 0..3 {
        assert_eq!(stream.next().await.unwrap(), ": still here");
    }
}

#[tokio::test]
async fn streams_are_bounded_and_their_places_are_given_back() {
    let api = api_with(ServerOptions { max_watchers: 2, ..ServerOptions::default() });
    let first = Stream::open(&api, "", None).await;
    let _second = Stream::open(&api, "", None).await;
    let reply = api.get("/v1/watch").await;
    assert_eq!(
        (reply.status, reply.mistakes()),
        (StatusCode::SERVICE_UNAVAILABLE, vec![" too-many-watchers".to_owned()])
    );
    drop(first);
    let _third = Stream::open(&api, "", None).await;
}

#[tokio::test]
async fn a_last_event_id_that_is_none_is_refused() {
    let api = api();
    let reply = api.call(http::Method::GET, "/v1/watch", &[("last-event-id", "abc")], "").await;
    assert_eq!(
        (reply.status, reply.mistakes()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec![" invalid-header".to_owned()])
    );
}
