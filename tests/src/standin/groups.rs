//! EC2's security groups: rules kept one by one with their ids, described joined by ports as EC2 does.

use super::ec2::{element, filters, item, tags};
use super::region::{Refusal, Region, Thing, need, refusal, tag_list};
use super::wire::{text, texts, xml};
use serde_json::{Map, Value, json};

const MISSING: &str = "InvalidGroup.NotFound";

/// The inside of the answer to a call.
pub(crate) fn answer(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    match action {
        "CreateSecurityGroup" => create(region, input),
        "DeleteSecurityGroup" => delete(region, input),
        "AuthorizeSecurityGroupIngress" => authorize(region, input, false),
        "AuthorizeSecurityGroupEgress" => authorize(region, input, true),
        "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" => revoke(region, input),
        "DescribeSecurityGroupRules" => rules(region, input),
        _ => Err(refusal("InvalidAction", format!("The stand-in does not know the action {action}"))),
    }
}

/// A group as EC2 sends it.
pub(crate) fn write(group: &Thing) -> String {
    let mut out = String::new();
    for (member, value) in group.doc.as_object().into_iter().flatten() {
        xml(&mut out, member, value, item);
    }
    for (set, egress) in [("ipPermissions", false), ("ipPermissionsEgress", true)] {
        xml(&mut out, set, &joined(&group.beside, egress), item);
    }
    xml(&mut out, "tagSet", &tag_list(&group.tags, "key", "value"), item);
    out
}

/// Rules of one direction, joined by protocol and ports.
fn joined(rules: &Value, egress: bool) -> Value {
    let mut permissions: Vec<Value> = Vec::new();
    for rule in rules.as_array().into_iter().flatten().filter(|r| r["isEgress"] == egress) {
        let ports = |p: &Value| ["ipProtocol", "fromPort", "toPort"].map(|k| p.get(k).cloned());
        let place = permissions.iter().position(|p| ports(p) == ports(rule)).unwrap_or_else(|| {
            let mut new = json!({ "ipProtocol": rule["ipProtocol"] });
            if rule["ipProtocol"] != "-1" {
                (new["fromPort"], new["toPort"]) = (rule["fromPort"].clone(), rule["toPort"].clone());
            }
            for list in ["groups", "ipRanges", "ipv6Ranges", "prefixListIds"] {
                new[list] = json!([]);
            }
            permissions.push(new);
            permissions.len() - 1
        });
        let (list, peer) = if let Some(group) = rule.get("referencedGroupInfo") {
            ("groups", group.clone())
        } else if let Some(cidr) = rule.get("cidrIpv6") {
            ("ipv6Ranges", json!({ "cidrIpv6": cidr }))
        } else {
            ("ipRanges", json!({ "cidrIp": rule["cidrIpv4"] }))
        };
        let mut peer = peer;
        if let Some(words) = rule.get("description") {
            peer["description"] = words.clone();
        }
        if let Some(peers) = permissions[place][list].as_array_mut() {
            peers.push(peer);
        }
    }
    permissions.into()
}

fn create(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (name, vpc) = (need(input, "GroupName")?, need(input, "VpcId")?);
    region.find("vpc", vpc, "InvalidVpcID.NotFound")?;
    let by_name = format!("{vpc}/{name}");
    if region.table("group name").contains_key(&by_name) {
        return Err(refusal("InvalidGroup.Duplicate", format!("The security group '{name}' already exists")));
    }
    region.table("group name").insert(by_name, Thing::default());
    let id = region.id("sg");
    let arn = region.arn("ec2", &format!("security-group/{id}"));
    let doc = json!({ "ownerId": region.account, "groupId": id, "groupName": name, "groupDescription": need(input, "GroupDescription")?,
        "vpcId": vpc, "securityGroupArn": arn });
    let everywhere = json!({ "securityGroupRuleId": region.id("sgr"), "groupId": id, "groupOwnerId": region.account, "isEgress": true,
        "ipProtocol": "-1", "fromPort": -1, "toPort": -1, "cidrIpv4": "0.0.0.0/0" });
    let group = Thing { doc, beside: json!([everywhere]), tags: tags(input), ..Thing::default() };
    region.put("group", &id, group, write);
    Ok(format!("<return>true</return>{}{}", element("groupId", &id.into()), element("securityGroupArn", &arn.into())))
}

fn delete(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let id = need(input, "GroupId")?;
    let doc = region.find("group", id, MISSING)?.doc.clone();
    let by_name =
        format!("{}/{}", text(&doc, "vpcId").unwrap_or_default(), text(&doc, "groupName").unwrap_or_default());
    region.table("group name").remove(&by_name);
    region.table("group").remove(id);
    Ok("<return>true</return>".to_owned())
}

/// The rules of a permission, each with one peer, without ids.
fn single(permission: &Value) -> Vec<Map<String, Value>> {
    let port = |member: &str| text(permission, member).and_then(|p| p.parse::<i64>().ok()).unwrap_or(-1);
    let base =
        json!({ "ipProtocol": permission["IpProtocol"], "fromPort": port("FromPort"), "toPort": port("ToPort") });
    let lists =
        [("IpRanges", "CidrIp", "cidrIpv4"), ("Ipv6Ranges", "CidrIpv6", "cidrIpv6"), ("Groups", "GroupId", "groupId")];
    let mut rules = Vec::new();
    for (list, member, to) in lists {
        for peer in permission.get(list).and_then(Value::as_array).into_iter().flatten() {
            let mut rule = base.as_object().cloned().unwrap_or_default();
            let value = peer.get(member).cloned().unwrap_or_default();
            match to {
                "groupId" => rule.insert("referencedGroupInfo".to_owned(), json!({ "groupId": value })),
                _ => rule.insert(to.to_owned(), value),
            };
            if let Some(words) = text(peer, "Description") {
                rule.insert("description".to_owned(), words.into());
            }
            rules.push(rule);
        }
    }
    rules
}

fn same(a: &Map<String, Value>, b: &Value) -> bool {
    ["ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "referencedGroupInfo"]
        .iter()
        .all(|k| a.get(*k) == b.get(k))
}

fn permissions(input: &Value) -> impl Iterator<Item = Map<String, Value>> {
    input.get("IpPermissions").and_then(Value::as_array).into_iter().flatten().flat_map(single)
}

fn authorize(region: &mut Region, input: &Value, egress: bool) -> Result<String, Refusal> {
    let id = need(input, "GroupId")?;
    let there = region.find("group", id, MISSING)?.beside.clone();
    let mut made = Vec::new();
    for mut rule in permissions(input) {
        if there.as_array().into_iter().flatten().any(|r| r["isEgress"] == egress && same(&rule, r)) {
            return Err(refusal("InvalidPermission.Duplicate", "the specified rule already exists"));
        }
        rule.insert("securityGroupRuleId".to_owned(), region.id("sgr").into());
        rule.insert("groupId".to_owned(), id.into());
        rule.insert("groupOwnerId".to_owned(), region.account.as_str().into());
        rule.insert("isEgress".to_owned(), egress.into());
        made.push(Value::Object(rule));
    }
    let answer = format!("<return>true</return>{}", element("securityGroupRuleSet", &made.clone().into()));
    region.change("group", id, MISSING, write, |group| {
        if let Some(rules) = group.beside.as_array_mut() {
            rules.extend(made);
        }
    })?;
    Ok(answer)
}

fn revoke(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let ids = texts(input, "SecurityGroupRuleId");
    let by_content: Vec<_> = permissions(input).collect();
    region.change("group", need(input, "GroupId")?, MISSING, write, |group| {
        if let Some(rules) = group.beside.as_array_mut() {
            let goes = |r: &Value| {
                ids.iter().any(|id| r["securityGroupRuleId"] == **id) || by_content.iter().any(|rule| same(rule, r))
            };
            rules.retain(|r| !goes(r));
        }
    })?;
    Ok("<return>true</return>".to_owned())
}

/// Rules with their ids, of groups by filter; those of a few groups are far from a page.
fn rules(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let mut found = Vec::new();
    for (name, ids) in filters(input)? {
        if name != "group-id" {
            return Err(refusal("InvalidParameterValue", format!("The filter '{name}' is invalid")));
        }
        let table = region.table("group");
        for group in ids.iter().filter_map(|id| table.get(id)) {
            found.extend(group.beside.as_array().into_iter().flatten().cloned());
        }
    }
    Ok(element("securityGroupRuleSet", &found.into()))
}
