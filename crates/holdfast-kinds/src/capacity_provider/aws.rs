//! ECS's side of a capacity provider.

use super::CapacityProvider;
use super::observed::provider;
use crate::aws::answer::{deleted, made};
use crate::aws::{Aws, Live, all_pages, gap};
use crate::common::{drop_nulls, text};
use crate::ecs::aws::{gaps, items, read, retag, tags_from_wire, tags_to_wire, with_handles, write};
use crate::ecs::name_of;
use crate::plain::{Action, Call};
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one DescribeCapacityProviders takes.
const BATCH: usize = 100;

#[async_trait]
impl Live for CapacityProvider {
    /// Those that are wanted, by name, 100 a call, with their tags.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let mut declared: BTreeMap<String, Option<&Value>> = BTreeMap::new();
        for resource in &wanted.resources {
            let earlier = [&resource.id, &resource.made_as].into_iter().flatten();
            declared.extend(earlier.map(|arn| (name_of(arn).to_owned(), None)));
        }
        declared.extend(
            wanted.resources.iter().filter_map(|r| Some((r.spec.identity(Self::identity)?.to_owned(), Some(&*r.spec)))),
        );
        let names: Vec<&String> = declared.keys().collect();
        let mut reading = Reading::default();
        for some in names.chunks(BATCH) {
            match describe(aws, some).await {
                Ok(pages) => {
                    for page in &pages {
                        let found = items(page, "capacityProviders").filter_map(|wire| {
                            let spec = declared.get(text(wire, "name")?).copied().flatten();
                            provider(wire, tags_from_wire(wire.get("tags")), spec)
                        });
                        reading.observations.extend(found.map(Arc::new));
                        // A page need not tell of all that was asked for.
                        let told = gaps(page, "ecs:DescribeCapacityProviders", ("capacityProviders", "name"), &[]);
                        reading.gaps.extend(told);
                    }
                }
                Err(error) => reading.gaps.push(gap(&error, some.iter().copied().cloned().collect())),
            }
        }
        reading.gaps = with_handles(reading.gaps, wanted, |arn| Some(name_of(arn)));
        Ok(reading)
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let mut body = Value::Object(spec.clone());
                drop_nulls(&mut body);
                body["tags"] = tags_to_wire(tags);
                let send = |json| aws.ecs().create_capacity_provider().customize().interceptor(json).send();
                let answer = write(aws, "CreateCapacityProvider", body, send).await?;
                let seen: Option<Observation> =
                    answer.get("capacityProvider").and_then(|wire| provider(wire, tags.clone(), None));
                return made("ecs:CreateCapacityProvider", seen);
            }
            Call::Modify { id, set } => {
                let mut body =
                    json!({ "name": name_of(id), "autoScalingGroupProvider": set["autoScalingGroupProvider"] });
                drop_nulls(&mut body);
                // The group itself is no member of an update.
                if let Some(group) = body["autoScalingGroupProvider"].as_object_mut() {
                    group.shift_remove("autoScalingGroupArn");
                }
                let send = |json| aws.ecs().update_capacity_provider().customize().interceptor(json).send();
                write(aws, "UpdateCapacityProvider", body, send).await?;
            }
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                let body = json!({ "capacityProvider": name_of(id) });
                let send = |json| aws.ecs().delete_capacity_provider().customize().interceptor(json).send();
                deleted(write(aws, "DeleteCapacityProvider", body, send).await)?;
            }
        }
        Ok(Applied::default())
    }
}

async fn describe(aws: &Aws<'_>, names: &[&String]) -> Result<Vec<Value>, ApplyError> {
    all_pages(
        |token| {
            let mut body = json!({ "capacityProviders": names, "include": ["TAGS"], "nextToken": token });
            drop_nulls(&mut body);
            read(aws, "DescribeCapacityProviders", body, |json| {
                aws.ecs().describe_capacity_providers().customize().interceptor(json).send()
            })
        },
        |answer| text(answer, "nextToken"),
    )
    .await
}
