//! The dashboard's files, inside the binary.

use crate::http::problem::Problem;
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use axum::extract::{Path, Request};
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Everything comes from this server, styles and scripts from files alone, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let page = |path, id, handler| Endpoint::new(Method::GET, path, id, handler).any_query();
    vec![
        page("/", "root", get(to_dashboard)).about("dashboard", "Goes to the dashboard").gives_other(
            StatusCode::PERMANENT_REDIRECT,
            None,
            "To `/dashboard`.",
        ),
        page("/dashboard", "dashboard", get(index))
            .about("dashboard", "The dashboard")
            .headers(&[Header::IfNoneMatch])
            .gives_other(StatusCode::OK, Some("text/html"), "The page."),
        page("/dashboard/", "dashboardRoot", get(index))
            .about("dashboard", "The dashboard")
            .headers(&[Header::IfNoneMatch])
            .gives_other(StatusCode::OK, Some("text/html"), "The page."),
        page("/dashboard/{*path}", "dashboardFile", get(file))
            .about("dashboard", "A file of the dashboard, or the page itself for the paths it makes up")
            .headers(&[Header::IfNoneMatch])
            .gives_other(StatusCode::OK, Some("*/*"), "The file.")
            .fails(StatusCode::NOT_FOUND, "There is no such file."),
    ]
}

async fn to_dashboard() -> impl IntoResponse {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, HeaderValue::from_static("/dashboard"))])
}

async fn index(request: Request) -> Answer {
    answer("index.html", request.headers())
}

async fn file(Path(path): Path<String>, request: Request) -> Answer {
    // A path without an ending belongs to the page, which routes by itself; the names in it may hold dots, so only
    // what lies in a folder of ours counts as a file that is missing.
    let folder = path.split('/').next().unwrap_or_default();
    let is_ours = Files::get(&path).is_some() || matches!(folder, "app" | "css" | "vendor" | "fonts");
    answer(if is_ours { &path } else { "index.html" }, request.headers())
}

fn answer(path: &str, asked: &HeaderMap) -> Answer {
    let Some(file) = Files::get(path) else {
        return Err(Problem::not_found("The dashboard has no such file."));
    };
    let tag = format!("\"{}\"", &crate::http::cursor::hex(&file.metadata.sha256_hash())[..32]);
    let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|v| v.to_str().is_ok_and(|v| v.contains(&tag)));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { content(path, file) };
    let headers = response.headers_mut();
    // The names carry no version, so every file is asked for again, and is free when it has not changed.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn content(path: &str, file: EmbeddedFile) -> axum::response::Response {
    let kind = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "text/plain; charset=utf-8",
    };
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], file.data.into_owned()).into_response()
}
