//! Elastic Load Balancing's side of a target group.

use super::TargetGroup;
use super::plan::Action;
use super::spec::{Matcher, TargetGroupSpec};
use crate::aws::answer::object;
use crate::aws::{Aws, Live, Service, reading};
use crate::common::{Tags, settled};
use crate::elb::attributes::Attributes;
use crate::elb::aws::known::known_target_groups;
use crate::elb::aws::{
    Specs, arns, attributes_json, concerning, deleted, made, number, parse, put_audited, retag, tags_for,
};
use crate::elb::types::Flag;
use crate::elb::{full_name, outputs};
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as wire;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::{Map, Value, json};
use std::sync::Arc;

#[async_trait]
impl Live for TargetGroup {
    const AUDITED: bool = true;

    /// All target groups, 400 a page, or those that concern us, 20 ARNs a call; health checks inline, attributes in turns.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let found = known_target_groups::<Self>(aws, wanted)
            .await?
            .iter()
            .filter_map(observe)
            .map(Observation::folded)
            .collect();
        let mut seen = concerning::<Self>(aws, wanted, found).await?;
        audit(aws, wanted, &mut seen).await;
        Ok(reading(seen, Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { spec, tags } => return create(aws, spec, tags).await,
            Action::Modify { arn, set } => modify(aws, arn, set).await?,
            Action::ModifyAttributes { arn, attributes } => modify_attributes(aws, arn, attributes).await?,
            Action::Tag(change) => retag(aws, change).await?,
            Action::Delete { arn } => {
                let call = aws.elb().delete_target_group().target_group_arn(arn);
                deleted(aws, arn, aws.write(Service::Elb, "DeleteTargetGroup", call.send()).await)?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(group: &wire::TargetGroup) -> Option<Observation> {
    let (arn, name) = (group.target_group_arn()?.to_owned(), group.target_group_name()?.to_owned());
    let matcher = group
        .matcher()
        .map(|m| object([("httpCode", m.http_code().map(Into::into)), ("grpcCode", m.grpc_code().map(Into::into))]));
    let mut fields = object([
        ("name", Some(name.as_str().into())),
        ("protocol", group.protocol().map(|p| p.as_str().into())),
        ("protocolVersion", group.protocol_version().map(Into::into)),
        ("port", group.port().map(Into::into)),
        ("vpcId", group.vpc_id().map(Into::into)),
        ("targetType", group.target_type().map(|t| t.as_str().into())),
        ("ipAddressType", group.ip_address_type().map(|t| t.as_str().into())),
        ("targetControlPort", group.target_control_port().map(Into::into)),
        ("healthCheckEnabled", group.health_check_enabled().map(Into::into)),
        ("healthCheckProtocol", group.health_check_protocol().map(|p| p.as_str().into())),
        ("healthCheckPort", group.health_check_port().map(Into::into)),
        ("healthCheckPath", group.health_check_path().map(Into::into)),
        ("healthCheckIntervalSeconds", group.health_check_interval_seconds().map(Into::into)),
        ("healthCheckTimeoutSeconds", group.health_check_timeout_seconds().map(Into::into)),
        ("healthyThresholdCount", group.healthy_threshold_count().map(Into::into)),
        ("unhealthyThresholdCount", group.unhealthy_threshold_count().map(Into::into)),
        ("matcher", matcher.filter(|m| *m != json!({}))),
    ]);
    super::canonical(&mut fields);
    let outputs = outputs(
        &arn,
        [
            ("name", Some(name.as_str().into())),
            ("fullName", Some(full_name(&arn).into())),
            ("port", group.port().map(Into::into)),
        ],
    );
    // The health of targets costs a call a group; it is read on demand only.
    Some(Observation { outputs, ..settled(arn, name, Tags::new(), fields) })
}

/// Reads the attributes of those groups whose declaration has some, in turns.
async fn audit(aws: &Aws<'_>, wanted: &Wanted, seen: &mut [Observation]) {
    let specs = Specs::new::<TargetGroup>(wanted);
    let declares = |o: &&Observation| specs.of(o).is_some_and(|s| s.get("attributes").is_some_and(Value::is_object));
    let due = arns(seen.iter().filter(declares));
    let audit = aws.audit(&due, |arn| async move { read_attributes(aws, &arn).await }).await;
    for one in seen {
        let read = audit.values.get(&one.id).map(Arc::as_ref);
        put_audited(one, read, &["attributes"]);
    }
}

async fn read_attributes(aws: &Aws<'_>, arn: &str) -> Result<Value, ApplyError> {
    let call = aws.elb().describe_target_group_attributes().target_group_arn(arn);
    let answer = aws.read(Service::Elb, "DescribeTargetGroupAttributes", call.send()).await?;
    Ok(json!({ "attributes": attributes_json(answer.attributes().iter().map(|a| (a.key(), a.value()))) }))
}

fn matcher(matcher: Option<&Matcher>) -> Option<wire::Matcher> {
    let text = |t: &Option<crate::elb::types::Text>| t.as_ref().map(|t| t.0.clone());
    matcher
        .map(|m| wire::Matcher::builder().set_http_code(text(&m.http_code)).set_grpc_code(text(&m.grpc_code)).build())
}

/// A create or a modify call with the health check of a spec; the two calls have no type in common.
macro_rules! with_health_check {
    ($call:expr, $spec:ident) => {
        $call
            .set_health_check_enabled($spec.health_check_enabled.as_ref().and_then(Flag::known))
            .set_health_check_protocol($spec.health_check_protocol.as_deref().map(Into::into))
            .set_health_check_port($spec.health_check_port.as_ref().map(|p| p.0.clone()))
            .set_health_check_path($spec.health_check_path.clone())
            .set_health_check_interval_seconds(number($spec.health_check_interval_seconds.as_ref()))
            .set_health_check_timeout_seconds(number($spec.health_check_timeout_seconds.as_ref()))
            .set_healthy_threshold_count(number($spec.healthy_threshold_count.as_ref()))
            .set_unhealthy_threshold_count(number($spec.unhealthy_threshold_count.as_ref()))
            .set_matcher(matcher($spec.matcher.as_ref()))
    };
}

async fn create(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags) -> Result<Applied, ApplyError> {
    let spec: TargetGroupSpec = parse("CreateTargetGroup", members)?;
    let call = aws
        .elb()
        .create_target_group()
        .name(&spec.name)
        .set_protocol(spec.protocol.as_deref().map(Into::into))
        .set_protocol_version(spec.protocol_version.as_ref().map(|v| v.0.clone()))
        .set_port(number(spec.port.as_ref()))
        .set_vpc_id(spec.vpc_id.clone())
        .set_target_type(spec.target_type.as_deref().map(Into::into))
        .set_ip_address_type(spec.ip_address_type.as_deref().map(Into::into))
        .set_target_control_port(number(spec.target_control_port.as_ref()))
        .set_tags(tags_for(tags));
    let call = with_health_check!(call, spec);
    let answer = aws.write(Service::Elb, "CreateTargetGroup", call.send()).await?;
    made("CreateTargetGroup", answer.target_groups().first().and_then(observe))
}

async fn modify(aws: &Aws<'_>, arn: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let mut members = set.clone();
    // The type of a spec wants a name, which this call does not take.
    members.insert("name".to_owned(), "".into());
    let spec: TargetGroupSpec = parse("ModifyTargetGroup", &members)?;
    let call = with_health_check!(aws.elb().modify_target_group().target_group_arn(arn), spec);
    aws.write(Service::Elb, "ModifyTargetGroup", call.send()).await.map(drop)
}

async fn modify_attributes(aws: &Aws<'_>, arn: &str, attributes: &Attributes) -> Result<(), ApplyError> {
    let one = |(k, v)| wire::TargetGroupAttribute::builder().key(k).value(v).build();
    let list = attributes.iter().map(one).collect();
    let call = aws.elb().modify_target_group_attributes().target_group_arn(arn).set_attributes(Some(list));
    let answer = aws.write(Service::Elb, "ModifyTargetGroupAttributes", call.send()).await;
    let answer = answer.inspect_err(|_| aws.reread(arn))?;
    // AWS answers all that the group has, so they need no reading; an imitation that echoes what was sent is asked.
    match answer.attributes() {
        all if all.len() > attributes.len() => {
            let told = json!({ "attributes": attributes_json(all.iter().map(|a| (a.key(), a.value()))) });
            aws.cache().keep_attributes(arn, told, aws.now());
        }
        _ => aws.reread(arn),
    }
    Ok(())
}
