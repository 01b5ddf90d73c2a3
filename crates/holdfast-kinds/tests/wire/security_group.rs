//! Security groups, without core's plan: the kind alone.

use crate::emulator::{Counter, Emulator, filled};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, IpRange};
use holdfast_core::cloud::{Applied, Cloud, ErrorClass};
use holdfast_core::compare::compare;
use holdfast_core::kind::{AnyAction, AnyKind, Context, Converge, Draft};
use holdfast_core::name::{RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use holdfast_core::observe::{Observation, Wanted, WantedResource};
use holdfast_core::outputs::Outputs;
use holdfast_core::status::FieldDiff;
use holdfast_kinds::aws::{AwsCloud, AwsOptions};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Groups on an emulator.
struct Groups {
    aws: Emulator,
    /// Somebody else, with a client that is not ours.
    other: Client,
    specs: BTreeMap<ResourceKey, Value>,
    outputs: BTreeMap<ResourceKey, Outputs>,
}

impl Groups {
    fn new(aws: Emulator) -> Self {
        Self { other: Client::new(&aws.others), aws, specs: BTreeMap::new(), outputs: BTreeMap::new() }
    }

    fn kind(&self) -> &dyn AnyKind {
        self.aws.registry.get("SecurityGroup").expect("the kind is listed")
    }

    fn resolved(&self, value: &Value, stack: &str) -> Value {
        filled(value, stack, |key, output| self.outputs.get(key)?.get(output).cloned())
    }

    /// The declaration as a plan would have it: references filled in, in canonical form.
    fn spec(&self, key: &ResourceKey) -> Value {
        let mut spec = self.resolved(&self.specs[key], &key.stack);
        self.kind().canonical(&mut spec);
        spec
    }

    async fn act(&mut self, key: &ResourceKey, action: &AnyAction) -> Applied {
        let json = self.resolved(&action.json, &key.stack);
        let applied = self.aws.cloud.apply(&self.aws.scope, "SecurityGroup", &json, "token").await;
        let applied = applied.unwrap_or_else(|e| panic!("{}: {e}", action.text));
        if applied.id.is_some() {
            self.outputs.insert(key.clone(), applied.outputs.clone());
        }
        applied
    }

    async fn see(&self) -> BTreeMap<ResourceKey, Arc<Observation>> {
        let resources = self
            .specs
            .keys()
            .map(|key| WantedResource::new(key.clone(), key.name.clone(), None, self.spec(key).into()))
            .collect();
        let wanted = BTreeMap::from([("SecurityGroup", Wanted { resources })]);
        let mut snapshot = self.aws.cloud.sweep(&self.aws.scope, &wanted).await;
        let reading = snapshot.kinds.remove("SecurityGroup").expect("it was asked for");
        assert_eq!(reading.gaps, []);
        let owned = |o: Arc<Observation>| Some((ResourceKey::parse(o.owner_resource()?)?, o));
        reading.observations.into_iter().filter_map(owned).filter(|(key, _)| self.specs.contains_key(key)).collect()
    }

    fn diffs(&self, key: &ResourceKey, live: &Observation) -> Vec<FieldDiff> {
        let mut spec = self.spec(key);
        spec.as_object_mut().expect("a spec is an object").remove("tags");
        compare(&spec, &live.fields, None, None, &live.unread, self.kind().facts())
    }

    /// One pass over everything: how many writes it took, and what it found, as text.
    async fn pass(&mut self) -> (usize, Vec<String>) {
        let seen = self.see().await;
        let (mut writes, mut found) = (0, Vec::new());
        for (key, live) in &seen {
            let diffs = self.diffs(key, live);
            found.extend(diffs.iter().map(|d| format!("{} {:?} {}", key.name, d.change, d.path)));
            let (spec, tags) = (self.spec(key), BTreeMap::new());
            let converge = self.kind().converge(&spec, live, &diffs, &Context { key, tags: &tags });
            let Converge::Change(steps) = converge else { panic!("a change was due, not {converge:?}") };
            for step in steps {
                writes += 1;
                self.act(key, &step.action).await;
            }
        }
        (writes, found)
    }

    async fn create(&mut self, key: &ResourceKey) -> Vec<Draft<AnyAction>> {
        let mut tags = BTreeMap::from([("team".to_owned(), "media".to_owned())]);
        tags.insert(UID_TAG.to_owned(), key.name.clone());
        tags.insert(RESOURCE_TAG.to_owned(), key.to_string());
        let mut steps = self.kind().create(&self.spec(key), &Context { key, tags: &tags }).into_iter();
        let first = steps.next().expect("a create has a first step");
        let applied = self.act(key, &first.action).await;
        assert!(applied.id.is_some_and(|id| id.starts_with("sg-")));
        steps.collect()
    }
}

/// Two groups that name each other, and the VPC they are in.
async fn two_groups(groups: &mut Groups) -> (String, [ResourceKey; 2]) {
    let vpcs = groups.other.describe_vpcs().send().await.expect("moto answers");
    let vpc = vpcs.vpcs()[0].vpc_id().expect("a VPC has an id").to_owned();
    let run = std::process::id();
    let keys = ["a", "b"].map(|name| ResourceKey::new(format!("run{run}"), "SecurityGroup", name));
    for (key, peer) in keys.iter().zip(["b", "a"]) {
        let spec = json!({
            "groupName": format!("{}-{run}", key.name), "description": "a group", "vpcId": vpc,
            "ingress": [
                { "ipProtocol": 6, "fromPort": 80, "toPort": 80, "cidrIpv4": "10.1.2.3/16", "description": "web" },
                { "ipProtocol": "tcp", "fromPort": 81, "toPort": 82, "cidrIpv6": "2001:db8:0::/48" },
                { "ipProtocol": "icmp", "cidrIpv4": "10.0.0.0/8" },
                { "ipProtocol": "tcp", "fromPort": 90, "toPort": 90, "referencedGroupId": format!("${{SecurityGroup/{peer}.id}}") },
                { "ipProtocol": "-1", "referencedGroupId": format!("${{SecurityGroup/{}.id}}", key.name) } ],
            "egress": [ { "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0", "description": "out" } ],
        });
        groups.specs.insert(key.clone(), spec);
    }
    (vpc, keys)
}

async fn disturb(groups: &Groups, id: &str) {
    let open = IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22);
    let open = open.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build()).build();
    let added = groups.other.authorize_security_group_ingress().group_id(id).ip_permissions(open);
    added.send().await.expect("a rule is added behind our back");
    let web = IpPermission::builder().ip_protocol("tcp").from_port(80).to_port(80);
    let described = web.ip_ranges(IpRange::builder().cidr_ip("10.1.0.0/16").description("changed").build()).build();
    let update = groups.other.update_security_group_rule_descriptions_ingress().group_id(id).ip_permissions(described);
    update.send().await.expect("a description is changed behind our back");
    let out = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
    let out = out.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").description("out").build()).build();
    let revoked = groups.other.revoke_security_group_egress().group_id(id).ip_permissions(out);
    revoked.send().await.expect("a rule is revoked behind our back");
}

#[tokio::test]
async fn two_groups_that_name_each_other_live_and_go() {
    let mut groups = moto().await;
    let (vpc, [a, b]) = two_groups(&mut groups).await;
    let bystander = groups.other.create_security_group().group_name(format!("by-{}", std::process::id()));
    let bystander = bystander.description("not ours").vpc_id(&vpc).send().await.expect("moto makes it");
    let bystander = bystander.group_id().expect("it has an id").to_owned();

    let rest = [(a.clone(), groups.create(&a).await), (b.clone(), groups.create(&b).await)];
    for (key, steps) in rest {
        for step in steps {
            groups.act(&key, &step.action).await;
        }
    }
    assert_eq!(groups.pass().await, (0, vec![]), "as declared right after the create");
    groups.aws.meter.take();
    assert_eq!(groups.pass().await, (0, vec![]));
    assert_eq!(groups.aws.meter.take(), ["DescribeSecurityGroups"], "a steady sweep is one call");

    let seen = groups.see().await;
    assert_eq!(seen[&a].tags.get("team").map(String::as_str), Some("media"));
    assert_eq!(seen[&a].outputs["arn"].as_str().map(|arn| arn.ends_with(&seen[&a].id)), Some(true));
    let id = seen[&a].id.clone();
    disturb(&groups, &id).await;
    let (writes, mut found) = groups.pass().await;
    found.sort();
    assert_eq!(found, ["a Added /ingress/5", "a Changed /ingress/0/description", "a Removed /egress/0"]);
    assert_eq!(writes, 3);
    assert_eq!(groups.pass().await, (0, vec![]), "healed in one pass");

    let set = BTreeMap::from([("team".to_owned(), "other".to_owned())]);
    let retag = groups.kind().retag(&seen[&a], set, BTreeSet::from([UID_TAG.to_owned()]));
    groups.act(&a, &retag).await;
    let tags = groups.see().await[&a].tags.clone();
    assert_eq!(tags.get("team").map(String::as_str), Some("other"));
    assert!(!tags.contains_key(UID_TAG) && tags.contains_key(RESOURCE_TAG));

    let mut chains: Vec<(ResourceKey, Vec<Draft<AnyAction>>)> = Vec::new();
    for (key, live) in groups.see().await {
        chains.push((key, groups.kind().delete(&live)));
    }
    for last in [false, true] {
        for (key, steps) in &chains {
            let split = steps.len() - 1;
            for step in if last { &steps[split..] } else { &steps[..split] } {
                groups.act(key, &step.action).await;
            }
        }
    }
    assert!(groups.see().await.is_empty());
    let left = groups.other.describe_security_groups().group_ids(&bystander).send().await.expect("moto answers");
    assert_eq!(left.security_groups().len(), 1, "what is not ours stays");
}

async fn moto() -> Groups {
    Groups::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await)
}

#[tokio::test]
async fn refusals_are_sorted_and_a_dead_endpoint_is_a_gap() {
    let mut groups = moto().await;
    let delete = json!({ "do": "delete", "id": "sg-0000000000000000f" });
    assert!(
        groups.aws.cloud.apply(&groups.aws.scope, "SecurityGroup", &delete, "t").await.is_ok(),
        "gone already is done"
    );
    let rules = [json!({ "ipProtocol": "-1", "cidrIpv6": "::/0" })];
    let action = json!({ "do": "authorize", "id": "sg-0000000000000000f", "direction": "ingress", "rules": rules });
    let error =
        groups.aws.cloud.apply(&groups.aws.scope, "SecurityGroup", &action, "t").await.expect_err("no such group");
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "InvalidGroup.NotFound"));
    assert!(error.request_id.is_some() && error.operation == "ec2:AuthorizeSecurityGroupIngress", "{error}");
    assert_eq!(groups.aws.cloud.identify(&groups.aws.scope).await.map(|id| id.len()), Ok(12));

    groups = Groups::new(Emulator::at("http://127.0.0.1:9").await);
    let error =
        groups.aws.cloud.apply(&groups.aws.scope, "SecurityGroup", &action, "t").await.expect_err("nobody listens");
    assert_eq!(error.class, ErrorClass::Transient, "a refused connection wrote nothing: {error}");
    let wanted = BTreeMap::from([("SecurityGroup", Wanted::default())]);
    let snapshot = groups.aws.cloud.sweep(&groups.aws.scope, &wanted).await;
    assert_eq!(snapshot.kinds["SecurityGroup"].gaps.len(), 1);
}

#[tokio::test]
async fn an_unknown_account_leaves_a_gap_that_names_it() {
    let cloud = AwsCloud::new(Arc::new(Counter::default()), AwsOptions::default());
    let wanted = BTreeMap::from([("SecurityGroup", Wanted::default())]);
    let snapshot = cloud.sweep(&Scope::new("nobody", "eu-west-1"), &wanted).await;
    let gap = &snapshot.kinds["SecurityGroup"].gaps[0];
    assert!(gap.reason.contains("the account \"nobody\" is not known"), "{}", gap.reason);
}
