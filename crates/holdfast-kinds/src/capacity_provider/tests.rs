//! What is refused, what is the same, what is done.

use super::observed::provider;
use super::*;
use crate::cases;
use crate::ecs::testing::{check_mistakes, created, steps};
use holdfast_core::observe::{Health, LiveState};

fn spec(scaling: Value) -> Value {
    json!({ "name": "machines", "autoScalingGroupProvider": { "autoScalingGroupArn": "machines", "managedScaling": scaling } })
}

#[test]
fn mistakes_have_their_pointer() {
    check_mistakes::<CapacityProvider>("good", spec(json!({})), &[]);
    let mut wrong = spec(json!({ "minimumScalingStepSize": 5, "maximumScalingStepSize": 2 }));
    wrong["name"] = json!("FARGATE_SPOT");
    wrong["autoScalingGroupProvider"]["managedTerminationProtection"] = json!("ENABLED");
    let told = [
        ("/name", "reserved-name"),
        ("/autoScalingGroupProvider/managedTerminationProtection", "conflict"),
        ("/autoScalingGroupProvider/managedScaling/minimumScalingStepSize", "out-of-range"),
    ];
    check_mistakes::<CapacityProvider>("all at once", wrong, &told);
}

#[test]
fn an_update_keeps_what_nobody_declares() {
    let live = created::<CapacityProvider>(&spec(json!({ "status": "ENABLED", "targetCapacity": 80 })));
    let told = steps::<CapacityProvider>(&spec(json!({ "status": "DISABLED" })), &live, None);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("\"targetCapacity\":80") && told[0].contains("\"status\":\"DISABLED\""), "{told:?}");
}

#[test]
fn states_are_told_in_ecs_s_words_and_fargate_is_none_of_ours() {
    let wire = |status: &str, update: &str| {
        json!({ "name": "m", "capacityProviderArn": "arn:aws:ecs:r:1:capacity-provider/m", "status": status,
            "updateStatus": update, "updateStatusReason": "no", "autoScalingGroupProvider": { "autoScalingGroupArn": "a" } })
    };
    let state = |status, update| provider(&wire(status, update), Tags::new(), None).map(|o| (o.state, o.health));
    assert_eq!(state("ACTIVE", ""), Some((LiveState::Settled, Health::Healthy)));
    assert_eq!(state("INACTIVE", "DELETE_COMPLETE"), None);
    assert!(matches!(state("ACTIVE", "UPDATE_IN_PROGRESS"), Some((LiveState::Busy(_), _))));
    assert!(matches!(state("ACTIVE", "DELETE_IN_PROGRESS"), Some((LiveState::Deleting(_), _))));
    let failed = Health::Degraded("UPDATE_FAILED: no".to_owned());
    assert_eq!(state("ACTIVE", "UPDATE_FAILED"), Some((LiveState::Settled, failed)));
    let fargate = json!({ "name": "FARGATE", "capacityProviderArn": "arn:aws:ecs:r:1:capacity-provider/FARGATE" });
    assert_eq!(provider(&fargate, Tags::new(), None), None);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check("CapacityProvider", &|wire, declared, tags| provider(wire, tags, Some(declared)).expect("it is live"));
}
