//! `demo`: the whole of Holdfast on a simulated AWS, with somebody changing things behind its back.

use crate::args::DemoArgs;
use crate::client::Client;
use crate::config::Config;
use crate::failure::Ending;
use crate::output::{line, talk};
use crate::serve::{Parts, start_log, stopped};
use crate::{args, duration};
use anyhow::{Context, Result};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_engine::Budgets;
use holdfast_sim::{SimClock, SimCloud, Tamper};
use holdfast_store::{Location, Store};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const STACK: &str = include_str!("../../../examples/es/stack.json");

/// AWS takes a moment for each call; so does this one, or nobody could watch.
const LATENCY: Duration = Duration::from_millis(150);

/// A change behind Holdfast's back: what people would say of it, whose thing, and what is done to it.
type Change = (&'static str, &'static str, &'static str, fn() -> Tamper);

/// Taken one after the other, and again from the beginning.
const CHANGES: &[Change] = &[
    ("opened SSH to the world on the load balancer's group", "SecurityGroup", "alb", || {
        let rule = json!({ "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0", "description": "just for a minute" });
        Tamper::Set("/ingress/-".to_owned(), rule)
    }),
    ("scaled client-web-ui to 5", "Service", "client-web-ui", || Tamper::Set("/desiredCount".to_owned(), json!(5))),
    ("pointed a health check at /wrong", "TargetGroup", "intrusion-api", || {
        Tamper::Set("/healthCheckPath".to_owned(), json!("/wrong"))
    }),
    ("moved a listener rule to priority 77", "ListenerRule", "client-web-ui", || {
        Tamper::Set("/priority".to_owned(), json!(77))
    }),
    ("removed a rule from the group of redis", "SecurityGroup", "redis", || Tamper::Remove("/ingress/0".to_owned())),
    ("took a tag off the cluster", "Cluster", "es", || Tamper::RemoveTag("system".to_owned())),
    ("deleted the service manager-web-ui", "Service", "manager-web-ui", || Tamper::Delete),
    ("rewrote the description of a rule", "SecurityGroup", "cameras-api", || {
        Tamper::Set("/ingress/0/description".to_owned(), json!("who wrote this?"))
    }),
];

pub(crate) async fn demo(args: &DemoArgs) -> Result<Ending> {
    let every = duration::parse(&args.every).map_err(anyhow::Error::msg).context("--every")?;
    start_log("warn")?;
    let folder = tempfile::tempdir().context("cannot make a folder for the throw-away store")?;
    let settings = args::ServeArgs {
        listen: Some(args.listen.clone()),
        store: Some(format!("sqlite://{}", folder.path().join("demo.db").display())),
        sweep_interval: Some("2s".to_owned()),
        ..args::ServeArgs::default()
    };
    // The demo needs nothing, and takes nothing from the environment either.
    let config = Config::load(&settings, &|_| None)?;
    let store = Store::open(&Location::File(config.store.clone())).context("cannot make the throw-away store")?;
    let registry = Arc::new(holdfast_kinds::registry());
    let budgets = Arc::new(Budgets::default());
    let sim =
        SimCloud::new(Arc::clone(&registry), SimClock::following(jiff::Timestamp::now), 1).metered(budgets.clone());
    sim.change_faults(|faults| faults.latency = LATENCY);
    let cloud = Arc::new(sim.clone());
    let parts = Parts { store: store.clone(), registry, budgets, cloud, config, simulated: true };
    let running = parts.start().await?;
    line(format!("Holdfast demo: http://{}/dashboard", running.address))?;
    talk("A simulated AWS, a throw-away store, the stack examples/es. Stop with Ctrl-C.");
    let client = Client::new(&args::ClientArgs {
        server: format!("http://{}", running.address),
        token: None,
        output: args::Output::Table,
    })?;
    let stack: Value = serde_json::from_str(STACK).context("the example is no JSON")?;
    client
        .send(client.request(reqwest::Method::POST, "/v1/apply", &[]).json(&stack))
        .await
        .context("the example was not accepted")?;
    let meddler = tokio::spawn(meddle(sim, store, client, every));
    let ended = running.until(stopped()).await;
    meddler.abort();
    ended?;
    Ok(Ending::Fine)
}

/// Waits until the stack stands, then makes one change after the other.
async fn meddle(sim: SimCloud, store: Store, client: Client, every: Duration) {
    let mut built = false;
    for (number, (what, kind, name, tamper)) in CHANGES.iter().cycle().enumerate() {
        tokio::time::sleep(every).await;
        if number > 0 && number % (2 * CHANGES.len()) == 0 {
            // Who makes the same change again and again is taken for somebody who means it, until a person says otherwise.
            let call = client.request(reqwest::Method::POST, "/v1/stacks/es/reconcile", &[]);
            if let Err(error) = client.send(call).await {
                tracing::debug!(%error, "the demo's stack was not reconciled");
            }
        }
        while !built {
            built = stands(&store);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let key = ResourceKey::new("es", *kind, *name);
        let Ok(Some(resource)) = store.resource(&key) else { continue };
        let Some(id) = resource.status.outputs.get("id").and_then(Value::as_str) else { continue };
        let scope = Scope::new("default", "eu-west-3");
        match sim.tamper(&scope, kind, id, tamper()) {
            Ok(()) => talk(format!("  somebody {what} ({key})")),
            // Holdfast is just putting it back; the next change comes soon.
            Err(error) => tracing::debug!(%error, "no change was made"),
        }
    }
}

fn stands(store: &Store) -> bool {
    let all = store.resources(&holdfast_store::Filter::default(), 500, None);
    all.is_ok_and(|all| !all.is_empty() && all.iter().all(|r| r.status.phase == holdfast_core::status::Phase::InSync))
}
