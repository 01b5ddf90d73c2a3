//! The engine against the simulated AWS, with toy kinds and with the real ones.

#[path = "../../../holdfast-sim/src/toys.rs"]
mod toys;

mod accounts;
mod adopt;
mod approve;
mod bench;
mod buckets;
mod crash;
mod examples;
mod faults;
mod following;
mod guards;
mod incidents;
mod incidents_growth;
mod incidents_guards;
mod incidents_owners;
mod life;
mod lookups;
mod loops;
mod paced;
mod preflight;
mod real;
mod replacements;
mod scale;
mod seeds;
mod survive;
mod systems;
mod untagged;
