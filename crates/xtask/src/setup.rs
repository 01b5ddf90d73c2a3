//! What the tests need beside Rust: two AWS implementations, faults on the wire and a maker of bad requests, each in
//! its own Python environment, and a browser.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The pinned versions; `docs/src/testing.md` says what each is for.
const MOTO: &str = "moto[server]==5.2.5";
const MINISTACK: &str = "ministack==1.5.33";
const MICROBURST: &str = "microburst==0.10.0";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Programs of the emulators.
pub(crate) struct Emulators {
    pub(crate) moto: PathBuf,
    pub(crate) ministack: PathBuf,
    /// The faults on the wire.
    pub(crate) microburst: PathBuf,
    /// What makes requests from the OpenAPI document.
    pub(crate) schemathesis: PathBuf,
    /// A Python with boto3, the client that is not ours.
    pub(crate) python: PathBuf,
}

/// Makes the environments under the target folder, once.
pub(crate) fn emulators(root: &Path) -> Result<Emulators> {
    let moto = environment(root, "moto", &[MOTO, "boto3"])?;
    let ministack = environment(root, "ministack", &[MINISTACK])?;
    let microburst = environment(root, "microburst", &[MICROBURST])?;
    let schemathesis = environment(root, "schemathesis", &[SCHEMATHESIS])?;
    Ok(Emulators {
        moto: moto.join("bin/moto_server"),
        python: moto.join("bin/python"),
        ministack: ministack.join("bin/ministack"),
        microburst: microburst.join("bin/microburst"),
        schemathesis: schemathesis.join("bin/schemathesis"),
    })
}

/// A Python environment with these packages, made once.
pub(crate) fn environment(root: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
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

/// A program that runs beside the tests; it ends with the value.
pub(crate) struct Beside {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A moto for the wire tests of single kinds; the scenarios start their own.
pub(crate) fn moto(tools: &Emulators) -> Result<Beside> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new(&tools.moto);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let beside = Beside { child, url: format!("http://127.0.0.1:{port}") };
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if started.elapsed() > Duration::from_secs(60) {
            bail!("moto does not answer on {}", beside.url);
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    Ok(beside)
}

/// The demo, for the browser tests that look at the real thing.
pub(crate) fn demo(root: &Path) -> Result<Beside> {
    let mut command = Command::new(shell::target(root).join("debug/holdfast"));
    command.args(["demo", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start the demo")?;
    let mut line = String::new();
    let stdout = child.stdout.take().context("the demo has no output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let url =
        line.split_whitespace().find(|w| w.starts_with("http://")).map(|u| u.trim_end_matches("/dashboard").to_owned());
    let beside = Beside { child, url: url.clone().unwrap_or_default() };
    url.with_context(|| format!("the demo said {line:?} and no address"))?;
    Ok(beside)
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

/// Runs the browser tests: all of them against the mock server, and those that only look against the demo.
pub(crate) fn browser_tests(root: &Path, chromium: &Path) -> Result<()> {
    let folder = root.join("tests/browser");
    shell::run(shell::command(&folder, "npm").args(["test"]).env("CHROMIUM", chromium))?;
    let demo = demo(root)?;
    shell::run(shell::command(&folder, "npm").args(["test"]).env("CHROMIUM", chromium).env("HOLDFAST_URL", &demo.url))
}
