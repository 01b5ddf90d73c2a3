//! People and scripts at the API: reads, durable writes and lists at a steady pace, and how long each took.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long each request of a kind took, sorted, and how many failed.
#[derive(Debug, Default)]
pub struct Times {
    /// Sorted.
    pub took: Vec<Duration>,
    /// Answered with something else than 200, or not at all.
    pub failed: usize,
}

/// What an API was asked.
#[derive(Debug, Default)]
pub struct Asked {
    /// One resource.
    pub gets: Times,
    /// A declaration replaced, which is durable before it is answered.
    pub puts: Times,
    /// A page of 500.
    pub lists: Times,
}

/// Asks for `seconds`: a thousand reads, two hundred writes and five lists a second.
pub fn drive(url: &str, stacks: &[Value], seconds: u32) -> Result<Asked> {
    let documents: Arc<Vec<(String, Value)>> = Arc::new(stacks.iter().flat_map(documents).collect());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let http = reqwest::Client::builder().pool_max_idle_per_host(64).build()?;
    runtime.block_on(async {
        let place = |path: &str| format!("{url}{path}");
        let every = |n: u32| Duration::from_secs(1) / n;
        let (all, client) = (Arc::clone(&documents), http.clone());
        let one = place("/v1/resources/");
        let gets = paced(every(1000), 1000 * seconds, move |n| {
            let path = &all[(n * 7919) % all.len()].0;
            client.get(format!("{one}{path}")).send()
        });
        let (all, client, one) = (Arc::clone(&documents), http.clone(), place("/v1/resources/"));
        let puts = paced(every(200), 200 * seconds, move |n| {
            let (path, document) = &all[(n * 104_729) % all.len()];
            let mut document = document.clone();
            document["metadata"]["labels"] = json!({ "round": n.to_string() });
            client.put(format!("{one}{path}")).json(&document).send()
        });
        let (client, list) = (http.clone(), place("/v1/resources?limit=500"));
        let lists = paced(every(5), 5 * seconds, move |_| client.get(&list).send());
        let (gets, puts, lists) = futures::join!(gets, puts, lists);
        Ok(Asked { gets: gets?, puts: puts?, lists: lists? })
    })
}

/// The resources of a stack as documents of their own, by `stack/Kind/name`.
fn documents(stack: &Value) -> Vec<(String, Value)> {
    let name = stack["metadata"]["name"].as_str().unwrap_or_default();
    let one = |resource: &Value| {
        let (kind, own) = (resource["kind"].as_str()?, resource["metadata"]["name"].as_str()?);
        let document = json!({ "apiVersion": "holdfast.dev/v1", "kind": kind, "metadata": { "name": own, "stack": name },
            "spec": resource["spec"] });
        Some((format!("{name}/{kind}/{own}"), document))
    };
    stack["spec"]["resources"].as_array().into_iter().flatten().filter_map(one).collect()
}

/// Sends one request each `every`, whether those before are answered or not, and reads each answer to its end.
async fn paced<F>(every: Duration, count: u32, send: impl Fn(usize) -> F) -> Result<Times>
where
    F: Future<Output = reqwest::Result<reqwest::Response>> + Send + 'static,
{
    let times = Arc::new(Mutex::new(Times::default()));
    let mut ticks = tokio::time::interval(every);
    let mut under_way = tokio::task::JoinSet::new();
    for n in 0..count {
        ticks.tick().await;
        let (request, times) = (send(n as usize), Arc::clone(&times));
        under_way.spawn(async move {
            let started = Instant::now();
            let well = match request.await {
                Ok(answer) => answer.status() == 200 && answer.bytes().await.is_ok(),
                Err(_) => false,
            };
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            times.took.push(started.elapsed());
            times.failed += usize::from(!well);
        });
    }
    while under_way.join_next().await.is_some() {}
    let times = Arc::try_unwrap(times).ok().context("a request is still under way")?;
    let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
    times.took.sort_unstable();
    Ok(times)
}
