//! The real AWS clients under fire: `serve` against moto and ministack through microburst, which throttles in each
//! protocol's own form, fails, delays, hangs, cuts, mangles, and loses answers after the work was done. And a disk that
//! takes no more.

use anyhow::{Context, Result, ensure};
use holdfast_tests::burst::Burst;
use holdfast_tests::emulator::Backend;
use holdfast_tests::scenario::{Life, PATIENCE};
use holdfast_tests::server::Server;
use holdfast_tests::things::{families_with_the_release, is_silent, is_whole, things};
use holdfast_tests::{SECRET, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the weather is called, and microburst's rules for it.
struct Weather {
    name: &'static str,
    rules: Value,
}

/// A fault that strikes some of the calls of every service.
fn some(share: f64, what: Value) -> Value {
    let mut rule = what;
    rule["service"] = json!("*");
    rule["probability"] = json!(share);
    rule
}

/// The same error as each of the three protocols says it.
fn errors(share: f64, codes: [(&str, &str, u16); 3]) -> Value {
    let rule = |(service, code, status): (&str, &str, u16)| json!({ "service": service, "probability": share, "error": { "code": code, "status": status, "message": "not now" } });
    json!(codes.map(rule))
}

fn weathers() -> Vec<Weather> {
    let throttled = [
        ("ec2", "RequestLimitExceeded", 503),
        ("ecs", "ThrottlingException", 400),
        ("elasticloadbalancing", "Throttling", 400),
    ];
    let broken = [
        ("ec2", "InternalError", 500),
        ("ecs", "ServerException", 500),
        ("elasticloadbalancing", "InternalFailure", 500),
    ];
    let away = [
        ("ec2", "Unavailable", 503),
        ("ecs", "ServiceUnavailableException", 503),
        ("elasticloadbalancing", "ServiceUnavailable", 503),
    ];
    let lost = json!({ "response": { "abort_frac": 0.0 } });
    let weather = |name, rules| Weather { name, rules };
    vec![
        weather("throttled", errors(0.3, throttled)),
        weather("server errors", errors(0.3, broken)),
        weather("unavailable", errors(0.3, away)),
        weather("delayed", json!([some(0.3, json!({ "latency": { "min": 200, "max": 1500 } }))])),
        weather("reset before", json!([some(0.3, json!({ "reset": true }))])),
        weather("answer lost", json!([some(0.3, lost.clone())])),
        weather("cut off", json!([some(0.3, json!({ "response": { "abort_frac": 0.5 } }))])),
        weather("truncated", json!([some(0.3, json!({ "response": { "truncate_frac": 0.5 } }))])),
        weather("mangled", json!([some(0.3, json!({ "response": { "corrupt_bytes": 16 } }))])),
        weather("hung", json!([some(0.05, json!({ "timeout_ms": 40_000 }))])),
        weather(
            "all at once",
            json!([
                some(0.05, lost),
                some(0.05, json!({ "reset": true })),
                some(0.05, json!({ "response": { "truncate_frac": 0.5 } })),
                some(0.05, json!({ "latency": { "min": 200, "max": 1500 } })),
                some(0.1, json!({ "error": { "code": "Throttling", "status": 400, "message": "not now" } })),
            ]),
        ),
    ]
}

/// Lets the weather rage over a step until the stack has got through it, or for so long; then it clears.
fn rages(
    life: &mut Life,
    burst: &Burst,
    weather: &Weather,
    is_through: impl Fn(&mut Life) -> Result<bool>,
) -> Result<u64> {
    const RAGE: Duration = Duration::from_secs(12);
    let before: u64 = burst.struck()?.values().sum();
    burst.rules(&weather.rules)?;
    let began = Instant::now();
    while began.elapsed() < RAGE && !is_through(life)? {
        std::thread::park_timeout(Duration::from_millis(200));
    }
    burst.clear()?;
    ensure!(!life.server.has_ended()?, "the server ended: {:#?}", life.server.log());
    Ok(burst.struck()?.values().sum::<u64>() - before)
}

fn all_in_sync(life: &mut Life) -> Result<bool> {
    let all = life.server.resources("es")?;
    let done = |r: &Value| {
        r["status"]["phase"] == "InSync" && r["status"]["observedGeneration"] == r["metadata"]["generation"]
    };
    Ok(!all.is_empty() && all.iter().all(done))
}

/// What no log, no page and no file may ever hold, and what no process may say.
fn is_quiet(life: &Life) -> Result<()> {
    for line in life.all_logged() {
        ensure!(!line.contains("panicked"), "it panicked: {line}");
        ensure!(!line.contains(SECRET), "a secret is in the log: {line}");
    }
    let (_, metrics) = life.server.bytes(Method::GET, "/metrics", None)?;
    let store = std::fs::read(life.store())?;
    for (what, bytes) in [("the metrics", metrics), ("the store", store)] {
        ensure!(!bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "a secret is in {what}");
    }
    Ok(())
}

/// Built up and taken down in the weather; whole in between and gone after it. Answers how it was, in a line.
fn lives_through(life: &mut Life, burst: &Burst, weather: &Weather, n: usize) -> Result<String> {
    let began = Instant::now();
    life.stack["spec"]["variables"]["release"] = json!(format!("{n}.0.0"));
    life.stack["spec"]["tags"] = json!({ "weather": weather.name });
    life.server.apply(&life.stack, "")?;
    let mut struck = rages(life, burst, weather, all_in_sync)?;
    let contents = families_with_the_release(&life.stack).into_iter().map(|family| (family, 1)).collect();
    is_whole(life, &contents).context("after the build-up")?;
    let (up, calls) = (began.elapsed(), life.proxy.total());
    let (status, body) = life.server.call(Method::DELETE, "/v1/stacks/es?deletion=delete", None)?;
    ensure!(status < 300, "DELETE answered {status}: {body}");
    struck += rages(life, burst, weather, |life| Ok(life.server.resources("es")?.is_empty()))?;
    eventually("end of the teardown", PATIENCE, || Ok(life.server.resources("es")?.is_empty().then_some(())))
        .with_context(|| {
            let left = life.server.resources("es").unwrap_or_default();
            left.iter().map(holdfast_tests::server::told).collect::<Vec<_>>().join("\n")
        })?;
    let left = things(life)?;
    ensure!(left.is_empty(), "left after the teardown: {left:#?}");
    ensure!(struck > 0, "the weather never struck");
    life.proxy.reset();
    Ok(format!(
        "{:<14} {struck:>4} faults; up in {:>5.1} s, down in {:>5.1} s, {calls} calls reached AWS on the way up",
        weather.name,
        up.as_secs_f64(),
        (began.elapsed() - up).as_secs_f64()
    ))
}

/// One life after another, in each of these weathers. Answers how they were, a line each.
fn lives_through_all(backend: Backend, weathers: &[Weather]) -> Result<String> {
    let mut all = String::new();
    let mut burst = None;
    let mut life = Life::begin_through(backend, |proxy| {
        let started = burst.insert(Burst::start(&proxy.endpoint)?);
        Ok(started.endpoint.clone())
    })?;
    let burst = burst.context("microburst stands before the proxy")?;
    for (n, weather) in weathers.iter().enumerate() {
        let told = lives_through(&mut life, &burst, weather, n + 1);
        all += &told.with_context(|| format!("weather: {}\n{all}", weather.name))?;
        all.push('\n');
    }
    life.server.apply(&life.stack, "")?;
    life.server.in_sync("es", PATIENCE)?;
    is_silent(&life)?;
    is_quiet(&life)?;
    Ok(all)
}

#[test]
fn a_stack_lives_through_every_fault_of_the_wire_and_is_never_doubled() -> Result<()> {
    println!("{}", lives_through_all(Backend::Moto, &weathers())?);
    Ok(())
}

/// The weathers in which another AWS may answer in another way: refused, done and not told, told and not readable.
#[test]
fn a_stack_lives_through_the_worst_of_the_wire_on_another_aws_too() -> Result<()> {
    let worst = ["throttled", "answer lost", "mangled", "all at once"];
    let weathers: Vec<Weather> = weathers().into_iter().filter(|w| worst.contains(&w.name)).collect();
    ensure!(weathers.len() == worst.len(), "all of them are among the weathers");
    println!("{}", lives_through_all(Backend::Ministack, &weathers)?);
    Ok(())
}

#[test]
fn a_disk_that_takes_no_more_stops_writes_to_aws_and_nothing_else_and_heals_itself() -> Result<()> {
    let mut life = Life::begin(Backend::Moto)?;
    life.server.kill()?;
    life.server = Server::start_limitable(&life.proxy.endpoint, &life.store())?;
    life.apply("")?;
    life.server.limit_files("4096")?;
    let mut changed = life.stack.clone();
    changed["spec"]["tags"] = json!({ "disk": "full" });
    for _ in 0..2 {
        let (status, body) = life.server.call(Method::POST, "/v1/apply", Some(&changed))?;
        ensure!(
            status == 507 && body["type"].as_str().is_some_and(|t| t.ends_with("store-unwritable")),
            "{status} {body}"
        );
    }
    ensure!(life.server.call(Method::GET, "/readyz", None)?.0 == 503, "it is not ready to take documents");
    let group = life.output("SecurityGroup/alb", "id")?;
    let opened = json!({ "GroupId": group, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0" });
    life.outside.call("ec2", "authorize_security_group_ingress", opened)?;
    life.proxy.reset();
    eventually("three more sweeps", PATIENCE, || {
        let swept = life.proxy.counts().get("DescribeSecurityGroups").copied().unwrap_or(0);
        Ok((swept >= 3).then_some(()))
    })?;
    ensure!(life.proxy.writes().is_empty(), "AWS was written to without a journal: {:?}", life.proxy.writes());
    ensure!(life.server.resources("es")?.len() > 20, "reads go on");
    ensure!(life.server.call(Method::GET, "/metrics", None)?.0 == 200, "so do the metrics");
    life.server.limit_files("unlimited")?;
    eventually("revoked rule", PATIENCE, || {
        Ok(life.proxy.writes().contains_key("RevokeSecurityGroupIngress").then_some(()))
    })?;
    life.server.apply(&changed, "")?;
    life.server.in_sync("es", PATIENCE)?;
    is_silent(&life)?;
    is_quiet(&life)
}
