//! A route with everything that is said of it: the router and the OpenAPI document are made of the same table.

use crate::http::problem::{Mistake, Problem};
use crate::http::query::{self, Param};
use crate::state::ApiState;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use http::{Method, StatusCode, header};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A request header that means something to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// `If-Match`, and with it 412.
    IfMatch,
    /// `If-None-Match: *` on a write.
    CreateOnly,
    /// `If-None-Match` on a read, and with it 304 and an `ETag`.
    IfNoneMatch,
    /// `Idempotency-Key`.
    IdempotencyKey,
    /// `Last-Event-ID`.
    LastEventId,
}

/// What a route takes as its body.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// Documents of any kind, see `/schemas/v1.json`.
    Documents,
    /// A resource document.
    Resource,
    /// This type; it may be left out if the second field says so.
    Json(SchemaOf, Presence),
}

/// Whether a body must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
}

/// What a route answers when all goes well.
#[derive(Clone, Copy)]
pub(crate) struct Gives {
    /// The status.
    pub(crate) status: StatusCode,
    /// What it means.
    pub(crate) doc: &'static str,
    /// The content type, and the schema if it is JSON.
    pub(crate) content: Option<(&'static str, Option<SchemaOf>)>,
}

/// A route.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) doc: &'static str,
    /// `None` lets any parameter pass, for whoever adds some without being asked.
    pub(crate) query: Option<&'static [Param]>,
    pub(crate) headers: Vec<Header>,
    pub(crate) takes: Takes,
    pub(crate) gives: Vec<Gives>,
    pub(crate) fails: Vec<(StatusCode, &'static str)>,
    handler: MethodRouter<ApiState>,
}

impl Endpoint {
    /// A route that takes no parameters, no body, and says nothing yet of its answers.
    pub(crate) fn new(method: Method, path: &'static str, id: &'static str, handler: MethodRouter<ApiState>) -> Self {
        Self {
            method,
            path,
            id,
            tag: "",
            summary: "",
            doc: "",
            query: Some(&[]),
            headers: Vec::new(),
            takes: Takes::Nothing,
            gives: Vec::new(),
            fails: Vec::new(),
            handler,
        }
    }
    /// With its group and a line on what it does.
    #[must_use]
    pub(crate) fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        (self.tag, self.summary) = (tag, summary);
        self
    }
    /// With what the line does not say.
    #[must_use]
    pub(crate) fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }
    /// With query parameters.
    #[must_use]
    pub(crate) fn query(mut self, table: &'static [Param]) -> Self {
        self.query = Some(table);
        self
    }
    /// Without a look at the query.
    #[must_use]
    pub(crate) fn any_query(mut self) -> Self {
        self.query = None;
        self
    }
    /// With request headers.
    #[must_use]
    pub(crate) fn headers(mut self, headers: &[Header]) -> Self {
        self.headers.extend_from_slice(headers);
        self
    }
    /// With a body.
    #[must_use]
    pub(crate) fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }
    /// With a body of this type.
    #[must_use]
    pub(crate) fn takes_json<T: JsonSchema>(self, presence: Presence) -> Self {
        self.takes(Takes::Json(|g| g.subschema_for::<T>(), presence))
    }
    /// With an answer in JSON.
    #[must_use]
    pub(crate) fn gives<T: JsonSchema>(mut self, status: StatusCode, doc: &'static str) -> Self {
        let schema: SchemaOf = |g| g.subschema_for::<T>();
        self.gives.push(Gives { status, doc, content: Some(("application/json", Some(schema))) });
        self
    }
    /// With an answer of another content type, or none.
    #[must_use]
    pub(crate) fn gives_other(mut self, status: StatusCode, content: Option<&'static str>, doc: &'static str) -> Self {
        self.gives.push(Gives { status, doc, content: content.map(|c| (c, None)) });
        self
    }
    /// With a problem that does not follow from the rest.
    #[must_use]
    pub(crate) fn fails(mut self, status: StatusCode, doc: &'static str) -> Self {
        self.fails.push((status, doc));
        self
    }

    /// The handler, behind the check of its query and of a condition that it would not look at.
    pub(crate) fn route(self) -> (&'static str, MethodRouter<ApiState>) {
        let Some(table) = self.query else { return (self.path, self.handler) };
        let unconditional = self.method != Method::GET && !self.headers.contains(&Header::IfMatch);
        let checked = move |mut request: Request, next: Next| async move {
            if unconditional && request.headers().contains_key(header::IF_MATCH) {
                return without_condition().into_response();
            }
            match query::check(request.method(), request.uri(), table) {
                Ok(params) => {
                    request.extensions_mut().insert(params);
                    next.run(request).await
                }
                Err(problem) => problem.into_response(),
            }
        };
        let checked = middleware::from_fn(checked);
        let handler: MethodRouter<ApiState> = self.handler.route_layer(checked);
        (self.path, handler)
    }
}

/// Who sends `If-Match` counts on it, so a route that has nothing to compare it with refuses it.
fn without_condition() -> Problem {
    let message = "This route has no ETag to compare If-Match with. Send the request without it.";
    Problem::parameters(vec![Mistake::of_parameter("if-match", "invalid-header", message.to_owned())])
}

/// The type of a handler's answer, where it may be a problem.
pub(crate) type Answer = Result<Response, Problem>;
