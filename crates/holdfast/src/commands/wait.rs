//! `wait`: until resources reach a phase.

use super::look::{key_of, resource_path};
use crate::args::{Output, WaitArgs};
use crate::client::Client;
use crate::duration;
use crate::failure::{Ending, Failure};
use crate::output::{self, line, talk, text};
use anyhow::{Result, bail};
use serde_json::Value;
use std::time::Duration;

/// What can be waited for.
const GOALS: &[&str] = &[
    "Pending",
    "Progressing",
    "InSync",
    "Drifted",
    "Blocked",
    "Failed",
    "Paused",
    "Deleting",
    "Unknown",
    "Ready",
    "Gone",
];

pub(crate) async fn wait(client: &Client, how: Output, args: &WaitArgs) -> Result<Ending> {
    let found = until(client, args.target.as_deref(), &args.goal, &args.timeout).await?;
    match how {
        Output::Json => output::json(&serde_json::json!({ "items": found }))?,
        Output::Name => found.iter().try_for_each(|resource| line(key_of(resource)))?,
        Output::Table | Output::Wide => {}
    }
    Ok(Ending::Fine)
}

/// Looks every half second until all of the target are at the goal, and gives them; says what it still waits for.
pub(crate) async fn until(client: &Client, target: Option<&str>, goal: &str, timeout: &str) -> Result<Vec<Value>> {
    let Some(goal) = GOALS.iter().find(|g| g.eq_ignore_ascii_case(goal)) else {
        bail!("\"{goal}\" cannot be waited for; choose one of {}", GOALS.join(", "));
    };
    let limit = duration::parse(timeout).map_err(anyhow::Error::msg)?;
    let spinner = indicatif::ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(120));
    let mut left = String::from("the first answer");
    let looked = tokio::time::timeout(limit, async {
        loop {
            let found = look(client, target).await?;
            let waiting: Vec<&Value> = found.iter().filter(|v| !is_at(v, goal)).collect();
            let all_there = waiting.is_empty() && (*goal == "Gone" || !found.is_empty());
            if all_there {
                return Ok::<_, anyhow::Error>(found);
            }
            left = waiting.first().map_or_else(|| "something to be declared".to_owned(), |v| told(v, waiting.len()));
            spinner.set_message(left.clone());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
    spinner.finish_and_clear();
    match looked {
        Ok(done) => {
            let found = done?;
            talk(format!("{} {goal}.", target.map_or_else(|| "Everything is".to_owned(), |t| format!("{t} is"))));
            Ok(found)
        }
        Err(_) => Err(Failure::Timeout(format!("after {timeout} still waiting for {left}")).into()),
    }
}

async fn look(client: &Client, target: Option<&str>) -> Result<Vec<Value>> {
    let limit = ("limit", Some("500".to_owned()));
    match target {
        Some(one) if one.contains('/') => match client.get(&resource_path(one)?, &[]).await {
            Ok(found) => Ok(vec![found]),
            Err(e) if is_not_found(&e) => Ok(Vec::new()),
            Err(e) => Err(e),
        },
        stack => client.list("/v1/resources", &[("stack", stack.map(str::to_owned)), limit]).await,
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Failure::Problem { status: 404, .. }))
}

fn is_at(resource: &Value, goal: &str) -> bool {
    let current = resource.pointer("/metadata/generation") == resource.pointer("/status/observedGeneration");
    match goal {
        "Gone" => false,
        "Ready" => {
            let conditions = resource.pointer("/status/conditions").and_then(Value::as_array);
            current && conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
        }
        // Whoever waits for in-sync means the generation that was declared last.
        "InSync" => current && resource["status"]["phase"] == "InSync",
        phase => resource["status"]["phase"] == *phase,
    }
}

fn told(resource: &Value, waiting: usize) -> String {
    let name = format!("{}/{}", text(resource, "/kind"), text(resource, "/metadata/name"));
    let conditions = resource.pointer("/status/conditions").and_then(Value::as_array);
    let why = conditions.into_iter().flatten().find(|c| c["type"] == "Synced").map(|c| text(c, "/message"));
    let more = if waiting > 1 { format!(" and {} more", waiting - 1) } else { String::new() };
    format!("{name} ({}){more}: {}", text(resource, "/status/phase"), why.unwrap_or_default())
}
