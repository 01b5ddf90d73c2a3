//! A network: VPC, subnets, gateways, addresses, routes, endpoints.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Tag, TagSpecification};
use serde_json::{Value, json};

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
    let routes = json!([{ "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "${InternetGateway/main.id}" }]);
    let subnets = json!(["${Subnet/public-a.id}", "${Subnet/public-b.id}"]);
    bench.declare("RouteTable", "public", json!({ "vpcId": "${Vpc/main.id}", "routes": routes, "subnetIds": subnets }));
    declare_private(bench, "a", &["a"], &[]);
    declare_private(bench, "b", &["b"], &[]);
    let tables = json!(["${RouteTable/private-a.id}", "${RouteTable/private-b.id}"]);
    let endpoint =
        json!({ "vpcId": "${Vpc/main.id}", "serviceName": "com.amazonaws.eu-west-1.s3", "routeTableIds": tables });
    bench.declare("VpcEndpoint", "s3", endpoint);
}

/// The route table of private subnets, with the way out through the NAT gateway of a zone, and more routes.
fn declare_private(bench: &mut Bench, zone: &str, subnets: &[&str], more: &[Value]) {
    let out = json!({ "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": format!("${{NatGateway/{zone}.id}}") });
    let routes: Vec<Value> = [out].into_iter().chain(more.iter().cloned()).collect();
    let subnets: Vec<String> = subnets.iter().map(|zone| format!("${{Subnet/private-{zone}.id}}")).collect();
    let table = json!({ "vpcId": "${Vpc/main.id}", "routes": routes, "subnetIds": subnets, "tags": { "zone": zone } });
    bench.declare("RouteTable", &format!("private-{zone}"), table);
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
    disturb_routes(bench, &ec2).await;
}

async fn disturb_routes(bench: &Bench, ec2: &Client) {
    let (table, gateway) = (bench.id("RouteTable", "private-a"), bench.id("InternetGateway", "main"));
    let open = ec2.create_route().route_table_id(&table).destination_cidr_block("1.1.1.0/24").gateway_id(gateway);
    open.send().await.expect("a way to the internet is opened behind our back");
    let public = bench.id("RouteTable", "public");
    let gone = ec2.delete_route().route_table_id(&public).destination_cidr_block("0.0.0.0/0");
    gone.send().await.expect("a route is removed behind our back");
    let tables = ec2.describe_route_tables().route_table_ids(&public).send().await.expect("moto answers");
    let subnet = bench.id("Subnet", "public-b");
    let used = tables.route_tables()[0].associations().iter().find(|a| a.subnet_id() == Some(subnet.as_str()));
    let association = used.and_then(|a| a.route_table_association_id()).expect("it uses it");
    let apart = ec2.disassociate_route_table().association_id(association);
    apart.send().await.expect("a subnet is disassociated behind our back");
    let endpoint =
        ec2.modify_vpc_endpoint().vpc_endpoint_id(bench.id("VpcEndpoint", "s3")).remove_route_table_ids(table);
    endpoint.send().await.expect("a table is taken from the endpoint behind our back");
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
async fn the_network_of_accurate_video_comes_from_nothing_to_in_sync_and_goes_to_nothing() {
    // Each run has a stack of its own, so that what an earlier one left behind is somebody else's.
    let run = std::process::id().to_string();
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("network{run}"));
    let (gateway, address) = bystanders(&bench).await;
    declare_network(&mut bench);
    let (_, done) = pass(&mut bench).await;
    let later = done.iter().filter(|line| line.starts_with('~')).count();
    assert_eq!((done.len(), later), (14 + 11, 11), "{done:#?}");
    let place = |what: &str| done.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}"));
    assert!(place("InternetGateway/main: set vpcId") < place("create NAT gateway"), "{done:#?}");
    check_quiet(&mut bench).await;
    bench.aws.meter.take();
    check_quiet(&mut bench).await;
    let attributes = ["DescribeVpcAttribute"; 3];
    let mut floor = vec!["DescribeAddresses", "DescribeInternetGateways", "DescribeNatGateways", "DescribeRouteTables"];
    floor.push("DescribeSubnets");
    floor.extend(attributes);
    floor.extend(["DescribeVpcEndpoints", "DescribeVpcs"]);
    assert_eq!(bench.aws.meter.take_sorted(), floor, "a steady sweep is one call a kind and the audit of attributes");

    disturb(&bench).await;
    let (found, done) = pass(&mut bench).await;
    assert_eq!(
        found,
        [
            "InternetGateway/main Removed /vpcId",
            "NatGateway/a Removed /tags/zone",
            "NatGateway/b Missing ",
            "RouteTable/private-a Added /routes/1",
            "RouteTable/private-b Changed /routes/0/natGatewayId",
            "RouteTable/public Removed /routes/0",
            "RouteTable/public Removed /subnetIds/1",
            "Subnet/private-a Changed /mapPublicIpOnLaunch",
            "VpcEndpoint/s3 Removed /routeTableIds/0",
        ],
        "{done:#?}"
    );
    check_quiet(&mut bench).await;
    forgets_everything(&mut bench).await;
    routes_through_an_instance(&mut bench).await;
    moves_a_subnet(&mut bench).await;
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

/// A NAT instance, by its interface and by itself: one route, replaced in place, then gone.
async fn routes_through_an_instance(bench: &mut Bench) {
    let ec2 = other(bench);
    let subnet = bench.id("Subnet", "public-a");
    let interface = ec2.create_network_interface().subnet_id(&subnet).send().await.expect("moto makes it");
    let interface =
        interface.network_interface().and_then(|i| i.network_interface_id()).expect("it has an id").to_owned();
    let run = ec2.run_instances().image_id("ami-12c6146b").min_count(1).max_count(1).subnet_id(subnet);
    let run = run.send().await.expect("moto runs it");
    let instance = run.instances()[0].instance_id().expect("it has an id").to_owned();
    let route = |key: &str, id: &str| json!({ "destinationCidrBlock": "172.16.4.1/12", key: id });
    for (more, word) in [
        (vec![route("networkInterfaceId", &interface)], "route 172.16.0.0/12 to eni-"),
        (vec![route("instanceId", &instance)], "re-route 172.16.0.0/12 to i-"),
        (vec![], "remove the route 172.16.0.0/12"),
    ] {
        declare_private(bench, "a", &["a"], &more);
        let (_, done) = pass(bench).await;
        assert!(done.len() == 1 && done[0].contains(word), "{done:#?}");
        check_quiet(bench).await;
    }
    ec2.terminate_instances().instance_ids(instance).send().await.expect("moto terminates it");
    ec2.delete_network_interface().network_interface_id(interface).send().await.expect("moto deletes it");
}

/// A subnet that another table of the stack takes over never falls back to the main table in between.
async fn moves_a_subnet(bench: &mut Bench) {
    declare_private(bench, "a", &[], &[]);
    declare_private(bench, "b", &["a", "b"], &[]);
    bench.aws.meter.take();
    pass(bench).await;
    let written: Vec<&str> = bench.aws.meter.take().into_iter().filter(|call| !call.starts_with("Describe")).collect();
    assert_eq!(written, ["ReplaceRouteTableAssociation"]);
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
    let mut rounds = Vec::new();
    loop {
        let (_, done) = pass(bench).await;
        if done.is_empty() {
            break;
        }
        assert!(done.iter().all(|line| line.starts_with('-')), "{done:#?}");
        rounds.push(done);
    }
    let round = |what: &str| {
        let found = rounds.iter().position(|done| done.iter().any(|line| line.contains(what)));
        found.unwrap_or_else(|| panic!("{what}: {rounds:#?}"))
    };
    // What a gateway or an endpoint stands on goes when AWS has let go of it, not when the call is answered.
    assert!(round("delete VPC endpoint") < round("RouteTable/private-a: delete"), "{rounds:#?}");
    let gateways = round("NatGateway/a: delete");
    for held in ["ElasticIp/nat-a", "Subnet/public-a", "InternetGateway/main: set no vpcId", "Vpc/main"] {
        assert!(gateways < round(held), "{held}: {rounds:#?}");
    }
    let place = |what: &str| rounds.concat().iter().position(|line| line.contains(what)).expect("it is there");
    assert!(place("RouteTable/public: disassociate") < place("RouteTable/public: delete"), "{rounds:#?}");
    assert!(place("set no vpcId") < place("delete internet gateway"), "{rounds:#?}");
    assert_eq!(place("Vpc/main: delete VPC"), rounds.concat().len() - 1, "{rounds:#?}");
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

/// An interface endpoint, and an address on an interface: both in a network that is not ours.
async fn declare_guests(bench: &mut Bench, run: &str) -> String {
    let ec2 = other(bench);
    let subnets = ec2.describe_subnets().send().await.expect("moto answers");
    let (vpc, first) = (subnets.subnets()[0].vpc_id().expect("it is in one"), subnets.subnets()[0].subnet_id());
    let ids: Vec<&str> =
        subnets.subnets().iter().filter(|s| s.vpc_id() == Some(vpc)).filter_map(|s| s.subnet_id()).collect();
    let group = ec2.create_security_group().group_name(format!("endpoint-{run}")).description("x").vpc_id(vpc);
    let group = group.send().await.expect("moto makes it");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"], "Resource": "*" } ] });
    let endpoint = json!({ "vpcId": vpc, "serviceName": "com.amazonaws.eu-west-1.ecr.dkr", "vpcEndpointType": "Interface",
        "subnetIds": ids[..2], "securityGroupIds": [group.group_id()], "privateDnsEnabled": true, "policyDocument": policy });
    bench.declare("VpcEndpoint", "registry", endpoint);
    let interface =
        ec2.create_network_interface().set_subnet_id(first.map(str::to_owned)).send().await.expect("moto makes it");
    let interface =
        interface.network_interface().and_then(|i| i.network_interface_id()).expect("it has an id").to_owned();
    bench.declare("ElasticIp", "jumpbox", json!({ "networkInterfaceId": interface, "tags": { "team": "media" } }));
    interface
}

#[tokio::test]
async fn an_endpoint_and_an_associated_address_live_and_go() {
    let run = std::process::id().to_string();
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("guests{run}"));
    let interface = declare_guests(&mut bench, &run).await;
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done.len(), 3, "{done:#?}");
    check_quiet(&mut bench).await;

    let ec2 = other(&bench);
    let endpoint = bench.id("VpcEndpoint", "registry");
    let open = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let subnets = bench.spec("VpcEndpoint", "registry")["subnetIds"].clone();
    let modify = ec2.modify_vpc_endpoint().vpc_endpoint_id(&endpoint).policy_document(open);
    let modify = modify.remove_subnet_ids(subnets[1].as_str().expect("an id"));
    modify.send().await.expect("an endpoint is opened behind our back");
    let address =
        ec2.describe_addresses().allocation_ids(bench.id("ElasticIp", "jumpbox")).send().await.expect("moto answers");
    let association = address.addresses()[0].association_id().expect("it is associated").to_owned();
    ec2.disassociate_address().association_id(association).send().await.expect("an address is taken behind our back");
    let (found, _) = pass(&mut bench).await;
    let expected = ["ElasticIp/jumpbox Removed /networkInterfaceId", "VpcEndpoint/registry Changed /policyDocument"];
    assert_eq!(found, [&expected[..], &["VpcEndpoint/registry Removed /subnetIds/1"]].concat());
    check_quiet(&mut bench).await;
    forgets_everything(&mut bench).await;

    bench.condemn();
    let (_, done) = pass(&mut bench).await;
    let words = ["set no networkInterfaceId, no privateIpAddress", "delete elastic IP address", "delete VPC endpoint"];
    assert!(done.len() == 3 && words.iter().all(|w| done.iter().any(|line| line.contains(w))), "{done:#?}");
    check_quiet(&mut bench).await;
    let left = ec2.describe_network_interfaces().network_interface_ids(interface).send().await.expect("it stays");
    assert_eq!(left.network_interfaces().len(), 1, "what is not ours stays");
}
