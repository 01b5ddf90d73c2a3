//! `doctor`: what works between this machine, the server and AWS.

use super::{look, preflight};
use crate::client::Client;
use crate::failure::{Ending, Failure};
use crate::output::{line, text};
use anyhow::Result;

/// Checks one thing after the other; every failing line says what to do.
pub(crate) async fn doctor(client: &Client, health: bool) -> Result<Ending> {
    if health {
        client.get("/healthz", &[]).await?;
        return Ok(Ending::Fine);
    }
    let mut bad = 0;
    let mut tell = |good: bool, what: String| -> Result<()> {
        bad += i32::from(!good);
        line(format!("{} {what}", if good { "✓" } else { "✗" }))
    };
    match client.get("/healthz", &[]).await {
        Ok(_) => tell(true, format!("server       {} answers", client.server()))?,
        Err(e) => {
            tell(false, format!("server       {e:#}"))?;
            return Err(Failure::Problem {
                status: 503,
                body: serde_json::json!({ "title": "The server cannot be reached" }),
            }
            .into());
        }
    }
    match client.get("/readyz", &[]).await {
        Ok(_) => tell(true, "ready        the store works and no scope waits for its first sweep".to_owned())?,
        Err(e) => tell(false, format!("ready        {e:#}"))?,
    }
    match client.list("/v1/scopes", &[]).await {
        Ok(scopes) => {
            for scope in scopes {
                let name = format!("{}/{}", text(&scope, "/account"), text(&scope, "/region"));
                let error = text(&scope, "/error");
                match error.is_empty() {
                    true => tell(
                        true,
                        format!(
                            "AWS          {name} swept, {} calls in {} ms",
                            text(&scope, "/apiCalls"),
                            text(&scope, "/durationMs")
                        ),
                    )?,
                    false => tell(false, format!("AWS          {name}: {error}"))?,
                }
            }
        }
        Err(e) => tell(false, format!("token        {e:#}"))?,
    }
    for phase in ["Failed", "Unknown"] {
        for resource in client.list("/v1/resources", &[("phase", Some(phase.to_owned()))]).await.unwrap_or_default() {
            let name = look::key_of(&resource);
            let said = look::condition(&resource, "Synced", "message");
            tell(
                false,
                format!("{:<12} {name}: {said}\n             More: holdfast why {name}", phase.to_lowercase()),
            )?;
        }
    }
    bad += before_asking(client).await?;
    if bad == 0 {
        return Ok(Ending::Fine);
    }
    anyhow::bail!("{bad} of these checks failed")
}

/// What AWS says of everything declared: roles and subnets that are not there, quotas without room. Answers how many
/// checks failed; what cannot be asked has not.
async fn before_asking(client: &Client) -> Result<i32> {
    let findings = match client.list("/v1/preflight", &[]).await {
        Ok(findings) => findings,
        Err(e) => {
            line(format!("✗ preflight    {e:#}"))?;
            return Ok(1);
        }
    };
    let errors = findings.iter().filter(|f| f["level"] == "error").count();
    let said = match findings.is_empty() {
        true => "what is named is there, and quotas have room".to_owned(),
        false => preflight::counted(&findings),
    };
    line(format!("{} preflight    {said}", if errors == 0 { "✓" } else { "✗" }))?;
    findings.iter().try_for_each(|finding| line(preflight::shown(finding, 13)))?;
    Ok(i32::from(errors > 0))
}
