//! Metrics in Prometheus's text form. Counters live here; what the store knows is read when it is asked for.

use holdfast_core::cloud::CallOutcome;
use holdfast_core::name::Scope;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The counters of a process. A clone is another handle to the same ones.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_duration: Family<RouteLabels, Histogram>,
    passes: Family<PassLabels, Counter>,
    sweep_duration: Family<ScopeLabels, Histogram>,
    calls: Family<CallLabels, Counter>,
    watchers: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// The labels of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ScopeLabels {
    account: String,
    region: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    account: String,
    region: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    account: String,
    region: String,
    service: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SeverityLabels {
    severity: String,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&Scope> for ScopeLabels {
    fn from(scope: &Scope) -> Self {
        Self { account: scope.account.clone(), region: scope.region.clone() }
    }
}

/// What the store knows at the moment of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// Resources by phase; every phase is there.
    pub(crate) phases: Vec<(String, i64)>,
    /// Differing fields by severity; every severity is there.
    pub(crate) severities: Vec<(String, i64)>,
    /// The last sweep of each scope: seconds since 1970, seconds it took, calls, throttled calls.
    pub(crate) scopes: Vec<(Scope, LastSweep)>,
}

/// The last sweep of a scope, in figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastSweep {
    /// When it finished, in seconds since 1970; 0 before the first.
    pub(crate) finished: f64,
    /// How long it took, in seconds.
    pub(crate) took: f64,
    /// How many AWS calls it made.
    pub(crate) calls: f64,
    /// How many of them were throttled.
    pub(crate) throttles: f64,
}

impl Metrics {
    /// Counters at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("holdfast");
        let requests = Family::default();
        registry.register("http_requests", "HTTP requests answered", requests.clone());
        let request_duration: Family<RouteLabels, Histogram> = Family::new_with_constructor(request_buckets);
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request to the head of its answer",
            Unit::Seconds,
            request_duration.clone(),
        );
        let passes = Family::default();
        registry.register("passes", "Passes over a scope", passes.clone());
        let sweep_duration: Family<ScopeLabels, Histogram> = Family::new_with_constructor(sweep_buckets);
        registry.register_with_unit("sweep_duration", "How long a sweep takes", Unit::Seconds, sweep_duration.clone());
        let calls = Family::default();
        registry.register("aws_calls", "AWS calls by how they ended", calls.clone());
        let watchers = Gauge::default();
        registry.register("watchers", "Event streams that are open", watchers.clone());
        Self(Arc::new(Inner { registry, requests, request_duration, passes, sweep_duration, calls, watchers }))
    }

    /// Counts an AWS call; throttled ones are `holdfast_aws_calls_total{outcome="throttled"}`.
    pub fn called(&self, scope: &Scope, service: &'static str, operation: &'static str, outcome: CallOutcome) {
        let outcome = match outcome {
            CallOutcome::Answered => "answered",
            CallOutcome::Throttled => "throttled",
            CallOutcome::Failed => "failed",
        };
        let ScopeLabels { account, region } = scope.into();
        self.0.calls.get_or_create(&CallLabels { account, region, service, operation, outcome }).inc();
    }

    /// Counts a pass; `complete` says that its sweep had no gap and nothing failed.
    pub fn passed(&self, scope: &Scope, sweep: Duration, complete: bool) {
        let ScopeLabels { account, region } = scope.into();
        let result = if complete { "complete" } else { "incomplete" };
        self.0.passes.get_or_create(&PassLabels { account, region, result }).inc();
        self.0.sweep_duration.get_or_create(&scope.into()).observe(sweep.as_secs_f64());
    }

    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // A method that is no method of ours must not make a series of its own.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" => method,
            _ => "other",
        };
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.0.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.to_owned() };
        self.0.request_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts an event stream for as long as the answer lives.
    pub(crate) fn watching(&self) -> Watching {
        self.0.watchers.inc();
        Watching(self.0.watchers.clone())
    }

    /// All of it as text.
    pub(crate) fn text(&self, picture: Picture) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode_registry(&mut out, &self.0.registry)?;
        text::encode_registry(&mut out, &picture.registry())?;
        text::encode_eof(&mut out)?;
        Ok(out)
    }
}

/// Counts as an open event stream until it is dropped.
#[derive(Debug)]
pub(crate) struct Watching(Gauge);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.dec();
    }
}

type Floats = Family<ScopeLabels, Gauge<f64, std::sync::atomic::AtomicU64>>;

impl Picture {
    fn registry(self) -> Registry {
        let mut registry = Registry::with_prefix("holdfast");
        let phases = Family::<PhaseLabels, Gauge>::default();
        registry.register("resources", "Declared resources by phase", phases.clone());
        for (phase, count) in self.phases {
            phases.get_or_create(&PhaseLabels { phase }).set(count);
        }
        let severities = Family::<SeverityLabels, Gauge>::default();
        registry.register("drift_fields", "Fields that differ from what is declared, by severity", severities.clone());
        for (severity, count) in self.severities {
            severities.get_or_create(&SeverityLabels { severity }).set(count);
        }
        let of_last_sweep: [(&str, &str, fn(&LastSweep) -> f64); 4] = [
            ("last_sweep_timestamp_seconds", "When the last sweep finished, since 1970", |s| s.finished),
            ("last_sweep_duration_seconds", "How long the last sweep took", |s| s.took),
            ("last_sweep_aws_calls", "AWS calls of the last sweep", |s| s.calls),
            ("last_sweep_throttles", "Throttled AWS calls of the last sweep", |s| s.throttles),
        ];
        for (name, help, figure) in of_last_sweep {
            let family = Floats::default();
            registry.register(name, help, family.clone());
            for (scope, sweep) in &self.scopes {
                family.get_or_create(&scope.into()).set(figure(sweep));
            }
        }
        registry
    }
}

fn request_buckets() -> Histogram {
    Histogram::new([0.001, 0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
}

fn sweep_buckets() -> Histogram {
    Histogram::new([0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0])
}
