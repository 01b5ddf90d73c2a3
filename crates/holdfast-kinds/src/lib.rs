//! What Holdfast knows of AWS: one folder a kind, which reads `spec`, `rules` of the kind, `plan`, `aws`.
//!
//! Everything outside `aws/` folders and `aws.rs` files is pure. SDK types appear only there, behind the feature
//! `aws`. This crate must never know the store, the engine or the API.

#[cfg(feature = "aws")]
pub mod aws;
pub(crate) mod common;
#[cfg(test)]
mod laws;
mod security_group;

use holdfast_core::kind::{Erased, Registry};

/// Names every kind once: in the registry, and in the list by which the live side finds its code.
macro_rules! kinds {
    ($($kind:ty),* $(,)?) => {
        /// All kinds of this build.
        pub fn registry() -> Registry {
            Registry::new(vec![$(Erased::<$kind>::boxed()),*])
        }

        /// The live side of all kinds.
        #[cfg(feature = "aws")]
        pub(crate) fn live() -> Vec<Box<dyn aws::AnyLive>> {
            vec![$(aws::Wire::<$kind>::boxed()),*]
        }

        /// The typed side of all kinds, for the laws.
        #[cfg(test)]
        fn typed() -> Vec<laws::Typed> {
            vec![$(laws::Typed::of::<$kind>()),*]
        }
    };
}

kinds! {
    security_group::SecurityGroup,
}
