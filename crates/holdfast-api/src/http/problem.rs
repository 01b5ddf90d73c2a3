//! Problems: every answer that is no success, as `application/problem+json` (RFC 9457).

use axum::response::{IntoResponse, Response};
use holdfast_core::problem::SpecError;
use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// Where the words for a problem type live; the code follows.
const TYPE_BASE: &str = "https://holdfast.dev/problems/";

/// What went wrong, as the client reads it. Build one with the function that names the case.
#[derive(Debug)]
pub(crate) struct Problem {
    // Boxed, because an answer is either this or what was asked for, and the latter should not carry its size.
    body: Box<ProblemBody>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of every answer that is no success (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// A URI for this kind of problem; its last segment is a stable code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong here, and what to do.
    detail: String,
    /// Names this very occurrence, as the server's log does; on server faults only.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Every single mistake, with its place.
    errors: Vec<Mistake>,
    /// The plan to look at instead, where a plan was overtaken.
    #[serde(rename = "planHash", skip_serializing_if = "Option::is_none")]
    plan_hash: Option<String>,
}

/// One mistake of a request.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Mistake {
    /// JSON Pointer (RFC 6901) into the body; empty means the body as a whole or no part of it.
    pub(crate) pointer: String,
    /// A stable code.
    pub(crate) code: String,
    /// What is wrong and what to do.
    pub(crate) message: String,
    /// The query parameter, path parameter or header that is meant, where it is not the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<String>,
}

impl Mistake {
    /// A mistake in a query parameter, a path parameter or a header.
    pub(crate) fn of_parameter(name: &str, code: &str, message: String) -> Self {
        Self { pointer: String::new(), code: code.to_owned(), message, parameter: Some(name.to_owned()) }
    }
}

impl From<SpecError> for Mistake {
    fn from(e: SpecError) -> Self {
        Self { pointer: e.pointer, code: e.code, message: e.message, parameter: None }
    }
}

impl Problem {
    /// A problem of any kind; `code` ends its type.
    pub(crate) fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: format!("{TYPE_BASE}{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
            plan_hash: None,
        };
        Self { body: Box::new(body), headers: Vec::new() }
    }

    /// With one more header on the answer.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With the plan to look at instead.
    #[must_use]
    pub(crate) fn plan(mut self, hash: Option<String>) -> Self {
        self.body.plan_hash = hash;
        self
    }

    /// With single mistakes.
    #[must_use]
    pub(crate) fn mistakes(mut self, mistakes: impl IntoIterator<Item = Mistake>) -> Self {
        self.body.errors.extend(mistakes);
        self
    }

    /// With one mistake at `pointer`, of the problem's own code and words.
    #[must_use]
    pub(crate) fn at(self, pointer: &str) -> Self {
        let mistake = Mistake {
            pointer: pointer.to_owned(),
            code: self.code().to_owned(),
            message: self.body.detail.clone(),
            parameter: None,
        };
        self.mistakes([mistake])
    }

    fn code(&self) -> &str {
        self.body.kind.strip_prefix(TYPE_BASE).unwrap_or_default()
    }

    /// What a client reads of it.
    pub(crate) fn body(&self) -> &ProblemBody {
        &self.body
    }

    /// 404: nothing of that name.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", what)
    }

    /// 422: a document, with every mistake.
    pub(crate) fn invalid(errors: Vec<SpecError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => only.message.clone(),
            many => format!("{} mistakes; each stands in errors with its place.", many.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-document", "Invalid document", detail)
            .mistakes(errors.into_iter().map(Mistake::from))
    }

    /// 422: parameters or headers, with every mistake.
    pub(crate) fn parameters(mistakes: Vec<Mistake>) -> Self {
        let detail = match mistakes.as_slice() {
            [only] => only.message.clone(),
            many => format!("{} mistakes; each stands in errors with its parameter.", many.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-parameter", "Invalid parameter", detail).mistakes(mistakes)
    }

    /// 400: the body is no JSON.
    pub(crate) fn bad_json(errors: Vec<SpecError>) -> Self {
        let detail = errors.first().map_or_else(|| "The body is no JSON.".to_owned(), |e| e.message.clone());
        Self::new(StatusCode::BAD_REQUEST, "malformed-json", "Malformed JSON", detail)
            .mistakes(errors.into_iter().map(Mistake::from))
    }

    /// 409: what is asked stands against what is there.
    pub(crate) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "Conflict", detail)
    }

    /// 412: `If-Match` or `If-None-Match` does not hold.
    pub(crate) fn precondition(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", "Precondition failed", detail)
    }

    /// 500: a fault of ours. The cause goes to the log under the instance, never to the client.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        let instance = format!("urn:uuid:{}", uuid::Uuid::now_v7());
        tracing::error!(instance, %cause, "a request failed");
        let mut problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "The server failed on this request; its log has the cause under the instance named here.",
        );
        problem.body.instance = Some(instance);
        problem
    }

    /// 503: not now; try again in a few seconds.
    pub(crate) fn unavailable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, "Unavailable", detail)
            .header(header::RETRY_AFTER, HeaderValue::from_static("2"))
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        if self.body.errors.is_empty() {
            self = self.at("");
        }
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Plain strings and numbers; serializing them cannot fail.
        let bytes = serde_json::to_vec(&*self.body).unwrap_or_default();
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}
