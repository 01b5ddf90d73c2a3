//! The drift report.

use super::resources::filter;
use super::{ACCOUNT, KIND, REGION, STACK};
use crate::http::conditional::{Conditions, Tag};
use crate::http::problem::Problem;
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::get;
use holdfast_core::facts::Severity;
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::status::{Change, FieldDiff, Phase};
use holdfast_store::{Filter, ResourceRecord, ScopeStatus};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

const DRIFT: &[Param] = &[
    STACK,
    ACCOUNT,
    REGION,
    KIND,
    Param::one_of("severity", "Only items with a field of this severity.", &["exposure", "functional", "cosmetic"]),
];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/drift", "getDrift", get(report))
            .about("drift", "How live differs from what is declared")
            .doc("The summary and the scopes count what the filters let through, whatever the severity.")
            .query(DRIFT)
            .headers(&[Header::IfNoneMatch])
            .gives::<Report>(StatusCode::OK, "The report."),
    ]
}

/// How live differs from what is declared.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DriftReport")]
struct Report {
    /// When this report was made.
    #[schemars(with = "Time")]
    generated_at: Timestamp,
    /// How many there are of each.
    summary: Counts,
    /// The scopes concerned, with their last sweep.
    scopes: Vec<SweptScope>,
    /// The resources that differ.
    items: Vec<Item>,
}

/// Counts of resources.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Counts {
    /// All of them: what is under way, blocked, paused or failed is in none of the other counts.
    resources: u64,
    /// Live is as declared.
    in_sync: u64,
    /// Live differs.
    drifted: u64,
    /// The live thing is not there.
    missing: u64,
    /// It could not be read.
    unknown: u64,
}

/// The last sweep of a scope.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SweptScope {
    account: String,
    region: String,
    /// When it finished; null before the first.
    #[schemars(with = "Option<Time>")]
    swept_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// How many AWS calls it made.
    api_calls: u64,
}

/// The differences of one resource.
#[derive(Serialize, JsonSchema)]
struct Item {
    stack: String,
    kind: String,
    name: String,
    account: String,
    region: String,
    /// Since when it differs.
    #[schemars(with = "Time")]
    since: Timestamp,
    /// What is done about it: `healing`, `reporting`, `held` or `waiting`.
    action: String,
    /// Field by field.
    fields: Vec<FieldDiff>,
}

async fn report(State(state): State<ApiState>, params: Params, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let filter = filter(&params);
            let severity = params.text("severity");
            let drifted = state.store().drifted(&filter)?;
            let summary = count(state, &filter, &drifted)?;
            let scopes: Vec<SweptScope> = scopes(state, &filter)?;
            let items = drifted.into_iter().filter_map(|r| item(r, severity)).collect();
            let report = Report { generated_at: state.now(), summary, scopes, items };
            // The time of the report would make every tag a new one.
            let tag = Tag::of_content(&(&report.summary, &report.scopes, &report.items));
            conditions.answer(&tag, &report)
        })
        .await
}

fn item(record: ResourceRecord, severity: Option<&str>) -> Option<Item> {
    let drift = record.status.drift?;
    let wanted = severity.is_none_or(|word| drift.fields.iter().any(|f| self::word(f.severity) == word));
    wanted.then(|| Item {
        stack: record.key.stack.clone(),
        kind: record.key.kind.clone(),
        name: record.key.name.clone(),
        account: record.scope.account,
        region: record.scope.region,
        since: drift.since,
        action: drift.action,
        fields: drift.fields,
    })
}

/// A severity as it is written.
pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Exposure => "exposure",
        Severity::Functional => "functional",
        Severity::Cosmetic => "cosmetic",
    }
}

/// A field that nobody declares is told of, but its resource is in sync.
fn counts_as_drift(fields: &[FieldDiff]) -> bool {
    fields.iter().any(|f| f.change != Change::Undeclared)
}

fn count(state: &ApiState, filter: &Filter, drifted: &[ResourceRecord]) -> Result<Counts, Problem> {
    let summary = state.store().summary(filter)?;
    let phase = |phase| summary.phases.get(&phase).copied().unwrap_or_default();
    let mut counts = Counts {
        resources: summary.resources,
        in_sync: phase(Phase::InSync),
        drifted: 0,
        missing: 0,
        unknown: phase(Phase::Unknown),
    };
    for record in drifted {
        let fields = record.status.drift.as_ref().map_or(&[][..], |d| &d.fields);
        if !counts_as_drift(fields) || record.status.phase == Phase::Unknown {
            continue;
        }
        if fields.iter().any(|f| f.change == Change::Missing) {
            counts.missing += 1;
        } else {
            counts.drifted += 1;
        }
        // A resource is counted once.
        counts.in_sync -= u64::from(record.status.phase == Phase::InSync && counts.in_sync > 0);
    }
    Ok(counts)
}

/// The scopes that hold something of what the filter lets through.
fn scopes(state: &ApiState, filter: &Filter) -> Result<Vec<SweptScope>, Problem> {
    let mut found = Vec::new();
    // Each scope has something; a look into each is only worth it when it may be something else.
    let narrow = filter.stack.is_some() || filter.kind.is_some();
    for scope in state.store().scopes()? {
        let here =
            Filter { account: Some(scope.account.clone()), region: Some(scope.region.clone()), ..filter.clone() };
        let elsewhere = filter.account.as_ref().is_some_and(|a| *a != scope.account)
            || filter.region.as_ref().is_some_and(|r| *r != scope.region);
        if !elsewhere && (!narrow || !state.store().resources(&here, 1, None)?.is_empty()) {
            found.push(scope);
        }
    }
    let swept = state.store().scope_statuses()?;
    let status = |scope| swept.iter().find(|s| s.scope == scope).cloned().unwrap_or_else(|| ScopeStatus::of(scope));
    Ok(found.into_iter().map(status).map(swept_scope).collect())
}

fn swept_scope(s: ScopeStatus) -> SweptScope {
    SweptScope {
        account: s.scope.account,
        region: s.scope.region,
        swept_at: s.swept_at,
        duration_ms: s.duration_ms,
        api_calls: s.api_calls,
    }
}
