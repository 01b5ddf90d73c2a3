//! `RouteTable`: where packets go that leave the subnets of a VPC.
//!
//! Routes and associations take calls of their own; here they are one spec, and each is one step: changed in place, and
//! made before others are taken away.

#[cfg(feature = "aws")]
mod aws;
mod plan;
mod route;
#[cfg(any(feature = "aws", test))]
mod seen;
#[cfg(test)]
mod tests;

use crate::common::{Retag, Tags};
use crate::ec2;
use holdfast_core::facts::{Field, ItemKey, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Container, Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::{Change, FieldDiff};
use plan::Action;
use route::Route;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct RouteTable;

/// A route table with its routes, and what it is for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RouteTableSpec {
    /// The VPC, such as `${Vpc/main.id}`. Cannot change in place.
    vpc_id: String,
    /// The routes, one a destination. Absent leaves them alone; an empty list has only the VPC's own network.
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<Vec<Route>>,
    /// The subnets that use it. One that uses another table explicitly moves over. Absent leaves them alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_ids: Option<Vec<String>>,
    /// The internet gateways or virtual private gateways whose incoming packets it routes. Absent leaves them alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_ids: Option<Vec<String>>,
    /// The virtual private gateways that may add routes of their own. Absent leaves them alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    propagating_vgws: Option<Vec<String>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const ROUTE_FORM: &str =
    "host bits masked, IPv6 in its short form; a NAT gateway or an endpoint under its own member, not as gatewayId";

const ROUTES: &str = "routes";
const SUBNETS: &str = "subnetIds";
const GATEWAYS: &str = "gatewayIds";
const VGWS: &str = "propagatingVgws";

impl Kind for RouteTable {
    const NAME: KindName = "RouteTable";
    const SUMMARY: &'static str = "Where packets go that leave the subnets of a VPC";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/vpcId").create_only(),
        Field::of("/routes", Shape::Set(ItemKey::Of(route::DESTINATIONS))).canonical(ROUTE_FORM).owners(
            "AWS: local routes; gateway endpoints: those of their prefix lists; gateways: those they propagate",
        ),
        Field::set("/subnetIds"),
        Field::set("/gatewayIds"),
        Field::set("/propagatingVgws"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The table's id, such as rtb-0123456789abcdef0" },
        Output { name: "arn", doc: "The table's ARN" },
        Output { name: "vpcId", doc: "The VPC it is in" },
    ];
    const HANDLE: Handle = Handle {
        form: "a route table id, such as rtb-0123456789abcdef0",
        read: |text| ec2::id(text, "route-table", "rtb-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AssociateRouteTable",
        "ec2:CreateRoute",
        "ec2:CreateRouteTable",
        "ec2:CreateTags",
        "ec2:DeleteRoute",
        "ec2:DeleteRouteTable",
        "ec2:DeleteTags",
        "ec2:DescribeRouteTables",
        "ec2:DisableVgwRoutePropagation",
        "ec2:DisassociateRouteTable",
        "ec2:EnableVgwRoutePropagation",
        "ec2:ReplaceRoute",
        "ec2:ReplaceRouteTableAssociation",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/vpcId", cascades: false });

    type Spec = RouteTableSpec;
    type Action = Action;

    fn validate(spec: &RouteTableSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        ec2::check_id(&mut errors, "/vpcId", &spec.vpc_id, "vpc-");
        route::check(&mut errors, spec.routes.as_deref().unwrap_or_default());
        for (i, id) in spec.subnet_ids.iter().flatten().enumerate() {
            ec2::check_id(&mut errors, &format!("/{SUBNETS}/{i}"), id, "subnet-");
        }
        for (i, id) in spec.propagating_vgws.iter().flatten().enumerate() {
            ec2::check_id(&mut errors, &format!("/{VGWS}/{i}"), id, "vgw-");
        }
        errors
    }

    fn canonical(spec: &mut Value) {
        for field in [ROUTES, SUBNETS, GATEWAYS, VGWS] {
            ec2::null_is_none(spec, field);
        }
        spec.get_mut(ROUTES).and_then(Value::as_array_mut).into_iter().flatten().for_each(route::canonical);
    }

    /// Tables have no name: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    /// A way to the internet that nobody declared makes private subnets public.
    fn severity(diff: &FieldDiff) -> Severity {
        let gateway = diff.live.get("gatewayId").unwrap_or(&diff.live);
        let opens = diff.path.starts_with("/routes/")
            && matches!(diff.change, Change::Added | Change::Changed)
            && gateway.as_str().is_some_and(|id| id.starts_with("igw-"));
        if opens { Severity::Exposure } else { diff.severity }
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

    fn together(actions: &mut [Action]) {
        plan::together(actions);
    }

    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        plan::predict(before, action, mint)
    }
}
