//! Crash plans: every place of every scenario at which a process may die, then pairs of them; and the answer of every
//! write lost, one at a time.

use crate::boundary::{Gate, Late, Place};
use crate::cloud::look;
use crate::material::Material;
use crate::run::wait_for;
use crate::scenario::{Scenario, Work, settle, undisturbed};
use crate::scene::Scene;
use crate::sight::Sight;
use crate::watch::{Calm, Watch, ended};
use anyhow::Result;
use holdfast_sim::laws::{self, Violation};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Sums over many plans.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) scenarios: usize,
    /// Plans with one interruption.
    pub(crate) single: usize,
    /// Of them, those whose call comes to AWS after the next process has looked.
    pub(crate) late: usize,
    pub(crate) pairs: usize,
    /// Kinds and actions whose answers were lost.
    pub(crate) lost: BTreeSet<(&'static str, String)>,
    /// Scenarios that do not come to rest even undisturbed, with why.
    pub(crate) left_out: Vec<(String, String)>,
    pub(crate) broken: Vec<(String, Violation)>,
}

/// A process that dies, and whether what it had sent comes to AWS after all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) place: u64,
    pub(crate) late: bool,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Where the first process died; none if it did not.
    at: Option<Place>,
    /// True if every process died that was to.
    all_died: bool,
    lost: BTreeSet<(&'static str, String)>,
    broken: Vec<Violation>,
}

impl Ended {
    /// Where the first process died.
    #[cfg(test)]
    pub(crate) fn place(&self) -> Option<Place> {
        self.at
    }
    /// True if no law was broken.
    #[cfg(test)]
    pub(crate) fn is_lawful(&self) -> bool {
        self.broken.is_empty()
    }
}

/// Which plans are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Every place; and pairs, in so many strides.
    Crashes { stride: u64 },
    /// Every write's answer.
    Answers,
}

/// Runs one plan in a time of its own.
pub(crate) fn plan(scenario: &Scenario, material: &Material, deaths: &[Death], lose: Option<u64>) -> Ended {
    let ran = catch_unwind(AssertUnwindSafe(|| -> Result<Ended> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(follow(scenario, material, deaths, lose))
    }));
    let failed = |what: String| Ended { broken: vec![Violation::new("run", what)], ..Ended::default() };
    match ran {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => failed(format!("{error:#}")),
        Err(_) => failed("it panicked".to_owned()),
    }
}

async fn follow(scenario: &Scenario, material: &Material, deaths: &[Death], lose: Option<u64>) -> Result<Ended> {
    let mut scene = scenario.prepared(material).await?;
    let mut watch = Watch::default();
    if matches!(scenario.work, Work::Adopt(_)) {
        watch.asked_for(&scene);
    }
    look(&scene.onlooker).alone = true;
    let mut end = Ended { all_died: true, ..Ended::default() };
    let mut late: Vec<Late> = Vec::new();
    for death in deaths {
        let gate = Gate::at(death.place);
        scene.start(&gate)?;
        die(&scene, &gate).await;
        end.all_died &= gate.is_reached();
        end.at = end.at.or(gate.place());
        arrive(&scene, &mut late).await;
        late.extend(gate.late().into_iter().filter(|_| death.late));
        scene.forget_gone()?;
        undisturbed(&mut scene)?;
        end.broken.extend(watch.check(&scene, Calm::No)?);
    }
    if let Some(write) = lose {
        scene.start(&Gate::losing(write))?;
    }
    if !late.is_empty() {
        scene.pass().await?;
        arrive(&scene, &mut late).await;
    }
    settle(&mut scene).await?;
    end.broken.extend(watch.check(&scene, Calm::No)?);
    rests(&mut scene, &mut end.broken).await?;
    end.broken.extend(watch.check(&scene, Calm::No)?);
    end.lost = std::mem::take(&mut look(&scene.onlooker).lost);
    Ok(end)
}

/// What was on its way comes to AWS.
async fn arrive(scene: &Scene, late: &mut Vec<Late>) {
    for one in late.drain(..) {
        one.arrive(&scene.sim).await;
    }
}

async fn die(scene: &Scene, gate: &std::sync::Arc<Gate>) {
    for _ in 0..12 {
        let Some(engine) = scene.engine.clone() else { return };
        let mut pass = std::pin::pin!(engine.pass(&scene.scope));
        match wait_for(gate, pass.as_mut()).await {
            None => return,
            Some(Ok(report)) if report.next.is_none() && report.changed == 0 => return,
            Some(_) => scene.wait(2).await,
        }
    }
}

/// Everything is as declared, nothing is written any more, and every intent has an outcome.
async fn rests(scene: &mut Scene, broken: &mut Vec<Violation>) -> Result<()> {
    let live = scene.sim.live(&scene.scope);
    broken.extend(laws::reached(&Sight::of(scene, &live)?.told()));
    let going = scene.declared.iter().filter(|(_, d)| d.fate != holdfast_core::plan::Fate::Keep);
    broken.extend(going.map(|(key, _)| Violation::new("V3", format!("{key} is still there"))));
    let since = scene.sim.newest_call();
    for _ in 0..2 {
        scene.wait(60).await;
        scene.pass().await?;
    }
    broken.extend(laws::silent(&scene.sim.calls_since(since), since));
    broken.extend(ended(scene)?);
    Ok(())
}

/// Runs all plans of a sort on all cores.
pub(crate) fn run_all(sort: Sort, threads: usize, filter: &str) -> Result<Sums> {
    let material = Material::read()?;
    // Other declarations of a kind come to the same places; they are for the writes that only they have.
    let mut scenarios = Scenario::all(&material, filter, sort == Sort::Answers);
    // The long ones first: they end last.
    scenarios.sort_by_key(|s| !s.is_stack());
    let (next, sums) = (AtomicUsize::new(0), Mutex::new(Sums::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let own = of_scenario(scenario, &material, sort);
                    sums.lock().unwrap_or_else(PoisonError::into_inner).add(own);
                }
            });
        }
    });
    Ok(sums.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.scenarios += other.scenarios;
        self.single += other.single;
        self.late += other.late;
        self.pairs += other.pairs;
        self.lost.extend(other.lost);
        self.left_out.extend(other.left_out);
        self.broken.extend(other.broken);
    }

    fn took(&mut self, name: String, ended: &Ended) {
        self.lost.extend(ended.lost.iter().cloned());
        self.broken.extend(ended.broken.iter().take(1).map(|violation| (name.clone(), violation.clone())));
    }
}

fn of_scenario(scenario: &Scenario, material: &Material, sort: Sort) -> Sums {
    let mut sums = Sums::default();
    let calm = plan(scenario, material, &[], None);
    if let Some(why) = calm.broken.first() {
        let why = format!("{}: {}", why.law, why.what);
        sums.left_out.push((scenario.name.clone(), why));
        return sums;
    }
    sums.scenarios = 1;
    match sort {
        Sort::Answers => answers(scenario, material, &mut sums),
        Sort::Crashes { stride } => crashes(scenario, material, stride, &mut sums),
    }
    sums
}

fn answers(scenario: &Scenario, material: &Material, sums: &mut Sums) {
    for write in 0.. {
        let ended = plan(scenario, material, &[], Some(write));
        if ended.lost.is_empty() && ended.broken.is_empty() {
            return;
        }
        sums.single += 1;
        sums.took(format!("{}, the answer of write {write} lost", scenario.name), &ended);
    }
}

fn crashes(scenario: &Scenario, material: &Material, stride: u64, sums: &mut Sums) {
    let name = |deaths: &[Death]| {
        let places: Vec<String> =
            deaths.iter().map(|d| format!("{}{}", d.place, if d.late { " late" } else { "" })).collect();
        format!("{}, dead at {}", scenario.name, places.join(" and "))
    };
    let mut places = 0;
    loop {
        let deaths = [Death { place: places, late: false }];
        let ended = plan(scenario, material, &deaths, None);
        if ended.at.is_none() && ended.broken.is_empty() {
            break;
        }
        sums.single += 1;
        sums.took(name(&deaths), &ended);
        if ended.at == Some(Place::Sent) {
            let deaths = [Death { place: places, late: true }];
            sums.single += 1;
            sums.late += 1;
            sums.took(name(&deaths), &plan(scenario, material, &deaths, None));
        }
        places += 1;
    }
    if stride == 0 || scenario.is_stack() {
        return;
    }
    for first in (0..places).step_by(stride as usize) {
        for second in (0..places).step_by(stride as usize) {
            let late = (first + second) % 2 == 1;
            let deaths = [Death { place: first, late }, Death { place: second, late: false }];
            let ended = plan(scenario, material, &deaths, None);
            if ended.all_died || !ended.broken.is_empty() {
                sums.pairs += 1;
                sums.took(name(&deaths), &ended);
            }
        }
    }
}
