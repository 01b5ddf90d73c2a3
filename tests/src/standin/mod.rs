//! A stand-in for AWS that is fast enough to measure against: the calls that the benches need, over HTTP, in AWS's
//! envelopes, with its pages, its refusals and its documented token buckets, every call counted.
//!
//! It is no emulator: what it does not know it refuses, and it settles everything at once. What AWS really answers is
//! tested against implementations that others wrote.

mod ec2;
mod ecs;
mod elb;
mod feed;
mod groups;
mod limits;
mod rds;
mod region;
mod wire;

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use limits::{Buckets, limits};
use region::{Refusal, Region};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The account that every key belongs to.
const ACCOUNT: &str = "123456789012";

/// A running stand-in; its threads end with the value.
pub struct Standin {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

/// How it answers from now on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// How long AWS takes to answer a call.
    pub latency: Duration,
    /// Whether the documented buckets are enforced.
    pub buckets: bool,
}

/// What was called since the last reset.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// By `service:Action`.
    pub by_action: BTreeMap<String, u64>,
    /// Those that an empty bucket refused, by `service:Action`.
    pub throttled: BTreeMap<String, u64>,
    /// Those refused for another reason, in AWS's words.
    pub refused: BTreeMap<String, u64>,
    /// What was asked of single things: `Action thing`.
    pub singles: BTreeSet<String>,
    /// Bytes of answers.
    pub bytes: u64,
}

#[derive(Default)]
struct Shared {
    manner: Mutex<Manner>,
    calls: Mutex<Calls>,
    regions: Mutex<BTreeMap<String, Arc<Mutex<Place>>>>,
}

struct Place {
    region: Region,
    buckets: Buckets,
}

/// AWS's buckets alone, for what simulates the rest: which of the calls would be refused.
#[derive(Default)]
pub struct Refuser(Mutex<BTreeMap<String, Buckets>>);

impl Refuser {
    /// Takes the tokens of a call that says its page size; false if AWS would refuse it.
    pub fn takes(&self, place: &str, service: &str, action: &str, now: Instant) -> bool {
        let mut all = lock(&self.0);
        all.entry(place.to_owned()).or_default().take(&limits(service, action, false), now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standin {
    /// An empty AWS on a free port.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async move {
            axum::serve(axum::serve::ListenerExt::tap_io(listener, |s| drop(s.set_nodelay(true))), router).await
        });
        Ok(Self { endpoint, shared, _runtime: runtime })
    }

    /// Answers in this manner from now on, with full buckets.
    pub fn set(&self, manner: Manner) {
        *lock(&self.shared.manner) = manner;
        for place in lock(&self.shared.regions).values() {
            lock(place).buckets = Buckets::default();
        }
    }

    /// What was called since the last reset.
    pub fn calls(&self) -> Calls {
        lock(&self.shared.calls).clone()
    }

    /// Forgets what was called.
    pub fn reset(&self) {
        *lock(&self.shared.calls) = Calls::default();
    }

    /// A call by somebody else, which is neither counted nor slowed: query calls take form fields, the others JSON.
    pub fn outside(&self, region: &str, service: &str, action: &str, input: &Value) -> Result<String> {
        let place = self.shared.place(region);
        let mut place = lock(&place);
        let refused = |r: Refusal| anyhow::anyhow!("{service} {action}: {} {}", r.code, r.message);
        act(&mut place.region, service, action, input).map_err(refused)
    }
}

impl Calls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_action.values().sum()
    }

    /// Those that write.
    pub fn writes(&self) -> u64 {
        self.by_action.iter().filter(|(name, _)| !is_read(name)).map(|(_, n)| n).sum()
    }

    /// Those that ask for what AWS only tells of one thing at a time.
    pub fn single(&self) -> u64 {
        self.by_action.iter().filter(|(name, _)| is_single(name)).map(|(_, n)| n).sum()
    }

    /// The largest part of what comes back to a bucket of one account in one region that batched reads have drawn in this
    /// time: the bucket and its part. The audit of single things has a quarter of its own.
    pub fn busiest(&self, time: Duration) -> Option<(String, f64)> {
        let mut parts = BTreeMap::<String, f64>::new();
        for (name, calls) in self.by_action.iter().filter(|(name, _)| is_read(name) && !is_single(name)) {
            let (service, action) = name.split_once(':').unwrap_or_default();
            for (bucket, _, refill) in limits(service, action, false) {
                *parts.entry(bucket).or_default() += *calls as f64 / (refill * time.as_secs_f64());
            }
        }
        parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Those that an empty bucket refused.
    pub fn throttles(&self) -> u64 {
        self.throttled.values().sum()
    }
}

fn action_of(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, action)| action)
}

fn is_read(name: &str) -> bool {
    crate::proxy::is_read(action_of(name))
}

/// True for reads that take one thing and tell its attributes.
fn is_single(name: &str) -> bool {
    let action = action_of(name);
    action.starts_with("Describe")
        && (action.ends_with("Attributes") || action == "DescribeVpcAttribute")
        && action != "DescribeAccountAttributes"
}

impl Shared {
    fn place(&self, region: &str) -> Arc<Mutex<Place>> {
        let mut all = lock(&self.regions);
        let number = all.len() as u64 + 1;
        let place = all.entry(region.to_owned()).or_insert_with(|| {
            Arc::new(Mutex::new(Place { region: Region::new(ACCOUNT, region, number), buckets: Buckets::default() }))
        });
        Arc::clone(place)
    }
}

/// Who is called, and where: out of the signature's scope, `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope(headers: &HeaderMap) -> Option<(String, String)> {
    let signed = headers.get("authorization")?.to_str().ok()?;
    let mut parts = signed.split_once("Credential=")?.1.split('/').skip(2);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// One call, in its two spellings.
struct Call {
    region: String,
    service: String,
    action: String,
    input: Value,
}

fn call(headers: &HeaderMap, body: &[u8]) -> Option<Call> {
    let (region, service) = scope(headers)?;
    if let Some(target) = headers.get("x-amz-target").and_then(|t| t.to_str().ok()) {
        let action = target.rsplit('.').next()?.to_owned();
        return Some(Call { region, service, action, input: serde_json::from_slice(body).unwrap_or_default() });
    }
    let input = wire::form(body);
    let action = wire::text(&input, "Action")?.to_owned();
    Some(Call { region, service, action, input })
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(call) = call(&headers, &body) else {
        return (StatusCode::BAD_REQUEST, "no signed call of AWS's").into_response();
    };
    let name = format!("{}:{}", call.service, call.action);
    let manner = *lock(&shared.manner);
    {
        let mut calls = lock(&shared.calls);
        if is_single(&name) {
            calls.singles.insert(format!("{} {}", call.action, call.input));
        }
        *calls.by_action.entry(name.clone()).or_insert(0) += 1;
    }
    if !manner.latency.is_zero() {
        tokio::time::sleep(manner.latency).await;
    }
    let place = shared.place(&call.region);
    let outcome = {
        let mut place = lock(&place);
        let members = ["MaxResults", "Filter", "NextToken"];
        let unpaged = members.iter().all(|m| call.input.get(*m).is_none());
        if manner.buckets && !place.buckets.take(&limits(&call.service, &call.action, unpaged), Instant::now()) {
            *lock(&shared.calls).throttled.entry(name.clone()).or_insert(0) += 1;
            Err(throttled(&call.service))
        } else {
            act(&mut place.region, &call.service, &call.action, &call.input)
        }
    };
    if let Err(refusal) = &outcome
        && refusal.status == 400
        && !refusal.code.contains("hrottl")
    {
        *lock(&shared.calls).refused.entry(format!("{name} {} {}", refusal.code, refusal.message)).or_insert(0) += 1;
    }
    let (status, kind, text) = envelope(&call, outcome);
    lock(&shared.calls).bytes += text.len() as u64;
    (status, [("content-type", kind), ("x-amzn-requestid", REQUEST)], text).into_response()
}

const REQUEST: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

fn throttled(service: &str) -> Refusal {
    let (status, code, message) = match service {
        "ec2" => (503, "RequestLimitExceeded", "Request limit exceeded."),
        "elasticloadbalancing" => (400, "Throttling", "Rate exceeded"),
        "tagging" => (400, "ThrottledException", "Rate exceeded"),
        _ => (400, "ThrottlingException", "Rate exceeded"),
    };
    Refusal { status, code, message: message.to_owned() }
}

fn act(region: &mut Region, service: &str, action: &str, input: &Value) -> Result<String, Refusal> {
    match service {
        "ec2" => ec2::answer(region, action, input),
        "elasticloadbalancing" => elb::answer(region, action, input),
        "rds" => rds::answer(region, action, input),
        "ecs" => ecs::answer(region, action, input),
        "tagging" => feed::tagging(region, action, input),
        "application-autoscaling" => feed::scaling(action),
        "sts" => feed::sts(region, action),
        _ => Err(region::refusal("UnknownOperationException", format!("The stand-in does not know {service}"))),
    }
}

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

/// An answer as its service wraps it.
fn envelope(call: &Call, outcome: Result<String, Refusal>) -> (StatusCode, &'static str, String) {
    let (action, is_json) =
        (&call.action, ["ecs", "tagging", "application-autoscaling"].contains(&call.service.as_str()));
    let namespace = match call.service.as_str() {
        "ec2" => "http://ec2.amazonaws.com/doc/2016-11-15/",
        "rds" => "http://rds.amazonaws.com/doc/2014-10-31/",
        "sts" => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    };
    match outcome {
        Ok(text) if is_json => (StatusCode::OK, JSON, text),
        Ok(text) if call.service == "ec2" => {
            let text = format!(
                "<{action}Response xmlns=\"{namespace}\"><requestId>{REQUEST}</requestId>{text}</{action}Response>"
            );
            (StatusCode::OK, XML, text)
        }
        Ok(text) => {
            let meta = format!("<ResponseMetadata><RequestId>{REQUEST}</RequestId></ResponseMetadata>");
            let result = format!("<{action}Result>{text}</{action}Result>");
            (StatusCode::OK, XML, format!("<{action}Response xmlns=\"{namespace}\">{result}{meta}</{action}Response>"))
        }
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            let (code, message) = (refusal.code, refusal.message);
            let text = match call.service.as_str() {
                _ if is_json => serde_json::json!({ "__type": code, "message": message }).to_string(),
                "ec2" => format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{REQUEST}</RequestID></Response>"
                ),
                _ => format!(
                    "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST}</RequestId></ErrorResponse>"
                ),
            };
            (status, if is_json { JSON } else { XML }, text)
        }
    }
}

/// The regions that a large workload is spread over.
pub fn regions(count: usize) -> Result<Vec<&'static str>> {
    const ALL: [&str; 10] = [
        "eu-west-3",
        "eu-west-1",
        "eu-west-2",
        "eu-central-1",
        "eu-north-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "ap-south-1",
    ];
    ALL.get(..count).map(<[_]>::to_vec).context("there are ten regions here")
}
