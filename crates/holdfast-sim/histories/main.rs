//! Histories by seed: the engine and the store as in production over the simulated AWS, in virtual time.
//!
//! A seed draws documents, faults, crashes and other actors; the laws are held against every step; the same seed leaves
//! the same trace. `cargo xtask sim` runs it.

mod boundary;
mod cloud;
mod draft;
mod history;
mod many;
mod material;
mod operations;
mod person;
mod plans;
mod run;
mod scenario;
mod scene;
mod sight;
#[cfg(test)]
mod tests;
mod watch;
mod weather;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use history::{History, name_of};
use material::Material;
use plans::Sort;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

// As in the product; a fifth of a history is its memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs histories by seed.
#[derive(Parser)]
struct Cli {
    /// One history, step by step
    #[arg(long)]
    seed: Option<u64>,
    /// With these steps only, by number
    #[arg(long, requires = "seed", value_delimiter = ',')]
    steps: Option<Vec<usize>>,
    /// Without these resources, each Kind/name
    #[arg(long, requires = "seed", value_delimiter = ',')]
    without: Vec<String>,
    /// Many histories, such as 1..10000; the last one is left out
    #[arg(long, value_parser = range)]
    seeds: Option<(u64, u64)>,
    /// Every place at which a process may die, of every scenario, and pairs of them in strides of so many places
    #[arg(long)]
    crashes: Option<u64>,
    /// The answer of every write of every scenario, lost
    #[arg(long)]
    answers: bool,
    /// Only scenarios whose name contains this
    #[arg(long, default_value = "")]
    of: String,
    /// No longer than so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// Threads; as many as there are cores if not given
    #[arg(long)]
    threads: Option<usize>,
    /// Every so manieth history is run twice, and has to leave the same trace
    #[arg(long, default_value_t = 50)]
    replay: u64,
    /// Ends when so many histories have broken a law
    #[arg(long, default_value_t = 1)]
    most: usize,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("write it as FROM..TO")?;
    let number = |n: &str| n.parse::<u64>().map_err(|e| e.to_string());
    Ok((number(from)?, number(to)?))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    quiet_panics();
    let done = match (cli.seed, cli.seeds, cli.crashes) {
        (Some(seed), ..) => one(seed, &cli),
        (None, Some(seeds), _) => many(seeds, &cli),
        (None, None, Some(stride)) => all_plans(Sort::Crashes { stride }, &cli),
        (None, None, None) if cli.answers => all_plans(Sort::Answers, &cli),
        (None, None, None) => Err(anyhow!("say --seed N, --seeds FROM..TO, --crashes STRIDE or --answers")),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // There is nobody else to tell if nobody listens.
    let _ = say(&format!("{error:#}"));
    ExitCode::FAILURE
}

/// A panic that belongs to a history is caught by the engine and says nothing here.
fn quiet_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let simulated = panic.payload_as_str().is_some_and(|text| text.starts_with("simulated panic"));
        if !simulated {
            before(panic);
        }
    }));
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").context("nobody listens")
}

fn one(seed: u64, cli: &Cli) -> Result<()> {
    let material = Material::read()?;
    let mut history = History::of(seed, &material);
    if let Some(steps) = &cli.steps {
        history = history.only(&steps.iter().copied().collect());
    }
    let without: BTreeSet<String> = cli.without.iter().cloned().collect();
    history = history.without(&without);
    let names: Vec<String> = history.start.resources.iter().map(name_of).collect();
    say(&format!("seed {seed}: {}", names.join(" ")))?;
    let told = run::run(
        &history,
        &material,
        Some(&mut |step, trace| {
            // A reader who has gone away is no reason to stop.
            let _ = say(&format!("{trace:016x} {step}"));
        }),
    )?;
    say(&format!("seed {seed} trace {:016x}: {} passes, {} writes", told.trace, told.passes, told.writes))?;
    broken(told.broken.iter().map(|(step, v)| (step, v.law, v.what.as_str())))
}

fn broken<'v>(all: impl Iterator<Item = (&'v usize, &'static str, &'v str)>) -> Result<()> {
    let told: Vec<String> = all
        .map(|(step, law, what)| {
            let place = if *step == run::END { "at the end".to_owned() } else { format!("at step {step}") };
            format!("{law} is broken {place}: {what}")
        })
        .collect();
    if told.is_empty() { Ok(()) } else { bail!("{}", told.join("\n")) }
}

fn threads(cli: &Cli) -> usize {
    cli.threads.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(2)
}

/// So many of a hundred scenarios may ask for what AWS cannot be brought to: a smaller disk, a database that is protected.
const MOST_LEFT_OUT: usize = 2;

fn all_plans(sort: Sort, cli: &Cli) -> Result<()> {
    let began = Instant::now();
    let sums = plans::run_all(sort, threads(cli), &cli.of)?;
    for (name, why) in &sums.left_out {
        say(&format!("left out: {name}: {why}"))?;
    }
    for (name, violation) in &sums.broken {
        say(&format!("{name}: {} is broken: {}", violation.law, violation.what))?;
    }
    say(&format!(
        "{} plans in {:.1} s: {} scenarios, {} plans with one interruption ({} with a call that comes late), {} pairs, {} actions of kinds \
         with their answer lost, {} left out, {} violations",
        sums.single + sums.pairs,
        began.elapsed().as_secs_f64(),
        sums.scenarios,
        sums.single,
        sums.late,
        sums.pairs,
        sums.lost.len(),
        sums.left_out.len(),
        sums.broken.len(),
    ))?;
    if cli.of.is_empty() && sums.left_out.len() * 100 > sums.scenarios * MOST_LEFT_OUT {
        bail!("more than {MOST_LEFT_OUT} % of the scenarios do not come to rest even undisturbed");
    }
    if sort == Sort::Answers && cli.of.is_empty() {
        let left = operations::uncovered(&holdfast_kinds::registry(), &sums.lost)?;
        if !left.is_empty() {
            bail!("not every write of every kind lost its answer:\n{}", left.join("\n"));
        }
    }
    if sums.broken.is_empty() { Ok(()) } else { bail!("{} plans broke a law", sums.broken.len()) }
}

fn many(seeds: (u64, u64), cli: &Cli) -> Result<()> {
    let threads = threads(cli);
    let (began, limit) = (Instant::now(), cli.minutes.map(|m| Duration::from_secs(60 * m)));
    let sums = many::run_all(seeds, limit, threads, cli.replay, cli.most)?;
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "{} seeds in {seconds:.1} s ({:.0} a second), {} steps, {} passes, {} deaths, {} writes, {} checks of the laws, {} kinds; {} run twice",
        sums.seeds,
        sums.seeds as f64 / seconds,
        sums.steps,
        sums.passes,
        sums.deaths,
        sums.writes,
        sums.checks,
        sums.kinds.len(),
        sums.replayed,
    ))?;
    let material = Material::read()?;
    for (seed, violation) in &sums.broken {
        say(&format!("seed {seed}: {} is broken: {}", violation.law, violation.what))?;
    }
    for (seed, violation) in sums.broken.iter().take(3) {
        let (small, gone) = many::shrunk(&History::of(*seed, &material), violation.law, &material);
        let steps: Vec<String> = small.steps.iter().map(|(n, _)| n.to_string()).collect();
        let gone: Vec<String> = gone.into_iter().collect();
        let without = if gone.is_empty() { String::new() } else { format!(" --without {}", gone.join(",")) };
        say(&format!("  cargo xtask sim --seed {seed} --steps={}{without}", steps.join(",")))?;
    }
    if sums.broken.is_empty() { Ok(()) } else { bail!("{} of {} seeds broke a law", sums.broken.len(), sums.seeds) }
}
