//! What a pass reads before it plans.

use crate::cache::DesiredEntry;
use crate::resource::{self, Declared, SELECT};
use crate::{Store, StoreError, approval, hold, parts, row};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Memory};
use holdfast_core::status::Status;
use jiff::Timestamp;
use rusqlite::{Row, params};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn key(row: &Row<'_>) -> Result<ResourceKey, StoreError> {
    Ok(ResourceKey::new(row::text(row, "stack")?, row::text(row, "kind")?, row::text(row, "name")?))
}

impl Store {
    /// The scopes that have resources, in order.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn scopes(&self) -> Result<Vec<Scope>, StoreError> {
        row::all(
            &self.shared.connections.reader(),
            "SELECT DISTINCT account, region FROM resource ORDER BY account, region",
            [],
            |r| Ok(Scope::new(row::text(r, "account")?, row::text(r, "region")?)),
        )
    }

    /// Everything declared in a scope in the order of keys, those that are to go included, with the pauses in force
    /// at `now`. The same list, by pointer, until something of it moves.
    ///
    /// # Errors
    /// As every read.
    pub fn desired(&self, scope: &Scope, now: Timestamp) -> Result<Arc<[Arc<Desired>]>, StoreError> {
        if let Some(list) = self.shared.cache.desired(scope, now) {
            return Ok(list);
        }
        let epoch = self.shared.cache.epoch();
        let (mut from, mut until) = (None::<Timestamp>, None::<Timestamp>);
        let mut tags = Arc::default();
        let sql = format!("{SELECT} WHERE r.account = ?1 AND r.region = ?2 ORDER BY r.stack, r.kind, r.name");
        let connection = self.shared.connections.reader();
        let holds = hold::holds(&connection)?;
        let list = row::all(&connection, &sql, params![scope.account, scope.region], |r| {
            let declared = Declared::read(r)?;
            let stack = parts::hold(declared.stack, r)?;
            for end in holds.of(scope, stack.as_ref(), declared.uid).filter_map(|(h, _)| h.until) {
                if end <= now {
                    from = Some(from.map_or(end, |f| f.max(end)));
                } else {
                    until = Some(until.map_or(end, |u| u.min(end)));
                }
            }
            let mut desired = declared.desired(holds.in_force(scope, stack.as_ref(), declared.uid, now))?;
            desired.instead = approval::instead(&desired, r)?;
            // Those of a stack come one after the other.
            if desired.stack_tags == tags {
                desired.stack_tags = Arc::clone(&tags);
            } else {
                tags = Arc::clone(&desired.stack_tags);
            }
            Ok(Arc::new(desired))
        })?;
        let list: Arc<[Arc<Desired>]> = list.into();
        self.shared.cache.fill_desired(epoch, scope, DesiredEntry { list: Arc::clone(&list), from, until });
        Ok(list)
    }

    /// What is remembered of the resources of a scope; who is not here is not remembered.
    ///
    /// # Errors
    /// As every read.
    pub fn memories(&self, scope: &Scope) -> Result<BTreeMap<ResourceKey, Memory>, StoreError> {
        let found = row::all(
            &self.shared.connections.reader(),
            "SELECT r.stack, r.kind, r.name, r.uid, m.body, m.seal AS memory_seal
             FROM resource r JOIN memory m ON m.resource_id = r.id WHERE r.account = ?1 AND r.region = ?2",
            params![scope.account, scope.region],
            |r| Ok((key(r)?, resource::memory(r)?)),
        )?;
        Ok(found.into_iter().collect())
    }

    /// What is remembered of one resource.
    ///
    /// # Errors
    /// As every read.
    pub fn memory(&self, key: &ResourceKey) -> Result<Option<Memory>, StoreError> {
        row::one(
            &self.shared.connections.reader(),
            "SELECT r.uid, m.body, m.seal AS memory_seal FROM resource r JOIN memory m ON m.resource_id = r.id
             WHERE r.stack = ?1 AND r.kind = ?2 AND r.name = ?3",
            params![key.stack, key.kind, key.name],
            resource::memory,
        )
    }

    /// What was last said of the resources of a scope, as it was written.
    ///
    /// # Errors
    /// As every read.
    pub fn statuses(&self, scope: &Scope) -> Result<BTreeMap<ResourceKey, Status>, StoreError> {
        let found = row::all(
            &self.shared.connections.reader(),
            "SELECT stack, kind, name, uid, phase, status, status_seal FROM resource
             WHERE account = ?1 AND region = ?2",
            params![scope.account, scope.region],
            |r| Ok((key(r)?, resource::status(r)?)),
        )?;
        Ok(found.into_iter().collect())
    }

    /// The last known outputs of those of `wanted` that live outside `scope`; who has none is left out.
    ///
    /// # Errors
    /// As every read.
    pub fn outputs_elsewhere(
        &self,
        scope: &Scope,
        wanted: &BTreeSet<ResourceKey>,
    ) -> Result<BTreeMap<ResourceKey, Map<String, Value>>, StoreError> {
        let connection = self.shared.connections.reader();
        let mut found = BTreeMap::new();
        for key in wanted {
            let memory = row::one(
                &connection,
                "SELECT r.uid, m.body, m.seal AS memory_seal FROM resource r JOIN memory m ON m.resource_id = r.id
                 WHERE r.stack = ?1 AND r.kind = ?2 AND r.name = ?3 AND NOT (r.account = ?4 AND r.region = ?5)",
                params![key.stack, key.kind, key.name, scope.account, scope.region],
                resource::memory,
            )?;
            if let Some(memory) = memory
                && !memory.outputs.is_empty()
            {
                found.insert(key.clone(), Arc::unwrap_or_clone(memory.outputs));
            }
        }
        Ok(found)
    }

    /// The uids of everything declared anywhere: a live thing with one of them has an owner.
    ///
    /// # Errors
    /// As every read.
    pub fn declared_uids(&self) -> Result<Arc<BTreeSet<String>>, StoreError> {
        if let Some(uids) = self.shared.cache.uids() {
            return Ok(uids);
        }
        let epoch = self.shared.cache.epoch();
        let connection = self.shared.connections.reader();
        let found = row::all(&connection, "SELECT uid FROM resource", [], |r| Ok(row::text(r, "uid")?.to_owned()))?;
        let uids = Arc::new(found.into_iter().collect::<BTreeSet<_>>());
        self.shared.cache.fill_uids(epoch, Arc::clone(&uids));
        Ok(uids)
    }
}
