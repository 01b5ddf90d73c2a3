//! Figures beside their goals. Nothing here decides by time: what fails is only what does not work.

use anyhow::{Context, Result, ensure};
use holdfast_tests::emulator::{Backend, Network};
use holdfast_tests::figures::{cpu, floor, kinds, percentile, resident, soon};
use holdfast_tests::proxy::is_read;
use holdfast_tests::report::{Figure, Report, plain};
use holdfast_tests::scenario::Life;
use holdfast_tests::server::{Server, binary};
use holdfast_tests::simulated::Simulated;
use holdfast_tests::{REGION, es_stack, eventually, workload};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// As in the binary, so that the figures are the binary's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[expect(clippy::print_stdout, reason = "figures are printed; that is what they are for")]
fn row(what: &str, measured: impl std::fmt::Display, goal: &str) {
    println!("{what:<58} {measured:>14}   {goal}");
}

/// Figures of the engine alone, for whoever compares.
fn keep(figures: Vec<(&str, Figure)>) -> Result<()> {
    let mut report = Report::default();
    for (what, figure) in figures {
        report.add(format!("engine alone, {} resources: {what}", wanted_resources()), figure);
    }
    report.save()
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// A network that nobody has to make.
fn nowhere() -> Network {
    let subnets = vec!["subnet-0a1b2c3d4e5f60718".to_owned(), "subnet-0b1c2d3e4f5061728".to_owned()];
    Network { vpc: "vpc-0a1b2c3d4e5f60718".to_owned(), subnets }
}

fn wanted_resources() -> usize {
    std::env::var("HOLDFAST_BENCH_RESOURCES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

/// What the calls for one workload should not exceed: those of a look, light and full. What it takes to make it is held against
/// its goal by the peers' harness: here a sweep comes each second meanwhile.
#[derive(Clone, Copy, Default)]
struct Goals {
    light: Option<f64>,
    full: Option<f64>,
}

/// Applies what stands in `life`, and says with how many calls it is made, looked at while nothing changes, and looked at in
/// full.
fn calls_of(mut life: Life, what: &str, goals: Goals) -> Result<()> {
    let mut report = Report::default();
    let kinds = kinds(&life.stack);
    let mut calls = |name: &str, calls: f64, goal: Option<f64>| {
        report.add(format!("{what}: {name}"), Figure { goal, ..plain(calls, "calls") });
    };
    calls("resources", kinds.values().sum::<u64>() as f64, None);
    let started = Instant::now();
    life.proxy.reset();
    life.apply_within("", Duration::from_secs(900))?;
    let built = started.elapsed();
    calls("from nothing to in sync", life.proxy.total() as f64, None);
    calls("those of them that write", life.proxy.written() as f64, None);
    let (light, used) = steady_sweep(&life, &mut calls)?;
    calls("light sweep", light, goals.light);
    // A new process has read no single thing, and reads each of them once.
    let before = single_items(&life.proxy.counts());
    life.restart()?;
    let singles = || single_items(&life.proxy.counts()) - before;
    let things = kinds.iter().filter(|(kind, _)| AUDITED.contains(&kind.as_str())).map(|(_, n)| n).sum::<u64>();
    soon("all attributes", Duration::from_secs(900), || {
        life.server.sweeps(1)?;
        Ok((singles() >= things).then_some(()))
    })?;
    calls("full sweep", light + singles() as f64, goals.full);
    report.add(format!("{what}: floor of a light sweep"), plain(floor(&kinds) as f64, "calls"));
    report.add(format!("{what}: from nothing to in sync (moto)"), plain(built.as_secs_f64(), "s"));
    report.add(format!("{what}: CPU of a no-op sweep"), plain(used.as_secs_f64() * 1000.0, "ms").goal(30.0));
    report.save()
}

/// The kinds with attributes that AWS gives one thing a call, each with one call.
const AUDITED: [&str; 3] = ["LoadBalancer", "TargetGroup", "Listener"];

fn single_items(counts: &BTreeMap<String, u64>) -> u64 {
    counts.iter().filter(|(name, _)| name.ends_with("Attributes")).map(|(_, n)| n).sum()
}

/// The mean of some sweeps at the fixed point: its calls but for those of the audit, and its CPU time.
fn steady_sweep(life: &Life, calls: &mut impl FnMut(&str, f64, Option<f64>)) -> Result<(f64, Duration)> {
    const SWEEPS: u32 = 10;
    life.server.sweeps(3)?;
    life.proxy.reset();
    let before = cpu(life.server.pid())?;
    life.server.sweeps(SWEEPS as usize)?;
    let used = cpu(life.server.pid())?.saturating_sub(before);
    let counts = life.proxy.counts();
    ensure!(life.proxy.written() == 0, "nothing is written at the fixed point, but: {counts:?}");
    let each = |n: u64| n as f64 / f64::from(SWEEPS);
    for (name, n) in counts.iter().filter(|(name, _)| is_read(name)) {
        calls(&format!("a sweep, {name}"), each(*n), None);
    }
    Ok((each(counts.values().sum::<u64>() - single_items(&counts)), used / SWEEPS))
}

#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn calls_for_each_workload() -> Result<()> {
    calls_of(Life::begin(Backend::Moto)?, "es", Goals::default())?;
    let goals = [Goals { light: Some(8.0), full: Some(28.0) }, Goals { light: Some(38.0), full: Some(256.0) }];
    for (times, goals) in [1, 10].into_iter().zip(goals) {
        let mut life = Life::begin(Backend::Moto)?;
        life.stack = workload::peers(times, &life.network);
        let resources = 1 + 110 * times;
        calls_of(life, &format!("peers' workload, {resources}"), goals)?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "prints figures; run by cargo xtask bench"]
async fn the_example_from_nothing_to_in_sync() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut world = Simulated::new(&folder.path().join("holdfast.db"))?;
    let started = Instant::now();
    world.declare(&es_stack(&nowhere())?)?;
    let passes = world.settle().await?;
    row(
        "es in simulation: time from nothing to in sync",
        ms(started.elapsed()),
        &format!("in {passes} passes, without latency"),
    );
    Ok(())
}

async fn large(file: &Path) -> Result<()> {
    const PASSES: u32 = 10;
    let me = std::process::id();
    let mut world = Simulated::new(file)?;
    let started = Instant::now();
    for n in 0..wanted_resources().div_ceil(100) {
        let mut stack = workload::hundred(n, &nowhere());
        // The server that reads this store later has another, empty AWS, and must not fill it.
        stack["spec"]["policy"] = serde_json::json!({ "drift": "report" });
        world.declare(&stack)?;
    }
    row("resources in simulation", world.declared(), "");
    row("declaring them", ms(started.elapsed()), "");
    let started = Instant::now();
    let passes = world.settle().await?;
    row("from nothing to the fixed point, no budgets", ms(started.elapsed()), &format!("in {passes} passes"));
    let (started, before) = (Instant::now(), cpu(me)?);
    for _ in 0..PASSES {
        let report = world.pass().await?;
        ensure!(report.planned == 0 && report.changed == 0, "a pass at the fixed point did something: {report:?}");
    }
    let (wall, used) = (started.elapsed() / PASSES, cpu(me)?.saturating_sub(before) / PASSES);
    let plans = (0..PASSES).map(|_| world.plan()).collect::<Result<Vec<_>>>()?;
    let milliseconds = |time: Duration| plain(time.as_secs_f64() * 1000.0, "ms");
    let mean =
        |which: fn(&(Duration, Duration)) -> Duration| milliseconds(plans.iter().map(which).sum::<Duration>() / PASSES);
    keep(vec![
        ("no-op pass, wall", milliseconds(wall)),
        ("no-op pass, CPU", milliseconds(used)),
        ("memory with simulated AWS and this test", plain(resident(me)? as f64, "MB")),
        ("plan of what is unchanged, CPU", mean(|p| p.1).goal(50.0)),
        ("first plan of a process, everything compared, CPU", mean(|p| p.0)),
    ])
}

/// A server on a store full of resources, whose simulated AWS has none of them.
fn serving(file: &Path) -> Result<Server> {
    let mut command = Command::new(binary()?);
    command.args([
        "serve",
        "--simulate",
        "--listen",
        "127.0.0.1:0",
        "--sweep-interval",
        "1h",
        "--log",
        "warn",
        "--store",
    ]);
    command.arg(format!("sqlite://{}", file.display())).env("AWS_REGION", REGION);
    Server::spawn(command)
}

fn api_of(file: &Path) -> Result<()> {
    const READS: usize = 200;
    let server = serving(file)?;
    row("memory of serve --simulate at its start", format!("{} MB", resident(server.pid())?), "");
    eventually("first sweep", Duration::from_secs(300), || {
        let report: Value = server.get("/v1/scopes")?;
        let scopes = report["items"].as_array().cloned().unwrap_or_default();
        Ok(scopes.iter().any(|s| s["running"] != true && s["sweptAt"].is_string()).then_some(()))
    })?;
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        let started = Instant::now();
        let (status, _) = server.bytes(reqwest::Method::GET, "/v1/resources?limit=500", None)?;
        times.push(started.elapsed());
        ensure!(status == 200, "the list answered {status}");
    }
    times.sort_unstable();
    row("GET /v1/resources?limit=500, p50", ms(percentile(&times, 0.5)), "goal 50 ms");
    row("GET /v1/resources?limit=500, p99", ms(percentile(&times, 0.99)), "goal 50 ms");
    row(
        "memory of serve --simulate, every resource drifted",
        format!("{} MB", resident(server.pid())?),
        "goal 110 MB at 10,000",
    );
    Ok(())
}

#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn a_large_account_in_simulation() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("holdfast.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(large(&file)).context("the engine")?;
    api_of(&file).context("the API")
}
