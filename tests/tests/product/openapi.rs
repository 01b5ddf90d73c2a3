//! Requests that others make from our OpenAPI document: no 5xx, and every refusal says why.

use crate::simulated;
use anyhow::{Context, Result, ensure};
use holdfast_tests::server::Server;
use std::process::Command;

/// The document of a body may hold every kind: what schemathesis derives from it one by one takes minutes, and
/// `bad_input` does it from the kinds' examples.
const LARGE: [&str; 3] = ["/v1/apply", "/v1/plan", "/v1/resources/{stack}/{kind}/{name}"];

/// How many requests must have been made in all.
const CASES: u64 = 5000;

/// Runs schemathesis; answers how many requests it made.
fn requests(server: &Server, args: &[&str]) -> Result<u64> {
    let program = std::env::var("HOLDFAST_SCHEMATHESIS")
        .context("HOLDFAST_SCHEMATHESIS is not set; run the tests by `cargo xtask test`")?;
    let mut command = Command::new(program);
    command.arg("run").arg(format!("{}/openapi.json", server.url)).args(args);
    command.args(["--checks", "not_a_server_error,content_type_conformance,refusals_say_why"]);
    // Deadlines against hanging, not measures.
    command.args(["--request-timeout", "30", "--continue-on-failure", "--seed", "7", "--generation-database", "none"]);
    command.args(["--no-color", "--warnings", "off"]);
    // It loads its checks as a module.
    command.env("SCHEMATHESIS_HOOKS", "refusals").env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let folder = tempfile::tempdir()?;
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder.path()).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let made = said.lines().find_map(|l| l.trim().split_once(" generated, ")?.0.parse().ok());
    made.with_context(|| format!("it does not say how many requests it made: {said}"))
}

#[test]
fn five_thousand_requests_from_the_openapi_document_are_answered_and_every_refusal_says_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = simulated(&folder)?;
    // A stream of events has no end.
    let mut small = vec!["--phases", "coverage,fuzzing", "--max-examples", "150", "--exclude-path", "/v1/watch"];
    let mut large = vec!["--phases", "fuzzing", "--max-examples", "50"];
    for path in LARGE {
        small.extend(["--exclude-path", path]);
        large.extend(["--include-path", path]);
    }
    let made = requests(&server, &small)? + requests(&server, &large)?;
    println!("{made} requests, no 5xx, every refusal with code, pointer and words");
    ensure!(made >= CASES, "only {made} requests were made");
    ensure!(!server.has_ended()? && server.call(reqwest::Method::GET, "/healthz", None)?.0 == 200, "it is not well");
    let panicked: Vec<String> = server.log().into_iter().filter(|line| line.contains("panicked")).collect();
    ensure!(panicked.is_empty(), "{panicked:#?}");
    Ok(())
}
