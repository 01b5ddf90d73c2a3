//! `why` and `adopt`: what stands behind a resource, and what waits for somebody to say yes.

use super::look::{drift_line, resource_path, section};
use crate::args::{AdoptArgs, Output, WhyArgs};
use crate::client::Client;
use crate::failure::Ending;
use crate::output::{self, age, hung, line, phase, short, talk, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

/// A field as people write it, `a.b` or `/a/b`, as a JSON Pointer.
fn pointer(field: &str) -> String {
    if field.starts_with('/') {
        return field.to_owned();
    }
    field.split('.').fold(String::new(), |path, name| holdfast_core::pointer::join(&path, name))
}

pub(crate) async fn why(client: &Client, how: Output, args: &WhyArgs) -> Result<Ending> {
    let path = format!("{}/why", resource_path(&args.resource)?);
    let found = client.get(&path, &[("path", args.path.as_deref().map(pointer))]).await?;
    match how {
        Output::Json => output::json(&found)?,
        Output::Name => items(&found, "/fields").try_for_each(|f| line(text(f, "/path")))?,
        Output::Table | Output::Wide => tell(&found)?,
    }
    Ok(Ending::Fine)
}

fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn tell(why: &Value) -> Result<()> {
    let name = format!("{}/{}/{}", text(why, "/stack"), text(why, "/kind"), text(why, "/name"));
    line(format!("{name}  {}", phase(&text(why, "/phase"))))?;
    let seen = match age(&text(why, "/seenAt")).as_str() {
        "" => "never seen".to_owned(),
        age => format!("seen {age} ago"),
    };
    line(format!("  generation {}, {seen}", text(why, "/generation")))?;
    line(hung("  ", &text(why, "/message")))?;
    section("Waits for", why.get("waitsFor"), wait_line)?;
    for field in items(why, "/fields") {
        tell_field(field)?;
    }
    match why.get("edit").filter(|edit| !edit.is_null() && items(why, "/fields").count() != 1) {
        Some(edit) => tell_edit("Or", edit),
        None => Ok(()),
    }
}

fn wait_line(wait: &Value) -> String {
    let until = text(wait, "/until");
    let until = if until.is_empty() { String::new() } else { format!(" (until {until})") };
    format!("{}{until}", text(wait, "/message"))
}

fn tell_field(field: &Value) -> Result<()> {
    let path = text(field, "/path");
    line(format!("\n{}", if path.is_empty() { "(all of it)" } else { &path }))?;
    let declared = match field["declared"].is_null() {
        true => "– (not declared)".to_owned(),
        false => {
            let by = if field["declared"]["byStack"] == true { ", by the stack" } else { "" };
            let value = short(&field["declared"]["value"]);
            format!("{value} (since generation {}{by})", text(field, "/declared/generation"))
        }
    };
    let live = if field["live"]["known"] == true { short(&field["live"]["value"]) } else { "not known".to_owned() };
    let owner = match text(field, "/owner/name").as_str() {
        "" => "nobody".to_owned(),
        name => name.to_owned(),
    };
    line(hung("  declared   ", &declared))?;
    line(hung("  live       ", &live))?;
    if !field["default"].is_null() {
        let default = format!("{} {}", short(&field["default"]["value"]), text(field, "/default/source"));
        line(hung("  default    ", &default))?;
    }
    if !field["lastWritten"].is_null() {
        line(hung("  written    ", &short(&field["lastWritten"])))?;
    }
    line(hung("  owner      ", &format!("{owner}: {}", text(field, "/owner/reason"))))?;
    line(hung("  rule       ", &format!("{}: {}", text(field, "/rule"), text(field, "/ruleText"))))?;
    line(hung("  decision   ", &text(field, "/decision")))?;
    for wait in items(field, "/waitsFor") {
        line(hung("  waits      ", &wait_line(wait)))?;
    }
    match field.get("edit").filter(|edit| !edit.is_null()) {
        Some(edit) => tell_edit("  to keep what is live:", edit),
        None => Ok(()),
    }
}

fn tell_edit(lead: &str, edit: &Value) -> Result<()> {
    line(hung(&format!("{lead} "), &text(edit, "/says")))?;
    for op in items(edit, "/patch") {
        let value = op.get("value").map_or_else(String::new, |v| format!(" {}", short(v)));
        line(hung("    ", &format!("{} {}{value}", text(op, "/op"), text(op, "/path"))))?;
    }
    Ok(())
}

pub(crate) async fn adopt(client: &Client, how: Output, args: &AdoptArgs) -> Result<Ending> {
    let path = format!("{}/adopt", resource_path(&args.resource)?);
    let body = if args.confirm { json!({ "confirm": true }) } else { json!({}) };
    let found = client.send(client.request(Method::POST, &path, &[]).json(&body)).await?;
    match how {
        Output::Json => return output::json(&found).map(|()| Ending::Fine),
        Output::Name => return line(&args.resource).map(|()| Ending::Fine),
        Output::Table | Output::Wide => {}
    }
    line(format!("{}  {}  {}", args.resource, text(&found, "/state"), text(&found, "/id")))?;
    section("What a confirmation changes", found.get("fields"), |field| drift_line(field, "  "))?;
    talk(text(&found, "/message"));
    Ok(Ending::Fine)
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_field_may_be_written_with_dots_or_as_a_pointer() {
        assert_eq!(pointer("desiredCount"), "/desiredCount");
        assert_eq!(pointer("tags.team"), "/tags/team");
        assert_eq!(pointer("/tags/a.b"), "/tags/a.b");
    }
}
