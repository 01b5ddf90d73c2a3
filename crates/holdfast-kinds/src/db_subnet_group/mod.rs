//! `DBSubnetGroup`: the subnets that RDS may put databases in.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::{Tags, closed};
use crate::plain::{self, Action, Call, Plain};
use crate::rds;
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Context, Converge, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::preflight::Need;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind.
pub(crate) struct DBSubnetGroup;

/// A DB subnet group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DBSubnetGroupSpec {
    /// The name, which RDS keeps in lower case. Cannot change in place.
    db_subnet_group_name: String,
    /// What it is for.
    db_subnet_group_description: String,
    /// The subnets, in two Availability Zones at the least.
    subnet_ids: Vec<String>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

/// What one `ModifyDBSubnetGroup` takes; it wants the subnets each time.
const MEMBERS: [&str; 2] = ["dbSubnetGroupDescription", "subnetIds"];

impl Kind for DBSubnetGroup {
    const NAME: KindName = "DBSubnetGroup";
    const SUMMARY: &'static str = "The subnets that RDS may put databases in";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/dbSubnetGroupName").create_only().canonical("in lower case"),
        Field::scalar("/dbSubnetGroupDescription").severity(Severity::Cosmetic),
        Field::set("/subnetIds"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The name in lower case, as `dbSubnetGroupName` of a database takes it" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "vpcId", doc: "The id of the VPC that its subnets are in" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a DB subnet group, such as arn:aws:rds:eu-west-1:123456789012:subgrp:NAME",
        read: |text| rds::handle(text, "subgrp"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBSubnetGroup",
        "rds:DeleteDBSubnetGroup",
        "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
        "rds:ModifyDBSubnetGroup",
        "rds:RemoveTagsFromResource",
        "tag:GetResources",
    ];
    const HELD_BY_USERS: bool = true;
    const ID_IS_NAME: bool = true;
    const NAMED_IN: &'static [(KindName, &'static str)] = &[("DBInstance", "/dbSubnetGroupName")];
    const REPEATABLE: bool = true;

    type Spec = DBSubnetGroupSpec;
    type Action = Action<Self>;

    fn validate(spec: &DBSubnetGroupSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        rds::check_name(&mut errors, "/dbSubnetGroupName", &spec.db_subnet_group_name, "-_. ");
        if spec.db_subnet_group_description.is_empty() {
            let words = "RDS wants a description that is not empty; say what the group is for";
            errors.push(SpecError::new("/dbSubnetGroupDescription", "missing-value", words));
        }
        if spec.subnet_ids.len() < 2 {
            let words =
                "a DB subnet group takes subnets of two Availability Zones at the least; name two subnets or more";
            errors.push(SpecError::new("/subnetIds", "too-few", words));
        }
        errors
    }

    /// How many subnets fit into a group is a quota of its own.
    fn needs(spec: &Value) -> Vec<Need> {
        let subnets = spec["subnetIds"].as_array().map_or(0, Vec::len) as u64;
        vec![Need::one("rds:DBSubnetGroups"), Need::each("rds:SubnetsPerDBSubnetGroup", subnets, "/subnetIds")]
    }

    fn canonical(spec: &mut Value) {
        rds::lower(spec, &["dbSubnetGroupName"]);
    }

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "dbSubnetGroupName").map(str::to_owned)
    }

    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Self::Action> {
        let mut update = plain::update::<Self>(&MEMBERS, spec, live, diffs);
        if let Some(Call::Modify { set, .. }) = update.as_mut().map(|draft| &mut draft.action.call) {
            set.entry("subnetIds").or_insert_with(|| plain::wanted::<Self>("subnetIds", spec, live));
        }
        Converge::Change(update.into_iter().collect())
    }

    fn acts_on(action: &Self::Action) -> Option<String> {
        rds::named(action)
    }

    plain::life!(create delete);
}

impl Plain for DBSubnetGroup {
    const NOUN: &'static str = "DB subnet group";
    const SHOWN: &'static [&'static str] = &["dbSubnetGroupName", "subnetIds"];
    const CALLS: &'static [&'static [&'static str]] = &[&MEMBERS];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let name = closed(&fields, "dbSubnetGroupName").unwrap_or_default().to_owned();
        let arn = mint.arn("rds", &format!("subgrp:{name}"));
        observation(&arn, fields, tags, Some("vpc-00000000000000000".into()))
    }
}

/// A group as it is seen.
fn observation(arn: &str, fields: Value, tags: Tags, vpc: Option<Value>) -> Observation {
    let outputs = [("id", Some(rds::name_of(arn).into())), ("arn", Some(arn.into())), ("vpcId", vpc)];
    plain::observation::<DBSubnetGroup, 3>(arn.to_owned(), tags, fields, outputs)
}
