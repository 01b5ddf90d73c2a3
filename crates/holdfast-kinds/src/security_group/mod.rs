//! `SecurityGroup`: a group and its rules, both declared in one place.
//!
//! Rules are flat, one peer each, as in `DescribeSecurityGroupRules`, and form a set. They are brought to one form on
//! both sides ([`rule`]), authorized before others are revoked, and re-described without a revoke.

#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod check;
mod plan;
pub(crate) mod rule;
#[cfg(test)]
mod tests;

use crate::common::{Retag, Tags, closed};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::facts::{Field, ItemKey, Severity, Shape};
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Container, Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::{Change, FieldDiff};
use plan::Action;
use rule::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct SecurityGroup;

/// An EC2 security group with its rules.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecurityGroupSpec {
    /// Name, unique in its VPC; up to 255 characters, not starting with `sg-`. Cannot change in place.
    group_name: String,
    /// What the group is for; up to 255 characters. Cannot change in place.
    description: String,
    /// The VPC, such as `vpc-0abc`. Cannot change in place.
    vpc_id: String,
    /// Rules for what may come in. Absent leaves them alone; an empty list allows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<Vec<Rule>>,
    /// Rules for what may go out. Absent leaves them alone, and AWS starts a group with one that allows everything;
    /// an empty list allows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    egress: Option<Vec<Rule>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const MODEL: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html";

const EGRESS: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/creating-security-groups.html";

const RULE_FORM: &str = "one peer a rule; host bits masked, IPv6 in its short form; no ports where the protocol has none; no empty description";
const PROTOCOL_FORM: &str =
    "text in lower case: `tcp` for 6, `udp` for 17, `icmp` for 1, `icmpv6` for 58, `-1` for all";

const RULES: Shape = Shape::Set(ItemKey::AllBut(&["description"]));

impl Kind for SecurityGroup {
    const NAME: KindName = "SecurityGroup";
    const SUMMARY: &'static str = "A security group with its ingress and egress rules";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/groupName").create_only(),
        Field::scalar("/description").create_only().severity(Severity::Cosmetic),
        Field::scalar("/vpcId").create_only(),
        Field::of("/ingress", RULES).default("[]", MODEL).late().canonical(RULE_FORM),
        Field::scalar("/ingress/*/ipProtocol").canonical(PROTOCOL_FORM),
        Field::scalar("/ingress/*/description").severity(Severity::Cosmetic),
        Field::of("/egress", RULES)
            .default(r#"[{"ipProtocol":"-1","cidrIpv4":"0.0.0.0/0"}]"#, EGRESS)
            .late()
            .canonical(RULE_FORM),
        Field::scalar("/egress/*/ipProtocol").canonical(PROTOCOL_FORM),
        Field::scalar("/egress/*/description").severity(Severity::Cosmetic),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The group's id, such as sg-0123456789abcdef0" },
        Output { name: "arn", doc: "The group's ARN" },
        Output { name: "groupName", doc: "The group's name" },
        Output { name: "vpcId", doc: "The VPC it is in" },
    ];
    const HANDLE: Handle = Handle {
        form: "a security group id, such as sg-0123456789abcdef0",
        read: |text| {
            let id = Arn::rest(text, "ec2", "security-group/").unwrap_or(text);
            let digits = id.strip_prefix("sg-")?;
            let fits = (8..=17).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            fits.then(|| id.to_owned())
        },
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:ModifySecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/vpcId", cascades: false });
    const HELD_BY_USERS: bool = true;
    const REPEATABLE: bool = true;

    type Spec = SecurityGroupSpec;
    type Action = Action;

    fn validate(spec: &SecurityGroupSpec) -> Vec<SpecError> {
        check::spec(spec)
    }

    fn canonical(spec: &mut Value) {
        for direction in ["ingress", "egress"] {
            match spec.get_mut(direction) {
                Some(Value::Array(rules)) => rules.iter_mut().for_each(rule::canonical),
                // Rules that must be unset are no rules.
                Some(rules @ Value::Null) => *rules = Value::Array(Vec::new()),
                _ => {}
            }
        }
    }

    fn identity(spec: &Value) -> Option<String> {
        Some(identity(closed(spec, "vpcId")?, closed(spec, "groupName")?))
    }

    fn severity(diff: &FieldDiff) -> Severity {
        let open_to_all = ["cidrIpv4", "cidrIpv6"]
            .iter()
            .any(|peer| matches!(diff.live.get(peer).and_then(Value::as_str), Some("0.0.0.0/0" | "::/0")));
        if diff.change == Change::Added && open_to_all { Severity::Exposure } else { diff.severity }
    }

    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
        plan::create(spec, context)
    }

    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
        Converge::Change(plan::converge(spec, live, diffs))
    }

    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
        Action::Retag(Retag::of(live, set, remove))
    }

    fn delete(live: &Observation) -> Vec<Draft<Action>> {
        plan::delete(live)
    }

    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        plan::predict(before, action, mint)
    }
}

/// How a group is found again without its id.
fn identity(vpc_id: &str, group_name: &str) -> String {
    format!("{vpc_id}/{group_name}")
}

/// AWS's refusal of one rule too many.
fn full(direction: rule::Direction) -> Refusal {
    let words = format!("The maximum number of {direction} rules per security group has been reached.");
    crate::common::refusal(ErrorClass::Quota, "RulesPerSecurityGroupLimitExceeded", words)
}
