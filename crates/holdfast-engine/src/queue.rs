//! The workqueue of scopes: each is in it once, with the time when it is due, and is worked on by one at a time.

use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Scopes and when they are due. It never holds more than one entry a scope, which bounds it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: Mutex<BTreeMap<Scope, Entry>>,
    moved: Notify,
}

/// Which scopes a worker takes. A scope that hangs holds its worker until the time is out, so those that were last seen
/// in trouble have workers of their own: they only ever wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Those whose last pass went through, and those that had none.
    Well,
    /// Those whose last pass did not go through, or saw nothing.
    Troubled,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Option<Instant>,
    running: bool,
    lane: Lane,
}

impl Queue {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Scope, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a scope due at `at`, or earlier if it is already. While it is being worked on, it comes again.
    pub(crate) fn add(&self, scope: &Scope, at: Instant) {
        let mut entries = self.entries();
        let entry = entries.entry(scope.clone()).or_insert(Entry { due: None, running: false, lane: Lane::Well });
        if entry.due.is_none_or(|due| at < due) {
            entry.due = Some(at);
            self.moved.notify_waiters();
        }
    }

    /// The next scope of the lane that is due and not being worked on. Waits until there is one.
    pub(crate) async fn next(&self, lane: Lane) -> Scope {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            match self.take(lane, Instant::now()) {
                Ok(scope) => return scope,
                Err(Some(due)) => _ = tokio::time::timeout_at(due, moved).await,
                Err(None) => moved.await,
            }
        }
    }

    /// Takes the scope that has been due for longest, or says when the next one will be.
    fn take(&self, lane: Lane, now: Instant) -> Result<Scope, Option<Instant>> {
        let mut entries = self.entries();
        let own = entries.iter().filter(|(_, e)| !e.running && e.lane == lane);
        let waiting = own.filter_map(|(s, e)| Some((e.due?, s.clone())));
        match waiting.min() {
            Some((due, scope)) if due <= now => {
                entries.insert(scope.clone(), Entry { due: None, running: true, lane });
                Ok(scope)
            }
            other => Err(other.map(|(due, _)| due)),
        }
    }

    /// The work on a scope has ended; it is due again at `at` at the latest, in this lane, or leaves the queue.
    pub(crate) fn done(&self, scope: &Scope, at: Option<Instant>, lane: Lane) {
        let mut entries = self.entries();
        let due = entries.get(scope).and_then(|e| e.due).into_iter().chain(at).min();
        match due {
            Some(_) => _ = entries.insert(scope.clone(), Entry { due, running: false, lane }),
            None => _ = entries.remove(scope),
        }
        self.moved.notify_waiters();
    }

    /// When a scope is due.
    pub(crate) fn due(&self, scope: &Scope) -> Option<Instant> {
        self.entries().get(scope).and_then(|e| e.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn scope(n: u32) -> Scope {
        Scope::new("default", format!("region-{n}"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_is_worked_on_once_at_a_time_and_comes_again_if_it_was_nudged_meanwhile() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add(&scope(1), start + Duration::from_secs(60));
        queue.add(&scope(1), start + Duration::from_secs(5));
        queue.add(&scope(1), start + Duration::from_secs(90));
        assert_eq!(queue.next(Lane::Well).await, scope(1));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        queue.add(&scope(1), Instant::now());
        let other = tokio::time::timeout(Duration::from_secs(1), queue.next(Lane::Well)).await;
        assert!(other.is_err(), "it was given out twice");
        queue.done(&scope(1), None, Lane::Well);
        assert_eq!(queue.next(Lane::Well).await, scope(1));
        queue.done(&scope(1), None, Lane::Well);
        assert_eq!(queue.due(&scope(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_been_due_for_longest_goes_first() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add(&scope(1), start + Duration::from_secs(2));
        queue.add(&scope(2), start + Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((queue.next(Lane::Well).await, queue.next(Lane::Well).await), (scope(2), scope(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_in_trouble_is_left_to_the_workers_of_such_until_it_is_well_again() {
        let queue = Queue::default();
        queue.add(&scope(1), Instant::now());
        assert_eq!(queue.next(Lane::Well).await, scope(1));
        queue.done(&scope(1), Some(Instant::now()), Lane::Troubled);
        let well = tokio::time::timeout(Duration::from_secs(60), queue.next(Lane::Well)).await;
        assert!(well.is_err(), "it went to the workers of the others");
        queue.add(&scope(1), Instant::now());
        assert_eq!(queue.next(Lane::Troubled).await, scope(1));
        queue.done(&scope(1), Some(Instant::now()), Lane::Well);
        assert_eq!(queue.next(Lane::Well).await, scope(1));
    }
}
