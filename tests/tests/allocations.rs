//! How much a pass that finds nothing allocates, and what is kept of a resource between passes. A count does not hang on
//! the allocator, so this one only counts.

use anyhow::{Result, ensure};
use holdfast_core::name::Scope;
use holdfast_store::{Location, Store};
use holdfast_tests::mix::cell;
use holdfast_tests::report::{Report, plain};
use holdfast_tests::simulated::Simulated;
use jiff::Timestamp;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that `work` leaves allocated for as long as its result lives, a resource.
fn left<T>(resources: usize, work: impl FnOnce() -> T) -> (T, f64) {
    let before = Region::new(ALLOCATOR);
    let result = work();
    let change = before.change();
    let bytes = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
    (result, bytes / resources as f64)
}

/// Cells of 200 resources.
const CELLS: usize = 5;

#[tokio::test]
#[ignore = "prints figures; run by cargo xtask bench"]
async fn allocations_of_a_pass_that_finds_nothing() -> Result<()> {
    const PASSES: u32 = 5;
    let folder = tempfile::tempdir()?;
    let mut world = Simulated::new(&folder.path().join("holdfast.db"))?;
    for n in 0..CELLS {
        world.declare(&cell(n, 42, holdfast_tests::REGION))?;
    }
    world.settle().await?;
    let before = Region::new(ALLOCATOR);
    for _ in 0..PASSES {
        let pass = world.pass().await?;
        ensure!(pass.planned == 0 && pass.changed == 0, "a pass at the fixed point did something: {pass:?}");
    }
    let made = before.change();
    let each = f64::from(PASSES) * world.declared() as f64;
    let mut report = Report::default();
    report.add(
        "no-op pass: allocations a resource, the simulated AWS's included",
        plain(made.allocations as f64 / each, ""),
    );
    report.add(
        "no-op pass: allocated a resource, the simulated AWS's included",
        plain(made.bytes_allocated as f64 / each, "bytes"),
    );
    report.save()
}

#[tokio::test]
#[ignore = "prints figures; run by cargo xtask bench"]
async fn bytes_that_are_kept_of_a_resource() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("holdfast.db");
    let mut world = Simulated::new(&file)?;
    for n in 0..CELLS {
        world.declare(&cell(n, 42, holdfast_tests::REGION))?;
    }
    world.settle().await?;
    let resources = world.declared();
    drop(world);
    let (store, scope) = (Store::open(&Location::File(file))?, Scope::new("default", holdfast_tests::REGION));
    let now = Timestamp::now();
    // The first use of a connection fills its page cache.
    store.scopes()?;
    let (declared, of_declared) = left(resources, || store.desired(&scope, now));
    let (remembered, of_remembered) = left(resources, || store.memories(&scope));
    let (said, of_said) = left(resources, || store.statuses(&scope));
    ensure!(declared?.len() == resources && remembered?.len() == resources && said?.len() == resources);
    let mut report = Report::default();
    report.add("kept of a resource: what is declared", plain(of_declared, "bytes"));
    report.add("kept of a resource: what is remembered", plain(of_remembered, "bytes"));
    report.add("kept of a resource: what is said, outputs twice", plain(of_said, "bytes"));
    report.save()
}
