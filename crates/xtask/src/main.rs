//! The habits: one command each, the same on a laptop and in CI.

mod bench;
mod deploy;
mod generate;
mod incidents;
mod order;
mod peers;
mod setup;
mod shell;
mod sim;
mod tidy;
mod vendor;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The habits of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    habit: Habit,
}

#[derive(Subcommand)]
enum Habit {
    /// All that must hold before a change lands: format, lints, tidy, test
    Ci,
    /// Set up what the tests need, build, and run all of them
    Test {
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// House rules that no compiler checks, and generated files that are out of date
    Tidy,
    /// Renew text expectations and generated files
    Golden,
    /// Print the figures, against the floor and against peers
    Bench(bench::Bench),
    /// Run histories by seed in simulated time: --seed N, --seeds FROM..TO [--minutes M], --crashes STRIDE, --answers
    Sim {
        /// Handed on; none means what CI runs
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Renew the order that the binary's functions are linked in; wants valgrind
    Order,
    /// Renew the dashboard's vendored modules from npm
    VendorWeb,
}

fn main() -> Result<()> {
    let root = shell::root()?;
    match Cli::parse().habit {
        Habit::Ci => {
            shell::cargo(&root, &["fmt", "--all", "--check"])?;
            shell::cargo(&root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
            tidy::check(&root)?;
            test(&root, None)
        }
        Habit::Test { filter } => test(&root, filter.as_deref()),
        Habit::Tidy => tidy::check(&root),
        Habit::Golden => {
            generate::write(&root)?;
            shell::run(
                shell::command(&root, "cargo")
                    .args(["test", "--workspace", "--no-fail-fast"])
                    .env("INSTA_UPDATE", "always"),
            )
        }
        Habit::Bench(wanted) => bench::run(&root, &wanted),
        Habit::Sim { args } if args.is_empty() => sim::ci(&root),
        Habit::Sim { args } => sim::run(&root, &args),
        Habit::Order => order::renew(&root),
        Habit::VendorWeb => vendor::renew(&root),
    }
}

/// Emulators and browser first, so that a machine that lacks something says so before the long build.
fn test(root: &std::path::Path, filter: Option<&str>) -> Result<()> {
    let tools = setup::emulators(root)?;
    let browser = setup::browser(root)?;
    tidy::check(root)?;
    // One build for all of it: another choice of packages would mean other features, and the SDK built twice.
    shell::cargo(root, &["build", "--workspace", "--all-targets"])?;
    let mut tests = shell::command(root, "cargo");
    tests.args(["test", "--workspace", "--no-fail-fast"]).args(filter);
    let moto = setup::moto(&tools)?;
    tests.env("HOLDFAST_TEST_MOTO", &moto.url).env("HOLDFAST_TEST_ECS", &moto.url);
    tests
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    tests
        .env("HOLDFAST_MOTO", &tools.moto)
        .env("HOLDFAST_MINISTACK", &tools.ministack)
        .env("HOLDFAST_MICROBURST", &tools.microburst)
        .env("HOLDFAST_SCHEMATHESIS", &tools.schemathesis)
        .env("HOLDFAST_PYTHON", &tools.python);
    shell::run(&mut tests)?;
    if filter.is_none() {
        sim::ci(root)?;
    }
    match browser {
        setup::Browser::Here(chromium) if filter.is_none() => setup::browser_tests(root, &chromium),
        setup::Browser::Here(_) => Ok(()),
        setup::Browser::Missing(why) => {
            shell::say(&format!("browser tests not run: {why}"));
            Ok(())
        }
    }
}
