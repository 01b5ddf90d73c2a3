//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Keeps AWS accounts in the state their owners declared.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the server is, and how answers are printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClientArgs {
    /// Address of the Holdfast server
    #[arg(long, global = true, env = "HOLDFAST_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) server: String,
    /// Bearer token for the server
    #[arg(long, global = true, env = "HOLDFAST_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// How data is printed
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Columns that fit into 80 characters
    Table,
    /// More columns
    Wide,
    /// The API's own JSON
    Json,
    /// One name a line, of what was found or acted on
    Name,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the controller and its API
    Serve(ServeArgs),
    /// Show Holdfast at work on a simulated AWS; needs nothing
    Demo(DemoArgs),
    /// Check documents without a server
    Validate(FileArgs),
    /// Show what applying documents would do
    Plan(PlanArgs),
    /// Show what applying documents would change live, value by value
    Diff(PlanArgs),
    /// Declare documents
    Apply(ApplyArgs),
    /// Approve a plan that is held by policy.rollout
    Approve(ApproveArgs),
    /// List stacks, accounts or resources, or show one
    Get(GetArgs),
    /// Show all that is known of one resource
    Describe(ResourceArg),
    /// Show the drift report
    Drift(DriftArgs),
    /// Explain why a resource or one of its fields is as it is
    Why(WhyArgs),
    /// Show what happened to a resource, newest first
    History(ResourceArg),
    /// Show the event log, oldest first
    Events(EventsArgs),
    /// Look at a stack now, and try again what was refused or stuck
    Reconcile(ReconcileArgs),
    /// Hold a stack, a resource, an account's region or everything: look, report, write nothing
    Pause(PauseArgs),
    /// Let go on what was paused
    Resume(ResumeArgs),
    /// Show what adopting a resource would change, or confirm it
    Adopt(AdoptArgs),
    /// Drop a declaration, and with --deletion=delete what it made
    Delete(DeleteArgs),
    /// Wait until resources reach a phase
    Wait(WaitArgs),
    /// Show each account and region with its last sweep
    Scopes,
    /// Explain a kind or one of its fields
    Explain {
        /// Such as `Service` or `Service.networkConfiguration`
        field: String,
    },
    /// Print the JSON Schema of a kind, or of all documents
    Schema {
        /// A kind, such as `Service`
        kind: Option<String>,
    },
    /// Check this machine, the server and its AWS access
    Doctor {
        /// Only ask whether the server is alive; for health checks of containers
        #[arg(long)]
        health: bool,
    },
    /// Check, back up and restore a store; needs no server
    Store {
        #[command(subcommand)]
        what: StoreCommand,
    },
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Print a completion script
    Completion {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Look at everything in the store and say what is wrong; exits with 2 if something is
    Check {
        #[command(flatten)]
        store: StoreArgs,
        /// Another file, such as a backup, instead of the configured store
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write a proven copy of the store, also while a server uses it
    Backup(CopyArgs),
    /// Put a backup in the store's place, and pause everything until you have looked
    Restore {
        #[command(flatten)]
        copy: CopyArgs,
        /// Do not pause: what is declared in the backup is enforced at once
        #[arg(long)]
        no_pause: bool,
    },
}

/// Which store.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StoreArgs {
    /// Configuration file (TOML)
    #[arg(long, env = "HOLDFAST_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the store is, such as sqlite:///var/lib/holdfast/holdfast.db; as configured for serve if absent
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

/// A store and a file that is a copy of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The backup
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace what stands there; a store that is replaced is kept beside the new one
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each setting and where it came from
    Show(ServeArgs),
    /// Make a token: printed once, with the hash to configure
    Token,
}

/// What `serve` takes; each is also a key of the file and an environment variable.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML)
    #[arg(long, env = "HOLDFAST_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Where the store is, such as sqlite:///var/lib/holdfast/holdfast.db
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Time from sweep to sweep, such as 60s
    #[arg(long, value_name = "DURATION")]
    pub(crate) sweep_interval: Option<String>,
    /// Log filter, such as info or holdfast_engine=debug
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Accept a store on a disk that goes away with the container
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// Run against a simulated AWS inside the process
    #[arg(long)]
    pub(crate) simulate: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(crate) listen: String,
    /// Time between changes behind Holdfast's back
    #[arg(long, default_value = "8s", value_name = "DURATION")]
    pub(crate) every: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct FileArgs {
    /// A JSON document, a directory of them, or - for standard input
    #[arg(short = 'f', long = "filename", required = true, value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
}

/// What a person confirms of a prune.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// Confirm that --prune may drop every resource of a stack
    #[arg(long, requires = "prune")]
    pub(crate) confirm_empty: bool,
    /// Confirm that --prune may delete most of a stack
    #[arg(long, requires = "prune", conflicts_with = "confirm_empty")]
    pub(crate) confirm_shrink: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// Plan as if declarations that are not in the stack any more were dropped
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
    /// Exit with 2 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// Plan only; store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Drop declarations that are not in the stack any more; what is live goes by policy.deletion
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
    /// Wait until all of it is in sync
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait
    #[arg(long, default_value = "10m", value_name = "DURATION")]
    pub(crate) timeout: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Hash of the plan, as apply, plan or a resource's condition names it
    #[arg(value_name = "HASH")]
    pub(crate) plan: String,
    /// Why, for those who wonder later
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only show the plan, and where its approval stands
    #[arg(long, conflicts_with = "reason")]
    pub(crate) show: bool,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct FilterArgs {
    /// Only this stack
    #[arg(long)]
    pub(crate) stack: Option<String>,
    /// Only this account
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Only this region
    #[arg(long)]
    pub(crate) region: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GetArgs {
    /// stacks, accounts, resources, or a kind such as Service; or STACK/KIND/NAME
    pub(crate) kind: Option<String>,
    /// A name
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Only this phase, such as Drifted
    #[arg(long)]
    pub(crate) phase: Option<String>,
    /// Only names that contain this
    #[arg(short, long)]
    pub(crate) query: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ResourceArg {
    /// STACK/KIND/NAME
    #[arg(value_name = "STACK/KIND/NAME")]
    pub(crate) resource: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WhyArgs {
    /// STACK/KIND/NAME
    #[arg(value_name = "STACK/KIND/NAME")]
    pub(crate) resource: String,
    /// A field of the spec, such as desiredCount, tags.team or /ingress/0; all there is to say if absent
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AdoptArgs {
    /// STACK/KIND/NAME
    #[arg(value_name = "STACK/KIND/NAME")]
    pub(crate) resource: String,
    /// Bring what was adopted to its declaration
    #[arg(long)]
    pub(crate) confirm: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct StackArg {
    /// The stack
    pub(crate) stack: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Only this kind
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only this severity: exposure, functional, cosmetic
    #[arg(long)]
    pub(crate) severity: Option<String>,
    /// Exit with 2 if there is drift
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EventsArgs {
    /// Go on as events come
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Only events after this id
    #[arg(long, default_value_t = 0)]
    pub(crate) after: u64,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// The stack
    pub(crate) stack: String,
    /// Confirm that all drift of the stack's scopes is to be healed, however much it is
    #[arg(long, value_parser = ["drift"])]
    pub(crate) confirm: Option<String>,
}

/// What is paused or goes on.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PlaceArgs {
    /// STACK, or STACK/KIND/NAME
    #[arg(value_name = "STACK[/KIND/NAME]")]
    pub(crate) target: Option<String>,
    /// All resources of an account in a region
    #[arg(long, value_name = "ACCOUNT/REGION")]
    pub(crate) scope: Option<String>,
    /// Everything
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Why, for those who find it
    #[arg(long)]
    pub(crate) reason: String,
    /// When it ends by itself (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Why it goes on
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DeleteArgs {
    /// STACK, or STACK/KIND/NAME
    #[arg(value_name = "STACK[/KIND/NAME]")]
    pub(crate) target: String,
    /// What happens live: retain, delete, snapshot; by default what policy.deletion says
    #[arg(long, value_parser = ["retain", "delete", "snapshot"])]
    pub(crate) deletion: Option<String>,
    /// Wait until it is gone
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait
    #[arg(long, default_value = "10m", value_name = "DURATION")]
    pub(crate) timeout: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WaitArgs {
    /// STACK or STACK/KIND/NAME; everything if absent
    #[arg(value_name = "STACK[/KIND/NAME]")]
    pub(crate) target: Option<String>,
    /// The phase to wait for, `Ready` for the condition, or `Gone`
    #[arg(long = "for", default_value = "InSync", value_name = "PHASE")]
    pub(crate) goal: String,
    /// How long to wait
    #[arg(long, default_value = "10m", value_name = "DURATION")]
    pub(crate) timeout: String,
}
