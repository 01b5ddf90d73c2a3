//! ECS's side of a cluster.

use super::observed::cluster;
use super::{Action, Cluster};
use crate::aws::{Aws, Live, gap};
use crate::common::{drop_nulls, text};
use crate::ecs::aws::{gaps, items, read, retag, tags_from_wire, tags_to_wire, write};
use crate::ecs::outputs;
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Reading, Wanted};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one DescribeClusters takes.
const BATCH: usize = 100;

#[async_trait]
impl Live for Cluster {
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let mut declared: BTreeMap<String, Option<&Value>> = BTreeMap::new();
        for resource in &wanted.resources {
            declared.extend([&resource.id, &resource.made_as].into_iter().flatten().map(|name| (name.clone(), None)));
        }
        declared.extend(
            wanted
                .resources
                .iter()
                .filter_map(|r| Some((r.spec.identity(Cluster::identity)?.to_owned(), Some(&*r.spec)))),
        );
        let names: Vec<&String> = declared.keys().collect();
        let calls: Vec<_> = names.chunks(BATCH).map(|some| async move { (some, describe(aws, some).await) }).collect();
        let mut reading = Reading::default();
        for (asked, answer) in futures::future::join_all(calls).await {
            match answer {
                Ok(answer) => {
                    let found = items(&answer, "clusters").filter_map(|wire| {
                        let spec = declared.get(text(wire, "clusterName")?).copied().flatten();
                        cluster(wire, tags_from_wire(wire.get("tags")), spec)
                    });
                    reading.observations.extend(found.map(Arc::new));
                    let asked: Vec<&str> = asked.iter().map(|name| name.as_str()).collect();
                    reading.gaps.extend(gaps(&answer, "ecs:DescribeClusters", ("clusters", "clusterName"), &asked));
                }
                Err(error) => reading.gaps.push(gap(&error, asked.iter().map(|n| (*n).clone()).collect())),
            }
        }
        Ok(reading)
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { spec, tags } => {
                let mut body = spec.clone();
                Cluster::canonical(&mut body);
                drop_nulls(&mut body);
                body["tags"] = tags_to_wire(tags);
                let send = |json| aws.ecs().create_cluster().customize().interceptor(json).send();
                let answer = write(aws, "CreateCluster", body, send).await?;
                return Ok(created(&answer["cluster"]));
            }
            Action::Update { cluster, fields } => {
                let send = |json| aws.ecs().update_cluster().customize().interceptor(json).send();
                write(aws, "UpdateCluster", addressed(cluster, fields), send).await?;
            }
            Action::PutCapacityProviders { cluster, fields } => {
                let send = |json| aws.ecs().put_cluster_capacity_providers().customize().interceptor(json).send();
                write(aws, "PutClusterCapacityProviders", addressed(cluster, fields), send).await?;
            }
            Action::Tag { tags, .. } => retag(aws, tags).await?,
            Action::Delete { cluster } => {
                let send = |json| aws.ecs().delete_cluster().customize().interceptor(json).send();
                write(aws, "DeleteCluster", json!({ "cluster": cluster }), send).await?;
            }
        }
        Ok(Applied::default())
    }
}

async fn describe(aws: &Aws<'_>, names: &[&String]) -> Result<Value, ApplyError> {
    let include = ["TAGS", "SETTINGS", "CONFIGURATIONS", "ATTACHMENTS"];
    let body = json!({ "clusters": names, "include": include });
    read(aws, "DescribeClusters", body, |json| aws.ecs().describe_clusters().customize().interceptor(json).send()).await
}

fn addressed(cluster: &str, fields: &Map<String, Value>) -> Value {
    let mut body = Value::Object(fields.clone());
    body["cluster"] = json!(cluster);
    drop_nulls(&mut body);
    body
}

fn created(cluster: &Value) -> Applied {
    let Some((name, arn)) = text(cluster, "clusterName").zip(text(cluster, "clusterArn")) else {
        return Applied::default();
    };
    let outputs = outputs(name, arn, &[("clusterName", json!(name))]);
    Applied { id: Some(name.to_owned()), outputs, ..Applied::default() }
}
