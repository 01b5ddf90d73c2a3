//! Commands that declare: validate, plan, apply.

use super::{approve, preflight, read_documents, wait};
use crate::args::{ApplyArgs, ConfirmArgs, FileArgs, Output, PlanArgs};
use crate::client::Client;
use crate::failure::{Ending, Failure};
use crate::output::{self, hung, line, sign, talk, text};
use anyhow::Result;
use holdfast_core::document::without_views;
use holdfast_core::validate::offline;
use reqwest::Method;
use serde_json::Value;

/// True if a step makes another thing in the place of a live one.
fn replaces(answer: &Value, step: &Value) -> bool {
    let mut verdicts = answer["verdicts"].as_array().into_iter().flatten();
    step["verb"] == "create" && verdicts.any(|v| v["key"] == step["key"] && v["decision"] == "replace")
}

/// True if live is not as declared, whether a step does something about it or policy or a refusal leaves it so.
fn changes(answer: &Value) -> bool {
    let some = |list: &Value, counts: fn(&Value) -> bool| list.as_array().into_iter().flatten().any(counts);
    some(&answer["steps"], |_| true) || some(&answer["verdicts"], approve::differs)
}

/// Prints a plan: one line a step with its reason, then why the rest is left alone, then what AWS says
/// of it before it is done.
pub(crate) fn print_plan(how: Output, answer: &Value) -> Result<Ending> {
    let steps: Vec<&Value> = answer["steps"].as_array().into_iter().flatten().collect();
    let ending = if changes(answer) { Ending::Differences } else { Ending::Fine };
    match how {
        Output::Json => output::json(answer)?,
        Output::Name => steps.iter().try_for_each(|step| line(name_of(&step["key"])))?,
        Output::Table | Output::Wide => print_steps(answer, &steps)?,
    }
    Ok(ending)
}

fn print_steps(answer: &Value, steps: &[&Value]) -> Result<()> {
    for step in steps {
        let after: Vec<String> = step["needs"].as_array().into_iter().flatten().map(Value::to_string).collect();
        let after = if after.is_empty() { String::new() } else { format!("  after {}", after.join(", ")) };
        let held = if step["awaitsApproval"] == true { "  awaits approval" } else { "" };
        let key = &step["key"];
        let verb = if replaces(answer, step) { "replace".to_owned() } else { text(step, "/verb") };
        line(format!(
            "{:>3} {} {}/{}{after}{held}",
            text(step, "/id"),
            sign(&verb),
            text(key, "/kind"),
            text(key, "/name")
        ))?;
        line(hung("      ", &text(step, "/text")))?;
        line(hung("      because ", &text(step, "/because")))?;
    }
    for verdict in answer["verdicts"].as_array().into_iter().flatten() {
        let decision = text(verdict, "/decision");
        if !["inSync", "create", "update", "replace", "delete", "adopt"].contains(&decision.as_str()) {
            let key = &verdict["key"];
            line(format!("    ‖ {}/{} is left alone", text(key, "/kind"), text(key, "/name")))?;
            line(hung("      ", &text(verdict, "/reason")))?;
        }
    }
    for finding in answer["preflight"].as_array().into_iter().flatten() {
        line(preflight::shown(finding, 4))?;
    }
    if let Some(hash) = answer["planHash"].as_str() {
        talk(format!("Plan {hash}"));
        talk_of_approval(hash, answer);
    }
    let count = |verb: &str| steps.iter().filter(|s| s["verb"] == verb).count();
    talk(format!("{} to create, {} to update, {} to delete.", count("create"), count("update"), count("delete")));
    Ok(())
}

/// `STACK/KIND/NAME` of a key.
pub(crate) fn name_of(key: &Value) -> String {
    format!("{}/{}/{}", text(key, "/stack"), text(key, "/kind"), text(key, "/name"))
}

/// Says how a plan is approved, or what became of its approval.
fn talk_of_approval(hash: &str, answer: &Value) {
    let by = text(answer, "/approval/by");
    match text(answer, "/approval/state").as_str() {
        "awaiting" => talk(format!("It awaits approval. Carry it out with: holdfast approve {hash}")),
        "notDeclared" => talk("It will await approval when it is applied; apply names it again."),
        "approved" => talk(format!("It was approved by {by}; the next pass carries it out if nothing has moved.")),
        "carriedOut" => talk(format!("It was approved by {by} and has been carried out.")),
        "overtaken" => talk("It was overtaken: the world or the declarations have moved. Nothing of it is done."),
        _ => {}
    }
}

pub(crate) fn validate(how: Output, args: &FileArgs) -> Result<Ending> {
    let mut body = read_documents(&args.files)?;
    without_views(&mut body);
    let registry = holdfast_kinds::registry();
    match offline(&body, &registry) {
        Ok(resources) => {
            match how {
                Output::Json => output::json(&serde_json::json!({ "valid": true, "resources": resources }))?,
                _ => talk(format!("Valid: {resources} resource{}.", if resources == 1 { "" } else { "s" })),
            }
            Ok(Ending::Fine)
        }
        Err(errors) => {
            if how == Output::Json {
                output::json(&serde_json::json!({ "valid": false, "errors": errors }))?;
            }
            let body = serde_json::json!({ "title": "The document is not valid", "errors": errors });
            Err(Failure::Problem { status: 422, body }.into())
        }
    }
}

pub(crate) fn confirm(args: &ConfirmArgs) -> Option<String> {
    match (args.confirm_empty, args.confirm_shrink) {
        (true, _) => Some("empty".to_owned()),
        (_, true) => Some("shrink".to_owned()),
        _ => None,
    }
}

pub(crate) async fn plan(client: &Client, how: Output, args: &PlanArgs) -> Result<Ending> {
    let body = read_documents(&args.files.files)?;
    let query = [("prune", args.prune.then(|| "true".to_owned())), ("confirm", confirm(&args.confirm))];
    let answer = client.send(client.request(Method::POST, "/v1/plan", &query).json(&body)).await?;
    let ending = print_plan(how, &answer)?;
    Ok(if args.exit_code { ending } else { Ending::Fine })
}

pub(crate) async fn apply(client: &Client, how: Output, args: &ApplyArgs) -> Result<Ending> {
    let body = read_documents(&args.files.files)?;
    let flag = |on: bool| on.then(|| "true".to_owned());
    let query = [("dryRun", flag(args.dry_run)), ("prune", flag(args.prune)), ("confirm", confirm(&args.confirm))];
    let answer = client.send(client.request(Method::POST, "/v1/apply", &query).json(&body)).await?;
    if args.dry_run {
        print_plan(how, &answer)?;
        return Ok(Ending::Fine);
    }
    if how == Output::Json {
        output::json(&answer)?;
    }
    let mut stacks: Vec<String> = Vec::new();
    for result in answer["results"].as_array().into_iter().flatten() {
        let (stack, kind, name) = (text(result, "/stack"), text(result, "/kind"), text(result, "/name"));
        let full = if stack.is_empty() { format!("{kind}/{name}") } else { format!("{stack}/{kind}/{name}") };
        let owner = if kind == "Stack" { name.clone() } else { stack };
        if !owner.is_empty() && !stacks.contains(&owner) {
            stacks.push(owner);
        }
        match how {
            Output::Json => {}
            Output::Name => line(full)?,
            Output::Table | Output::Wide => {
                line(format!("{full} {} (generation {})", text(result, "/outcome"), text(result, "/generation")))?
            }
        }
    }
    if let Some(hash) = answer["planHash"].as_str() {
        talk(format!("Something awaits approval. Look at it:  holdfast approve {hash} --show"));
        talk(format!("Carry it out with:                      holdfast approve {hash}"));
    }
    if args.wait {
        for stack in stacks {
            wait::until(client, Some(&stack), "InSync", &args.timeout).await?;
        }
    }
    Ok(Ending::Fine)
}

#[cfg(test)]
mod tests {
    use super::changes;
    use serde_json::json;

    #[test]
    fn what_no_step_heals_is_a_difference_as_well() {
        let answer = |steps: usize, decision: &str, change: &str| {
            json!({ "steps": vec![json!({}); steps],
                "verdicts": [{ "decision": decision, "fields": [{ "path": "/port", "change": change }] }] })
        };
        assert!(changes(&answer(1, "update", "changed")));
        assert!(changes(&answer(0, "blocked", "changed")), "a refused replacement");
        assert!(changes(&answer(0, "report", "changed")), "drift: report");
        assert!(!changes(&answer(0, "inSync", "undeclared")));
        assert!(!changes(&json!({ "steps": [], "verdicts": [] })));
    }
}
