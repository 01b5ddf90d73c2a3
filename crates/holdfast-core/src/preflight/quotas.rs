//! What the resources of a plan need of AWS's quotas.

use crate::kind::Registry;
use crate::name::ResourceKey;
use crate::plan::{Decision, Desired, Fate, Plan};
use crate::pointer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one resource needs of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// AWS's service and its name of the quota, such as `rds:DBInstances`.
    pub quota: &'static str,
    /// How much.
    pub amount: u64,
    /// Where the quota is one of each thing and not one of the account: JSON Pointer of what counts against it.
    pub each: Option<String>,
}

impl Need {
    /// One more of what the account may have.
    pub fn one(quota: &'static str) -> Self {
        Self { quota, amount: 1, each: None }
    }
    /// So much more of what the account may have.
    pub fn much(quota: &'static str, amount: u64) -> Self {
        Self { quota, amount, each: None }
    }
    /// So many in the list at `pointer`, of which each thing may have only some.
    pub fn each(quota: &'static str, amount: u64, pointer: impl Into<String>) -> Self {
        Self { quota, amount, each: Some(pointer.into()) }
    }
}

/// AWS allows five groups an interface unless it was asked for more, so fewer need no look-up.
const SURE_GROUPS: usize = 5;
/// EC2's name of that quota.
const GROUPS: &str = "ec2:vpc-max-security-groups-per-interface";

/// What the plan needs, by resource: of the account for what it makes, of each thing for what it makes or changes. Needs of
/// the account are those of the whole scope, as soon as one is of `stacks`.
pub(super) fn needs(
    registry: &Registry,
    desired: &[Arc<Desired>],
    plan: &Plan,
    stacks: &BTreeSet<String>,
) -> Vec<(ResourceKey, Need)> {
    let awaiting = plan.awaiting.iter().flat_map(|part| &part.verdicts);
    let mut decided: BTreeMap<&ResourceKey, Decision> = BTreeMap::new();
    decided.extend(plan.verdicts.iter().chain(awaiting).map(|v| (&v.key, v.decision)));
    let mut found: Vec<(ResourceKey, Need)> = Vec::new();
    for one in desired.iter().filter(|d| d.fate == Fate::Keep) {
        let (makes, changes) = match decided.get(&one.key) {
            Some(Decision::Create | Decision::Replace) => (true, true),
            Some(Decision::Update | Decision::Report | Decision::Failed) => (false, true),
            _ => continue,
        };
        let spec = one.spec.value();
        let own = registry.get(&one.key.kind).map(|kind| kind.needs(&spec)).unwrap_or_default();
        let mut all: Vec<Need> = own.into_iter().filter(|n| makes || n.each.is_some()).collect();
        if changes {
            group_lists(&spec, "", &mut all);
        }
        // What each thing needs by itself is told with the thing's own stack only.
        all.retain(|n| n.each.is_none() || stacks.contains(&one.key.stack));
        found.extend(all.into_iter().map(|need| (one.key.clone(), need)));
    }
    let ours: BTreeSet<&str> =
        found.iter().filter(|(key, _)| stacks.contains(&key.stack)).map(|(_, need)| need.quota).collect();
    found.into_iter().filter(|(_, need)| ours.contains(need.quota)).collect()
}

/// Lists of security groups long enough to be refused; wherever one stands, it is that of a network interface.
fn group_lists(value: &Value, at: &str, found: &mut Vec<Need>) {
    let Value::Object(map) = value else { return };
    for (name, inner) in map {
        let here = pointer::join(at, name);
        match inner {
            Value::Array(items) if name.to_lowercase().contains("securitygroup") && items.len() > SURE_GROUPS => {
                found.push(Need::each(GROUPS, items.len() as u64, here));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| group_lists(item, &format!("{here}/{n}"), found));
            }
            _ => group_lists(inner, &here, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_lists_of_groups_that_may_be_refused_are_asked_about_wherever_they_stand() {
        let groups = |n: usize| vec!["${SecurityGroup/a.id}"; n];
        let spec = json!({
            "securityGroups": groups(5), "subnets": groups(9),
            "interfaces": [{ "securityGroupIds": groups(6) }],
            "net": { "vpcSecurityGroupIds": groups(7) },
        });
        let mut found = Vec::new();
        group_lists(&spec, "", &mut found);
        let expected = [
            Need::each(GROUPS, 6, "/interfaces/0/securityGroupIds"),
            Need::each(GROUPS, 7, "/net/vpcSecurityGroupIds"),
        ];
        assert_eq!(found, expected);
    }
}
