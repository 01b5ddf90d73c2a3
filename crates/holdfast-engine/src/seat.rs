//! Seats: how many scopes are looked at and planned at a time. A pass that only waits for AWS's buckets needs none.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A pass's seat, until it leaves it.
#[derive(Debug)]
pub(crate) struct Seat(Mutex<Option<OwnedSemaphorePermit>>);

impl Seat {
    /// Takes a seat as soon as one is free.
    pub(crate) async fn take(seats: &Arc<Semaphore>) -> Self {
        // Nobody closes the semaphore; if somebody did, a pass without a seat is better than none.
        Self(Mutex::new(Arc::clone(seats).acquire_owned().await.ok()))
    }

    /// For a pass that somebody asked for and waits for.
    pub(crate) fn none() -> Self {
        Self(Mutex::default())
    }

    /// Leaves it to the next one.
    pub(crate) fn leave(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
