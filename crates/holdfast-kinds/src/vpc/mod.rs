//! `Vpc`: a network of one's own.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::Tags;
use crate::ec2;
use crate::plain::{self, Action, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The kind.
pub(crate) struct Vpc;

/// A VPC with its DNS flags.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VpcSpec {
    /// The IPv4 network, /16 to /28. Cannot change in place.
    cidr_block: String,
    /// Whether instances share hardware with others: `default`, or `dedicated`. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["default", "dedicated"]))]
    instance_tenancy: Option<String>,
    /// Whether AWS's resolver answers in the VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_dns_support: Option<bool>,
    /// Whether instances with public addresses get public names. Needs `enableDnsSupport`.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_dns_hostnames: Option<bool>,
    /// Whether CloudWatch counts the VPC's addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_network_address_usage_metrics: Option<bool>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const CREATE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html";
const DNS: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html";
const METRICS: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/network-address-usage.html";
const CIDR_FORM: &str = "host bits masked";

/// The attributes of a VPC, which EC2 reads and writes one a call.
const ATTRIBUTES: [&str; 3] = ["enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics"];

impl Kind for Vpc {
    const NAME: KindName = "Vpc";
    const SUMMARY: &'static str = "A virtual private network with its DNS flags";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/cidrBlock").create_only().canonical(CIDR_FORM),
        Field::scalar("/instanceTenancy").create_only().default(r#""default""#, CREATE),
        Field::scalar("/enableDnsSupport").default("true", DNS),
        Field::scalar("/enableDnsHostnames").default("false", DNS),
        Field::scalar("/enableNetworkAddressUsageMetrics").default("false", METRICS).severity(Severity::Cosmetic),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The VPC's id, such as vpc-0123456789abcdef0" },
        Output { name: "arn", doc: "The VPC's ARN" },
        Output { name: "cidrBlock", doc: "Its IPv4 network" },
    ];
    const HANDLE: Handle =
        Handle { form: "a VPC id, such as vpc-0123456789abcdef0", read: |text| ec2::id(text, "vpc", "vpc-") };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteTags",
        "ec2:DeleteVpc",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:ModifyVpcAttribute",
    ];
    const HELD_BY_USERS: bool = true;

    type Spec = VpcSpec;
    type Action = Action<Self>;

    fn validate(spec: &VpcSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        ec2::check_cidr(&mut errors, "/cidrBlock", &spec.cidr_block, 16..=28);
        if spec.enable_dns_hostnames == Some(true) && spec.enable_dns_support == Some(false) {
            let words = "names need the resolver: set enableDnsSupport too, or leave enableDnsHostnames out";
            errors.push(SpecError::new("/enableDnsHostnames", "conflict", words));
        }
        errors
    }

    fn canonical(spec: &mut Value) {
        ec2::canonical_cidr(spec.get_mut("cidrBlock"));
    }

    /// VPCs have no name: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    plain::life!();
}

impl Plain for Vpc {
    const NOUN: &'static str = "VPC";
    const SHOWN: &'static [&'static str] = &["cidrBlock"];
    const LATER: &'static [&'static str] = &ATTRIBUTES;
    // The resolver comes before the names that need it.
    const CALLS: &'static [&'static [&'static str]] = &[&[ATTRIBUTES[0]], &[ATTRIBUTES[1]], &[ATTRIBUTES[2]]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let mut whole = json!({ "instanceTenancy": "default", "enableDnsSupport": true, "enableDnsHostnames": false,
            "enableNetworkAddressUsageMetrics": false });
        crate::common::overlay(&mut whole, fields.as_object().unwrap_or(&serde_json::Map::new()));
        let (id, arn) = ec2::mint(mint, "vpc", "vpc-");
        plain::observation::<Self, 1>(id, tags, whole, [("arn", Some(arn.into()))])
    }
}
