//! `Idempotency-Key`: a POST that is repeated under the same key gets the same bytes and does nothing again.

use crate::http::conditional::json_bytes;
use crate::http::problem::{Mistake, Problem};
use crate::openapi::endpoint::Answer;
use crate::state::ApiState;
use axum::extract::FromRequestParts;
use holdfast_store::IdempotencyRecord;
use http::request::Parts;
use http::{HeaderValue, StatusCode, Uri};
use serde::Serialize;

const HEADER: &str = "idempotency-key";
const LONGEST: usize = 255;

/// The `Idempotency-Key` of a request, if it has one.
pub(crate) struct Key(Option<(String, Uri)>);

/// A request under a key.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    /// The key.
    pub(crate) key: String,
    /// What the request asks for: path, query and body.
    pub(crate) request_hash: String,
}

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(key) if (1..=LONGEST).contains(&key.len()) => Ok(Self(Some((key.to_owned(), parts.uri.clone())))),
            _ => {
                let message =
                    format!("Idempotency-Key takes 1 to {LONGEST} printable ASCII characters, such as a UUID.");
                Err(Problem::parameters(vec![Mistake::of_parameter(HEADER, "invalid-header", message)]))
            }
        }
    }
}

impl Key {
    /// The request under its key.
    pub(crate) fn over(self, body: &[u8]) -> Option<Once> {
        let (key, uri) = self.0?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(uri.path().as_bytes()).update(b"?").update(uri.query().unwrap_or_default().as_bytes());
        hasher.update(b"\n").update(body);
        Some(Once { key, request_hash: hasher.finalize().to_hex().to_string() })
    }
}

impl Once {
    /// The answer given before under this key; refused if that was to another request.
    pub(crate) fn before(&self, state: &ApiState) -> Result<Option<IdempotencyRecord>, Problem> {
        state.store().idempotent(&self.key)?.map(|record| self.same(record)).transpose()
    }

    /// The record, if it answers this very request.
    pub(crate) fn same(&self, record: IdempotencyRecord) -> Result<IdempotencyRecord, Problem> {
        if record.request_hash == self.request_hash {
            return Ok(record);
        }
        let message = "This Idempotency-Key was used for another request. Take a new key for a new request.";
        Err(Problem::parameters(vec![Mistake::of_parameter(HEADER, "idempotency-key-reused", message.to_owned())]))
    }
}

/// Does a POST that declares nothing: at most once under a key. `act` must be harmless to repeat, because a crash
/// between it and the keeping of its answer lets a retry do it again.
pub(crate) fn once<T: Serialize>(
    state: &ApiState,
    once: Option<&Once>,
    status: StatusCode,
    act: impl FnOnce() -> Result<T, Problem>,
) -> Answer {
    if let Some(record) = once.map(|o| o.before(state)).transpose()?.flatten() {
        return Ok(replayed(record));
    }
    let body = serde_json::to_vec(&act()?).map_err(|e| Problem::internal(&e))?;
    if let Some(once) = once {
        let record =
            IdempotencyRecord { request_hash: once.request_hash.clone(), status: status.as_u16(), body: body.clone() };
        // Two at the same time: the first answer is the answer of both.
        if let Some(before) = state.store().save_idempotent(&once.key, &record, state.now())? {
            return once.same(before).map(replayed);
        }
    }
    Ok(json_bytes(status, body))
}

/// An answer that was given before.
pub(crate) fn replayed(record: IdempotencyRecord) -> axum::response::Response {
    let status = StatusCode::from_u16(record.status).unwrap_or(StatusCode::OK);
    let mut response = json_bytes(status, record.body);
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
