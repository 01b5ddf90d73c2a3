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

/// A resource: its stack and name, and AWS's id of it.
struct Live {
    key: (String, String),
    id: String,
}

/// What is only read one a call, once somebody asks for it.
#[derive(Debug, Default)]
pub struct Hinted {
    /// From a change until the API tells of it, sorted.
    pub found: Vec<Duration>,
    /// From then until the fix was read back, sorted.
    pub read_back: Vec<Duration>,
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
        took.extend(log.told(account, "DriftDetected")?.iter().filter_map(|key| opened.get(key)).map(Instant::elapsed));
        Ok((took.len() >= groups.len()).then_some(()))
    })?;
    took.sort_unstable();
    Ok(took)
}

/// Changes an attribute of one target group in each of at most five stacks, one after the other, and asks for the stack:
/// a script that knows what it has touched. The pause between them lets come back what the round of a stack draws.
pub fn hinted(account: &Account, pause: Duration) -> Result<Hinted> {
    let (mut log, mut took) = (Log::at_its_end(account)?, Hinted::default());
    for stack in account.stacks.iter().take(5) {
        std::thread::park_timeout(pause);
        let group = live(account, stack, "TargetGroup", "t4")?;
        let region = stack["spec"]["region"].as_str().context("a region")?;
        let attributes = json!([{ "Key": "deregistration_delay.timeout_seconds", "Value": "5" }]);
        let input = json!({ "TargetGroupArn": group.id, "Attributes": attributes });
        account.standin.outside(region, "elasticloadbalancing", "ModifyTargetGroupAttributes", &input)?;
        let changed = Instant::now();
        account.reconcile(stack)?;
        let mut until = |reason: &str| {
            eventually(reason, PATIENCE, || Ok(log.told(account, reason)?.contains(&group.key).then_some(())))?;
            Ok::<_, anyhow::Error>(changed.elapsed())
        };
        let (found, healed) = (until("DriftDetected")?, until("DriftHealed")?);
        took.found.push(found);
        took.read_back.push(healed.saturating_sub(found));
    }
    took.found.sort_unstable();
    took.read_back.sort_unstable();
    Ok(took)
}

/// One group of each stack in turn.
fn groups(account: &Account, count: usize) -> Result<Vec<Live>> {
    let stacks = account.stacks.len();
    let group = |n: usize| live(account, &account.stacks[n % stacks], "SecurityGroup", &format!("g{}", n / stacks));
    (0..count).map(group).collect()
}

fn live(account: &Account, stack: &Value, kind: &str, name: &str) -> Result<Live> {
    let stack = stack["metadata"]["name"].as_str().context("a stack's name")?;
    let found = account.server.get(&format!("/v1/resources/{stack}/{kind}/{name}"))?;
    let id = found["status"]["outputs"]["id"].as_str().with_context(|| format!("{stack}/{kind}/{name} has no id"))?;
    Ok(Live { key: (stack.to_owned(), name.to_owned()), id: id.to_owned() })
}

fn open(account: &Account, id: &str) -> Result<()> {
    let ranges = json!([{ "CidrIp": "0.0.0.0/0" }]);
    let rule = json!([{ "IpProtocol": "tcp", "FromPort": "22", "ToPort": "22", "IpRanges": ranges }]);
    let input = json!({ "GroupId": id, "IpPermissions": rule });
    account.standin.outside(account.regions[0], "ec2", "AuthorizeSecurityGroupIngress", &input).map(drop)
}

/// The server's log, read on from where it was.
struct Log {
    after: u64,
    /// What was read and nobody has asked for yet: reason, stack and name.
    unasked: Vec<(String, (String, String))>,
}

impl Log {
    fn at_its_end(account: &Account) -> Result<Self> {
        let newest = account.server.get("/v1/events?order=desc&limit=1")?;
        Ok(Self { after: newest["items"][0]["id"].as_u64().unwrap_or_default(), unasked: Vec::new() })
    }

    /// Stack and name of what was told of under this reason since it was last asked for.
    fn told(&mut self, account: &Account, reason: &str) -> Result<Vec<(String, String)>> {
        let page = account.server.get(&format!("/v1/events?after={}&limit=500", self.after))?;
        let events = page["items"].as_array().context("events")?;
        self.after = events.last().and_then(|e| e["id"].as_u64()).unwrap_or(self.after);
        let word = |event: &Value, member: &str| event[member].as_str().unwrap_or_default().to_owned();
        self.unasked.extend(events.iter().map(|e| (word(e, "reason"), (word(e, "stack"), word(e, "name")))));
        let (told, others) = std::mem::take(&mut self.unasked).into_iter().partition(|(why, _)| why == reason);
        self.unasked = others;
        let told: Vec<_> = told;
        Ok(told.into_iter().map(|(_, key)| key).collect())
    }
}
