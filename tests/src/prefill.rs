//! A large account as it is after years: everything declared in the store, everything live in the stand-in with its
//! owner's tags. Building ten thousand resources inside AWS's write limits takes half an hour; this takes seconds.

use crate::simulated::{self, store_of};
use crate::standin::Standin;
use anyhow::{Context, Result};
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What is made before what.
const ORDER: [&str; 15] = [
    "Vpc",
    "Subnet",
    "InternetGateway",
    "NatGateway",
    "RouteTable",
    "SecurityGroup",
    "Cluster",
    "TaskDefinition",
    "TargetGroup",
    "LoadBalancer",
    "Listener",
    "ListenerRule",
    "Service",
    "DBSubnetGroup",
    "DBInstance",
];

/// Declares stacks in a store that nobody has open.
pub fn declare(store: &Path, stacks: &[Value]) -> Result<()> {
    let (registry, store) = (holdfast_kinds::registry(), store_of(store)?);
    for stack in stacks {
        simulated::declare(&store, &registry, stack, jiff::Timestamp::now(), "default")?;
    }
    Ok(())
}

/// A stack with its resources of one kind.
pub fn only(stack: &Value, kind: &str) -> Value {
    let mut less = stack.clone();
    if let Some(resources) = less["spec"]["resources"].as_array_mut() {
        resources.retain(|r| r["kind"] == kind);
    }
    less
}

/// What of a stack is live already, by `Kind/name`.
struct Making<'s> {
    standin: &'s Standin,
    region: String,
    stack: String,
    tags: Map<String, Value>,
    ids: BTreeMap<String, String>,
}

/// Makes all of a stack live.
pub fn make(standin: &Standin, stack: &Value) -> Result<()> {
    let text = |pointer: &str| {
        Ok::<_, anyhow::Error>(stack.pointer(pointer).and_then(Value::as_str).context("a stack")?.to_owned())
    };
    let tags = stack["spec"]["tags"].as_object().cloned().unwrap_or_default();
    let mut making =
        Making { standin, region: text("/spec/region")?, stack: text("/metadata/name")?, tags, ids: BTreeMap::new() };
    let all = stack["spec"]["resources"].as_array().context("resources")?;
    for kind in ORDER {
        for resource in all.iter().filter(|r| r["kind"] == kind) {
            let name = format!("{kind}/{}", resource["metadata"]["name"].as_str().unwrap_or_default());
            let id = making.one(kind, &name, &resource["spec"]).with_context(|| name.clone())?;
            making.ids.insert(name, id);
        }
    }
    Ok(())
}

impl Making<'_> {
    fn call(&self, service: &str, action: &str, input: &Value) -> Result<String> {
        self.standin.outside(&self.region, service, action, input)
    }

    /// The stack's tags and the owner's, as items with these members.
    fn tags(&self, name: &str, key: &str, value: &str) -> Value {
        let full = format!("{}/{name}", self.stack);
        let owner = [(UID_TAG, full.replace('/', "-")), (RESOURCE_TAG, full)];
        let own = self.tags.iter().map(|(k, v)| json!({ key: k, value: v }));
        own.chain(owner.iter().map(|(k, v)| json!({ key: k, value: v }))).collect()
    }

    /// A spec with its references filled in.
    fn filled(&self, spec: &Value) -> Result<Value> {
        Ok(match spec {
            Value::String(text) => match text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
                Some(reference) => {
                    let (name, _) = reference.split_once('.').context("a reference has an output")?;
                    self.ids.get(name).with_context(|| format!("{name} is not made"))?.as_str().into()
                }
                None => spec.clone(),
            },
            Value::Array(items) => items.iter().map(|i| self.filled(i)).collect::<Result<Vec<_>>>()?.into(),
            Value::Object(map) => {
                map.iter().map(|(k, v)| Ok((k.clone(), self.filled(v)?))).collect::<Result<Map<_, _>>>()?.into()
            }
            other => other.clone(),
        })
    }

    /// Makes one; answers what others refer to it by.
    fn one(&self, kind: &str, name: &str, spec: &Value) -> Result<String> {
        let mut spec = self.filled(spec)?;
        match kind {
            "Cluster" | "TaskDefinition" | "Service" => self.container(kind, name, spec),
            "TargetGroup" | "LoadBalancer" | "Listener" | "ListenerRule" => {
                let attributes = spec.as_object_mut().and_then(|s| s.remove("attributes"));
                let mut input = pascal(&spec);
                input["Tags"] = self.tags(name, "Key", "Value");
                let action = if kind == "ListenerRule" { "CreateRule".to_owned() } else { format!("Create{kind}") };
                let arn =
                    inside(&self.call("elasticloadbalancing", &action, &input)?, &["RuleArn", &format!("{kind}Arn")])?;
                if let Some(Value::Object(attributes)) = attributes {
                    let list: Value = attributes.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect();
                    let input = json!({ format!("{kind}Arn"): arn, "Attributes": list });
                    self.call("elasticloadbalancing", &format!("Modify{kind}Attributes"), &input)?;
                }
                Ok(arn)
            }
            "DBSubnetGroup" | "DBInstance" => {
                let mut input = pascal(&spec);
                input["Tags"] = self.tags(name, "Key", "Value");
                self.call("rds", &format!("Create{kind}"), &input)?;
                let named = ["DBSubnetGroupName", "DBInstanceIdentifier"].iter().find_map(|n| input[*n].as_str());
                // A database names its subnet group, not the ARN.
                named.map(str::to_owned).context("a name")
            }
            _ => self.network(kind, name, &spec),
        }
    }

    fn container(&self, kind: &str, name: &str, mut spec: Value) -> Result<String> {
        spec["tags"] = self.tags(name, "key", "value");
        let action =
            if kind == "TaskDefinition" { "RegisterTaskDefinition".to_owned() } else { format!("Create{kind}") };
        let answer: Value = serde_json::from_str(&self.call("ecs", &action, &spec)?)?;
        let pointers = ["/taskDefinition/taskDefinitionArn", "/service/serviceArn", "/cluster/clusterArn"];
        let arn = pointers.iter().find_map(|p| answer.pointer(p).and_then(Value::as_str));
        arn.map(str::to_owned).context("an ARN of ECS")
    }

    fn network(&self, kind: &str, name: &str, spec: &Value) -> Result<String> {
        let mut input = pascal(spec);
        input["TagSpecification"] = json!([{ "Tag": self.tags(name, "Key", "Value") }]);
        if kind == "SecurityGroup" {
            input["GroupDescription"] = spec["description"].clone();
        }
        let answer = self.call("ec2", &format!("Create{kind}"), &input)?;
        let ids = ["groupId", "natGatewayId", "internetGatewayId", "routeTableId", "subnetId", "vpcId"];
        let id = inside(&answer, &ids)?;
        for (action, input) in after(kind, &id, spec) {
            self.call("ec2", action, &input)?;
        }
        Ok(id)
    }
}

/// What takes calls of its own once a thing of a network is there.
fn after(kind: &str, id: &str, spec: &Value) -> Vec<(&'static str, Value)> {
    let list = |member: &str| spec[member].as_array().cloned().unwrap_or_default();
    match kind {
        "SecurityGroup" => {
            let one = |rule: Value| {
                json!({ "IpProtocol": rule["ipProtocol"], "FromPort": rule["fromPort"].to_string(), "ToPort": rule["toPort"].to_string(),
                    "IpRanges": [{ "CidrIp": rule["cidrIpv4"] }] })
            };
            let rules: Value = list("ingress").into_iter().map(one).collect();
            vec![("AuthorizeSecurityGroupIngress", json!({ "GroupId": id, "IpPermissions": rules }))]
        }
        "InternetGateway" => {
            vec![("AttachInternetGateway", json!({ "InternetGatewayId": id, "VpcId": spec["vpcId"] }))]
        }
        "Vpc" => vec![("ModifyVpcAttribute", json!({ "VpcId": id, "EnableDnsHostnames": { "Value": "true" } }))],
        "RouteTable" => {
            let routes = list("routes").into_iter().map(|r| {
                let mut input = pascal(&r);
                input["RouteTableId"] = id.into();
                ("CreateRoute", input)
            });
            let uses = list("subnetIds")
                .into_iter()
                .map(|s| ("AssociateRouteTable", json!({ "RouteTableId": id, "SubnetId": s })));
            routes.chain(uses).collect()
        }
        _ => Vec::new(),
    }
}

/// Members as the query services spell them, all the way down; numbers and flags are text on their way.
fn pascal(value: &Value) -> Value {
    let name = |key: &str| match key {
        "dbSubnetGroupName" | "dbSubnetGroupDescription" | "dbInstanceIdentifier" | "dbInstanceClass" => {
            key.replacen("db", "DB", 1)
        }
        other => other[..1].to_uppercase() + &other[1..],
    };
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (name(k), pascal(v))).collect()),
        Value::Array(items) => items.iter().map(pascal).collect(),
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        other => other.clone(),
    }
}

/// The text of the first of these elements that an answer has.
fn inside(answer: &str, names: &[&str]) -> Result<String> {
    let found = names.iter().find_map(|name| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    });
    found.with_context(|| format!("none of {names:?} is in {answer}"))
}
