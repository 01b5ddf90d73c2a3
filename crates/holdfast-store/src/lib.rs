//! The memory of Holdfast: desired state, status, journal and events, in SQLite.
//!
//! This crate must never know the engine, the API, AWS or the clock: times come in as arguments.
//! `cargo xtask tidy` and its test `the_house_is_in_order` check it.
//!
//! # Flow
//! The API writes declarations with [`Store::change`]; a pass of the engine reads [`Store::desired`],
//! [`Store::memories`] and [`Store::statuses`], journals each write with [`Store::intend`] and
//! [`Store::outcome`], says with [`Store::record_awaiting`] what awaits the approval that a person gives with
//! [`Store::approve`], and leaves what it found with [`Store::record`]. Everybody reads the rest.
//! All methods block, for microseconds to milliseconds, a write for as long as the disk takes to sync.
//!
//! # Guarantees
//! - A write is one transaction, all or nothing, and on the disk before the method returns.
//! - A generation moves exactly when the filled-in spec, the effective policy, the stack's tags or the scope do,
//!   or when a resource that was to go is declared again; every generation is kept. A version moves on any
//!   change of a row, and no row ever has an old one again.
//! - A status never speaks of a generation that the pass behind it did not plan with; a new generation starts
//!   as `Pending`.
//! - Damage is refused, not used: every page is checked on opening, every declaration, status, memory and intent
//!   against its seal on reading ([`StoreError::Corrupt`]); a log that lost commits is refused too. [`inspect`] looks
//!   at all of it, also from outside.
//! - A [`backup`] is one moment of a store, whole and proven, or it is not there; so is what [`restore`] puts back.
//! - One process has a file at a time ([`StoreError::InUse`]).
//!
//! # Errors
//! [`StoreError`], sorted by what the caller does next. After [`StoreError::Full`], reads go on and writes work
//! again when there is room.

mod approval;
mod backup;
mod cache;
mod change;
mod connect;
mod declare;
mod desired;
mod digest;
mod error;
mod events;
mod hold;
mod inspect;
mod journal;
mod misc;
mod parts;
mod pass;
mod read;
mod record_types;
mod resource;
mod row;
mod schema;
mod shelf;
mod sweeps;
mod types;
mod wal;
mod write;

pub use backup::{Existing, Restored, backup, restore};
pub use error::StoreError;
pub use events::HistoryPlace;
pub use hold::{Holds, Place};
pub use inspect::{Finding, Inspection, inspect};
pub use misc::Respond;
pub use record_types::{
    Answer, Awaiting, Changed, Consent, Event, EventFilter, EventType, Gone, HistoryEntry, HistoryType,
    IdempotencyRecord, Intent, IntentOutcome, IntentRecord, IntentResult, PassRecord, PlanEnd, PlanOutcome, PlanRecord,
    ScopeHold, ScopeStatus,
};
pub use types::{
    AccountChange, AccountRecord, Change, Filter, Location, Outcome, Phases, Precondition, Removal, ResourceChange,
    ResourceRecord, StackChange, StackRecord, Summary, Target, What, in_force,
};

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Called after a commit with the id of the newest event.
type Listener = Box<dyn Fn(u64) + Send + Sync>;

/// The store. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    connections: connect::Connections,
    cache: cache::Cache,
    sweeps: sweeps::Sweeps,
    listeners: RwLock<Vec<Listener>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store, makes it if there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::InUse`], [`StoreError::Newer`], [`StoreError::Corrupt`].
    pub fn open(at: &Location) -> Result<Self, StoreError> {
        Ok(Self::over(connect::Connections::open(at)?))
    }

    fn over(connections: connect::Connections) -> Self {
        let (cache, sweeps, listeners) = Default::default();
        Self { shared: Arc::new(Shared { connections, cache, sweeps, listeners }) }
    }

    /// A new store in memory from one that nobody else holds, for simulations that want one a hundred times a second;
    /// none from a file, which is never emptied, or where another handle is left.
    ///
    /// # Errors
    /// As every write.
    pub fn emptied(self) -> Result<Option<Self>, StoreError> {
        let Some(shared) = Arc::into_inner(self.shared) else { return Ok(None) };
        Ok(shared.connections.emptied()?.map(Self::over))
    }

    /// Adds a listener, which is called after each commit that wrote events with the id of the newest. It must
    /// not block, and must not write to the store.
    pub fn on_event(&self, listener: Box<dyn Fn(u64) + Send + Sync>) {
        self.shared.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn tell(&self, newest_event: u64) {
        for listener in self.shared.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(newest_event);
        }
    }
}
