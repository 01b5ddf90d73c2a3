//! Instances, what they are made of, and rules of their groups.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, HttpTokensState, InstanceStateName, IpPermission, IpRange,
    RequestLaunchTemplateData, SecurityGroupRuleRequest, SecurityGroupRuleUpdate, Tag,
};
use holdfast_core::cloud::Cloud;
use holdfast_core::plan::Decision;
use holdfast_core::policy::ReplacePolicy;
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAu7Zq3IDVmbSCUXr7n8Tg0jBkpjTLTBMmGhPLMkZz4";

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

async fn bench(stack: &str) -> Bench {
    // Each run has a stack of its own, so that what an earlier one left behind is somebody else's.
    let stack = format!("{stack}{}", std::process::id());
    Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &stack)
}

/// What differed, sorted, and what was done, as text.
async fn pass(bench: &mut Bench) -> (Vec<String>, Vec<String>) {
    let plan = bench.pass().await;
    let diffs = plan.verdicts.iter().flat_map(|v| v.diffs.iter().map(|d| (&v.key.name, d)));
    let mut found: Vec<String> = diffs.map(|(name, d)| format!("{name} {:?} {}", d.change, d.path)).collect();
    found.sort();
    let done = plan.steps.iter().map(|s| format!("{} {}: {}", s.verb.sign(), s.key.name, s.text)).collect();
    (found, done)
}

async fn check_quiet(bench: &mut Bench) {
    assert_eq!(pass(bench).await, (vec![], vec![]));
}

/// A quiet pass makes these calls and no others.
async fn check_calls(bench: &mut Bench, expected: &[&str]) {
    bench.aws.meter.take();
    check_quiet(bench).await;
    assert_eq!(bench.aws.meter.take_sorted(), expected);
}

/// With no memory of ours everything is found again.
async fn forgets_everything(bench: &mut Bench) {
    bench.memory.clear();
    bench.aws = Emulator::named_by("HOLDFAST_TEST_MOTO").await;
    check_quiet(bench).await;
    check_quiet(bench).await;
}

/// Everything is deleted and stays so.
async fn goes(bench: &mut Bench) {
    bench.condemn();
    let (_, done) = pass(bench).await;
    assert!(!done.is_empty() && done.iter().all(|line| line.starts_with('-')), "{done:#?}");
    check_quiet(bench).await;
    let plan = bench.plan().await;
    assert!(plan.verdicts.iter().all(|v| v.id.is_none()), "{:#?}", plan.verdicts);
}

#[tokio::test]
async fn a_key_pair_lives_and_goes() {
    let mut bench = bench("keys").await;
    let (name, by) = (format!("ops-{}", std::process::id()), format!("by-{}", std::process::id()));
    let (ec2, key) = (other(&bench), Blob::new(KEY.as_bytes()));
    let imported = ec2.import_key_pair().key_name(&by).public_key_material(key.clone()).send().await;
    imported.expect("a bystander is imported");
    let spec = json!({ "keyName": name, "publicKeyMaterial": format!("{KEY} me@laptop"), "tags": { "team": "media" } });
    bench.declare("KeyPair", "ops", spec);
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done, [format!("+ ops: create key pair: keyName {name}")]);
    check_quiet(&mut bench).await;
    check_calls(&mut bench, &["DescribeKeyPairs"]).await;

    let id = bench.id("KeyPair", "ops");
    ec2.delete_tags().resources(&id).tags(Tag::builder().key("team").build()).send().await.expect("a tag is removed");
    assert_eq!(pass(&mut bench).await.0, ["ops Removed /tags/team"]);
    check_quiet(&mut bench).await;
    ec2.delete_key_pair().key_name(&name).send().await.expect("it is deleted behind our back");
    assert_eq!(pass(&mut bench).await.0, ["ops Missing "]);
    check_quiet(&mut bench).await;
    forgets_everything(&mut bench).await;
    goes(&mut bench).await;
    let left = ec2.describe_key_pairs().key_names(&by).send().await.expect("moto answers");
    assert_eq!(left.key_pairs().len(), 1, "what is not ours stays");
}

#[tokio::test]
async fn a_launch_template_lives_in_versions_and_goes() {
    let mut bench = bench("templates").await;
    let (name, by) = (format!("web-{}", std::process::id()), format!("by-{}", std::process::id()));
    let ec2 = other(&bench);
    let data = |image: &str| RequestLaunchTemplateData::builder().image_id(image).build();
    let bystander = ec2.create_launch_template().launch_template_name(&by).launch_template_data(data("ami-12c6146b"));
    bystander.send().await.expect("a bystander is made");
    let spec = |image: &str| {
        json!({
            "launchTemplateName": name, "tags": { "team": "media" },
            "launchTemplateData": {
                "imageId": image, "instanceType": "t3.small", "securityGroupIds": ["sg-0123456789abcdef0"],
                "userData": "#!/bin/sh\necho hi\n", "metadataOptions": { "httpTokens": "required" },
                "monitoring": { "enabled": true }, "ebsOptimized": true,
                "iamInstanceProfile": { "name": "web" }, "creditSpecification": { "cpuCredits": "standard" },
                "blockDeviceMappings": [{ "deviceName": "/dev/xvda", "ebs": { "volumeSize": 30, "encrypted": true } }],
                "tagSpecifications": [{ "resourceType": "instance", "tags": { "role": "web" } }],
            },
        })
    };
    bench.declare("LaunchTemplate", "web", spec("ami-12c6146a"));
    assert_eq!(pass(&mut bench).await.1.len(), 1);
    check_quiet(&mut bench).await;
    check_calls(&mut bench, &["DescribeLaunchTemplates"]).await;

    // Another version, made the default by somebody else: the default moves back, and no version is made.
    let id = bench.id("LaunchTemplate", "web");
    let version = ec2.create_launch_template_version().launch_template_id(&id);
    version.launch_template_data(data("ami-785db401")).send().await.expect("a version is made behind our back");
    check_quiet(&mut bench).await;
    let moved = ec2.modify_launch_template().launch_template_id(&id).default_version("2");
    moved.send().await.expect("the default is moved behind our back");
    let (found, done) = pass(&mut bench).await;
    assert!(found.contains(&"web Changed /launchTemplateData/imageId".to_owned()), "{found:#?}");
    assert_eq!(done, ["~ web: make version 1 the default"]);
    check_quiet(&mut bench).await;

    // A change of ours is a version, and going back to what was is none.
    bench.declare("LaunchTemplate", "web", spec("ami-785db401"));
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done.len(), 1);
    assert!(done[0].starts_with("~ web: add a version and make it the default: imageId ami-785db401"), "{done:?}");
    check_quiet(&mut bench).await;
    bench.declare("LaunchTemplate", "web", spec("ami-12c6146a"));
    assert_eq!(pass(&mut bench).await.1, ["~ web: make version 1 the default"]);
    check_quiet(&mut bench).await;
    let left = ec2.describe_launch_templates().launch_template_ids(&id).send().await.expect("moto answers");
    let template = &left.launch_templates()[0];
    assert_eq!((template.default_version_number(), template.latest_version_number()), (Some(1), Some(3)));

    forgets_everything(&mut bench).await;
    goes(&mut bench).await;
    let left = ec2.describe_launch_templates().launch_template_names(&by).send().await.expect("moto answers");
    assert_eq!(left.launch_templates().len(), 1, "what is not ours stays");
}

async fn network(ec2: &Client) -> (String, [String; 2]) {
    let subnets = ec2.describe_subnets().send().await.expect("moto answers");
    let subnet = subnets.subnets().first().expect("moto has a default VPC");
    let vpc = subnet.vpc_id().expect("it is in a VPC");
    let mut groups = [String::new(), String::new()];
    for (group, name) in groups.iter_mut().zip(["one", "two"]) {
        let name = format!("{name}-{}", std::process::id());
        let made = ec2.create_security_group().group_name(name).description("of a test").vpc_id(vpc).send().await;
        *group = made.expect("moto makes it").group_id().expect("it has an id").to_owned();
    }
    (subnet.subnet_id().expect("it has an id").to_owned(), groups)
}

fn nat(subnet: &str, groups: &[String]) -> Value {
    json!({
        "imageId": "ami-12c6146b", "instanceType": "t3.nano", "subnetId": subnet, "securityGroupIds": groups,
        "sourceDestCheck": false, "userData": "#!/bin/sh\necho hi\n", "ebsOptimized": false,
        "metadataOptions": { "httpTokens": "required", "httpPutResponseHopLimit": 2 },
        "creditSpecification": { "cpuCredits": "standard" }, "tags": { "Name": "nat" },
        "blockDeviceMappings": [{ "deviceName": "/dev/sda1", "ebs": { "volumeSize": 9, "deleteOnTermination": true } }],
    })
}

/// Passes until nothing is done: what is in motion between is waited for.
async fn settle(bench: &mut Bench) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..6 {
        let (_, done) = pass(bench).await;
        all.extend(done);
    }
    check_quiet(bench).await;
    all
}

/// What a person with a console does.
async fn disturb(ec2: &Client, id: &str, interface: &str, group: &str) {
    let groups = ec2.modify_network_interface_attribute().network_interface_id(interface).groups(group);
    groups.send().await.expect("groups are changed behind our back");
    let on = AttributeBooleanValue::builder().value(true).build();
    let check = ec2.modify_network_interface_attribute().network_interface_id(interface).source_dest_check(on);
    check.send().await.expect("the check is switched on behind our back");
    let tokens = ec2.modify_instance_metadata_options().instance_id(id).http_tokens(HttpTokensState::Optional);
    tokens.send().await.expect("tokens are no longer required");
    ec2.delete_tags().resources(id).tags(Tag::builder().key("Name").build()).send().await.expect("a tag is removed");
}

#[tokio::test]
async fn an_instance_lives_is_stopped_only_by_permission_and_goes() {
    let mut bench = bench("instances").await;
    let ec2 = other(&bench);
    let (subnet, groups) = network(&ec2).await;
    let by = ec2.run_instances().min_count(1).max_count(1).image_id("ami-12c6146b").subnet_id(&subnet).send().await;
    let by = by.expect("a bystander is launched").instances()[0].instance_id().expect("it has an id").to_owned();
    bench.declare("Instance", "nat", nat(&subnet, &groups[..1]));
    let done = settle(&mut bench).await;
    let launch = format!("+ nat: launch instance: imageId ami-12c6146b, instanceType t3.nano, subnetId {subnet}");
    assert_eq!(done, [launch, "~ nat: set sourceDestCheck false".to_owned()]);
    let calls = ["DescribeInstanceAttribute", "DescribeInstanceCreditSpecifications", "DescribeInstances"];
    check_calls(&mut bench, &calls).await;
    let outputs = bench.memory.values().next().expect("it is remembered").outputs.clone();
    for output in ["arn", "privateIp", "privateDnsName", "networkInterfaceId", "availabilityZone"] {
        assert!(outputs.get(output).is_some_and(Value::is_string), "{output}: {outputs:?}");
    }
    let id = bench.id("Instance", "nat");
    let volumes = ec2.describe_volumes().filters(Filter::builder().name("attachment.instance-id").values(&id).build());
    let volumes = volumes.send().await.expect("moto answers");
    let tags = volumes.volumes()[0].tags().iter().filter_map(|t| t.key());
    assert!(tags.into_iter().any(|key| key == "holdfast:uid"), "volumes have the owner tag");

    let interface = outputs["networkInterfaceId"].as_str().expect("a text").to_owned();
    disturb(&ec2, &id, &interface, &groups[1]).await;
    let (found, _) = pass(&mut bench).await;
    // moto adds the groups of an interface to those of the launch, and forgets options that a call does not name.
    assert_eq!(
        found,
        [
            "nat Added /securityGroupIds/1",
            "nat Changed /metadataOptions/httpPutResponseHopLimit",
            "nat Changed /metadataOptions/httpTokens",
            "nat Changed /sourceDestCheck",
            "nat Removed /tags/Name",
        ]
    );
    check_quiet(&mut bench).await;
    grows(&mut bench, &ec2, nat(&subnet, &groups[..1])).await;
    forgets_everything(&mut bench).await;

    // Protection is honoured, and lifted only by declaration.
    let mut spec = bench.spec("Instance", "nat");
    spec["disableApiTermination"] = json!(true);
    bench.declare("Instance", "nat", spec.clone());
    assert_eq!(settle(&mut bench).await, ["~ nat: set disableApiTermination true"]);
    let refused = json!({ "do": "terminate", "id": id, "protected": false });
    let error = bench.aws.cloud.apply(&bench.aws.scope, "Instance", &refused, "t").await.expect_err("it is protected");
    assert!(error.code == "OperationNotPermitted" && error.message.contains("disableApiTermination"), "{error}");
    spec["disableApiTermination"] = json!(false);
    bench.declare("Instance", "nat", spec);
    settle(&mut bench).await;
    goes(&mut bench).await;
    let left = ec2.describe_instances().instance_ids(&by).send().await.expect("moto answers");
    let state = left.reservations()[0].instances()[0].state().and_then(|s| s.name()).cloned();
    assert_eq!(state, Some(InstanceStateName::Running), "what is not ours stays");
}

/// Another type is refused without permission, and is stop, change and start with it.
async fn grows(bench: &mut Bench, ec2: &Client, mut spec: Value) {
    let id = bench.id("Instance", "nat");
    spec["instanceType"] = json!("t3.small");
    bench.declare("Instance", "nat", spec);
    let plan = bench.pass().await;
    let verdict = &plan.verdicts[0];
    assert!(plan.steps.is_empty() && verdict.decision == Decision::Blocked, "{verdict:#?}");
    assert!(verdict.reason.contains(&format!("only while {id} is stopped")), "{}", verdict.reason);
    for desired in bench.desired.values_mut() {
        Arc::make_mut(desired).policy.replace = Some(ReplacePolicy::Allow);
    }
    assert_eq!(
        settle(bench).await,
        [
            format!("~ nat: stop {id} to change instanceType; it is started again"),
            "~ nat: set instanceType t3.small".to_owned(),
            format!("~ nat: start {id}"),
        ]
    );
    // Stopped by somebody else it stays stopped.
    ec2.stop_instances().instance_ids(&id).send().await.expect("it is stopped behind our back");
    check_quiet(bench).await;
    ec2.start_instances().instance_ids(&id).send().await.expect("it is started again");
    settle(bench).await;
}

#[tokio::test]
async fn a_rule_of_a_group_lives_beside_the_rules_of_others_and_goes() {
    let mut bench = bench("rules").await;
    let ec2 = other(&bench);
    let vpcs = ec2.describe_vpcs().send().await.expect("moto answers");
    let name = format!("rules-{}", std::process::id());
    let group = ec2.create_security_group().group_name(name).description("of somebody else");
    let group = group.vpc_id(vpcs.vpcs()[0].vpc_id().expect("it has an id")).send().await.expect("moto makes it");
    let group = group.group_id().expect("it has an id").to_owned();
    let web = IpPermission::builder().ip_protocol("tcp").from_port(80).to_port(80);
    let web = web.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build()).build();
    let by = ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(web).send().await;
    by.expect("a bystander is authorized");
    let ssh = |description: Option<&str>, cidr: &str| {
        json!({ "groupId": group, "isEgress": false, "ipProtocol": 6, "fromPort": 22, "toPort": 22, "cidrIpv4": cidr,
            "description": description, "tags": { "team": "ops" } })
    };
    bench.declare("SecurityGroupRule", "ssh", ssh(Some("office"), "10.1.2.3/16"));
    let out = json!({ "groupId": group, "isEgress": true, "ipProtocol": "-1", "cidrIpv6": "2001:db8::/48" });
    bench.declare("SecurityGroupRule", "out", out);
    assert_eq!(pass(&mut bench).await.1.len(), 2);
    check_quiet(&mut bench).await;
    check_calls(&mut bench, &["DescribeSecurityGroupRules"]).await;

    let id = bench.id("SecurityGroupRule", "ssh");
    let changed = SecurityGroupRuleRequest::builder().ip_protocol("tcp").from_port(22).to_port(22);
    let changed = changed.cidr_ipv4("10.1.0.0/16").description("home").build();
    let update = SecurityGroupRuleUpdate::builder().security_group_rule_id(&id).security_group_rule(changed).build();
    let modify = ec2.modify_security_group_rules().group_id(&group).security_group_rules(update);
    modify.send().await.expect("a description is changed behind our back");
    let gone = bench.id("SecurityGroupRule", "out");
    let revoke = ec2.revoke_security_group_egress().group_id(&group).security_group_rule_ids(gone);
    revoke.send().await.expect("a rule is revoked behind our back");
    assert_eq!(pass(&mut bench).await.0, ["out Missing ", "ssh Changed /description"]);
    check_quiet(&mut bench).await;

    // Another content is another rule: refused without permission, and authorized before the old one is revoked with it.
    bench.declare("SecurityGroupRule", "ssh", ssh(Some("office"), "10.2.0.0/16"));
    let plan = bench.pass().await;
    assert!(plan.steps.is_empty() && plan.verdicts.iter().any(|v| v.decision == Decision::Blocked), "{plan:#?}");
    for desired in bench.desired.values_mut() {
        Arc::make_mut(desired).policy.replace = Some(ReplacePolicy::Allow);
    }
    let (_, done) = pass(&mut bench).await;
    assert!(done.len() == 1 && done[0].starts_with("+ ssh: create security group rule"), "{done:?}");
    assert!(done[0].ends_with("cidrIpv4 10.2.0.0/16"), "{done:?}");
    let new = bench.id("SecurityGroupRule", "ssh");
    let memory = bench.memory.values_mut().find(|m| m.id.as_ref() == Some(&new)).expect("it is remembered");
    memory.retiring.push(id.clone());
    assert_eq!(pass(&mut bench).await.1, [format!("- ssh: delete security group rule {id}")]);
    forgets_everything(&mut bench).await;
    goes(&mut bench).await;
    let of_group = Filter::builder().name("group-id").values(&group).build();
    let left = ec2.describe_security_group_rules().filters(of_group).send().await.expect("moto answers");
    assert_eq!(left.security_group_rules().len(), 2, "what is not ours stays: web, and AWS's own egress");
}
