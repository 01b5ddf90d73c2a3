//! What a look need not read: listings of others, and listings twice.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Builder, Region};
use aws_sdk_ec2::types::{Filter, Tag};
use futures::StreamExt;
use holdfast_core::name::Scope;
use serde_json::json;

async fn bench(stack: &str) -> Bench {
    Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("{stack}{}", std::process::id()))
}

/// How often one plan makes a call.
async fn calls(bench: &Bench, operation: &str) -> usize {
    bench.aws.meter.take();
    bench.plan().await;
    bench.aws.meter.take().into_iter().filter(|call| *call == operation).count()
}

#[tokio::test]
async fn a_listing_that_two_kinds_look_into_is_made_once() {
    let mut bench = bench("shared").await;
    bench.declare("DefaultVpc", "default", json!({}));
    bench.declare("DefaultSubnet", "first", json!({ "availabilityZone": "eu-west-1a" }));
    bench.declare("Vpc", "new", json!({ "cidrBlock": "10.9.0.0/16" }));
    bench.declare("Subnet", "new", json!({ "vpcId": "${Vpc/new.id}", "cidrBlock": "10.9.1.0/24" }));
    for operation in ["DescribeVpcs", "DescribeSubnets"] {
        assert_eq!(calls(&bench, operation).await, 1, "{operation}");
    }
}

#[tokio::test]
async fn our_instances_alone_are_asked_for_where_others_fill_a_page() {
    let mut bench = bench("crowd").await;
    // Nobody else of these tests has to read all of them.
    bench.aws.scope = Scope::new("default", "ap-southeast-2");
    let there = Builder::from(&bench.aws.others).region(Region::new("ap-southeast-2")).build();
    let ec2 = Client::from_conf(there);
    let subnets = ec2.describe_subnets().filters(Filter::builder().name("default-for-az").values("true").build());
    let subnets = subnets.send().await.expect("moto answers");
    let subnet = subnets.subnets()[0].subnet_id().expect("it has an id").to_owned();
    let spec = json!({ "imageId": "ami-12c6146b", "instanceType": "t3.nano", "subnetId": subnet });
    bench.declare("Instance", "ours", spec);
    for _ in 0..3 {
        bench.pass().await;
    }
    // moto's pages are of launches, where AWS's are of instances.
    let one = || ec2.run_instances().min_count(1).max_count(1).image_id("ami-12c6146b").subnet_id(&subnet).send();
    let others = futures::stream::iter(0..1000).map(|_| one()).buffer_unordered(8);
    others.for_each(|launched| async { drop(launched.expect("it is launched")) }).await;
    // A process that knows nothing lists all there are, here and in runs before this one.
    let scope = bench.aws.scope.clone();
    bench.aws = Emulator { scope, ..Emulator::named_by("HOLDFAST_TEST_MOTO").await };
    assert!(calls(&bench, "DescribeInstances").await >= 2, "the listing has two pages");
    assert_eq!(calls(&bench, "DescribeInstances").await, 1);
    assert_eq!(bench.pass().await.steps.len(), 0);
    let (id, uid) = (bench.id("Instance", "ours"), Tag::builder().key("holdfast:uid").build());
    ec2.delete_tags().resources(&id).tags(uid).send().await.expect("moto does it");
    assert_eq!(calls(&bench, "DescribeInstances").await, 2, "by our tag, and by its id");
    assert_eq!(bench.pass().await.steps.len(), 1, "its tag comes back");
    bench.condemn();
    bench.pass().await;
    assert!(bench.plan().await.verdicts.iter().all(|verdict| verdict.id.is_none()));
}
