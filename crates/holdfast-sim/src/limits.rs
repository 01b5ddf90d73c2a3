//! AWS's request limits, enforced: a call that finds its bucket empty is refused.

use holdfast_core::name::Scope;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bucket of calls: its name, how many it holds, and how many come back a second.
pub type Limit = (&'static str, f64, f64);

/// The buckets that an operation of a service draws on.
pub(crate) type Table = Arc<dyn Fn(&'static str, &'static str) -> Vec<Limit> + Send + Sync>;

/// What is left of every bucket.
#[derive(Clone, Default)]
pub(crate) struct Limits {
    table: Option<Table>,
    levels: BTreeMap<(Scope, &'static str), (f64, Timestamp)>,
}

impl Limits {
    pub(crate) fn enforce(&mut self, table: Table) {
        self.table = Some(table);
        self.levels.clear();
    }

    /// Draws one call, such as `ecs:CreateService`; true if it is refused, and then nothing is drawn.
    pub(crate) fn refuse(&mut self, scope: &Scope, operation: &'static str, now: Timestamp) -> bool {
        let Some((table, (service, name))) = self.table.as_ref().zip(operation.split_once(':')) else { return false };
        let buckets = table(service, name);
        let mut refused = false;
        for (name, size, refill) in &buckets {
            let (level, since) = self.levels.entry((scope.clone(), *name)).or_insert((*size, now));
            let passed = now.duration_since(*since).as_secs_f64().max(0.0);
            (*level, *since) = ((*level + passed * refill).min(*size), now);
            // What adds up from many small parts may be a rounding error short of a whole call.
            refused |= *level < 1.0 - 1e-6;
        }
        if !refused {
            for (name, _, _) in buckets {
                if let Some((level, _)) = self.levels.get_mut(&(scope.clone(), name)) {
                    *level -= 1.0;
                }
            }
        }
        refused
    }
}
