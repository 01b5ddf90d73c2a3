//! Resources: list, read, declare, take away, history.

use super::declare::{self, Intake};
use super::{ACCOUNT, CURSOR, DELETION, KIND, REGION, STACK, approve};
use crate::fields;
use crate::graph;
use crate::http::body::JsonBody;
use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::{Mistake, Problem};
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint, Header, Takes};
use crate::state::ApiState;
use crate::views::{Page, Paused, ResourceDetail, ResourceView, resource_tag};
use axum::extract::State;
use axum::routing::{delete, get, put};
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::Fate;
use holdfast_core::problem::did_you_mean;
use holdfast_core::status::Phase;
use holdfast_store::{Filter, HistoryEntry, HistoryPlace, ResourceRecord};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

const ONE: &str = "/v1/resources/{stack}/{kind}/{name}";

/// The words of `?phase=`.
pub(crate) const PHASES: &[&str] =
    &["Pending", "Progressing", "InSync", "Drifted", "Blocked", "Failed", "Paused", "Deleting", "Unknown"];

const LIST: &[Param] = &[
    STACK,
    KIND,
    ACCOUNT,
    REGION,
    Param::one_of("phase", "Only in this phase.", PHASES),
    Param::text("q", "Only with this text somewhere in `stack/Kind/name`, whatever the case."),
    Param::limit(100),
    CURSOR,
];
const HISTORY: &[Param] = &[Param::limit(100), CURSOR];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/resources", "listResources", get(list))
            .about("resources", "All resources, paged, in the order of stack, kind and name")
            .query(LIST)
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<ResourceView>>(StatusCode::OK, "A page."),
        Endpoint::new(Method::GET, ONE, "getResource", get(read))
            .about("resources", "One resource, with what it depends on and its fields in three columns")
            .headers(&[Header::IfNoneMatch])
            .gives::<ResourceDetail>(StatusCode::OK, "The resource."),
        Endpoint::new(Method::PUT, ONE, "putResource", put(replace))
            .about("resources", "Declare one resource, or replace its declaration")
            .doc("The body may be what GET answered. Kind, stack and name of the body must be those of the path.")
            .headers(&[Header::IfMatch, Header::CreateOnly])
            .takes(Takes::Resource)
            .gives::<declare::Applied>(StatusCode::OK, "The declaration is stored, and a pass is on its way.")
            .gives::<declare::Applied>(StatusCode::CREATED, "As 200, and it was not there before."),
        Endpoint::new(Method::DELETE, ONE, "deleteResource", delete(remove))
            .about("resources", "Take one declaration away")
            .query(&[DELETION])
            .headers(&[Header::IfMatch])
            .gives::<declare::Applied>(StatusCode::OK, "The declaration is gone; the live thing stays.")
            .gives::<declare::Applied>(
                StatusCode::ACCEPTED,
                "The live thing is being deleted; the resource ends when it is gone.",
            )
            .fails(StatusCode::CONFLICT, "It is protected."),
        Endpoint::new(Method::GET, "/v1/resources/{stack}/{kind}/{name}/history", "getHistory", get(history))
            .about("resources", "Every generation, observation change, decision and action, newest first")
            .doc("It stays when the resource is gone.")
            .query(HISTORY)
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<Moment>>(StatusCode::OK, "The history."),
    ]
}

/// The filter of a list, from its parameters; a phase in it is one of [`PHASES`].
pub(crate) fn filter(params: &Params) -> Filter {
    let text = |name| params.text(name).map(str::to_owned);
    Filter {
        stack: text("stack"),
        kind: text("kind"),
        account: text("account"),
        region: text("region"),
        phase: params.text("phase").and_then(phase),
        q: text("q"),
    }
}

fn phase(word: &str) -> Option<Phase> {
    serde_json::from_value(Value::from(word)).ok()
}

async fn list(State(state): State<ApiState>, params: Params, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let filter = filter(&params);
            // What a cursor is sealed with: the same list, whatever the size of its pages.
            let sealed = format!("{filter:?}");
            let after = params.text("cursor").map(|c| state.sealer().open(&sealed, c)).transpose()?;
            let limit = params.limit();
            let mut records = state.store().resources(&filter, limit + 1, after.as_ref())?;
            let more = records.len() > limit;
            records.truncate(limit);
            let next_cursor = records.last().filter(|_| more).map(|r| state.sealer().seal(&sealed, &r.key));
            let tag = Tag::of_content(
                &records.iter().map(|r| (&r.key, r.version, r.status.last_observed_at)).collect::<Vec<_>>(),
            );
            conditions.answer(&tag, &Page { items: records.into_iter().map(ResourceView::from).collect(), next_cursor })
        })
        .await
}

/// The record of a resource, or 404 with the nearest kind where there is no such one.
pub(crate) fn find(state: &ApiState, key: &ResourceKey) -> Result<ResourceRecord, Problem> {
    state.store().resource(key)?.ok_or_else(|| unknown(state, key))
}

fn unknown(state: &ApiState, key: &ResourceKey) -> Problem {
    let near = if state.registry().get(&key.kind).is_none() {
        did_you_mean(&key.kind, state.registry().names())
    } else {
        String::new()
    };
    Problem::not_found(&format!("There is no resource {key}.{near}"))
}

type Three = (String, String, String);

async fn read(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<Three>,
    conditions: Conditions,
) -> Answer {
    state
        .blocking(move |state| {
            let key = ResourceKey::new(stack, kind, name);
            let record = find(state, &key)?;
            let memory = state.store().memory(&key)?.unwrap_or_default();
            let awaiting = state.store().awaiting(&key.stack)?;
            let (tag, spec) = (resource_tag(&record), record.spec.value());
            // What is to go is looked at, and not compared.
            let compared = record.fate == Fate::Keep;
            let sight = state.control().sight(&record.scope, &key).filter(|_| compared);
            let detail = ResourceDetail {
                details_read_at: memory.id.as_deref().and_then(|id| state.control().read_at(&record.scope, id)),
                effective_policy: record.policy_effective.clone(),
                awaiting_approval: awaiting.filter(|a| a.holds(&key)).map(|a| a.plan),
                depends_on: graph::depends_on(&key, &spec),
                used_by: graph::used_by(state, &key)?,
                paused: paused(state, &record)?,
                fields: fields::rows(&spec, &record.status, record.generation, &memory, sight.as_deref()),
                resource: ResourceView::from(record),
            };
            // These hang on other rows, on the clock and on the sweep, so the tag takes them from the answer.
            let seen = sight.map(|_| &detail.fields);
            let around = (&detail.paused, &detail.awaiting_approval, &detail.details_read_at, seen);
            let tag = if around == (&None, &None, &None, None) { tag } else { tag.with(&around) };
            conditions.answer(&tag, &detail)
        })
        .await
}

/// The pause that holds a resource, its stack's and wider ones included.
fn paused(state: &ApiState, record: &ResourceRecord) -> Result<Option<Paused>, Problem> {
    let held = state.store().holds()?.in_force(&record.scope, record.hold.as_ref(), &record.uid, state.now());
    Ok(held.as_ref().map(Paused::from))
}

async fn replace(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<Three>,
    conditions: Conditions,
    body: JsonBody,
) -> Answer {
    let key = ResourceKey::new(stack, kind, name);
    let intake = Intake { body: body.value, prune: false, confirmed: None, conditions, once: None };
    let done = state.declaring(move |state| declare::put(state, &key, intake)).await?;
    approve::finish(done, &state).await
}

async fn remove(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<Three>,
    params: Params,
    conditions: Conditions,
) -> Answer {
    let done = state
        .declaring(move |state| {
            let record = find(state, &ResourceKey::new(stack, kind, name))?;
            conditions.allow_write(&record.key.to_string(), Some(&resource_tag(&record)))?;
            declare::take_away(state, &[record], params.text("deletion"), None)
        })
        .await?;
    approve::finish(done, &state).await
}

/// One entry in the history of a resource.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Moment {
    /// When.
    #[schemars(with = "holdfast_core::policy::jiff_timestamp::Until")]
    at: jiff::Timestamp,
    /// `generation`, `removal`, `observation`, `decision`, `action` or `note`.
    #[schemars(with = "String")]
    what: holdfast_store::HistoryType,
    /// Which generation, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    /// One word.
    reason: String,
    /// A sentence.
    summary: String,
    /// What machines want to know of it; null if nothing.
    data: Value,
}

impl From<HistoryEntry> for Moment {
    fn from(e: HistoryEntry) -> Self {
        Self {
            at: e.at,
            what: e.entry_type,
            generation: e.generation,
            reason: e.reason,
            summary: e.message,
            data: e.data,
        }
    }
}

/// Where a page of the history before ended.
fn place(cursor: &str) -> Result<HistoryPlace, Problem> {
    cursor.parse().map_err(|()| {
        let message = "The cursor is not one that a history gave out. Take nextCursor from the page before.";
        Problem::parameters(vec![Mistake::of_parameter("cursor", "invalid-cursor", message.to_owned())])
    })
}

async fn history(
    State(state): State<ApiState>,
    Segments((stack, kind, name)): Segments<Three>,
    params: Params,
    conditions: Conditions,
) -> Answer {
    state
        .blocking(move |state| {
            let key = ResourceKey::new(stack, kind, name);
            let place = params.text("cursor").map(place).transpose()?.unwrap_or_default();
            let (entries, next) = state.store().history_before(&key, place, params.limit())?;
            if entries.is_empty() && place == HistoryPlace::default() {
                find(state, &key)?;
            }
            let items = entries.into_iter().map(Moment::from).collect();
            let page = Page { items, next_cursor: next.map(|place| place.to_string()) };
            conditions.answer(&Tag::of_content(&page), &page)
        })
        .await
}
