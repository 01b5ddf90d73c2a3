//! EC2's networks: query calls answered in XML, ids and filters and pages as documented.

use super::groups;
use super::region::{Refusal, Region, Tags, Thing, need, page, page_size, refusal, tag_list, tags_of};
use super::wire::{text, texts, xml};
use serde_json::{Value, json};

/// EC2 calls the items of every list the same.
pub(crate) fn item(_: &str) -> &'static str {
    "item"
}

/// An answer that is an element.
pub(crate) fn element(name: &str, value: &Value) -> String {
    let mut out = String::new();
    xml(&mut out, name, value, item);
    out
}

const DONE: &str = "<return>true</return>";

/// What a listing is called, where its things are, the parameter of their ids, and what a missing one is called.
struct Listing {
    table: &'static str,
    set: &'static str,
    ids: &'static str,
    missing: &'static str,
    most: usize,
}

fn listing(action: &str) -> Option<Listing> {
    let (table, set, ids, missing, most) = match action {
        "DescribeSecurityGroups" => ("group", "securityGroupInfo", "GroupId", "InvalidGroup.NotFound", 1000),
        "DescribeVpcs" => ("vpc", "vpcSet", "VpcId", "InvalidVpcID.NotFound", 1000),
        "DescribeSubnets" => ("subnet", "subnetSet", "SubnetId", "InvalidSubnetID.NotFound", 1000),
        "DescribeRouteTables" => ("table", "routeTableSet", "RouteTableId", "InvalidRouteTableID.NotFound", 100),
        "DescribeInternetGateways" => {
            ("igw", "internetGatewaySet", "InternetGatewayId", "InvalidInternetGatewayID.NotFound", 1000)
        }
        "DescribeNatGateways" => ("nat", "natGatewaySet", "NatGatewayId", "NatGatewayNotFound", 1000),
        "DescribeAddresses" => ("address", "addressesSet", "AllocationId", "InvalidAllocationID.NotFound", 100_000),
        "DescribeNetworkInterfaces" => {
            ("eni", "networkInterfaceSet", "NetworkInterfaceId", "InvalidNetworkInterfaceID.NotFound", 1000)
        }
        _ => return None,
    };
    Some(Listing { table, set, ids, missing, most })
}

/// The inside of the answer to a call.
pub(crate) fn answer(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    if let Some(listing) = listing(action) {
        return describe(region, &listing, input);
    }
    match action {
        "DescribeVpcAttribute" => vpc_attribute(region, input),
        "CreateVpc" => create_vpc(region, input),
        "ModifyVpcAttribute" => modify_vpc(region, input),
        "CreateSubnet" => create_subnet(region, input),
        "ModifySubnetAttribute" => modify_subnet(region, input),
        "CreateInternetGateway" => create_gateway(region, input),
        "AttachInternetGateway" => attach(region, input),
        "CreateNatGateway" => create_nat(region, input),
        "CreateRouteTable" => create_table(region, input),
        "CreateRoute" => create_route(region, input),
        "AssociateRouteTable" => associate(region, input),
        "CreateTags" | "DeleteTags" => retag(region, action, input),
        "DescribeAccountAttributes" => Ok(element("accountAttributeSet", &json!([]))),
        _ => groups::answer(region, action, input),
    }
}

fn describe(region: &mut Region, listing: &Listing, input: &Value) -> Result<String, Refusal> {
    let ids = texts(input, listing.ids);
    let table = region.table(listing.table);
    let mut out = format!("<{}>", listing.set);
    let mut push = |thing: &Thing| {
        out.push_str("<item>");
        out.push_str(&thing.sent);
        out.push_str("</item>");
    };
    let mut token = None;
    if ids.is_empty() {
        let size = page_size(input, "MaxResults", listing.most);
        let filters = filters(input)?;
        let (items, next) =
            page(table, text(input, "NextToken"), size, |_, thing| filters.iter().all(|filter| passes(filter, thing)));
        items.iter().for_each(|(_, thing)| push(thing));
        token = next.map(str::to_owned);
    } else {
        for id in ids {
            let found = table.get(&id).ok_or_else(|| refusal(listing.missing, format!("{id} does not exist")))?;
            push(found);
        }
    }
    out.push_str(&format!("</{}>", listing.set));
    out.push_str(&token.map(|t| element("nextToken", &t.into())).unwrap_or_default());
    Ok(out)
}

/// A filter: the path of a member, and the values that pass.
pub(super) type Filter = (String, Vec<String>);

/// The filters of a call; their names are the members' with dashes.
pub(crate) fn filters(input: &Value) -> Result<Vec<Filter>, Refusal> {
    let all = input.get("Filter").and_then(Value::as_array).into_iter().flatten();
    all.map(|f| Ok((need(f, "Name")?.to_owned(), texts(f, "Value")))).collect()
}

/// True if some value under the filter's path is among its values.
fn passes((name, values): &Filter, thing: &Thing) -> bool {
    if let Some(key) = name.strip_prefix("tag:") {
        return thing.tags.get(key).is_some_and(|v| values.contains(v));
    }
    if name == "tag-key" {
        return values.iter().any(|key| thing.tags.contains_key(key));
    }
    let mut here = vec![&thing.doc];
    for part in name.split('.') {
        let member = camel(part);
        let set = format!("{member}Set");
        let next = here.iter().filter_map(|v| v.get(&member).or_else(|| v.get(&set)));
        here = next.flat_map(|v| v.as_array().map_or_else(|| vec![v], |items| items.iter().collect())).collect();
    }
    here.iter().any(|v| v.as_str().is_some_and(|text| values.iter().any(|wanted| wanted == text)))
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(part.len().min(1));
        out.push_str(&first.to_uppercase());
        out.push_str(rest);
    }
    out
}

/// A description as EC2 sends it: members, then tags.
pub(crate) fn plain(thing: &Thing) -> String {
    let mut out = String::new();
    for (member, value) in thing.doc.as_object().into_iter().flatten() {
        xml(&mut out, member, value, item);
    }
    xml(&mut out, "tagSet", &tag_list(&thing.tags, "key", "value"), item);
    out
}

/// The tags that a create call brings.
pub(crate) fn tags(input: &Value) -> Tags {
    tags_of(input.pointer("/TagSpecification/0/Tag"), "Key", "Value")
}

/// Makes a thing and answers it as an element.
fn make(region: &mut Region, table: &'static str, id: &str, doc: Value, input: &Value, name: &str) -> String {
    region.put(table, id, Thing { doc, tags: tags(input), ..Thing::default() }, plain);
    let sent = region.table(table).get(id).map(|t| t.sent.as_str()).unwrap_or_default();
    format!("<{name}>{sent}</{name}>")
}

fn create_vpc(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (id, cidr) = (region.id("vpc"), need(input, "CidrBlock")?);
    let block = json!([{ "associationId": region.id("vpc-cidr-assoc"), "cidrBlock": cidr, "cidrBlockState": { "state": "associated" } }]);
    let doc = json!({ "vpcId": id, "ownerId": region.account, "state": "available", "cidrBlock": cidr, "cidrBlockAssociationSet": block,
        "dhcpOptionsId": "dopt-0a1b2c3d4e5f60718", "instanceTenancy": text(input, "InstanceTenancy").unwrap_or("default"), "isDefault": false });
    Ok(make(region, "vpc", &id, doc, input, "vpc"))
}

fn vpc_attribute(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (id, name) = (need(input, "VpcId")?, need(input, "Attribute")?);
    let vpc = region.find("vpc", id, "InvalidVpcID.NotFound")?;
    let value = vpc.beside.get(name).and_then(Value::as_bool).unwrap_or(name == "enableDnsSupport");
    Ok(element("vpcId", &id.into()) + &element(name, &json!({ "value": value })))
}

fn modify_vpc(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let names = ["EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics"];
    let set = names.iter().filter_map(|n| Some((*n, input.get(*n)?.get("Value")? == "true")));
    let set: Vec<(String, bool)> = set.map(|(n, on)| (n.replacen('E', "e", 1), on)).collect();
    region.change("vpc", need(input, "VpcId")?, "InvalidVpcID.NotFound", plain, |vpc| {
        if !vpc.beside.is_object() {
            vpc.beside = json!({});
        }
        set.iter().for_each(|(name, on)| vpc.beside[name.as_str()] = (*on).into());
    })?;
    Ok(DONE.to_owned())
}

fn create_subnet(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (vpc, zone) = (need(input, "VpcId")?, need(input, "AvailabilityZone")?);
    region.find("vpc", vpc, "InvalidVpcID.NotFound")?;
    let id = region.id("subnet");
    let names = json!({ "hostnameType": "ip-name", "enableResourceNameDnsARecord": false, "enableResourceNameDnsAAAARecord": false });
    let doc = json!({ "subnetId": id, "subnetArn": region.arn("ec2", &format!("subnet/{id}")), "state": "available", "ownerId": region.account,
        "vpcId": vpc, "cidrBlock": need(input, "CidrBlock")?, "ipv6CidrBlockAssociationSet": [], "availableIpAddressCount": 251,
        "availabilityZone": zone, "availabilityZoneId": format!("az-{zone}"), "defaultForAz": false, "mapPublicIpOnLaunch": false,
        "assignIpv6AddressOnCreation": false, "mapCustomerOwnedIpOnLaunch": false, "enableDns64": false, "ipv6Native": false,
        "privateDnsNameOptionsOnLaunch": names });
    Ok(make(region, "subnet", &id, doc, input, "subnet"))
}

fn modify_subnet(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let flags = ["MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation", "EnableDns64"];
    let set = flags.iter().filter_map(|n| Some((*n, input.get(*n)?.get("Value")? == "true")));
    let set: Vec<(String, bool)> = set.map(|(n, on)| (n[..1].to_lowercase() + &n[1..], on)).collect();
    region.change("subnet", need(input, "SubnetId")?, "InvalidSubnetID.NotFound", plain, |subnet| {
        set.iter().for_each(|(name, on)| subnet.doc[name.as_str()] = (*on).into());
    })?;
    Ok(DONE.to_owned())
}

fn create_gateway(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let id = region.id("igw");
    let doc = json!({ "internetGatewayId": id, "ownerId": region.account, "attachmentSet": [] });
    Ok(make(region, "igw", &id, doc, input, "internetGateway"))
}

fn attach(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let vpc = need(input, "VpcId")?;
    region.find("vpc", vpc, "InvalidVpcID.NotFound")?;
    let id = need(input, "InternetGatewayId")?;
    region.change("igw", id, "InvalidInternetGatewayID.NotFound", plain, |igw| {
        igw.doc["attachmentSet"] = json!([{ "vpcId": vpc, "state": "available" }]);
    })?;
    Ok(DONE.to_owned())
}

fn create_nat(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let subnet = need(input, "SubnetId")?;
    let vpc = region.find("subnet", subnet, "InvalidSubnetID.NotFound")?.doc["vpcId"].clone();
    let (id, eni, number) = (region.id("nat"), region.id("eni"), region.number());
    let address = json!([{ "networkInterfaceId": eni, "privateIp": format!("10.0.0.{}", 4 + number % 200), "isPrimary": true,
        "allocationId": input.get("AllocationId"), "status": "succeeded" }]);
    let doc = json!({ "natGatewayId": id, "subnetId": subnet, "vpcId": vpc, "state": "available", "createTime": "2026-01-01T00:00:00.000Z",
        "connectivityType": text(input, "ConnectivityType").unwrap_or("public"), "natGatewayAddressSet": address });
    Ok(make(region, "nat", &id, doc, input, "natGateway"))
}

fn create_table(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let vpc = need(input, "VpcId")?;
    let cidr = region.find("vpc", vpc, "InvalidVpcID.NotFound")?.doc["cidrBlock"].clone();
    let id = region.id("rtb");
    let local = json!([{ "destinationCidrBlock": cidr, "gatewayId": "local", "state": "active", "origin": "CreateRouteTable" }]);
    let doc = json!({ "routeTableId": id, "vpcId": vpc, "ownerId": region.account, "routeSet": local, "associationSet": [], "propagatingVgwSet": [] });
    Ok(make(region, "table", &id, doc, input, "routeTable"))
}

fn create_route(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let mut route = json!({ "destinationCidrBlock": need(input, "DestinationCidrBlock")?, "state": "active", "origin": "CreateRoute" });
    for (from, to) in [("GatewayId", "gatewayId"), ("NatGatewayId", "natGatewayId")] {
        if let Some(target) = input.get(from) {
            route[to] = target.clone();
        }
    }
    region.change("table", need(input, "RouteTableId")?, "InvalidRouteTableID.NotFound", plain, |table| {
        if let Some(routes) = table.doc["routeSet"].as_array_mut() {
            routes.push(route);
        }
    })?;
    Ok(DONE.to_owned())
}

fn associate(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (id, subnet, association) = (need(input, "RouteTableId")?, need(input, "SubnetId")?, region.id("rtbassoc"));
    let one = json!({ "routeTableAssociationId": association, "routeTableId": id, "subnetId": subnet, "main": false,
        "associationState": { "state": "associated" } });
    region.change("table", id, "InvalidRouteTableID.NotFound", plain, |table| {
        if let Some(all) = table.doc["associationSet"].as_array_mut() {
            all.push(one);
        }
    })?;
    Ok(element("associationId", &association.into()))
}

/// Tags of any of EC2's things, by the prefix of its id.
fn retag(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    let change = tags_of(input.get("Tag"), "Key", "Value");
    for id in texts(input, "ResourceId") {
        let (table, write): (_, fn(&Thing) -> String) = match id.split('-').next() {
            Some("sg") => ("group", groups::write),
            Some("vpc") => ("vpc", plain),
            Some("subnet") => ("subnet", plain),
            Some("rtb") => ("table", plain),
            Some("igw") => ("igw", plain),
            Some("nat") => ("nat", plain),
            _ => return Err(refusal("InvalidID", format!("The ID '{id}' is not valid"))),
        };
        region.change(table, &id, "InvalidID", write, |thing| match action {
            "CreateTags" => thing.tags.extend(change.clone()),
            _ => thing.tags.retain(|key, _| !change.contains_key(key)),
        })?;
    }
    Ok(DONE.to_owned())
}
