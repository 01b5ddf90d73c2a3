//! The real AWS, with its accounts kept as the Account documents say.

use anyhow::{Context, Result};
use holdfast_core::cloud::{AccountAccess, Cloud, Meter};
use holdfast_kinds::aws::{AwsCloud, AwsOptions};
use holdfast_store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// AWS over its SDK. Account documents that are applied later are taken up as they come.
pub(crate) fn connect(store: &Store, meter: Arc<dyn Meter>) -> Result<Arc<dyn Cloud>> {
    let cloud = Arc::new(AwsCloud::new(meter, AwsOptions::default()));
    let mut known = accounts(store).context("cannot read the accounts")?;
    cloud.set_accounts(known.clone());
    let news = Arc::new(Notify::new());
    let teller = Arc::clone(&news);
    store.on_event(Box::new(move |_| teller.notify_one()));
    let (store, follower) = (store.clone(), Arc::clone(&cloud));
    tokio::spawn(async move {
        loop {
            news.notified().await;
            match accounts(&store) {
                Ok(now) if now != known => {
                    follower.set_accounts(now.clone());
                    known = now;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the accounts could not be read; those known before stay in force")
                }
            }
        }
    });
    Ok(cloud)
}

fn accounts(store: &Store) -> Result<BTreeMap<String, AccountAccess>, StoreError> {
    let access = |spec: holdfast_core::document::AccountSpec| AccountAccess {
        account_id: Some(spec.account_id),
        role_arn: spec.role_arn,
        external_id: spec.external_id,
        session_name: spec.session_name,
        endpoint_url: spec.endpoint_url,
    };
    Ok(store.accounts()?.into_iter().map(|a| (a.name, access(a.spec))).collect())
}
