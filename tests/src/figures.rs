//! What figures are made of: CPU and memory of a process, percentiles, and the floor of read calls.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Kernel ticks a second, as `/proc` counts them on every Linux that we run on.
const TICKS: u64 = 100;

/// CPU time, user and system, that a process has used so far.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may have blanks; the fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).context("a tick count");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS))
}

/// CPU time that this thread has used so far, to the nanosecond.
pub fn thread_cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = stat.split_whitespace().next().context("the time on the CPU")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// Resident memory of a process over a time, in MB: the mean of four looks a second, and the most of them.
pub fn resident_over(pid: u32, time: Duration) -> Result<(f64, u64)> {
    let every = Duration::from_millis(250);
    let looks = (time.as_millis() / every.as_millis()).max(1);
    let (mut sum, mut most) = (0, 0);
    for _ in 0..looks {
        let now = resident(pid)?;
        (sum, most) = (sum + now, most.max(now));
        std::thread::park_timeout(every);
    }
    Ok((sum as f64 / looks as f64, most))
}

/// Resident memory of a process in MB.
pub fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

/// What a process takes of memory, in MB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// The most so far.
    pub peak: u64,
    /// What of `resident` is the program itself, as it stands on disk: the kernel has it once for all processes, and can
    /// let go of it.
    pub program: u64,
}

/// Memory of a process.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name)).with_context(|| name.to_owned())?;
        Ok::<_, anyhow::Error>(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
    };
    Ok(Memory { resident: of("VmRSS:")?, peak: of("VmHWM:")?, program: of("RssFile:")? })
}

/// Transactions that were written into a SQLite store so far: the counter in the header of its shared index, which
/// every process sees. Differences count; 0 where the store is not open.
pub fn transactions(store: &Path) -> u64 {
    let index = std::fs::read(format!("{}-shm", store.display())).unwrap_or_default();
    index.get(8..12).and_then(|b| b.try_into().ok()).map_or(0, |b| u64::from(u32::from_ne_bytes(b)))
}

/// Looks every 50 ms until `look` gives something: for what is measured by the clock.
pub fn soon<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = look().with_context(|| format!("while waiting for {what}"))? {
            return Ok(found);
        }
        anyhow::ensure!(started.elapsed() < limit, "after {limit:?} there was still no {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// The value that `share` (0 to 1) of all are not above.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

/// How many resources of each kind a stack declares.
pub fn kinds(stack: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for resource in stack["spec"]["resources"].as_array().into_iter().flatten() {
        *counts.entry(resource["kind"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    counts
}

/// The fewest calls that can read all of it but the attributes, for services in one cluster: pages and batches as
/// large as AWS allows.
pub fn floor(kinds: &BTreeMap<String, u64>) -> u64 {
    let n = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
    let tagged = ["LoadBalancer", "TargetGroup", "Listener", "ListenerRule", "TaskDefinition"];
    n("SecurityGroup").div_ceil(1000)
        + n("Cluster").div_ceil(100)
        + n("Service").div_ceil(10)
        // Who scales them: one call for up to 50 services, and one page for each 50 scalable targets beyond that.
        + n("Service").min(1)
        + n("TaskDefinition").div_ceil(100)
        + n("LoadBalancer").div_ceil(400)
        + n("TargetGroup").div_ceil(400)
        + n("Listener").div_ceil(20)
        + n("ListenerRule").div_ceil(20)
        + tagged.iter().map(|kind| n(kind)).sum::<u64>().div_ceil(100)
}
