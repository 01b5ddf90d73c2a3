//! The end of a teardown: what went, what stays, and what AWS still shows.

use crate::args::Output;
use crate::client::{Client, segment};
use crate::failure::Ending;
use crate::output::{json, line, text};
use anyhow::{Result, bail};
use serde_json::Value;

/// Prints what became of a stack, and fails if something of it is left.
pub(crate) async fn certificate(client: &Client, how: Output, stack: &str) -> Result<Ending> {
    let teardown = client.get(&format!("/v1/stacks/{}/teardown", segment(stack)), &[]).await?;
    match how {
        Output::Json => json(&teardown)?,
        Output::Name => line(stack)?,
        Output::Table | Output::Wide => print(&teardown)?,
    }
    match text(&teardown, "/state").as_str() {
        "clean" => Ok(Ending::Fine),
        "leftBehind" => bail!("something with the owner tag of {stack} is still live"),
        other => bail!("it is not proven that nothing of {stack} is left ({other})"),
    }
}

fn print(teardown: &Value) -> Result<()> {
    let list = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |one: &Value| format!("{}/{}", text(one, "/kind"), text(one, "/name"));
    for one in list(teardown, "/deleted") {
        line(format!("- {} {}", named(&one), text(&one, "/id")))?;
    }
    for one in list(teardown, "/retained") {
        line(format!("  {} stays live, and is nobody's now", named(&one)))?;
    }
    for check in list(teardown, "/checks") {
        let place = format!("{}/{}", text(&check, "/account"), text(&check, "/region"));
        let (left, unread) = (list(&check, "/left"), list(&check, "/unread"));
        if left.is_empty() && unread.is_empty() {
            line(format!("✓ {place}: nothing with the owner tag of {} is live", text(teardown, "/stack")))?;
        }
        for one in left {
            line(format!("✗ {place}: {} {} is still live", named(&one), text(&one, "/id")))?;
        }
        for why in unread {
            line(format!("✗ {place}: {}", why.as_str().unwrap_or_default()))?;
        }
    }
    Ok(())
}
