//! `SecurityGroupRule`: one rule of a group that does not declare the rules of that direction itself.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::{Tags, Text, closed, referred, text};
use crate::ec2;
use crate::plain::{self, Action, Call, Plain};
use crate::security_group::check::one_rule;
use crate::security_group::rule::{self, Direction, Rule};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Container, Draft, Kind, Mint, Output};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The kind.
pub(crate) struct SecurityGroupRule;

/// One rule of a security group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecurityGroupRuleSpec {
    /// The group it is a rule of, such as `${SecurityGroup/web.id}`. Cannot change in place.
    group_id: String,
    /// Whether it says what may go out; otherwise it says what may come in. Cannot change in place.
    is_egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all. Cannot change in place.
    ip_protocol: Text,
    /// First port, 0 to 65535; the type for `icmp` and `icmpv6`, where -1 means all. None for other protocols. Cannot
    /// change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_port: Option<i64>,
    /// Last port; the code for `icmp` and `icmpv6`, where -1 means all. Cannot change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_port: Option<i64>,
    /// The peer as an IPv4 range, such as `10.0.0.0/16`. A rule has exactly one peer. Cannot change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cidr_ipv4: Option<String>,
    /// The peer as an IPv6 range, such as `2001:db8::/32`. Cannot change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cidr_ipv6: Option<String>,
    /// The peer as a managed prefix list, such as `pl-0abc`. Cannot change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix_list_id: Option<String>,
    /// The peer as a security group, such as `${SecurityGroup/alb.id}`; it may be the group itself. Cannot change in
    /// place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    referenced_group_id: Option<String>,
    /// What the rule is for; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Tags of the rule, key to value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const CIDR_FORM: &str = "host bits masked, IPv6 in its short form";
const PROTOCOL_FORM: &str =
    "text in lower case: `tcp` for 6, `udp` for 17, `icmp` for 1, `icmpv6` for 58, `-1` for all";

/// The members that are the rule itself.
const RULE: [&str; 8] =
    ["ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId", "referencedGroupId", "description"];

impl Kind for SecurityGroupRule {
    const NAME: KindName = "SecurityGroupRule";
    const SUMMARY: &'static str = "One rule of a security group that does not declare its rules itself";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/groupId").create_only(),
        Field::scalar("/isEgress").create_only(),
        Field::scalar("/ipProtocol").create_only().canonical(PROTOCOL_FORM),
        Field::scalar("/fromPort").create_only(),
        Field::scalar("/toPort").create_only(),
        Field::scalar("/cidrIpv4").create_only().canonical(CIDR_FORM),
        Field::scalar("/cidrIpv6").create_only().canonical(CIDR_FORM),
        Field::scalar("/prefixListId").create_only(),
        Field::scalar("/referencedGroupId").create_only(),
        Field::scalar("/description").severity(Severity::Cosmetic),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The rule's id, such as sgr-0123456789abcdef0" },
        Output { name: "arn", doc: "The rule's ARN" },
        Output { name: "groupId", doc: "The group it is a rule of" },
    ];
    const HANDLE: Handle = Handle {
        form: "a security group rule id, such as sgr-0123456789abcdef0",
        read: |text| ec2::id(text, "security-group-rule", "sgr-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroupRules",
        "ec2:ModifySecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/groupId", cascades: true });
    // The same rule a second time is refused.
    const REPEATABLE: bool = true;

    type Spec = SecurityGroupRuleSpec;
    type Action = Action<Self>;

    fn validate(spec: &SecurityGroupRuleSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        if !is_open(&spec.group_id) && !spec.group_id.starts_with("sg-") {
            let words =
                format!("\"{}\" is no security group id; write sg-… or ${{SecurityGroup/name.id}}", spec.group_id);
            errors.push(SpecError::new("/groupId", "invalid-value", words));
        }
        let written = spec.rule();
        one_rule("", &written.clone().canonical(), &written, &mut errors);
        errors
    }

    /// A group that declares the direction would revoke the rule, and the rule would come back, for ever.
    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        let group = text(spec, "groupId").and_then(|words| referred(words, stack, "SecurityGroup"));
        let direction = direction(spec).field();
        let declares = |key: &ResourceKey| peers(key).is_some_and(|group| group.get(direction).is_some());
        let refuse = |key: ResourceKey| {
            let words = format!(
                "{key} declares its {direction} itself and would revoke this rule; write the rule into it, or leave \
                 {direction} out there"
            );
            SpecError::new("/groupId", "conflict", words)
        };
        group.filter(declares).map(refuse).into_iter().collect()
    }

    fn canonical(spec: &mut Value) {
        let Some(map) = spec.as_object_mut() else { return };
        let written: Map<String, Value> =
            RULE.iter().filter_map(|key| Some(((*key).to_owned(), map.get(*key)?.clone()))).collect();
        let undescribed =
            matches!(written.get("description"), Some(Value::Null)) || written.get("description") == Some(&json!(""));
        let mut form = Value::Object(written.clone());
        rule::canonical(&mut form);
        let Value::Object(form) = form else { return };
        map.retain(|key, _| !written.contains_key(key));
        map.extend(form);
        if undescribed {
            map.insert("description".to_owned(), Value::Null);
        }
    }

    /// Its content: AWS takes the same rule once.
    fn identity(spec: &Value) -> Option<String> {
        let group = closed(spec, "groupId")?;
        spec.get("isEgress").filter(|e| e.is_boolean())?;
        let mut form = spec.clone();
        Self::canonical(&mut form);
        let rule = rule_of(&form)?;
        let peers = rule.peers();
        let (_, peer) = peers.first().filter(|(_, peer)| !is_open(peer))?;
        let port = |port: Option<i64>| port.map_or_else(String::new, |p| p.to_string());
        let (from, to) = (port(rule.from_port), port(rule.to_port));
        (!is_open(&rule.ip_protocol.0))
            .then(|| format!("{group}/{}/{}/{from}-{to}/{peer}", direction(spec), rule.ip_protocol.0))
    }

    fn severity(diff: &FieldDiff) -> Severity {
        let open = matches!(diff.live.as_str(), Some("0.0.0.0/0" | "::/0"));
        if open { Severity::Exposure } else { diff.severity }
    }

    /// A revoke names the group and the direction.
    fn delete(live: &Observation) -> Vec<Draft<Self::Action>> {
        let fields = json!({ "groupId": live.fields.get("groupId"), "isEgress": live.fields.get("isEgress") });
        vec![Draft::because(Call::Delete { id: live.id.clone(), fields }.into(), "revoke", "")]
    }

    plain::life!(create converge);
}

impl SecurityGroupRuleSpec {
    fn rule(&self) -> Rule {
        Rule {
            ip_protocol: self.ip_protocol.clone(),
            from_port: self.from_port,
            to_port: self.to_port,
            cidr_ipv4: self.cidr_ipv4.clone(),
            cidr_ipv6: self.cidr_ipv6.clone(),
            prefix_list_id: self.prefix_list_id.clone(),
            referenced_group_id: self.referenced_group_id.clone(),
            description: self.description.clone(),
        }
    }
}

fn direction(spec: &Value) -> Direction {
    match spec.get("isEgress") {
        Some(Value::Bool(true)) => Direction::Egress,
        _ => Direction::Ingress,
    }
}

/// The rule in a spec.
fn rule_of(spec: &Value) -> Option<Rule> {
    let mut members = spec.as_object()?.clone();
    members.retain(|key, _| RULE.contains(&key.as_str()));
    serde_json::from_value(Value::Object(members)).ok()
}

impl Plain for SecurityGroupRule {
    const NOUN: &'static str = "security group rule";
    const SHOWN: &'static [&'static str] = &[
        "groupId",
        "isEgress",
        "ipProtocol",
        "fromPort",
        "toPort",
        "cidrIpv4",
        "cidrIpv6",
        "prefixListId",
        "referencedGroupId",
    ];
    const CALLS: &'static [&'static [&'static str]] = &[&["description"]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let (id, arn) = ec2::mint(mint, "security-group-rule", "sgr-");
        plain::observation::<Self, 1>(id, tags, fields, [("arn", Some(arn.into()))])
    }
}
