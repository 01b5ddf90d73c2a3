//! The HTTP client of the CLI.

use crate::args::ClientArgs;
use crate::failure::Failure;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;

/// Talks to one Holdfast server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(args: &ClientArgs) -> Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(std::time::Duration::from_secs(5))
            .build()
            .context("cannot set up the HTTP client")?;
        Ok(Self { http, server: args.server.trim_end_matches('/').to_owned(), token: args.token.clone() })
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// A request that is ready to be sent; `query` leaves out what has no value.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, Option<String>)],
    ) -> reqwest::RequestBuilder {
        let given: Vec<(&str, &String)> = query.iter().filter_map(|(k, v)| Some((*k, v.as_ref()?))).collect();
        let mut request = self.http.request(method, format!("{}{path}", self.server)).query(&given);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request
    }

    /// Sends and reads JSON; a problem becomes a [`Failure`].
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let response = self.open(request).await?;
        let bytes = response.bytes().await.context("the answer broke off")?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).context("the answer is no JSON; is this a Holdfast server?")
    }

    /// Sends and gives the response once it is a success.
    pub(crate) async fn open(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let response = request.send().await.with_context(|| {
            format!(
                "cannot reach a Holdfast server at {}; start one with `holdfast serve`, or name it with --server",
                self.server
            )
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Err(Failure::Problem { status: status.as_u16(), body }.into())
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Value> {
        self.send(self.request(Method::GET, path, query)).await
    }

    /// All items of a paged list.
    pub(crate) async fn list(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push(("cursor", cursor.clone()));
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page["nextCursor"].as_str() {
                Some(next) if cursor.as_deref() != Some(next) => cursor = Some(next.to_owned()),
                _ => return Ok(items),
            }
        }
    }
}

/// One segment of a path, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
