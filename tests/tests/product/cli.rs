//! The command line, with its exit codes.

use crate::simulated;
use anyhow::{Context, Result, ensure};
use holdfast_tests::server::{Server, binary};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/es/stack.json");

/// Runs the CLI against a server; the exit code and both outputs.
fn holdfast(server: &str, args: &[&str]) -> Result<(i32, String, String)> {
    let output: Output = Command::new(binary()?)
        .args(args)
        .env("HOLDFAST_SERVER", server)
        .env("COLUMNS", "80")
        .env_remove("HOLDFAST_TOKEN")
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr)))
}

fn good(server: &Server, args: &[&str]) -> Result<String> {
    let (code, out, err) = holdfast(&server.url, args)?;
    ensure!(code == 0, "{args:?} ended with {code}: {out}{err}");
    Ok(out)
}

#[test]
fn a_stack_is_declared_watched_and_taken_down_from_the_command_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    good(&server, &["validate", "-f", EXAMPLE])?;
    let (code, plan, _) = holdfast(&server.url, &["plan", "-f", EXAMPLE, "--exit-code"])?;
    ensure!(code == 2, "a plan with differences ends with 2, not {code}");
    ensure!(plan.contains("+ SecurityGroup/alb") && plan.contains("because it does not exist yet"), "{plan}");
    ensure!(good(&server, &["get", "-o", "name"])?.is_empty(), "a plan stores nothing");
    let applied = good(&server, &["apply", "-f", EXAMPLE, "--wait", "--timeout", "60s"])?;
    ensure!(applied.contains("es/SecurityGroup/alb created (generation 1)"), "{applied}");
    let (code, plan, _) = holdfast(&server.url, &["plan", "-f", EXAMPLE, "--exit-code"])?;
    ensure!(code == 0, "what stands needs no step, but: {plan}");
    let names = good(&server, &["get", "services", "-o", "name"])?;
    ensure!(names.lines().count() == 6 && names.contains("es/Service/redis"), "{names}");
    let table = good(&server, &["get", "--stack", "es"])?;
    ensure!(table.lines().all(|l| l.chars().count() <= 80), "the table is wider than 80 columns:\n{table}");
    let one: Value = serde_json::from_str(&good(&server, &["get", "es/Cluster/es", "-o", "json"])?)?;
    ensure!(one["status"]["phase"] == "InSync", "{one:#}");
    ensure!(good(&server, &["describe", "es/SecurityGroup/alb"])?.contains("InSync"), "describe tells the phase");
    ensure!(good(&server, &["history", "es/SecurityGroup/alb"])?.contains("create"), "history tells the create");
    ensure!(good(&server, &["events"])?.contains("SecurityGroup/alb"), "the log tells of the group");
    let explained = [&["explain", "Service"][..], &["explain", "DBInstance"], &["explain", "Listener.protocol"]];
    let asked = [&["plan", "-f", EXAMPLE][..], &["describe", "es/Service/redis"], &["events"], &["scopes"]];
    for sentences in explained.into_iter().chain(asked) {
        let printed = good(&server, sentences)?;
        let too_wide = printed.lines().find(|l| l.chars().count() > 80 && l.trim_start().contains(' '));
        ensure!(too_wide.is_none(), "{sentences:?} is wider than 80 columns: {too_wide:?}");
    }
    ensure!(good(&server, &["drift", "--exit-code"])?.is_empty(), "nothing drifts");
    let (code, _, err) = holdfast(&server.url, &["drift", "--exit-code", "--kind", "Clutser"])?;
    ensure!(code == 1 && err.contains("Cluster"), "a kind that there is not has no drift: {code}: {err}");
    ensure!(good(&server, &["drift", "--exit-code", "--kind", "clusters"])?.is_empty(), "kinds are spelled as in get");
    for read in [&["get", "es/Cluster/es"][..], &["get", "stacks", "es"]] {
        let printed = good(&server, &[read, &["-o", "json"]].concat())?;
        let file = folder.path().join("printed.json");
        std::fs::write(&file, &printed)?;
        good(&server, &["validate", "-f", &file.to_string_lossy()]).context("what is printed can be sent back")?;
    }
    let parsed = |args: &[&str]| -> Result<Value> {
        let printed = good(&server, &[args, &["-o", "json"]].concat())?;
        serde_json::from_str(&printed).with_context(|| format!("{args:?} printed no JSON: {printed}"))
    };
    let named = |args: &[&str]| good(&server, &[args, &["-o", "name"]].concat());
    ensure!(parsed(&["pause", "es", "--reason", "a test"])?["paused"]["reason"] == "a test", "pause has an answer");
    let paused = parsed(&["wait", "es/Cluster/es", "--for", "Paused", "--timeout", "30s"])?;
    ensure!(paused["items"][0]["status"]["phase"] == "Paused", "{paused:#}");
    ensure!(named(&["resume", "es"])? == "es\n", "resume names what goes on");
    ensure!(parsed(&["reconcile", "es"])?["stack"] == "es", "reconcile has an answer");
    ensure!(named(&["describe", "es/Cluster/es"])? == "es/Cluster/es\n", "describe has a name");
    ensure!(named(&["explain", "Cluster"])?.contains("Cluster.clusterName\n"), "explain names fields");
    ensure!(named(&["config", "show"])?.starts_with("listen\n"), "config show names settings");
    ensure!(named(&["schema"])?.contains("\nCluster\n"), "schema names kinds");
    for (account, shown) in [("nobody", ""), ("default", "es\n")] {
        ensure!(named(&["get", "stacks", "--account", account])? == shown, "stacks are filtered by account {account}");
    }
    let (code, out, err) = holdfast("", &["config", "show", "--listen", "0.0.0.0:8080"])?;
    ensure!(code == 1 && out.contains("0.0.0.0:8080") && err.contains("token"), "serve refuses it: {code}: {out}{err}");
    let settings = good(&server, &["config", "show"])?;
    let whole =
        settings.lines().all(|l| l.chars().count() <= 80) && settings.contains("safety.maxReplacementsPerHour ");
    ensure!(whole, "a name is broken, or lines are too wide:\n{settings}");
    let healthy = parsed(&["doctor"])?;
    ensure!(healthy["ok"] == true && healthy["checks"][0]["check"] == "server", "{healthy:#}");
    good(&server, &["wait", "es", "--timeout", "30s"])?;
    good(&server, &["doctor"])?;
    good(&server, &["delete", "es", "--deletion", "delete", "--wait", "--timeout", "60s"])?;
    ensure!(good(&server, &["get", "-o", "name"])?.is_empty(), "nothing is left");
    Ok(())
}

#[test]
fn a_script_that_nobody_reads_to_its_end_is_no_panic() -> Result<()> {
    let mut completion = Command::new(binary()?).args(["completion", "bash"]).stdout(Stdio::piped()).spawn()?;
    drop(completion.stdout.take());
    let code = completion.wait()?.code();
    ensure!(code.is_some_and(|code| code <= 1), "it ended with {code:?}");
    Ok(())
}

#[test]
fn failures_have_words_and_exit_codes_of_their_own() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let bad = folder.path().join("bad.json");
    let text = std::fs::read_to_string(EXAMPLE)?.replace("\"healthCheckPath\"", "\"healthCheckPaht\"");
    std::fs::write(&bad, text)?;
    let bad = bad.display().to_string();
    for command in ["validate", "apply", "plan"] {
        let (code, _, err) = holdfast(&server.url, &[command, "-f", &bad])?;
        ensure!(code == 1 && err.contains("healthCheckPath"), "{command} ended with {code}: {err}");
        ensure!(err.matches("healthCheckPaht").count() >= 3, "every mistake at once, not only the first: {err}");
    }
    let (code, out, _) = holdfast("", &["validate", "-f", &bad, "-o", "json"])?;
    let told: Value = serde_json::from_str(&out)?;
    ensure!(code == 1 && told["valid"] == false && told["errors"][0]["pointer"].is_string(), "{told:#}");
    let (code, _, err) = holdfast(&server.url, &["wait", "es", "--timeout", "700ms"])?;
    ensure!(code == 5, "a wait whose time is up ends with 5, not {code}: {err}");
    let (code, _, err) = holdfast(&server.url, &["get", "Servise"])?;
    ensure!(code == 1 && err.contains("Did you mean \"Service\"?"), "{err}");
    let (code, _, err) = holdfast("http://127.0.0.1:1", &["get"])?;
    ensure!(code == 1 && err.contains("holdfast serve"), "an unreachable server is said with what to do: {err}");
    Ok(())
}

#[test]
fn a_refused_replacement_is_a_difference_and_a_confirmed_prune_can_be_looked_at_first() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let file = folder.path().join("stack.json");
    let declare = |resources: Value| -> Result<String> {
        let stack = serde_json::json!({
            "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "s" },
            "spec": { "region": "eu-west-1", "resources": resources } });
        std::fs::write(&file, stack.to_string())?;
        Ok(file.display().to_string())
    };
    let cluster = |name: &str| serde_json::json!([{ "kind": "Cluster", "metadata": { "name": "c" }, "spec": { "clusterName": name } }]);
    let first = declare(cluster("one"))?;
    good(&server, &["apply", "-f", &first, "--wait", "--timeout", "30s"])?;
    let renamed = declare(cluster("two"))?;
    let (code, plan, err) = holdfast(&server.url, &["plan", "-f", &renamed, "--exit-code"])?;
    ensure!(code == 2, "a refused replacement is a difference, but it ended with {code}: {plan}{err}");
    let empty = declare(serde_json::json!([]))?;
    let (code, _, err) = holdfast(&server.url, &["diff", "-f", &empty, "--prune"])?;
    ensure!(code == 3, "an emptied stack wants a confirmation, but it ended with {code}: {err}");
    let (code, _, err) = holdfast(&server.url, &["diff", "-f", &empty, "--prune", "--confirm-empty"])?;
    ensure!(code == 0, "what is confirmed can be looked at, but it ended with {code}: {err}");
    Ok(())
}

#[test]
fn a_wrong_command_line_ends_with_1_and_help_with_0() -> Result<()> {
    for args in [&["plan", "--exit-cod"][..], &["drift", "--severity"], &["nothing"], &[], &["validate"]] {
        let (code, out, err) = holdfast("", args)?;
        ensure!(code == 1 && out.is_empty() && !err.is_empty(), "{args:?} ended with {code}: {out}{err}");
    }
    for args in [&["--help"][..], &["plan", "--help"], &["--version"]] {
        let (code, out, _) = holdfast("", args)?;
        ensure!(code == 0 && !out.is_empty(), "{args:?} ended with {code}: {out}");
    }
    Ok(())
}

#[test]
fn what_only_a_server_knows_is_no_mistake_without_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("document.json");
    let group = |vpc: &str| {
        serde_json::json!({ "kind": "SecurityGroup", "metadata": { "name": "alb" },
            "spec": { "groupName": "alb", "description": "public entry", "vpcId": vpc } })
    };
    let stack = |vpc: &str| {
        serde_json::json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "video" },
            "spec": { "account": "prod", "resources": [group(vpc)] } })
    };
    let mut lone = group("vpc-0abc");
    lone["apiVersion"] = "holdfast.dev/v1".into();
    lone["metadata"]["stack"] = "video".into();
    for document in [stack("${network:Vpc/main.id}"), lone] {
        std::fs::write(&file, document.to_string())?;
        let (code, _, err) = holdfast("", &["validate", "-f", &file.display().to_string()])?;
        ensure!(code == 0 && err.contains("Valid: 1 resource."), "{document} ended with {code}: {err}");
    }
    std::fs::write(&file, stack("${Vpc/main.id}").to_string())?;
    let (code, _, err) = holdfast("", &["validate", "-f", &file.display().to_string()])?;
    ensure!(code == 1 && err.contains("Vpc/main"), "what the document itself lacks is a mistake still: {err}");
    Ok(())
}

#[test]
fn what_is_protected_is_refused_by_policy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let stack = serde_json::json!({
        "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "kept" },
        "spec": { "region": "eu-west-1", "policy": { "protect": true },
            "resources": [{ "kind": "Cluster", "metadata": { "name": "c" }, "spec": { "clusterName": "c" } }] } });
    server.apply(&stack, "")?;
    let (code, _, err) = holdfast(&server.url, &["delete", "kept", "--deletion", "delete"])?;
    ensure!(code == 3 && err.contains('c'), "a refusal by policy ends with 3, not {code}: {err}");
    Ok(())
}

#[test]
fn a_change_that_is_held_is_shown_approved_and_carried_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let file = folder.path().join("held.json");
    let declare = |count: u64| -> Result<String> {
        let tags = serde_json::json!({ "count": count.to_string() });
        let stack = serde_json::json!({
            "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "held" },
            "spec": { "region": "eu-west-1", "tags": tags, "policy": { "rollout": "approve" },
                "resources": [{ "kind": "Cluster", "metadata": { "name": "c" }, "spec": { "clusterName": "c" } }] } });
        std::fs::write(&file, stack.to_string())?;
        Ok(file.display().to_string())
    };
    let hash = |text: &str| -> Result<String> {
        let rest = text.split("holdfast approve ").nth(1).context("no command to approve")?;
        Ok(rest.split_whitespace().next().unwrap_or_default().to_owned())
    };
    let first = declare(1)?;
    let (code, _, said) = holdfast(&server.url, &["apply", "-f", &first])?;
    ensure!(code == 0, "{said}");
    let plan = hash(&said)?;
    good(&server, &["wait", "held/Cluster/c", "--for", "Blocked", "--timeout", "30s"])?;
    let described = good(&server, &["describe", "held/Cluster/c"])?;
    ensure!(hash(&described)? == plan, "the condition names the plan of the apply: {described}");
    let shown = good(&server, &["approve", &plan, "--show"])?;
    ensure!(shown.contains("+ Cluster/c") && shown.contains("awaits approval"), "{shown}");
    good(&server, &["approve", &plan, "--reason", "a test"])?;
    good(&server, &["wait", "held", "--timeout", "30s"])?;
    let second = declare(2)?;
    let (code, diff, _) = holdfast(&server.url, &["diff", "-f", &second, "--exit-code"])?;
    ensure!(code == 2 && diff.contains("@@ /tags/count @@") && diff.contains("- \"1\""), "ended with {code}: {diff}");
    let (_, _, said) = holdfast(&server.url, &["apply", "-f", &second])?;
    let old = hash(&said)?;
    let third = declare(3)?;
    good(&server, &["apply", "-f", &third])?;
    let (code, _, said) = holdfast(&server.url, &["approve", &old])?;
    ensure!(code == 3 && said.contains("overtaken"), "an overtaken plan is refused, but it ended with {code}: {said}");
    let (_, _, said) = holdfast(&server.url, &["apply", "-f", &third])?;
    good(&server, &["approve", &hash(&said)?])?;
    good(&server, &["wait", "held", "--timeout", "30s"])?;
    let (code, diff, _) = holdfast(&server.url, &["diff", "-f", &third, "--exit-code"])?;
    ensure!(code == 0, "nothing is left to change, but: {diff}");
    Ok(())
}

#[test]
fn beyond_loopback_there_must_be_a_token_and_it_is_asked_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = format!("sqlite://{}", folder.path().join("x.db").display());
    let args = ["serve", "--simulate", "--listen", "0.0.0.0:0", "--store", &store];
    let output = Command::new(binary()?).args(args).env_remove("HOLDFAST_AUTH_TOKENS").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && said.contains("token"), "it started without a token: {said}");
    let made: Value = serde_json::from_str(&holdfast("", &["config", "token", "-o", "json"])?.1)?;
    let (token, hash) = (made["token"].as_str().unwrap_or_default(), made["hash"].as_str().unwrap_or_default());
    let mut command = Command::new(binary()?);
    command.args(args).env("HOLDFAST_AUTH_TOKENS", hash);
    let server = Server::spawn(command)?;
    let url = server.url.replace("0.0.0.0", "127.0.0.1");
    let (code, _, err) = holdfast(&url, &["get"])?;
    ensure!(code == 4 && err.contains("HOLDFAST_TOKEN"), "without a token it ends with 4, not {code}: {err}");
    let (code, said, err) = holdfast(&url, &["doctor"])?;
    ensure!(code == 4 && said.contains("✗ token"), "doctor is not let in either: {code}: {said}{err}");
    let (code, _, err) = holdfast(&url, &["get", "--token", token])?;
    ensure!(code == 0, "with the token it works, but: {err}");
    Ok(())
}

#[test]
fn a_term_signal_ends_it_in_time_and_the_next_one_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = simulated(&folder)?;
    let cluster = serde_json::json!({
        "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "s" },
        "spec": { "region": "eu-west-1", "resources": [{ "kind": "Cluster", "metadata": { "name": "c" }, "spec": { "clusterName": "c" } }] } });
    server.apply(&cluster, "")?;
    server.in_sync("s", std::time::Duration::from_secs(30))?;
    let pid = server.pid().to_string();
    ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "kill -TERM");
    let gone = || Ok((!is_running(&pid)).then_some(()));
    holdfast_tests::eventually("end after SIGTERM", std::time::Duration::from_secs(20), gone)?;
    let again = simulated(&folder)?;
    ensure!(again.resources("s")?.len() == 1, "an accepted document is still there");
    Ok(())
}

/// False once the process has ended, waited for or not.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

#[test]
fn settings_tell_where_they_come_from() -> Result<()> {
    let output = Command::new(binary()?)
        .args(["config", "show", "-o", "json", "--sweep-interval", "7s"])
        .env("HOLDFAST_LISTEN", "127.0.0.1:9")
        .env("HOLDFAST_SWEEP_INTERVALL", "8s")
        .output()?;
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(shown["sweep.interval"]["source"] == "flag", "{shown:#}");
    ensure!(shown["listen"]["source"] == "HOLDFAST_LISTEN", "{shown:#}");
    ensure!(shown["store"]["source"] == "default", "{shown:#}");
    ensure!(shown["ephemeral"]["value"] == "false", "{shown:#}");
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(warned.contains("Did you mean \"HOLDFAST_SWEEP_INTERVAL\"?"), "{warned}");
    Ok(())
}
