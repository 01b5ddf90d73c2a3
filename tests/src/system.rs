//! The five example systems under Holdfast, one or several at once, from nothing to in sync to nothing.

use crate::emulator::{Backend, Emulator};
use crate::eventually;
use crate::outside::Outside;
use crate::proxy::Proxy;
use crate::scenario::PATIENCE;
use crate::server::{Server, told};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a test knows of a system beside its documents: `tests/systems/NAME.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// What somebody else changes, all at once.
    changes: Vec<Outsider>,
    /// Fields that a backend takes and never tells again, by kind: with them no describe could equal the declaration.
    #[serde(default)]
    untold: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Kinds that a backend does not have at all.
    #[serde(default)]
    absent: BTreeMap<String, Vec<String>>,
}

/// A change by somebody else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outsider {
    /// `stack/Kind/name`
    resource: String,
    /// How the report tells it: the path, or its beginning.
    path: String,
    /// `added`, `removed`, `changed`, `missing`
    change: String,
    /// boto3's names, and arguments in which `${stack/Kind/name.output}` stands for an output.
    service: String,
    operation: String,
    arguments: Value,
    /// Where a backend cannot play it, and why.
    #[serde(default)]
    not_on: BTreeMap<String, String>,
}

/// Systems under Holdfast on one backend.
pub struct System {
    name: String,
    backend: Backend,
    /// The counting way to AWS.
    pub proxy: Proxy,
    /// Holdfast itself.
    pub server: Server,
    /// The stacks, in the order they are applied.
    pub stacks: Vec<Value>,
    script: Script,
    outsiders: BTreeMap<String, Outside>,
    _emulator: Emulator,
    _folder: tempfile::TempDir,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The documents of an example, in the order of their names.
pub fn documents(name: &str) -> Result<Vec<Value>> {
    let folder = root().join("examples").join(name);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder)?.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>().context("the example")?;
    files.retain(|f| f.extension().is_some_and(|e| e == "json"));
    files.sort();
    files.iter().map(|f| read(f)).collect()
}

impl Script {
    /// Adds what another system's script says; what a backend cannot do, it can do for none.
    fn join(&mut self, other: Self) {
        self.changes.extend(other.changes);
        for (backend, kinds) in other.untold {
            let mine = self.untold.entry(backend).or_default();
            for (kind, fields) in kinds {
                mine.entry(kind).or_default().extend(fields);
            }
        }
        for (backend, kinds) in other.absent {
            self.absent.entry(backend).or_default().extend(kinds);
        }
    }
}

impl System {
    /// Starts all of it, for all these systems together; nothing is applied yet.
    pub fn begin(names: &[&str], backend: Backend) -> Result<Self> {
        let emulator = Emulator::start(backend)?;
        let proxy = Proxy::start(&emulator.endpoint)?;
        let folder = tempfile::tempdir()?;
        let server = Server::start(&proxy.endpoint, &folder.path().join("holdfast.db"), &[])?;
        let mut script = Script::default();
        let mut stacks = Vec::new();
        for name in names {
            script.join(serde_json::from_value(read(&root().join("tests/systems").join(format!("{name}.json")))?)?);
            stacks.extend(documents(name)?);
        }
        let mut system = Self {
            name: names.join(", "),
            backend,
            proxy,
            server,
            stacks,
            script,
            outsiders: BTreeMap::new(),
            _emulator: emulator,
            _folder: folder,
        };
        system.settle_in()?;
        Ok(system)
    }

    fn backend(&self) -> &'static str {
        match self.backend {
            Backend::Moto => "moto",
            Backend::Ministack => "ministack",
        }
    }

    /// Puts what the backend has in the place of variables, and leaves out what it lies about.
    fn settle_in(&mut self) -> Result<()> {
        let (untold, absent) = (
            self.script.untold.get(self.backend()).cloned().unwrap_or_default(),
            self.script.absent.get(self.backend()).cloned().unwrap_or_default(),
        );
        for n in 0..self.stacks.len() {
            let region = text(&self.stacks[n], "/spec/region")?;
            let outside = self.outside(&region)?;
            let images = outside.call("ec2", "describe_images", json!({}))?;
            for profile in profiles(&self.stacks[n]) {
                let outside = self.outside(&region)?;
                outside.call("iam", "create_instance_profile", json!({ "InstanceProfileName": profile }))?;
            }
            let variables = self.found(&region, images)?;
            let stack = &mut self.stacks[n];
            if let Some(declared) = stack.pointer_mut("/spec/variables").and_then(Value::as_object_mut) {
                for (name, value) in variables.into_iter().filter(|(_, value)| value.is_string()) {
                    declared.entry(name).and_modify(|v| *v = value);
                }
            }
            let resources = stack["spec"]["resources"].as_array_mut().context("resources")?;
            resources.retain(|r| !absent.iter().any(|kind| r["kind"] == **kind));
            for resource in resources {
                let kind = resource["kind"].as_str().unwrap_or_default().to_owned();
                if let Some(spec) = resource["spec"].as_object_mut() {
                    spec.retain(|field, _| !untold.get(&kind).is_some_and(|fields| fields.contains(field)));
                }
                without(&absent, &mut resource["spec"]);
            }
        }
        Ok(())
    }

    /// What a backend has for the variables that examples take: an image, and the default network.
    fn found(&mut self, region: &str, images: Value) -> Result<[(&'static str, Value); 4]> {
        let outside = self.outside(region)?;
        let yes = json!({ "Filters": [{ "Name": "isDefault", "Values": ["true"] }] });
        let vpc = outside.call("ec2", "describe_vpcs", yes)?["Vpcs"][0]["VpcId"].clone();
        let within = json!({ "Filters": [{ "Name": "vpc-id", "Values": [vpc] }] });
        let subnets = outside.call("ec2", "describe_subnets", within)?;
        let subnet = |n: usize| subnets["Subnets"][n]["SubnetId"].clone();
        let image = images["Images"][0]["ImageId"].clone();
        Ok([("imageId", image), ("vpcId", vpc), ("subnetA", subnet(0)), ("subnetB", subnet(1))])
    }

    /// Somebody else in a region.
    pub fn outside(&mut self, region: &str) -> Result<&mut Outside> {
        if !self.outsiders.contains_key(region) {
            let python = std::env::var("HOLDFAST_PYTHON").context("run the tests by `cargo xtask test`")?;
            self.outsiders.insert(region.to_owned(), Outside::start(&python, &self._emulator.endpoint, region, None)?);
        }
        self.outsiders.get_mut(region).context("it was just started")
    }

    fn names(&self) -> Vec<String> {
        self.stacks.iter().filter_map(|s| s["metadata"]["name"].as_str()).map(str::to_owned).collect()
    }

    /// Applies all stacks in one request and waits until all of them are in sync.
    pub fn apply(&self) -> Result<()> {
        let list = json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": self.stacks });
        self.server.apply(&list, "")?;
        self.in_sync()
    }

    fn in_sync(&self) -> Result<()> {
        for stack in self.names() {
            self.server.in_sync(&stack, PATIENCE).with_context(|| format!("{} on {}", self.name, self.backend()))?;
        }
        Ok(())
    }

    /// Three sweeps of everything without a write.
    pub fn is_silent(&self) -> Result<()> {
        let before = self.proxy.written();
        self.server.sweeps(3)?;
        let written = self.proxy.written() - before;
        ensure!(written == 0, "{written} writes at the fixed point: {:?}", self.proxy.writes());
        Ok(())
    }

    /// Everything that the script has changed from outside while the stacks are paused; all of it is in the report,
    /// and then healed. Answers how many.
    pub fn is_healed(&mut self) -> Result<usize> {
        let backend = self.backend();
        let mut changes = self.script.changes.clone();
        changes.retain(|c| !c.not_on.contains_key(backend));
        self.steer("pause", &json!({ "reason": "changes are about to be made behind its back" }))?;
        for change in &changes {
            let arguments = self.filled(&change.arguments)?;
            let stack = change.resource.split('/').next().unwrap_or_default();
            let of_stack =
                self.stacks.iter().find(|s| s["metadata"]["name"] == stack).context("the stack of a change")?;
            let region = text(of_stack, "/spec/region")?;
            self.outside(&region)?
                .call(&change.service, &change.operation, arguments)
                .with_context(|| format!("{change:?}"))?;
        }
        let mut missing = Vec::new();
        eventually("drift in the report", PATIENCE, || {
            let report = self.server.get("/v1/drift")?;
            missing =
                changes.iter().filter(|c| !c.is_in(&report)).map(|c| format!("{} {}", c.resource, c.path)).collect();
            Ok(missing.is_empty().then_some(()))
        })
        .with_context(|| {
            format!("not reported on {backend}: {missing:?} of {:#}", self.server.get("/v1/drift").unwrap_or_default())
        })?;
        self.steer("resume", &json!({}))?;
        self.in_sync()?;
        let after = self.server.get("/v1/drift")?;
        let left: Vec<&Outsider> = changes.iter().filter(|c| c.is_in(&after)).collect();
        ensure!(left.is_empty(), "still reported: {left:?}");
        Ok(changes.len())
    }

    fn steer(&self, what: &str, body: &Value) -> Result<()> {
        for stack in self.names() {
            let (status, answer) = self.server.call(Method::POST, &format!("/v1/stacks/{stack}/{what}"), Some(body))?;
            ensure!(status < 300, "{what} answered {status}: {answer}");
        }
        Ok(())
    }

    /// Arguments with their outputs filled in.
    fn filled(&self, arguments: &Value) -> Result<Value> {
        Ok(match arguments {
            Value::String(text) => match text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
                Some(name) => json!(self.output(name)?),
                None => arguments.clone(),
            },
            Value::Array(items) => items.iter().map(|i| self.filled(i)).collect::<Result<Vec<_>>>()?.into(),
            Value::Object(map) => {
                map.iter().map(|(k, v)| Ok((k.clone(), self.filled(v)?))).collect::<Result<Map<_, _>>>()?.into()
            }
            other => other.clone(),
        })
    }

    /// An output, by `stack/Kind/name.output`.
    pub fn output(&self, name: &str) -> Result<String> {
        let (resource, output) = name.rsplit_once('.').context("stack/Kind/name.output")?;
        let found = self.server.get(&format!("/v1/resources/{resource}"))?;
        let value = found["status"]["outputs"][output].as_str();
        value.map(str::to_owned).with_context(|| format!("{resource} has no output {output}: {}", found["status"]))
    }

    /// Teardown of all stacks, the last first; each ends with a clean certificate. Answers how many things went.
    pub fn is_torn_down(&mut self) -> Result<usize> {
        for stack in &mut self.stacks {
            unprotect(stack);
        }
        self.apply().context("the protections lifted")?;
        let mut gone = 0;
        for stack in self.names().iter().rev() {
            let (status, body) =
                self.server.call(Method::DELETE, &format!("/v1/stacks/{stack}?deletion=delete"), None)?;
            ensure!(status < 300, "DELETE answered {status}: {body}");
            let mut left = Vec::new();
            eventually("end of the teardown", PATIENCE, || {
                left = self.server.resources(stack)?.iter().map(told).collect();
                Ok(left.is_empty().then_some(()))
            })
            .with_context(|| format!("{stack} on {}, still there:\n{}", self.backend(), left.join("\n")))?;
            let (status, end) = self.server.call(Method::GET, &format!("/v1/stacks/{stack}/teardown"), None)?;
            ensure!(status == 200 && end["state"] == "clean", "the certificate of {stack} says {status}: {end:#}");
            gone += end["deleted"].as_array().map_or(0, Vec::len);
        }
        Ok(gone)
    }

    /// How many resources are declared, and the kinds among them.
    pub fn declared(&self) -> (usize, BTreeSet<String>) {
        // What is only looked up is never made, and never goes.
        let lookups = ["AvailabilityZone", "DefaultSubnet", "DefaultVpc", "Image"];
        let all = self.stacks.iter().filter_map(|s| s["spec"]["resources"].as_array()).flatten();
        let all: Vec<&Value> = all.filter(|r| !lookups.iter().any(|kind| r["kind"] == *kind)).collect();
        (all.len(), all.iter().filter_map(|r| r["kind"].as_str()).map(str::to_owned).collect())
    }
}

/// Puts the name of what a backend does not have in the place of each of its outputs.
fn without(absent: &[String], spec: &mut Value) {
    match spec {
        Value::String(text) => {
            // `${Kind/…}` or `${stack:Kind/…}`
            let of = |kind: &&String| ["{", ":"].iter().any(|before| text.contains(&format!("{before}{kind}/")));
            if let Some(kind) = absent.iter().find(of) {
                *text = format!("no-{}", kind.to_lowercase());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without(absent, item)),
        Value::Object(map) => map.values_mut().for_each(|value| without(absent, value)),
        _ => {}
    }
}

/// The instance profiles that a stack takes as variables.
fn profiles(stack: &Value) -> Vec<String> {
    let variables = stack.pointer("/spec/variables").and_then(Value::as_object);
    let named = variables.into_iter().flatten().filter(|(name, _)| name.ends_with("rofile"));
    named.filter_map(|(_, value)| value.as_str()).map(str::to_owned).collect()
}

/// Protections that a teardown needs lifted: by policy, and AWS's own.
fn unprotect(stack: &mut Value) {
    for resource in stack["spec"]["resources"].as_array_mut().into_iter().flatten() {
        if let Some(policy) = resource.get_mut("policy").and_then(Value::as_object_mut) {
            policy.remove("protect");
            policy.insert("deletion".to_owned(), json!("delete"));
        }
        if resource["spec"]["deletionProtection"] == true {
            resource["spec"]["deletionProtection"] = json!(false);
        }
    }
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {pointer}"))
}

impl Outsider {
    fn is_in(&self, report: &Value) -> bool {
        let named = |i: &&Value| {
            let part = |k: &str| i[k].as_str().unwrap_or_default();
            format!("{}/{}/{}", part("stack"), part("kind"), part("name")) == self.resource
        };
        let items = report["items"].as_array().into_iter().flatten().filter(named);
        items.flat_map(|i| i["fields"].as_array().into_iter().flatten()).any(|field| {
            let path = field["path"].as_str().unwrap_or("-");
            let near = if self.path.is_empty() { path.is_empty() } else { path.starts_with(&self.path) };
            near && field["change"] == self.change
        })
    }
}
