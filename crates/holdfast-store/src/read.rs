//! Reading resources: one, a page, counts, drift.

use crate::record_types::ScopeStatus;
use crate::resource::{self, SELECT};
use crate::row::Where;
use crate::types::{Filter, ResourceRecord, Summary};
use crate::{Store, StoreError, row};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::status::Phase;
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;

/// A filter as conditions on the resource table.
fn conditions(filter: &Filter) -> Where {
    let mut conditions = Where::default();
    conditions.maybe("r.stack = ?", filter.stack.as_ref());
    conditions.maybe("r.kind = ?", filter.kind.as_ref());
    conditions.maybe("r.account = ?", filter.account.as_ref());
    conditions.maybe("r.region = ?", filter.region.as_ref());
    if let Some(phase) = filter.phase {
        conditions.and("r.phase = ?", phase.to_string());
    }
    if let Some(q) = &filter.q {
        // Not LIKE: a name may hold its wildcards.
        conditions.and("instr(lower(r.stack || '/' || r.kind || '/' || r.name), ?) > 0", q.to_ascii_lowercase());
    }
    conditions
}

/// The last sweep of each scope, for the time when its resources were last seen.
type Sweeps = BTreeMap<Scope, ScopeStatus>;

/// A record, with `last_observed_at` moved on to the last sweep that could read its kind: a pass that found
/// nothing new has not written the row.
fn record(row: &Row<'_>, sweeps: &Sweeps) -> Result<ResourceRecord, StoreError> {
    let mut record = resource::record(row)?;
    if let (Some(seen), Some(sweep)) = (record.status.last_observed_at.as_mut(), sweeps.get(&record.scope))
        && record.status.phase != Phase::Unknown
        && !sweep.gaps.contains_key(&record.key.kind)
        && let Some(swept_at) = sweep.swept_at
    {
        *seen = swept_at.max(*seen);
    }
    Ok(record)
}

/// The same, of those that have a difference: a condition that lets SQLite take the index of them.
fn with_drift(filter: &Filter) -> Where {
    let mut conditions = conditions(filter);
    conditions.and("r.drift_since >= ?", i64::MIN);
    conditions
}

/// The query of those that have a difference. Few have; a sort of them, which the signs before the names force, costs
/// less than walking all that is declared in its order.
fn drifted(conditions: &Where) -> String {
    format!("{SELECT}{} ORDER BY +r.stack, +r.kind, +r.name", conditions.sql())
}

fn key(row: &Row<'_>) -> Result<ResourceKey, StoreError> {
    Ok(ResourceKey::new(row::text(row, "stack")?, row::text(row, "kind")?, row::text(row, "name")?))
}

impl Store {
    fn sweeps(&self, connection: &Connection) -> Result<Sweeps, StoreError> {
        Ok(self.last_sweeps(connection)?.into_iter().map(|s| (s.scope.clone(), s)).collect())
    }

    /// One resource.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn resource(&self, key: &ResourceKey) -> Result<Option<ResourceRecord>, StoreError> {
        let connection = self.shared.connections.reader();
        let sweeps = self.sweeps(&connection)?;
        let sql = format!("{SELECT} WHERE r.stack = ?1 AND r.kind = ?2 AND r.name = ?3");
        row::one(&connection, &sql, params![key.stack, key.kind, key.name], |r| record(r, &sweeps))
    }

    /// At most `limit` resources that `filter` lets through and that come after `after`, in the order of keys.
    ///
    /// # Errors
    /// As every read.
    pub fn resources(
        &self,
        filter: &Filter,
        limit: usize,
        after: Option<&ResourceKey>,
    ) -> Result<Vec<ResourceRecord>, StoreError> {
        let mut conditions = conditions(filter);
        if let Some(after) = after {
            conditions.and_after(["r.stack", "r.kind", "r.name"], [&after.stack, &after.kind, &after.name]);
        }
        let sql = format!("{SELECT}{} ORDER BY r.stack, r.kind, r.name LIMIT {}", conditions.sql(), row::limit(limit));
        let connection = self.shared.connections.reader();
        let sweeps = self.sweeps(&connection)?;
        row::all(&connection, &sql, conditions.params(), |r| record(r, &sweeps))
    }

    /// The resources that `filter` lets through and that have a difference to report, undeclared ones included,
    /// in the order of keys.
    ///
    /// # Errors
    /// As every read.
    pub fn drifted(&self, filter: &Filter) -> Result<Vec<ResourceRecord>, StoreError> {
        let conditions = with_drift(filter);
        let sql = drifted(&conditions);
        let connection = self.shared.connections.reader();
        let sweeps = self.sweeps(&connection)?;
        row::all(&connection, &sql, conditions.params(), |r| record(r, &sweeps))
    }

    /// Counts of the resources that `filter` lets through.
    ///
    /// # Errors
    /// As every read.
    pub fn summary(&self, filter: &Filter) -> Result<Summary, StoreError> {
        let conditions = conditions(filter);
        let sql = format!(
            "SELECT r.stack, r.kind, r.account, r.region, r.phase, COUNT(*) AS n FROM resource r{}
             GROUP BY r.stack, r.kind, r.account, r.region, r.phase",
            conditions.sql()
        );
        let connection = self.shared.connections.reader();
        let mut summary = Summary::default();
        row::all(&connection, &sql, conditions.params(), |r| count(&mut summary, r))?;
        oldest_drift(&connection, filter, &mut summary)?;
        Ok(summary)
    }
}

fn count(summary: &mut Summary, row: &Row<'_>) -> Result<(), StoreError> {
    let (phase, n): (Phase, u64) = (row::from_word(row::text(row, "phase")?)?, row::count(row, "n")?);
    summary.resources += n;
    *summary.phases.entry(phase).or_default() += n;
    for (table, column) in [
        (&mut summary.stacks, "stack"),
        (&mut summary.accounts, "account"),
        (&mut summary.regions, "region"),
        (&mut summary.kinds, "kind"),
    ] {
        *table.entry(row::text(row, column)?.to_owned()).or_default().entry(phase).or_default() += n;
    }
    Ok(())
}

fn oldest_drift(connection: &Connection, filter: &Filter, summary: &mut Summary) -> Result<(), StoreError> {
    let conditions = with_drift(filter);
    // SQLite takes the other columns of a query with a bare MIN from the row that holds the minimum.
    let sql = format!(
        "SELECT r.stack, r.kind, r.name, MIN(r.drift_since) AS since, COUNT(*) AS n FROM resource r{}",
        conditions.sql()
    );
    row::one(connection, &sql, conditions.params(), |r| {
        summary.with_drift = row::count(r, "n")?;
        if summary.with_drift > 0 {
            summary.oldest_drift = Some((key(r)?, row::time(r, "since")?));
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;

    #[test]
    fn who_asks_for_drift_looks_at_what_has_drifted_alone() {
        let store = Store::open(&Location::Memory).unwrap();
        let all = with_drift(&Filter::default());
        let sql = format!("EXPLAIN QUERY PLAN {}", drifted(&all));
        let step = |r: &Row<'_>| Ok(row::text(r, "detail")?.to_owned());
        let plan = row::all(&store.shared.connections.reader(), &sql, all.params(), step).unwrap();
        assert!(plan[0].contains("USING INDEX resource_drift"), "{plan:?}");
    }
}
