//! Look-ups: asked, answered, never written.

use crate::bench::Bench;
use crate::emulator::Emulator;
use holdfast_core::plan::Decision;
use serde_json::json;

fn asked(bench: &mut Bench) {
    bench.declare("Image", "any", json!({ "owners": ["amazon"], "name": "amzn*", "architecture": "x86_64" }));
    bench.declare("Image", "none", json!({ "owners": ["self"], "name": "no-such-image-*" }));
    bench.declare("AvailabilityZone", "second", json!({ "index": 1 }));
    bench.declare("DefaultVpc", "default", json!({}));
    bench.declare("DefaultSubnet", "second", json!({ "availabilityZone": "${AvailabilityZone/second.zoneName}" }));
}

async fn decided(bench: &mut Bench) -> Vec<(String, Decision)> {
    let plan = bench.pass().await;
    assert_eq!(plan.steps.len(), 0, "a look-up has no step");
    plan.verdicts.iter().map(|v| (format!("{}/{}", v.key.kind, v.key.name), v.decision)).collect()
}

#[tokio::test]
async fn an_image_a_zone_and_the_default_network_are_found_and_nothing_is_written() {
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, "lookups");
    asked(&mut bench);
    let mut last = Vec::new();
    for _ in 0..3 {
        last = decided(&mut bench).await;
    }
    for (what, decision) in &last {
        let wanted = if what == "Image/none" { Decision::Blocked } else { Decision::InSync };
        assert_eq!(*decision, wanted, "{what}");
    }
    let image = bench.id("Image", "any");
    let ec2 = aws_sdk_ec2::Client::new(&bench.aws.others);
    let shown = ec2.describe_images().image_ids(&image).send().await.expect("moto answers");
    let name = shown.images().first().and_then(|i| i.name()).expect("it is there");
    assert!(name.starts_with("amzn"), "{name}");
    let subnets =
        ec2.describe_subnets().subnet_ids(bench.id("DefaultSubnet", "second")).send().await.expect("moto answers");
    let subnet = subnets.subnets().first().expect("it is there");
    assert_eq!(subnet.availability_zone(), Some(bench.id("AvailabilityZone", "second").as_str()));
    assert_eq!(subnet.vpc_id(), Some(bench.id("DefaultVpc", "default").as_str()));
    // The image stays the answer; to let go of it deletes nothing.
    assert_eq!(decided(&mut bench).await, last);
    assert_eq!(bench.id("Image", "any"), image);
    bench.condemn();
    for (what, decision) in decided(&mut bench).await {
        assert_eq!(decision, Decision::Gone, "{what}");
    }
    assert_eq!(ec2.describe_images().image_ids(&image).send().await.expect("moto answers").images().len(), 1);
}
