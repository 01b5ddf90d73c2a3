//! Ids of things that a spec names and nobody declares here, found by their form.

use super::Thing;
use crate::handle::Arn;
use crate::name::{ResourceKey, Scope};
use crate::pointer;
use serde_json::Value;

/// A place where a spec names an AWS thing by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Whose spec.
    pub key: ResourceKey,
    /// JSON Pointer into the spec.
    pub pointer: String,
    /// What is named.
    pub thing: Thing,
    /// The id or ARN.
    pub id: String,
}

/// The ids that EC2 gives: a prefix and 8 or 17 hexadecimal digits.
const IDS: &[(&str, Thing)] = &[
    ("subnet-", Thing::Subnet),
    ("sg-", Thing::SecurityGroup),
    ("vpc-", Thing::Vpc),
    ("ami-", Thing::Image),
    ("eipalloc-", Thing::ElasticIp),
    ("igw-", Thing::InternetGateway),
    ("nat-", Thing::NatGateway),
    ("rtb-", Thing::RouteTable),
    ("eni-", Thing::NetworkInterface),
    ("i-", Thing::Instance),
    ("pl-", Thing::PrefixList),
];

/// ARNs by service and beginning of the resource.
const ARNS: &[(&str, &str, Thing)] = &[
    ("iam", "role/", Thing::Role),
    ("iam", "instance-profile/", Thing::InstanceProfile),
    ("ecs", "cluster/", Thing::Cluster),
    ("elasticloadbalancing", "loadbalancer/", Thing::LoadBalancer),
    ("elasticloadbalancing", "targetgroup/", Thing::TargetGroup),
];

/// Members whose text AWS never looks up, whatever it looks like.
const INERT: &[&str] =
    &["tags", "description", "value", "values", "command", "entryPoint", "dockerLabels", "options", "userData"];

/// Finds the things that a spec names by id, as far as they are of this region. References name nothing: what is made by
/// us is known to exist. Where an account stands beside an id, the thing is that account's, and cannot be seen from here.
pub fn mentions(key: &ResourceKey, spec: &Value, scope: &Scope, found: &mut Vec<Mention>) {
    walk(spec, "", &mut |pointer, text| {
        if let Some(thing) = thing_of(text, &scope.region) {
            found.push(Mention { key: key.clone(), pointer: pointer.to_owned(), thing, id: text.to_owned() });
        }
    });
}

fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(at, text),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{at}/{n}"), visit));
        }
        Value::Object(map) if !map.values().any(is_account) => {
            for (name, inner) in map.iter().filter(|(name, _)| !INERT.contains(&name.as_str())) {
                walk(inner, &pointer::join(at, name), visit);
            }
        }
        _ => {}
    }
}

fn is_account(value: &Value) -> bool {
    value.as_str().is_some_and(|t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit()))
}

/// What a text names, if it has the form of an AWS id.
fn thing_of(text: &str, region: &str) -> Option<Thing> {
    let by_id = || {
        let (_, thing) = IDS.iter().find(|(prefix, _)| text.strip_prefix(prefix).is_some_and(is_digits))?;
        Some(*thing)
    };
    let by_arn = || {
        let arn = Arn::parse(text).filter(|a| a.region.is_empty() || a.region == region)?;
        let (.., thing) = ARNS.iter().find(|(service, head, _)| {
            arn.service == *service && arn.resource.strip_prefix(head).is_some_and(|rest| !rest.is_empty())
        })?;
        Some(*thing)
    };
    // A wildcard, as in a policy, names nothing in particular.
    by_id().or_else(by_arn).filter(|_| !text.contains(['*', '$']))
}

fn is_digits(text: &str) -> bool {
    matches!(text.len(), 8 | 17) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(spec: &Value) -> Vec<(String, Thing)> {
        let mut found = Vec::new();
        let key = ResourceKey::new("shop", "Box", "a");
        mentions(&key, spec, &Scope::new("default", "eu-west-1"), &mut found);
        found.into_iter().map(|m| (m.pointer, m.thing)).collect()
    }

    #[test]
    fn ids_are_found_by_their_form_wherever_they_stand() {
        let spec = json!({
            "net": { "subnets": ["subnet-0123456789abcdef0", "${Subnet/a.id}"], "a/b": "sg-12345678" },
            "image": "ami-0123456789abcdef0",
            "role": "arn:aws:iam::123456789012:role/path/web",
            "profile": "arn:aws:iam::123456789012:instance-profile/web",
            "target": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef",
        });
        let expected = [
            ("/net/subnets/0", Thing::Subnet),
            ("/net/a~1b", Thing::SecurityGroup),
            ("/image", Thing::Image),
            ("/role", Thing::Role),
            ("/profile", Thing::InstanceProfile),
            ("/target", Thing::TargetGroup),
        ];
        assert_eq!(found(&spec), expected.map(|(pointer, thing)| (pointer.to_owned(), thing)));
    }

    #[test]
    fn what_only_looks_like_an_id_is_left_alone() {
        let spec = json!({
            "name": "sg-web", "image": "ami-latest", "i": "i-am-a-name", "part": "x subnet-0123456789abcdef0",
            "tags": { "vpc": "vpc-12345678" }, "description": "sg-12345678", "environment": [{ "name": "A", "value": "sg-12345678" }],
            "elsewhere": "arn:aws:ecs:us-east-1:123456789012:cluster/web",
            "any": "arn:aws:iam::123456789012:role/*", "open": "arn:aws:iam::123456789012:role/${var.x}",
        });
        assert_eq!(found(&spec), []);
    }

    #[test]
    fn what_belongs_to_another_account_is_not_looked_up_here() {
        let rule = json!({ "ingress": [{ "groupId": "sg-12345678", "userId": "210987654321" }] });
        assert_eq!(found(&rule), []);
    }
}
