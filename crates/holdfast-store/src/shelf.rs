//! What AWS never changes, kept beyond the process: a restart need not read it again. Losing it costs calls.

use crate::{Store, StoreError, row};
use holdfast_core::name::Scope;
use rusqlite::params;

/// So many of a scope are kept, the newest.
const MOST: u32 = 20_000;

impl Store {
    /// The keys of all that is kept of a scope, the oldest first.
    ///
    /// # Errors
    /// As every read.
    pub fn shelf(&self, scope: &Scope) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT key FROM shelf WHERE account = ?1 AND region = ?2 ORDER BY id";
        row::all(&self.shared.connections.reader(), sql, params![scope.account, scope.region], |r| {
            Ok(row::text(r, "key")?.to_owned())
        })
    }

    /// What is kept of a scope under a key.
    ///
    /// # Errors
    /// As every read.
    pub fn shelved(&self, scope: &Scope, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT body FROM shelf WHERE account = ?1 AND region = ?2 AND key = ?3";
        row::one(&self.shared.connections.reader(), sql, params![scope.account, scope.region, key], |r| {
            Ok(row::text(r, "body")?.to_owned())
        })
    }

    /// Keeps more of a scope, in one transaction. Beyond 20,000 the oldest go.
    ///
    /// # Errors
    /// As every write.
    pub fn shelve(&self, scope: &Scope, new: &[(String, String)]) -> Result<(), StoreError> {
        self.write(|write| {
            for (key, body) in new {
                let sql = "INSERT OR REPLACE INTO shelf (account, region, key, body) VALUES (?1, ?2, ?3, ?4)";
                row::run(write, sql, params![scope.account, scope.region, key, body])?;
            }
            let old = "DELETE FROM shelf WHERE account = ?1 AND region = ?2 AND id NOT IN
                         (SELECT id FROM shelf WHERE account = ?1 AND region = ?2 ORDER BY id DESC LIMIT ?3)";
            let all = "SELECT COUNT(*) AS n FROM shelf WHERE account = ?1 AND region = ?2";
            let place = params![scope.account, scope.region];
            let kept = row::one(write, all, place, |r| row::count(r, "n"))?.unwrap_or(0);
            if kept > u64::from(MOST) {
                row::run(write, old, params![scope.account, scope.region, MOST])?;
            }
            Ok(())
        })
    }
}
