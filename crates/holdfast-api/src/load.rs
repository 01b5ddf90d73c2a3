//! What a scope costs and what is left of its budgets, as `/v1/scopes` shows it.

use holdfast_core::policy::jiff_timestamp::Until as Time;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What a scope costs and what is left of its budgets, in the process that answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Load")]
pub struct Load {
    /// AWS calls since the process started, by action.
    pub calls: Vec<Calls>,
    /// Its buckets of AWS calls, as far as they were drawn on.
    pub buckets: Vec<Bucket>,
    /// How long, in milliseconds, a look at all that AWS gives in batches has to take: what AWS grants allows no less.
    pub look_takes_ms: u64,
    /// How often such a look could be made, in milliseconds, with a quarter of what AWS grants.
    pub look_every_ms: u64,
    /// What AWS gives only one thing a call (attributes), which is read in rounds.
    pub rounds: Rounds,
}

/// Calls of one action.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ActionCalls")]
pub struct Calls {
    /// The action, such as `ec2:DescribeVpcs`.
    pub action: String,
    /// How many.
    pub calls: u64,
    /// How many of them AWS refused because there were too many.
    pub throttles: u64,
}

/// A bucket of AWS calls.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// How many calls it holds, as AWS documents.
    pub size: f64,
    /// How many come back a second, as AWS documents.
    pub refill_per_second: f64,
    /// How many calls may be made at once now.
    pub headroom: u64,
    /// The percentage of the documented rate that AWS grants, as far as its refusals tell.
    pub granted_percent: u64,
    /// Writes that wait for it.
    pub waiting: u64,
    /// Calls that were refused.
    pub throttles: u64,
}

/// How far the rounds have come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Rounds")]
pub struct Rounds {
    /// Things that take part.
    pub things: u64,
    /// Those that were not read yet.
    pub unread: u64,
    /// When the one was read that was read longest ago; null before the first.
    #[schemars(with = "Option<Time>")]
    pub oldest_read_at: Option<Timestamp>,
    /// How long a whole round takes, in milliseconds.
    pub round_takes_ms: u64,
}
