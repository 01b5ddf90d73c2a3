//! Running other programs.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The top of the repository.
pub(crate) fn root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(Path::to_owned).context("xtask is not two folders below the top")
}

/// Where cargo builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// A line for the person who watches.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "xtask: {text}");
}

/// What a habit was asked for, on standard output.
pub(crate) fn print(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// A command that runs at the top.
pub(crate) fn command(root: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// Runs it; a failure names the whole command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    say(&format!("{command:?}"));
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// Runs cargo.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Result<()> {
    run(command(root, "cargo").args(args))
}
