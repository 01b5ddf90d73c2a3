//! What every route works with.

use crate::claims::Claims;
use crate::control::Loop;
use crate::graph::Users;
use crate::http::auth::TokenHash;
use crate::http::cursor::Sealer;
use crate::http::problem::Problem;
use crate::metrics::Metrics;
use crate::stored::claim_all;
use holdfast_core::kind::Registry;
use holdfast_core::name::Scope;
use holdfast_core::plan::Desired;
use holdfast_core::validate::Validators;
use holdfast_store::{Store, StoreError};
use http::StatusCode;
use jiff::Timestamp;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// Limits and keys of the server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Tokens that open the API. Without any it serves loopback only.
    pub tokens: Vec<TokenHash>,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a request may take; event streams are not meant.
    pub request_timeout: Duration,
    /// How long a client may let an answer wait before it is dropped.
    pub write_timeout: Duration,
    /// How many connections there may be at a time.
    pub max_connections: usize,
    /// How many event streams there may be at a time.
    pub max_watchers: usize,
    /// How often an event stream says that it still lives.
    pub heartbeat: Duration,
    /// How long what is under way may take when the server stops.
    pub drain_timeout: Duration,
    /// How much of a stack `?prune=true` may delete without a person's word.
    pub shrink: Shrink,
}

/// How much of a stack may be deleted without anybody having named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrink {
    /// At most so many per cent of its resources.
    pub share: u64,
    /// Unless these are fewer than so many.
    pub least: u64,
}

impl Default for Shrink {
    fn default() -> Self {
        Self { share: 50, least: 5 }
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            max_body: 8 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            max_connections: 4096,
            max_watchers: 1024,
            heartbeat: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(10),
            shrink: Shrink::default(),
        }
    }
}

/// What the API is put together from.
pub struct Wiring {
    /// The memory.
    pub store: Store,
    /// The kinds of this build.
    pub registry: Arc<Registry>,
    /// The loop.
    pub control: Arc<dyn Loop>,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Makes the uid of a new resource; never the same twice.
    pub new_uid: Arc<dyn Fn() -> String + Send + Sync>,
    /// The region of a stack that names none; without it such a stack is refused.
    pub default_region: Option<String>,
    /// Limits and keys.
    pub options: ServerOptions,
}

/// What every route works with. A clone is another handle to the same one.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    wiring: Wiring,
    validators: Validators,
    metrics: Metrics,
    newest_event: watch::Sender<u64>,
    declaring: Arc<Mutex<()>>,
    claims: Claims,
    users: Users,
    warm: std::sync::Mutex<bool>,
    closing: CancellationToken,
    sealer: Sealer,
    watchers: Arc<Semaphore>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("options", &self.0.wiring.options).finish_non_exhaustive()
    }
}

impl ApiState {
    /// Puts the API together and listens to the store's events.
    pub fn new(wiring: Wiring) -> Self {
        let newest_event = watch::Sender::new(0);
        let teller = newest_event.clone();
        wiring.store.on_event(Box::new(move |id| {
            // Commits may report in any order; the newest id never goes back.
            teller.send_if_modified(|newest| {
                id > *newest && {
                    *newest = id;
                    true
                }
            });
        }));
        // The same tokens give the same seal, so that a page can be turned across a restart.
        let secret = wiring.options.tokens.iter().map(ToString::to_string).collect::<String>();
        let watchers = Arc::new(Semaphore::new(wiring.options.max_watchers));
        Self(Arc::new(Inner {
            validators: Validators::new(&wiring.registry),
            metrics: Metrics::new(),
            newest_event,
            declaring: Arc::default(),
            claims: Claims::default(),
            users: Users::default(),
            warm: std::sync::Mutex::default(),
            closing: CancellationToken::new(),
            sealer: Sealer::new(secret.as_bytes()),
            watchers,
            wiring,
        }))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
    /// Says that the server is going: event streams end, and it is no longer ready.
    pub(crate) fn close(&self) {
        self.0.closing.cancel();
    }
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }
    pub(crate) fn options(&self) -> &ServerOptions {
        &self.0.wiring.options
    }
    pub(crate) fn store(&self) -> &Store {
        &self.0.wiring.store
    }
    pub(crate) fn registry(&self) -> &Registry {
        &self.0.wiring.registry
    }
    pub(crate) fn validators(&self) -> &Validators {
        &self.0.validators
    }
    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }
    pub(crate) fn users(&self) -> &Users {
        &self.0.users
    }
    pub(crate) fn control(&self) -> &dyn Loop {
        &*self.0.wiring.control
    }
    pub(crate) fn now(&self) -> Timestamp {
        (self.0.wiring.now)()
    }
    pub(crate) fn new_uid(&self) -> String {
        (self.0.wiring.new_uid)()
    }
    pub(crate) fn default_region(&self) -> Option<&str> {
        self.0.wiring.default_region.as_deref()
    }
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }
    pub(crate) fn watchers(&self) -> Arc<Semaphore> {
        self.0.watchers.clone()
    }
    pub(crate) fn newest_event(&self) -> watch::Receiver<u64> {
        self.0.newest_event.subscribe()
    }

    /// Reads what is declared, once, so that no request after it waits for that. Whoever comes meanwhile waits.
    pub(crate) fn warm_up(&self) -> Result<(), StoreError> {
        let mut warm = self.0.warm.lock().unwrap_or_else(PoisonError::into_inner);
        if !*warm {
            self.each_list(|scope, list| self.users().follow(scope, list))?;
            *warm = true;
        }
        Ok(())
    }

    /// Finds out which live things are declared, so that no declaration waits for that: it takes as long as all else at
    /// the start, and a declaration that comes meanwhile finds it out for its own kind.
    pub(crate) fn warm_up_claims(&self) -> Result<(), StoreError> {
        self.each_list(|scope, list| claim_all(self, scope, &list))
    }

    fn each_list(&self, mut with: impl FnMut(&Scope, Arc<[Arc<Desired>]>)) -> Result<(), StoreError> {
        for scope in self.store().scopes()? {
            with(&scope, self.store().desired(&scope, self.now())?);
        }
        Ok(())
    }

    /// Runs `read` where it may block. A panic in it reaches the layer that makes a problem of panics.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ApiState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let state = self.clone();
        match tokio::task::spawn_blocking(move || read(&state)).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(Problem::internal(&error)),
            },
        }
    }

    /// As [`Self::blocking`], one at a time: what is checked against the store still holds when it is written. Nobody
    /// but the API declares anything, and one process has the store.
    pub(crate) async fn declaring<T: Send + 'static>(
        &self,
        write: impl FnOnce(&ApiState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        // Waited for here, where waiting costs no thread; kept by the work itself, which goes on when the client does not.
        let alone = Arc::clone(&self.0.declaring).lock_owned().await;
        self.blocking(move |state| {
            let outcome = write(state);
            drop(alone);
            outcome
        })
        .await
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "store-full",
                "Insufficient storage",
                "The server's disk is full, so nothing was stored. Free some space on it and try again.",
            ),
            StoreError::Unwritable(_) => {
                tracing::error!(%error, "the store takes no writes");
                Problem::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "store-unwritable",
                    "Insufficient storage",
                    "The server's disk refuses to be written, so nothing was stored. Look at its quota, its limits and its health; \
                     the server's log has the cause.",
                )
            }
            StoreError::Busy => Problem::unavailable("store-busy", "The store is busy; try again in a moment."),
            StoreError::Conflict { .. } => {
                Problem::precondition(format!("{error}. Read it again and repeat the request with the new ETag."))
            }
            StoreError::Missing(target) => Problem::not_found(&format!("{target} does not exist.")),
            other => Problem::internal(&Chain(&other)),
        }
    }
}

/// An error with all of its sources, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[test]
    fn a_full_disk_is_507_and_a_busy_store_503() {
        for (error, status) in [
            (StoreError::Full, StatusCode::INSUFFICIENT_STORAGE),
            (StoreError::Unwritable("quota".to_owned()), StatusCode::INSUFFICIENT_STORAGE),
            (StoreError::Busy, StatusCode::SERVICE_UNAVAILABLE),
            (StoreError::Corrupt("page 7".to_owned()), StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            assert_eq!(Problem::from(error).into_response().status(), status);
        }
    }
}
