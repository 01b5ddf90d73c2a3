//! Which AWS operations stand behind the actions of each kind, and whether all that a kind may write was interrupted.

use anyhow::{Context, Result};
use holdfast_core::kind::Registry;
use std::collections::{BTreeMap, BTreeSet};

/// By kind and action. An action without operations calls nobody: what AWS takes no tags for is adopted by remembering it.
type Table = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Permissions that no call of a kind's own is made with: AWS asks for them on behalf of another call.
const BEHIND_OTHERS: [&str; 5] = [
    "iam:PassRole",
    "iam:CreateServiceLinkedRole",
    "kms:CreateGrant",
    "secretsmanager:CreateSecret",
    "secretsmanager:TagResource",
];

fn table() -> Result<Table> {
    serde_json::from_str(include_str!("operations.json")).context("the table of operations is no table")
}

/// What of the kinds' permitted writes was not among `lost`, the kinds and actions whose answers were lost. Empty if all
/// were.
pub(crate) fn uncovered(registry: &Registry, lost: &BTreeSet<(&'static str, String)>) -> Result<Vec<String>> {
    let table = table()?;
    let none = BTreeMap::new();
    let mut found = Vec::new();
    for kind in registry.iter() {
        let actions = table.get(kind.name()).unwrap_or(&none);
        let reads =
            |o: &str| ["Describe", "List", "Get"].iter().any(|r| o.split(':').nth(1).is_some_and(|o| o.starts_with(r)));
        let writes = kind.permissions().iter().filter(|p| !reads(p) && !BEHIND_OTHERS.contains(p));
        let behind: BTreeSet<&str> = actions.values().flatten().map(String::as_str).collect();
        found.extend(
            writes
                .clone()
                .filter(|p| !behind.contains(**p))
                .map(|p| format!("{}: no action stands for {p}", kind.name())),
        );
        let permitted: BTreeSet<&str> = writes.copied().collect();
        let unknown = behind.iter().filter(|o| !permitted.contains(**o));
        found.extend(unknown.map(|o| format!("{}: {o} is not among its permissions", kind.name())));
        for action in actions.keys().filter(|a| !lost.contains(&(kind.name(), (*a).clone()))) {
            found.push(format!("{}: no answer of {action} was lost", kind.name()));
        }
    }
    for (kind, action) in lost {
        let known = table.get(*kind).is_some_and(|actions| actions.contains_key(action));
        if !known {
            found.push(format!("{kind}: the table does not know {action}"));
        }
    }
    Ok(found)
}
