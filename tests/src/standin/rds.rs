//! RDS: query calls answered in XML.

use super::region::{
    Refusal, Region, Table, Tags, Thing, need, overlay, page, page_size, refusal, tag_list, tags_of, take,
};
use super::wire::{text, texts, xml};
use serde_json::{Value, json};

/// RDS calls the items of each list otherwise.
fn item(list: &str) -> &'static str {
    match list {
        "VpcSecurityGroups" => "VpcSecurityGroupMembership",
        "DBParameterGroups" => "DBParameterGroup",
        "OptionGroupMemberships" => "OptionGroupMembership",
        "TagList" => "Tag",
        "Subnets" => "Subnet",
        _ => "member",
    }
}

fn element(name: &str, value: &Value) -> String {
    let mut out = String::new();
    xml(&mut out, name, value, item);
    out
}

fn group(thing: &Thing) -> String {
    element("DBSubnetGroup", &thing.doc)
}

/// A database, with its tags.
fn database(thing: &Thing) -> String {
    let mut doc = thing.doc.clone();
    doc["TagList"] = tag_list(&thing.tags, "Key", "Value");
    element("DBInstance", &doc)
}

/// The inside of the answer to a call.
pub(crate) fn answer(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    match action {
        "DescribeDBInstances" => Ok(list(region.table("database"), "DBInstances", input)),
        "DescribeDBSubnetGroups" => Ok(list(region.table("subnet group"), "DBSubnetGroups", input)),
        "DescribeDBParameterGroups" => Ok(element("DBParameterGroups", &json!([]))),
        "CreateDBSubnetGroup" => create_group(region, input),
        "CreateDBInstance" => create_database(region, input),
        "ModifyDBInstance" => modify_database(region, input),
        "ListTagsForResource" => list_tags(region, input),
        "AddTagsToResource" | "RemoveTagsFromResource" => retag(region, action, input),
        "DescribeAccountAttributes" => Ok(element("AccountQuotas", &json!([]))),
        _ => Err(refusal("InvalidAction", format!("The stand-in does not know the action {action}"))),
    }
}

fn list(table: &Table, name: &str, input: &Value) -> String {
    let (items, marker) = page(table, text(input, "Marker"), page_size(input, "MaxRecords", 100), |_, _| true);
    let mut out = format!("<{name}>");
    items.iter().for_each(|(_, thing)| out.push_str(&thing.sent));
    out.push_str(&format!("</{name}>"));
    out.push_str(&marker.map(|m| element("Marker", &m.into())).unwrap_or_default());
    out
}

fn tags(input: &Value) -> Tags {
    tags_of(input.get("Tags"), "Key", "Value")
}

fn create_group(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let name = need(input, "DBSubnetGroupName")?;
    let arn = region.arn("rds", &format!("subgrp:{name}"));
    let (mut subnets, mut vpc) = (Vec::new(), Value::Null);
    for id in texts(input, "SubnetIds") {
        let doc = &region.find("subnet", &id, "InvalidSubnet")?.doc;
        vpc = doc["vpcId"].clone();
        let zone = json!({ "Name": doc["availabilityZone"] });
        subnets.push(json!({ "SubnetIdentifier": id, "SubnetStatus": "Active", "SubnetAvailabilityZone": zone }));
    }
    let doc = json!({ "DBSubnetGroupName": name, "DBSubnetGroupDescription": need(input, "DBSubnetGroupDescription")?, "VpcId": vpc,
        "SubnetGroupStatus": "Complete", "Subnets": subnets, "DBSubnetGroupArn": arn });
    region.put("subnet group", &arn, Thing { doc, tags: tags(input), ..Thing::default() }, group);
    Ok(region.find("subnet group", &arn, "DBSubnetGroupNotFoundFault")?.sent.clone())
}

fn create_database(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let name = need(input, "DBInstanceIdentifier")?;
    let arn = region.arn("rds", &format!("db:{name}"));
    let within = region.arn("rds", &format!("subgrp:{}", need(input, "DBSubnetGroupName")?));
    let subnet_group = region.find("subnet group", &within, "DBSubnetGroupNotFoundFault")?.doc.clone();
    let number = region.number();
    let groups = texts(input, "VpcSecurityGroupIds")
        .into_iter()
        .map(|id| json!({ "VpcSecurityGroupId": id, "Status": "active" }));
    let secret = (text(input, "ManageMasterUserPassword") == Some("true")).then(|| {
        let arn = region.arn("secretsmanager", &format!("secret:rds!db-{number:016x}"));
        json!({ "SecretArn": arn, "SecretStatus": "active", "KmsKeyId": region.arn("kms", "key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9") })
    });
    let mut doc = json!({ "DBInstanceArn": arn, "DBInstanceStatus": "available", "EngineVersion": "16.4", "LicenseModel": "postgresql-license",
        "Endpoint": { "Address": format!("{name}.c0.{}.rds.amazonaws.com", region.name), "Port": 5432, "HostedZoneId": "Z1" },
        "InstanceCreateTime": "2026-01-01T00:00:00.000Z", "PreferredBackupWindow": "02:00-02:30", "BackupRetentionPeriod": 1,
        "VpcSecurityGroups": groups.collect::<Value>(), "DBSubnetGroup": subnet_group, "AvailabilityZone": format!("{}a", region.name),
        "DBParameterGroups": [{ "DBParameterGroupName": "default.postgres16", "ParameterApplyStatus": "in-sync" }],
        "OptionGroupMemberships": [{ "OptionGroupName": "default:postgres-16", "Status": "in-sync" }],
        "PreferredMaintenanceWindow": "sun:04:00-sun:04:30", "MultiAZ": false, "AutoMinorVersionUpgrade": true, "PubliclyAccessible": false,
        "StorageType": "gp3", "Iops": 3000, "StorageThroughput": 125, "StorageEncrypted": true, "DbiResourceId": format!("db-{number:016X}"),
        "CACertificateIdentifier": "rds-ca-rsa2048-g1", "CopyTagsToSnapshot": false, "MonitoringInterval": 0, "DeletionProtection": false,
        "IAMDatabaseAuthenticationEnabled": false, "PerformanceInsightsEnabled": false, "DbInstancePort": 0, "NetworkType": "IPV4",
        "MasterUserSecret": secret, "EngineLifecycleSupport": "open-source-rds-extended-support" });
    overlay(&mut doc, take(input, MEMBERS));
    region.put("database", &arn, Thing { doc, tags: tags(input), ..Thing::default() }, database);
    Ok(region.find("database", &arn, MISSING)?.sent.clone())
}

const MISSING: &str = "DBInstanceNotFound";

/// Members that a database shows as they were sent.
const MEMBERS: &[(&str, &str)] = &[
    ("DBInstanceIdentifier", "DBInstanceIdentifier"),
    ("DBInstanceClass", "DBInstanceClass"),
    ("Engine", "Engine"),
    ("EngineVersion", "EngineVersion"),
    ("MasterUsername", "MasterUsername"),
    ("DBName", "DBName"),
    ("AllocatedStorage", "AllocatedStorage"),
    ("MaxAllocatedStorage", "MaxAllocatedStorage"),
    ("StorageType", "StorageType"),
    ("StorageEncrypted", "StorageEncrypted"),
    ("MultiAZ", "MultiAZ"),
    ("PubliclyAccessible", "PubliclyAccessible"),
    ("BackupRetentionPeriod", "BackupRetentionPeriod"),
    ("PreferredBackupWindow", "PreferredBackupWindow"),
    ("PreferredMaintenanceWindow", "PreferredMaintenanceWindow"),
    ("CopyTagsToSnapshot", "CopyTagsToSnapshot"),
    ("DeletionProtection", "DeletionProtection"),
];

fn modify_database(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let arn = region.arn("rds", &format!("db:{}", need(input, "DBInstanceIdentifier")?));
    let set = take(input, MEMBERS);
    let thing = region.change("database", &arn, MISSING, database, |thing| overlay(&mut thing.doc, set))?;
    Ok(thing.sent.clone())
}

/// The table that an ARN is of.
fn of(arn: &str) -> (&'static str, fn(&Thing) -> String) {
    if arn.contains(":subgrp:") { ("subnet group", group) } else { ("database", database) }
}

fn list_tags(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let arn = need(input, "ResourceName")?;
    let tags = tag_list(&region.find(of(arn).0, arn, MISSING)?.tags, "Key", "Value");
    Ok(element("TagList", &tags))
}

fn retag(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    let (arn, tags, keys) = (need(input, "ResourceName")?, tags(input), texts(input, "TagKeys"));
    let (table, write) = of(arn);
    region.change(table, arn, MISSING, write, |thing| match action {
        "AddTagsToResource" => thing.tags.extend(tags),
        _ => thing.tags.retain(|key, _| !keys.contains(key)),
    })?;
    Ok(String::new())
}
