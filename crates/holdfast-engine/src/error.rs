//! Why a pass did not go through.

use holdfast_core::cloud::ApplyError;
use holdfast_store::StoreError;

/// Why a pass did not go through. It concerns a scope as a whole; what concerns one resource is in its status.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The store could not be read or written; nothing is written in AWS while that lasts.
    #[error("the store failed, so nothing is written in AWS: {0}")]
    Store(#[from] StoreError),
    /// The credentials belong to another AWS account than the document says.
    #[error(
        "account \"{account}\" is declared as {expected}, but its credentials belong to {found}: nothing is read or \
         written there. Correct the credentials; if the document is wrong, declare another account and move the \
         resources there"
    )]
    WrongAccount {
        /// The account's name.
        account: String,
        /// The id that its document declares.
        expected: String,
        /// The id that AWS says.
        found: String,
    },
    /// The credentials belong to another AWS account than those before them, and no document says that they should.
    #[error(
        "account \"{account}\" was {before} until now, but its credentials belong to {found}: nothing is read or written \
         there, or all of it would be made a second time. Correct the credentials; if it is to be {found} from now on, \
         declare the Account \"{account}\" with that accountId"
    )]
    OtherAccount {
        /// The account's name.
        account: String,
        /// The id that AWS said before.
        before: String,
        /// The id that AWS says.
        found: String,
    },
    /// AWS did not say which account the credentials belong to.
    #[error("the account of the credentials could not be verified, so nothing is read or written there: {0}")]
    Identify(ApplyError),
    /// AWS took no call any more: the clock or the credentials went wrong in the middle of a pass.
    #[error("AWS takes no call with this clock and these credentials, so nothing more is written there: {0}")]
    Unsigned(ApplyError),
    /// A defect of ours; the other scopes go on.
    #[error("the pass panicked: {0}. This is a defect of Holdfast; the other scopes go on")]
    Panicked(String),
}

impl PassError {
    /// True if the credentials are of an account that nothing may be read or written in.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::WrongAccount { .. } | Self::OtherAccount { .. })
    }
}
