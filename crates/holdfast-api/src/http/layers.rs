//! What happens to every request around its route: metrics, panics, time, headers.

use super::problem::Problem;
use crate::state::ApiState;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use std::any::Any;

/// Counts the request and how long its head took.
pub(crate) async fn measure(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let began = tokio::time::Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed();
    tracing::debug!(%method, route, status = response.status().as_u16(), ?took, "answered");
    state.metrics().answered(method.as_str(), &route, response.status().as_u16(), took);
    response
}

/// Ends a request that takes too long.
pub(crate) async fn time_limit(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let limit = state.options().request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(
            "timeout",
            format!(
                "No answer within {} s. A write may still take effect: look before you repeat it, or repeat it with the same Idempotency-Key.",
                limit.as_secs()
            ),
        )
        .into_response(),
    }
}

/// Makes a problem of a panic; what it said goes to the log alone.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    Problem::internal(&text).into_response()
}

/// Headers that every answer carries.
pub(crate) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// 404 for a path that no route has.
pub(crate) async fn no_route(request: Request) -> Problem {
    let path = holdfast_core::problem::clip(request.uri().path(), 200);
    Problem::not_found(&format!("There is nothing at {path}; /openapi.json lists every path."))
}

/// 405 for a method that the path does not have; the router adds `Allow`.
pub(crate) async fn no_method(request: Request) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Method not allowed",
        format!("{} is not possible here; the Allow header says what is.", request.method()),
    )
}
