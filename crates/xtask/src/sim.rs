//! Histories by seed, crash plans and lost answers, compiled to be fast.

use crate::shell;
use anyhow::Result;
use std::path::Path;

/// Runs the histories with these arguments.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    let mut sim = shell::command(root, "cargo");
    sim.args(["run", "--quiet", "--profile", "sim", "-p", "holdfast-sim", "--example", "histories", "--"]).args(args);
    shell::run(&mut sim)
}

/// What CI asks of them: ten thousand seeds, every crash plan, every lost answer.
pub(crate) fn ci(root: &Path) -> Result<()> {
    for args in [&["--seeds", "1..10001"][..], &["--crashes", "8"], &["--answers"]] {
        run(root, &args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())?;
    }
    Ok(())
}
