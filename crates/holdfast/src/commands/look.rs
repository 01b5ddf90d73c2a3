//! Commands that look: get, describe, drift, history, events, scopes.

use super::approve::counts;
use crate::args::{DriftArgs, EventsArgs, FilterArgs, GetArgs, Output};
use crate::client::{Client, segment};
use crate::failure::Ending;
use crate::output::{self, Column, age, hung, line, phase, plain_phase, short, text};
use anyhow::{Context, Result, bail};
use futures::StreamExt;
use holdfast_core::name::ResourceKey;
use holdfast_core::validate::DEFAULT_ACCOUNT;
use serde_json::Value;

fn filters(filter: &FilterArgs) -> Vec<(&'static str, Option<String>)> {
    vec![("stack", filter.stack.clone()), ("account", filter.account.clone()), ("region", filter.region.clone())]
}

pub(crate) fn key_of(value: &Value) -> String {
    format!("{}/{}/{}", text(value, "/metadata/stack"), text(value, "/kind"), text(value, "/metadata/name"))
}

const RESOURCES: &[Column] = &[
    Column { head: "RESOURCE", wide: false, read: key_of },
    Column { head: "PHASE", wide: false, read: |v| plain_phase(&text(v, "/status/phase")) },
    Column { head: "READY", wide: false, read: |v| ready(v) },
    Column { head: "GEN", wide: false, read: |v| text(v, "/metadata/generation") },
    Column { head: "AGE", wide: false, read: |v| age(&text(v, "/metadata/createdAt")) },
    Column { head: "ACCOUNT", wide: true, read: |v| text(v, "/metadata/account") },
    Column { head: "REGION", wide: true, read: |v| text(v, "/metadata/region") },
    Column { head: "ID", wide: true, read: |v| text(v, "/status/outputs/id") },
    Column { head: "MESSAGE", wide: true, read: |v| condition(v, "Synced", "message") },
];

const STACKS: &[Column] = &[
    Column { head: "STACK", wide: false, read: |v| text(v, "/metadata/name") },
    Column { head: "ACCOUNT", wide: false, read: account_of },
    Column { head: "REGION", wide: false, read: |v| text(v, "/spec/region") },
    Column { head: "PHASES", wide: false, read: phases },
    Column { head: "AGE", wide: false, read: |v| age(&text(v, "/metadata/createdAt")) },
];

const ACCOUNTS: &[Column] = &[
    Column { head: "ACCOUNT", wide: false, read: |v| text(v, "/metadata/name") },
    Column { head: "ID", wide: false, read: |v| text(v, "/spec/accountId") },
    Column { head: "ROLE", wide: false, read: |v| text(v, "/spec/roleArn") },
];

const SCOPES: &[Column] = &[
    Column { head: "ACCOUNT", wide: false, read: |v| text(v, "/account") },
    Column { head: "REGION", wide: false, read: |v| text(v, "/region") },
    Column { head: "SWEPT", wide: false, read: |v| age(&text(v, "/sweptAt")) },
    Column { head: "TOOK", wide: false, read: |v| format!("{} ms", text(v, "/durationMs")) },
    Column { head: "CALLS", wide: false, read: |v| text(v, "/apiCalls") },
    Column { head: "THROTTLED", wide: false, read: |v| text(v, "/throttles") },
    Column { head: "HELD", wide: false, read: held },
    Column { head: "ERROR", wide: false, read: not_read },
];

/// What stands in the way of reading all of a scope; of several things the first.
fn not_read(scope: &Value) -> String {
    let gaps = scope["gaps"].as_array().map_or(&[][..], Vec::as_slice);
    match (text(scope, "/error"), gaps) {
        (error, []) => error,
        (error, _) if !error.is_empty() => error,
        (_, [gap]) => gap.as_str().unwrap_or_default().to_owned(),
        (_, [gap, others @ ..]) => format!("{} (and {} more)", gap.as_str().unwrap_or_default(), others.len()),
    }
}

/// Why nothing is written in a scope.
fn held(scope: &Value) -> String {
    match text(scope, "/paused/reason") {
        reason if reason.is_empty() => text(scope, "/held/reason"),
        reason => format!("paused: {reason}"),
    }
}

pub(crate) fn condition(v: &Value, kind: &str, field: &str) -> String {
    let conditions = v.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.filter(|c| c["type"] == kind).map(|c| text(c, &format!("/{field}"))).next().unwrap_or_default()
}

fn ready(v: &Value) -> String {
    condition(v, "Ready", "status")
}

fn phases(v: &Value) -> String {
    let map = v.pointer("/status/phases").and_then(Value::as_object);
    map.into_iter().flatten().filter(|(_, n)| **n != 0).map(|(k, n)| format!("{n} {k}")).collect::<Vec<_>>().join(", ")
}

/// Kinds may be written as kubectl's users do: `services`, `target-groups`, `loadbalancer`.
fn kind_name(given: &str) -> Option<String> {
    let plain = |s: &str| s.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(given);
    let registry = holdfast_kinds::registry();
    registry.names().find(|n| plain(n) == wanted || format!("{}s", plain(n)) == wanted).map(str::to_owned)
}

pub(crate) async fn get(client: &Client, how: Output, args: &GetArgs) -> Result<Ending> {
    let given = args.kind.as_deref().unwrap_or("resources");
    if let Some(key) = ResourceKey::parse(given) {
        return one_resource(client, how, &key).await;
    }
    match given.to_lowercase().as_str() {
        "stack" | "stacks" => match &args.name {
            Some(name) => {
                let stack = client.get(&format!("/v1/stacks/{}", segment(name)), &[]).await?;
                if how == Output::Json {
                    output::json(&stack)?
                } else {
                    output::items(how, &[stack], STACKS, |v| text(v, "/metadata/name"))?
                }
            }
            None => {
                let mut found = client.list("/v1/stacks", &[]).await?;
                found.retain(|stack| is_within(stack, &args.filter));
                output::items(how, &found, STACKS, |v| text(v, "/metadata/name"))?
            }
        },
        "account" | "accounts" => {
            let found = match &args.name {
                Some(name) => vec![client.get(&format!("/v1/accounts/{}", segment(name)), &[]).await?],
                None => client.list("/v1/accounts", &[]).await?,
            };
            output::items(how, &found, ACCOUNTS, |v| text(v, "/metadata/name"))?;
        }
        all => {
            let kind = match all {
                "resource" | "resources" | "all" => None,
                _ => Some(kind_name(given).with_context(|| unknown_kind(given))?),
            };
            let mut query = filters(&args.filter);
            let limit = Some("500".to_owned());
            query.extend([("kind", kind), ("phase", args.phase.clone()), ("q", args.query.clone()), ("limit", limit)]);
            let mut found = client.list("/v1/resources", &query).await?;
            if let Some(name) = &args.name {
                found.retain(|v| v["metadata"]["name"] == **name);
                if found.is_empty() {
                    bail!("there is no {given} named {name}");
                }
            }
            output::items(how, &found, RESOURCES, key_of)?;
        }
    }
    Ok(Ending::Fine)
}

/// A stack that names no account is in the server's own.
fn account_of(stack: &Value) -> String {
    match text(stack, "/spec/account") {
        none if none.is_empty() => DEFAULT_ACCOUNT.to_owned(),
        account => account,
    }
}

/// True if a stack is what the filters ask for.
fn is_within(stack: &Value, filter: &FilterArgs) -> bool {
    let is = |wanted: &Option<String>, value: String| wanted.as_ref().is_none_or(|wanted| value == *wanted);
    is(&filter.stack, text(stack, "/metadata/name"))
        && is(&filter.account, account_of(stack))
        && is(&filter.region, text(stack, "/spec/region"))
}

pub(crate) fn unknown_kind(given: &str) -> String {
    let registry = holdfast_kinds::registry();
    let near = holdfast_core::problem::did_you_mean(given, registry.names());
    format!("there is no kind {given}.{near} Kinds: {}", registry.names().collect::<Vec<_>>().join(", "))
}

/// `/v1/resources/{stack}/{kind}/{name}` of `STACK/KIND/NAME`.
pub(crate) fn resource_path(given: &str) -> Result<String> {
    let key =
        ResourceKey::parse(given).with_context(|| format!("\"{given}\" names no resource; write STACK/KIND/NAME"))?;
    let kind = kind_name(&key.kind).unwrap_or_else(|| key.kind.clone());
    Ok(format!("/v1/resources/{}/{}/{}", segment(&key.stack), segment(&kind), segment(&key.name)))
}

async fn one_resource(client: &Client, how: Output, key: &ResourceKey) -> Result<Ending> {
    let found = client.get(&resource_path(&key.to_string())?, &[]).await?;
    if how == Output::Json {
        output::json(&found)?
    } else {
        output::items(how, &[found], RESOURCES, key_of)?
    }
    Ok(Ending::Fine)
}

pub(crate) async fn describe(client: &Client, how: Output, resource: &str) -> Result<Ending> {
    let found = client.get(&resource_path(resource)?, &[]).await?;
    match how {
        Output::Json => output::json(&found)?,
        Output::Name => line(key_of(&found))?,
        Output::Table | Output::Wide => print_all(&found)?,
    }
    Ok(Ending::Fine)
}

fn print_all(found: &Value) -> Result<()> {
    line(format!("{}  {}", key_of(found), phase(&text(found, "/status/phase"))))?;
    for (label, pointer) in [
        ("uid", "/metadata/uid"),
        ("account", "/metadata/account"),
        ("region", "/metadata/region"),
        ("generation", "/metadata/generation"),
        ("observed", "/status/observedGeneration"),
        ("last looked at", "/status/lastObservedAt"),
    ] {
        line(format!("  {label:<15} {}", text(found, pointer)))?;
    }
    if let Some(at) = found.get("detailsReadAt").and_then(Value::as_str) {
        line(format!("  {:<15} {at}", "details read"))?;
    }
    section("Conditions", found.pointer("/status/conditions"), condition_lines)?;
    section("Drift", found.pointer("/status/drift/fields"), |field| drift_line(field, "  "))?;
    line("Outputs")?;
    for (name, value) in found.pointer("/status/outputs").and_then(Value::as_object).into_iter().flatten() {
        line(hung(&format!("  {name:<15} "), &short(value)))?;
    }
    line("Spec")?;
    line(serde_json::to_string_pretty(&found["spec"])?.lines().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n"))
}

fn condition_lines(c: &Value) -> String {
    let head = format!("{:<19} {:<8} {}", text(c, "/type"), text(c, "/status"), text(c, "/reason"));
    match text(c, "/message").as_str() {
        "" => head,
        message => format!("{head}\n{}", hung("      ", message)),
    }
}

pub(crate) fn section(title: &str, items: Option<&Value>, show: fn(&Value) -> String) -> Result<()> {
    let items: Vec<&Value> = items.and_then(Value::as_array).into_iter().flatten().collect();
    if items.is_empty() {
        return Ok(());
    }
    line(title)?;
    items.into_iter().try_for_each(|i| line(format!("  {}", show(i).trim_end())))
}

/// A difference; its lines but the first begin with `indent`.
pub(crate) fn drift_line(field: &Value, indent: &str) -> String {
    let path = text(field, "/path");
    let path = if path.is_empty() { "(all of it)".to_owned() } else { path };
    let (declared, live) = (short(&field["desired"]), short(&field["live"]));
    let head =
        format!("{path}  {} · {} · {}", text(field, "/change"), text(field, "/severity"), text(field, "/decision"));
    match text(field, "/change").as_str() {
        "missing" => head,
        _ => {
            let side = |name: &str, value: &str| hung(&format!("{indent}    {name:<8}  "), value);
            format!("{head}\n{}\n{}", side("declared", &declared), side("live", &live))
        }
    }
}

pub(crate) async fn drift(client: &Client, how: Output, args: &DriftArgs) -> Result<Ending> {
    let mut query = filters(&args.filter);
    // A kind that there is not would have no drift.
    let known = |given: &String| kind_name(given).with_context(|| unknown_kind(given));
    let kind = args.kind.as_ref().map(known).transpose()?;
    query.extend([("kind", kind), ("severity", args.severity.clone())]);
    let report = client.get("/v1/drift", &query).await?;
    let items: Vec<Value> = report["items"].as_array().cloned().unwrap_or_default();
    match how {
        Output::Json => output::json(&report)?,
        Output::Name => items.iter().try_for_each(|i| line(item_name(i)))?,
        Output::Table | Output::Wide => {
            for item in &items {
                line(format!("{}  {} since {}", item_name(item), text(item, "/action"), age(&text(item, "/since"))))?;
                for field in item["fields"].as_array().into_iter().flatten() {
                    line(format!("    {}", drift_line(field, "      ")))?;
                }
            }
            let summary = &report["summary"];
            let n = |key: &str| summary[key].as_u64().unwrap_or(0);
            output::talk(format!(
                "{} resources: {} in sync, {} drifted, {} missing, {} unknown",
                n("resources"),
                n("inSync"),
                n("drifted"),
                n("missing"),
                n("unknown")
            ));
        }
    }
    Ok(if args.exit_code && items.iter().any(drifted) { Ending::Differences } else { Ending::Fine })
}

/// True if something declared is not so live. What nobody declares is told of, and never counts as drift.
fn drifted(item: &Value) -> bool {
    item["fields"].as_array().into_iter().flatten().any(counts)
}

fn item_name(item: &Value) -> String {
    let parts = [text(item, "/stack"), text(item, "/kind"), text(item, "/name")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

pub(crate) async fn history(client: &Client, how: Output, resource: &str) -> Result<Ending> {
    let limit = ("limit", Some("500".to_owned()));
    let items = client.list(&format!("{}/history", resource_path(resource)?), &[limit]).await?;
    let columns = [
        Column { head: "AT", wide: false, read: |v| text(v, "/at").chars().take(19).collect() },
        Column { head: "WHAT", wide: false, read: |v| text(v, "/what") },
        Column { head: "GEN", wide: true, read: |v| text(v, "/generation") },
        Column { head: "SUMMARY", wide: false, read: |v| text(v, "/summary") },
    ];
    output::items(how, &items, &columns, |v| text(v, "/summary"))?;
    Ok(Ending::Fine)
}

/// An event in one line where that is not too wide, or where lines may be wide; else with its sentence below.
fn event_line(how: Output, event: &Value) -> String {
    let at: String = text(event, "/at").chars().take(19).collect();
    let head = format!("{:>6}  {at}  {:<9} {}", text(event, "/id"), text(event, "/type"), item_name(event));
    let whole = format!("{}  {}", head.trim_end(), text(event, "/message"));
    if how == Output::Wide || whole.chars().count() <= output::width() {
        return whole;
    }
    format!("{}\n{}", head.trim_end(), hung("        ", &text(event, "/message")))
}

pub(crate) async fn events(client: &Client, how: Output, args: &EventsArgs) -> Result<Ending> {
    let show = |event: &Value| match how {
        Output::Json => line(event),
        Output::Name => line(text(event, "/id")),
        _ => line(event_line(how, event)),
    };
    if args.watch {
        return watch(client, args.after, show).await;
    }
    let mut after = args.after;
    loop {
        let page = client.get("/v1/events", &[("after", Some(after.to_string()))]).await?;
        let items: Vec<Value> = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().try_for_each(&show)?;
        match items.last().and_then(|e| e["id"].as_u64()).filter(|id| *id > after) {
            Some(last) => after = last,
            None => return Ok(Ending::Fine),
        }
    }
}

/// Follows `/v1/watch`, and takes it up again where it broke off.
async fn watch(client: &Client, mut after: u64, show: impl Fn(&Value) -> Result<()>) -> Result<Ending> {
    loop {
        let request = client.request(reqwest::Method::GET, "/v1/watch", &[("after", Some(after.to_string()))]);
        let mut stream = client.open(request).await?.bytes_stream();
        let mut buffer: Vec<u8> = Vec::new();
        while let Some(Ok(chunk)) = stream.next().await {
            buffer.extend_from_slice(&chunk);
            while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                let raw: Vec<u8> = buffer.drain(..=end).collect();
                let Some(data) = std::str::from_utf8(&raw).ok().and_then(|l| l.trim_end().strip_prefix("data:")) else {
                    continue;
                };
                if let Ok(event) = serde_json::from_str::<Value>(data.trim()) {
                    after = event["id"].as_u64().unwrap_or(after).max(after);
                    show(&event)?;
                }
            }
        }
        output::talk("The server closed the stream; taking it up again.");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

pub(crate) async fn scopes(client: &Client, how: Output) -> Result<Ending> {
    let items = client.list("/v1/scopes", &[]).await?;
    output::items(how, &items, SCOPES, |v| format!("{}/{}", text(v, "/account"), text(v, "/region")))?;
    Ok(Ending::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_nobody_declares_is_shown_and_is_no_drift() {
        let item = |changes: &[&str]| {
            let fields: Vec<_> = changes.iter().map(|change| json!({ "path": "/a", "change": change })).collect();
            json!({ "stack": "es", "kind": "Service", "name": "web", "fields": fields })
        };
        assert!(!drifted(&item(&["undeclared", "undeclared"])));
        assert!(drifted(&item(&["undeclared", "changed"])));
        assert!(drifted(&item(&["missing"])));
    }

    #[test]
    fn a_scope_tells_what_of_it_is_not_read() {
        let told = |error: Value, gaps: &[&str]| not_read(&json!({ "error": error, "gaps": gaps }));
        assert_eq!(told(Value::Null, &[]), "");
        assert_eq!(told(Value::Null, &["Vpc: denied"]), "Vpc: denied");
        assert_eq!(told(Value::Null, &["Vpc: denied", "Subnet: denied"]), "Vpc: denied (and 1 more)");
        assert_eq!(told(json!("no credentials"), &["Vpc: denied"]), "no credentials");
    }

    #[test]
    fn an_event_fits_into_80_columns_unless_wide_lines_are_asked_for() {
        let event = json!({ "id": 7, "at": "2026-01-01T00:00:00Z", "type": "decided", "stack": "es", "kind": "SecurityGroup",
            "name": "client-web-ui", "message": "it is left alone, because the budget of deletions in this account and region is used up" });
        assert!(event_line(Output::Table, &event).lines().count() > 1);
        assert!(event_line(Output::Table, &event).lines().all(|l| l.chars().count() <= output::width()));
        assert_eq!(event_line(Output::Wide, &event).lines().count(), 1);
        let short =
            json!({ "id": 8, "at": "2026-01-01T00:00:00Z", "type": "operated", "message": "everything is paused" });
        assert_eq!(event_line(Output::Table, &short), "     8  2026-01-01T00:00:00  operated  everything is paused");
    }
}
