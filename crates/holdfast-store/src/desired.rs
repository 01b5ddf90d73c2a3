//! What a pass reads before it plans.

use crate::cache::{DesiredEntry, Known, Seal};
use crate::hold::Holds;
use crate::resource::{self, Declared, SELECT};
use crate::{Store, StoreError, approval, hold, parts, row};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::outputs::Outputs;
use holdfast_core::plan::{Desired, Memory};
use holdfast_core::policy::RolloutPolicy;
use holdfast_core::status::Status;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, PoisonError};

fn key(row: &Row<'_>) -> Result<ResourceKey, StoreError> {
    Ok(ResourceKey::new(row::text(row, "stack")?, row::text(row, "kind")?, row::text(row, "name")?))
}

/// Of each resource of a scope: its seal, and whether its stack is paused.
const SEALS: &str =
    "SELECT r.id, r.uid, r.seal, s.hold IS NOT NULL AS paused FROM resource r JOIN stack s ON s.name = r.stack
     WHERE r.account = ?1 AND r.region = ?2 ORDER BY r.stack, r.kind, r.name";

/// True if the row that declares it says all of it: nobody holds it, and nothing else is carried out in its place.
fn is_whole(desired: &Desired) -> bool {
    desired.hold.is_none() && desired.instead.is_none() && desired.policy.rollout != Some(RolloutPolicy::Approve)
}

/// The list of a scope while it is read.
struct Reading<'a> {
    scope: &'a Scope,
    now: Timestamp,
    holds: Holds,
    list: Vec<Arc<Desired>>,
    seals: Vec<Seal>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl<'a> Reading<'a> {
    fn begin(scope: &'a Scope, now: Timestamp, holds: Holds) -> Self {
        Self { scope, now, holds, list: Vec::new(), seals: Vec::new(), from: None, until: None }
    }

    /// A row's id, and its seal if nobody holds it.
    fn seal(&self, row: &Row<'_>) -> Result<(i64, Option<Seal>), StoreError> {
        let free =
            !row.get::<_, bool>("paused")? && self.holds.of(self.scope, None, row::text(row, "uid")?).next().is_none();
        Ok((row.get("id")?, if free { Some(row.get("seal")?) } else { None }))
    }

    /// Takes over what has not moved.
    fn put(&mut self, seal: Seal, desired: Arc<Desired>) {
        self.list.push(desired);
        self.seals.push(seal);
    }

    /// Reads a whole row.
    fn read(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let declared = Declared::read(row)?;
        let stack = parts::hold(declared.stack, row)?;
        for end in self.holds.of(self.scope, stack.as_ref(), declared.uid).filter_map(|(h, _)| h.until) {
            if end <= self.now {
                self.from = Some(self.from.map_or(end, |f| f.max(end)));
            } else {
                self.until = Some(self.until.map_or(end, |u| u.min(end)));
            }
        }
        let held = self.holds.in_force(self.scope, stack.as_ref(), declared.uid, self.now);
        let mut desired = declared.desired(held)?;
        desired.instead = approval::instead(&desired, row)?;
        // Those of a stack come one after the other.
        if let Some(last) = self.list.last().filter(|last| last.stack_tags == desired.stack_tags) {
            desired.stack_tags = Arc::clone(&last.stack_tags);
        }
        self.put(row.get("seal")?, Arc::new(desired));
        Ok(())
    }

    /// Takes over what is known but for the rows of these keys, both in the order of keys.
    fn renew(&mut self, known: &DesiredEntry, moved: &[ResourceKey], moment: &Connection) -> Result<(), StoreError> {
        let one =
            format!("{SELECT} WHERE r.stack = ?1 AND r.kind = ?2 AND r.name = ?3 AND r.account = ?4 AND r.region = ?5");
        let scope = self.scope;
        for key in moved {
            row::one(moment, &one, params![key.stack, key.kind, key.name, scope.account, scope.region], |r| {
                self.read(r)
            })?;
        }
        let mut read = std::mem::take(&mut self.list).into_iter().zip(std::mem::take(&mut self.seals)).peekable();
        self.list.reserve(known.list.len());
        self.seals.reserve(known.list.len());
        let mut rest = 0;
        for key in moved {
            let until = rest + known.list[rest..].partition_point(|d| d.key < *key);
            self.take(known, rest..until);
            let was = known.list.get(until).filter(|d| d.key == *key);
            rest = until + usize::from(was.is_some());
            if let Some((now, seal)) = read.next_if(|(now, _)| now.key == *key) {
                // What no pass looks at, such as a label, may be all that has moved.
                let same = was.filter(|was| **was == now);
                self.put(seal, same.map_or(now, Arc::clone));
            }
        }
        self.take(known, rest..known.list.len());
        Ok(())
    }

    fn take(&mut self, known: &DesiredEntry, part: Range<usize>) {
        self.list.extend_from_slice(&known.list[part.clone()]);
        self.seals.extend_from_slice(&known.seals[part]);
    }

    fn end(self) -> DesiredEntry {
        let held = self.list.iter().filter(|d| d.instead.is_some()).count();
        DesiredEntry { list: self.list.into(), seals: self.seals.into(), held, from: self.from, until: self.until }
    }
}

impl Store {
    /// The scopes that have resources, in order.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn scopes(&self) -> Result<Vec<Scope>, StoreError> {
        if let Some(scopes) = self.shared.cache.scopes() {
            return Ok(scopes.to_vec());
        }
        let read_at = self.shared.cache.newest();
        let found = row::all(
            &self.shared.connections.reader(),
            "SELECT DISTINCT account, region FROM resource ORDER BY account, region",
            [],
            |r| Ok(Scope::new(row::text(r, "account")?, row::text(r, "region")?)),
        )?;
        self.shared.cache.fill_scopes(read_at, found.as_slice().into());
        Ok(found)
    }

    /// Everything declared in a scope in the order of keys, those that are to go included, with the pauses in force
    /// at `now`. The same list, by pointer, until something of it moves; then what has not moved is the same.
    ///
    /// # Errors
    /// As every read.
    pub fn desired(&self, scope: &Scope, now: Timestamp) -> Result<Arc<[Arc<Desired>]>, StoreError> {
        Ok(self.declared(scope, now)?.list)
    }

    /// True if anything declared in a scope is not carried out as it is until somebody approves.
    ///
    /// # Errors
    /// As every read.
    pub fn is_held(&self, scope: &Scope, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.declared(scope, now)?.held > 0)
    }

    fn declared(&self, scope: &Scope, now: Timestamp) -> Result<DesiredEntry, StoreError> {
        let cache = &self.shared.cache;
        if let (Known::All(entry), _) = cache.desired(scope, now) {
            return Ok(entry);
        }
        let turn = cache.turn(scope);
        let _alone = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, read_at) = match cache.desired(scope, now) {
            (Known::All(entry), _) => return Ok(entry),
            other => other,
        };
        let connection = self.shared.connections.reader();
        // All that is read is of one moment.
        let moment = connection.unchecked_transaction()?;
        let mut reading = Reading::begin(scope, now, hold::holds(&moment)?);
        let place = params![scope.account, scope.region];
        match known {
            Known::But(known, moved) => reading.renew(&known, &moved, &moment)?,
            Known::BySeal(known) => {
                let one = format!("{SELECT} WHERE r.id = ?1");
                for (id, seal) in row::all(&moment, SEALS, place, |r| reading.seal(r))? {
                    match seal.and_then(|seal| Some((seal, known.get(&seal).filter(|d| is_whole(d))?))) {
                        Some((seal, same)) => reading.put(seal, Arc::clone(same)),
                        None => _ = row::one(&moment, &one, params![id], |r| reading.read(r))?,
                    }
                }
            }
            Known::All(_) | Known::Nothing => {
                let all = format!("{SELECT} WHERE r.account = ?1 AND r.region = ?2 ORDER BY r.stack, r.kind, r.name");
                row::all(&moment, &all, place, |r| reading.read(r))?;
            }
        }
        drop(moment);
        let entry = reading.end();
        cache.fill_desired(read_at, scope, entry.clone());
        Ok(entry)
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

    /// What was last said of one resource, as it was written.
    ///
    /// # Errors
    /// As every read.
    pub fn status(&self, key: &ResourceKey) -> Result<Option<Status>, StoreError> {
        row::one(
            &self.shared.connections.reader(),
            "SELECT uid, phase, status, status_seal FROM resource WHERE stack = ?1 AND kind = ?2 AND name = ?3",
            params![key.stack, key.kind, key.name],
            resource::status,
        )
    }

    /// The last known outputs of those of `wanted` that live outside `scope`; who has none is left out.
    ///
    /// # Errors
    /// As every read.
    pub fn outputs_elsewhere(
        &self,
        scope: &Scope,
        wanted: &BTreeSet<ResourceKey>,
    ) -> Result<BTreeMap<ResourceKey, Outputs>, StoreError> {
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
                found.insert(key.clone(), memory.outputs);
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
        let read_at = self.shared.cache.newest();
        let connection = self.shared.connections.reader();
        let found = row::all(&connection, "SELECT uid FROM resource", [], |r| Ok(row::text(r, "uid")?.to_owned()))?;
        let uids = Arc::new(found.into_iter().collect::<BTreeSet<_>>());
        self.shared.cache.fill_uids(read_at, Arc::clone(&uids));
        Ok(uids)
    }
}
