//! ECS's side of a service.

mod scaling;

use super::observed::{identity, service};
use super::{Action, Service};
use crate::aws::{Aws, Live, gap};
use crate::common::{Tags, drop_nulls, text};
use crate::ecs::aws::{client_token, gaps, items, read, retag, tags_from_wire, tags_to_wire, with_handles, write};
use crate::ecs::{name_of, outputs};
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Gap, Observation, Reading, Wanted};
use holdfast_core::spec::OpenSpec;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one DescribeServices takes, of one cluster.
const BATCH: usize = 10;

/// Declared specs by `cluster/service`; none where only an earlier handle says that it is ours.
type Declared<'w> = BTreeMap<String, Option<&'w OpenSpec>>;

/// A live service, and what its count says before it is folded.
struct Found {
    seen: Observation,
    /// It has a count of its own, which a daemon has not.
    counted: bool,
    /// That is not as declared.
    differs: bool,
}

impl Found {
    fn of(mut seen: Observation, spec: Option<&Value>) -> Self {
        let counted = text(&seen.fields, "schedulingStrategy") != Some("DAEMON");
        let wanted = spec.and_then(|spec| spec.get("desiredCount"));
        let differs = wanted.is_some_and(|wanted| Some(wanted) != seen.fields.get("desiredCount"));
        seen.fold();
        Self { seen, counted, differs }
    }
}

#[async_trait]
impl Live for Service {
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let declared = declared(wanted);
        let mut by_cluster: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (cluster, name) in declared.keys().filter_map(|identity| identity.split_once('/')) {
            by_cluster.entry(cluster).or_default().push(name);
        }
        let batches: Vec<(&str, Vec<&str>)> =
            by_cluster.iter().flat_map(|(c, names)| names.chunks(BATCH).map(|some| (*c, some.to_vec()))).collect();
        let looks = batches.iter().map(|(cluster, names)| look(aws, cluster, names, &declared, wanted));
        let (mut reading, mut found) = (Reading::default(), Vec::new());
        for (services, gaps) in futures::future::join_all(looks).await {
            found.extend(services);
            reading.gaps.extend(gaps);
        }
        // Asked after the counts were read: a count that an autoscaler has set is then never seen without its bounds.
        reading.gaps.extend(scaling::find_owners(aws, &mut found).await);
        reading.observations.extend(found.into_iter().map(|found| Arc::new(found.seen)));
        Ok(reading)
    }

    async fn apply(aws: &Aws<'_>, action: &Action, token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { spec, tags } => return create(aws, spec, tags, token).await,
            Action::Update { cluster, service, fields, force, remember } => {
                let body = update_body(cluster, service, fields, *force);
                let send = |json| aws.ecs().update_service().customize().interceptor(json).send();
                write(aws, "UpdateService", body, send).await?;
                // After the deployment is asked for: if this is lost, it is asked for once more, not never.
                if let Some(tags) = remember {
                    retag(aws, tags).await?;
                }
            }
            Action::Tag(tags) => retag(aws, tags).await?,
            Action::Delete { cluster, service } => {
                let body = json!({ "cluster": cluster, "service": service, "force": true });
                let send = |json| aws.ecs().delete_service().customize().interceptor(json).send();
                write(aws, "DeleteService", body, send).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn declared(wanted: &Wanted) -> Declared<'_> {
    let mut declared = Declared::new();
    // A name that the declaration no longer has may still be live: `…:service/cluster/name`.
    let handles = wanted.resources.iter().filter_map(|r| r.id.as_deref());
    declared.extend(handles.filter_map(path_of).map(|path| (path.to_owned(), None)));
    declared.extend(wanted.resources.iter().filter_map(|r| Some((r.made_as.clone()?, None))));
    declared
        .extend(wanted.resources.iter().filter_map(|r| Some((r.spec.identity(identity)?.to_owned(), Some(&r.spec)))));
    declared
}

/// The services of a batch, and what of it could not be read.
async fn look(
    aws: &Aws<'_>,
    cluster: &str,
    names: &[&str],
    declared: &Declared<'_>,
    wanted: &Wanted,
) -> (Vec<Found>, Vec<Gap>) {
    let (found, gaps) = match describe(aws, cluster, names).await {
        Ok(answer) => collect(&answer, cluster, names, declared),
        // Where there is no cluster there is certainly no service.
        Err(error) if error.code.contains("ClusterNotFound") => (Vec::new(), Vec::new()),
        Err(error) => {
            let of = names.iter().map(|name| format!("{cluster}/{name}")).collect();
            (Vec::new(), vec![gap(&error, of)])
        }
    };
    (found, with_handles(gaps, wanted, path_of))
}

/// `cluster/name` of a service's ARN; none of an ARN without the cluster.
fn path_of(arn: &str) -> Option<&str> {
    arn.split_once(":service/").map(|(_, path)| path).filter(|path| path.contains('/'))
}

async fn describe(aws: &Aws<'_>, cluster: &str, names: &[&str]) -> Result<Value, ApplyError> {
    let body = json!({ "cluster": cluster, "services": names, "include": ["TAGS"] });
    read(aws, "DescribeServices", body, |json| aws.ecs().describe_services().customize().interceptor(json).send()).await
}

fn collect(answer: &Value, cluster: &str, names: &[&str], declared: &Declared<'_>) -> (Vec<Found>, Vec<Gap>) {
    let services = items(answer, "services").filter_map(|wire| {
        let spec = declared.get(&format!("{cluster}/{}", text(wire, "serviceName")?)).copied().flatten();
        let spec = spec.map(OpenSpec::glance);
        service(wire, tags_from_wire(wire.get("tags")), spec.as_deref()).map(|seen| Found::of(seen, spec.as_deref()))
    });
    let mut gaps = gaps(answer, "ecs:DescribeServices", ("services", "serviceName"), names);
    for name in gaps.iter_mut().flat_map(|gap| &mut gap.of) {
        *name = format!("{cluster}/{name}");
    }
    (services.collect(), gaps)
}

async fn create(aws: &Aws<'_>, spec: &Value, tags: &Tags, token: &str) -> Result<Applied, ApplyError> {
    let mut body = spec.clone();
    Service::canonical(&mut body);
    drop_nulls(&mut body);
    body["tags"] = tags_to_wire(tags);
    body["clientToken"] = json!(client_token(token));
    let send = |json| aws.ecs().create_service().customize().interceptor(json).send();
    let answer = write(aws, "CreateService", body, send).await?;
    let made = &answer["service"];
    let Some((arn, name)) = text(made, "serviceArn").zip(text(made, "serviceName")) else {
        return Ok(Applied::default());
    };
    let cluster = name_of(text(made, "clusterArn").unwrap_or("default"));
    let outputs = outputs(arn, arn, &[("serviceName", json!(name)), ("clusterName", json!(cluster))]);
    Ok(Applied { id: Some(arn.to_owned()), outputs, ..Applied::default() })
}

fn update_body(cluster: &str, service: &str, fields: &Map<String, Value>, force: bool) -> Value {
    let mut body = Value::Object(fields.clone());
    Service::canonical(&mut body);
    drop_nulls(&mut body);
    body["cluster"] = json!(cluster);
    body["service"] = json!(service);
    if force {
        body["forceNewDeployment"] = json!(true);
    }
    body
}
