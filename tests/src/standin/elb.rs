//! Elastic Load Balancing: query calls answered in XML, things kept by ARN.

use super::region::{Refusal, Region, Tags, Thing, need, overlay, page, page_size, refusal, tag_list, tags_of, take};
use super::wire::{text, texts, xml};
use serde_json::{Value, json};
use std::ops::Bound;

fn item(_: &str) -> &'static str {
    "member"
}

/// A kind of thing: its table, the list it is answered in, and what a missing one is called.
#[derive(Clone, Copy)]
struct Of {
    table: &'static str,
    list: &'static str,
    missing: &'static str,
}

const BALANCER: Of = Of { table: "balancer", list: "LoadBalancers", missing: "LoadBalancerNotFound" };
const TARGETS: Of = Of { table: "targets", list: "TargetGroups", missing: "TargetGroupNotFound" };
const LISTENER: Of = Of { table: "listener", list: "Listeners", missing: "ListenerNotFound" };
const RULE: Of = Of { table: "rule", list: "Rules", missing: "RuleNotFound" };

/// What an ARN is of.
fn of(arn: &str) -> Of {
    match arn.split(':').nth(5).and_then(|rest| rest.split('/').next()) {
        Some("loadbalancer") => BALANCER,
        Some("targetgroup") => TARGETS,
        Some("listener") => LISTENER,
        _ => RULE,
    }
}

/// The inside of the answer to a call.
pub(crate) fn answer(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    match action {
        "DescribeLoadBalancers" => list(region, BALANCER, &texts(input, "LoadBalancerArns"), input),
        "DescribeTargetGroups" => list(region, TARGETS, &texts(input, "TargetGroupArns"), input),
        "DescribeListeners" => children(region, LISTENER, "ListenerArns", "LoadBalancerArn", input),
        "DescribeRules" => children(region, RULE, "RuleArns", "ListenerArn", input),
        "DescribeTags" => describe_tags(region, input),
        "DescribeLoadBalancerAttributes" => attributes(region, need(input, "LoadBalancerArn")?),
        "DescribeTargetGroupAttributes" => attributes(region, need(input, "TargetGroupArn")?),
        "DescribeListenerAttributes" => attributes(region, need(input, "ListenerArn")?),
        "ModifyLoadBalancerAttributes" => modify_attributes(region, need(input, "LoadBalancerArn")?, input),
        "ModifyTargetGroupAttributes" => modify_attributes(region, need(input, "TargetGroupArn")?, input),
        "ModifyListenerAttributes" => modify_attributes(region, need(input, "ListenerArn")?, input),
        "CreateLoadBalancer" => create_balancer(region, input),
        "CreateTargetGroup" => create_targets(region, input),
        "CreateListener" => create_listener(region, input),
        "CreateRule" => create_rule(region, input),
        "ModifyTargetGroup" => modify(region, need(input, "TargetGroupArn")?, input),
        "ModifyListener" => modify(region, need(input, "ListenerArn")?, input),
        "ModifyRule" => modify(region, need(input, "RuleArn")?, input),
        "AddTags" | "RemoveTags" => retag(region, action, input),
        "DescribeAccountLimits" => Ok(element("Limits", &json!([]))),
        _ => Err(refusal("InvalidAction", format!("The stand-in does not know the action {action}"))),
    }
}

fn element(name: &str, value: &Value) -> String {
    let mut out = String::new();
    xml(&mut out, name, value, item);
    out
}

fn write(thing: &Thing) -> String {
    element("member", &thing.doc)
}

/// A list of descriptions, and the marker of the next page.
fn listed<'t>(of: Of, things: impl Iterator<Item = &'t Thing>, marker: Option<&str>) -> String {
    let mut out = format!("<{}>", of.list);
    things.for_each(|thing| out.push_str(&thing.sent));
    out.push_str(&format!("</{}>", of.list));
    out.push_str(&marker.map(|m| element("NextMarker", &m.into())).unwrap_or_default());
    out
}

fn by_arns(region: &mut Region, of: Of, arns: &[String]) -> Result<String, Refusal> {
    let table = region.table(of.table);
    let found: Result<Vec<&Thing>, Refusal> =
        arns.iter().map(|a| table.get(a).ok_or_else(|| refusal(of.missing, format!("'{a}' not found")))).collect();
    Ok(listed(of, found?.into_iter(), None))
}

fn list(region: &mut Region, of: Of, arns: &[String], input: &Value) -> Result<String, Refusal> {
    if !arns.is_empty() {
        return by_arns(region, of, arns);
    }
    let names = texts(input, "Names");
    let named = |thing: &Thing| {
        let name = text(&thing.doc, "TargetGroupName").or_else(|| text(&thing.doc, "LoadBalancerName"));
        names.is_empty() || name.is_some_and(|name| names.iter().any(|n| n == name))
    };
    let size = page_size(input, "PageSize", 400);
    let (items, marker) = page(region.table(of.table), text(input, "Marker"), size, |_, thing| named(thing));
    Ok(listed(of, items.into_iter().map(|(_, thing)| thing), marker))
}

/// By ARN, or all of a parent: a child's ARN begins like its parent's.
fn children(region: &mut Region, of: Of, arns: &str, parent: &str, input: &Value) -> Result<String, Refusal> {
    let arns = texts(input, arns);
    if !arns.is_empty() {
        return by_arns(region, of, &arns);
    }
    let parent = need(input, parent)?;
    let above = self::of(parent);
    region.find(above.table, parent, above.missing)?;
    let (mut own, size) = (prefix(parent), page_size(input, "PageSize", 400));
    own.push('/');
    let after = text(input, "Marker").unwrap_or(&own).to_owned();
    let table = region.table(of.table);
    let rest = table.range::<str, _>((Bound::Excluded(after.as_str()), Bound::Unbounded));
    let mut found: Vec<(&String, &Thing)> = rest.take_while(|(arn, _)| arn.starts_with(&own)).take(size + 1).collect();
    let more = found.len() > size;
    found.truncate(size);
    let marker = found.last().map(|(arn, _)| arn.as_str()).filter(|_| more);
    Ok(listed(of, found.iter().map(|(_, thing)| *thing), marker))
}

/// The beginning of the ARNs of a parent's children.
fn prefix(parent: &str) -> String {
    match parent.contains(":listener/") {
        true => parent.replacen(":listener/", ":listener-rule/", 1),
        false => parent.replacen(":loadbalancer/", ":listener/", 1),
    }
}

fn describe_tags(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let mut all = Vec::new();
    for arn in texts(input, "ResourceArns") {
        let of = of(&arn);
        let tags = tag_list(&region.find(of.table, &arn, of.missing)?.tags, "Key", "Value");
        all.push(json!({ "ResourceArn": arn, "Tags": tags }));
    }
    Ok(element("TagDescriptions", &all.into()))
}

fn retag(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    let (tags, keys) = (tags(input), texts(input, "TagKeys"));
    for arn in texts(input, "ResourceArns") {
        let of = of(&arn);
        region.change(of.table, &arn, of.missing, write, |thing| match action {
            "AddTags" => thing.tags.extend(tags.clone()),
            _ => thing.tags.retain(|key, _| !keys.contains(key)),
        })?;
    }
    Ok(String::new())
}

fn tags(input: &Value) -> Tags {
    tags_of(input.get("Tags"), "Key", "Value")
}

fn attributes(region: &mut Region, arn: &str) -> Result<String, Refusal> {
    let of = of(arn);
    let thing = region.find(of.table, arn, of.missing)?;
    let all = thing.beside.as_object().into_iter().flatten().map(|(k, v)| json!({ "Key": k, "Value": v }));
    Ok(element("Attributes", &all.collect()))
}

fn modify_attributes(region: &mut Region, arn: &str, input: &Value) -> Result<String, Refusal> {
    let of = of(arn);
    let set = tags_of(input.get("Attributes"), "Key", "Value");
    region.change(of.table, arn, of.missing, write, |thing| {
        set.into_iter().for_each(|(key, value)| thing.beside[key] = value.into());
    })?;
    attributes(region, arn)
}

/// Sets the members of a call on the thing, actions as AWS completes them.
fn modify(region: &mut Region, arn: &str, input: &Value) -> Result<String, Refusal> {
    let of = of(arn);
    let mut set = input.clone();
    if let Some(members) = set.as_object_mut() {
        members.retain(|k, _| !["Action", "Version"].contains(&k.as_str()) && !k.ends_with("Arn"));
    }
    completed(&mut set);
    let thing = region.change(of.table, arn, of.missing, write, |thing| overlay(&mut thing.doc, set))?;
    Ok(listed(of, std::iter::once(thing), None))
}

/// Keeps a new thing and answers it.
fn made(
    region: &mut Region,
    of: Of,
    arn: &str,
    doc: Value,
    attributes: Value,
    input: &Value,
) -> Result<String, Refusal> {
    region.put(of.table, arn, Thing { doc, beside: attributes, tags: tags(input), sent: String::new() }, write);
    let thing = region.find(of.table, arn, of.missing)?;
    Ok(listed(of, std::iter::once(thing), None))
}

fn create_balancer(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let name = need(input, "Name")?;
    let number = region.number();
    let arn = region.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/{number:016x}"));
    let (mut zones, mut vpc) = (Vec::new(), Value::Null);
    for subnet in texts(input, "Subnets") {
        let doc = &region.find("subnet", &subnet, "SubnetNotFound")?.doc;
        vpc = doc["vpcId"].clone();
        zones.push(json!({ "ZoneName": doc["availabilityZone"], "SubnetId": subnet, "LoadBalancerAddresses": [] }));
    }
    let dns = format!("internal-{name}-{number}.{}.elb.amazonaws.com", region.name);
    let doc = json!({ "LoadBalancerArn": arn, "DNSName": dns, "CanonicalHostedZoneId": "Z3Q77PNBQS71R4", "CreatedTime": "2026-01-01T00:00:00.000Z",
        "LoadBalancerName": name, "Scheme": text(input, "Scheme").unwrap_or("internet-facing"), "VpcId": vpc, "State": { "Code": "active" },
        "Type": "application", "AvailabilityZones": zones, "SecurityGroups": texts(input, "SecurityGroups"), "IpAddressType": "ipv4",
        "EnablePrefixForIpv6SourceNat": "off" });
    let defaults = json!({ "access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": "",
        "client_keep_alive.seconds": "3600", "connection_logs.s3.enabled": "false", "deletion_protection.enabled": "false",
        "idle_timeout.timeout_seconds": "60", "load_balancing.cross_zone.enabled": "true", "routing.http2.enabled": "true",
        "routing.http.desync_mitigation_mode": "defensive", "routing.http.drop_invalid_header_fields.enabled": "false",
        "routing.http.preserve_host_header.enabled": "false", "routing.http.xff_client_port.enabled": "false",
        "routing.http.xff_header_processing.mode": "append", "waf.fail_open.enabled": "false", "zonal_shift.config.enabled": "false" });
    made(region, BALANCER, &arn, doc, defaults, input)
}

fn create_targets(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let name = need(input, "Name")?;
    let arn = format!("targetgroup/{name}/{:016x}", region.number());
    let arn = region.arn("elasticloadbalancing", &arn);
    let mut doc = json!({ "TargetGroupArn": arn, "TargetGroupName": name, "Protocol": "HTTP", "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port", "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2, "HealthCheckPath": "/", "Matcher": { "HttpCode": "200" },
        "LoadBalancerArns": [], "TargetType": "instance", "ProtocolVersion": "HTTP1", "IpAddressType": "ipv4" });
    let same = [
        "Protocol",
        "Port",
        "VpcId",
        "TargetType",
        "ProtocolVersion",
        "HealthCheckProtocol",
        "HealthCheckPort",
        "HealthCheckPath",
    ];
    overlay(&mut doc, take(input, &same.map(|n| (n, n))));
    let more = [
        "HealthCheckEnabled",
        "HealthCheckIntervalSeconds",
        "HealthCheckTimeoutSeconds",
        "HealthyThresholdCount",
        "Matcher",
    ];
    overlay(&mut doc, take(input, &more.map(|n| (n, n))));
    let defaults = json!({ "deregistration_delay.timeout_seconds": "300", "load_balancing.algorithm.type": "round_robin",
        "load_balancing.algorithm.anomaly_mitigation": "off", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
        "slow_start.duration_seconds": "0", "stickiness.enabled": "false", "stickiness.type": "lb_cookie",
        "stickiness.lb_cookie.duration_seconds": "86400", "stickiness.app_cookie.cookie_name": "",
        "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1" });
    made(region, TARGETS, &arn, doc, defaults, input)
}

/// A forward has its target group in both of its forms.
fn completed(doc: &mut Value) {
    for list in ["Actions", "DefaultActions"] {
        for action in doc.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(group) = action.get("TargetGroupArn").cloned().filter(|_| action.get("ForwardConfig").is_none())
            {
                action["ForwardConfig"] = json!({ "TargetGroups": [{ "TargetGroupArn": group, "Weight": 1 }], "TargetGroupStickinessConfig": { "Enabled": false } });
            }
        }
    }
}

fn create_listener(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let parent = need(input, "LoadBalancerArn")?;
    region.find(BALANCER.table, parent, BALANCER.missing)?;
    let arn = format!("{}/{:016x}", prefix(parent), region.number());
    let mut doc = json!({ "ListenerArn": arn });
    overlay(&mut doc, take(input, &["LoadBalancerArn", "Port", "Protocol", "DefaultActions"].map(|n| (n, n))));
    completed(&mut doc);
    let default = format!("{}/{:016x}", prefix(&arn), region.number());
    let rule = json!({ "RuleArn": default, "Priority": "default", "Conditions": [], "Actions": doc["DefaultActions"], "IsDefault": true });
    region.put(RULE.table, &default, Thing { doc: rule, ..Thing::default() }, write);
    made(region, LISTENER, &arn, doc, json!({ "routing.http.response.server.enabled": "true" }), input)
}

fn create_rule(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let parent = need(input, "ListenerArn")?;
    region.find(LISTENER.table, parent, LISTENER.missing)?;
    let arn = format!("{}/{:016x}", prefix(parent), region.number());
    let mut doc = json!({ "RuleArn": arn, "IsDefault": false });
    overlay(&mut doc, take(input, &["Priority", "Conditions", "Actions"].map(|n| (n, n))));
    completed(&mut doc);
    for condition in doc["Conditions"].as_array_mut().into_iter().flatten() {
        if let Some(values) = condition.pointer("/PathPatternConfig/Values").cloned() {
            condition["Values"] = values;
        }
    }
    made(region, RULE, &arn, doc, json!({}), input)
}
