//! The real AWS, with its accounts kept as the Account documents say.

use anyhow::{Context, Result};
use async_trait::async_trait;
use holdfast_core::cloud::{
    AccountAccess, Applied, ApplyError, Cloud, ErrorClass, Memo, Meter, Rounds, Shelf, Tagged, Turn,
};
use holdfast_core::document::AccountSpec;
use holdfast_core::name::{KindName, Scope};
use holdfast_core::observe::{Snapshot, Wanted};
use holdfast_core::preflight::{Asked, Preflight};
use holdfast_kinds::aws::{AwsCloud, AwsOptions};
use holdfast_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What AWS gives only one thing a call is read in every so many sweeps: in the others there is no room for it.
const AUDIT_EVERY: u32 = 4;

/// AWS over its SDK. Account documents that are applied later are taken up as they come.
pub(crate) fn connect(store: &Store, meter: Arc<dyn Meter>, sweep_interval: Duration) -> Result<Arc<dyn Cloud>> {
    let audit_every = sweep_interval.saturating_mul(AUDIT_EVERY).try_into().unwrap_or(SignedDuration::MAX);
    let options = AwsOptions { audit_every, ..AwsOptions::default() };
    let aws = AwsCloud::new(meter, options).with_shelf(Arc::new(OnDisk(store.clone())));
    let cloud = Declared { aws, store: store.clone(), turn: Mutex::default() };
    cloud.follow().context("cannot read the accounts")?;
    let cloud = Arc::new(cloud);
    let news = Arc::new(Notify::new());
    let teller = Arc::clone(&news);
    store.on_event(Box::new(move |_| teller.notify_one()));
    let follower = Arc::clone(&cloud);
    tokio::spawn(async move {
        loop {
            news.notified().await;
            if let Err(error) = follower.follow() {
                tracing::error!(%error, "the accounts could not be read; those known before stay in force");
            }
        }
    });
    Ok(cloud)
}

/// The store, as the place for what never changes.
struct OnDisk(Store);

impl Shelf for OnDisk {
    fn keys(&self, scope: &Scope) -> Vec<String> {
        or_none(scope, self.0.shelf(scope))
    }

    fn get(&self, scope: &Scope, key: &str) -> Option<String> {
        or_none(scope, self.0.shelved(scope, key))
    }

    fn keep(&self, scope: &Scope, new: &[(String, String)]) -> bool {
        let kept = self.0.shelve(scope, new);
        if let Err(error) = &kept {
            tracing::warn!(%scope, %error, "what never changes could not be kept; after a restart AWS is asked again");
        }
        kept.is_ok()
    }
}

/// What was kept, or nothing.
fn or_none<T: Default>(scope: &Scope, kept: Result<T, StoreError>) -> T {
    kept.unwrap_or_else(|error| {
        tracing::warn!(%scope, %error, "what was kept could not be read; AWS is asked once more");
        T::default()
    })
}

/// AWS with the accounts as they are declared.
struct Declared {
    aws: AwsCloud,
    store: Store,
    /// Held from reading the documents until they are in force, so that an older reading never replaces a newer one.
    turn: Mutex<()>,
}

impl Declared {
    /// Reaches the accounts as their documents say from now on; what is reached as before is not disturbed.
    fn follow(&self) -> Result<(), StoreError> {
        let access = |spec: AccountSpec| AccountAccess {
            account_id: Some(spec.account_id),
            role_arn: spec.role_arn,
            external_id: spec.external_id,
            session_name: spec.session_name,
            endpoint_url: spec.endpoint_url,
        };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = self.store.accounts()?.into_iter().map(|a| (a.name, access(a.spec)));
        self.aws.set_accounts(accounts.collect::<BTreeMap<_, _>>());
        Ok(())
    }
}

#[async_trait]
impl Cloud for Declared {
    async fn sweep(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>) -> Snapshot {
        self.aws.sweep(scope, wanted).await
    }

    async fn follow(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>, memo: &mut Memo) -> Snapshot {
        self.aws.follow(scope, wanted, memo).await
    }

    async fn apply(&self, scope: &Scope, kind: KindName, action: &Value, token: &str) -> Result<Applied, ApplyError> {
        self.aws.apply(scope, kind, action, token).await
    }

    fn hint(&self, scope: &Scope, ids: &[&str]) {
        self.aws.hint(scope, ids);
    }

    fn rounds(&self, scope: &Scope) -> Rounds {
        self.aws.rounds(scope)
    }

    fn read_at(&self, scope: &Scope, id: &str) -> Option<Timestamp> {
        self.aws.read_at(scope, id)
    }

    async fn turn(&self, scope: &Scope, operation: &'static str) -> Turn {
        self.aws.turn(scope, operation).await
    }

    /// Whose account it is as of the documents of this moment: the answer must not be of a way in that was replaced.
    async fn identify(&self, scope: &Scope) -> Result<String, ApplyError> {
        self.follow().map_err(|error| ApplyError {
            class: ErrorClass::Transient,
            operation: "account".to_owned(),
            code: "Store".to_owned(),
            message: format!("the accounts could not be read: {error}"),
            request_id: None,
        })?;
        self.aws.identify(scope).await
    }

    async fn preflight(&self, scope: &Scope, asked: &Asked) -> Preflight {
        self.aws.preflight(scope, asked).await
    }

    async fn tagged(&self, scope: &Scope, stack: &str) -> Result<Vec<Tagged>, ApplyError> {
        self.aws.tagged(scope, stack).await
    }
}
