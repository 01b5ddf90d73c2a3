//! The figures: measured by the benchmark tests, printed in one place.

use crate::{setup, shell};
use anyhow::Result;
use std::path::Path;

/// Runs the measuring tests in release, one after the other, and lets them print.
pub(crate) fn run(root: &Path, resources: usize) -> Result<()> {
    let tools = setup::emulators(root)?;
    shell::cargo(root, &["build", "--release", "--workspace", "--all-targets"])?;
    let mut bench = shell::command(root, "cargo");
    bench.args([
        "test",
        "--release",
        "--workspace",
        "--test",
        "bench",
        "--",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    bench.env("HOLDFAST_BENCH_RESOURCES", resources.to_string());
    bench
        .env("HOLDFAST_MOTO", &tools.moto)
        .env("HOLDFAST_PYTHON", &tools.python)
        .env("HOLDFAST_MINISTACK", &tools.ministack);
    shell::run(&mut bench)
}
