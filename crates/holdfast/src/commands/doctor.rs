//! `doctor`: what works between this machine, the server and AWS.

use super::{look, preflight};
use crate::args::Output;
use crate::client::Client;
use crate::failure::{Ending, Failure};
use crate::output::{self, hung, line, text};
use anyhow::Result;
use serde_json::{Value, json};

/// What was checked, and what came of it.
struct Check {
    /// What was looked at, in one word.
    what: String,
    good: bool,
    message: String,
    /// What AWS says before it is asked to do anything.
    findings: Vec<Value>,
    /// What the server refused it with.
    status: Option<u16>,
}

impl Check {
    fn new(what: &str, good: bool, message: String) -> Self {
        Self { what: what.to_owned(), good, message, findings: Vec::new(), status: None }
    }

    /// What was asked and answered nothing.
    fn failed(what: &str, error: &anyhow::Error) -> Self {
        let status = match error.downcast_ref() {
            Some(Failure::Problem { status, .. }) => Some(*status),
            _ => None,
        };
        Self { status, ..Self::new(what, false, format!("{error:#}")) }
    }

    fn json(&self) -> Value {
        json!({ "check": self.what, "ok": self.good, "message": self.message, "findings": self.findings })
    }

    fn print(&self) -> Result<()> {
        let sign = if self.good { "✓" } else { "✗" };
        let mut lines = self.message.lines();
        line(hung(&format!("{sign} {:<12} ", self.what), lines.next().unwrap_or_default()))?;
        lines.try_for_each(|more| line(hung("               ", more)))?;
        self.findings.iter().try_for_each(|finding| line(preflight::shown(finding, 13)))
    }
}

/// Checks one thing after the other; every failing line says what to do.
pub(crate) async fn doctor(client: &Client, how: Output, health: bool) -> Result<Ending> {
    if health {
        let answer = client.get("/healthz", &[]).await?;
        if how == Output::Json {
            output::json(&answer)?;
        }
        return Ok(Ending::Fine);
    }
    let (checks, reached) = match client.get("/healthz", &[]).await {
        Ok(_) => (all(client).await, true),
        Err(e) => (vec![Check::failed("server", &e)], false),
    };
    let bad: Vec<&Check> = checks.iter().filter(|c| !c.good).collect();
    match how {
        Output::Json => {
            let told: Vec<Value> = checks.iter().map(Check::json).collect();
            output::json(&json!({ "ok": bad.is_empty(), "checks": told }))?;
        }
        Output::Name => bad.iter().try_for_each(|check| line(&check.what))?,
        Output::Table | Output::Wide => checks.iter().try_for_each(Check::print)?,
    }
    match bad.len() {
        0 => Ok(Ending::Fine),
        _ if !reached => {
            Err(Failure::Problem { status: 503, body: json!({ "title": "The server cannot be reached" }) }.into())
        }
        failed => {
            let title = format!("{failed} of these checks failed");
            match bad.iter().find_map(|check| check.status.filter(|status| matches!(status, 401 | 403))) {
                Some(status) => Err(Failure::Problem { status, body: json!({ "title": title }) }.into()),
                None => anyhow::bail!(title),
            }
        }
    }
}

/// The checks of a server that answers.
async fn all(client: &Client) -> Vec<Check> {
    let mut checks = vec![Check::new("server", true, format!("{} answers", client.server()))];
    checks.push(match client.get("/readyz", &[]).await {
        Ok(_) => Check::new("ready", true, "the store works and no scope waits for its first sweep".to_owned()),
        Err(e) => Check::failed("ready", &e),
    });
    match client.list("/v1/scopes", &[]).await {
        Ok(scopes) => checks.extend(scopes.iter().flat_map(swept)),
        Err(e) => checks.push(Check::failed("token", &e)),
    }
    for phase in ["Failed", "Unknown"] {
        for resource in client.list("/v1/resources", &[("phase", Some(phase.to_owned()))]).await.unwrap_or_default() {
            let name = look::key_of(&resource);
            let said = look::condition(&resource, "Synced", "message");
            let message = format!("{name}: {said}\nMore: holdfast why {name}");
            checks.push(Check::new(&phase.to_lowercase(), false, message));
        }
    }
    checks.push(before_asking(client).await);
    checks
}

/// A scope's last sweep, and each thing that it could not read.
fn swept(scope: &Value) -> Vec<Check> {
    let name = format!("{}/{}", text(scope, "/account"), text(scope, "/region"));
    let failed = |said: &str| Check::new("AWS", false, format!("{name}: {said}"));
    match text(scope, "/error").as_str() {
        "" => {
            let (calls, took) = (text(scope, "/apiCalls"), text(scope, "/durationMs"));
            let swept = Check::new("AWS", true, format!("{name} swept, {calls} calls in {took} ms"));
            let gaps = scope["gaps"].as_array().into_iter().flatten().filter_map(Value::as_str);
            std::iter::once(swept).chain(gaps.map(failed)).collect()
        }
        error => vec![failed(error)],
    }
}

/// What AWS says of everything declared: roles and subnets that are not there, quotas without room. What cannot be asked
/// has not passed.
async fn before_asking(client: &Client) -> Check {
    let findings = match client.list("/v1/preflight", &[]).await {
        Ok(findings) => findings,
        Err(e) => return Check::failed("preflight", &e),
    };
    let said = match findings.is_empty() {
        true => "what is named is there, and quotas have room".to_owned(),
        false => preflight::counted(&findings),
    };
    let good = !findings.iter().any(|f| f["level"] == "error");
    Check { findings, ..Check::new("preflight", good, said) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sweep_could_not_read_has_not_passed() {
        let told = |more: Value| {
            let mut scope = json!({ "account": "default", "region": "eu-west-1", "apiCalls": 7, "durationMs": 9 });
            for (field, value) in more.as_object().into_iter().flatten() {
                scope[field] = value.clone();
            }
            let checks = swept(&scope).into_iter().map(|check| (check.good, check.message));
            checks.collect::<Vec<_>>()
        };
        let whole = || (true, "default/eu-west-1 swept, 7 calls in 9 ms".to_owned());
        let bad = |said: &str| (false, format!("default/eu-west-1: {said}"));
        assert_eq!(told(json!({ "error": null, "gaps": [] })), [whole()]);
        assert_eq!(
            told(json!({ "gaps": ["Vpc: denied", "Subnet: denied"] })),
            [whole(), bad("Vpc: denied"), bad("Subnet: denied")]
        );
        assert_eq!(told(json!({ "error": "no credentials", "gaps": [] })), [bad("no credentials")]);
    }
}
