//! The workqueue of scopes: each is in it once, with the time when it is due, and is worked on by one at a time.

use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
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

/// Which of the scopes that are due a worker takes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// A person has just changed something in it, or asked for it.
    Asked,
    /// Something in it is on its way.
    Moving,
    /// Somebody may get in there who should not.
    Exposed,
    /// It is time to look again.
    Periodic,
}

/// Whoever has been due for so long goes before all others, however urgent they are.
const OVERDUE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Option<(Instant, Urgency)>,
    running: bool,
    lane: Lane,
    /// The newest event that the last pass can have known.
    knew: u64,
}

impl Entry {
    /// Its place among those that are due, the first least.
    fn place(&self, now: Instant) -> Option<(Urgency, Instant)> {
        let (due, urgency) = self.due.filter(|(due, _)| *due <= now)?;
        let overdue = now.saturating_duration_since(due) >= OVERDUE;
        Some((if overdue { Urgency::Asked } else { urgency }, due))
    }
}

/// The earlier of two times, with the greater urgency where that is not later.
fn sooner(a: Option<(Instant, Urgency)>, b: Option<(Instant, Urgency)>) -> Option<(Instant, Urgency)> {
    match (a, b) {
        (Some(a), Some(b)) if a.0 == b.0 => Some((a.0, a.1.min(b.1))),
        (a, b) => a.into_iter().chain(b).min(),
    }
}

impl Queue {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Scope, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a scope due at `at`, or earlier if it is already. While it is being worked on, it comes again.
    pub(crate) fn add(&self, scope: &Scope, at: Instant, urgency: Urgency) {
        self.add_to(&mut self.entries(), scope, at, urgency);
    }

    /// Makes a scope due now because of an event, unless a pass has begun since that event: whoever declares something
    /// asks for a pass, and the log tells of it too, which is not another reason.
    pub(crate) fn add_after(&self, scope: &Scope, event: u64, urgency: Urgency) {
        let mut entries = self.entries();
        if entries.get(scope).is_none_or(|entry| entry.knew < event) {
            self.add_to(&mut entries, scope, Instant::now(), urgency);
        }
    }

    /// A pass over the scope begins, and all events up to `newest` were there before it.
    pub(crate) fn begins(&self, scope: &Scope, newest: u64) {
        if let Some(entry) = self.entries().get_mut(scope) {
            entry.knew = newest;
        }
    }

    fn add_to(&self, entries: &mut BTreeMap<Scope, Entry>, scope: &Scope, at: Instant, urgency: Urgency) {
        let fresh = Entry { due: None, running: false, lane: Lane::Well, knew: 0 };
        let entry = entries.entry(scope.clone()).or_insert(fresh);
        let due = sooner(entry.due, Some((at, urgency)));
        // What is overdue for less urgent reasons is now due for this one.
        let due = due.map(|(due, before)| (due, if at <= Instant::now() { before.min(urgency) } else { before }));
        if due != entry.due {
            entry.due = due;
            self.moved.notify_waiters();
        }
    }

    /// The next scope of the lane that is due and not being worked on, and why it is. Waits until there is one.
    pub(crate) async fn next(&self, lane: Lane) -> (Scope, Urgency) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            match self.take(lane, Instant::now()) {
                Ok(next) => return next,
                Err(Some(due)) => _ = tokio::time::timeout_at(due, moved).await,
                Err(None) => moved.await,
            }
        }
    }

    /// Takes the most urgent scope that is due, of equals the one that has been due for longest, or says when the next
    /// one will be.
    fn take(&self, lane: Lane, now: Instant) -> Result<(Scope, Urgency), Option<Instant>> {
        let mut entries = self.entries();
        let own = || entries.iter().filter(|(_, e)| !e.running && e.lane == lane);
        let first = own().filter_map(|(scope, e)| Some((e.place(now)?, scope))).min();
        let Some(scope) = first.map(|(_, scope)| scope.clone()) else {
            return Err(own().filter_map(|(_, e)| e.due).map(|(due, _)| due).min());
        };
        let due = entries.get_mut(&scope).and_then(|entry| {
            entry.running = true;
            entry.due.take()
        });
        Ok((scope, due.map_or(Urgency::Periodic, |(_, urgency)| urgency)))
    }

    /// The work on a scope has ended; it is due again at `at` at the latest, in this lane, or leaves the queue.
    pub(crate) fn done(&self, scope: &Scope, at: Option<(Instant, Urgency)>, lane: Lane) {
        let mut entries = self.entries();
        let before = entries.get(scope);
        let (due, knew) = (sooner(before.and_then(|e| e.due), at), before.map_or(0, |e| e.knew));
        match due {
            Some(_) => _ = entries.insert(scope.clone(), Entry { due, running: false, lane, knew }),
            None => _ = entries.remove(scope),
        }
        self.moved.notify_waiters();
    }

    /// When a scope is due.
    pub(crate) fn due(&self, scope: &Scope) -> Option<Instant> {
        self.entries().get(scope).and_then(|e| e.due).map(|(due, _)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Urgency::{Asked, Exposed, Moving, Periodic};

    fn scope(n: u32) -> Scope {
        Scope::new("default", format!("region-{n}"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_is_worked_on_once_at_a_time_and_comes_again_if_it_was_nudged_meanwhile() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add(&scope(1), start + Duration::from_secs(60), Periodic);
        queue.add(&scope(1), start + Duration::from_secs(5), Periodic);
        queue.add(&scope(1), start + Duration::from_secs(90), Periodic);
        assert_eq!(queue.next(Lane::Well).await.0, scope(1));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        queue.add(&scope(1), Instant::now(), Periodic);
        let other = tokio::time::timeout(Duration::from_secs(1), queue.next(Lane::Well)).await;
        assert!(other.is_err(), "it was given out twice");
        queue.done(&scope(1), None, Lane::Well);
        assert_eq!(queue.next(Lane::Well).await.0, scope(1));
        queue.done(&scope(1), None, Lane::Well);
        assert_eq!(queue.due(&scope(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_been_due_for_longest_goes_first() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add(&scope(1), start + Duration::from_secs(2), Periodic);
        queue.add(&scope(2), start + Duration::from_secs(1), Periodic);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((queue.next(Lane::Well).await.0, queue.next(Lane::Well).await.0), (scope(2), scope(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_pass_could_know_when_it_began_asks_for_no_other() {
        let queue = Queue::default();
        queue.add_after(&scope(1), 7, Asked);
        assert_eq!(queue.next(Lane::Well).await.0, scope(1));
        queue.begins(&scope(1), 8);
        queue.add_after(&scope(1), 8, Asked);
        let later = Instant::now() + Duration::from_secs(30);
        queue.done(&scope(1), Some((later, Periodic)), Lane::Well);
        queue.add_after(&scope(1), 8, Asked);
        assert_eq!(queue.due(&scope(1)), Some(later));
        queue.add_after(&scope(1), 9, Asked);
        assert_eq!(queue.due(&scope(1)), Some(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_in_trouble_is_left_to_the_workers_of_such_until_it_is_well_again() {
        let queue = Queue::default();
        queue.add(&scope(1), Instant::now(), Periodic);
        assert_eq!(queue.next(Lane::Well).await.0, scope(1));
        queue.done(&scope(1), Some((Instant::now(), Periodic)), Lane::Troubled);
        let well = tokio::time::timeout(Duration::from_secs(60), queue.next(Lane::Well)).await;
        assert!(well.is_err(), "it went to the workers of the others");
        queue.add(&scope(1), Instant::now(), Periodic);
        assert_eq!(queue.next(Lane::Troubled).await.0, scope(1));
        queue.done(&scope(1), Some((Instant::now(), Periodic)), Lane::Well);
        assert_eq!(queue.next(Lane::Well).await.0, scope(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_urgent_goes_first_and_nobody_waits_for_ever() {
        let queue = Queue::default();
        let start = Instant::now();
        for (n, urgency) in [(1, Periodic), (2, Exposed), (3, Moving), (4, Asked)] {
            queue.add(&scope(n), start + Duration::from_secs(u64::from(n)), urgency);
        }
        tokio::time::advance(Duration::from_secs(10)).await;
        queue.add(&scope(5), start, Periodic);
        queue.add(&scope(1), Instant::now(), Asked);
        let mut order = Vec::new();
        for _ in 0..5 {
            order.push(queue.next(Lane::Well).await.0);
        }
        assert_eq!(order, [1, 4, 3, 2, 5].map(scope));
        queue.add(&scope(6), start + Duration::from_secs(10), Periodic);
        tokio::time::advance(Duration::from_secs(60)).await;
        queue.add(&scope(7), Instant::now(), Asked);
        assert_eq!((queue.next(Lane::Well).await.0, queue.next(Lane::Well).await.0), (scope(6), scope(7)));
    }
}
