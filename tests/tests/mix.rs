//! Figures of the mix of a large account: the built binary, with the SDK's own decoding, against the stand-in with AWS's
//! buckets enforced. Nothing here decides by time: what fails is only what does not work.

use anyhow::{Result, ensure};
use holdfast_tests::figures::{memory, percentile, resident_over};
use holdfast_tests::found::{Hinted, drifts, hinted};
use holdfast_tests::load::{Times, drive};
use holdfast_tests::measure::{Account, Cost, stacks};
use holdfast_tests::report::{Report, plain};
use holdfast_tests::standin::{Manner, regions};
use std::time::Duration;

/// Largest size whose single things are all waited for unasked: inside the budget a whole audit of 10,000 takes a quarter
/// of an hour.
const WHOLE_AUDIT: usize = 2000;

fn is_audited_whole() -> bool {
    size() <= WHOLE_AUDIT || std::env::var_os("HOLDFAST_BENCH_WHOLE_AUDIT").is_some()
}

/// Sweeps that are averaged.
const SWEEPS: u64 = 10;

fn size() -> usize {
    std::env::var("HOLDFAST_BENCH_RESOURCES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What every phase has.
fn common(report: &mut Report, phase: &str, cost: &Cost) {
    report.add(format!("{phase}: CPU"), plain(ms(cost.cpu), "ms"));
    report.add(format!("{phase}: wall"), plain(ms(cost.wall), "ms"));
    report.add(format!("{phase}: memory after it"), plain(cost.memory.resident as f64, "MB"));
    report.add(format!("{phase}: memory, the most so far"), plain(cost.memory.peak as f64, "MB"));
    report.add(format!("{phase}: calls refused by a bucket"), plain(cost.calls.throttles() as f64, "calls").goal(0.0));
    report.add(format!("{phase}: transactions of the store"), plain(cost.transactions as f64, "writes"));
    for (call, n) in &cost.calls.throttled {
        report.add(format!("{phase}:   refused {call}"), plain(*n as f64, "calls"));
    }
    for (words, n) in &cost.calls.refused {
        report.add(format!("{phase}:   {words}"), plain(*n as f64, "calls"));
    }
}

/// How long after a sweep a process is at rest: idle connections go after ten seconds.
const REST: Duration = Duration::from_secs(15);

/// Sweeps in which nothing has to be done, at their interval.
fn steady(report: &mut Report, account: &Account, name: &str) -> Result<()> {
    let (floor, large) = (account.floor(), size() >= 10_000);
    account.swept_by_itself(2)?;
    let cost = account.cost_from_now(|a| a.swept_by_itself(SWEEPS))?;
    ensure!(cost.calls.writes() == 0, "nothing is written at the fixed point, but: {:?}", cost.calls.by_action);
    // One page of VPCs a sweep: it tells how many sweeps there were.
    let passes =
        cost.calls.by_action.get("ec2:DescribeVpcs").copied().unwrap_or(1) as f64 / account.regions.len() as f64;
    let light = (cost.calls.total() - cost.calls.single()) as f64 / passes;
    let figure = plain(light, "calls").floor(floor.light as f64);
    report.add(format!("{name} light sweep: calls"), if size() == 10_000 { figure.goal(380.0) } else { figure });
    report.add(
        format!("{name} light sweep: calls for single things"),
        plain(cost.calls.single() as f64 / passes, "calls"),
    );
    let cpu = plain(ms(cost.cpu) / passes, "ms");
    report.add(format!("{name} no-op sweep: CPU"), if size() == 10_000 { cpu.goal(1000.0) } else { cpu });
    report.add(format!("{name} no-op sweep: answers"), plain(cost.calls.bytes as f64 / passes / 1e6, "MB"));
    report.add(format!("{name} no-op sweep: writes of AWS"), plain(0.0, "calls").goal(0.0));
    let written = plain(cost.transactions as f64 / passes, "writes").goal(0.0);
    report.add(format!("{name} no-op sweep: transactions of the store"), written);
    report.add(
        format!("{name} no-op sweep: calls refused by a bucket"),
        plain(cost.calls.throttles() as f64, "calls").goal(0.0),
    );
    for (call, n) in &cost.calls.throttled {
        report.add(format!("{name} no-op sweep:   refused {call}"), plain(*n as f64, "calls"));
    }
    let goal = if size() > 10_000 { 900.0 } else { 110.0 };
    let resident = plain(cost.memory.resident as f64, "MB");
    report.add(format!("{name} memory at the fixed point"), if large { resident.goal(goal) } else { resident });
    report.add(format!("{name} memory at the fixed point:   the program"), plain(cost.memory.program as f64, "MB"));
    report.add(format!("{name} memory, the most so far"), plain(cost.memory.peak as f64, "MB"));
    report.add(format!("{name} store with its log"), plain(account.store_bytes() as f64 / 1e6, "MB"));
    Ok(())
}

/// Memory at the interval that a server has by itself.
fn by_default(report: &mut Report, account: &mut Account, name: &str) -> Result<()> {
    account.restarted("60s")?;
    account.looked_anew()?;
    account.swept_by_itself(1)?;
    let (mean, most) = resident_over(account.server.pid(), Duration::from_secs(240))?;
    let goal = if size() > 10_000 { 900.0 } else { 110.0 };
    report.add(format!("{name} memory, a sweep a minute: the mean"), plain(mean.round(), "MB").goal(goal));
    report.add(format!("{name} memory, a sweep a minute: the most"), plain(most as f64, "MB").goal(goal));
    Ok(())
}

/// From a first look to the audit of every single thing.
fn audit(report: &mut Report, account: &mut Account, name: &str) -> Result<()> {
    let floor = account.floor();
    let first = account.cost_from_now(Account::looked)?;
    report.add(format!("{name} first look of a process: calls"), plain(first.calls.total() as f64, "calls"));
    common(report, &format!("{name} first look of a process"), &first);
    report.add(format!("{name} not in sync after it"), plain(account.waiting()? as f64, "resources").goal(0.0));
    if !is_audited_whole() {
        return Ok(());
    }
    // Whatever is asked for comes first in an audit: it goes round while the server sweeps by itself. What the first look
    // has drawn on comes back before: a new process takes each bucket for full.
    std::thread::park_timeout(REST);
    account.restarted("5s")?;
    let mut sweeps = 0;
    let cost = account.cost_from_now(|a| {
        sweeps = a.audited()?;
        Ok(())
    })?;
    let single = cost.calls.singles.len() as f64;
    report.add(
        format!("{name} whole audit: single things to read"),
        plain(single, "calls").floor(floor.attributes as f64),
    );
    report.add(format!("{name} whole audit: sweeps"), plain(sweeps as f64, "sweeps"));
    let light =
        (cost.calls.total() - cost.calls.single()) as f64 / (cost.passes.max(1) as f64 / account.regions.len() as f64);
    let full = plain(light + single, "calls").floor(floor.full as f64);
    report.add(format!("{name} full sweep: calls"), if size() == 10_000 { full.goal(3200.0) } else { full });
    common(report, &format!("{name} whole audit"), &cost);
    Ok(())
}

fn asked(report: &mut Report, what: &str, times: &Times, goal: f64) {
    report.add(format!("{what}, p50"), plain(ms(percentile(&times.took, 0.5)), "ms"));
    report.add(format!("{what}, p99"), plain(ms(percentile(&times.took, 0.99)), "ms").goal(goal));
    report.add(format!("{what}, failed"), plain(times.failed as f64, "requests").goal(0.0));
}

#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn a_grown_account() -> Result<()> {
    let (scopes, name) = (if size() > 20_000 { 10 } else { 1 }, size().to_string());
    let mut report = Report::default();
    let mut account = Account::grown(size(), scopes, Manner { latency: Duration::ZERO, buckets: true })?;
    audit(&mut report, &mut account, &name)?;
    account.restarted("3s")?;
    account.looked()?;
    steady(&mut report, &account, &name)?;
    let ready = account.restarted("1h")?;
    let figure = plain(ms(ready), "ms");
    report.add(format!("{name} start to ready"), if size() == 10_000 { figure.goal(1000.0) } else { figure });
    account.looked_anew()?;
    std::thread::park_timeout(REST);
    let rest = memory(account.server.pid())?;
    report.add(format!("{name} memory at rest"), plain(rest.resident as f64, "MB"));
    report.add(format!("{name} memory at rest:   the program"), plain(rest.program as f64, "MB"));
    if size() >= 10_000 {
        by_default(&mut report, &mut account, &name)?;
    }
    if size() == 10_000 {
        account.restarted("1s")?;
        for when in ["just started", "under sweeps"] {
            let of = drive(&account.server.url, &account.stacks, 10)?;
            asked(&mut report, &format!("{name} API {when}: GET"), &of.gets, 5.0);
            asked(&mut report, &format!("{name} API {when}: PUT"), &of.puts, 20.0);
            asked(&mut report, &format!("{name} API {when}: list of 500"), &of.lists, 50.0);
        }
    }
    if size() > WHOLE_AUDIT {
        return report.save();
    }
    let fix = account.cost(|a| {
        a.drift()?;
        a.healed()
    })?;
    report.add(format!("{name} five drifts found and fixed: calls"), plain(fix.calls.total() as f64, "calls"));
    report.add(
        format!("{name} five drifts found and fixed: writes"),
        plain(fix.calls.writes() as f64, "calls").floor(5.0),
    );
    common(&mut report, &format!("{name} five drifts found and fixed"), &fix);
    report.save()
}

/// The time from somebody's change to the API's word of it, at an interval that meets the goal of its size.
#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn how_soon_a_drift_is_found() -> Result<()> {
    let (name, interval, goal) = if size() > 2000 { (size(), 50, 60.0) } else { (size(), 12, 20.0) };
    let mut report = Report::default();
    let mut account = Account::grown(size(), 1, Manner { latency: Duration::from_millis(40), buckets: true })?;
    account.looked()?;
    account.restarted(&format!("{interval}s"))?;
    account.swept_by_itself(1)?;
    let mut times = Vec::new();
    let cost = account.cost_from_now(|a| {
        times = drifts(a, Duration::from_secs(4 * interval))?;
        Ok(())
    })?;
    let seconds = |share| plain(percentile(&times, share).as_secs_f64(), "s");
    report.add(format!("{name} drift found, a sweep every {interval} s: p50"), seconds(0.5));
    report.add(format!("{name} drift found, a sweep every {interval} s: p99"), seconds(0.99).goal(goal));
    report.add(format!("{name} drift found, a sweep every {interval} s: the longest"), seconds(1.0));
    if let Some((bucket, part)) = cost.calls.busiest(cost.wall) {
        report.add(format!("{name} drift found: most drawn on, {bucket}"), plain(part * 100.0, "%").goal(25.0));
    }
    report.add(
        format!("{name} drift found: calls refused by a bucket"),
        plain(cost.calls.throttles() as f64, "calls").goal(0.0),
    );
    report.save()
}

/// The same for what AWS tells of one thing a call, where somebody asks for it, and the time from the API's word of it
/// until the fix was read back.
#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn how_soon_a_hint_is_followed() -> Result<()> {
    let name = size().to_string();
    let mut report = Report::default();
    let mut account = Account::grown(size(), 1, Manner { latency: Duration::from_millis(40), buckets: true })?;
    account.looked()?;
    account.restarted("60s")?;
    account.swept_by_itself(1)?;
    let mut times = Hinted::default();
    let cost = account.cost_from_now(|a| {
        times = hinted(a, Duration::from_secs(35))?;
        Ok(())
    })?;
    let longest = |of: &[Duration]| plain(percentile(of, 1.0).as_secs_f64(), "s").goal(5.0);
    report.add(format!("{name} details after a hint: the longest"), longest(&times.found));
    report.add(format!("{name} details after an own write: the longest"), longest(&times.read_back));
    report.add(
        format!("{name} details after a hint: calls refused by a bucket"),
        plain(cost.calls.throttles() as f64, "calls").goal(0.0),
    );
    report.save()
}

/// A server that sweeps on and on takes no more after a thousand sweeps than after a hundred.
#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn a_thousand_sweeps() -> Result<()> {
    let name = size().to_string();
    let mut report = Report::default();
    let mut account = Account::grown(size(), 1, Manner { latency: Duration::ZERO, buckets: false })?;
    account.looked()?;
    account.restarted("100ms")?;
    account.swept_by_itself(100)?;
    let early = memory(account.server.pid())?.resident as f64;
    let stored = account.store_bytes() as f64;
    account.swept_by_itself(900)?;
    let late = memory(account.server.pid())?.resident as f64;
    report.add(format!("{name} memory after 100 sweeps on end"), plain(early, "MB"));
    report.add(format!("{name} memory after 1000 sweeps on end"), plain(late, "MB").goal(early * 1.1));
    let grown = account.store_bytes() as f64 - stored;
    report.add(format!("{name} growth of the store meanwhile"), plain(grown / 1e6, "MB").goal(0.0));
    report.save()
}

#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn from_nothing() -> Result<()> {
    let name = size().to_string();
    let mut report = Report::default();
    let manner = Manner { latency: Duration::from_millis(40), buckets: true };
    let account = Account::empty(stacks(size(), &regions(1)?), manner)?;
    let idle = account.cost(|_| Ok(()))?;
    report.add("memory of an idle server", plain(idle.memory.resident as f64, "MB").goal(35.0));
    let cost = account.cost(Account::apply)?;
    let floor = account.floor();
    report.add(format!("{name} from nothing: calls"), plain(cost.calls.total() as f64, "calls"));
    report.add(
        format!("{name} from nothing: writes"),
        plain(cost.calls.writes() as f64, "calls").floor(floor.creates as f64),
    );
    common(&mut report, &format!("{name} from nothing, 40 ms"), &cost);
    report.save()
}
