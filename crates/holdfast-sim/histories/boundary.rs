//! Where a process may die, and where somebody may come in between.

use crate::cloud::{Watching, look};
use async_trait::async_trait;
use futures::FutureExt;
use holdfast_core::cloud::Cloud;
use holdfast_core::name::{KindName, Scope};
use holdfast_engine::{Boundaries, Boundary};
use holdfast_sim::SimCloud;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Semaphore;

/// A place in a pass: the engine's own boundaries, and the two ends of the way to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Engine(Boundary),
    /// The call is on its way and has not reached AWS.
    Sent,
    /// AWS has done it, and the answer is on its way.
    Applied,
}

/// A call that was on its way when its sender died.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    pub(crate) scope: Scope,
    pub(crate) kind: KindName,
    pub(crate) action: Value,
    pub(crate) token: String,
}

impl Late {
    /// It comes to AWS. Nobody hears the answer, and a kind whose code panics over it does so in a process that is dead.
    pub(crate) async fn arrive(&self, aws: &SimCloud) {
        let call = aws.apply(&self.scope, self.kind, &self.action, &self.token);
        let _ = AssertUnwindSafe(call).catch_unwind().await;
    }
}

/// Counts the places that passes cross. At one of them all that goes on stops, for ever or until it is told to go on.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The place to stop at, counted from 0.
    number: u64,
    reached: AtomicU64,
    open: Semaphore,
    stopped: Mutex<Stopped>,
    /// The write, counted from 0, whose answer is lost; none is if it is never come to.
    lost: u64,
    writes: AtomicU64,
    /// Who is told when an intent has been journalled.
    onlooker: OnceLock<Watching>,
}

/// What stands at the gate.
#[derive(Debug, Default)]
struct Stopped {
    first: Option<Place>,
    late: Vec<Late>,
}

impl Gate {
    /// Stops at place `number` and at all after it.
    pub(crate) fn at(number: u64) -> Arc<Self> {
        let (reached, open) = (AtomicU64::new(0), Semaphore::new(0));
        let (writes, onlooker) = (AtomicU64::new(0), OnceLock::new());
        Arc::new(Self { number, reached, open, stopped: Mutex::default(), lost: u64::MAX, writes, onlooker })
    }

    /// Stops nowhere.
    pub(crate) fn open() -> Arc<Self> {
        Self::at(u64::MAX)
    }

    /// Stops nowhere, and has the answer of that write lost.
    pub(crate) fn losing(write: u64) -> Arc<Self> {
        let (reached, open, writes) = (AtomicU64::new(0), Semaphore::new(0), AtomicU64::new(0));
        let (stopped, onlooker) = (Mutex::default(), OnceLock::new());
        Arc::new(Self { number: u64::MAX, reached, open, stopped, lost: write, writes, onlooker })
    }

    /// True for the write whose answer is lost.
    pub(crate) fn loses(&self) -> bool {
        self.writes.fetch_add(1, Ordering::SeqCst) == self.lost
    }

    /// Has somebody told of what is journalled.
    pub(crate) fn tells(&self, onlooker: &Watching) {
        // A gate belongs to one process.
        let _ = self.onlooker.set(Arc::clone(onlooker));
    }

    /// True once a pass has come to it.
    pub(crate) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::SeqCst) > self.number
    }

    fn stopped(&self) -> MutexGuard<'_, Stopped> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which place it was.
    pub(crate) fn place(&self) -> Option<Place> {
        self.stopped().first
    }

    /// The calls that were on their way.
    pub(crate) fn late(&self) -> Vec<Late> {
        self.stopped().late.clone()
    }

    /// Lets all who stopped go on.
    pub(crate) fn opens(&self) {
        self.open.close();
    }

    /// Crosses a place; `late` is what is on its way there.
    pub(crate) async fn cross(&self, place: Place, late: Option<Late>) {
        if self.reached.fetch_add(1, Ordering::SeqCst) < self.number {
            return;
        }
        {
            let mut stopped = self.stopped();
            stopped.first.get_or_insert(place);
            stopped.late.extend(late);
        }
        // A closed gate has no permits; it is an error to wait at an open one.
        let _ = self.open.acquire().await;
    }
}

#[async_trait]
impl Boundaries for Gate {
    async fn reached(&self, _: &Scope, boundary: Boundary) {
        if let (Boundary::AfterIntent, Some(onlooker)) = (boundary, self.onlooker.get()) {
            let mut onlooker = look(onlooker);
            let declared = Arc::clone(&onlooker.declared);
            onlooker.journalled.push_back(declared);
        }
        self.cross(Place::Engine(boundary), None).await;
    }
}
