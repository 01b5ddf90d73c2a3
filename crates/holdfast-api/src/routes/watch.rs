//! The log as server-sent events: resumable by id, bounded, and pulled from the store at the client's pace.

use super::events::{AFTER, EventView, NAME, TYPE, filter};
use super::{KIND, STACK, teardown};
use crate::http::problem::{Mistake, Problem};
use crate::http::query::{Param, Params};
use crate::metrics::Watching;
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use holdfast_store::EventFilter;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// How many events are read from the store at once; a client never has more than these waiting in memory.
const BATCH: usize = 100;

const WATCH: &[Param] = &[AFTER, STACK, KIND, NAME, TYPE];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/watch", "watchEvents", get(follow))
            .about("events", "The log as it grows, as server-sent events")
            .doc(
                "Each message has the event's `id` and its JSON as `data`. To resume, send the last id as \
                 `Last-Event-ID` or `after`; the greater one counts. Without either it starts with what happens next. \
                 A comment comes when nothing else does. A client that reads too slowly is dropped and may resume.",
            )
            .query(WATCH)
            .headers(&[Header::LastEventId])
            .gives_other(StatusCode::OK, Some("text/event-stream"), "The stream.")
            .fails(StatusCode::SERVICE_UNAVAILABLE, "There are as many streams as the server allows."),
    ]
}

/// Where a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Only with the client or the server.
    Never,
    /// When this stack is gone, with its teardown's certificate.
    Teardown(String),
    /// It has said its last.
    Reached,
}

/// A stream on its way.
struct Follower {
    state: ApiState,
    filter: EventFilter,
    after: u64,
    newest: watch::Receiver<u64>,
    waiting: VecDeque<Bytes>,
    drained: bool,
    /// Where the stream ends.
    end: End,
    _slot: OwnedSemaphorePermit,
    _counted: Watching,
}

async fn follow(State(state): State<ApiState>, params: Params, headers: HeaderMap) -> Answer {
    let asked = resume_after(&headers, &params)?;
    stream(state, filter(&params), asked, End::Never).await
}

/// Streams the log after `asked`, or else what happens next, until `end`.
pub(crate) async fn stream(state: ApiState, filter: EventFilter, asked: Option<u64>, end: End) -> Answer {
    let Ok(slot) = state.watchers().try_acquire_owned() else {
        return Err(Problem::unavailable(
            "too-many-watchers",
            "There are as many event streams as this server allows. Try again later, or page through /v1/events.",
        ));
    };
    // Subscribed before the log is read, so that nothing falls in between.
    let newest = state.newest_event();
    let last = state.blocking(|state| Ok(state.store().newest_event()?)).await?;
    // An id from the future comes from another log: what happens next is the best there is.
    let after = asked.map_or(last, |asked| asked.min(last));
    let follower = Follower {
        filter,
        after,
        newest,
        // Tells the client at once that it is connected, and how soon to come back.
        waiting: VecDeque::from([Bytes::from(format!("retry: 2000\n: connected after {after}\n\n"))]),
        drained: false,
        end,
        _slot: slot,
        _counted: state.metrics().watching(),
        state,
    };
    let body = stream::unfold(follower, |mut follower| async move {
        let chunk = follower.next().await?;
        Some((Ok::<_, Infallible>(chunk), follower))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx holds answers back otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

fn resume_after(headers: &HeaderMap, params: &Params) -> Result<Option<u64>, Problem> {
    let sent = match headers.get("last-event-id").map(HeaderValue::as_bytes) {
        None | Some(b"") => None,
        Some(bytes) => {
            let id = std::str::from_utf8(bytes).ok().and_then(|t| t.trim().parse::<u64>().ok());
            Some(id.ok_or_else(|| {
                let message = "Last-Event-ID takes the id of an event, a whole number.".to_owned();
                Problem::parameters(vec![Mistake::of_parameter("last-event-id", "invalid-header", message)])
            })?)
        }
    };
    Ok(sent.max(params.number("after")))
}

impl Follower {
    /// The next piece of the stream; `None` when the server goes or the store cannot be read.
    async fn next(&mut self) -> Option<Bytes> {
        let closing = self.state.closing().clone();
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                return Some(chunk);
            }
            if self.end == End::Reached {
                return None;
            }
            if self.drained {
                let heartbeat = self.state.options().heartbeat;
                tokio::select! {
                    () = closing.cancelled() => return None,
                    changed = tokio::time::timeout(heartbeat, self.newest.changed()) => match changed {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return None,
                        Err(_) => return Some(Bytes::from_static(b": still here\n\n")),
                    },
                }
            }
            if closing.is_cancelled() {
                return None;
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        // What comes while the store is being read is told again.
        self.newest.borrow_and_update();
        let (after, filter) = (self.after, self.filter.clone());
        // The problem is in the log already; the client comes back and is told then.
        let events = self.state.blocking(move |s| Ok(s.store().events(after, BATCH, &filter)?)).await.ok()?;
        self.drained = events.len() < BATCH;
        for event in events {
            self.after = event.id;
            let gone = event.kind.is_none() && event.reason == "Removed";
            self.waiting.push_back(message(&EventView::from(event)));
            if let End::Teardown(stack) = &self.end
                && gone
            {
                self.waiting.push_back(certificate(&self.state, stack).await);
                self.end = End::Reached;
                break;
            }
        }
        Some(())
    }
}

/// The last message of a teardown: its certificate, or why there is none.
async fn certificate(state: &ApiState, stack: &str) -> Bytes {
    let (name, data) = match teardown::certify(state, stack).await {
        Ok(teardown) => ("teardown", serde_json::to_string(&teardown)),
        Err(problem) => ("problem", serde_json::to_string(problem.body())),
    };
    Bytes::from(format!("event: {name}\ndata: {}\n\n", data.unwrap_or_default()))
}

fn message(event: &EventView) -> Bytes {
    let mut text = String::new();
    // Writing to a String cannot fail, and JSON without indentation has no line breaks.
    let _ = write!(text, "id: {}\ndata: {}\n\n", event.id, serde_json::to_string(event).unwrap_or_default());
    Bytes::from(text)
}
