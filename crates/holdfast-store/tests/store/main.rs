//! The store from outside: sentences that any backend must satisfy, laws, damage, crashes, speed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod damage;
mod fixture;
mod laws;
mod pages;
mod renewed;
mod sentences;
mod shelf;
mod speed;
mod upkeep;
