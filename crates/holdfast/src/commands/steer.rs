//! Commands that steer: reconcile, pause, resume, delete.

use super::look::resource_path;
use super::{teardown, wait};
use crate::args::{DeleteArgs, Output, PauseArgs, PlaceArgs, ReconcileArgs, ResumeArgs};
use crate::client::{Client, segment};
use crate::failure::Ending;
use crate::output::talk;
use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

async fn call(client: &Client, path: &str, body: &Value) -> Result<()> {
    client.send(client.request(Method::POST, path, &[]).json(body)).await?;
    Ok(())
}

pub(crate) async fn reconcile(client: &Client, args: &ReconcileArgs) -> Result<Ending> {
    let stack = &args.stack;
    let body = args.confirm.as_ref().map_or_else(|| json!({}), |what| json!({ "confirm": what }));
    call(client, &format!("/v1/stacks/{}/reconcile", segment(stack)), &body).await?;
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

pub(crate) async fn pause(client: &Client, args: &PauseArgs) -> Result<Ending> {
    let mut body = json!({ "reason": args.reason });
    if let Some(until) = &args.until {
        body["until"] = json!(until);
    }
    let (path, what) = place(&args.place)?;
    call(client, &format!("{path}/pause"), &body).await?;
    talk(format!("{what} is paused: it is looked at and reported, and nothing is written."));
    Ok(Ending::Fine)
}

pub(crate) async fn resume(client: &Client, args: &ResumeArgs) -> Result<Ending> {
    let body = args.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let (path, what) = place(&args.place)?;
    call(client, &format!("{path}/resume"), &body).await?;
    talk(format!("{what} goes on."));
    Ok(Ending::Fine)
}

pub(crate) async fn delete(client: &Client, how: Output, args: &DeleteArgs) -> Result<Ending> {
    let path = match args.target.contains('/') {
        true => resource_path(&args.target)?,
        false => format!("/v1/stacks/{}", segment(&args.target)),
    };
    client.send(client.request(Method::DELETE, &path, &[("deletion", args.deletion.clone())])).await?;
    talk(match args.deletion.as_deref() {
        Some("delete" | "snapshot") => format!("{} is being deleted, in order.", args.target),
        _ => format!("The declaration of {} is dropped; what is live goes by policy.deletion.", args.target),
    });
    if !args.wait {
        return Ok(Ending::Fine);
    }
    wait::until(client, Some(&args.target), "Gone", &args.timeout).await?;
    match args.target.contains('/') {
        true => Ok(Ending::Fine),
        false => teardown::certificate(client, how, &args.target).await,
    }
}
