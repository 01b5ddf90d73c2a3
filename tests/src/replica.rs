//! One replica's share of a very large estate, on virtual time: many scopes, the real engine and store, AWS simulated,
//! each sweep taking the calls and the time that it takes in AWS, inside AWS's buckets.

use crate::around::{Around, Bystander};
use crate::figures::thread_cpu;
use crate::mix::{CELL, calls_of_a_light_sweep, cell};
use crate::simulated::store_of;
use crate::standin::Refuser;
use anyhow::{Result, ensure};
use async_trait::async_trait;
use holdfast_core::cloud::{CallOutcome, Meter};
use holdfast_core::kind::Registry;
use holdfast_core::name::Scope;
use holdfast_engine::{Budgets, Engine, EngineOptions, EngineSettings, Undisturbed};
use holdfast_sim::{SimClock, SimCloud};
use holdfast_store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long AWS takes to answer a call.
const LATENCY: Duration = Duration::from_millis(40);

/// How large a share is.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Accounts × regions.
    pub scopes: usize,
    /// Resources in each, in cells of the mix.
    pub cells: usize,
    /// Time between sweeps of a scope.
    pub interval: Duration,
}

/// What an hour of it took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hour {
    /// Sweeps of all scopes.
    pub sweeps: u64,
    /// AWS calls.
    pub calls: u64,
    /// Calls that a bucket of AWS's would have refused.
    pub refused: u64,
    /// The longest time from the end of a scope's sweep to the end of its next one.
    pub oldest: Duration,
    /// CPU of engine, store and simulation.
    pub cpu: Duration,
}

/// What a call costs in AWS.
struct Price {
    budgets: Arc<Budgets>,
    aws: Refuser,
    cells: u64,
    calls: AtomicU64,
    refused: AtomicU64,
    /// When each scope's last sweep ended, and the longest time between two.
    ended: Mutex<(BTreeMap<Scope, Instant>, Duration)>,
    is_counted: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Price {
    async fn pay(&self, scope: &Scope) {
        let lines = calls_of_a_light_sweep(self.cells).into_iter().map(|(service, operation, count)| async move {
            for _ in 0..count {
                self.budgets.acquire(scope, service, operation).await;
                let granted = self.aws.takes(&scope.to_string(), service, operation, Instant::now().into_std());
                tokio::time::sleep(LATENCY).await;
                let outcome = if granted { CallOutcome::Answered } else { CallOutcome::Throttled };
                self.budgets.finished(scope, service, operation, outcome);
                self.calls.fetch_add(1, Ordering::Relaxed);
                self.refused.fetch_add(u64::from(!granted), Ordering::Relaxed);
            }
        });
        futures::future::join_all(lines).await;
    }
}

#[async_trait]
impl Bystander for Price {
    async fn before(&self, scope: &Scope) {
        if *lock(&self.is_counted) {
            self.pay(scope).await;
            let (ended, now) = (&mut *lock(&self.ended), Instant::now());
            if let Some(before) = ended.0.insert(scope.clone(), now) {
                ended.1 = ended.1.max(now - before);
            }
        }
    }
}

/// A share whose every resource is in sync.
pub struct Replica {
    share: Share,
    priced: Arc<Around<Price>>,
    options: EngineOptions,
}

impl Replica {
    /// Declares and builds all of it, which takes no virtual time. Has to be called on tokio's paused time.
    pub async fn grown(share: Share, file: &Path) -> Result<Self> {
        let (registry, started): (Arc<Registry>, _) = (Arc::new(holdfast_kinds::registry()), Instant::now());
        let epoch = SimClock::default().now();
        let now = move || epoch + started.elapsed();
        let (clock, store, budgets) = (SimClock::following(now), store_of(file)?, Arc::new(Budgets::new()));
        let scopes: Vec<Scope> = (0..share.scopes).map(place).collect();
        declare(&store, &registry, &scopes, share, &clock)?;
        let price = Price {
            budgets: Arc::clone(&budgets),
            aws: Refuser::default(),
            cells: share.cells as u64,
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            ended: Mutex::default(),
            is_counted: Mutex::new(false),
        };
        let priced = Arc::new(Around { cloud: SimCloud::new(Arc::clone(&registry), clock, 1), by: price });
        let options = EngineOptions {
            store,
            cloud: Arc::clone(&priced) as _,
            registry,
            clock: Arc::new(now),
            budgets,
            settings: EngineSettings { sweep_interval: share.interval, ..EngineSettings::default() },
            process: "replica".to_owned(),
            boundaries: Arc::new(Undisturbed),
        };
        let engine = Engine::idle(options.clone());
        for scope in &scopes {
            settle(&engine, scope).await?;
        }
        *lock(&priced.by.is_counted) = true;
        Ok(Self { share, priced, options })
    }

    /// Lets the loop run for that long, an hour or less.
    pub async fn run(&self, time: Duration) -> Result<Hour> {
        let (calls, used) = (self.priced.by.calls.load(Ordering::Relaxed), thread_cpu()?);
        let engine = Engine::start(self.options.clone())?;
        tokio::time::sleep(time).await;
        let cpu = thread_cpu()?.saturating_sub(used);
        let sweeps: u64 = engine.tallies().values().map(|t| t.passes).sum();
        ensure!(lock(&self.priced.by.ended).0.len() == self.share.scopes, "some scope was never swept");
        let oldest = lock(&self.priced.by.ended).1;
        let hour = Hour {
            sweeps,
            calls: self.priced.by.calls.load(Ordering::Relaxed) - calls,
            refused: self.priced.by.refused.load(Ordering::Relaxed),
            oldest,
            cpu,
        };
        engine.shutdown(Duration::from_secs(60)).await;
        Ok(hour)
    }

    /// How many resources it has.
    pub fn resources(&self) -> usize {
        self.share.scopes * self.share.cells * CELL
    }
}

fn declare(store: &Store, registry: &Registry, scopes: &[Scope], share: Share, clock: &SimClock) -> Result<()> {
    for (n, scope) in scopes.iter().enumerate() {
        for c in 0..share.cells {
            let stack = cell(n * share.cells + c, 42, &scope.region);
            crate::simulated::declare(store, registry, &stack, clock.now(), &scope.account)?;
        }
    }
    Ok(())
}

async fn settle(engine: &Engine, scope: &Scope) -> Result<()> {
    for _ in 0..80 {
        let report = engine.pass(scope).await?;
        if report.planned == 0 && report.next.is_none() {
            return Ok(());
        }
        tokio::time::sleep(report.next.unwrap_or(Duration::from_secs(1))).await;
    }
    anyhow::bail!("{scope} did not come to rest")
}

/// The regions of an AWS account that nobody has to opt in to.
const REGIONS: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
];

fn place(n: usize) -> Scope {
    Scope::new(format!("account-{:03}", n / REGIONS.len()), REGIONS[n % REGIONS.len()])
}
