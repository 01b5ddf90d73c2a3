//! The overview: how everything stands at a glance, and when it was last looked at.

use crate::http::conditional::{Conditions, Tag};
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use crate::views::{Paused, ScopeView, scopes};
use axum::extract::State;
use axum::routing::get;
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_store::{Filter, Phases, in_force};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/overview", "getOverview", get(read))
            .about("drift", "Resources by phase, stack, account, region and kind; the oldest drift; the last sweeps")
            .headers(&[Header::IfNoneMatch])
            .gives::<Overview>(StatusCode::OK, "The overview."),
    ]
}

/// How everything stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Overview {
    /// When this was made.
    #[schemars(with = "Time")]
    generated_at: Timestamp,
    /// How many resources there are.
    resources: u64,
    /// How many are in which phase.
    #[schemars(with = "BTreeMap<String, u64>")]
    phases: Phases,
    /// By stack; stacks without resources are there too.
    by_stack: Vec<Row>,
    /// By account.
    by_account: Vec<Row>,
    /// By region.
    by_region: Vec<Row>,
    /// By kind.
    by_kind: Vec<Row>,
    /// How many resources have a difference to report, undeclared ones included.
    with_drift: u64,
    /// The resource that has differed for longest; null if none does.
    oldest_drift: Option<Oldest>,
    /// The pause of everything; null if there is none.
    paused: Option<Paused>,
    /// Every scope with its last sweep.
    scopes: Vec<ScopeView>,
}

/// One of a group.
#[derive(Serialize, JsonSchema)]
struct Row {
    name: String,
    /// How many of its resources are in which phase.
    #[schemars(with = "BTreeMap<String, u64>")]
    phases: Phases,
}

/// The resource that has differed for longest.
#[derive(Serialize, JsonSchema)]
struct Oldest {
    stack: String,
    kind: String,
    name: String,
    #[schemars(with = "Time")]
    since: Timestamp,
}

fn rows(groups: BTreeMap<String, Phases>) -> Vec<Row> {
    groups.into_iter().map(|(name, phases)| Row { name, phases }).collect()
}

async fn read(State(state): State<ApiState>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let store = state.store();
            let mut summary = store.summary(&Filter::default())?;
            for stack in store.stacks()? {
                summary.stacks.entry(stack.name).or_default();
            }
            let oldest = |(key, since): (holdfast_core::name::ResourceKey, Timestamp)| Oldest {
                stack: key.stack.clone(),
                kind: key.kind.clone(),
                name: key.name.clone(),
                since,
            };
            let mut overview = Overview {
                generated_at: Timestamp::UNIX_EPOCH,
                resources: summary.resources,
                phases: summary.phases,
                by_stack: rows(summary.stacks),
                by_account: rows(summary.accounts),
                by_region: rows(summary.regions),
                by_kind: rows(summary.kinds),
                with_drift: summary.with_drift,
                oldest_drift: summary.oldest_drift.map(oldest),
                paused: store.holds()?.all.filter(|h| in_force(h, state.now())).as_ref().map(Paused::from),
                scopes: scopes(store, state.now())?,
            };
            // The tag is taken before the time, which would make every tag a new one.
            let tag = Tag::of_content(&overview);
            overview.generated_at = state.now();
            conditions.answer(&tag, &overview)
        })
        .await
}
