//! RDS's side of a DB subnet group.

use super::{DBSubnetGroup, DBSubnetGroupSpec, observation};
use crate::aws::answer::{object, parse};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::{Tags, text};
use crate::plain::{Action, Call};
use crate::rds::aws::{PAGE, concerning, delete, made_anew, retag, tags_for};
use crate::rds::name_of;
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::{Map, Value};

#[async_trait]
impl Live for DBSubnetGroup {
    /// One listing, 100 a page; tags from the feed.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |marker| {
                let page = aws.rds().describe_db_subnet_groups().max_records(PAGE).set_marker(marker);
                aws.read(Service::Rds, "DescribeDBSubnetGroups", page.send())
            },
            |answer| answer.marker(),
        )
        .await?;
        let found = pages.iter().flat_map(|page| page.db_subnet_groups()).filter_map(observe).collect();
        Ok(reading(concerning::<Self>(aws, wanted, found).await?, Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: DBSubnetGroupSpec = parse("rds:CreateDBSubnetGroup", spec)?;
                let call = aws
                    .rds()
                    .create_db_subnet_group()
                    .db_subnet_group_name(&spec.db_subnet_group_name)
                    .db_subnet_group_description(&spec.db_subnet_group_description)
                    .set_subnet_ids(Some(spec.subnet_ids))
                    .set_tags(tags_for(tags));
                let answer = aws.write(Service::Rds, "CreateDBSubnetGroup", call.send()).await?;
                return made_anew(aws, "rds:CreateDBSubnetGroup", answer.db_subnet_group().and_then(observe));
            }
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                let call = aws.rds().delete_db_subnet_group().db_subnet_group_name(name_of(id));
                delete(aws, "DeleteDBSubnetGroup", id, call.send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(group: &aws_sdk_rds::types::DbSubnetGroup) -> Option<Observation> {
    let subnets: Vec<Value> = group.subnets().iter().filter_map(|s| s.subnet_identifier()).map(Into::into).collect();
    let fields = object([
        ("dbSubnetGroupName", group.db_subnet_group_name().map(Into::into)),
        ("dbSubnetGroupDescription", group.db_subnet_group_description().map(Into::into)),
        ("subnetIds", Some(subnets.into())),
    ]);
    Some(observation(group.db_subnet_group_arn()?, fields, Tags::new(), group.vpc_id().map(Into::into)))
}

async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let whole = Value::Object(set.clone());
    let subnets = whole["subnetIds"].as_array().into_iter().flatten();
    let call = aws
        .rds()
        .modify_db_subnet_group()
        .db_subnet_group_name(name_of(id))
        .set_db_subnet_group_description(text(&whole, "dbSubnetGroupDescription").map(str::to_owned))
        .set_subnet_ids(Some(subnets.filter_map(Value::as_str).map(str::to_owned).collect()));
    aws.write(Service::Rds, "ModifyDBSubnetGroup", call.send()).await.map(drop)
}
