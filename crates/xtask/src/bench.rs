//! The figures: measured by tests in the profile that is deployed, put beside their goals and beside those of the last time.

use crate::{peers, setup, shell};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use std::path::Path;
use std::process::Command;

/// Where the figures that others are compared with are kept.
const BASELINE: &str = "bench/baseline.json";

/// What is measured.
#[derive(Args)]
pub(crate) struct Bench {
    /// Sizes of the mix to measure, in resources; above 20,000 they are spread over ten regions
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    sizes: Vec<usize>,
    /// Sizes to build from nothing inside AWS's write limits: 1,000 take 3 minutes, 10,000 half an hour
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    create: Vec<usize>,
    /// Sizes whose whole audit is waited for as well, which is done up to 2,000 in any case: 10,000 take 20 minutes
    #[arg(long, value_delimiter = ',')]
    audit: Vec<usize>,
    /// Leave out what is measured of the engine alone, on virtual time and on moto
    #[arg(long)]
    mix_only: bool,
    /// Keep the figures as those that later ones are compared with
    #[arg(long)]
    save: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Put Terraform, Ansible and a hand-written floor beside Holdfast, on one emulated AWS
    Peers(peers::Peers),
}

/// Measures and prints.
pub(crate) fn run(root: &Path, bench: &Bench) -> Result<()> {
    if let Some(What::Peers(wanted)) = &bench.what {
        return peers::run(root, wanted);
    }
    shell::cargo(root, &["build", "--profile", "production", "--workspace", "--all-targets"])?;
    let report = shell::target(root).join("bench-figures.json");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    for size in &bench.create {
        measure(root, &report, "mix", "from_nothing", *size)?;
    }
    for size in &bench.sizes {
        let mut grown = measuring(root, &report, "mix", "a_grown_account", *size);
        if bench.audit.contains(size) {
            grown.env("HOLDFAST_BENCH_WHOLE_AUDIT", "1");
        }
        shell::run(&mut grown)?;
    }
    for size in bench.sizes.iter().filter(|size| **size <= 10_000) {
        measure(root, &report, "mix", "how_soon", *size)?;
    }
    measure(root, &report, "mix", "a_thousand_sweeps", 200)?;
    if !bench.mix_only {
        measure(root, &report, "allocations", "", 1000)?;
        measure(root, &report, "replica", "an_hour", 100_000)?;
        measure(root, &report, "bench", "", 10_000)?;
    }
    let figures = read(&report)?;
    let baseline = root.join(BASELINE);
    let before = if baseline.exists() { read(&baseline)? } else { Map::new() };
    shell::print(&table(&figures, &before));
    if bench.save {
        let text = serde_json::to_string_pretty(&figures)? + "\n";
        std::fs::write(&baseline, text).with_context(|| format!("cannot write {}", baseline.display()))?;
    }
    Ok(())
}

/// Runs the measuring tests of one file whose names contain `filter`.
fn measure(root: &Path, report: &Path, test: &str, filter: &str, size: usize) -> Result<()> {
    let mut bench = measuring(root, report, test, filter, size);
    if test == "bench" {
        let tools = setup::emulators(root)?;
        bench.env("HOLDFAST_MOTO", &tools.moto).env("HOLDFAST_PYTHON", &tools.python);
        bench.env("HOLDFAST_MINISTACK", &tools.ministack);
    }
    shell::run(&mut bench)
}

/// The command that runs them.
pub(crate) fn measuring(root: &Path, report: &Path, test: &str, filter: &str, size: usize) -> Command {
    let mut bench = shell::command(root, "cargo");
    bench
        .args(["test", "--profile", "production", "--workspace", "--test", test, "--"])
        .args(Some(filter).filter(|f| !f.is_empty()));
    bench.args(["--ignored", "--nocapture", "--test-threads=1"]);
    bench.env("HOLDFAST_BENCH_RESOURCES", size.to_string()).env("HOLDFAST_BENCH_OUT", report);
    bench
}

fn read(file: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no figures", file.display()))
}

/// Figures with floor and goal, and their ratio to those before. A ratio is told, never judged: machines differ.
fn table(figures: &Map<String, Value>, before: &Map<String, Value>) -> String {
    let mut out = format!("{:<70} {:>12}  {:>9} {:>9}  {:>7}\n", "figure", "", "floor", "goal", "before");
    for (name, figure) in figures {
        let number = |key: &str| figure[key].as_f64();
        let shown = |n: Option<f64>| n.map_or_else(String::new, |n| n.to_string());
        let value = number("value").unwrap_or_default();
        let goal = number("goal");
        let verdict = goal.map_or("", |goal| if value <= goal { "met" } else { "MISSED" });
        let ratio = before.get(name).and_then(|b| b["value"].as_f64()).filter(|b| *b != 0.0).map(|b| value / b);
        out.push_str(&format!(
            "{name:<70} {:>12}  {:>9} {:>9}  {:>7}  {verdict}\n",
            format!("{value} {}", figure["unit"].as_str().unwrap_or_default()),
            shown(number("floor")),
            shown(goal),
            ratio.map_or_else(String::new, |r| format!("x{r:.2}")),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_missed_goal_and_a_ratio_are_told() {
        let now = map(json!({ "calls": { "value": 400.0, "unit": "calls", "goal": 380.0, "floor": 345.0 } }));
        let before = map(json!({ "calls": { "value": 200.0 } }));
        let table = table(&now, &before);
        assert!(table.contains("400 calls") && table.contains("x2.00") && table.contains("MISSED"), "{table}");
    }
}
