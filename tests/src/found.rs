//! How long a change that somebody makes behind the server's back goes unseen.

use crate::eventually;
use crate::measure::Account;
use crate::mix::Dice;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long each of them may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A security group: its stack and name, and AWS's id of it.
struct Group {
    key: (String, String),
    id: String,
}

/// Security groups of a stack.
const GROUPS: usize = 50;

/// Opens a port in each of a hundred security groups, or of all if there are fewer, at times within `window` that look
/// random. Answers how long each was open until the API told of it, sorted.
pub fn drifts(account: &Account, window: Duration) -> Result<Vec<Duration>> {
    let groups = groups(account, (GROUPS * account.stacks.len()).min(100))?;
    let mut dice = Dice::new(7);
    let mut times: Vec<Duration> =
        groups.iter().map(|_| Duration::from_millis(dice.below(window.as_millis() as u64))).collect();
    times.sort_unstable();
    let (started, mut log) = (Instant::now(), Log::at_its_end(account)?);
    let mut opened = BTreeMap::new();
    let mut took = Vec::new();
    let mut next = groups.iter().zip(times).peekable();
    eventually("word of every drift", PATIENCE + window, || {
        while let Some((group, _)) = next.next_if(|(_, at)| started.elapsed() >= *at) {
            open(account, &group.id)?;
            opened.insert(group.key.clone(), Instant::now());
        }
        took.extend(log.drifted(account)?.iter().filter_map(|key| opened.get(key)).map(Instant::elapsed));
        Ok((took.len() >= groups.len()).then_some(()))
    })?;
    took.sort_unstable();
    Ok(took)
}

/// One group of each stack in turn.
fn groups(account: &Account, count: usize) -> Result<Vec<Group>> {
    let stacks = account.stacks.len();
    let group = |n: usize| {
        let stack = account.stacks[n % stacks]["metadata"]["name"].as_str().unwrap_or_default();
        let name = format!("g{}", n / stacks);
        let found = account.server.get(&format!("/v1/resources/{stack}/SecurityGroup/{name}"))?;
        let id = found["status"]["outputs"]["id"].as_str().with_context(|| format!("{stack}/{name} has no id"))?;
        Ok(Group { key: (stack.to_owned(), name), id: id.to_owned() })
    };
    (0..count).map(group).collect()
}

fn open(account: &Account, id: &str) -> Result<()> {
    let ranges = json!([{ "CidrIp": "0.0.0.0/0" }]);
    let rule = json!([{ "IpProtocol": "tcp", "FromPort": "22", "ToPort": "22", "IpRanges": ranges }]);
    let input = json!({ "GroupId": id, "IpPermissions": rule });
    account.standin.outside(account.regions[0], "ec2", "AuthorizeSecurityGroupIngress", &input).map(drop)
}

/// The server's log of what it has seen, read on from where it was.
struct Log {
    after: u64,
}

impl Log {
    fn at_its_end(account: &Account) -> Result<Self> {
        let newest = account.server.get("/v1/events?order=desc&limit=1")?;
        Ok(Self { after: newest["items"][0]["id"].as_u64().unwrap_or_default() })
    }

    /// Stack and name of what has been found to drift since the last look.
    fn drifted(&mut self, account: &Account) -> Result<Vec<(String, String)>> {
        let page = account.server.get(&format!("/v1/events?after={}&limit=500", self.after))?;
        let events = page["items"].as_array().context("events")?;
        self.after = events.last().and_then(|e| e["id"].as_u64()).unwrap_or(self.after);
        let word = |event: &Value, member: &str| event[member].as_str().unwrap_or_default().to_owned();
        let drifts = events.iter().filter(|e| e["reason"] == "DriftDetected");
        Ok(drifts.map(|e| (word(e, "stack"), word(e, "name"))).collect())
    }
}
