//! The five example systems against AWS implementations that others wrote, over real HTTP: from nothing to in sync, silent,
//! healed of whatever others did, and torn down to nothing.

use anyhow::{Result, ensure};
use holdfast_tests::emulator::Backend;
use holdfast_tests::system::System;

fn whole_life(name: &str, backend: Backend) -> Result<()> {
    let mut system = System::begin(name, backend)?;
    system.apply()?;
    let (resources, kinds) = system.declared();
    system.is_silent()?;
    let healed = system.is_healed()?;
    ensure!(healed >= 6, "only {healed} changes could be made");
    system.is_silent()?;
    let calls = system.proxy.total();
    let gone = system.is_torn_down()?;
    ensure!(gone == resources, "{gone} of {resources} things were deleted");
    println!(
        "{name} on {backend:?}: {resources} resources of {} kinds, {healed} changes healed, {calls} calls",
        kinds.len()
    );
    Ok(())
}

macro_rules! systems {
    ($($test:ident: $name:literal on $backend:ident;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            whole_life($name, Backend::$backend)
        }
    )*};
}

systems! {
    accurate_video_lives_and_goes_on_moto: "accurate-video" on Moto;
    gifmachine_lives_and_goes_in_two_regions_on_moto: "gifmachine" on Moto;
    videoshare_lives_and_goes_on_moto: "videoshare" on Moto;
    datavault_lives_and_goes_on_moto: "datavault" on Moto;
    accurate_video_lives_and_goes_on_ministack: "accurate-video" on Ministack;
    gifmachine_lives_and_goes_in_two_regions_on_ministack: "gifmachine" on Ministack;
    videoshare_lives_and_goes_on_ministack: "videoshare" on Ministack;
    datavault_lives_and_goes_on_ministack: "datavault" on Ministack;
}
