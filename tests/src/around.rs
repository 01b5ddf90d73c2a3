//! The simulated AWS with somebody who stands around its sweeps; all else goes through.

use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError, Cloud, Tagged};
use holdfast_core::name::{KindName, Scope};
use holdfast_core::observe::{Snapshot, Wanted};
use holdfast_core::preflight::{Asked, Preflight};
use holdfast_sim::SimCloud;
use serde_json::Value;
use std::collections::BTreeMap;

/// Who stands around.
#[async_trait]
pub(crate) trait Bystander: Send + Sync {
    /// A sweep is about to begin.
    async fn before(&self, _scope: &Scope) {}

    /// A sweep has ended.
    fn after(&self, _snapshot: &Snapshot) {}
}

/// The simulated AWS and its bystander.
pub(crate) struct Around<B> {
    pub(crate) cloud: SimCloud,
    pub(crate) by: B,
}

#[async_trait]
impl<B: Bystander> Cloud for Around<B> {
    async fn sweep(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>) -> Snapshot {
        self.by.before(scope).await;
        let snapshot = self.cloud.sweep(scope, wanted).await;
        self.by.after(&snapshot);
        snapshot
    }

    async fn apply(&self, scope: &Scope, kind: KindName, action: &Value, token: &str) -> Result<Applied, ApplyError> {
        self.cloud.apply(scope, kind, action, token).await
    }

    async fn identify(&self, scope: &Scope) -> Result<String, ApplyError> {
        self.cloud.identify(scope).await
    }

    async fn preflight(&self, scope: &Scope, asked: &Asked) -> Preflight {
        self.cloud.preflight(scope, asked).await
    }

    async fn tagged(&self, scope: &Scope, stack: &str) -> Result<Vec<Tagged>, ApplyError> {
        self.cloud.tagged(scope, stack).await
    }
}
