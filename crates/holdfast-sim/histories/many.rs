//! Many histories on all cores, and what is left of one that breaks a law.

use crate::history::{History, Step, name_of};
use crate::material::Material;
use crate::run::{Told, run};
use anyhow::Result;
use holdfast_sim::laws::Violation;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sums over many histories.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) seeds: u64,
    pub(crate) steps: u64,
    pub(crate) passes: u64,
    pub(crate) writes: u64,
    pub(crate) checks: u64,
    pub(crate) deaths: u64,
    /// Seeds that were run twice, and left the same trace.
    pub(crate) replayed: u64,
    pub(crate) kinds: BTreeSet<String>,
    pub(crate) broken: Vec<(u64, Violation)>,
}

/// What a history came to; a panic breaks a law of its own.
pub(crate) fn judged(history: &History, material: &Material) -> Told {
    let ran = catch_unwind(AssertUnwindSafe(|| run(history, material, None)));
    let failed = |what: String| Told { broken: vec![(0, Violation::new("run", what))], ..Told::default() };
    match ran {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => failed(format!("{error:#}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            failed(format!("panicked: {}", text.unwrap_or_default()))
        }
    }
}

/// Runs the histories of these seeds until they are done, the time is up, or `most` have broken a law. Each `replay`th
/// is run twice.
pub(crate) fn run_all(
    seeds: (u64, u64),
    limit: Option<Duration>,
    threads: usize,
    replay: u64,
    most: usize,
) -> Result<Sums> {
    let (next, began) = (AtomicU64::new(seeds.0), Instant::now());
    let sums = Mutex::new(Sums::default());
    let material = Material::read()?;
    let locked = || sums.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let late = limit.is_some_and(|limit| began.elapsed() > limit);
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if late || seed >= seeds.1 || locked().broken.len() >= most {
                return;
            }
            let history = History::of(seed, &material);
            let told = judged(&history, &material);
            let again = seed.is_multiple_of(replay.max(1)).then(|| judged(&History::of(seed, &material), &material));
            let mut sums = locked();
            sums.seeds += 1;
            sums.steps += history.steps.len() as u64;
            sums.passes += told.passes;
            sums.writes += told.writes;
            sums.checks += told.checks;
            sums.deaths += told.deaths;
            sums.kinds.extend(told.kinds);
            let first = told.broken.into_iter().next();
            sums.broken.extend(first.map(|(_, violation)| (seed, violation)));
            if let Some(again) = again {
                sums.replayed += 1;
                let differs = holdfast_sim::laws::same_trace(seed, told.trace, again.trace);
                sums.broken.extend(differs.into_iter().map(|violation| (seed, violation)));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    Ok(sums.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The smallest history found that breaks the same law: with fewer steps, then with fewer resources.
pub(crate) fn shrunk(history: &History, law: &str, material: &Material) -> (History, BTreeSet<String>) {
    let breaks = |h: &History| judged(h, material).broken.iter().any(|(_, v)| v.law == law);
    let mut small = history.clone();
    let mut chunk = small.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < small.steps.len() {
            let left: Vec<(usize, Step)> = small
                .steps
                .iter()
                .enumerate()
                .filter(|(i, _)| *i < at || *i >= at + chunk)
                .map(|(_, s)| s.clone())
                .collect();
            let kept: BTreeSet<usize> = left.iter().map(|(n, _)| *n).collect();
            let tried = small.only(&kept);
            if breaks(&tried) {
                small = tried;
            } else {
                at += chunk;
            }
        }
        if chunk == 1 {
            break;
        }
        chunk = chunk.div_ceil(2);
    }
    let mut gone = BTreeSet::new();
    // What is named by others can go when they have gone.
    loop {
        let before = gone.len();
        for name in history.start.resources.iter().map(name_of) {
            let tried: BTreeSet<String> = gone.iter().cloned().chain([name]).collect();
            let without = small.without(&tried);
            let valid = !without.start.resources.is_empty()
                && tried.len() > gone.len()
                && crate::draft::Drafts::new(&without).now.check(material).is_ok();
            if valid && breaks(&without) {
                gone = tried;
            }
        }
        if gone.len() == before {
            break;
        }
    }
    (small.without(&gone), gone)
}
