//! Who may ask: bearer tokens, and what a server on loopback without one has to refuse.

use super::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::net::IpAddr;
use subtle::{Choice, ConstantTimeEq};

/// A bearer token as it is kept: its BLAKE3 hash.
#[derive(Clone, Debug)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(*blake3::hash(token.as_bytes()).as_bytes())
    }

    /// Reads 64 hexadecimal digits, with or without `blake3:` before them; `None` if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("blake3:").unwrap_or(text);
        super::cursor::unhex(digits)?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "blake3:{}", super::cursor::hex(&self.0))
    }
}

/// Paths that need no token: what an orchestrator asks, and the dashboard's own files, which hold no data and ask
/// for the token themselves.
pub(crate) fn is_open(path: &str) -> bool {
    matches!(path, "/" | "/healthz" | "/readyz" | "/dashboard") || path.starts_with("/dashboard/")
}

/// Lets a request through, or answers 401, 403 or 421.
pub(crate) async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let tokens = &state.options().tokens;
    let verdict = if tokens.is_empty() {
        same_machine(request.method(), request.uri(), request.headers())
    } else if is_open(request.uri().path()) {
        Ok(())
    } else {
        bearer(request.headers(), tokens)
    };
    match verdict {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn bearer(headers: &HeaderMap, tokens: &[TokenHash]) -> Result<(), Problem> {
    let Some(given) = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()) else {
        return Err(unauthenticated(
            "This server wants a token: send it as \"Authorization: Bearer TOKEN\".",
            "Bearer realm=\"holdfast\"",
        ));
    };
    let token =
        given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, t)| t.trim());
    let known = token.is_some_and(|token| {
        let given = TokenHash::of(token);
        // All are compared, so that the time says nothing about which one came near.
        tokens.iter().fold(Choice::from(0), |found, t| found | t.0.ct_eq(&given.0)).into()
    });
    if known {
        return Ok(());
    }
    Err(unauthenticated(
        "The token is not known to this server. Ask whoever runs it for one.",
        "Bearer realm=\"holdfast\", error=\"invalid_token\"",
    ))
}

/// Who asks, as far as the server can tell: it knows tokens by their hashes, and no persons.
pub(crate) fn who(state: &ApiState, headers: &HeaderMap) -> String {
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
    match given {
        Some((_, token)) if !state.options().tokens.is_empty() => {
            let hash = TokenHash::of(token.trim()).to_string();
            format!("the holder of token {}…", hash.chars().take("blake3:".len() + 8).collect::<String>())
        }
        _ => "somebody on the server's machine".to_owned(),
    }
}

fn unauthenticated(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Unauthenticated", detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// A server without tokens trusts its own machine. A browser on that machine also runs pages of strangers: one that
/// points its own name at 127.0.0.1 shows in `Host`, one that writes from elsewhere shows in `Origin`.
fn same_machine(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let host = uri
        .authority()
        .map(|a| a.as_str().to_owned())
        .or_else(|| headers.get(header::HOST).and_then(|v| v.to_str().ok()).map(str::to_owned))
        .unwrap_or_default();
    if !is_local(&host) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "foreign-host",
            "Forbidden",
            format!(
                "This server has no token and so answers only to localhost, 127.0.0.1 and [::1], not to \"{host}\". \
                 Configure a token under [auth] to use another name."
            ),
        ));
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let foreign_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        origin.split_once("://").is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(&host))
    });
    let foreign_site =
        headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    if foreign_origin || foreign_site {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-origin",
            "Forbidden",
            "A page of another origin may not write here. Use the dashboard of this server, the CLI, or a client that is no browser.",
        ));
    }
    Ok(())
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:80", "[::1]", "app.localhost:1"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "evil.com", "localhost.evil.com", "127.0.0.1.evil.com", "10.0.0.1:80", "[::2]"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn a_token_is_kept_as_its_hash_and_read_back() {
        let hash = TokenHash::of("secret");
        assert!(!hash.to_string().contains("secret"));
        assert_eq!(TokenHash::parse(&hash.to_string()).unwrap().0, hash.0);
        assert!(TokenHash::parse("secret").is_none());
    }
}
