//! What orchestrators and Prometheus ask.

use super::drift::word;
use super::resources::PHASES;
use crate::http::conditional::json;
use crate::http::problem::Problem;
use crate::metrics::{LastSweep, Picture};
use crate::openapi::endpoint::{Answer, Endpoint};
use crate::state::ApiState;
use crate::views;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use holdfast_core::facts::Severity;
use holdfast_store::{Filter, ScopeStatus};
use http::{HeaderValue, Method, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/healthz", "healthz", get(alive))
            .about("operations", "The process lives")
            .any_query()
            .gives::<Health>(StatusCode::OK, "It lives."),
        Endpoint::new(Method::GET, "/readyz", "readyz", get(ready))
            .about("operations", "The store takes writes, what is declared is in memory, and every scope has been swept once or says why not")
            .any_query()
            .gives::<Health>(StatusCode::OK, "It is ready.")
            .fails(StatusCode::SERVICE_UNAVAILABLE, "It is not; the problem says what is missing."),
        Endpoint::new(Method::GET, "/metrics", "metrics", get(metrics))
            .about("operations", "Metrics in OpenMetrics text")
            .any_query()
            .gives_other(StatusCode::OK, Some("application/openmetrics-text"), "The metrics."),
    ]
}

/// That all is well.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

const WELL: Health = Health { status: "ok" };

async fn alive() -> Answer {
    json(StatusCode::OK, &WELL)
}

async fn ready(State(state): State<ApiState>) -> Answer {
    if state.closing().is_cancelled() {
        return Err(Problem::unavailable("closing", "The server is shutting down."));
    }
    state
        .blocking(|state| {
            if let Err(error) = state.store().check() {
                tracing::warn!(%error, "not ready: the store does not take writes");
                return Err(Problem::unavailable("store", format!("The store does not take writes: {error}.")));
            }
            state.warm_up()?;
            let scopes = views::scopes(state.store(), state.now())?;
            // One account that cannot be entered must not take the whole server out of service.
            let unswept = scopes.iter().filter(|s| s.swept_at.is_none() && s.error.is_none()).count();
            if unswept > 0 {
                let detail = format!("{unswept} of {} scopes have not been swept yet.", scopes.len());
                return Err(Problem::unavailable("not-swept", detail));
            }
            json(StatusCode::OK, &WELL)
        })
        .await
}

async fn metrics(State(state): State<ApiState>) -> Answer {
    let picture = state.blocking(picture).await?;
    let text = state.metrics().text(&picture).map_err(|e| Problem::internal(&e))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(TEXT))], text).into_response())
}

fn picture(state: &ApiState) -> Result<Picture, Problem> {
    let store = state.store();
    let summary = store.summary(&Filter::default())?;
    let count = |phase: &&str| {
        let found = summary.phases.iter().find(|(p, _)| p.to_string() == **phase);
        ((*phase).to_owned(), signed(found.map_or(0, |(_, n)| *n)))
    };
    let drifted = store.drifted(&Filter::default())?;
    let fields = || drifted.iter().filter_map(|r| r.status.drift.as_ref()).flat_map(|d| &d.fields);
    let severities = [Severity::Exposure, Severity::Functional, Severity::Cosmetic].map(|severity| {
        (word(severity).to_owned(), signed(fields().filter(|f| f.severity == severity).count() as u64))
    });
    Ok(Picture {
        phases: PHASES.iter().map(count).collect(),
        severities: severities.into(),
        sweeps: store.scope_statuses()?.into_iter().map(|s| (s.scope.clone(), last_sweep(&s))).collect(),
        counts: state.control().counts(),
    })
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "no figure of a sweep comes near 2^52")]
fn last_sweep(s: &ScopeStatus) -> LastSweep {
    LastSweep {
        finished: s.swept_at.map_or(0.0, |at| at.as_millisecond() as f64 / 1000.0),
        took: s.duration_ms as f64 / 1000.0,
        calls: s.api_calls as f64,
        throttles: s.throttles as f64,
    }
}
