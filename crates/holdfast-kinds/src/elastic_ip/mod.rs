//! `ElasticIp`: a public IPv4 address of one's own.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::{self, Tags};
use crate::ec2;
use crate::plain::{self, Action, Call, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Context, Converge, Draft, Follow, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::preflight::Need;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The kind.
pub(crate) struct ElasticIp;

/// An Elastic IP address, and what it is associated with where that is declared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ElasticIpSpec {
    /// The network that it is for: `vpc`. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["vpc"]))]
    domain: Option<String>,
    /// The very address: one to recover, or one out of a pool of one's own. AWS chooses without it. Cannot change in
    /// place.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The pool of addresses to choose from; Amazon's without it. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_ipv4_pool: Option<String>,
    /// The zones from which AWS advertises it; those of the Region without it. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_border_group: Option<String>,
    /// The instance that it is associated with. Left out, the association is others' business, such as a NAT gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    /// The network interface that it is associated with. Left out, the association is others' business.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_interface_id: Option<String>,
    /// The private address of the interface that it maps to; the primary one without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip_address: Option<String>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const ALLOCATE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html";

/// What an association is made of; one call sets all of it.
const ASSOCIATION: [&str; 3] = ["instanceId", "networkInterfaceId", "privateIpAddress"];

impl Kind for ElasticIp {
    const NAME: KindName = "ElasticIp";
    const SUMMARY: &'static str = "A public IPv4 address of one's own";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/domain").create_only().default(r#""vpc""#, ALLOCATE),
        Field::scalar("/address").create_only(),
        Field::scalar("/publicIpv4Pool").create_only().default(r#""amazon""#, ALLOCATE),
        Field::scalar("/networkBorderGroup").create_only(),
        Field::scalar("/instanceId").owners("whoever associates it, where it is not declared"),
        Field::scalar("/networkInterfaceId").owners("whoever associates it, where it is not declared"),
        Field::scalar("/privateIpAddress"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The allocation's id, such as eipalloc-0123456789abcdef0" },
        Output { name: "allocationId", doc: "The allocation's id" },
        Output { name: "publicIp", doc: "The address" },
    ];
    const HANDLE: Handle = Handle {
        form: "an allocation id, such as eipalloc-0123456789abcdef0",
        read: |text| ec2::id(text, "elastic-ip", "eipalloc-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AllocateAddress",
        "ec2:AssociateAddress",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeAddresses",
        "ec2:DisassociateAddress",
        "ec2:ReleaseAddress",
    ];
    const HELD_BY_USERS: bool = true;
    /// An address is associated only where its VPC has an internet gateway, which AWS does not detach meanwhile.
    const FOLLOWS: &'static [Follow] = &[Follow { kinds: &["InternetGateway"], sharing: "Vpc" }];

    type Spec = ElasticIpSpec;
    type Action = Action<Self>;

    fn validate(spec: &ElasticIpSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        if spec.instance_id.is_some() && spec.network_interface_id.is_some() {
            let words = "an address is associated with an instance or with an interface; declare one of them";
            errors.push(SpecError::new("/networkInterfaceId", "conflict", words));
        }
        if spec.private_ip_address.is_some() && spec.instance_id.is_none() && spec.network_interface_id.is_none() {
            let words = "it says which address of what: declare instanceId or networkInterfaceId too";
            errors.push(SpecError::new("/privateIpAddress", "conflict", words));
        }
        for (pointer, id, prefix) in
            [("/instanceId", &spec.instance_id, "i-"), ("/networkInterfaceId", &spec.network_interface_id, "eni-")]
        {
            if let Some(id) = id {
                ec2::check_id(&mut errors, pointer, id, prefix);
            }
        }
        errors
    }

    /// An address out of a pool of one's own counts against nothing.
    fn needs(spec: &Value) -> Vec<Need> {
        let amazons = common::text(spec, "publicIpv4Pool").is_none_or(|pool| pool == "amazon");
        if amazons { vec![Need::one("ec2:vpc-max-elastic-ips")] } else { Vec::new() }
    }

    fn canonical(_: &mut Value) {}

    /// An address is nobody's before it is allocated: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    /// One call says all of an association, so what is declared of it goes along with what differs.
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action<Self>> {
        let mut change = plain::converge::<Self>(spec, live, diffs);
        if let Converge::Change(steps) = &mut change {
            for step in steps {
                if let Call::Modify { set, .. } = &mut step.action.call {
                    let rest = ASSOCIATION.into_iter().filter_map(|field| Some((field, spec.get(field)?)));
                    for (field, value) in rest {
                        set.entry(field).or_insert_with(|| value.clone());
                    }
                }
            }
        }
        change
    }

    /// AWS releases only what is associated with nothing. An association that somebody else made is not undone: its maker
    /// goes first.
    fn delete(live: &Observation) -> Vec<Draft<Action<Self>>> {
        let ours = ASSOCIATION.into_iter().filter(|field| live.fields.get(*field).is_some());
        let set: Map<String, Value> = ours.map(|field| (field.to_owned(), Value::Null)).collect();
        let undo = (!set.is_empty()).then(|| {
            let call = Call::Modify { id: live.id.clone(), set };
            Draft::because(call.into(), "delete", "AWS releases no address that is associated")
        });
        undo.into_iter().chain(plain::delete(live)).collect()
    }

    plain::life!(create);
}

impl Plain for ElasticIp {
    const NOUN: &'static str = "elastic IP address";
    const SHOWN: &'static [&'static str] = &["address", "publicIpv4Pool", "networkBorderGroup"];
    const LATER: &'static [&'static str] = &ASSOCIATION;
    const CALLS: &'static [&'static [&'static str]] = &[&ASSOCIATION];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let (id, _) = ec2::mint(mint, "elastic-ip", "eipalloc-");
        let mut whole = json!({
            "domain": "vpc", "publicIpv4Pool": "amazon", "networkBorderGroup": mint.region,
            "address": format!("203.0.113.{}", mint.next % 256),
        });
        common::overlay(&mut whole, fields.as_object().unwrap_or(&Map::new()));
        observation(id, tags, whole)
    }
}

/// An address that is settled.
fn observation(id: String, tags: Tags, fields: Value) -> Observation {
    let (allocation, address) = (id.clone(), fields.get("address").cloned());
    let more = [("allocationId", Some(allocation.into())), ("publicIp", address)];
    plain::observation::<ElasticIp, 2>(id, tags, fields, more)
}
