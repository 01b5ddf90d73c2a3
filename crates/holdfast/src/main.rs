//! Holdfast keeps AWS accounts in the state their owners declared.
//!
//! The binary: configuration, wiring, and the command line. It decides nothing about AWS.

mod args;
mod aws;
mod client;
mod commands;
mod config;
mod demo;
mod disk;
mod duration;
mod failure;
mod output;
#[cfg(test)]
mod reference;
mod serve;
mod wiring;
mod workshop;

use anyhow::Result;
use args::{Cli, Command, ConfigCommand};
use clap::{CommandFactory, Parser};
use client::Client;
use commands::{approve, declare, doctor, explain, look, steer, store, wait, why};
use failure::{Ending, Failure};
use std::process::ExitCode;

/// Passes allocate and free many small things, and long-lived servers have to give memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return misread(&e),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            output::talk(format!("error: cannot start the runtime: {e}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Differences | Ending::Damaged) => ExitCode::from(2),
        Err(e) => {
            output::talk(format!("error: {e:#}"));
            ExitCode::from(e.downcast_ref::<Failure>().map_or(1, Failure::code))
        }
    }
}

/// Help and version are what was asked for. A wrong command line is an error like any other: 2 says that there are
/// differences, and a script that mistyped an option must not read that.
fn misread(error: &clap::Error) -> ExitCode {
    // Words that nobody can hear are no reason to fail.
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn run(cli: Cli) -> Result<Ending> {
    let how = cli.client.output;
    let client = Client::new(&cli.client)?;
    match cli.command {
        Command::Serve(args) => serve::serve(&args).await,
        Command::Demo(args) => demo::demo(&args).await,
        Command::Validate(args) => declare::validate(how, &args),
        Command::Plan(args) => declare::plan(&client, how, &args).await,
        Command::Diff(args) => approve::diff(&client, how, &args).await,
        Command::Approve(args) => approve::approve(&client, how, &args).await,
        Command::Apply(args) => declare::apply(&client, how, &args).await,
        Command::Get(args) => look::get(&client, how, &args).await,
        Command::Describe(arg) => look::describe(&client, how, &arg.resource).await,
        Command::Drift(args) => look::drift(&client, how, &args).await,
        Command::Why(args) => why::why(&client, how, &args).await,
        Command::History(arg) => look::history(&client, how, &arg.resource).await,
        Command::Events(args) => look::events(&client, how, &args).await,
        Command::Scopes => look::scopes(&client, how).await,
        Command::Reconcile(args) => steer::reconcile(&client, how, &args).await,
        Command::Pause(args) => steer::pause(&client, how, &args).await,
        Command::Resume(args) => steer::resume(&client, how, &args).await,
        Command::Adopt(args) => why::adopt(&client, how, &args).await,
        Command::Delete(args) => steer::delete(&client, how, &args).await,
        Command::Wait(args) => wait::wait(&client, how, &args).await,
        Command::Explain { field } => explain::explain(how, &field),
        Command::Schema { kind } => explain::schema(how, kind.as_deref()),
        Command::Doctor { health } => doctor::doctor(&client, how, health).await,
        Command::Store { what } => store::run(how, &what),
        Command::Config { what: ConfigCommand::Show(args) } => serve::show_config(how, &args),
        Command::Config { what: ConfigCommand::Token } => serve::make_token(how),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "holdfast", &mut script);
            output::line(String::from_utf8_lossy(&script).trim_end())?;
            Ok(Ending::Fine)
        }
    }
}
