//! microburst: a proxy that others wrote and that answers in AWS's place, in the form of each of its protocols, or breaks the way there.

use crate::emulator::{drain, free_port, program};
use crate::eventually;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running microburst; ends with the value.
pub struct Burst {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Burst {
    /// Stands in front of `upstream`; everything goes through until there are rules.
    pub fn start(upstream: &str) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program("HOLDFAST_MICROBURST")?);
        command.args(["--upstream", upstream, "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        drain(&mut child);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let burst = Self { child, endpoint: format!("http://127.0.0.1:{port}"), runtime, http: reqwest::Client::new() };
        eventually("answer of microburst", Duration::from_secs(60), || {
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        Ok(burst)
    }

    /// From now on these are the rules.
    pub fn rules(&self, rules: &Value) -> Result<()> {
        self.runtime.block_on(async {
            let asked = self.http.post(format!("{}/_microburst/rules", self.endpoint)).json(rules).send().await?;
            let (status, body) = (asked.status(), asked.text().await?);
            ensure!(status.is_success(), "microburst refused the rules: {status} {body}");
            Ok(())
        })
    }

    /// Everything goes through again.
    pub fn clear(&self) -> Result<()> {
        self.rules(&json!([]))
    }

    /// How often each rule has struck so far, by what it did.
    pub fn struck(&self) -> Result<BTreeMap<String, u64>> {
        let metrics = self.runtime.block_on(async {
            self.http.get(format!("{}/_microburst/metrics", self.endpoint)).send().await?.text().await
        })?;
        let mut by_action = BTreeMap::new();
        for line in metrics.lines().filter(|l| l.starts_with("microburst_faults_total{")) {
            let action = line.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let count = line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or_default();
            *by_action.entry(action.to_owned()).or_insert(0) += count as u64;
        }
        Ok(by_action)
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
