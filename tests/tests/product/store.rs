//! The store's own commands: check, backup, restore.

use crate::simulated;
use anyhow::{Context, Result, ensure};
use holdfast_tests::server::{Server, binary};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Runs `holdfast store …` on the store of this folder; the exit code and both outputs.
fn store(folder: &Path, args: &[&str]) -> Result<(i32, String, String)> {
    let at = format!("sqlite://{}", folder.join("holdfast.db").display());
    let output = Command::new(binary()?).arg("store").args(args).args(["--store", &at]).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr)))
}

fn ends(folder: &Path, args: &[&str], code: i32) -> Result<(String, String)> {
    let (ended, out, err) = store(folder, args)?;
    ensure!(ended == code, "{args:?} ended with {ended}, not {code}: {out}{err}");
    Ok((out, err))
}

fn clusters(names: &[&str]) -> Value {
    let all: Vec<Value> = names
        .iter()
        .map(|n| json!({ "kind": "Cluster", "metadata": { "name": n }, "spec": { "clusterName": n } }))
        .collect();
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "s" },
            "spec": { "region": "eu-west-1", "resources": all } })
}

fn declared(server: &Server) -> Result<usize> {
    Ok(server.resources("s")?.len())
}

#[test]
fn a_store_is_backed_up_while_it_is_used_and_put_back_paused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (at, copy) = (folder.path(), folder.path().join("copy.db").display().to_string());
    let mut server = simulated(&folder)?;
    server.apply(&clusters(&["a"]), "")?;
    server.in_sync("s", Duration::from_secs(30))?;
    let (out, err) = ends(at, &["backup", &copy], 0)?;
    ensure!(out.trim() == copy && err.contains("1 resources in 1 stacks"), "{out}{err}");
    let (_, err) = ends(at, &["backup", &copy], 3)?;
    ensure!(err.contains("exists already") && err.contains("--force"), "{err}");
    ends(at, &["backup", &copy, "--force"], 0)?;
    let (out, _) = ends(at, &["check", &copy, "-o", "json"], 0)?;
    let told: Value = serde_json::from_str(&out)?;
    ensure!(told["sound"] == true && told["backupOf"].is_string(), "{told:#}");
    server.apply(&clusters(&["a", "b"]), "")?;
    let (_, err) = ends(at, &["check"], 0)?;
    ensure!(err.contains("2 resources") && err.contains("in use, and sound"), "{err}");
    let (_, err) = ends(at, &["restore", &copy, "--force"], 3)?;
    ensure!(err.contains("in use"), "{err}");
    server.kill()?;
    let (_, err) = ends(at, &["restore", &copy], 3)?;
    ensure!(err.contains("--force"), "{err}");
    let (_, err) = ends(at, &["restore", &copy, "--force"], 0)?;
    ensure!(err.contains("paused") && err.contains("holdfast.db.before-"), "{err}");
    let server = simulated(&folder)?;
    ensure!(declared(&server)? == 1, "what was declared later is not in the backup");
    holdfast_tests::eventually("pause", Duration::from_secs(30), || {
        Ok((server.resources("s")?[0]["status"]["phase"] == "Paused").then_some(()))
    })?;
    let (status, body) = server.call(Method::POST, "/v1/resume", Some(&json!({})))?;
    ensure!(status < 300, "resume answered {status}: {body}");
    server.in_sync("s", Duration::from_secs(30))?;
    Ok(())
}

#[test]
fn a_damaged_store_is_named_with_what_to_do_and_replaced() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (at, copy) = (folder.path(), folder.path().join("copy.db").display().to_string());
    let (_, err) = ends(at, &["check"], 1)?;
    ensure!(err.contains("no such file"), "{err}");
    let mut server = simulated(&folder)?;
    server.apply(&clusters(&["a"]), "")?;
    server.in_sync("s", Duration::from_secs(30))?;
    ends(at, &["backup", &copy], 0)?;
    server.kill()?;
    let file = at.join("holdfast.db");
    let mut bytes = std::fs::read(&file)?;
    for byte in bytes.iter_mut().skip(8192).step_by(97) {
        *byte ^= 0xff;
    }
    std::fs::write(&file, bytes)?;
    let (out, err) = ends(at, &["check"], 2)?;
    ensure!(out.contains("structure: ") && err.contains("holdfast store restore"), "{out}{err}");
    let refused = simulated(&folder).err().context("it started on a damaged store")?.to_string();
    ensure!(refused.contains("corrupt") && refused.contains("backup"), "{refused}");
    let (_, err) = ends(at, &["backup", &format!("{copy}2")], 1)?;
    ensure!(err.contains("corrupt"), "{err}");
    ends(at, &["restore", &copy, "--force", "--no-pause"], 0)?;
    simulated(&folder)?.in_sync("s", Duration::from_secs(30))?;
    Ok(())
}
