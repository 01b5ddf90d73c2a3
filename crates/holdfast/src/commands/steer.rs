//! Commands that steer: reconcile, pause, resume, delete.

use super::look::resource_path;
use super::wait;
use crate::args::{DeleteArgs, PauseArgs};
use crate::client::{Client, segment};
use crate::failure::Ending;
use crate::output::talk;
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

async fn stack_call(client: &Client, stack: &str, what: &str, body: &Value) -> Result<()> {
    let path = format!("/v1/stacks/{}/{what}", segment(stack));
    client.send(client.request(Method::POST, &path, &[]).json(body)).await?;
    Ok(())
}

pub(crate) async fn reconcile(client: &Client, stack: &str) -> Result<Ending> {
    stack_call(client, stack, "reconcile", &json!({})).await?;
    talk(format!("{stack} is being looked at now; follow it with `holdfast wait {stack}`."));
    Ok(Ending::Fine)
}

pub(crate) async fn pause(client: &Client, args: &PauseArgs) -> Result<Ending> {
    let mut body = json!({ "reason": args.reason });
    if let Some(until) = &args.until {
        body["until"] = json!(until);
    }
    stack_call(client, &args.stack, "pause", &body).await?;
    talk(format!("{} is paused: it is looked at and reported, and nothing is written.", args.stack));
    Ok(Ending::Fine)
}

pub(crate) async fn resume(client: &Client, stack: &str) -> Result<Ending> {
    stack_call(client, stack, "resume", &json!({})).await?;
    talk(format!("{stack} goes on."));
    Ok(Ending::Fine)
}

pub(crate) async fn delete(client: &Client, args: &DeleteArgs) -> Result<Ending> {
    let path = match args.target.contains('/') {
        true => resource_path(&args.target)?,
        false => format!("/v1/stacks/{}", segment(&args.target)),
    };
    client.send(client.request(Method::DELETE, &path, &[("deletion", args.deletion.clone())])).await?;
    talk(match args.deletion.as_deref() {
        Some("delete" | "snapshot") => format!("{} is being deleted, in order.", args.target),
        _ => format!("The declaration of {} is dropped; what is live goes by policy.deletion.", args.target),
    });
    if args.wait {
        wait::until(client, Some(&args.target), "Gone", &args.timeout).await?;
    }
    Ok(Ending::Fine)
}
