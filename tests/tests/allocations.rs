//! How much a pass that finds nothing allocates. A count does not hang on the allocator, so this one only counts.

use anyhow::{Result, ensure};
use holdfast_tests::mix::cell;
use holdfast_tests::report::{Report, plain};
use holdfast_tests::simulated::Simulated;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

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
