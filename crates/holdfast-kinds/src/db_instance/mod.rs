//! `DBInstance`: a database of RDS.

#[cfg(feature = "aws")]
mod aws;
mod check;
#[cfg(test)]
mod incidents;
mod observed;
mod plan;
mod spec;
#[cfg(test)]
mod tests;
mod version;

use crate::common::{Tags, closed, refusal};
use crate::plain::{self, Action, Plain};
use crate::rds;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::facts::Field;
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::preflight::Need;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use serde_json::{Map, Value, json};
use spec::DBInstanceSpec;
use std::collections::BTreeSet;

/// The kind.
pub(crate) struct DBInstance;

/// Why a protected database is not deleted.
const PROTECTED: &str = "deletion protection is on, and Holdfast never switches it off for a delete; declare deletionProtection \
                         false first";

impl Kind for DBInstance {
    const NAME: KindName = "DBInstance";
    const SUMMARY: &'static str = "A database of RDS";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The identifier in lower case" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "endpointAddress", doc: "The DNS name of its endpoint; none while it is being made" },
        Output { name: "endpointPort", doc: "The port of its endpoint" },
        Output {
            name: "masterUserSecretArn",
            doc: "The ARN of the secret with the master password, where RDS manages it",
        },
        Output { name: "dbiResourceId", doc: "RDS's own id, which no other database ever has; IAM policies name it" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a DB instance, such as arn:aws:rds:eu-west-1:123456789012:db:NAME",
        read: |text| rds::handle(text, "db"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "kms:CreateGrant",
        "kms:DescribeKey",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:CreateDBSnapshot",
        "rds:DeleteDBInstance",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        "rds:RemoveTagsFromResource",
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
    ];
    const ID_IS_NAME: bool = true;
    const REPEATABLE: bool = true;
    const SNAPSHOTS: bool = true;

    type Spec = DBInstanceSpec;
    type Action = Action<Self>;

    fn withholds(spec: &Value, output: &str) -> Option<&'static str> {
        let unmanaged = output == "masterUserSecretArn" && spec["manageMasterUserPassword"] == json!(false);
        unmanaged.then_some(
            "it declares manageMasterUserPassword false, so RDS keeps no secret of it; declare true there, or take the reference out",
        )
    }

    fn validate(spec: &DBInstanceSpec) -> Vec<SpecError> {
        check::validate(spec)
    }

    /// A change of storage is no need of its own: RDS tells at the call.
    fn needs(spec: &Value) -> Vec<Need> {
        let storage = spec["allocatedStorage"].as_u64().map(|gib| Need::much("rds:AllocatedStorage", gib));
        std::iter::once(Need::one("rds:DBInstances")).chain(storage).collect()
    }

    fn canonical(spec: &mut Value) {
        canonical(spec);
    }

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "dbInstanceIdentifier").map(str::to_owned)
    }

    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Self::Action>> {
        plain::create(&plan::without_instructions(spec), context)
    }

    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Self::Action> {
        plan::converge(spec, live, diffs)
    }

    fn retag(live: &Observation, set: Tags, remove: BTreeSet<String>) -> Self::Action {
        plain::retag(live, set, remove)
    }

    fn delete(live: &Observation) -> Vec<Draft<Self::Action>> {
        plan::delete(live, None)
    }

    fn delete_with_snapshot(live: &Observation) -> Vec<Draft<Self::Action>> {
        plan::delete(live, plan::snapshot(live))
    }

    fn acts_on(action: &Self::Action) -> Option<String> {
        rds::named(action)
    }

    fn predict(
        before: Option<&Observation>,
        action: &Self::Action,
        mint: &mut Mint,
    ) -> Result<Option<Observation>, Refusal> {
        plain::predict::<Self>(before, &plan::applied(before, action), mint)
    }
}

/// Names and windows in lower case.
fn canonical(spec: &mut Value) {
    let lowered = [
        "dbInstanceIdentifier",
        "dbSubnetGroupName",
        "dbParameterGroupName",
        "optionGroupName",
        "dbClusterIdentifier",
        "preferredMaintenanceWindow",
    ];
    rds::lower(spec, &lowered);
}

impl Plain for DBInstance {
    const NOUN: &'static str = "DB instance";
    const SHOWN: &'static [&'static str] = &["dbInstanceIdentifier", "dbInstanceClass", "engine", "engineVersion"];
    const SHOWN_AT_DELETE: &'static [&'static str] = &[plan::SNAPSHOT];
    const CALLS: &'static [&'static [&'static str]] = &[spec::MODIFIED];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let mut wire = observed::with_defaults(fields.as_object().unwrap_or(&Map::new()));
        let name = closed(&wire, "dbInstanceIdentifier").unwrap_or_default().to_owned();
        let scene = holdfast_core::facts::Scene { desired: &wire, live: &Value::Null, facts: Self::facts() };
        let port = wire.get("port").or_else(|| Self::facts().child("port").default_in(&scene)).cloned();
        let secret = format!("secret:rds!db-{}", mint.hex(32));
        let more = [
            ("endpointAddress", format!("{name}.{}.{}.rds.amazonaws.com", mint.hex(12), mint.region).into()),
            ("endpointPort", port.unwrap_or_default()),
            ("dbiResourceId", format!("db-{}", mint.hex(26).to_uppercase()).into()),
            ("secretArn", mint.arn("secretsmanager", &secret).into()),
        ];
        let managed = wire["manageMasterUserPassword"] == json!(true);
        for (key, value) in more.into_iter().filter(|(key, _)| managed || *key != "secretArn") {
            wire[key] = value;
        }
        observed::instance(&mint.arn("rds", &format!("db:{name}")), &wire, tags, None)
    }

    fn kept(live: &Observation) -> Option<Refusal> {
        let protected = live.fields.get("deletionProtection") == Some(&json!(true));
        let words = || format!("{}: {PROTECTED}", rds::name_of(&live.id));
        protected.then(|| refusal(ErrorClass::Rejected, "InvalidParameterCombination", words()))
    }
}
