//! Metrics in Prometheus's text form. What HTTP does is counted here; what the loop did and what the store knows is
//! read when it is asked for, so that nothing is counted twice.

use crate::control::Counts;
use holdfast_core::name::Scope;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// What is counted as it happens.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_duration: Family<RouteLabels, Histogram>,
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabels {
    account: String,
    region: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SeverityLabels {
    severity: String,
}

impl From<&Scope> for ScopeLabels {
    fn from(scope: &Scope) -> Self {
        Self { account: scope.account.clone(), region: scope.region.clone() }
    }
}

/// What the loop and the store say at the moment of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// Resources by phase; every phase is there.
    pub(crate) phases: Vec<(String, i64)>,
    /// Differing fields by severity; every severity is there.
    pub(crate) severities: Vec<(String, i64)>,
    /// The last sweep of each scope.
    pub(crate) sweeps: Vec<(Scope, LastSweep)>,
    /// What the loop has done in each scope.
    pub(crate) counts: BTreeMap<Scope, Counts>,
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
    pub(crate) fn new() -> Self {
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
        let watchers = Gauge::default();
        registry.register("watchers", "Event streams that are open", watchers.clone());
        Self { registry, requests, request_duration, watchers }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // A method that is no method of ours must not make a series of its own.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" => method,
            _ => "other",
        };
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.to_owned() };
        self.request_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts an event stream for as long as what this answers lives.
    pub(crate) fn watching(&self) -> Watching {
        self.watchers.inc();
        Watching(self.watchers.clone())
    }

    /// All of it as text.
    pub(crate) fn text(&self, picture: &Picture) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode_registry(&mut out, &self.registry)?;
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

type FloatGauge = Gauge<f64, AtomicU64>;
type FloatCounter = Counter<f64, AtomicU64>;

/// Name, help, and how the figure is read.
type Figure<T, N> = (&'static str, &'static str, fn(&T) -> N);

const OF_LAST_SWEEP: [Figure<LastSweep, f64>; 4] = [
    ("last_sweep_timestamp_seconds", "When the last sweep finished, since 1970", |s| s.finished),
    ("last_sweep_duration_seconds", "How long the last sweep took", |s| s.took),
    ("last_sweep_aws_calls", "AWS calls of the last sweep", |s| s.calls),
    ("last_sweep_throttles", "Throttled AWS calls of the last sweep", |s| s.throttles),
];

const OF_LOOP: [Figure<Counts, u64>; 4] = [
    ("passes", "Passes over a scope", |c| c.passes),
    ("aws_calls", "AWS calls, reads and writes", |c| c.calls),
    ("aws_writes", "AWS calls that write", |c| c.writes),
    ("aws_throttles", "AWS calls that were told to slow down", |c| c.throttles),
];

impl Picture {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("holdfast");
        let phases = Family::<PhaseLabels, Gauge>::default();
        registry.register("resources", "Declared resources by phase", phases.clone());
        for (phase, count) in &self.phases {
            phases.get_or_create(&PhaseLabels { phase: phase.clone() }).set(*count);
        }
        let severities = Family::<SeverityLabels, Gauge>::default();
        registry.register("drift_fields", "Fields that differ from what is declared, by severity", severities.clone());
        for (severity, count) in &self.severities {
            severities.get_or_create(&SeverityLabels { severity: severity.clone() }).set(*count);
        }
        for (name, help, figure) in OF_LAST_SWEEP {
            let family = Family::<ScopeLabels, FloatGauge>::default();
            registry.register(name, help, family.clone());
            for (scope, sweep) in &self.sweeps {
                family.get_or_create(&scope.into()).set(figure(sweep));
            }
        }
        for (name, help, figure) in OF_LOOP {
            let family = Family::<ScopeLabels, Counter>::default();
            registry.register(name, help, family.clone());
            for (scope, counts) in &self.counts {
                family.get_or_create(&scope.into()).inc_by(figure(counts));
            }
        }
        let sweeping = Family::<ScopeLabels, FloatCounter>::default();
        registry.register_with_unit("sweep_duration", "How long all sweeps took", Unit::Seconds, sweeping.clone());
        for (scope, counts) in &self.counts {
            sweeping.get_or_create(&scope.into()).inc_by(Duration::from_millis(counts.sweep_ms).as_secs_f64());
        }
        registry
    }
}

fn request_buckets() -> Histogram {
    Histogram::new([0.001, 0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
}
