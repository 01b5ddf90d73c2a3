//! Figures of the mix at several sizes: the built binary against the stand-in. Nothing here decides by time.

use anyhow::{Result, ensure};
use holdfast_tests::measure::{Account, Cost, stacks};
use holdfast_tests::standin::{Manner, regions};
use std::time::Duration;

#[expect(clippy::print_stdout, reason = "figures are printed; that is what they are for")]
fn row(what: &str, cost: &Cost, times: u64) {
    println!(
        "{what:<40} calls {:>8.1} single {:>6.1} writes {:>6} refused {} cpu {:>8.1} ms wall {:>8.1} ms tx {} passes {} rss {} peak {} bytes {}",
        cost.calls.total() as f64 / times as f64,
        cost.calls.single() as f64 / times as f64,
        cost.calls.writes(),
        cost.calls.throttles(),
        cost.cpu.as_secs_f64() * 1000.0 / times as f64,
        cost.wall.as_secs_f64() * 1000.0 / times as f64,
        cost.transactions,
        cost.passes,
        cost.resident,
        cost.peak,
        cost.calls.bytes / times,
    );
    for (name, n) in &cost.calls.by_action {
        println!("    {name:<60} {:>8.1}", *n as f64 / times as f64);
    }
    for (name, n) in &cost.calls.refused {
        println!("    REFUSED {name:<60} {n}");
    }
}

fn size() -> usize {
    std::env::var("HOLDFAST_BENCH_RESOURCES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn grown() -> Result<()> {
    let scopes = if size() > 20_000 { 10 } else { 1 };
    let mut account = Account::grown(size(), scopes, Manner { latency: Duration::ZERO, buckets: true })?;
    row(
        "first look",
        &account.cost(|a| {
            a.first_sweep()?;
            a.in_sync()
        })?,
        1,
    );
    row("audit", &account.cost(|a| a.audited().map(drop))?, 1);
    row("light", &account.cost(|a| (0..5).try_for_each(|_| a.sweep()))?, 5);
    row(
        "fix",
        &account.cost(|a| {
            a.drift()?;
            a.sweep()?;
            a.in_sync()
        })?,
        1,
    );
    account.restarted("1h")?;
    row("restart", &account.cost(|a| a.in_sync())?, 1);
    Ok(())
}

#[test]
#[ignore = "prints figures; run by cargo xtask bench"]
fn from_nothing() -> Result<()> {
    let account =
        Account::empty(stacks(size(), &regions(1)?), Manner { latency: Duration::from_millis(40), buckets: true })?;
    let cost = account.cost(|a| a.apply())?;
    row("create", &cost, 1);
    ensure!(cost.calls.refused.is_empty(), "refused");
    Ok(())
}
