//! A loopback proxy that names and counts every AWS call on its way to an emulator, keeps the order of those that write,
//! and refuses what it is told to refuse.

use crate::refusal::Refusal;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A proxy in front of one endpoint; its threads end with the process.
#[derive(Clone)]
pub struct Proxy {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Default)]
struct Calls {
    /// Since the last reset.
    counted: BTreeMap<String, u64>,
    /// Since the beginning.
    ever: BTreeSet<String>,
    /// The calls that write, in the order of their answers, since the last reset.
    order: Vec<Passed>,
    refusals: Vec<Refusal>,
    /// What was asked of `AssumeRole`, since the beginning.
    assumed: Vec<String>,
    strike: Option<Strike>,
}

/// At which side of AWS's work on a write something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It was sent, and has not reached AWS.
    Before,
    /// AWS has done it, and its answer is not back yet.
    After,
}

struct Strike {
    left: u64,
    moment: Moment,
    act: Box<dyn FnOnce() + Send>,
}

/// A call that went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// AWS's name for it.
    pub operation: String,
    /// What was sent.
    pub body: String,
    /// The `User-Agent` that sent it.
    pub agent: String,
    /// The status of the answer.
    pub status: u16,
}

impl Proxy {
    /// Stands in front of `upstream` (`http://127.0.0.1:PORT`).
    pub fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let calls = Arc::new(Mutex::new(Calls::default()));
        let seen = Arc::clone(&calls);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, seen) = (upstream.clone(), Arc::clone(&seen));
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || drop(serve(client, &upstream, &seen)));
            }
        });
        Ok(Self { endpoint, calls })
    }

    /// Calls since the last reset, by `Operation`.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.calls.lock().map(|c| c.counted.clone()).unwrap_or_default()
    }

    /// Forgets what was counted.
    pub fn reset(&self) {
        if let Ok(mut calls) = self.calls.lock() {
            calls.counted.clear();
            calls.order.clear();
        }
    }

    /// The calls that write since the last reset, in the order in which they were answered.
    pub fn order(&self) -> Vec<Passed> {
        self.calls.lock().map(|c| c.order.clone()).unwrap_or_default()
    }

    /// What was asked of `AssumeRole` since the beginning.
    pub fn assumed(&self) -> Vec<String> {
        self.calls.lock().map(|c| c.assumed.clone()).unwrap_or_default()
    }

    /// Answers what these name from now on, instead of the emulator; what was refused before goes through again.
    pub fn refuse(&self, refusals: Vec<Refusal>) {
        if let Ok(mut calls) = self.calls.lock() {
            calls.refusals = refusals;
        }
    }

    /// Does `act` once, when the `nth` write from now, counted from 1, is at that moment.
    pub fn strike(&self, nth: u64, moment: Moment, act: impl FnOnce() + Send + 'static) {
        if let Ok(mut calls) = self.calls.lock() {
            calls.strike = Some(Strike { left: nth, moment, act: Box::new(act) });
        }
    }

    /// Takes back what has not struck yet.
    pub fn spare(&self) {
        if let Ok(mut calls) = self.calls.lock() {
            calls.strike = None;
        }
    }

    /// Every operation since the beginning, resets or not.
    pub fn ever(&self) -> BTreeSet<String> {
        self.calls.lock().map(|c| c.ever.clone()).unwrap_or_default()
    }

    /// Calls that change something, by operation.
    pub fn writes(&self) -> BTreeMap<String, u64> {
        self.counts().into_iter().filter(|(name, _)| !is_read(name)).collect()
    }

    /// How many calls changed something, or asked for it.
    pub fn written(&self) -> u64 {
        self.writes().values().sum()
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.counts().values().sum()
    }
}

/// True for operations that only look.
pub fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get", "AssumeRole"].iter().any(|v| operation.starts_with(v))
}

/// Passes on one request, and closes: the client opens another connection for its next.
fn serve(client: TcpStream, upstream: &str, calls: &Mutex<Calls>) -> Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    let Some((head, body)) = read_request(&mut reader)? else { return Ok(()) };
    let name = operation(&head, &body);
    let refused = name.as_ref().and_then(|name| count(calls, name, &head));
    let strike = name.as_deref().filter(|name| !is_read(name)).and_then(|_| due(calls));
    let (before, after) = match strike {
        Some(strike) if strike.moment == Moment::Before => (Some(strike.act), None),
        Some(strike) => (None, Some(strike.act)),
        None => (None, None),
    };
    if let Some(act) = before {
        act();
        // Whoever sent it is gone.
        return Ok(());
    }
    let answer = match refused {
        Some(answer) => answer,
        None => ask(upstream, &head, &body)?,
    };
    if let Some(act) = after {
        act();
    }
    if let (Some(operation), Ok(mut calls)) = (name, calls.lock()) {
        let body = String::from_utf8_lossy(&body).into_owned();
        let agent = header(&head, "user-agent").unwrap_or_default().to_owned();
        match operation.as_str() {
            "AssumeRole" => calls.assumed.push(body),
            _ if is_read(&operation) => {}
            _ => calls.order.push(Passed { operation, body, agent, status: status(&answer) }),
        }
    }
    client.write_all(&answer)?;
    Ok(client.shutdown(std::net::Shutdown::Both)?)
}

/// Counts a call; answers in the emulator's place if it is to be refused.
fn count(calls: &Mutex<Calls>, name: &str, head: &str) -> Option<Vec<u8>> {
    let mut calls = calls.lock().ok()?;
    calls.ever.insert(name.to_owned());
    *calls.counted.entry(name.to_owned()).or_insert(0) += 1;
    calls.refusals.iter_mut().find_map(|refusal| refusal.strikes(name, head)).map(|r| r.answer(head))
}

/// What is to be done at this write.
fn due(calls: &Mutex<Calls>) -> Option<Strike> {
    let mut calls = calls.lock().ok()?;
    let strike = calls.strike.as_mut()?;
    strike.left = strike.left.saturating_sub(1);
    if strike.left == 0 { calls.strike.take() } else { None }
}

/// The status of an answer: `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> u16 {
    let line = answer.split(|b| *b == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// The emulator's answer to one request.
fn ask(upstream: &str, head: &str, body: &[u8]) -> Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream).context("the emulator is gone")?;
    server.set_nodelay(true)?;
    // One request a connection upstream: the emulator closes it, so the answer ends where the stream ends.
    for line in head.lines().filter(|l| !l.is_empty() && !l.to_ascii_lowercase().starts_with("connection:")) {
        write!(server, "{line}\r\n")?;
    }
    server.write_all(b"Connection: close\r\n\r\n")?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(line.trim_end());
        head.push('\n');
    }
    let length = header(&head, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|l| l.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
}

/// `X-Amz-Target: Service.Operation`, or `Action=Operation` in the form body.
fn operation(head: &str, body: &[u8]) -> Option<String> {
    if let Some(target) = header(head, "x-amz-target") {
        return target.rsplit('.').next().map(str::to_owned);
    }
    let body = std::str::from_utf8(body).ok()?;
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
}
