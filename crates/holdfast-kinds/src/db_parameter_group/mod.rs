//! `DBParameterGroup`: settings of a database engine.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::common::{Tags, Text, closed, to_text};
use crate::plain::{self, Action, Call, Plain};
use crate::rds;
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::pointer::unescape;
use holdfast_core::preflight::Need;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct DBParameterGroup;

/// A DB parameter group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DBParameterGroupSpec {
    /// The name, which RDS keeps in lower case. Cannot change in place.
    db_parameter_group_name: String,
    /// The engine and version that it is for, such as `postgres16`. Cannot change in place.
    db_parameter_group_family: String,
    /// What it is for. Cannot change in place.
    description: String,
    /// Parameters and their values. Only these are compared; one that is declared no more is reset to the engine's own
    /// value.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BTreeMap<String, Option<Text>>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

impl Kind for DBParameterGroup {
    const NAME: KindName = "DBParameterGroup";
    const SUMMARY: &'static str = "Settings of a database engine, for any number of databases";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/dbParameterGroupName").create_only().canonical("in lower case"),
        Field::scalar("/dbParameterGroupFamily").create_only(),
        Field::scalar("/description").create_only().severity(Severity::Cosmetic),
        Field::of("/parameters", Shape::Map).canonical("every value as text"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The name in lower case, as `dbParameterGroupName` of a database takes it" },
        Output { name: "arn", doc: "The ARN" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a DB parameter group, such as arn:aws:rds:eu-west-1:123456789012:pg:NAME",
        read: |text| rds::handle(text, "pg"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBParameterGroup",
        "rds:DeleteDBParameterGroup",
        "rds:DescribeDBParameterGroups",
        "rds:DescribeDBParameters",
        "rds:ListTagsForResource",
        "rds:ModifyDBParameterGroup",
        "rds:RemoveTagsFromResource",
        "rds:ResetDBParameterGroup",
        "tag:GetResources",
    ];
    const HELD_BY_USERS: bool = true;
    const ID_IS_NAME: bool = true;
    const NAMED_IN: &'static [(KindName, &'static str)] = &[("DBInstance", "/dbParameterGroupName")];
    const REPEATABLE: bool = true;

    type Spec = DBParameterGroupSpec;
    type Action = Action<Self>;

    fn validate(spec: &DBParameterGroupSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let (at, name) = ("/dbParameterGroupName", &spec.db_parameter_group_name);
        rds::check_name(&mut errors, at, name, "-");
        if errors.is_empty() && !is_open(name) && (name.ends_with('-') || name.contains("--")) {
            let words = format!("\"{name}\" ends with a hyphen or has two in a row, which RDS does not take");
            errors.push(SpecError::new(at, "invalid-name", words));
        }
        for (at, text, words) in [
            ("/dbParameterGroupFamily", &spec.db_parameter_group_family, "name the family, such as postgres16"),
            ("/description", &spec.description, "RDS wants a description that is not empty; say what the group is for"),
        ] {
            if text.is_empty() {
                errors.push(SpecError::new(at, "missing-value", words));
            }
        }
        errors
    }

    fn needs(_: &Value) -> Vec<Need> {
        vec![Need::one("rds:DBParameterGroups")]
    }

    fn canonical(spec: &mut Value) {
        rds::lower(spec, &["dbParameterGroupName"]);
        if let Some(Value::Object(parameters)) = spec.get_mut("parameters") {
            parameters.values_mut().for_each(to_text);
        }
    }

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "dbParameterGroupName").map(str::to_owned)
    }

    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Self::Action>> {
        plain::create(&without_idle_parameters(spec), context)
    }

    /// Those parameters that differ, and no others: null resets one.
    fn converge(_: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Self::Action> {
        let differs = |d: &&FieldDiff| d.path.starts_with("/parameters");
        let (mut parameters, mut healed) = (Map::new(), Vec::new());
        for diff in diffs.iter().filter(differs) {
            match diff.path.strip_prefix("/parameters/") {
                Some(name) => _ = parameters.insert(unescape(name), diff.desired.clone()),
                // All of them are to be unset.
                None => parameters.extend(set_parameters(live).into_iter().map(|name| (name, Value::Null))),
            }
            healed.push(diff.path.clone());
        }
        let set = Map::from_iter([("parameters".to_owned(), Value::Object(parameters))]);
        let step = Draft::heal(Call::Modify { id: live.id.clone(), set }.into(), "update", healed);
        Converge::Change(if step.heals.is_empty() { Vec::new() } else { vec![step] })
    }

    fn retag(live: &Observation, set: Tags, remove: BTreeSet<String>) -> Self::Action {
        plain::retag(live, set, remove)
    }

    fn delete(live: &Observation) -> Vec<Draft<Self::Action>> {
        plain::delete(live)
    }

    fn acts_on(action: &Self::Action) -> Option<String> {
        rds::named(action)
    }

    fn predict(
        before: Option<&Observation>,
        action: &Self::Action,
        mint: &mut Mint,
    ) -> Result<Option<Observation>, Refusal> {
        let Call::Modify { id, set } = &action.call else { return plain::predict(before, action, mint) };
        let mut whole = before.map(|b| b.fields["parameters"].clone()).filter(Value::is_object).unwrap_or_default();
        if let Some(changes) = set.get("parameters").and_then(Value::as_object) {
            if whole.is_null() {
                whole = Value::Object(Map::new());
            }
            crate::common::overlay(&mut whole, changes);
        }
        let set = Map::from_iter([("parameters".to_owned(), whole)]);
        plain::predict::<Self>(before, &Call::Modify { id: id.clone(), set }.into(), mint)
    }
}

/// A parameter that must be unset is so in a group that is new; where none is left, there is nothing to call for.
fn without_idle_parameters(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(parameters) = spec.get_mut("parameters") {
        crate::common::without_nulls(parameters);
        if parameters.as_object().is_some_and(Map::is_empty) {
            *parameters = Value::Null;
        }
    }
    spec
}

/// The parameters that somebody has set.
fn set_parameters(live: &Observation) -> Vec<String> {
    live.fields.get("parameters").and_then(Value::as_object).into_iter().flatten().map(|(k, _)| k.clone()).collect()
}

impl Plain for DBParameterGroup {
    const NOUN: &'static str = "DB parameter group";
    const SHOWN: &'static [&'static str] = &["dbParameterGroupName", "dbParameterGroupFamily"];
    const LATER: &'static [&'static str] = &["parameters"];
    const CALLS: &'static [&'static [&'static str]] = &[&["parameters"]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let name = closed(&fields, "dbParameterGroupName").unwrap_or_default().to_owned();
        let mut whole = serde_json::json!({ "parameters": {} });
        crate::common::overlay(&mut whole, fields.as_object().unwrap_or(&Map::new()));
        observation(&mint.arn("rds", &format!("pg:{name}")), whole, tags)
    }
}

/// A group as it is seen.
fn observation(arn: &str, fields: Value, tags: Tags) -> Observation {
    let outputs = [("id", Some(rds::name_of(arn).into())), ("arn", Some(arn.into()))];
    plain::observation::<DBParameterGroup, 2>(arn.to_owned(), tags, fields, outputs)
}

/// When a change of a parameter takes effect: at once if the engine can, else with the next restart.
#[cfg(any(feature = "aws", test))]
fn apply_method(apply_type: Option<&str>) -> &'static str {
    // RDS takes `pending-reboot` for every parameter, and `immediate` for dynamic ones only.
    if apply_type == Some("dynamic") { "immediate" } else { "pending-reboot" }
}

/// The parameters that are declared with a value.
#[cfg(any(feature = "aws", test))]
fn declared_parameters(spec: &Value) -> BTreeSet<String> {
    let all = spec.get("parameters").and_then(Value::as_object).into_iter().flatten();
    all.filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect()
}

/// The parameters of a group that count: those that somebody has set, and of the engine's own those that are `declared`.
/// RDS does not call a parameter set that was set to the engine's own value. Each has its name, its value if it has one,
/// and whether somebody has set it.
#[cfg(any(feature = "aws", test))]
fn counted(all: Vec<(String, Option<String>, bool)>, declared: &BTreeSet<String>) -> Map<String, Value> {
    let ours = all.into_iter().filter(|(name, _, is_set)| *is_set || declared.contains(name));
    ours.filter_map(|(name, value, _)| Some((name, value?.into()))).collect()
}
