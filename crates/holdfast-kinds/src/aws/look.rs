//! What the kinds share in one look at a scope.

use super::tags::Feed;
use aws_sdk_ec2::types::{Subnet, Vpc};
use holdfast_core::cloud::ApplyError;
use std::future::Future;
use tokio::sync::OnceCell;

/// What is read once in a look, whoever asks for it. An action has one to itself.
#[derive(Default)]
pub(super) struct Look {
    pub(super) feed: Feed,
    pub(super) shared: Shared,
}

/// Listings that more than one kind looks into.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) vpcs: Once<Vpc>,
    pub(crate) subnets: Once<Subnet>,
}

/// A listing that the first who asks makes, and the others have of it; also that it could not be made.
pub(crate) struct Once<T>(OnceCell<Result<Vec<T>, ApplyError>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T> Once<T> {
    /// What `list` says, or has said.
    pub(crate) async fn get<F>(&self, list: impl FnOnce() -> F) -> Result<&[T], ApplyError>
    where
        F: Future<Output = Result<Vec<T>, ApplyError>>,
    {
        self.0.get_or_init(list).await.as_deref().map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::error;
    use super::*;
    use holdfast_core::cloud::ErrorClass;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_listing_is_made_once_and_so_is_one_that_fails() {
        let calls = AtomicUsize::new(0);
        for class in [None, Some(ErrorClass::Denied)] {
            let listing = Once::default();
            let list = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                class.map_or(Ok(vec![7]), |class| Err(error::ours("ec2:List", "Denied", class, String::new())))
            };
            let (one, other) = futures::future::join(listing.get(list), listing.get(list)).await;
            assert_eq!(one, other);
            assert_eq!(one.map_err(|error| error.class), class.map_or(Ok(&[7][..]), Err));
        }
        assert_eq!(calls.into_inner(), 2);
    }
}
