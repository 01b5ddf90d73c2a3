//! A network: VPC, subnets, gateways, addresses.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Tag, TagSpecification};
use serde_json::json;

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

/// What differed, sorted, and what was done, as text.
async fn pass(bench: &mut Bench) -> (Vec<String>, Vec<String>) {
    let plan = bench.pass().await;
    let diffs = plan.verdicts.iter().flat_map(|v| v.diffs.iter().map(|d| (&v.key, d)));
    let mut found: Vec<String> =
        diffs.map(|(key, d)| format!("{}/{} {:?} {}", key.kind, key.name, d.change, d.path)).collect();
    found.sort();
    let done =
        plan.steps.iter().map(|s| format!("{} {}/{}: {}", s.verb.sign(), s.key.kind, s.key.name, s.text)).collect();
    (found, done)
}

async fn check_quiet(bench: &mut Bench) {
    assert_eq!(pass(bench).await, (vec![], vec![]));
}

/// A VPC with two public and two private subnets, a way to the internet, and a NAT gateway with an address in each public
/// subnet, as the example `accurate-video` has it.
fn declare_network(bench: &mut Bench) {
    let vpc = json!({ "cidrBlock": "10.7.0.0/16", "enableDnsHostnames": true, "tags": { "team": "media" } });
    bench.declare("Vpc", "main", vpc);
    for (n, zone) in ["a", "b"].into_iter().enumerate() {
        let subnet = |third: usize, public: bool| {
            json!({ "vpcId": "${Vpc/main.id}", "cidrBlock": format!("10.7.{third}.0/24"),
                "availabilityZone": format!("eu-west-1{zone}"), "mapPublicIpOnLaunch": public, "tags": { "zone": zone } })
        };
        bench.declare("Subnet", &format!("public-{zone}"), subnet(n, true));
        bench.declare("Subnet", &format!("private-{zone}"), subnet(n + 10, false));
        bench.declare("ElasticIp", &format!("nat-{zone}"), json!({ "domain": "vpc" }));
        let nat = json!({ "subnetId": format!("${{Subnet/public-{zone}.id}}"),
            "allocationId": format!("${{ElasticIp/nat-{zone}.allocationId}}"), "tags": { "zone": zone } });
        bench.declare("NatGateway", zone, nat);
    }
    bench.declare("InternetGateway", "main", json!({ "vpcId": "${Vpc/main.id}" }));
}

/// What a person with a console does.
async fn disturb(bench: &Bench) {
    let ec2 = other(bench);
    let on = AttributeBooleanValue::builder().value(true).build();
    let map = ec2.modify_subnet_attribute().subnet_id(bench.id("Subnet", "private-a")).map_public_ip_on_launch(on);
    map.send().await.expect("public addresses are switched on behind our back");
    let detach = ec2.detach_internet_gateway().vpc_id(bench.id("Vpc", "main"));
    let detach = detach.internet_gateway_id(bench.id("InternetGateway", "main"));
    detach.send().await.expect("the gateway is detached behind our back");
    let untag = ec2.delete_tags().resources(bench.id("NatGateway", "a")).tags(Tag::builder().key("zone").build());
    untag.send().await.expect("a tag is removed behind our back");
    let gone = ec2.delete_nat_gateway().nat_gateway_id(bench.id("NatGateway", "b"));
    gone.send().await.expect("a NAT gateway is deleted behind our back");
    let freed =
        ec2.describe_addresses().allocation_ids(bench.id("ElasticIp", "nat-b")).send().await.expect("moto answers");
    let association = freed.addresses()[0].association_id().expect("moto does not let go of it by itself");
    ec2.disassociate_address().association_id(association).send().await.expect("as AWS does when a gateway goes");
}

/// Things like ours that are somebody else's.
async fn bystanders(bench: &Bench) -> (String, String) {
    let ec2 = other(bench);
    let gateway = ec2.create_internet_gateway().send().await.expect("moto makes it");
    let tag = Tag::builder().key("team").value("others").build();
    let tags = TagSpecification::builder().resource_type(ResourceType::ElasticIp).tags(tag).build();
    let address = ec2.allocate_address().tag_specifications(tags).send().await.expect("moto makes it");
    let gateway = gateway.internet_gateway().and_then(|g| g.internet_gateway_id()).expect("it has an id");
    (gateway.to_owned(), address.allocation_id().expect("it has an id").to_owned())
}

#[tokio::test]
async fn a_network_lives_and_goes() {
    // Each run has a stack of its own, so that what an earlier one left behind is somebody else's.
    let run = std::process::id().to_string();
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("network{run}"));
    let (gateway, address) = bystanders(&bench).await;
    declare_network(&mut bench);
    let (_, done) = pass(&mut bench).await;
    let later = done.iter().filter(|line| line.starts_with('~')).count();
    assert_eq!((done.len(), later), (10 + 4, 4), "{done:#?}");
    check_quiet(&mut bench).await;
    bench.aws.meter.take();
    check_quiet(&mut bench).await;
    let attributes = ["DescribeVpcAttribute"; 3];
    let mut floor = vec!["DescribeAddresses", "DescribeInternetGateways", "DescribeNatGateways", "DescribeSubnets"];
    floor.extend(attributes);
    floor.push("DescribeVpcs");
    assert_eq!(bench.aws.meter.take_sorted(), floor, "a steady sweep is one call a kind and the audit of attributes");

    disturb(&bench).await;
    let (found, done) = pass(&mut bench).await;
    assert_eq!(
        found,
        [
            "InternetGateway/main Removed /vpcId",
            "NatGateway/a Removed /tags/zone",
            "NatGateway/b Missing ",
            "Subnet/private-a Changed /mapPublicIpOnLaunch",
        ],
        "{done:#?}"
    );
    check_quiet(&mut bench).await;
    forgets_everything(&mut bench).await;
    moves_its_gateway(&mut bench, &gateway).await;
    goes(&mut bench, &gateway, &address).await;
}

/// With no memory of ours everything is found again, by its tags.
async fn forgets_everything(bench: &mut Bench) {
    bench.memory.clear();
    bench.aws = Emulator::named_by("HOLDFAST_TEST_MOTO").await;
    check_quiet(bench).await;
    check_quiet(bench).await;
}

/// An attachment that is declared elsewhere moves: detached from the one VPC, attached to the other.
async fn moves_its_gateway(bench: &mut Bench, not_ours: &str) {
    let ec2 = other(bench);
    bench.declare("Vpc", "second", json!({ "cidrBlock": "10.8.0.0/16" }));
    bench.declare("InternetGateway", "main", json!({ "vpcId": "${Vpc/second.id}" }));
    pass(bench).await;
    check_quiet(bench).await;
    let ids = [bench.id("InternetGateway", "main"), not_ours.to_owned()];
    let seen = ec2
        .describe_internet_gateways()
        .set_internet_gateway_ids(Some(ids.to_vec()))
        .send()
        .await
        .expect("moto answers");
    let attached = |id: &str| {
        let one = seen.internet_gateways().iter().find(|g| g.internet_gateway_id() == Some(id));
        one.and_then(|g| g.attachments().first()).and_then(|a| a.vpc_id()).map(str::to_owned)
    };
    assert_eq!([attached(&ids[0]), attached(&ids[1])], [Some(bench.id("Vpc", "second")), None]);
    bench.declare("InternetGateway", "main", json!({ "vpcId": "${Vpc/main.id}" }));
    pass(bench).await;
    check_quiet(bench).await;
}

/// Teardown, in order, with bystanders that stay.
async fn goes(bench: &mut Bench, gateway: &str, address: &str) {
    bench.condemn();
    let (_, first) = pass(bench).await;
    // What NAT gateways stand on goes when AWS has let go of it, not when the call is answered.
    let held = ["elastic IP", "Subnet/public", "vpcId", "internet gateway", "Vpc/main"];
    assert!(first.iter().all(|line| line.starts_with('-') && !held.iter().any(|h| line.contains(h))), "{first:#?}");
    let (_, done) = pass(bench).await;
    assert!(done.iter().all(|line| line.starts_with('-')), "{done:#?}");
    let place =
        |what: &str| done.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {done:#?}"));
    assert!(place("set no vpcId") < place("delete internet gateway"), "{done:#?}");
    assert!(place("delete subnet") < place("Vpc/main: delete VPC"), "{done:#?}");
    assert_eq!(place("Vpc/main: delete VPC"), done.len() - 1, "{done:#?}");
    check_quiet(bench).await;
    let plan = bench.plan().await;
    assert!(plan.verdicts.iter().all(|v| v.id.is_none()), "{:#?}", plan.verdicts);
    let ec2 = other(bench);
    let left =
        ec2.describe_internet_gateways().internet_gateway_ids(gateway).send().await.expect("what is not ours stays");
    assert_eq!(left.internet_gateways().len(), 1);
    let left = ec2.describe_addresses().allocation_ids(address).send().await.expect("what is not ours stays");
    assert_eq!(left.addresses().len(), 1);
}
