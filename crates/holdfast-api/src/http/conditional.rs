//! Conditional requests: entity tags, `If-Match`, `If-None-Match`.
//!
//! The tag of a stack or a resource has two parts, `"DECLARATION.VERSION"`. The first moves when the declaration
//! moves, the second with every change of the row, status included. `If-Match` on a write asks for the first part
//! alone, so that a sweep between a read and a write does not refuse the write; `If-None-Match` on a read asks for both.

use super::problem::{Mistake, Problem};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

/// An entity tag, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    declaration: String,
    version: String,
}

impl Tag {
    /// The tag of something declared: `declaration` is all that a write could change.
    pub(crate) fn of(declaration: &impl Serialize, version: &impl Serialize) -> Self {
        Self { declaration: digest(declaration), version: digest(version) }
    }

    /// The tag of an answer that nobody writes back, from its content.
    pub(crate) fn of_content(content: &impl Serialize) -> Self {
        Self { declaration: "c".to_owned(), version: digest(content) }
    }

    /// The same declaration; the version also hangs on `more`.
    #[must_use]
    pub(crate) fn with(self, more: &impl Serialize) -> Self {
        let version = digest(&(&self.version, more));
        Self { version, ..self }
    }

    fn text(&self) -> String {
        format!("\"{}.{}\"", self.declaration, self.version)
    }
}

fn digest(value: &impl Serialize) -> String {
    // What is hashed is plain data; if it could not be serialized it would only have a constant tag.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    blake3::hash(&bytes).to_hex()[..16].to_owned()
}

/// The conditions of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    if_match: Option<Vec<String>>,
    if_none_match: Option<Vec<String>>,
}

impl Conditions {
    /// Reads both headers; a header that is no list of tags is refused.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self { if_match: tags(headers, &header::IF_MATCH)?, if_none_match: tags(headers, &header::IF_NONE_MATCH)? })
    }

    /// True if the request has a condition at all.
    pub(crate) fn any(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    /// True if the request has an `If-Match`.
    pub(crate) fn wants_match(&self) -> bool {
        self.if_match.is_some()
    }

    /// Checks a write to `what`, whose tag is `current`, or which is not there.
    pub(crate) fn allow_write(&self, what: &str, current: Option<&Tag>) -> Result<(), Problem> {
        if let Some(wanted) = &self.if_match {
            let Some(current) = current else {
                return Err(Problem::precondition(format!("{what} is not there, and If-Match asks for it.")));
            };
            let same = |t: &String| t == "*" || t.trim_matches('"').split('.').next() == Some(&current.declaration);
            if !wanted.iter().any(same) {
                return Err(Problem::precondition(format!(
                    "{what} has changed since it was read. Read it again, bring your change in, and send it with the new ETag."
                )));
            }
        }
        match (&self.if_none_match, current) {
            (Some(barred), Some(current)) if barred.iter().any(|t| t == "*" || *t == current.text()) => {
                Err(Problem::precondition(format!("{what} is there already, and If-None-Match asks that it is not.")))
            }
            _ => Ok(()),
        }
    }

    /// True if a read may be answered with 304.
    fn fresh(&self, tag: &Tag) -> bool {
        let text = tag.text();
        self.if_none_match.iter().flatten().any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == text)
    }

    /// Answers a read: the body with its tag, or 304.
    pub(crate) fn answer(&self, tag: &Tag, body: &impl Serialize) -> Result<Response, Problem> {
        let mut response =
            if self.fresh(tag) { StatusCode::NOT_MODIFIED.into_response() } else { json(StatusCode::OK, body)? };
        // A tag is hexadecimal digits, a dot and quotes; it is always a header value.
        if let Ok(value) = HeaderValue::from_str(&tag.text()) {
            response.headers_mut().insert(header::ETAG, value);
        }
        Ok(response)
    }
}

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    Ok(json_bytes(status, bytes))
}

/// An answer whose JSON is there already.
pub(crate) fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        // Everything is private and moves by itself: ask again each time, with the tag.
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    (status, headers, bytes).into_response()
}

/// The same answer with the tag of what was written.
pub(crate) fn with_tag(mut response: Response, tag: &Tag) -> Response {
    if let Ok(value) = HeaderValue::from_str(&tag.text()) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

fn tags(headers: &HeaderMap, name: &header::HeaderName) -> Result<Option<Vec<String>>, Problem> {
    let mut found = Vec::new();
    let mut given = false;
    for value in headers.get_all(name) {
        given = true;
        let text = value.to_str().unwrap_or("\u{fffd}");
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let quoted = part.strip_prefix("W/").unwrap_or(part);
            let whole = quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"');
            if part != "*" && !whole {
                let message = format!("{name} takes * or tags in double quotes as ETag gives them, not {part}.");
                return Err(Problem::parameters(vec![Mistake::of_parameter(name.as_str(), "invalid-header", message)]));
            }
            found.push(part.to_owned());
        }
    }
    Ok(given.then_some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(name: header::HeaderName, value: &str) -> Conditions {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Conditions::read(&headers).unwrap()
    }

    #[test]
    fn a_write_is_refused_when_the_declaration_moved_and_not_when_only_the_status_did() {
        let read = Tag::of(&1, &1);
        let asked = conditions(header::IF_MATCH, &read.text());
        assert!(asked.allow_write("it", Some(&Tag::of(&1, &2))).is_ok());
        assert!(asked.allow_write("it", Some(&Tag::of(&2, &2))).is_err());
        assert!(asked.allow_write("it", None).is_err());
        assert!(!asked.fresh(&read));
    }

    #[test]
    fn a_weak_tag_frees_a_read_and_allows_no_write() {
        let tag = Tag::of(&1, &1);
        assert!(conditions(header::IF_NONE_MATCH, &format!("\"x\", W/{}", tag.text())).fresh(&tag));
        assert!(conditions(header::IF_MATCH, &format!("W/{}", tag.text())).allow_write("it", Some(&tag)).is_err());
    }
}
