//! Commands about what would change: diff, and approving it.

use super::declare::print_plan;
use super::{declare, read_documents};
use crate::args::{ApproveArgs, Output, PlanArgs};
use crate::client::{Client, segment};
use crate::failure::Ending;
use crate::output::{self, line, sign, talk, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

/// `holdfast approve`: approves a plan, or shows it.
pub(crate) async fn approve(client: &Client, how: Output, args: &ApproveArgs) -> Result<Ending> {
    let path = format!("/v1/plans/{}", segment(&args.plan));
    if args.show {
        print_plan(how, &client.get(&path, &[]).await?)?;
        return Ok(Ending::Fine);
    }
    let body = args.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let answer = client.send(client.request(Method::POST, &format!("{path}/approve"), &[]).json(&body)).await?;
    match how {
        Output::Json => return output::json(&answer).map(|()| Ending::Fine),
        Output::Name => line(&args.plan)?,
        Output::Table | Output::Wide => {}
    }
    let mut stacks: Vec<String> = answer
        .pointer("/approval/parts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|p| text(p, "/stack"))
        .collect();
    stacks.dedup();
    talk(format!("Plan {} is approved; the next pass carries it out if nothing has moved.", args.plan));
    for stack in stacks {
        talk(format!("Follow it with `holdfast wait {stack}`."));
    }
    Ok(Ending::Fine)
}

/// `holdfast diff`: what applying the documents would change live, value by value.
pub(crate) async fn diff(client: &Client, how: Output, args: &PlanArgs) -> Result<Ending> {
    let body = read_documents(&args.files.files)?;
    let yes = || "true".to_owned();
    let query =
        [("dryRun", Some(yes())), ("prune", args.prune.then(yes)), ("confirm", declare::confirm(&args.confirm))];
    let answer = client.send(client.request(Method::POST, "/v1/apply", &query).json(&body)).await?;
    let differing: Vec<Value> =
        answer["verdicts"].as_array().into_iter().flatten().filter(|v| differs(v)).cloned().collect();
    if how == Output::Json {
        output::json(&json!({ "items": differing }))?;
    } else {
        for verdict in &differing {
            print_difference(how, verdict)?;
        }
        if differing.is_empty() {
            talk("Live is as these documents declare it.");
        }
    }
    Ok(if args.exit_code && !differing.is_empty() { Ending::Differences } else { Ending::Fine })
}

/// What nobody declares is left as it is, and so is no difference that an apply would make.
pub(crate) fn counts(field: &Value) -> bool {
    field["change"] != "undeclared"
}

pub(crate) fn differs(verdict: &Value) -> bool {
    verdict["decision"] == "delete" || verdict["fields"].as_array().into_iter().flatten().any(counts)
}

fn print_difference(how: Output, verdict: &Value) -> Result<()> {
    let name = declare::name_of(&verdict["key"]);
    if how == Output::Name {
        return line(name);
    }
    line(format!("--- live     {name}"))?;
    line(format!("+++ declared {name}"))?;
    if verdict["decision"] == "delete" {
        return line(format!("{} all of it", sign("delete")));
    }
    for field in verdict["fields"].as_array().into_iter().flatten().filter(|f| counts(f)) {
        let path = text(field, "/path");
        line(format!("@@ {} @@", if path.is_empty() { "all of it" } else { &path }))?;
        print_value("delete", &field["live"])?;
        print_value("create", &field["desired"])?;
    }
    Ok(())
}

fn print_value(verb: &str, value: &Value) -> Result<()> {
    if value.is_null() {
        return Ok(());
    }
    serde_json::to_string_pretty(value)?.lines().try_for_each(|l| line(format!("{} {l}", sign(verb))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_apply_would_change_is_a_difference() {
        let verdict = |decision: &str, change: &str| json!({ "decision": decision, "fields": [{ "path": "/a", "change": change, "live": 1, "desired": 2 }] });
        assert!(differs(&verdict("update", "changed")));
        assert!(differs(&verdict("hold", "changed")), "what is held is shown as well");
        assert!(!differs(&verdict("inSync", "undeclared")));
        assert!(differs(&json!({ "decision": "delete", "fields": [] })));
    }
}
