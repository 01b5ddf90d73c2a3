//! The built binary as a server, and its API.

use crate::{REGION, SECRET, eventually};
use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running `holdfast serve`; killed with the value.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    log: Arc<Mutex<Vec<String>>>,
}

/// The binary that this test run built.
pub fn binary() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("test binaries stand in deps/")?;
    let binary = folder.join("holdfast");
    anyhow::ensure!(binary.exists(), "{} is not built; run `cargo build --workspace`", binary.display());
    Ok(binary)
}

impl Server {
    /// Starts it on a free port against an AWS endpoint, with a store of its own.
    pub fn start(endpoint: &str, store: &Path, more: &[&str]) -> Result<Self> {
        Self::spawn(Self::command(endpoint, store, more)?)
    }

    /// Starts it so that a limit on the size of its files is an error to it and not its end.
    pub fn start_limitable(endpoint: &str, store: &Path) -> Result<Self> {
        let command = Self::command(endpoint, store, &[])?;
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::spawn(shell)
    }

    /// Sets how large its files may get from now on: `unlimited`, or bytes.
    pub fn limit_files(&self, size: &str) -> Result<()> {
        let limit = format!("--fsize={size}:unlimited");
        let done = Command::new("prlimit").args(["--pid", &self.pid().to_string(), &limit]).status();
        anyhow::ensure!(done.context("the tests need prlimit (Debian: util-linux)")?.success(), "prlimit {limit}");
        Ok(())
    }

    fn command(endpoint: &str, store: &Path, more: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--store"]).arg(format!("sqlite://{}", store.display()));
        command.args(["--sweep-interval", "1s"]).args(more);
        command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", REGION);
        command.env("AWS_ACCESS_KEY_ID", "holdfast").env("AWS_SECRET_ACCESS_KEY", SECRET);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        Ok(command)
    }

    /// Starts a command that prints its address when it is ready.
    pub fn spawn(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Ok(mut kept) = kept.lock() {
                    kept.push(line);
                }
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let url = loop {
            let mut line = String::new();
            if stdout.read_line(&mut line)? == 0 {
                let _ = child.kill();
                let _ = reader.join();
                bail!("it ended before it was ready: {}", lines(&log).join("\n"));
            }
            if let Some(url) = line.split_whitespace().find(|w| w.starts_with("http://")) {
                break url.trim_end_matches('/').trim_end_matches("/dashboard").to_owned();
            }
        };
        std::thread::spawn(move || stdout.lines().for_each(drop));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { child, url, runtime, http: reqwest::Client::new(), log })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        lines(&self.log)
    }

    /// True once it has ended, by whatever it was.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends it by SIGKILL: without a chance to tidy up.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// One call; the status and the body.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let (status, bytes) = self.bytes(method, path, body)?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    /// One call; the status and the body as it came.
    pub fn bytes(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Vec<u8>)> {
        self.runtime.block_on(async {
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
            if let Some(body) = body {
                request = request.json(body);
            }
            let again = request.try_clone().filter(|_| method == Method::GET);
            // A connection that was idle may be closed at the very moment in which it is used again.
            let response = match (request.send().await, again) {
                (Err(_), Some(again)) => again.send().await?,
                (answer, _) => answer?,
            };
            let status = response.status().as_u16();
            Ok((status, response.bytes().await?.to_vec()))
        })
    }

    /// A GET that must succeed.
    pub fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.call(Method::GET, path, None)?;
        anyhow::ensure!(status == 200, "GET {path} answered {status}: {body}");
        Ok(body)
    }

    /// Applies a document; it must be accepted.
    pub fn apply(&self, document: &Value, query: &str) -> Result<Value> {
        let (status, body) = self.call(Method::POST, &format!("/v1/apply{query}"), Some(document))?;
        anyhow::ensure!(status == 200, "apply answered {status}: {body:#}");
        Ok(body)
    }

    /// All resources of a stack.
    pub fn resources(&self, stack: &str) -> Result<Vec<Value>> {
        let page = self.get(&format!("/v1/resources?stack={stack}&limit=500"))?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }

    /// Waits until every resource of a stack is in sync with its newest generation.
    pub fn in_sync(&self, stack: &str, limit: Duration) -> Result<Vec<Value>> {
        let mut last = Vec::new();
        let done = eventually("stack in sync", limit, || {
            let all = self.resources(stack)?;
            let waiting: Vec<String> = all.iter().filter(|r| !is_in_sync(r)).map(told).collect();
            last.clone_from(&waiting);
            Ok((waiting.is_empty() && !all.is_empty()).then_some(all))
        });
        done.with_context(|| format!("not in sync:\n{}", last.join("\n")))
    }

    /// Waits until `n` more sweeps of the region have finished.
    pub fn sweeps(&self, n: usize) -> Result<()> {
        for _ in 0..n {
            let before = self.swept_at()?;
            eventually("sweep", Duration::from_secs(60), || {
                Ok(self.swept_at()?.filter(|t| Some(t) != before.as_ref()))
            })?;
        }
        Ok(())
    }

    fn swept_at(&self) -> Result<Option<String>> {
        let scopes = self.get("/v1/scopes")?;
        Ok(scopes["items"].as_array().into_iter().flatten().find_map(|s| s["sweptAt"].as_str().map(str::to_owned)))
    }
}

fn lines(log: &Mutex<Vec<String>>) -> Vec<String> {
    log.lock().map(|kept| kept.clone()).unwrap_or_default()
}

fn is_in_sync(resource: &Value) -> bool {
    resource["status"]["phase"] == "InSync"
        && resource["status"]["observedGeneration"] == resource["metadata"]["generation"]
}

/// A resource's phase and why, in a line.
pub fn told(resource: &Value) -> String {
    format!(
        "{}/{} {} {}",
        resource["kind"].as_str().unwrap_or_default(),
        resource["metadata"]["name"].as_str().unwrap_or_default(),
        resource["status"]["phase"].as_str().unwrap_or_default(),
        resource["status"]["conditions"][0]["message"]
    )
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
