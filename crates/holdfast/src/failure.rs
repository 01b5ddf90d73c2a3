//! How commands end: exit codes for scripts, problems in words for people.

use serde_json::Value;
use std::fmt;

/// How a command ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Exit code 0.
    Fine,
    /// Exit code 2: there are differences, and `--exit-code` was given.
    Differences,
    /// Exit code 2: a store was looked at and is damaged.
    Damaged,
}

/// A failure with an exit code of its own; every other error ends with 1.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server answered with a problem (RFC 9457), or with something else than success.
    Problem {
        /// HTTP status.
        status: u16,
        /// The problem document; null if there was none.
        body: Value,
    },
    /// Refused because of what is there.
    Refused(String),
    /// The time was up; what was waited for.
    Timeout(String),
}

impl Failure {
    /// 3 refused by policy, 4 not allowed, 5 timeout, else 1.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Problem { status: 409, .. } | Failure::Refused(_) => 3,
            Failure::Problem { status: 401 | 403, .. } => 4,
            Failure::Problem { .. } => 1,
            Failure::Timeout(_) => 5,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Timeout(what) => write!(f, "time is up: {what}"),
            Failure::Refused(why) => f.write_str(why),
            Failure::Problem { status, body } => {
                let title = body["title"].as_str().unwrap_or("the server refused");
                write!(f, "{title} ({status})")?;
                if let Some(detail) = body["detail"].as_str().filter(|d| *d != title) {
                    write!(f, "\n{detail}")?;
                }
                for error in body["errors"].as_array().into_iter().flatten() {
                    let pointer = error["pointer"].as_str().filter(|p| !p.is_empty()).unwrap_or("(document)");
                    write!(f, "\n  {pointer}\n      {}", error["message"].as_str().unwrap_or_default())?;
                }
                if *status == 401 {
                    write!(f, "\nGive a token with --token or HOLDFAST_TOKEN.")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Failure {}
