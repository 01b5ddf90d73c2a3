//! RDS's side of a DB parameter group.

use super::{DBParameterGroup, DBParameterGroupSpec, apply_method, counted, declared_parameters, observation};
use crate::aws::answer::concern::Specs;
use crate::aws::answer::{object, parse, put_audited};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::Tags;
use crate::plain::{Action, Call};
use crate::rds::aws::{PAGE, concerning, delete, made_anew, retag, tags_for};
use crate::rds::name_of;
use async_trait::async_trait;
use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup, Parameter};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one `ModifyDBParameterGroup` or `ResetDBParameterGroup` takes.
const BATCH: usize = 20;

#[async_trait]
impl Live for DBParameterGroup {
    const AUDITED: bool = true;

    /// One listing, 100 a page; tags from the feed; parameters one group a call, in turns, and all pages of a group that
    /// declares a value of the engine's own.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |marker| {
                let page = aws.rds().describe_db_parameter_groups().max_records(PAGE).set_marker(marker);
                aws.read(Service::Rds, "DescribeDBParameterGroups", page.send())
            },
            |answer| answer.marker(),
        )
        .await?;
        let found = pages.iter().flat_map(|page| page.db_parameter_groups()).filter_map(observe).collect();
        let mut seen = concerning::<Self>(aws, wanted, found).await?;
        let specs = Specs::new::<DBParameterGroup>(wanted);
        let declares = |o: &Observation| {
            let spec = specs.of(o).filter(|spec| spec.get("parameters").is_some())?;
            Some((o.id.clone(), declared_parameters(&spec)))
        };
        let declared: BTreeMap<String, BTreeSet<String>> = seen.iter().filter_map(declares).collect();
        let due: Vec<String> = declared.keys().cloned().collect();
        let audit = aws
            .audit(&due, |arn| {
                let declared = declared.get(&arn).cloned().unwrap_or_default();
                async move { parameters(aws, &arn, &declared).await }
            })
            .await;
        for one in &mut seen {
            let read = audit.values.get(&one.id).map(Arc::as_ref);
            put_audited(one, read, &["parameters"]);
        }
        Ok(reading(seen, Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: DBParameterGroupSpec = parse("rds:CreateDBParameterGroup", spec)?;
                let call = aws
                    .rds()
                    .create_db_parameter_group()
                    .db_parameter_group_name(&spec.db_parameter_group_name)
                    .db_parameter_group_family(&spec.db_parameter_group_family)
                    .description(&spec.description)
                    .set_tags(tags_for(tags));
                let answer = aws.write(Service::Rds, "CreateDBParameterGroup", call.send()).await?;
                return made_anew(aws, "rds:CreateDBParameterGroup", answer.db_parameter_group().and_then(observe));
            }
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                let call = aws.rds().delete_db_parameter_group().db_parameter_group_name(name_of(id));
                delete(aws, "DeleteDBParameterGroup", id, call.send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(group: &DbParameterGroup) -> Option<Observation> {
    let fields = object([
        ("dbParameterGroupName", group.db_parameter_group_name().map(Into::into)),
        ("dbParameterGroupFamily", group.db_parameter_group_family().map(Into::into)),
        ("description", group.description().map(Into::into)),
    ]);
    Some(observation(group.db_parameter_group_arn()?, fields, Tags::new()))
}

/// All parameters of a group, or those that somebody has set.
async fn describe(aws: &Aws<'_>, name: &str, source: Option<&str>) -> Result<Vec<Parameter>, ApplyError> {
    let pages = all_pages(
        |marker| {
            let page = aws.rds().describe_db_parameters().db_parameter_group_name(name).max_records(PAGE);
            let page = page.set_source(source.map(str::to_owned)).set_marker(marker);
            aws.read(Service::Rds, "DescribeDBParameters", page.send())
        },
        |answer| answer.marker(),
    )
    .await?;
    Ok(pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default()).collect())
}

/// The parameters that count, with their values. Few groups declare what the engine has anyway, so all parameters, which
/// are several pages, are read only where a declared one is not among those that somebody has set.
async fn parameters(aws: &Aws<'_>, arn: &str, declared: &BTreeSet<String>) -> Result<Value, ApplyError> {
    let listed = |all: Vec<Parameter>, is_set| {
        all.into_iter().filter_map(move |p| Some((p.parameter_name?, p.parameter_value, is_set)))
    };
    let set = describe(aws, name_of(arn), Some("user")).await?;
    let mut all: Vec<(String, Option<String>, bool)> = listed(set, true).collect();
    let names: BTreeSet<String> = all.iter().map(|(name, ..)| name.clone()).collect();
    if !declared.is_subset(&names) {
        let whole = describe(aws, name_of(arn), None).await?;
        all.extend(listed(whole, false).filter(|(name, ..)| !names.contains(name)));
    }
    Ok(json!({ "parameters": counted(all, declared) }))
}

/// Sets parameters and resets those that are null, 20 a call.
async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let name = name_of(id);
    let wanted: Vec<(&String, Option<&str>)> =
        set.get("parameters").and_then(Value::as_object).into_iter().flatten().map(|(k, v)| (k, v.as_str())).collect();
    let types: BTreeMap<String, String> =
        describe(aws, name, None).await?.into_iter().filter_map(|p| Some((p.parameter_name?, p.apply_type?))).collect();
    let one = |(key, value): &(&String, Option<&str>)| {
        let method = ApplyMethod::from(apply_method(types.get(*key).map(String::as_str)));
        Parameter::builder()
            .parameter_name(*key)
            .set_parameter_value(value.map(str::to_owned))
            .apply_method(method)
            .build()
    };
    let (sets, resets): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(_, value)| value.is_some());
    let calls = async {
        for some in sets.chunks(BATCH) {
            let call = aws.rds().modify_db_parameter_group().db_parameter_group_name(name);
            let call = call.set_parameters(Some(some.iter().map(one).collect()));
            aws.write(Service::Rds, "ModifyDBParameterGroup", call.send()).await?;
        }
        for some in resets.chunks(BATCH) {
            let call = aws.rds().reset_db_parameter_group().db_parameter_group_name(name).reset_all_parameters(false);
            let call = call.set_parameters(Some(some.iter().map(one).collect()));
            aws.write(Service::Rds, "ResetDBParameterGroup", call.send()).await?;
        }
        Ok(())
    };
    // Right after the create the id is the name, and what is kept goes by the ARN; but that has forgotten all.
    aws.rereading(id, calls).await
}
