//! What a pass leaves behind.

use crate::change::drop_empty_stacks;
use crate::record_types::{Changed, Gone, PassRecord, ScopeStatus};
use crate::resource::{self, StatusColumns};
use crate::write::Write;
use crate::{Store, StoreError, row};
use holdfast_core::plan::Fate;
use holdfast_core::status::Status;
use jiff::Timestamp;
use rusqlite::{Connection, params};

impl Store {
    /// Stores what a pass found, in one transaction: see [`Changed`] and [`Gone`] for what counts if declarations
    /// moved meanwhile. A pass that found nothing new writes nothing: that its scope was looked at again is known to
    /// this process, and written with the next pass that has more to say, or by [`Store::write_sweeps`].
    ///
    /// # Errors
    /// As every write: [`StoreError::Full`], [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn record(&self, pass: &PassRecord<'_>) -> Result<(), StoreError> {
        if self.shared.sweeps.take(pass) {
            return Ok(());
        }
        self.write(|write| {
            for changed in &pass.changed {
                record_changed(write, pass.now, changed)?;
            }
            let mut dropped = false;
            for gone in &pass.gone {
                dropped |= record_gone(write, gone)?;
            }
            for event in &pass.events {
                write.log(event)?;
            }
            if dropped {
                drop_empty_stacks(write, pass.now)?;
            }
            put_scope_status(write, &pass.scope_status)
        })?;
        self.shared.sweeps.written(&pass.scope_status);
        Ok(())
    }

    /// Writes when each scope was last looked at, as far as only this process knows it: for when it ends.
    ///
    /// # Errors
    /// As every write.
    pub fn write_sweeps(&self) -> Result<(), StoreError> {
        let unwritten = self.shared.sweeps.unwritten();
        if unwritten.is_empty() {
            return Ok(());
        }
        self.write(|write| unwritten.iter().try_for_each(|status| put_scope_status(write, status)))?;
        unwritten.iter().for_each(|status| self.shared.sweeps.written(status));
        Ok(())
    }

    /// The last sweep of each scope that has had one, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn scope_statuses(&self) -> Result<Vec<ScopeStatus>, StoreError> {
        self.last_sweeps(&self.shared.connections.reader())
    }

    /// [`Store::scope_statuses`], over a connection at hand.
    pub(crate) fn last_sweeps(&self, connection: &Connection) -> Result<Vec<ScopeStatus>, StoreError> {
        let mut statuses = scope_statuses(connection)?;
        self.shared.sweeps.bring_up(&mut statuses);
        Ok(statuses)
    }
}

/// The last sweep of each scope, as it is written.
pub(crate) fn scope_statuses(connection: &Connection) -> Result<Vec<ScopeStatus>, StoreError> {
    row::all(connection, "SELECT body FROM scope_status ORDER BY account, region", [], |r| {
        row::parse(row::text(r, "body")?)
    })
}

fn put_scope_status(write: &Write<'_>, status: &ScopeStatus) -> Result<(), StoreError> {
    row::run(
        write,
        "INSERT INTO scope_status (account, region, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, region) DO UPDATE SET body = excluded.body",
        params![status.scope.account, status.scope.region, row::json(status)?],
    )?;
    Ok(())
}

fn record_changed(write: &mut Write<'_>, now: Timestamp, changed: &Changed<'_>) -> Result<(), StoreError> {
    let key = &changed.key;
    let found = resource::of_uid(write, key, &changed.uid, |r, declared| {
        let planned = declared.generation == changed.generation && declared.fate()? == changed.fate;
        let news = planned && differs(&resource::status(r)?, &changed.status);
        Ok((r.get::<_, i64>("id")?, news))
    })?;
    let Some((id, news)) = found else {
        return Ok(());
    };
    resource::remember(write, id, &changed.uid, &changed.memory)?;
    if !news {
        return Ok(());
    }
    let version = row::number(write.version()?);
    let status = StatusColumns::of(&changed.uid, &changed.status)?;
    row::run(
        write,
        "UPDATE resource SET status = ?2, phase = ?3, status_seal = ?4, drift_since = ?5, version = ?6, updated_at = ?7
         WHERE id = ?1",
        params![id, status.text, status.phase, status.seal, status.drift_since, version, now.as_microsecond()],
    )?;
    Ok(())
}

/// True if `new` says something else than `old`. That it was seen again is no news; that it was seen at all is.
fn differs(old: &Status, new: &Status) -> bool {
    let seen = (old.last_observed_at.is_some(), new.last_observed_at.is_some());
    seen.0 != seen.1 || Status { last_observed_at: old.last_observed_at, ..new.clone() } != *old
}

/// Drops a resource that was to go; answers whether it did.
fn record_gone(write: &mut Write<'_>, gone: &Gone) -> Result<bool, StoreError> {
    let key = &gone.key;
    let scope = row::one(
        write,
        "DELETE FROM resource WHERE stack = ?1 AND kind = ?2 AND name = ?3 AND uid = ?4 AND generation = ?5
           AND fate <> ?6 RETURNING account, region",
        params![key.stack, key.kind, key.name, gone.uid, row::number(gone.generation), row::word(&Fate::Keep)?],
        |r| Ok(holdfast_core::name::Scope::new(row::text(r, "account")?, row::text(r, "region")?)),
    )?;
    let dropped = scope.is_some();
    if let Some(scope) = scope {
        write.touched.member(scope, key);
    }
    Ok(dropped)
}
