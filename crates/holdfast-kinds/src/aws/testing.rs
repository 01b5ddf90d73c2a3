//! What a test of the live side stands on that makes no call.

use super::cache::Cache;
use super::call::Aws;
use super::clients::Clients;
use super::look::Look;
use holdfast_core::cloud::Unmetered;
use holdfast_core::name::Scope;

/// A scope of which nothing is known yet.
pub(crate) struct Lab {
    scope: Scope,
    cache: Cache,
    clients: Clients,
    pub(super) look: Look,
}

impl Default for Lab {
    fn default() -> Self {
        let (scope, clients) = (Scope::new("default", "eu-west-1"), Clients::of_nobody());
        Self { scope, cache: Cache::default(), clients, look: Look::default() }
    }
}

impl Lab {
    /// AWS there, with so many calls left for the audit.
    pub(crate) fn aws(&self, audit_calls: usize) -> Aws<'_> {
        Aws::new(&self.scope, &Unmetered, &self.clients, &self.cache, &self.look, audit_calls)
    }
}
