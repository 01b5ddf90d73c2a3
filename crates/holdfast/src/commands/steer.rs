//! Commands that steer: reconcile, pause, resume, delete.

use super::look::resource_path;
use super::{teardown, wait};
use crate::args::{DeleteArgs, Output, PauseArgs, PlaceArgs, ReconcileArgs, ResumeArgs};
use crate::client::{Client, segment};
use crate::failure::Ending;
use crate::output::{json, line, talk};
use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::Value;

/// Steers, and prints the answer where it is asked for: as JSON, or as the name of what was steered.
async fn call(client: &Client, how: Output, path: &str, body: &Value, what: &str) -> Result<()> {
    let answer = client.send(client.request(Method::POST, path, &[]).json(body)).await?;
    answered(how, &answer, what)
}

/// What a command prints that has no table to show, only something to tell.
fn answered(how: Output, answer: &Value, what: &str) -> Result<()> {
    match how {
        Output::Json => json(answer),
        Output::Name => line(what),
        Output::Table | Output::Wide => Ok(()),
    }
}

pub(crate) async fn reconcile(client: &Client, how: Output, args: &ReconcileArgs) -> Result<Ending> {
    let stack = &args.stack;
    let body =
        args.confirm.as_ref().map_or_else(|| serde_json::json!({}), |what| serde_json::json!({ "confirm": what }));
    call(client, how, &format!("/v1/stacks/{}/reconcile", segment(stack)), &body, stack).await?;
    talk(format!("{stack} is being looked at now; follow it with `holdfast wait {stack}`."));
    Ok(Ending::Fine)
}

/// The path of what is paused or goes on, and what people call it.
fn place(args: &PlaceArgs) -> Result<(String, String)> {
    if let Some(scope) = &args.scope {
        let Some((account, region)) = scope.split_once('/') else {
            bail!("\"{scope}\" is no scope; write ACCOUNT/REGION, such as default/eu-west-1");
        };
        return Ok((format!("/v1/scopes/{}/{}", segment(account), segment(region)), scope.clone()));
    }
    match &args.target {
        Some(target) if target.contains('/') => Ok((resource_path(target)?, target.clone())),
        Some(stack) => Ok((format!("/v1/stacks/{}", segment(stack)), stack.clone())),
        None => Ok(("/v1".to_owned(), "everything".to_owned())),
    }
}

pub(crate) async fn pause(client: &Client, how: Output, args: &PauseArgs) -> Result<Ending> {
    let mut body = serde_json::json!({ "reason": args.reason });
    if let Some(until) = &args.until {
        body["until"] = serde_json::json!(until);
    }
    let (path, what) = place(&args.place)?;
    call(client, how, &format!("{path}/pause"), &body, &what).await?;
    talk(format!("{what} is paused: it is looked at and reported, and nothing is written."));
    Ok(Ending::Fine)
}

pub(crate) async fn resume(client: &Client, how: Output, args: &ResumeArgs) -> Result<Ending> {
    let body =
        args.reason.as_ref().map_or_else(|| serde_json::json!({}), |reason| serde_json::json!({ "reason": reason }));
    let (path, what) = place(&args.place)?;
    call(client, how, &format!("{path}/resume"), &body, &what).await?;
    talk(format!("{what} goes on."));
    Ok(Ending::Fine)
}

pub(crate) async fn delete(client: &Client, how: Output, args: &DeleteArgs) -> Result<Ending> {
    let path = match args.target.contains('/') {
        true => resource_path(&args.target)?,
        false => format!("/v1/stacks/{}", segment(&args.target)),
    };
    let request = client.request(Method::DELETE, &path, &[("deletion", args.deletion.clone())]);
    let answer = client.send(request).await?;
    let certified = args.wait && !args.target.contains('/');
    // One document a command: of a stack that is waited for, the certificate is the answer.
    if !certified {
        answered(how, &answer, &args.target)?;
    }
    talk(match args.deletion.as_deref() {
        Some("delete" | "snapshot") => format!("{} is being deleted, in order.", args.target),
        _ => format!("The declaration of {} is dropped; what is live goes by policy.deletion.", args.target),
    });
    if !args.wait {
        return Ok(Ending::Fine);
    }
    wait::until(client, Some(&args.target), "Gone", &args.timeout).await?;
    match certified {
        true => teardown::certificate(client, how, &args.target).await,
        false => Ok(Ending::Fine),
    }
}
