//! An AWS that we did not write: our way into it, counted, and the way of somebody else.

use holdfast_core::cloud::{AccountAccess, CallOutcome, Meter};
use holdfast_core::kind::Registry;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::reference::{Worth, fill};
use holdfast_kinds::aws::{AwsCloud, AwsOptions};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Lets every call pass, and notes its name.
#[derive(Default)]
pub(crate) struct Counter(Mutex<Vec<&'static str>>);

impl Counter {
    /// The calls since this was last asked, in order.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().expect("no test panics with it held"))
    }

    /// The same, sorted.
    pub(crate) fn take_sorted(&self) -> Vec<&'static str> {
        let mut calls = self.take();
        calls.sort_unstable();
        calls
    }
}

#[async_trait::async_trait]
impl Meter for Counter {
    async fn acquire(&self, _: &Scope, _: &'static str, operation: &'static str) {
        self.0.lock().expect("no test panics with it held").push(operation);
    }
    fn finished(&self, _: &Scope, _: &'static str, _: &'static str, _: CallOutcome) {}
}

/// The way into an emulator.
pub(crate) struct Emulator {
    pub(crate) cloud: AwsCloud,
    pub(crate) meter: Arc<Counter>,
    pub(crate) registry: Registry,
    pub(crate) scope: Scope,
    /// For clients of somebody else, which are not ours and not counted.
    pub(crate) others: aws_config::SdkConfig,
}

impl Emulator {
    /// The one that `variable` names. Without one the tests fail: what did not run has not passed.
    pub(crate) async fn named_by(variable: &str) -> Self {
        Self::at(&endpoint(variable)).await
    }

    /// The same, whose single things are read once an hour.
    pub(crate) async fn in_rounds(variable: &str) -> Self {
        Self::every(&endpoint(variable), SignedDuration::from_hours(1)).await
    }

    /// The one at `endpoint`.
    pub(crate) async fn at(endpoint: &str) -> Self {
        // Tests look right after others have changed something.
        Self::every(endpoint, SignedDuration::ZERO).await
    }

    async fn every(endpoint: &str, audit_every: SignedDuration) -> Self {
        let meter = Arc::new(Counter::default());
        let options = AwsOptions { audit_every, ..AwsOptions::default() };
        let cloud = AwsCloud::new(meter.clone(), options);
        let access = AccountAccess { endpoint_url: Some(endpoint.to_owned()), ..AccountAccess::default() };
        cloud.set_accounts(BTreeMap::from([("default".to_owned(), access)]));
        let others = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .endpoint_url(endpoint)
            .load()
            .await;
        let (registry, scope) = (holdfast_kinds::registry(), Scope::new("default", "eu-west-1"));
        Self { cloud, meter, registry, scope, others }
    }
}

fn endpoint(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names no emulator; `cargo xtask test` starts one"))
}

/// `value` of `stack` with its references filled in, as far as `output` knows them.
pub(crate) fn filled(value: &Value, stack: &str, output: impl Fn(&ResourceKey, &str) -> Option<Value>) -> Value {
    let mut value = value.clone();
    fill(&mut value, &mut |reference| {
        let known = reference.target(stack).and_then(|(key, name)| output(&key, name));
        known.map_or(Worth::Open, Worth::Value)
    });
    value
}
