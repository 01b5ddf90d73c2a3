//! `InternetGateway`: a VPC's way to the internet.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::Tags;
use crate::ec2;
use crate::plain::{self, Action, Call, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Draft, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The kind.
pub(crate) struct InternetGateway;

/// An internet gateway and the VPC it is attached to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InternetGatewaySpec {
    /// The VPC it is attached to, such as `${Vpc/main.id}`. Another one detaches it first; null leaves it attached to
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<String>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const VPC: &str = "vpcId";

impl Kind for InternetGateway {
    const NAME: KindName = "InternetGateway";
    const SUMMARY: &'static str = "A VPC's way to the internet";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/vpcId"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The gateway's id, such as igw-0123456789abcdef0" },
        Output { name: "arn", doc: "The gateway's ARN" },
        Output { name: VPC, doc: "The VPC it is attached to; none while it is attached to none" },
    ];
    const HANDLE: Handle = Handle {
        form: "an internet gateway id, such as igw-0123456789abcdef0",
        read: |text| ec2::id(text, "internet-gateway", "igw-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:CreateTags",
        "ec2:DeleteInternetGateway",
        "ec2:DeleteTags",
        "ec2:DescribeInternetGateways",
        "ec2:DetachInternetGateway",
    ];

    type Spec = InternetGatewaySpec;
    type Action = Action<Self>;

    fn validate(spec: &InternetGatewaySpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        if let Some(vpc) = &spec.vpc_id {
            ec2::check_id(&mut errors, "/vpcId", vpc, "vpc-");
        }
        errors
    }

    fn canonical(_: &mut Value) {}

    /// Gateways have no name: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    /// AWS deletes only a gateway that is attached to nothing.
    fn delete(live: &Observation) -> Vec<Draft<Action<Self>>> {
        let detach = || Call::Modify { id: live.id.clone(), set: Map::from_iter([(VPC.to_owned(), Value::Null)]) };
        let attached = live.fields.get(VPC).is_some_and(|vpc| !vpc.is_null());
        let before = attached.then(|| Draft::because(detach().into(), "delete", "AWS deletes no attached gateway"));
        before.into_iter().chain(plain::delete(live)).collect()
    }

    plain::life!(create converge);
}

impl Plain for InternetGateway {
    const NOUN: &'static str = "internet gateway";
    const SHOWN: &'static [&'static str] = &[];
    const LATER: &'static [&'static str] = &[VPC];
    const CALLS: &'static [&'static [&'static str]] = &[&[VPC]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let (id, arn) = ec2::mint(mint, "internet-gateway", "igw-");
        plain::observation::<Self, 1>(id, tags, fields, [("arn", Some(arn.into()))])
    }
}
