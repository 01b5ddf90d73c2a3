//! The engine against the simulated AWS, with toy kinds and with the real ones.

#[path = "../../../holdfast-sim/src/toys.rs"]
mod toys;

mod bench;
mod crash;
mod faults;
mod incidents_owners;
mod life;
mod loops;
mod real;
mod scale;
mod seeds;
