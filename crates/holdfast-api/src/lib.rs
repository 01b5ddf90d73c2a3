//! The face of Holdfast: the HTTP API, the dashboard's files, the metrics.
//!
//! This crate must never know a single kind, the SDK, or how the loop works: kinds come as a
//! [`Registry`](holdfast_core::kind::Registry), the loop as a [`Loop`]. `cargo xtask tidy` and its
//! test `the_house_is_in_order` check it.
//!
//! # Flow
//! A request passes the layers of `http` (metrics, panics, time, tokens, parameters), reaches its route in `routes`,
//! and reads or changes the store off the async threads. A write is durable before it is answered, and wakes the loop.
//! Routes are rows of one table, of which the router and the OpenAPI document are both made.
//!
//! # Guarantees
//! - Every answer that is no success is `application/problem+json`, with a code, a place and a hint.
//! - Nothing of a refused request is stored.
//! - Bodies, heads, connections, streams and answers are bounded in size and time.
//! - Beyond loopback nothing is served without a token.

mod claims;
mod control;
mod fields;
mod graph;
mod http;
mod load;
mod metrics;
mod openapi;
mod routes;
mod state;
mod stored;
mod views;

pub use crate::http::auth::TokenHash;
pub use crate::http::server::{ServeError, check_address, serve};
pub use control::{Counts, Loop, LoopError, ScopePlan};
pub use load::{Bucket, Calls, Load, Rounds};
pub use openapi::document as openapi;
pub use state::{ApiState, ServerOptions, Shrink, Wiring};

use crate::http::{auth, layers};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

/// The whole API as a service, without the server around it.
pub fn router(state: ApiState) -> Router {
    let routes = routes::endpoints().into_iter().map(openapi::endpoint::Endpoint::route);
    routes
        .fold(Router::new(), |router, (path, handler)| router.route(path, handler))
        .fallback(layers::no_route)
        .method_not_allowed_fallback(layers::no_method)
        .layer(from_fn_with_state(state.clone(), layers::time_limit))
        .layer(from_fn_with_state(state.clone(), auth::guard))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn(layers::harden))
        .layer(from_fn_with_state(state.clone(), layers::measure))
        .with_state(state)
}
