//! The built binary against the stand-in, phase by phase, in figures.

use crate::figures::{Memory, cpu, memory, transactions};
use crate::mix::{CELL, Floor, cell, floor};
use crate::prefill;
use crate::server::{Server, binary};
use crate::standin::{Calls, Manner, Standin, regions};
use crate::{eventually, figures};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The seed of all workloads.
const SEED: u64 = 42;

/// How long anything may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(4000);

/// After so long without a pass nothing more comes by itself.
const IDLE: Duration = Duration::from_secs(8);

/// What [`Account::drift`] changes.
const DRIFTS: u64 = 5;

/// What one phase cost.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Calls that reached AWS.
    pub calls: Calls,
    /// Of the process, user and system.
    pub cpu: Duration,
    /// By the clock.
    pub wall: Duration,
    /// Passes over a scope that ended.
    pub passes: u64,
    /// Transactions of the store.
    pub transactions: u64,
    /// The memory of the process afterwards.
    pub memory: Memory,
}

/// An account of a size under measurement.
pub struct Account {
    /// What answers in AWS's place.
    pub standin: Standin,
    /// The built binary.
    pub server: Server,
    /// All that is declared.
    pub stacks: Vec<Value>,
    /// Where.
    pub regions: Vec<&'static str>,
    folder: tempfile::TempDir,
}

/// A command that runs it, under the program that `HOLDFAST_BENCH_UNDER` names with its arguments, one a line.
fn under(binary: PathBuf) -> Command {
    let under = std::env::var("HOLDFAST_BENCH_UNDER").unwrap_or_default();
    let mut words = under.lines();
    let Some(program) = words.next() else { return Command::new(binary) };
    let mut command = Command::new(program);
    command.args(words).arg(binary);
    command
}

fn serve(standin: &Standin, store: &Path, interval: &str) -> Result<Server> {
    let mut command = under(binary()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--sweep-interval", interval, "--store"]);
    command.arg(format!("sqlite://{}", store.display()));
    command.env("AWS_ENDPOINT_URL", &standin.endpoint).env("AWS_REGION", crate::REGION);
    command
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    Server::spawn(command)
}

/// The stacks of `resources` in the mix, spread over regions.
pub fn stacks(resources: usize, regions: &[&str]) -> Vec<Value> {
    let cells = resources.div_ceil(CELL);
    (0..cells).map(|n| cell(n, SEED, regions[n * regions.len() / cells.max(1)])).collect()
}

impl Account {
    /// An empty AWS and a server with an empty store.
    pub fn empty(stacks: Vec<Value>, manner: Manner) -> Result<Self> {
        let standin = Standin::start()?;
        standin.set(manner);
        let folder = tempfile::tempdir()?;
        let server = serve(&standin, &folder.path().join("holdfast.db"), "1h")?;
        Ok(Self { standin, server, stacks, regions: regions(1)?, folder })
    }

    /// Everything declared and live, and a server that has not looked yet.
    pub fn grown(resources: usize, scopes: usize, manner: Manner) -> Result<Self> {
        let (standin, regions, folder) = (Standin::start()?, regions(scopes)?, tempfile::tempdir()?);
        let (stacks, store) = (stacks(resources, &regions), folder.path().join("holdfast.db"));
        for stack in &stacks {
            prefill::make(&standin, stack)?;
        }
        // A service is found by the name of its cluster, which a store without any memory cannot tell it yet.
        let clusters: Vec<Value> = stacks.iter().map(|s| prefill::only(s, "Cluster")).collect();
        prefill::declare(&store, &clusters)?;
        let mut account = Self { server: serve(&standin, &store, "1h")?, standin, stacks: clusters, regions, folder };
        account.in_sync()?;
        account.server.kill()?;
        prefill::declare(&store, &stacks)?;
        account.stacks = stacks;
        account.standin.set(manner);
        account.server = serve(&account.standin, &store, "1h")?;
        Ok(account)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("holdfast.db")
    }

    /// Size of the store with its log, in bytes.
    pub fn store_bytes(&self) -> u64 {
        let size =
            |suffix: &str| std::fs::metadata(format!("{}{suffix}", self.store().display())).map_or(0, |m| m.len());
        size("") + size("-wal")
    }

    /// The same account under a new server process with another sweep interval.
    /// Answers how long the new process took until it said that it is ready.
    pub fn restarted(&mut self, interval: &str) -> Result<Duration> {
        self.server.kill()?;
        let started = Instant::now();
        self.server = serve(&self.standin, &self.store(), interval)?;
        figures::soon("readiness", PATIENCE, || {
            Ok((self.server.call(Method::GET, "/readyz", None)?.0 == 200).then_some(()))
        })?;
        Ok(started.elapsed())
    }

    /// What something costs.
    pub fn cost(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<Cost> {
        self.quiet();
        self.cost_from_now(work)
    }

    /// The same, with what is under way already.
    pub fn cost_from_now(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<Cost> {
        let pid = self.server.pid();
        let passes = self.metric("holdfast_passes_total", "")?;
        self.standin.reset();
        let (before, written, started) = (cpu(pid)?, transactions(&self.store()), Instant::now());
        work(self)?;
        let wall = started.elapsed();
        let (used, calls, memory) = (cpu(pid)?.saturating_sub(before), self.standin.calls(), memory(pid)?);
        Ok(Cost {
            calls,
            cpu: used,
            wall,
            passes: self.metric("holdfast_passes_total", "")?.saturating_sub(passes),
            transactions: transactions(&self.store()).saturating_sub(written),
            memory,
        })
    }

    /// Waits until no call has come for a while, so that nothing of what was before is counted with what comes.
    pub fn quiet(&self) {
        let mut before = u64::MAX;
        while before != self.standin.calls().total() {
            before = self.standin.calls().total();
            std::thread::park_timeout(Duration::from_millis(700));
        }
    }

    /// The sum of a metric over its labels, those with this text in them.
    fn metric(&self, name: &str, label: &str) -> Result<u64> {
        let (_, text) = self.server.bytes(Method::GET, "/metrics", None)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines = text.lines().filter(|l| l.starts_with(&format!("{name}{{")) && l.contains(label));
        Ok(lines.filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// The time of the last sweep of each scope.
    fn swept(&self) -> Result<Vec<String>> {
        let scopes = self.server.get("/v1/scopes")?;
        let times = scopes["items"].as_array().into_iter().flatten();
        Ok(times.map(|s| s["sweptAt"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Has every scope swept once, now.
    pub fn sweep(&self) -> Result<()> {
        let before = self.swept()?;
        self.ask()?;
        figures::soon("sweep of all scopes", PATIENCE, || {
            let now = self.swept()?;
            Ok((now.len() == before.len() && now.iter().zip(&before).all(|(now, before)| now != before)).then_some(()))
        })
    }

    /// Sweeps that have begun: each reads one page of VPCs.
    fn begun(&self) -> u64 {
        self.standin.calls().by_action.get("ec2:DescribeVpcs").copied().unwrap_or_default()
    }

    /// Waits until every scope was swept so many times on average, by itself.
    pub fn swept_by_itself(&self, sweeps: u64) -> Result<()> {
        let more = sweeps * self.regions.len() as u64;
        let (all, begun) = (self.metric("holdfast_passes_total", "")? + more, self.begun());
        // Asking costs the server something, which is not to be measured: most of the time AWS's side is looked at.
        eventually("sweeps at their interval", PATIENCE, || Ok((self.begun() >= begun + more).then_some(())))?;
        eventually("the end of the last one", PATIENCE, || {
            std::thread::park_timeout(Duration::from_secs(1));
            Ok((self.metric("holdfast_passes_total", "")? >= all).then_some(()))
        })
    }

    /// Asks for a sweep of every scope.
    fn ask(&self) -> Result<()> {
        for region in &self.regions {
            let stack =
                self.stacks.iter().find(|s| s["spec"]["region"] == **region).context("a stack of the region")?;
            self.reconcile(stack)?;
        }
        Ok(())
    }

    /// Asks for a stack to be looked at now.
    pub fn reconcile(&self, stack: &Value) -> Result<()> {
        let path = format!("/v1/stacks/{}/reconcile", stack["metadata"]["name"].as_str().unwrap_or_default());
        let (status, body) = self.server.call(Method::POST, &path, Some(&json!({})))?;
        ensure!(status < 300, "reconcile answered {status}: {body}");
        Ok(())
    }

    /// Waits until every scope was swept by this process or one before it.
    pub fn first_sweep(&self) -> Result<()> {
        eventually("first sweep of all scopes", PATIENCE, || {
            let swept = self.swept()?;
            Ok((swept.len() == self.regions.len() && swept.iter().all(|t| !t.is_empty())).then_some(()))
        })
    }

    /// How many resources are not in sync.
    pub fn waiting(&self) -> Result<u64> {
        Ok((self.declared() as u64).saturating_sub(self.metric("holdfast_resources", "\"InSync\"")?))
    }

    /// Waits for the first sweep, and sweeps on, a few times at most, until everything is in sync.
    pub fn looked(&self) -> Result<()> {
        self.first_sweep()?;
        for _ in 0..4 {
            if self.waiting()? == 0 {
                break;
            }
            self.sweep()?;
        }
        Ok(())
    }

    /// Sweeps until what [`drift`](Self::drift) did is undone.
    pub fn healed(&self) -> Result<()> {
        let stack = self.stacks.first().and_then(|s| s["metadata"]["name"].as_str()).context("a stack")?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            self.sweep()?;
            let written = self.standin.calls().writes();
            let drift = self.server.get(&format!("/v1/drift?stack={stack}"))?;
            if written >= DRIFTS && drift["items"].as_array().is_some_and(Vec::is_empty) {
                return Ok(());
            }
        }
        anyhow::bail!("still drifted: {:#}", self.server.get("/v1/drift")?)
    }

    /// Waits for the first pass of this process, and until it rests.
    pub fn looked_anew(&self) -> Result<()> {
        eventually("first pass of this process", PATIENCE, || {
            Ok((self.metric("holdfast_passes_total", "")? >= self.regions.len() as u64).then_some(()))
        })?;
        self.quiet();
        // What is free is given back to the system within a second or two.
        std::thread::park_timeout(Duration::from_secs(3));
        Ok(())
    }

    fn declared(&self) -> usize {
        self.stacks.iter().filter_map(|s| s["spec"]["resources"].as_array()).map(Vec::len).sum()
    }

    /// Applies all stacks and waits until all of it is in sync.
    pub fn apply(&self) -> Result<()> {
        for stack in &self.stacks {
            self.server.apply(stack, "")?;
        }
        self.in_sync()
    }

    /// Waits until everything is in sync.
    pub fn in_sync(&self) -> Result<()> {
        let all = self.declared();
        let (mut passes, mut seen_at) = (0, Instant::now());
        let done = eventually("everything in sync", PATIENCE, || {
            if self.waiting()? == 0 {
                return Ok(Some(()));
            }
            // What a refused read left open waits for the next sweep, which is an hour away here.
            let now = self.metric("holdfast_passes_total", "")?;
            if now != passes {
                (passes, seen_at) = (now, Instant::now());
            } else if now > 0 && seen_at.elapsed() > IDLE {
                self.ask()?;
                seen_at = Instant::now();
            }
            Ok(None)
        });
        done.with_context(|| self.told(all).unwrap_or_default())
    }

    /// What is not in sync, and what AWS refused.
    fn told(&self, all: usize) -> Result<String> {
        let page = self.server.get("/v1/resources?limit=500")?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let waiting: Vec<String> =
            items.iter().filter(|r| r["status"]["phase"] != "InSync").take(20).map(crate::server::told).collect();
        Ok(format!(
            "of {all}: {waiting:#?}, scopes: {:#}, refused: {:?}",
            self.server.get("/v1/scopes")?,
            self.standin.calls().refused
        ))
    }

    /// Waits until ten sweeps in a row have read no single thing that none read before: they are read in turns by time.
    /// Answers how many sweeps it took.
    pub fn audited(&self) -> Result<usize> {
        let (mut known, mut idle, mut sweeps) = (self.standin.calls().singles.len(), 0, 0);
        while idle < 10 {
            self.swept_by_itself(1)?;
            sweeps += 1;
            let now = self.standin.calls().singles.len();
            idle = if now == known { idle + 1 } else { 0 };
            known = now;
        }
        Ok(sweeps - idle)
    }

    /// The floor of a sweep of all scopes.
    pub fn floor(&self) -> Floor {
        let scopes = self.regions.len() as u64;
        let one = floor(self.stacks.len() as u64 / scopes);
        Floor {
            light: one.light * scopes,
            full: one.full * scopes,
            attributes: one.attributes * scopes,
            creates: one.creates * scopes,
        }
    }

    /// Somebody changes five things: a rule added, a rule removed, a health check's path, an attribute, a count.
    pub fn drift(&self) -> Result<()> {
        let stack = self.stacks.first().context("a stack")?;
        let name = stack["metadata"]["name"].as_str().unwrap_or_default();
        let id = |resource: &str| -> Result<String> {
            let found = self.server.get(&format!("/v1/resources/{name}/{resource}"))?;
            Ok(found["status"]["outputs"]["id"].as_str().with_context(|| format!("{resource} has no id"))?.to_owned())
        };
        let call =
            |service: &str, action: &str, input: Value| self.standin.outside(self.regions[0], service, action, &input);
        let rule = |port: &str, cidr: &str| json!([{ "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{ "CidrIp": cidr }] }]);
        let (added, removed) = (id("SecurityGroup/g3")?, id("SecurityGroup/g7")?);
        call(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({ "GroupId": added, "IpPermissions": rule("22", "0.0.0.0/0") }),
        )?;
        call(
            "ec2",
            "RevokeSecurityGroupIngress",
            json!({ "GroupId": removed, "IpPermissions": rule("443", "10.0.0.0/8") }),
        )?;
        let (path, attribute) = (id("TargetGroup/t2")?, id("TargetGroup/t4")?);
        call(
            "elasticloadbalancing",
            "ModifyTargetGroup",
            json!({ "TargetGroupArn": path, "HealthCheckPath": "/wrong" }),
        )?;
        let attributes = json!([{ "Key": "deregistration_delay.timeout_seconds", "Value": "5" }]);
        call(
            "elasticloadbalancing",
            "ModifyTargetGroupAttributes",
            json!({ "TargetGroupArn": attribute, "Attributes": attributes }),
        )?;
        let service = id("Service/s5")?;
        let path =
            service.split_once(":service/").and_then(|(_, path)| path.split_once('/')).context("a service's ARN")?;
        call("ecs", "UpdateService", json!({ "cluster": path.0, "service": path.1, "desiredCount": 7 }))?;
        Ok(())
    }
}
