//! The life of a stack, told once for every backend.

use crate::emulator::{Backend, Emulator, Network};
use crate::outside::Outside;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::{es_stack, eventually};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// How long a step of the life may take; a deadline against hanging, not a measure.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A stack under Holdfast on one backend, with everything the tests look through.
pub struct Life {
    /// The AWS implementation.
    pub emulator: Emulator,
    /// The counting way to it.
    pub proxy: Proxy,
    /// The client that is not ours.
    pub outside: Outside,
    /// The VPC and its subnets.
    pub network: Network,
    /// Holdfast itself.
    pub server: Server,
    /// The document as applied.
    pub stack: Value,
    /// What servers that were killed have logged.
    pub logged: Vec<String>,
    endpoint: String,
    folder: tempfile::TempDir,
}

impl Life {
    /// Starts all of it; nothing is applied yet.
    pub fn begin(backend: Backend) -> Result<Self> {
        Self::begin_through(backend, |proxy| Ok(proxy.endpoint.clone()))
    }

    /// The same, with the server's calls going to the endpoint that `way` puts in front of the proxy.
    pub fn begin_through(backend: Backend, way: impl FnOnce(&Proxy) -> Result<String>) -> Result<Self> {
        let emulator = Emulator::start(backend)?;
        let proxy = Proxy::start(&emulator.endpoint)?;
        let mut outside = emulator.outside()?;
        let network = emulator.network(&mut outside)?;
        let folder = tempfile::tempdir()?;
        let endpoint = way(&proxy)?;
        let server = Server::start(&endpoint, &folder.path().join("holdfast.db"), &[])?;
        let mut stack = es_stack(&network)?;
        accept(backend, &mut stack);
        Ok(Self { emulator, proxy, outside, network, server, stack, logged: Vec::new(), endpoint, folder })
    }

    /// Kills the server by SIGKILL, and starts another on the same store.
    pub fn restart(&mut self) -> Result<()> {
        self.server.kill()?;
        self.logged.extend(self.server.log());
        self.server = Server::start(&self.endpoint, &self.store(), &[])?;
        Ok(())
    }

    /// The file of the store.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("holdfast.db")
    }

    /// Everything that any of its servers has logged.
    pub fn all_logged(&self) -> Vec<String> {
        [self.logged.clone(), self.server.log()].concat()
    }

    /// Applies the stack as it stands and waits until it is in sync.
    pub fn apply(&self, query: &str) -> Result<()> {
        self.apply_within(query, PATIENCE)
    }

    /// As [`apply`](Self::apply), for stacks that AWS's own budgets hold up.
    pub fn apply_within(&self, query: &str, patience: Duration) -> Result<()> {
        self.server.apply(&self.stack, query)?;
        self.server.in_sync(self.stack["metadata"]["name"].as_str().context("metadata.name")?, patience)?;
        Ok(())
    }

    /// An output of a resource.
    pub fn output(&self, path: &str, output: &str) -> Result<String> {
        let resource = self.server.get(&format!("/v1/resources/es/{path}"))?;
        let value = resource["status"]["outputs"][output].as_str();
        value.map(str::to_owned).with_context(|| format!("{path} has no output {output}: {}", resource["status"]))
    }

    /// The declared resource in the document, to change it.
    pub fn declared(&mut self, kind: &str, name: &str) -> Result<&mut Value> {
        let resources = self.stack["spec"]["resources"].as_array_mut().context("resources")?;
        let found = resources.iter_mut().find(|r| r["kind"] == kind && r["metadata"]["name"] == name);
        found.with_context(|| format!("{kind}/{name} is not in the example"))
    }

    /// Makes a change from outside while the stack is paused, finds it in the drift report, lets Holdfast go on, and
    /// waits until it is healed.
    pub fn drifts(&mut self, what: &Drifts, change: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let pause = json!({ "reason": "a change is about to be made behind its back" });
        let (status, body) = self.server.call(reqwest::Method::POST, "/v1/stacks/es/pause", Some(&pause))?;
        ensure!(status < 300, "pause answered {status}: {body}");
        change(self)?;
        let mut last = Value::Null;
        eventually("drift in the report", PATIENCE, || {
            last = self.server.get("/v1/drift?stack=es")?;
            Ok(what.is_in(&last).then_some(()))
        })
        .with_context(|| format!("{what:?} was looked for in {last:#}"))?;
        let (status, body) = self.server.call(reqwest::Method::POST, "/v1/stacks/es/resume", Some(&json!({})))?;
        ensure!(status < 300, "resume answered {status}: {body}");
        self.server.in_sync("es", PATIENCE).with_context(|| format!("{what:?} was not healed"))?;
        let after = self.server.get("/v1/drift?stack=es")?;
        ensure!(!what.is_in(&after), "{what:?} is still reported: {after:#}");
        Ok(())
    }
}

/// A difference as the report tells it.
#[derive(Debug)]
pub struct Drifts {
    /// `Kind/name`
    pub resource: &'static str,
    /// The field's path, or the beginning of it where a backend decides the rest.
    pub path: &'static str,
    /// `added`, `removed`, `changed`, `missing`
    pub change: &'static str,
}

impl Drifts {
    fn is_in(&self, report: &Value) -> bool {
        let items = report["items"].as_array().into_iter().flatten();
        let own = items.filter(|i| {
            format!("{}/{}", i["kind"].as_str().unwrap_or(""), i["name"].as_str().unwrap_or("")) == self.resource
        });
        own.flat_map(|i| i["fields"].as_array().into_iter().flatten()).any(|f| {
            let path = f["path"].as_str().unwrap_or("-");
            let near = if self.path.is_empty() { path.is_empty() } else { path.starts_with(self.path) };
            near && f["change"] == self.change
        })
    }
}

/// Fields that a backend takes and never tells again: with them no describe could ever equal the declaration.
/// `docs/src/testing.md` lists them; against AWS the example is applied whole.
fn accept(backend: Backend, stack: &mut Value) {
    let dropped: &[&str] = match backend {
        Backend::Moto => &["deploymentConfiguration", "healthCheckGracePeriodSeconds"],
        Backend::Ministack => &["placementStrategy"],
    };
    let services = stack["spec"]["resources"].as_array_mut().into_iter().flatten().filter(|r| r["kind"] == "Service");
    for service in services {
        if let Some(spec) = service["spec"].as_object_mut() {
            spec.retain(|field, _| !dropped.contains(&field.as_str()));
        }
    }
}
