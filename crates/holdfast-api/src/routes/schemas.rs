//! The schemas of the documents, and the OpenAPI document.

use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::http::query::{Param, Params};
use crate::openapi;
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use axum::extract::State;
use axum::routing::get;
use holdfast_core::problem::did_you_mean;
use holdfast_core::schema::{draft7, named};
use http::{Method, StatusCode};

const DRAFT: &[Param] =
    &[Param::one_of("draft", "`2020-12`, the default, or `7` for older editors.", &["2020-12", "7"])];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/openapi.json", "openapi", get(document))
            .about("operations", "This document")
            .headers(&[Header::IfNoneMatch])
            .gives_other(StatusCode::OK, Some("application/json"), "OpenAPI 3.1."),
        Endpoint::new(Method::GET, "/schemas/{file}", "getSchema", get(schema))
            .about("operations", "JSON Schema of the documents: `v1.json` of all of them, `{Kind}.json` of one kind")
            .query(DRAFT)
            .headers(&[Header::IfNoneMatch])
            .gives_other(StatusCode::OK, Some("application/schema+json"), "The schema."),
    ]
}

async fn document(State(state): State<ApiState>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let document = openapi::document(state.registry());
            conditions.answer(&Tag::of_content(&document), &document)
        })
        .await
}

async fn schema(
    State(state): State<ApiState>,
    Segments(file): Segments<String>,
    params: Params,
    conditions: Conditions,
) -> Answer {
    let known = || state.registry().names().chain(["Stack", "Account", "List", "v1"]);
    let name = file.strip_suffix(".json");
    let Some(schema) = name.and_then(|name| named(name, state.registry())) else {
        let near = did_you_mean(name.unwrap_or(&file), known());
        return Err(Problem::not_found(&format!("There is no schema \"{file}\".{near} Names end in .json.")));
    };
    let schema = if params.text("draft") == Some("7") { draft7(&schema) } else { schema };
    let mut response = conditions.answer(&Tag::of_content(&schema), &schema)?;
    if response.status() == StatusCode::OK {
        let json = http::HeaderValue::from_static("application/schema+json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    }
    Ok(response)
}
