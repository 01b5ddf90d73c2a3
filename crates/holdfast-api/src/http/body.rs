//! Bodies: JSON, of a bounded size and depth, read within a bounded time.

use super::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use holdfast_core::document::{MAX_DEPTH, from_bytes};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;

/// A client that is still sending a body that is too large sees a broken connection instead of the answer. So much is
/// read and thrown away for it, and no more.
const DRAIN: usize = 64 << 20;

/// A body in JSON.
pub(crate) struct JsonBody {
    /// As sent.
    pub(crate) bytes: Bytes,
    /// As read; duplicate keys and NUL characters are refused already.
    pub(crate) value: Value,
}

/// A body in JSON, or none.
pub(crate) struct MaybeJson(pub(crate) Option<JsonBody>);

impl FromRequest<ApiState> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        is_json(request.headers())?;
        parse(read(request, state).await?)
    }
}

impl FromRequest<ApiState> for MaybeJson {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let verdict = is_json(request.headers());
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        verdict?;
        parse(bytes).map(|body| Self(Some(body)))
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let essence = given.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let detail = if !essence.eq_ignore_ascii_case("application/json") {
        match given {
            Some(given) => {
                format!("The body is announced as \"{given}\"; send it with Content-Type: application/json.")
            }
            None => "The body has no content type; send it with Content-Type: application/json.".to_owned(),
        }
    } else if headers.get(header::CONTENT_ENCODING).is_some_and(|v| v != "identity") {
        "The body is compressed; send it as it is.".to_owned()
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail)
        .header(header::ACCEPT, HeaderValue::from_static("application/json")))
}

fn parse(bytes: Bytes) -> Result<JsonBody, Problem> {
    match from_bytes(&bytes, MAX_DEPTH) {
        Ok(value) => Ok(JsonBody { bytes, value }),
        Err(error) if matches!(error.code.as_str(), "malformed-json" | "too-deep") => {
            Err(Problem::bad_json(vec![error]))
        }
        Err(error) => Err(Problem::invalid(vec![error])),
    }
}

async fn read(request: Request, state: &ApiState) -> Result<Bytes, Problem> {
    let options = state.options();
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    // What announces itself as far too large is not even drained.
    if announced.is_some_and(|n| n > (options.max_body + DRAIN) as u64) {
        return Err(too_large(options.max_body));
    }
    match tokio::time::timeout(options.body_timeout, collect(request.into_body(), options.max_body)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "Request timeout",
            format!(
                "The body did not arrive within {} s. Nothing was stored; send it again.",
                options.body_timeout.as_secs()
            ),
        )
        .header(header::CONNECTION, HeaderValue::from_static("close"))),
    }
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut kept = BytesMut::new();
    let mut length = 0usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| {
            Problem::new(StatusCode::BAD_REQUEST, "broken-body", "Broken body", format!("The body broke off: {e}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit {
            kept = BytesMut::new();
            if length > limit + DRAIN {
                break;
            }
        } else {
            kept.extend_from_slice(&data);
        }
    }
    if length > limit { Err(too_large(limit)) } else { Ok(kept.freeze()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        "Payload too large",
        format!("A body may have at most {limit} bytes. Send the documents in several requests, or as several stacks."),
    )
}
