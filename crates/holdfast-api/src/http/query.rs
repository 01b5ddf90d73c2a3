//! Query parameters: a table for each route, which the check and the OpenAPI document both read.

use super::problem::{Mistake, Problem};
use axum::extract::{FromRequestParts, Query};
use holdfast_core::problem::did_you_mean;
use http::request::Parts;
use http::{Method, Uri};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One query parameter.
#[derive(Debug)]
pub(crate) struct Param {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, for the OpenAPI document.
    pub(crate) doc: &'static str,
    /// What it takes.
    pub(crate) shape: Shape,
}

/// What a parameter takes.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// Without the parameter; none means that absence says something of its own.
        default: Option<u64>,
    },
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl Param {
    /// A parameter of any text.
    pub(crate) const fn text(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, shape: Shape::Text }
    }
    /// A parameter that is true or false.
    pub(crate) const fn flag(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, shape: Shape::Flag }
    }
    /// A parameter that takes one of these words.
    pub(crate) const fn one_of(name: &'static str, doc: &'static str, words: &'static [&'static str]) -> Self {
        Self { name, doc, shape: Shape::OneOf(words) }
    }
    /// How many items a page has.
    pub(crate) const fn limit(default: u64) -> Self {
        Self {
            name: "limit",
            doc: "How many items a page has at most.",
            shape: Shape::Number { min: 1, max: 500, default: Some(default) },
        }
    }

    fn check(&self, value: &str) -> Option<Mistake> {
        let message = match &self.shape {
            Shape::Text => return None,
            Shape::Flag if value.is_empty() => format!("{0} has no value; write {0}=true or {0}=false.", self.name),
            Shape::Flag if matches!(value, "true" | "false") => return None,
            Shape::Flag => format!("{} takes true or false, not \"{value}\".", self.name),
            Shape::Number { min, max, .. } => match value.parse::<u64>() {
                Ok(n) if (*min..=*max).contains(&n) => return None,
                _ if *max == u64::MAX => format!("{} takes a whole number from {min}, not \"{value}\".", self.name),
                _ => format!("{} takes a whole number from {min} to {max}, not \"{value}\".", self.name),
            },
            Shape::OneOf(words) if words.contains(&value) => return None,
            Shape::OneOf(words) => {
                format!("{} takes {}.{}", self.name, words.join(", "), did_you_mean(value, words.iter().copied()))
            }
        };
        Some(Mistake::of_parameter(self.name, "invalid-value", message))
    }
}

/// Checked parameters of a request; put into it by [`check`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Arc<Values>);

#[derive(Debug, Default)]
struct Values {
    given: BTreeMap<&'static str, String>,
    defaults: BTreeMap<&'static str, u64>,
}

impl Params {
    /// The text of a parameter, if it was given and is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.given.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }
    /// True if the flag was given as `true`.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }
    /// The number of a parameter, or its default.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|v| v.parse().ok()).or_else(|| self.0.defaults.get(name).copied())
    }
    /// The page's size.
    pub(crate) fn limit(&self) -> usize {
        // The table's limits fit a usize of any machine.
        self.number("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(100)
    }
}

/// Reads a query against a route's table: every mistake at once.
///
/// On a read an empty value filters nothing. On a write it may stand for yes or for no, so it is refused: a `?dryRun`
/// that counted as absent would store what was only to be looked at.
pub(crate) fn check(method: &Method, uri: &Uri, table: &'static [Param]) -> Result<Params, Problem> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
        Problem::parameters(vec![Mistake::of_parameter(
            "",
            "malformed-query",
            "The query is not in the form name=value&name=value.".to_owned(),
        )])
    })?;
    let mut values = Values::default();
    let mut mistakes = Vec::new();
    for (name, value) in pairs {
        let Some(param) = table.iter().find(|p| p.name == name) else {
            mistakes.push(unknown(&name, table));
            continue;
        };
        mistakes.extend((!(reads && value.is_empty())).then(|| param.check(&value)).flatten());
        if values.given.insert(param.name, value).is_some() {
            let message = format!("{name} is given twice; give it once.");
            mistakes.push(Mistake::of_parameter(&name, "duplicate-parameter", message));
        }
    }
    for param in table {
        if let Shape::Number { default: Some(n), .. } = param.shape {
            values.defaults.insert(param.name, n);
        }
    }
    if mistakes.is_empty() { Ok(Params(Arc::new(values))) } else { Err(Problem::parameters(mistakes)) }
}

fn unknown(name: &str, table: &[Param]) -> Mistake {
    let known: Vec<_> = table.iter().map(|p| p.name).collect();
    let hint = match (did_you_mean(name, known.iter().copied()), known.is_empty()) {
        (near, _) if !near.is_empty() => near,
        (_, true) => " It takes none.".to_owned(),
        _ => format!(" It takes {}.", known.join(", ")),
    };
    Mistake::of_parameter(name, "unknown-parameter", format!("This route has no query parameter \"{name}\".{hint}"))
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Params>().cloned().unwrap_or_default())
    }
}
