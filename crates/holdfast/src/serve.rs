//! `serve`: puts store, AWS, engine and API together and runs them until told to stop.

use crate::args::{Output, ServeArgs};
use crate::config::{self, Config};
use crate::failure::Ending;
use crate::output::{self, line};
use crate::workshop::Workshop;
use crate::{aws, disk, wiring};
use anyhow::{Context, Result};
use holdfast_api::{ApiState, ServerOptions, TokenHash, Wiring};
use holdfast_core::cloud::Cloud;
use holdfast_core::kind::Registry;
use holdfast_core::plan::Settings as PlanSettings;
use holdfast_engine::{Budgets, Engine, EngineOptions, EngineSettings, Undisturbed};
use holdfast_sim::{SimClock, SimCloud};
use holdfast_store::{Location, Store};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long everything may take to come to rest after SIGTERM; ECS and Kubernetes wait for 30 s by default.
const DRAIN: Duration = Duration::from_secs(18);

/// How long events and history are kept.
const LOG_MEMORY: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

pub(crate) async fn serve(args: &ServeArgs) -> Result<Ending> {
    let config = Config::load(args, &|name| std::env::var(name).ok())?;
    start_log(&config.log)?;
    for warning in unknown_variables() {
        tracing::warn!("{warning}");
    }
    disk::check(&config.store, config.ephemeral)?;
    let store = Store::open(&Location::File(config.store.clone()))
        .with_context(|| format!("cannot open the store {}", config.store.display()))?;
    let registry = Arc::new(holdfast_kinds::registry());
    let budgets = Arc::new(Budgets::default());
    let cloud: Arc<dyn Cloud> = if args.simulate {
        let clock = SimClock::following(jiff::Timestamp::now);
        Arc::new(SimCloud::new(Arc::clone(&registry), clock, 1).metered(budgets.clone()))
    } else {
        aws::connect(&store, budgets.clone(), config.sweep_interval)?
    };
    let parts = Parts { store, registry, budgets, cloud, config, simulated: args.simulate };
    let running = parts.start().await?;
    line(format!("Holdfast listens on http://{}", running.address))?;
    running.until(stopped()).await?;
    Ok(Ending::Fine)
}

/// What to say of the process's own variables.
fn unknown_variables() -> Vec<String> {
    config::unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
}

/// Forgets events and outcomes that are older than the log's memory, once an hour.
async fn forget(store: Store, stop: CancellationToken) {
    let mut hourly = tokio::time::interval(Duration::from_secs(3600));
    while stop.run_until_cancelled(hourly.tick()).await.is_some() {
        let before = jiff::Timestamp::now().saturating_sub(LOG_MEMORY).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let store = store.clone();
        match tokio::task::spawn_blocking(move || store.prune_log(before)).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(rows)) => tracing::info!(rows, "the log was shortened"),
            Ok(Err(error)) => tracing::warn!(%error, "the log could not be shortened"),
        }
    }
}

/// What a server is put together from.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) config: Config,
    pub(crate) simulated: bool,
}

/// A server under way.
pub(crate) struct Running {
    /// Where it really listens, port 0 resolved.
    pub(crate) address: std::net::SocketAddr,
    engine: Arc<Engine>,
    stop: CancellationToken,
    /// What the engine works on.
    workshop: Workshop,
    api: tokio::task::JoinHandle<Result<(), holdfast_api::ServeError>>,
}

impl Parts {
    /// Listens first, so that a taken port ends it before anything is written in AWS.
    pub(crate) async fn start(self) -> Result<Running> {
        let options = options(&self.config)?;
        let listener = TcpListener::bind(&self.config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", self.config.listen))?;
        let address = listener.local_addr().context("the listener has no address")?;
        holdfast_api::check_address(address, &options)?;
        let workshop = Workshop::open()?;
        let engine = EngineOptions {
            store: self.store.clone(),
            cloud: self.cloud,
            registry: Arc::clone(&self.registry),
            clock: Arc::new(jiff::Timestamp::now),
            budgets: self.budgets,
            settings: EngineSettings {
                sweep_interval: self.config.sweep_interval,
                max_deletes_per_hour: self.config.max_deletes_per_hour,
                max_replacements_per_hour: self.config.max_replacements_per_hour,
                plan: PlanSettings { looks_key: secret(), ..self.config.plan.clone() },
                ..EngineSettings::default()
            },
            process: uuid::Uuid::now_v7().to_string(),
            boundaries: Arc::new(Undisturbed),
        };
        let engine = start(&workshop, engine)?;
        let stop = CancellationToken::new();
        tokio::spawn(forget(self.store.clone(), stop.clone()));
        let state = ApiState::new(Wiring {
            control: Arc::new(wiring::Control::new(Arc::clone(&engine), self.store.clone(), workshop.handle())),
            store: self.store,
            registry: self.registry,
            now: Arc::new(jiff::Timestamp::now),
            new_uid: Arc::new(|| uuid::Uuid::now_v7().to_string()),
            default_region: default_region(self.simulated),
            options,
        });
        let stopping = stop.clone();
        let api = tokio::spawn(holdfast_api::serve(listener, state, async move { stopping.cancelled().await }));
        Ok(Running { address, engine, stop, workshop, api })
    }
}

/// Starts the engine, whose tasks live where it is started.
fn start(workshop: &Workshop, options: EngineOptions) -> Result<Arc<Engine>> {
    let threads = workshop.handle();
    let _here = threads.enter();
    Ok(Arc::new(Engine::start(options).context("the engine cannot start")?))
}

impl Running {
    /// Runs until `told` is ready, then drains: API and engine at the same time.
    pub(crate) async fn until(self, told: impl Future<Output = ()>) -> Result<()> {
        let mut api = self.api;
        tokio::select! {
            () = told => {}
            ended = &mut api => {
                self.engine.shutdown(DRAIN).await;
                return ended.context("the API panicked")?.context("the API ended");
            }
        }
        tracing::info!("stopping: what is under way is finished first");
        self.stop.cancel();
        if !self.engine.shutdown(DRAIN).await {
            tracing::warn!(
                "a write was still under way at the end; its intent is journalled, and the next start looks for it"
            );
        }
        let ended = tokio::time::timeout(Duration::from_secs(1), api).await;
        drop(self.workshop);
        match ended {
            Ok(ended) => ended.context("the API panicked")?.context("the API ended"),
            Err(_) => Ok(()),
        }
    }
}

/// SIGTERM or Ctrl-C.
pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn default_region(simulated: bool) -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).or_else(|| simulated.then(|| "eu-west-1".to_owned()))
}

fn options(config: &Config) -> Result<ServerOptions> {
    Ok(ServerOptions { tokens: tokens(config)?, shrink: config.shrink, ..ServerOptions::default() })
}

/// Tokens are configured as hashes; a plain one is taken too, and hashed before anything else sees it.
fn tokens(config: &Config) -> Result<Vec<TokenHash>> {
    config
        .tokens
        .iter()
        .map(|text| match text.strip_prefix("blake3:") {
            Some(hash) => TokenHash::parse(hash).context("auth.tokens: after \"blake3:\" come 64 hexadecimal digits"),
            None => Ok(TokenHash::of(text)),
        })
        .collect()
}

/// Text on a terminal, JSON otherwise; always on standard error.
pub(crate) fn start_log(filter: &str) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .with_context(|| format!("log: \"{filter}\" is no log filter"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    started.map_err(|e| anyhow::anyhow!("the log cannot start: {e}"))
}

/// Shows the settings, and ends with what `serve` would refuse of them.
pub(crate) fn show_config(how: Output, args: &ServeArgs) -> Result<Ending> {
    let config = Config::load(args, &|name| std::env::var(name).ok())?;
    unknown_variables().into_iter().for_each(|warning| output::talk(format!("warning: {warning}")));
    print_config(how, &config)?;
    let options = options(&config)?;
    if let Ok(address) = config.listen.parse() {
        holdfast_api::check_address(address, &options)?;
    }
    disk::check(&config.store, config.ephemeral)?;
    Ok(Ending::Fine)
}

fn print_config(how: Output, config: &Config) -> Result<()> {
    if how == Output::Json {
        let all = config
            .show()
            .into_iter()
            .map(|(key, value, source, _)| (key.to_owned(), serde_json::json!({ "value": value, "source": source })));
        return output::json(&serde_json::Value::Object(all.collect()));
    }
    if how == Output::Name {
        return config.show().into_iter().try_for_each(|(key, ..)| line(key));
    }
    // What each is takes more than 80 columns leave beside its name.
    let columns = if how == Output::Wide { 4 } else { 3 };
    let mut table = output::bare_table();
    table.set_header(["SETTING", "VALUE", "FROM", "WHAT IT IS"].into_iter().take(columns));
    for (key, value, source, doc) in config.show() {
        table.add_row([key.to_owned(), value, source, doc.to_owned()].into_iter().take(columns));
    }
    line(output::trimmed(&table))
}

/// What this process alone knows.
fn secret() -> [u64; 4] {
    let ((a, b), (c, d)) = (uuid::Uuid::new_v4().as_u64_pair(), uuid::Uuid::new_v4().as_u64_pair());
    [a, b, c, d]
}

/// 32 random bytes: the token for clients, its hash for the configuration.
pub(crate) fn make_token(how: Output) -> Result<Ending> {
    let mut bytes = Vec::with_capacity(48);
    while bytes.len() < 32 {
        // Version 4 takes 122 bits from the system's generator; three of them hold more than 32 bytes' worth is needed.
        bytes.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    let token: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let hash = TokenHash::of(&token);
    if how == Output::Json {
        output::json(&serde_json::json!({ "token": token, "hash": hash.to_string() }))?;
        return Ok(Ending::Fine);
    }
    line(&token)?;
    output::talk("This token is shown once. Give it to clients (HOLDFAST_TOKEN), and configure its hash:");
    output::talk(format!("[auth]\ntokens = [\"{hash}\"]"));
    Ok(Ending::Fine)
}
