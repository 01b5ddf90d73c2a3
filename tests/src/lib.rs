//! What the end-to-end tests stand on: the built binary, AWS implementations that others wrote, a proxy that
//! counts calls, and a client that is not ours.

mod around;
pub mod burst;
pub mod emulator;
pub mod figures;
pub mod found;
pub mod load;
pub mod measure;
pub mod mix;
pub mod outside;
pub mod prefill;
pub mod proxy;
pub mod refusal;
pub mod replica;
pub mod report;
pub mod scenario;
pub mod server;
pub mod simulated;
pub mod standin;
pub mod system;
pub mod things;
pub mod workload;

use anyhow::{Context, Result};
use serde_json::Value;
use std::time::Duration;

/// A secret key that is in nothing that Holdfast writes.
pub const SECRET: &str = "wJalrXUtnFEMI-never-to-be-seen";

/// The region that the tests work in.
pub const REGION: &str = "eu-west-3";

/// The example stack `es` with the given network instead of its own variables.
pub fn es_stack(network: &emulator::Network) -> Result<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/es/stack.json");
    let mut stack: Value = serde_json::from_str(&std::fs::read_to_string(path)?).context("examples/es/stack.json")?;
    let variables = &mut stack["spec"]["variables"];
    variables["vpcId"] = Value::from(network.vpc.clone());
    variables["subnetA"] = Value::from(network.subnets[0].clone());
    variables["subnetB"] = Value::from(network.subnets[1].clone());
    Ok(stack)
}

/// Looks every 100 ms until `look` gives something; fails after `limit` with what was looked for.
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = look().with_context(|| format!("while waiting for {what}"))? {
            return Ok(found);
        }
        anyhow::ensure!(started.elapsed() < limit, "after {limit:?} there was still no {what}");
        // A deadline, not a measure: how long a look takes never decides a test.
        std::thread::park_timeout(Duration::from_millis(100));
    }
}
