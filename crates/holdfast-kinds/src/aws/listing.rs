//! Which of two complete reads takes fewer calls: all pages of a listing, or what is wanted, by name or by ARN. In a region
//! that is mostly somebody else's it is the second.

use super::call::Aws;
use super::lock;
use futures::future::join_all;
use holdfast_core::cloud::ApplyError;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;

/// How long it may take until what took too many calls is tried again: it may take fewer now.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// How many calls reads took when they were last made, by operation.
#[derive(Default)]
pub(super) struct Listings(BTreeMap<&'static str, Took>);

#[derive(Default)]
struct Took {
    /// The listing.
    listed: Option<Calls>,
    /// Asking for what is wanted.
    asked: Option<Calls>,
}

#[derive(Clone, Copy)]
struct Calls {
    number: usize,
    at: Timestamp,
}

impl Calls {
    fn lately(this: Option<Self>, now: Timestamp) -> Option<usize> {
        this.filter(|calls| calls.at <= now && now.duration_since(calls.at) < AGAIN).map(|calls| calls.number)
    }
}

impl Listings {
    fn is_longer(&self, operation: &str, calls: usize, now: Timestamp) -> bool {
        self.0.get(operation).is_some_and(|took| {
            let asked = Calls::lately(took.asked, now).unwrap_or_default();
            Calls::lately(took.listed, now).is_some_and(|pages| pages > calls.max(asked))
        })
    }

    fn listed(&mut self, operation: &'static str, number: usize, at: Timestamp) {
        self.0.entry(operation).or_default().listed = Some(Calls { number, at });
    }

    fn asked(&mut self, operation: &'static str, number: usize, at: Timestamp) {
        self.0.entry(operation).or_default().asked = Some(Calls { number, at });
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
    pub(crate) fn was_asked(&self, operation: &'static str, calls: usize) {
        lock(&self.cache.listings).asked(operation, calls, self.now());
    }

    /// Remembers that only the listing tells what is wanted.
    pub(crate) fn was_not_told(&self, operation: &'static str) {
        self.was_asked(operation, usize::MAX);
    }

    /// The answers to all of these reads, which ask for what is wanted. None if AWS refuses one of them, because of what it
    /// asks for: something that is gone, or that AWS does not take for what we do. The listing refuses nobody.
    pub(crate) async fn told<T>(
        &self,
        operation: &'static str,
        reads: Vec<impl Future<Output = Result<T, ApplyError>>>,
    ) -> Result<Option<Vec<T>>, ApplyError> {
        let mut told = Vec::new();
        for answer in join_all(reads).await {
            match answer {
                Ok(answer) => told.push(answer),
                Err(error) if error.class.passes() => return Err(error),
                Err(error) => {
                    tracing::debug!(scope = %self.scope(), %error, "all is listed, because asking for what is wanted failed");
                    self.was_not_told(operation);
                    return Ok(None);
                }
            }
        }
        Ok(Some(told))
    }
}

#[cfg(test)]
mod tests {
    use super::super::error;
    use super::super::testing::Lab;
    use super::*;
    use holdfast_core::cloud::ErrorClass;

    #[test]
    fn the_read_that_takes_fewer_calls_is_made_and_the_other_one_tried_again_after_an_hour() {
        let (mut listings, start) = (Listings::default(), Timestamp::UNIX_EPOCH);
        let at = |minutes| start + SignedDuration::from_mins(minutes);
        let is_longer = |listings: &Listings, calls, minutes| listings.is_longer("List", calls, at(minutes));
        assert!(!is_longer(&listings, 0, 0), "nothing is known of it");
        listings.listed("List", 5, at(0));
        assert_eq!([4, 5].map(|calls| is_longer(&listings, calls, 59)), [true, false]);
        assert!(!is_longer(&listings, 4, 60) && !is_longer(&listings, 4, -1), "it may be shorter now");
        listings.asked("List", 5, at(0));
        assert!(!is_longer(&listings, 1, 1), "what is wanted had more pages than it seemed");
        listings.listed("List", 5, at(30));
        assert!(!is_longer(&listings, 1, 59), "a listing tells nothing of that");
        assert!(is_longer(&listings, 1, 60));
    }

    #[tokio::test]
    async fn what_aws_refuses_to_tell_is_listed_for_an_hour_and_what_passes_is_a_gap() {
        let lab = Lab::default();
        let aws = lab.aws(0);
        aws.was_listed("List", 3);
        let told = async |class: Option<ErrorClass>| {
            let refuse = |class| Err(error::ours("elb:List", "ValidationError", class, String::new()));
            let read = async |n: u32| class.filter(|_| n == 1).map_or(Ok(n), refuse);
            aws.told("List", vec![read(0), read(1)]).await
        };
        assert_eq!(told(None).await.expect("all answer"), Some(vec![0, 1]));
        assert_eq!(told(Some(ErrorClass::Throttled)).await.expect_err("one is refused").class, ErrorClass::Throttled);
        assert!(aws.is_longer("List", 2));
        assert_eq!(told(Some(ErrorClass::Rejected)).await.expect("no gap"), None);
        assert!(!aws.is_longer("List", 1));
    }
}
