//! The built binary on its own simulated AWS: what a person types, and what a careless client sends.

mod bad_input;
mod cli;
mod image;
mod openapi;
mod store;

use anyhow::Result;
use holdfast_tests::server::{Server, binary};
use std::process::Command;

/// `holdfast serve --simulate` with a store of its own.
fn simulated(folder: &tempfile::TempDir) -> Result<Server> {
    let mut command = Command::new(binary()?);
    command.args(["serve", "--simulate", "--listen", "127.0.0.1:0", "--sweep-interval", "1s", "--store"]);
    command.arg(format!("sqlite://{}", folder.path().join("holdfast.db").display()));
    // The simulated AWS ends with the process, and what it held is made anew at once.
    command.env("HOLDFAST_SAFETY_SETTLE", "0s");
    Server::spawn(command)
}
