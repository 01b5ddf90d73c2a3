//! A process that dies at any moment loses nothing and doubles nothing: `serve` against moto, killed by SIGKILL two
//! hundred times in the lives of a stack, and against ministack some more: in turn at some moment, when a write has been
//! sent and has not reached AWS, and when AWS has done it and its answer is not back.
//!
//! moto takes a second load balancer of the same name and replaces a service without a word, so whatever is created
//! twice here would be seen.

use anyhow::{Context, Result, ensure};
use holdfast_tests::emulator::Backend;
use holdfast_tests::eventually;
use holdfast_tests::proxy::Moment;
use holdfast_tests::scenario::{Life, PATIENCE};
use holdfast_tests::server::told;
use holdfast_tests::things::{families_with_the_release, is_silent, is_whole, things};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often it is killed on moto; `HOLDFAST_KILLS` says another number.
const KILLS: usize = 200;

/// How often on ministack.
const KILLS_ON_THE_OTHER: usize = 40;

/// A fixed sequence that looks like chance, so that a failure can be had again.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// How often it was killed, and where.
#[derive(Debug, Default)]
struct Kills {
    anywhere: usize,
    before: usize,
    after: usize,
    at_rest: usize,
}

impl Kills {
    fn all(&self) -> usize {
        self.anywhere + self.before + self.after + self.at_rest
    }
}

/// What a process is killed for.
#[derive(Clone, Copy, PartialEq)]
enum Goal {
    /// Everything is in sync.
    Rest,
    /// Nothing is declared any more.
    Gone,
}

impl Goal {
    fn is_reached(self, resources: &[Value]) -> bool {
        let rests = |r: &Value| {
            r["status"]["phase"] == "InSync" && r["status"]["observedGeneration"] == r["metadata"]["generation"]
        };
        match self {
            Self::Rest => !resources.is_empty() && resources.iter().all(rests),
            Self::Gone => resources.is_empty(),
        }
    }
}

/// Kills the server around one of its next writes, or at rest if there is none any more, and starts it again. Answers
/// whether the goal was reached.
fn killed(life: &mut Life, moments: &mut Moments, kills: &mut Kills, goal: Goal) -> Result<bool> {
    let (nth, pause) = (1 + moments.next(3), Duration::from_millis(moments.next(12)));
    let pid = life.server.pid().to_string();
    let kill = move || _ = std::process::Command::new("kill").args(["-KILL", &pid]).status();
    let place = kills.all() % 3;
    let before = life.proxy.written();
    match place {
        0 => life.proxy.strike(nth, Moment::Before, kill),
        1 => life.proxy.strike(nth, Moment::After, kill),
        _ => {}
    }
    let (started, mut looked) = (Instant::now(), Instant::now());
    let struck = loop {
        if life.server.has_ended()? {
            break true;
        }
        if place == 2 && life.proxy.written() >= before + nth {
            std::thread::park_timeout(pause);
            break true;
        }
        ensure!(started.elapsed() < PATIENCE, "{nth} more writes did not come: {:#?}", life.server.resources("es")?);
        if looked.elapsed() > Duration::from_millis(500) {
            looked = Instant::now();
            // It may be killed while it answers.
            if life.server.resources("es").is_ok_and(|all| goal.is_reached(&all)) {
                break false;
            }
        }
        // Finer than `eventually`: a whole build-up takes less than a few of its steps.
        std::thread::park_timeout(Duration::from_millis(1));
    };
    life.proxy.spare();
    match (struck, place) {
        (false, _) => kills.at_rest += 1,
        (true, 0) => kills.before += 1,
        (true, 1) => kills.after += 1,
        (true, _) => kills.anywhere += 1,
    }
    life.restart()?;
    Ok(!struck)
}

/// Killed until there is nothing left to be killed for.
fn gets_there(life: &mut Life, moments: &mut Moments, kills: &mut Kills, goal: Goal) -> Result<()> {
    while !killed(life, moments, kills, goal)? {}
    Ok(())
}

/// One life of the stack: built up, changed twice, taken down; whole and silent after each.
fn lives(life: &mut Life, moments: &mut Moments, kills: &mut Kills) -> Result<()> {
    for n in 1..=3 {
        life.stack["spec"]["variables"]["release"] = json!(format!("{n}.0.0"));
        life.stack["spec"]["tags"] = json!({ "kills": kills.all().to_string() });
        life.server.apply(&life.stack, "")?;
        gets_there(life, moments, kills, Goal::Rest).with_context(|| format!("on the way to release {n}"))?;
        let contents = families_with_the_release(&life.stack).into_iter().map(|family| (family, n)).collect();
        is_whole(life, &contents).with_context(|| format!("at release {n}"))?;
    }
    is_silent(life)?;
    let (status, body) = life.server.call(Method::DELETE, "/v1/stacks/es?deletion=delete", None)?;
    ensure!(status < 300, "DELETE answered {status}: {body}");
    gets_there(life, moments, kills, Goal::Gone).context("during the teardown")?;
    let mut left = Vec::new();
    eventually("end of the teardown", PATIENCE, || {
        left = life.server.resources("es")?.iter().map(told).collect();
        Ok(left.is_empty().then_some(()))
    })
    .with_context(|| format!("still there:\n{}", left.join("\n")))?;
    let left = things(life)?;
    ensure!(left.is_empty(), "left after the teardown: {left:#?}");
    Ok(())
}

/// One life after another, until it was killed so often. Answers where.
fn lives_on(backend: Backend, wanted: usize) -> Result<Kills> {
    let mut life = Life::begin(backend)?;
    let (mut moments, mut kills) = (Moments(0x5EED_CAFE), Kills::default());
    while kills.all() < wanted {
        lives(&mut life, &mut moments, &mut kills).with_context(|| format!("after {kills:?}"))?;
    }
    let panicked: Vec<String> = life.all_logged().into_iter().filter(|line| line.contains("panicked")).collect();
    ensure!(panicked.is_empty(), "{panicked:#?}");
    Ok(kills)
}

#[test]
fn a_process_killed_at_any_moment_neither_loses_nor_doubles_anything() -> Result<()> {
    let wanted = std::env::var("HOLDFAST_KILLS").ok().and_then(|n| n.parse().ok());
    let kills = lives_on(Backend::Moto, wanted.unwrap_or(KILLS))?;
    println!("{} kills: {kills:?}", kills.all());
    Ok(())
}

#[test]
fn a_process_killed_on_another_aws_neither_loses_nor_doubles_anything() -> Result<()> {
    let kills = lives_on(Backend::Ministack, KILLS_ON_THE_OTHER)?;
    println!("{} kills: {kills:?}", kills.all());
    Ok(())
}
