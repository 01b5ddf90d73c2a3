//! A whole API in memory, and calls whose answers are held against the OpenAPI document.

use crate::kinds;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use holdfast_api::{ApiState, Bucket, Calls, Counts, Load, Loop, LoopError, Rounds, ScopePlan, ServerOptions, Wiring};
use holdfast_core::cloud::Leftovers;
use holdfast_core::facts::Severity;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::outputs::Outputs;
use holdfast_core::plan::{Decision, Desired, Fate, Part, Plan, Step, Verb, Verdict};
use holdfast_core::preflight::{Finding, Level};
use holdfast_core::status::{Condition, ConditionType, Conditions, Drift, FieldDiff, Phase, Status, Truth};
use holdfast_store::{Changed, Location, PassRecord, ScopeStatus, Store};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use tower::ServiceExt;

/// What the fake loop was asked.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Nudge(BTreeSet<Scope>),
    Forgive(String),
    Plan(BTreeMap<Scope, usize>),
    Leftovers(String, Vec<(ResourceKey, String)>),
}

/// A loop that remembers what it was asked, and plans to create everything.
#[derive(Default)]
pub(crate) struct FakeLoop {
    asked: Mutex<Vec<Asked>>,
    pub(crate) broken: Mutex<Option<LoopError>>,
    /// AWS takes the call and never answers.
    pub(crate) silent: AtomicBool,
    /// What is live, as far as plans that await approval stand on it.
    pub(crate) world: Mutex<String>,
    /// What is left of any stack that was torn down.
    pub(crate) left: Mutex<Leftovers>,
}

impl FakeLoop {
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
    /// Each held resource would be changed at `/size`.
    pub(crate) fn awaiting(&self, scope: &Scope, desired: &[Arc<Desired>]) -> Vec<Part> {
        let world = self.world.lock().unwrap().clone();
        let stacks: BTreeSet<&String> = desired.iter().filter(|d| d.instead.is_some()).map(|d| &d.key.stack).collect();
        let part = |stack: &String| {
            let held: Vec<Arc<Desired>> =
                desired.iter().filter(|d| d.key.stack == *stack && d.instead.is_some()).cloned().collect();
            let Plan { steps, mut verdicts, .. } = planned(&held);
            for verdict in &mut verdicts {
                verdict.diffs = vec![FieldDiff {
                    path: "/size".to_owned(),
                    change: holdfast_core::status::Change::Changed,
                    desired: json!(9),
                    live: json!(world),
                    last_written: Value::Null,
                    severity: Severity::Functional,
                    decision: "update".to_owned(),
                }];
            }
            let said: Vec<_> = held.iter().map(|d| (&d.key.name, d.generation, &d.spec)).collect();
            let hash = format!("{:0>32}", fingerprint(&format!("{stack} {said:?} {world}")));
            Part { stack: stack.clone(), scope: scope.clone(), hash, approved: false, unread: false, steps, verdicts }
        };
        stacks.into_iter().map(part).collect()
    }
    /// A room that is named by id is never there.
    fn missing(&self, desired: &Desired) -> Option<Finding> {
        let spec = desired.spec.value();
        let id = spec.get("roomId")?.as_str().filter(|id| !id.starts_with('$'))?;
        Some(Finding::of(Level::Error, &desired.key, "/roomId", format!("there is no room {id}; make it first")))
    }
    fn note(&self, asked: Asked) -> Result<(), LoopError> {
        self.asked.lock().unwrap().push(asked);
        self.broken.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Loop for FakeLoop {
    fn nudge(&self, scopes: &BTreeSet<Scope>) {
        let _ = self.note(Asked::Nudge(scopes.clone()));
    }
    fn forgive(&self, stack: &str) -> Result<(), LoopError> {
        self.note(Asked::Forgive(stack.to_owned()))
    }
    fn counts(&self) -> BTreeMap<Scope, Counts> {
        let counts = Counts { passes: 2, calls: 7, writes: 1, throttles: 1, sweep_ms: 1500 };
        BTreeMap::from([(Scope::new("default", "eu-west-1"), counts)])
    }
    fn load(&self, _: &Scope) -> Option<Load> {
        let calls = Calls { action: "ec2:DescribeBoxes".to_owned(), calls: 6, throttles: 1 };
        let (size, refill_per_second) = (100.0, 20.0);
        let bucket = Bucket {
            name: "DescribeBoxes".to_owned(),
            size,
            refill_per_second,
            headroom: 94,
            granted_percent: 50,
            waiting: 0,
            throttles: 1,
        };
        let rounds = Rounds { things: 4, unread: 1, oldest_read_at: Some(start()), round_takes_ms: 1600 };
        let (calls, buckets) = (vec![calls], vec![bucket]);
        Some(Load { calls, buckets, look_takes_ms: 0, look_every_ms: 1200, rounds })
    }
    fn read_at(&self, _: &Scope, id: &str) -> Option<Timestamp> {
        id.ends_with("in-rounds").then(start)
    }
    async fn leftovers(
        &self,
        _: &Scope,
        stack: &str,
        deleted: &[(ResourceKey, String)],
    ) -> Result<Leftovers, LoopError> {
        self.note(Asked::Leftovers(stack.to_owned(), deleted.to_vec()))?;
        Ok(self.left.lock().unwrap().clone())
    }
    async fn plan(
        &self,
        overlay: BTreeMap<Scope, Vec<Arc<Desired>>>,
        stacks: &BTreeSet<String>,
    ) -> Result<Vec<ScopePlan>, LoopError> {
        self.note(Asked::Plan(overlay.iter().map(|(s, d)| (s.clone(), d.len())).collect()))?;
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(overlay
            .into_iter()
            .map(|(scope, desired)| {
                let plan = Plan { awaiting: self.awaiting(&scope, &desired), ..planned(&desired) };
                let named = desired.iter().filter(|d| stacks.contains(&d.key.stack));
                let preflight = named.filter_map(|d| self.missing(d)).collect();
                ScopePlan { scope, plan, preflight, seen_at: start() }
            })
            .collect())
    }
}

/// A short name for a text.
fn fingerprint(text: &str) -> String {
    let fold = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

fn planned(desired: &[Arc<Desired>]) -> Plan {
    let step = |(id, d): (u32, &Arc<Desired>)| Step {
        id,
        key: d.key.clone(),
        generation: d.generation,
        verb: if d.fate == Fate::Keep { Verb::Create } else { Verb::Delete },
        action: Value::Null,
        text: format!("make {}", d.key.name),
        because: "it is missing".to_owned(),
        heals: vec![],
        renews: vec![],
        needs: if id > 1 { vec![id - 1] } else { vec![] },
        after: vec![],
        target: None,
    };
    let verdict = |d: &Arc<Desired>| Verdict {
        key: d.key.clone(),
        generation: d.generation,
        decision: Decision::Create,
        reason: "it is missing".to_owned(),
        phase: Phase::Progressing,
        conditions: Conditions::default(),
        diffs: vec![],
        learned: Vec::new(),
        owned: vec![],
        rolled_back: None,
        outputs: Outputs::default(),
        id: None,
        beside: vec![],
        observed: true,
        behind: false,
        fingerprint: None,
        is_drift: false,
        news: Vec::new(),
        resolved: None,
        quiet: None,
        live: None,
        unread: vec![],
        pending: None,
    };
    let verdicts = desired.iter().map(verdict).collect();
    Plan { steps: (1..).zip(desired).map(step).collect(), verdicts, ..Plan::default() }
}

pub(crate) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// The API under test.
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) state: ApiState,
    pub(crate) store: Store,
    pub(crate) control: Arc<FakeLoop>,
    pub(crate) clock: Arc<AtomicI64>,
}

/// The OpenAPI document, the same for every API here.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| holdfast_api::openapi(&kinds::registry()));
/// Its schemas, compiled when an answer first needs them.
static SCHEMAS: Mutex<BTreeMap<String, Arc<jsonschema::Validator>>> = Mutex::new(BTreeMap::new());

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.bytes)))
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }
    /// `pointer code` of every mistake.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| format!("{} {}", e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap())).collect()
    }
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn api() -> Api {
    api_with(ServerOptions::default())
}

pub(crate) fn api_with(options: ServerOptions) -> Api {
    let store = Store::open(&Location::Memory).unwrap();
    let control = Arc::new(FakeLoop::default());
    let clock = Arc::new(AtomicI64::new(start().as_millisecond()));
    let (ticks, uids) = (Arc::clone(&clock), AtomicU64::new(0));
    let loop_ = Arc::clone(&control);
    let state = ApiState::new(Wiring {
        store: store.clone(),
        registry: Arc::new(kinds::registry()),
        control: loop_,
        now: Arc::new(move || Timestamp::from_millisecond(ticks.fetch_add(1, Ordering::SeqCst)).unwrap()),
        new_uid: Arc::new(move || format!("uid-{}", uids.fetch_add(1, Ordering::SeqCst))),
        default_region: Some("eu-west-1".to_owned()),
        options,
    });
    let router = holdfast_api::router(state.clone());
    Api { router, state, store, control, clock }
}

impl Api {
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &[], "").await
    }
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, &[], &body.to_string()).await
    }
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path, &[], &body.to_string()).await
    }
    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, &[], "").await
    }

    /// A call as a client of this machine makes it; a body is announced as JSON unless a header says otherwise.
    pub(crate) async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method.clone()).uri(path);
        let mut plain = vec![("host", "localhost:8080")];
        if !body.is_empty() {
            plain.push(("content-type", "application/json"));
        }
        plain.retain(|(name, _)| !headers.iter().any(|(given, _)| given == name));
        for (name, value) in plain.iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let reply = self.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        self.conforms(&method, path, &reply);
        reply
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    /// Holds an answer against the OpenAPI document.
    fn conforms(&self, method: &Method, path: &str, reply: &Reply) {
        let path = path.split('?').next().unwrap();
        let kind = reply.headers.get("content-type").map(|v| v.to_str().unwrap().split(';').next().unwrap().to_owned());
        if !reply.status.is_success() && !reply.status.is_redirection() {
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{method} {path}: {reply:?}");
            assert_eq!(reply.json()["status"], reply.status.as_u16());
        }
        let Some((template, item)) = template(path) else { return };
        let Some(operation) = item.get(method.as_str().to_lowercase()) else { return };
        let Some(response) = operation["responses"].get(reply.status.as_str()) else {
            panic!("{method} {template} does not say that it answers {}: {reply:?}", reply.status);
        };
        let Some(schema) = kind.and_then(|k| response.pointer(&format!("/content/{}/schema", k.replace('/', "~1"))))
        else {
            return;
        };
        let validator = validator(format!("{method} {template} {}", reply.status), schema);
        let body = reply.json();
        let errors: Vec<String> = validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {path} answers {body:#}, which is wrong: {errors:#?}");
    }

    /// Applies a document that must be taken.
    pub(crate) async fn apply(&self, document: &Value) -> Value {
        let reply = self.post("/v1/apply", document).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
        reply.json()
    }

    /// What a pass would leave: the status of one resource.
    pub(crate) fn observe(&self, key: &str, phase: Phase, fields: Vec<FieldDiff>) {
        let record = self.store.resource(&self.key(key)).unwrap().unwrap();
        let now = start();
        let truth = if phase == Phase::InSync { Truth::True } else { Truth::False };
        let condition = |kind, status: Truth| Condition {
            kind,
            status,
            reason: phase.to_string(),
            message: if status == Truth::True { String::new() } else { "it differs".to_owned() },
            since: now,
        };
        let drift = (!fields.is_empty()).then(|| Drift { since: now, action: "healing".to_owned(), fields });
        let status = Status {
            phase,
            observed_generation: record.generation,
            outputs: Outputs::from_iter([("id", json!(format!("id-{}", record.key.name)))]),
            conditions: vec![condition(ConditionType::Synced, truth), condition(ConditionType::Ready, Truth::True)]
                .into(),
            drift,
            owned: vec![],
            last_observed_at: Some(now),
        };
        let memory = self.store.memory(&record.key).unwrap().unwrap_or_default();
        let changed = Changed {
            key: record.key,
            uid: record.uid,
            generation: record.generation,
            fate: record.fate,
            status: Cow::Owned(status),
            memory: Cow::Owned(memory),
        };
        self.pass(record.scope, vec![changed]);
    }

    /// A pass that leaves these.
    pub(crate) fn pass(&self, scope: Scope, changed: Vec<Changed<'_>>) {
        let scope_status =
            ScopeStatus { swept_at: Some(start()), duration_ms: 12, api_calls: 3, ..ScopeStatus::of(scope) };
        let pass = PassRecord { now: start(), changed, gone: vec![], events: vec![], scope_status };
        self.store.record(&pass).unwrap();
    }

    pub(crate) fn key(&self, path: &str) -> ResourceKey {
        ResourceKey::parse(path).unwrap()
    }
}

fn template(path: &str) -> Option<(&'static String, &'static Value)> {
    let fits = |template: &&String| {
        let (a, b): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.starts_with('{') || a == b)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // A path that is written out goes before one with a hole.
    let mut found: Vec<&String> = paths.keys().filter(fits).collect();
    found.sort_by_key(|t| t.matches('{').count());
    found.first().map(|t| (*t, &paths[*t]))
}

fn validator(name: String, schema: &Value) -> Arc<jsonschema::Validator> {
    let mut schemas = SCHEMAS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let make = || {
        let mut root = schema.clone();
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        root["components"] = DOCUMENT["components"].clone();
        Arc::new(jsonschema::validator_for(&root).unwrap())
    };
    Arc::clone(schemas.entry(name).or_insert_with(make))
}

/// A stack with a hall, an attic and a box in the hall.
pub(crate) fn house() -> Value {
    json!({
        "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "house" },
        "spec": {
            "region": "eu-west-1", "tags": { "team": "home" },
            "resources": [room("hall"), room("attic"), toys()],
        },
    })
}

pub(crate) fn room(name: &str) -> Value {
    json!({ "kind": "Room", "metadata": { "name": name }, "spec": { "roomName": name, "size": 4 } })
}

pub(crate) fn toys() -> Value {
    json!({
        "kind": "Box", "metadata": { "name": "toys" },
        "spec": { "boxName": "toys", "roomId": "${Room/hall.id}", "contents": [{ "label": "ball", "weight": 3 }] },
    })
}

/// A resource by itself.
pub(crate) fn alone(mut resource: Value) -> Value {
    resource["apiVersion"] = json!("holdfast.dev/v1");
    resource["metadata"]["stack"] = json!("house");
    resource
}

/// The house with other resources.
pub(crate) fn house_of(resources: Vec<Value>) -> Value {
    let mut house = house();
    house["spec"]["resources"] = json!(resources);
    house
}
