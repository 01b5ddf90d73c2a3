//! One replica's share of a very large estate, on virtual time.

use anyhow::{Result, ensure};
use holdfast_tests::figures::{memory, resident};
use holdfast_tests::replica::{Replica, Share};
use holdfast_tests::report::{Report, plain};
use std::time::Duration;

/// As in the binary, so that the figures are the binary's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::test(start_paused = true)]
async fn every_scope_of_a_share_is_swept_in_time_and_no_call_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let share = Share { scopes: 3, cells: 1, interval: Duration::from_secs(60) };
    let replica = Replica::grown(share, &folder.path().join("holdfast.db")).await?;
    let run = replica.run(Duration::from_secs(300)).await?;
    assert_eq!(run.refused, 0, "of {} calls", run.calls);
    // A sweep every minute, a twentieth more or less, and a second for its calls.
    assert!(run.oldest <= Duration::from_secs(65), "{run:?}");
    assert!((3 * 4..=3 * 7).contains(&run.sweeps), "{run:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
#[ignore = "prints figures; run by cargo xtask bench"]
async fn an_hour_of_a_share_of_a_hundred_thousand() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scopes = std::env::var("HOLDFAST_BENCH_SCOPES").ok().and_then(|n| n.parse().ok()).unwrap_or(170);
    let share = Share { scopes, cells: 3, interval: Duration::from_secs(60) };
    let mut report = Report::default();
    let store = folder.path().join("holdfast.db");
    let replica = Replica::grown(share, &store).await?;
    report.add("share: scopes", plain(scopes as f64, "scopes"));
    report.add("share: resources", plain(replica.resources() as f64, "resources"));
    let run = replica.run(Duration::from_secs(3600)).await?;
    ensure!(run.sweeps > 0, "nothing was swept");
    report.add("share: sweeps in an hour", plain(run.sweeps as f64, "sweeps"));
    report.add("share: calls a sweep of a scope", plain(run.calls as f64 / run.sweeps as f64, "calls"));
    report.add("share: calls refused by a bucket", plain(run.refused as f64, "calls").goal(0.0));
    report.add("share: longest time between two sweeps of a scope", plain(run.oldest.as_secs_f64(), "s").goal(66.0));
    let cpu = run.cpu.as_secs_f64();
    report.add("share: CPU of compare, plan and store in an hour", plain(cpu, "s"));
    report.add("share: CPU of compare, plan and store a sweep", plain(cpu * 1000.0 / run.sweeps as f64, "ms"));
    let me = std::process::id();
    report.add("share: memory with the simulated AWS", plain(resident(me)? as f64, "MB"));
    report.add("share: memory with the simulated AWS, most", plain(memory(me)?.peak as f64, "MB"));
    let size = std::fs::metadata(&store)?.len() as f64;
    report.add("share: store", plain(size / 1e6, "MB"));
    report.add("share: store a resource", plain(size / replica.resources() as f64, "bytes"));
    report.save()
}
