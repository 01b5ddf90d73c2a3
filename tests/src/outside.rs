//! Changes behind Holdfast's back, by boto3.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A boto3 process that takes one call a line.
pub struct Outside {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Outside {
    /// Starts it against an endpoint, in the account of a role if there is one.
    pub fn start(python: &str, endpoint: &str, region: &str, role: Option<&str>) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/outside.py");
        let mut child = Command::new(python)
            .arg(script)
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", region)
            .env("OUTSIDE_ROLE", role.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {python}"))?;
        let stdin = child.stdin.take().context("no stdin")?;
        let stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        Ok(Self { child, stdin, stdout })
    }

    /// One call by boto3's names; an AWS error is an error.
    pub fn call(&mut self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        let call = json!({ "service": service, "operation": operation, "arguments": arguments });
        writeln!(self.stdin, "{call}")?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let mut answer: Value =
            serde_json::from_str(&line).with_context(|| format!("{operation} answered {line:?}"))?;
        if let Some(error) = answer.get("error") {
            bail!("{service} {operation}: {error}");
        }
        Ok(answer["ok"].take())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
