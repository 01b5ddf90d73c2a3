//! `Subnet`: a part of a VPC's network in one zone.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::{self, Tags};
use crate::ec2;
use crate::plain::{self, Action, Plain};
use holdfast_core::facts::{Field, Given, Severity, Shape, When};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Container, Context, Converge, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The kind.
pub(crate) struct Subnet;

/// A subnet with what it gives to the interfaces that are made in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SubnetSpec {
    /// The VPC, such as `${Vpc/main.id}`. Cannot change in place.
    vpc_id: String,
    /// The IPv4 network, /16 to /28, within one of the VPC's. Left out only with `ipv6Native`. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_block: Option<String>,
    /// The IPv6 network, /44 to /64, within one of the VPC's. It can be given and taken away later.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_cidr_block: Option<String>,
    /// Whether it has IPv6 alone. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_native: Option<bool>,
    /// The zone's name, such as `eu-west-1a`; AWS chooses one if neither this nor its id is given. Cannot change in
    /// place.
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    /// The zone's id, such as `euw1-az1`, which means the same zone in every account. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone_id: Option<String>,
    /// Whether instances get a public IPv4 address when they are launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    map_public_ip_on_launch: Option<bool>,
    /// Whether interfaces get an IPv6 address when they are made. Needs an IPv6 network.
    #[serde(skip_serializing_if = "Option::is_none")]
    assign_ipv6_address_on_creation: Option<bool>,
    /// Whether the resolver answers with synthetic IPv6 addresses for names that have only IPv4 ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_dns64: Option<bool>,
    /// What instances are named after: `ip-name`, their IPv4 address, or `resource-name`, their id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ip-name", "resource-name"]))]
    private_dns_hostname_type_on_launch: Option<String>,
    /// Whether a name made of the id resolves to the IPv4 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_resource_name_dns_a_record_on_launch: Option<bool>,
    /// Whether a name made of the id resolves to the IPv6 address.
    #[serde(rename = "enableResourceNameDnsAAAARecordOnLaunch", skip_serializing_if = "Option::is_none")]
    enable_resource_name_dns_aaaa_record_on_launch: Option<bool>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const PUBLIC: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html";
const ADDRESSES: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html";
const DNS64: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html";
const NAMES: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html";
const CREATE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html";
const CIDR_FORM: &str = "host bits masked";

const IPV6: &str = "ipv6CidrBlock";

/// The attributes of a subnet, which EC2 writes one a call.
const ATTRIBUTES: [&str; 6] = [
    "mapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation",
    "enableDns64",
    "privateDnsHostnameTypeOnLaunch",
    "enableResourceNameDnsARecordOnLaunch",
    "enableResourceNameDnsAAAARecordOnLaunch",
];

const BY_ID: &[Given] =
    &[Given { when: &[When { at: "/ipv6Native", is: &["true"] }], default: r#""resource-name""#, source: NAMES }];

impl Kind for Subnet {
    const NAME: KindName = "Subnet";
    const SUMMARY: &'static str = "A part of a VPC's network in one zone";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/vpcId").create_only(),
        Field::scalar("/cidrBlock").create_only().canonical(CIDR_FORM),
        Field::scalar("/ipv6CidrBlock").canonical("host bits masked, in its short form"),
        Field::scalar("/ipv6Native").create_only().default("false", CREATE),
        Field::scalar("/availabilityZone").create_only(),
        Field::scalar("/availabilityZoneId").create_only(),
        Field::scalar("/mapPublicIpOnLaunch").default("false", PUBLIC),
        Field::scalar("/assignIpv6AddressOnCreation").default("false", ADDRESSES),
        Field::scalar("/enableDns64").default("false", DNS64),
        Field::scalar("/privateDnsHostnameTypeOnLaunch").default(r#""ip-name""#, NAMES).given(BY_ID),
        Field::scalar("/enableResourceNameDnsARecordOnLaunch").default("false", NAMES),
        Field::scalar("/enableResourceNameDnsAAAARecordOnLaunch").default("false", NAMES),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The subnet's id, such as subnet-0123456789abcdef0" },
        Output { name: "arn", doc: "The subnet's ARN" },
        Output { name: "vpcId", doc: "The VPC it is in" },
        Output { name: "availabilityZone", doc: "The name of its zone" },
        Output { name: "cidrBlock", doc: "Its IPv4 network; none where it has IPv6 alone" },
    ];
    const HANDLE: Handle = Handle {
        form: "a subnet id, such as subnet-0123456789abcdef0",
        read: |text| ec2::id(text, "subnet", "subnet-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AssociateSubnetCidrBlock",
        "ec2:CreateSubnet",
        "ec2:CreateTags",
        "ec2:DeleteSubnet",
        "ec2:DeleteTags",
        "ec2:DescribeSubnets",
        "ec2:DisassociateSubnetCidrBlock",
        "ec2:ModifySubnetAttribute",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/vpcId", cascades: false });
    const HELD_BY_USERS: bool = true;

    type Spec = SubnetSpec;
    type Action = Action<Self>;

    fn validate(spec: &SubnetSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, code: &str, words: &str| errors.push(SpecError::new(pointer, code, words));
        let native = spec.ipv6_native == Some(true);
        match (&spec.cidr_block, native) {
            (None, false) => wrong("/cidrBlock", "missing", "give the IPv4 network, or set ipv6Native"),
            (Some(_), true) => wrong("/cidrBlock", "conflict", "a subnet with ipv6Native has no IPv4 network"),
            _ => {}
        }
        if native && spec.ipv6_cidr_block.is_none() {
            wrong("/ipv6CidrBlock", "missing", "a subnet with ipv6Native needs its IPv6 network");
        }
        if spec.availability_zone.is_some() && spec.availability_zone_id.is_some() {
            wrong("/availabilityZoneId", "conflict", "give the zone's name or its id, not both");
        }
        if spec.assign_ipv6_address_on_creation == Some(true) && spec.ipv6_cidr_block.is_none() {
            let words = "there is no IPv6 address to assign: set ipv6CidrBlock too";
            wrong("/assignIpv6AddressOnCreation", "conflict", words);
        }
        if native && spec.private_dns_hostname_type_on_launch.as_deref() == Some("ip-name") {
            let words = "without IPv4 the names are made of ids: use resource-name";
            wrong("/privateDnsHostnameTypeOnLaunch", "conflict", words);
        }
        ec2::check_id(&mut errors, "/vpcId", &spec.vpc_id, "vpc-");
        for (pointer, text, bits) in
            [("/cidrBlock", &spec.cidr_block, 16..=28), ("/ipv6CidrBlock", &spec.ipv6_cidr_block, 44..=64)]
        {
            if let Some(text) = text {
                ec2::check_cidr(&mut errors, pointer, text, bits);
            }
        }
        errors
    }

    fn canonical(spec: &mut Value) {
        ec2::canonical_cidr(spec.get_mut("cidrBlock"));
        ec2::canonical_cidr(spec.get_mut(IPV6));
    }

    /// Subnets have no name: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    /// Public addresses that nobody asked for open a way in.
    fn severity(diff: &FieldDiff) -> Severity {
        let opens = diff.path == "/mapPublicIpOnLaunch" && diff.live == json!(true);
        if opens { Severity::Exposure } else { diff.severity }
    }

    /// An IPv6 network comes before the attribute that needs it, and goes after it.
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Self::Action> {
        let mut steps = plain::converge::<Self>(spec, live, diffs);
        if let Converge::Change(steps) = &mut steps
            && spec.get(IPV6).is_none_or(Value::is_null)
        {
            steps.sort_by_key(|step| step.heals.iter().any(|path| path == "/ipv6CidrBlock"));
        }
        steps
    }

    plain::life!(create delete);
}

impl Plain for Subnet {
    const NOUN: &'static str = "subnet";
    const SHOWN: &'static [&'static str] = &["vpcId", "cidrBlock", IPV6, "availabilityZone", "availabilityZoneId"];
    const LATER: &'static [&'static str] = &ATTRIBUTES;
    const CALLS: &'static [&'static [&'static str]] = &[
        &[IPV6],
        &[ATTRIBUTES[0]],
        &[ATTRIBUTES[1]],
        &[ATTRIBUTES[2]],
        &[ATTRIBUTES[3]],
        &[ATTRIBUTES[4]],
        &[ATTRIBUTES[5]],
    ];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let native = fields.get("ipv6Native") == Some(&json!(true));
        let mut whole = json!({
            "availabilityZone": format!("{}a", mint.region), "ipv6Native": false, "mapPublicIpOnLaunch": false,
            "assignIpv6AddressOnCreation": false, "enableDns64": false,
            "privateDnsHostnameTypeOnLaunch": if native { "resource-name" } else { "ip-name" },
            "enableResourceNameDnsARecordOnLaunch": false, "enableResourceNameDnsAAAARecordOnLaunch": false,
        });
        common::overlay(&mut whole, fields.as_object().unwrap_or(&Map::new()));
        let (id, arn) = ec2::mint(mint, "subnet", "subnet-");
        plain::observation::<Self, 1>(id, tags, whole, [("arn", Some(arn.into()))])
    }
}
