//! `NatGateway`: the way out for what has no public address.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::{self, Tags, closed};
use crate::ec2;
use crate::plain::{self, Action, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Container, Context, Converge, Follow, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::{LiveState, Observation};
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The kind.
pub(crate) struct NatGateway;

/// A NAT gateway in one zone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NatGatewaySpec {
    /// The subnet it is in, such as `${Subnet/public-a.id}`; a public one for a public gateway. Cannot change in place.
    subnet_id: String,
    /// The Elastic IP address of a public gateway, such as `${ElasticIp/nat-a.allocationId}`. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    allocation_id: Option<String>,
    /// Where it leads: `public`, to the internet, or `private`, to other networks of one's own. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["public", "private"]))]
    connectivity_type: Option<String>,
    /// Its private address out of the subnet; AWS chooses without it. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip_address: Option<String>,
    /// Further Elastic IP addresses of a public gateway, for more connections at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_allocation_ids: Option<Vec<String>>,
    /// Further private addresses of a private gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_private_ip_addresses: Option<Vec<String>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const CREATE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html";

/// Further addresses, of a public gateway and of a private one.
const SECONDARY: [&str; 2] = ["secondaryAllocationIds", "secondaryPrivateIpAddresses"];

impl Kind for NatGateway {
    const NAME: KindName = "NatGateway";
    const SUMMARY: &'static str = "The way out for what has no public address";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/subnetId").create_only(),
        Field::scalar("/allocationId").create_only(),
        Field::scalar("/connectivityType").create_only().default(r#""public""#, CREATE),
        Field::scalar("/privateIpAddress").create_only(),
        Field::set("/secondaryAllocationIds"),
        Field::set("/secondaryPrivateIpAddresses"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The gateway's id, such as nat-0123456789abcdef0" },
        Output { name: "subnetId", doc: "The subnet it is in" },
        Output { name: "privateIpAddress", doc: "Its primary private address" },
    ];
    const HANDLE: Handle = Handle {
        form: "a NAT gateway id, such as nat-0123456789abcdef0",
        read: |text| ec2::id(text, "natgateway", "nat-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AssignPrivateNatGatewayAddress",
        "ec2:AssociateNatGatewayAddress",
        "ec2:CreateNatGateway",
        "ec2:CreateTags",
        "ec2:DeleteNatGateway",
        "ec2:DeleteTags",
        "ec2:DescribeNatGateways",
        "ec2:DisassociateNatGatewayAddress",
        "ec2:UnassignPrivateNatGatewayAddress",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/subnetId", cascades: false });
    const LINGERS: bool = true;
    /// AWS fails a public gateway in a VPC that has no way to the internet, and takes that way away from no VPC that has one.
    const FOLLOWS: &'static [Follow] = &[Follow { kinds: &["InternetGateway"], sharing: "Vpc" }];

    type Spec = NatGatewaySpec;
    type Action = Action<Self>;

    fn validate(spec: &NatGatewaySpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, code: &str, words: &str| errors.push(SpecError::new(pointer, code, words));
        let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        if spec.connectivity_type.as_deref() == Some("private") {
            let words = "a private gateway has no Elastic IP address";
            if spec.allocation_id.is_some() {
                wrong("/allocationId", "conflict", words);
            }
            if some(&spec.secondary_allocation_ids) {
                wrong("/secondaryAllocationIds", "conflict", words);
            }
        } else {
            if spec.allocation_id.is_none() {
                wrong("/allocationId", "missing", "a public gateway needs an Elastic IP address");
            }
            if some(&spec.secondary_private_ip_addresses) {
                let words = "AWS chooses those of a public gateway: declare secondaryAllocationIds";
                wrong("/secondaryPrivateIpAddresses", "conflict", words);
            }
        }
        if let (Some(first), Some(more)) = (&spec.allocation_id, &spec.secondary_allocation_ids)
            && let Some(i) = more.iter().position(|id| id == first)
        {
            wrong(&format!("/secondaryAllocationIds/{i}"), "duplicate", "it is the primary one already");
        }
        ec2::check_id(&mut errors, "/subnetId", &spec.subnet_id, "subnet-");
        for id in spec.allocation_id.iter() {
            ec2::check_id(&mut errors, "/allocationId", id, "eipalloc-");
        }
        for (i, id) in spec.secondary_allocation_ids.iter().flatten().enumerate() {
            ec2::check_id(&mut errors, &format!("/secondaryAllocationIds/{i}"), id, "eipalloc-");
        }
        errors
    }

    fn canonical(spec: &mut Value) {
        for field in SECONDARY {
            ec2::null_is_none(spec, field);
        }
    }

    /// An Elastic IP address is in one gateway at a time, so a public gateway is found by it, and no second one can stand
    /// beside it. A private gateway has the owner tag alone.
    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "allocationId").map(str::to_owned)
    }

    /// Nothing can be done about a gateway that AWS could not make but to wait: AWS removes it by itself.
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Self::Action> {
        match &live.state {
            LiveState::Failed(why) => Converge::Wait(format!(
                "AWS could not make {}: {why}. AWS removes it within about an hour, and it is made again then; once the cause is \
                 mended, delete {} to have it made at once.",
                live.id, live.id
            )),
            _ => plain::converge(spec, live, diffs),
        }
    }

    plain::life!(create delete);
}

impl Plain for NatGateway {
    const NOUN: &'static str = "NAT gateway";
    const SHOWN: &'static [&'static str] = &["subnetId", "allocationId", "connectivityType"];
    const CALLS: &'static [&'static [&'static str]] = &[&[SECONDARY[0]], &[SECONDARY[1]]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let (id, _) = ec2::mint(mint, "natgateway", "nat-");
        let private = format!("10.0.{}.{}", mint.next / 250 % 256, mint.next % 250 + 4);
        let mut whole =
            json!({ "connectivityType": "public", "privateIpAddress": private, "secondaryAllocationIds": [] });
        common::overlay(&mut whole, fields.as_object().unwrap_or(&Map::new()));
        plain::observation::<Self, 0>(id, tags, whole, [])
    }
}
