//! Names: what a resource is called here, and where it lives in AWS.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The name of a kind as users write it, such as `SecurityGroup`.
pub type KindName = &'static str;

/// Tag key that holds the uid of the resource that owns an AWS thing; written by the create call itself.
pub const UID_TAG: &str = "holdfast:uid";
/// Tag key that holds `stack/Kind/name` of the owner, so that ownership survives the loss of the store.
pub const RESOURCE_TAG: &str = "holdfast:resource";

/// Identity of a declared resource: `stack/Kind/name`. Whoever copies one holds the same texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceKey(Arc<KeyParts>);

/// The parts of a [`ResourceKey`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyParts {
    /// The stack that declares it.
    pub stack: String,
    /// The kind, as in the document. Kept as text: a store may hold kinds that this build does not know.
    pub kind: String,
    /// The resource's name, unique for its kind in its stack.
    pub name: String,
}

impl ResourceKey {
    /// Puts a key together.
    pub fn new(stack: impl Into<String>, kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self(Arc::new(KeyParts { stack: stack.into(), kind: kind.into(), name: name.into() }))
    }

    /// Reads `stack/Kind/name`; `None` if it has not exactly three non-empty parts.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(s), Some(k), Some(n), None) if !s.is_empty() && !k.is_empty() && !n.is_empty() => {
                Some(Self::new(s, k, n))
            }
            _ => None,
        }
    }
}

impl Deref for ResourceKey {
    type Target = KeyParts;

    fn deref(&self) -> &KeyParts {
        &self.0
    }
}

impl PartialOrd for ResourceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.stack, self.kind, self.name)
    }
}

/// An account × region: the unit of sweeping, planning and writing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Name of the Account document; `default` is the process's own credentials.
    pub account: String,
    /// AWS region, such as `eu-west-1`.
    pub region: String,
}

impl Scope {
    /// Puts a scope together.
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self { account: account.into(), region: region.into() }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_exactly_three_parts_and_none_is_empty() {
        assert_eq!(ResourceKey::parse("s/Box/a"), Some(ResourceKey::new("s", "Box", "a")));
        for text in ["", "s", "s/Box", "s/Box/", "s//a", "/Box/a", "//", "s/Box/a/b", "s/Box/a/"] {
            assert_eq!(ResourceKey::parse(text), None, "{text}");
        }
    }
}
