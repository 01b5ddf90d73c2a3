//! Time as the simulation sees it.

use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A shared handle on simulated time. Clones show and move the same time.
#[derive(Clone)]
pub struct SimClock {
    source: Arc<Source>,
}

enum Source {
    Set(Mutex<Timestamp>),
    Followed(Box<dyn Fn() -> Timestamp + Send + Sync>),
}

impl SimClock {
    /// A clock that stands at `start` until it is moved.
    pub fn at(start: Timestamp) -> Self {
        Self { source: Arc::new(Source::Set(Mutex::new(start))) }
    }

    /// A clock that shows what `now` says, for a simulation that people watch. It cannot be moved.
    pub fn following(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(Source::Followed(Box::new(now))) }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        match self.source.as_ref() {
            Source::Set(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
            Source::Followed(now) => now(),
        }
    }

    /// Moves it forward (or back, by a negative duration). A clock that follows another is not moved.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Set(now) = self.source.as_ref() {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.saturating_add(by).unwrap_or(*now);
        }
    }
}

impl Default for SimClock {
    /// Starts at 2025-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::constant(1_735_689_600, 0))
    }
}

impl fmt::Debug for SimClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimClock({})", self.now())
    }
}
