//! The documents that users write: Stack, Resource, Account, List.
//!
//! [`from_bytes`] makes JSON of a body, [`parse`] documents of the JSON. What a document asks for is checked
//! against what else is declared by [`validate`](crate::validate).

mod bytes;
pub(crate) mod limits;
mod parse;
mod views;

pub use bytes::{MAX_DEPTH, from_bytes};
pub use parse::parse;
pub(crate) use parse::{Parsed, Read, read};
pub use views::without_views;

use crate::policy::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The only API version.
pub const API_VERSION: &str = "holdfast.dev/v1";

/// What stands under `metadata`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The name; unique for its kind in its stack.
    pub name: String,
    /// The stack of a resource that is sent alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Overrides the stack's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Overrides the stack's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Free labels, for finding; never sent to AWS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A document, checked as far as its own shape goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A stack with its resources.
    Stack(StackDocument),
    /// One resource alone; `metadata.stack` is present.
    Resource(ResourceDocument),
    /// An account.
    Account(AccountDocument),
}

/// A stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackDocument {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its spec.
    pub spec: StackSpec,
}

/// The spec of a stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StackSpec {
    /// The account its resources live in; `default` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region its resources live in; the server's own default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Put on every taggable resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What `${var.name}` takes.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// The policy that its resources inherit.
    #[serde(default)]
    pub policy: Policy,
    /// Its resources.
    #[serde(default)]
    pub resources: Vec<ResourceDocument>,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDocument {
    /// Its kind.
    pub kind: String,
    /// Its metadata.
    pub metadata: Metadata,
    /// Its own policy.
    #[serde(default)]
    pub policy: Policy,
    /// Its spec as written, references and variables included.
    pub spec: Value,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountDocument {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its spec.
    pub spec: AccountSpec,
}

/// The spec of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSpec {
    /// 12 digits.
    pub account_id: String,
    /// The role to assume; none means the process's own credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external id for the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The session name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The regions that resources of this account may name; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Another AWS endpoint, for emulators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
}
