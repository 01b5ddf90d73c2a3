//! Which of two complete reads takes fewer calls: all pages of a listing, or what is wanted, by name or by ARN. In a region
//! that is mostly somebody else's it is the second.

use super::call::Aws;
use super::lock;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long it may take until a listing that was long is made again: it may have become short.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// How many calls reads have taken, by operation.
#[derive(Default)]
pub(super) struct Listings(BTreeMap<&'static str, Took>);

struct Took {
    /// The listing.
    pages: usize,
    at: Timestamp,
    /// Asking for what is wanted, the last time since then.
    asked: usize,
}

impl Listings {
    fn is_longer(&self, operation: &str, calls: usize, now: Timestamp) -> bool {
        let took = self.0.get(operation).filter(|took| now.duration_since(took.at) < AGAIN);
        took.is_some_and(|took| took.pages > calls.max(took.asked))
    }

    fn listed(&mut self, operation: &'static str, pages: usize, at: Timestamp) {
        self.0.insert(operation, Took { pages, at, asked: 0 });
    }

    fn asked(&mut self, operation: &str, calls: usize) {
        if let Some(took) = self.0.get_mut(operation) {
            took.asked = calls;
        }
    }
}

impl Aws<'_> {
    /// True if the listing by an operation is known to take more calls than so many that ask for what is wanted. As long as
    /// nothing is known of it, it is not.
    pub(crate) fn is_longer(&self, operation: &str, calls: usize) -> bool {
        lock(&self.cache.listings).is_longer(operation, calls, self.now())
    }

    /// Remembers how many pages a listing had.
    pub(crate) fn was_listed(&self, operation: &'static str, pages: usize) {
        lock(&self.cache.listings).listed(operation, pages, self.now());
    }

    /// Remembers how many calls it took to ask for what is wanted in place of the listing.
    pub(crate) fn was_asked(&self, operation: &str, calls: usize) {
        lock(&self.cache.listings).asked(operation, calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_read_that_takes_fewer_calls_is_made_and_a_long_listing_tried_again_after_an_hour() {
        let (mut listings, start) = (Listings::default(), Timestamp::UNIX_EPOCH);
        let is_longer = |listings: &Listings, calls, minutes| {
            listings.is_longer("List", calls, start + SignedDuration::from_mins(minutes))
        };
        assert!(!is_longer(&listings, 0, 0), "nothing is known of it");
        listings.asked("List", 1);
        assert!(!is_longer(&listings, 0, 0));
        listings.listed("List", 5, start);
        assert_eq!([4, 5].map(|calls| is_longer(&listings, calls, 59)), [true, false]);
        assert!(!is_longer(&listings, 4, 60));
        listings.asked("List", 5);
        assert!(!is_longer(&listings, 1, 1), "what is wanted had more pages than it seemed");
        listings.listed("List", 6, start);
        assert!(is_longer(&listings, 1, 1));
    }
}
