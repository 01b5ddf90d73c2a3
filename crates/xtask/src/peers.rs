//! Peers and Holdfast side by side: one workload, one emulated AWS, one machine, one run, one table.

use crate::{setup, shell};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;
use std::path::Path;

/// Where the harness stands.
const FOLDER: &str = "bench/peers";

/// The size of the workload, and how AWS answers.
#[derive(Args)]
pub(crate) struct Peers {
    /// Security groups of two rules each
    #[arg(long, default_value_t = 50)]
    sgs: usize,
    /// Target groups, task definitions and services, so many of each
    #[arg(long, default_value_t = 20)]
    tgs: usize,
    /// How long AWS takes to answer
    #[arg(long, default_value_t = 40)]
    latency_ms: u32,
    /// Do not enforce AWS's token buckets
    #[arg(long)]
    no_buckets: bool,
    /// Which peers; those that are not on this machine are named and left out
    #[arg(long, value_delimiter = ',', default_value = "floor,floor-attrs,terraform,ansible,holdfast")]
    peers: Vec<String>,
}

/// Sets up the harness, runs it, prints the table.
pub(crate) fn run(root: &Path, wanted: &Peers) -> Result<()> {
    let packages = std::fs::read_to_string(root.join(FOLDER).join("requirements.txt"))?;
    let packages: Vec<&str> = packages.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    let python = setup::environment(root, "peers", &packages)?.join("bin/python");
    shell::cargo(root, &["build", "--profile", "production", "--package", "holdfast"])?;
    let (peers, missing) = here(root, wanted);
    let work = shell::target(root).join("bench-peers");
    let report = work.join("figures.jsonl");
    std::fs::create_dir_all(&work)?;
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let mut bench = shell::command(&root.join(FOLDER), python.to_string_lossy().as_ref());
    bench.args([
        "bench.py",
        "--peers",
        &peers.join(","),
        "--sgs",
        &wanted.sgs.to_string(),
        "--tgs",
        &wanted.tgs.to_string(),
    ]);
    bench.args(["--latency-ms", &wanted.latency_ms.to_string()]).arg("--work").arg(&work).arg("--out").arg(&report);
    bench.args((!wanted.no_buckets).then_some("--throttle"));
    bench.env("HOLDFAST", shell::target(root).join("production/holdfast"));
    shell::run(&mut bench)?;
    let text = std::fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let rows: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    shell::print(&table(&rows));
    for peer in missing {
        shell::print(&format!("{peer}: not on this machine, not measured\n"));
    }
    Ok(())
}

/// The peers that can be run here, and those that cannot.
fn here(root: &Path, wanted: &Peers) -> (Vec<String>, Vec<String>) {
    let has = |program: &str| shell::command(root, program).arg("version").output().is_ok_and(|o| o.status.success());
    wanted.peers.iter().cloned().partition(|peer| !peer.starts_with("terraform") || has("terraform"))
}

/// A row for each peer and phase, with its ratio to Holdfast in the same phase.
fn table(rows: &[Value]) -> String {
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap_or_default();
    let mut out = format!(
        "{:<14} {:<10} {:>7} {:>8} {:>9} {:>9} {:>9}   {:>8} {:>8} {:>8}\n",
        "peer", "phase", "calls", "refused", "wall s", "CPU s", "memory MB", "calls x", "wall x", "CPU x"
    );
    for row in rows {
        let ours = rows.iter().find(|r| r["peer"] == "holdfast" && r["phase"] == row["phase"]);
        let ratio = |key: &str| {
            let ours = ours.map(|o| number(o, key)).filter(|n| *n > 0.0);
            ours.map_or_else(String::new, |ours| format!("{:.1}", number(row, key) / ours))
        };
        // A dry run that finds drift ends with 2; that is no failure.
        let left = number(row, "live_problems") - if row["phase"] == "detect" { 5.0 } else { 0.0 };
        let wrong = if left == 0.0 { String::new() } else { format!("  left {left} problems") };
        out.push_str(&format!(
            "{:<14} {:<10} {:>7} {:>8} {:>9.2} {:>9.2} {:>9.0}   {:>8} {:>8} {:>8}{wrong}\n",
            row["peer"].as_str().unwrap_or_default(),
            row["phase"].as_str().unwrap_or_default(),
            number(row, "api_calls"),
            number(row, "throttled"),
            number(row, "wall_s"),
            number(row, "cpu_s"),
            number(row, "peak_pss_mb"),
            ratio("api_calls"),
            ratio("wall_s"),
            ratio("cpu_s"),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_peer_stands_beside_ours_with_its_ratios() {
        let row = |peer: &str, calls: u32, left: u32| {
            json!({ "peer": peer, "phase": "create", "api_calls": calls, "throttled": 0, "wall_s": 1.0, "cpu_s": 1.0,
                "peak_pss_mb": 10.0, "live_problems": left })
        };
        let table = table(&[row("terraform", 693, 1), row("holdfast", 200, 0)]);
        assert!(table.contains("3.5") && table.contains("left 1 problems"), "{table}");
    }
}
