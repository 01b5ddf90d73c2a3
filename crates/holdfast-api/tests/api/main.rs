//! The API over a store in memory, a fake loop and two small kinds. Every answer is held against the OpenAPI document.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod approve;
mod bad_input;
mod conditional;
mod dashboard;
mod declare;
mod events;
mod guard;
mod holds;
mod kinds;
mod openapi;
mod plan;
mod preflight;
mod problems;
mod read;
mod reference;
mod server;
mod steer;
mod support;
mod teardown;
mod why;
