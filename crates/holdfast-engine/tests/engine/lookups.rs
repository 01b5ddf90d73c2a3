//! What look-ups find, in the simulated AWS.

use crate::bench::{Bench, bench_of, stack};
use holdfast_core::plan::Fate;
use serde_json::json;

fn declared() -> serde_json::Value {
    stack(
        "s",
        &[
            ("Image", "al2023", json!({ "owners": ["amazon"], "name": "al2023-ami-2023.*-x86_64" })),
            ("AvailabilityZone", "first", json!({ "index": 0 })),
            ("DefaultVpc", "default", json!({})),
            ("DefaultSubnet", "first", json!({ "availabilityZone": "${AvailabilityZone/first.zoneName}" })),
            (
                "Instance",
                "one",
                json!({ "imageId": "${Image/al2023.id}", "instanceType": "t3.micro", "subnetId": "${DefaultSubnet/first.id}" }),
            ),
        ],
    )
}

fn lookups(b: &Bench) -> usize {
    let kinds = ["Image", "AvailabilityZone", "DefaultVpc", "DefaultSubnet"];
    b.writes().iter().filter(|call| kinds.contains(&call.kind)).count()
}

#[tokio::test]
async fn an_instance_is_made_of_what_was_looked_up_and_only_the_instance_is_written() {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-1");
    b.declare(&declared());
    b.settle().await;
    b.all_in_sync();
    let instance = b.sim.live(&b.scope).into_iter().find(|t| t.kind == "Instance").expect("it was made");
    let image = instance.observation.fields["imageId"].as_str().expect("it has an image").to_owned();
    assert!(image.starts_with("ami-"), "{image}");
    let before = b.writes().len();
    b.stays_silent().await;
    assert_eq!((b.writes().len(), lookups(&b)), (before, 0));
    b.remove("s", Fate::DeleteByName);
    b.settle().await;
    assert_eq!((b.phases(), lookups(&b)), (Vec::new(), 0), "what was found is let go of, and stays");
    assert!(b.sim.live(&b.scope).is_empty());
    b.lawful();
}
