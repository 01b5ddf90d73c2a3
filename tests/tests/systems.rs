//! The five example systems against AWS implementations that others wrote, over real HTTP: from nothing to in sync, silent,
//! healed of whatever others did, and torn down to nothing.

use anyhow::{Result, ensure};
use holdfast_tests::emulator::Backend;
use holdfast_tests::figures::resident;
use holdfast_tests::system::System;
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "figures are printed; that is what they are for")]
fn whole_life(names: &[&str], backend: Backend) -> Result<()> {
    let mut system = System::begin(names, backend)?;
    let started = Instant::now();
    system.apply()?;
    let (built, calls, writes) = (started.elapsed(), system.proxy.total(), system.proxy.written());
    let (resources, kinds) = system.declared();
    system.is_silent()?;
    let memory = resident(system.server.pid())?;
    let healed = system.is_healed()?;
    // ministack does not take all of them.
    let least = if matches!(backend, Backend::Moto) { 10 } else { 6 };
    ensure!(healed >= least, "only {healed} changes could be made");
    system.is_silent()?;
    let gone = system.is_torn_down()?;
    ensure!(gone == resources, "{gone} of {resources} things were deleted");
    println!(
        "{names:?} on {backend:?}: {resources} resources of {} kinds; from nothing to in sync in {:.1} s with {calls} calls, \
         {writes} of them writes; {memory} MB; {healed} changes healed",
        kinds.len(),
        built.as_secs_f64()
    );
    Ok(())
}

macro_rules! systems {
    ($($test:ident: $name:literal on $backend:ident;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            whole_life(&[$name], Backend::$backend)
        }
    )*};
}

systems! {
    accurate_video_lives_and_goes_on_moto: "accurate-video" on Moto;
    gifmachine_lives_and_goes_in_two_regions_on_moto: "gifmachine" on Moto;
    videoshare_lives_and_goes_on_moto: "videoshare" on Moto;
    datavault_lives_and_goes_on_moto: "datavault" on Moto;
    es_lives_and_goes_with_an_instance_registered_by_hand_on_moto: "es" on Moto;
    accurate_video_lives_and_goes_on_ministack: "accurate-video" on Ministack;
    gifmachine_lives_and_goes_in_two_regions_on_ministack: "gifmachine" on Ministack;
    videoshare_lives_and_goes_on_ministack: "videoshare" on Ministack;
    datavault_lives_and_goes_on_ministack: "datavault" on Ministack;
}

#[test]
fn all_five_systems_live_and_go_together_in_one_process_on_moto() -> Result<()> {
    whole_life(&["accurate-video", "datavault", "es", "gifmachine", "videoshare"], Backend::Moto)
}
