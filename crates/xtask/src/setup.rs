//! What the tests need beside Rust: two AWS implementations in their own Python environments, and a browser.

use crate::shell;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The pinned versions; `docs/testing.md` says why each is here.
const MOTO: &str = "moto[server]==5.2.5";
const MINISTACK: &str = "ministack==1.5.33";

/// Programs of the emulators.
pub(crate) struct Emulators {
    pub(crate) moto: PathBuf,
    pub(crate) ministack: PathBuf,
    /// A Python with boto3, the client that is not ours.
    pub(crate) python: PathBuf,
}

/// Makes the environments under the target folder, once.
pub(crate) fn emulators(root: &Path) -> Result<Emulators> {
    let moto = environment(root, "moto", &[MOTO, "boto3"])?;
    let ministack = environment(root, "ministack", &[MINISTACK])?;
    Ok(Emulators {
        moto: moto.join("bin/moto_server"),
        python: moto.join("bin/python"),
        ministack: ministack.join("bin/ministack"),
    })
}

fn environment(root: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = shell::target(root).join("emulators").join(name);
    let stamp = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(folder);
    }
    shell::run(shell::command(root, "python3").args(["-m", "venv"]).arg(&folder))
        .context("the tests need python3 with venv (Debian: apt-get install python3-venv)")?;
    let pip = folder.join("bin/pip");
    shell::run(std::process::Command::new(pip).args(["install", "--quiet"]).args(packages))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(folder)
}

/// Whether the browser tests can run here.
pub(crate) enum Browser {
    /// With this Chromium.
    Here(PathBuf),
    /// And why not.
    Missing(String),
}

/// Looks for Chromium and Node, and installs the tests' npm packages from their lock file.
pub(crate) fn browser(root: &Path) -> Result<Browser> {
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let Some(chromium) = chromium.iter().map(PathBuf::from).find(|p| p.exists()) else {
        return Ok(Browser::Missing("no Chromium (Debian: apt-get install chromium)".to_owned()));
    };
    let folder = root.join("tests/browser");
    if !shell::command(root, "npm").arg("--version").output().is_ok_and(|o| o.status.success()) {
        return Ok(Browser::Missing("no npm (Debian: apt-get install nodejs npm)".to_owned()));
    }
    if !folder.join("node_modules/playwright-core").exists() {
        shell::run(shell::command(&folder, "npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    }
    Ok(Browser::Here(chromium))
}

/// Runs the browser tests.
pub(crate) fn browser_tests(root: &Path, chromium: &Path) -> Result<()> {
    shell::run(shell::command(&root.join("tests/browser"), "npm").args(["test"]).env("HOLDFAST_CHROMIUM", chromium))
}
