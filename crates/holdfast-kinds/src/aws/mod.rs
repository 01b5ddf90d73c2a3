//! AWS itself: the [`Cloud`] that the engine sees, over the AWS SDK.
//!
//! Flow: a sweep asks every wanted kind at once; each kind makes batched calls through [`Aws`], which waits for the
//! budget, sends, sorts the error and reports how the call ended. Guarantees: no call goes past the meter; the SDK
//! never retries by itself, because the engine's plan is the retry; a kind that fails or panics leaves a gap of its
//! own and nothing else.

mod agent;
pub(crate) mod answer;
mod audit;
mod cache;
mod call;
mod clients;
mod error;
mod listing;
mod look;
mod preflight;
mod session;
mod tags;
#[cfg(test)]
pub(crate) mod testing;
mod whole;

pub(crate) use audit::Audit;
pub(crate) use cache::LastMade;
pub(crate) use call::{Aws, Sent, Service, all_pages, each_page, folded, gap, reading};
pub(crate) use tags::{TagsByArn, set_then_remove};

use crate::common::one_line;
use async_trait::async_trait;
use call::unreadable;
use clients::ScopeState;
use futures::FutureExt;
use holdfast_core::cloud::{
    AccountAccess, Applied, ApplyError, Cloud, ErrorClass, Memo, Meter, Rounds, Shelf, Tagged, Turn,
};
use holdfast_core::kind::Kind;
use holdfast_core::name::{KindName, Scope};
use holdfast_core::observe::{Gap, Reading, Snapshot, Wanted};
use holdfast_core::preflight::{Asked, Preflight};
use look::Look;
use serde_json::Value;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tags::Feed;
use tokio::sync::OnceCell;

/// The live side of a kind: translation, no decisions.
#[async_trait]
pub(crate) trait Live: Kind<Action: Send + Sync> {
    /// True if its sweep reads attributes one thing a call, within the audit budget ([`Aws::audit`]).
    const AUDITED: bool = false;

    /// Reads everything wanted in batches. What could not be read is a gap; an error says that nothing could.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError>;

    /// Does one action. `token` goes where the API takes a client token. Request ids need not be filled in:
    /// [`Aws`] collects them.
    async fn apply(aws: &Aws<'_>, action: &Self::Action, token: &str) -> Result<Applied, ApplyError>;
}

/// A [`Live`] with its types erased.
#[async_trait]
pub(crate) trait AnyLive: Send + Sync {
    /// The kind's name.
    fn name(&self) -> KindName;
    /// Whether it takes part in the audit budget.
    fn audited(&self) -> bool;
    /// [`Live::sweep`].
    async fn sweep(&self, aws: &Aws<'_>, wanted: &Wanted) -> Reading;
    /// [`Live::apply`].
    async fn apply(&self, aws: &Aws<'_>, action: &Value, token: &str) -> Result<Applied, ApplyError>;
}

/// Erases `K`.
pub(crate) struct Wire<K: Live>(PhantomData<fn() -> K>);

impl<K: Live> Wire<K> {
    /// The erased form of `K`.
    pub(crate) fn boxed() -> Box<dyn AnyLive> {
        Box::new(Self(PhantomData))
    }
}

#[async_trait]
impl<K: Live> AnyLive for Wire<K> {
    fn name(&self) -> KindName {
        K::NAME
    }
    fn audited(&self) -> bool {
        K::AUDITED
    }
    async fn sweep(&self, aws: &Aws<'_>, wanted: &Wanted) -> Reading {
        let reading = K::sweep(aws, wanted).await.unwrap_or_else(|error| unreadable(&error));
        Reading { parts: std::mem::take(&mut lock(&aws.unread)), ..reading }
    }
    async fn apply(&self, aws: &Aws<'_>, action: &Value, token: &str) -> Result<Applied, ApplyError> {
        let action: K::Action = serde_json::from_value(action.clone())
            .map_err(|e| error::ours(K::NAME, "MalformedAction", ErrorClass::Rejected, e.to_string()))?;
        K::apply(aws, &action, token).await
    }
}

/// What can be set about the live side.
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// Calls a minute that a scope's sweeps may spend on what AWS only gives one thing at a time (attributes). Default
    /// 150, a quarter of what Elastic Load Balancing documents; where it grants less, as much fewer.
    pub audit_calls: usize,
    /// How often each of these is read at most, but for what was just written or asked for. Default four minutes.
    pub audit_every: jiff::SignedDuration,
    /// The clock; stamps snapshots.
    pub now: fn() -> jiff::Timestamp,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self { audit_calls: 150, audit_every: jiff::SignedDuration::from_mins(4), now: jiff::Timestamp::now }
    }
}

/// AWS over its SDK. Clients are made when first needed and kept; so is what never changes (task definitions).
pub struct AwsCloud {
    meter: Arc<dyn Meter>,
    options: AwsOptions,
    live: BTreeMap<KindName, Box<dyn AnyLive>>,
    base: OnceCell<aws_types::SdkConfig>,
    accounts: Mutex<BTreeMap<String, AccountAccess>>,
    scopes: Mutex<BTreeMap<Scope, Arc<ScopeState>>>,
    shelf: Option<Arc<dyn Shelf>>,
}

impl AwsCloud {
    /// AWS for the account `default` alone, with the process's own credentials, until
    /// [`set_accounts`](Self::set_accounts) names others.
    pub fn new(meter: Arc<dyn Meter>, options: AwsOptions) -> Self {
        Self {
            meter,
            options,
            live: crate::live().into_iter().map(|k| (k.name(), k)).collect(),
            base: OnceCell::new(),
            accounts: Mutex::default(),
            scopes: Mutex::default(),
            shelf: None,
        }
    }

    /// With a place beyond the process for what never changes: a new process then need not read it again.
    #[must_use]
    pub fn with_shelf(mut self, shelf: Arc<dyn Shelf>) -> Self {
        self.shelf = Some(shelf);
        self
    }

    /// Says how the accounts are reached from now on. Clients and caches of accounts that changed are dropped.
    pub fn set_accounts(&self, accounts: BTreeMap<String, AccountAccess>) {
        let mut held = lock(&self.accounts);
        lock(&self.scopes).retain(|scope, state| state.reached_by(access_of(&accounts, &scope.account).as_ref()));
        *held = accounts;
    }

    /// The scope's clients and cache; an error says which account is unknown.
    async fn state(&self, scope: &Scope) -> Result<Arc<ScopeState>, ApplyError> {
        let base = self.base.get_or_init(clients::base_config).await;
        // Held until the state stands in its place, so that it is never made by a way of access that was just replaced.
        let accounts = lock(&self.accounts);
        let access = access_of(&accounts, &scope.account).ok_or_else(|| {
            let words =
                format!("the account \"{}\" is not known; apply an Account document of that name", scope.account);
            error::ours("account", "UnknownAccount", ErrorClass::Rejected, words)
        })?;
        let mut scopes = lock(&self.scopes);
        Ok(scopes
            .entry(scope.clone())
            .or_insert_with(|| Arc::new(ScopeState::new(base, scope, access, &self.meter, self.shelf.clone())))
            .clone())
    }

    /// The scope's clients and cache once it is certain whose account they reach. What changes the way into an account
    /// makes it uncertain again.
    async fn confirmed(&self, scope: &Scope) -> Result<Arc<ScopeState>, ApplyError> {
        let state = self.state(scope).await?;
        if state.unconfirmed().is_some() {
            let found = self.ask_identity(&state).await?;
            if let Some(expected) = state.unconfirmed() {
                return Err(wrong_account(scope, expected, &found));
            }
        }
        Ok(state)
    }

    async fn ask_identity(&self, state: &ScopeState) -> Result<String, ApplyError> {
        let look = Look::default();
        let aws = Aws::new(state.scope(), self.meter.as_ref(), state.clients(), state.cache(), &look, 0);
        // Everybody may ask this, so a refusal is one of the credentials.
        let account = aws.account_id().await.inspect_err(|error| {
            if matches!(error.class, ErrorClass::Unsigned | ErrorClass::Denied) {
                state.refused();
            }
        })?;
        state.identified(&account);
        Ok(account)
    }

    fn gaps_everywhere(&self, wanted: &BTreeMap<KindName, Wanted>, error: &ApplyError) -> BTreeMap<KindName, Reading> {
        wanted.keys().map(|kind| (*kind, unreadable(error))).collect()
    }

    /// Calls a minute for what AWS gives one thing at a time: fewer where it grants less than it documents.
    fn audit_calls(&self, scope: &Scope) -> usize {
        let granted = self.meter.granted(scope, "elasticloadbalancing", "DescribeTargetGroupAttributes");
        ((self.options.audit_calls as f64 * granted) as usize).max(1)
    }

    /// Calls of `calls` that each audited kind may spend: its share by number of things.
    fn audit_share(&self, kind: &dyn AnyLive, wanted: &BTreeMap<KindName, Wanted>, calls: usize) -> usize {
        if !kind.audited() {
            return 0;
        }
        let count = |name: &str| wanted.get(name).map_or(0, |w| w.resources.len());
        let all: usize = self.live.values().filter(|k| k.audited()).map(|k| count(k.name())).sum();
        (calls * count(kind.name())).div_ceil(all.max(1))
    }

    async fn sweep_kinds(
        &self,
        scope: &Scope,
        wanted: &BTreeMap<KindName, Wanted>,
        look: &Look,
    ) -> BTreeMap<KindName, Reading> {
        let state = match self.confirmed(scope).await {
            Ok(state) => state,
            Err(error) => return self.gaps_everywhere(wanted, &error),
        };
        let clients = state.clients();
        let now = self.options.now;
        let most = self.audit_calls(scope);
        let calls = lock(&state.cache().attributes).begin(most, self.options.audit_every, now());
        let spent = AtomicUsize::new(0);
        let readings = wanted.iter().map(|(name, wanted_here)| {
            let (cache, spent) = (state.cache(), &spent);
            async move {
                let Some(kind) = self.live.get(name) else {
                    return (*name, hidden("sweep", format!("this build does not know the kind {name}")));
                };
                let share = self.audit_share(kind.as_ref(), wanted, calls);
                let aws = Aws::new(scope, self.meter.as_ref(), clients, cache, look, share).at(now);
                let reading = AssertUnwindSafe(kind.sweep(&aws, wanted_here)).catch_unwind().await;
                spent.fetch_add(share - aws.audit_left.load(Ordering::Relaxed), Ordering::Relaxed);
                (*name, reading.unwrap_or_else(|panic| hidden("sweep", panic_words(name, panic.as_ref()))))
            }
        });
        let readings = futures::future::join_all(readings).await.into_iter().collect();
        lock(&state.cache().attributes).spend(spent.load(Ordering::Relaxed));
        state.cache().shelve();
        state.cache().drop_old(now());
        readings
    }

    /// The scope's cache, if anything was asked of it yet.
    fn known(&self, scope: &Scope) -> Option<Arc<ScopeState>> {
        lock(&self.scopes).get(scope).cloned()
    }
}

#[async_trait]
impl Cloud for AwsCloud {
    async fn sweep(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>) -> Snapshot {
        self.follow(scope, wanted, &mut Memo::default()).await
    }

    /// What is kept is the tag feed.
    async fn follow(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>, memo: &mut Memo) -> Snapshot {
        let taken_at = (self.options.now)();
        let look = Look { feed: Feed::of(memo, wanted, taken_at), ..Look::default() };
        let kinds = self.sweep_kinds(scope, wanted, &look).await;
        look.feed.keep(memo, taken_at);
        Snapshot { scope: scope.clone(), taken_at, kinds }
    }

    async fn apply(&self, scope: &Scope, kind: KindName, action: &Value, token: &str) -> Result<Applied, ApplyError> {
        let live = self.live.get(kind).ok_or_else(|| {
            error::ours(kind, "UnknownKind", ErrorClass::Rejected, format!("this build does not know the kind {kind}"))
        })?;
        let state = self.confirmed(scope).await?;
        let look = Look::default();
        let aws = Aws::new(scope, self.meter.as_ref(), state.clients(), state.cache(), &look, 0);
        let aws = aws.at(self.options.now);
        let applying = agent::INTENT.scope(token.to_owned(), live.apply(&aws, action, token));
        let outcome = AssertUnwindSafe(applying).catch_unwind().await;
        let mut applied = outcome.unwrap_or_else(|panic| {
            Err(error::ours(kind, "Panic", ErrorClass::Lost, panic_words(kind, panic.as_ref())))
        })?;
        applied.request_ids = aws.request_ids();
        Ok(applied)
    }

    fn hint(&self, scope: &Scope, ids: &[&str]) {
        if let Some(state) = self.known(scope) {
            lock(&state.cache().attributes).hint(ids);
        }
    }

    fn rounds(&self, scope: &Scope) -> Rounds {
        let most = self.audit_calls(scope);
        self.known(scope).map(|state| lock(&state.cache().attributes).rounds(most)).unwrap_or_default()
    }

    fn read_at(&self, scope: &Scope, id: &str) -> Option<jiff::Timestamp> {
        lock(&self.known(scope)?.cache().attributes).read_at(id)
    }

    async fn turn(&self, scope: &Scope, operation: &'static str) -> Turn {
        match operation.split_once(':') {
            Some((service, operation)) => Arc::clone(&self.meter).turn(scope, service, operation).await,
            None => Turn::free(),
        }
    }

    async fn identify(&self, scope: &Scope) -> Result<String, ApplyError> {
        let state = self.state(scope).await?;
        self.ask_identity(&state).await
    }

    async fn preflight(&self, scope: &Scope, asked: &Asked) -> Preflight {
        let state = match self.confirmed(scope).await {
            Ok(state) => state,
            Err(error) => return preflight::untold(asked, &error),
        };
        let look = Look::default();
        let aws = Aws::new(scope, self.meter.as_ref(), state.clients(), state.cache(), &look, 0);
        preflight::preflight(&aws, asked).await
    }

    async fn tagged(&self, scope: &Scope, stack: &str) -> Result<Vec<Tagged>, ApplyError> {
        let state = self.confirmed(scope).await?;
        let look = Look::default();
        let aws = Aws::new(scope, self.meter.as_ref(), state.clients(), state.cache(), &look, 0);
        tags::of_stack(&aws, stack).await
    }
}

fn wrong_account(scope: &Scope, expected: &str, found: &str) -> ApplyError {
    let words = format!(
        "the account \"{}\" is declared as {expected}, but its credentials belong to {found}: nothing is read or written \
         there",
        scope.account
    );
    error::ours("sts:GetCallerIdentity", "WrongAccount", ErrorClass::Unsigned, words)
}

/// How to reach an account; `default` needs no document.
fn access_of(accounts: &BTreeMap<String, AccountAccess>, name: &str) -> Option<AccountAccess> {
    accounts.get(name).cloned().or_else(|| (name == "default").then(AccountAccess::default))
}

fn hidden(operation: &str, reason: String) -> Reading {
    Reading { gaps: vec![Gap::new(operation, Vec::new(), reason)], ..Reading::default() }
}

fn panic_words(kind: &str, panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a defect in the kind {kind}: {}; please report it", one_line(words.unwrap_or("no message")))
}

/// Locks without caring about a panic of another holder: what is guarded is replaced whole, never half-written.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_core::cloud::CallOutcome;

    /// AWS grants a third of what it documents for Elastic Load Balancing.
    struct Third;

    #[async_trait]
    impl Meter for Third {
        async fn acquire(&self, _: &Scope, _: &'static str, _: &'static str) {}
        fn finished(&self, _: &Scope, _: &'static str, _: &'static str, _: CallOutcome) {}
        fn granted(&self, _: &Scope, service: &'static str, _: &'static str) -> f64 {
            if service == "elasticloadbalancing" { 1.0 / 3.0 } else { 1.0 }
        }
    }

    #[test]
    fn what_is_read_one_a_call_takes_the_same_part_of_what_aws_grants() {
        let scope = Scope::new("default", "eu-west-1");
        let calls = |meter: Arc<dyn Meter>, audit_calls| {
            AwsCloud::new(meter, AwsOptions { audit_calls, ..AwsOptions::default() }).audit_calls(&scope)
        };
        assert_eq!(calls(Arc::new(holdfast_core::cloud::Unmetered), 150), 150);
        assert_eq!([150, 1].map(|most| calls(Arc::new(Third), most)), [50, 1], "and never none");
    }
}
