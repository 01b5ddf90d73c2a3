//! The log: append-only, paged, oldest first.

use super::{KIND, STACK};
use crate::http::conditional::{Conditions, Tag};
use crate::http::query::{Param, Params, Shape};
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use crate::views::Page;
use axum::extract::State;
use axum::routing::get;
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_store::{Event, EventFilter, EventType};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// `?after=`
pub(crate) const AFTER: Param = Param {
    name: "after",
    doc: "Only events whose id is greater.",
    shape: Shape::Number { min: 0, max: u64::MAX, default: None },
};
/// `?name=`
pub(crate) const NAME: Param = Param::text("name", "Only about something of this name.");
/// `?type=`
pub(crate) const TYPE: Param =
    Param::one_of("type", "Only of this sort.", &["declared", "observed", "decided", "acted", "operated", "service"]);

const EVENTS: &[Param] = &[
    AFTER,
    STACK,
    KIND,
    NAME,
    TYPE,
    Param::limit(100),
    Param {
        name: "cursor",
        doc: "The same as `after`: takes `nextCursor`.",
        shape: Shape::Number { min: 0, max: u64::MAX, default: None },
    },
    Param::one_of(
        "order",
        "`asc`, the default, is oldest first; `desc` answers the newest, newest first, as one page.",
        &["asc", "desc"],
    ),
];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/events", "listEvents", get(list))
            .about("events", "The log of what was declared, seen, decided and done")
            .query(EVENTS)
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<EventView>>(StatusCode::OK, "A page."),
    ]
}

/// One line of the log.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Event")]
pub(crate) struct EventView {
    /// Its place in the log; grows, with gaps.
    pub(crate) id: u64,
    /// When.
    #[schemars(with = "Time")]
    at: Timestamp,
    /// `declared`, `observed`, `decided`, `acted`, `operated` or `service`.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    event_type: EventType,
    /// About which stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
    /// About which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// About which resource or account.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Which generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    /// One CamelCase word.
    reason: String,
    /// A sentence.
    message: String,
    /// What machines want to know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl From<Event> for EventView {
    fn from(e: Event) -> Self {
        Self {
            id: e.id,
            at: e.at,
            event_type: e.event_type,
            stack: e.stack,
            kind: e.kind,
            name: e.name,
            generation: e.generation,
            reason: e.reason,
            message: e.message,
            data: Some(e.data).filter(|d| !d.is_null()),
        }
    }
}

/// Which events the parameters ask for.
pub(crate) fn filter(params: &Params) -> EventFilter {
    let text = |name| params.text(name).map(str::to_owned);
    EventFilter {
        stack: text("stack"),
        kind: text("kind"),
        name: text("name"),
        event_type: params.text("type").and_then(|word| serde_json::from_value(Value::from(word)).ok()),
    }
}

async fn list(State(state): State<ApiState>, params: Params, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let (filter, limit) = (filter(&params), params.limit());
            let after = params.number("after").or_else(|| params.number("cursor")).unwrap_or_default();
            let page = if params.text("order") == Some("desc") {
                let newest = state.store().latest_events(limit, &filter)?;
                Page::whole(newest.into_iter().filter(|e| e.id > after).map(EventView::from).collect())
            } else {
                let mut events = state.store().events(after, limit + 1, &filter)?;
                let more = events.len() > limit;
                events.truncate(limit);
                let next_cursor = events.last().filter(|_| more).map(|e| e.id.to_string());
                Page { items: events.into_iter().map(EventView::from).collect(), next_cursor }
            };
            conditions.answer(&Tag::of_content(&page), &page)
        })
        .await
}
