//! Path parameters, with problems instead of plain text when they cannot be read.

use super::problem::{Mistake, Problem};
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The path parameters of a route.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::parameters(vec![Mistake::of_parameter(
                "path",
                "invalid-path",
                format!("The path cannot be read: {}.", rejection.body_text()),
            )])),
        }
    }
}
