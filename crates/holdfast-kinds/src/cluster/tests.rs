//! What is the same and what is not, and what is done about it.

use super::*;
use crate::ecs::testing::{check_diffs, check_mistakes, created, line, steps};
use holdfast_core::observe::LiveState;

fn live(fields: Value) -> Observation {
    let mut wire = json!({ "clusterName": "main", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
        "status": "ACTIVE", "settings": [{ "name": "containerInsights", "value": "disabled" }],
        "capacityProviders": [], "defaultCapacityProviderStrategy": [], "statistics": [], "runningTasksCount": 0 });
    wire.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    observed::cluster(&wire, BTreeMap::new(), None).expect("it is live")
}

fn spec(fields: Value) -> Value {
    let mut spec = json!({ "clusterName": "main" });
    spec.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    spec
}

#[test]
fn what_aws_adds_is_no_difference() {
    for (what, declared, answered) in [
        ("nothing declared", json!({}), json!({})),
        ("no settings", json!({ "settings": [] }), json!({})),
        (
            "insights off",
            json!({ "settings": [{ "name": "containerInsights", "value": "disabled" }] }),
            json!({ "settings": [] }),
        ),
        (
            "strategy in another order, with its defaults",
            json!({ "defaultCapacityProviderStrategy": [{ "capacityProvider": "a", "weight": 1 }, { "capacityProvider": "b" }] }),
            json!({ "defaultCapacityProviderStrategy": [{ "capacityProvider": "b", "weight": 0, "base": 0 },
                                                         { "capacityProvider": "a", "weight": 1, "base": 0 }] }),
        ),
        (
            "logging as by default",
            json!({ "configuration": { "executeCommandConfiguration": { "logging": "DEFAULT" } } }),
            json!({ "configuration": { "executeCommandConfiguration": {} } }),
        ),
    ] {
        check_diffs::<Cluster>(what, &spec(declared), &live(answered), &[]);
    }
}

#[test]
fn settings_go_in_one_call_and_providers_in_another() {
    let live = live(json!({
        "settings": [{ "name": "containerInsights", "value": "enabled" }],
        "configuration": { "managedStorageConfiguration": { "kmsKeyId": "k" } },
        "capacityProviders": ["FARGATE"] }));
    let declared = spec(json!({
        "settings": [{ "name": "containerInsights", "value": "disabled" }],
        "configuration": { "executeCommandConfiguration": { "logging": "NONE" } },
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"] }));
    assert_eq!(
        steps::<Cluster>(&declared, &live, None),
        [
            "update settings, configuration of cluster main | /settings/0/value, /configuration/executeCommandConfiguration",
            "put capacity providers of cluster main | /capacityProviders/1",
        ]
    );
    let drafts = plan::converge(&declared, &live, &crate::ecs::testing::diffs::<Cluster>(&declared, &live, None));
    let Action::Update { fields, .. } = &drafts[0].action else { panic!("the first is the update") };
    assert_eq!(fields["configuration"]["managedStorageConfiguration"]["kmsKeyId"], "k", "undeclared stays");
}

#[test]
fn what_must_be_unset_is_said_in_aws_s_way() {
    let live =
        live(json!({ "serviceConnectDefaults": { "namespace": "arn:aws:servicediscovery:r:1:namespace/ns-1" } }));
    let declared = spec(json!({ "serviceConnectDefaults": null }));
    let drafts = plan::converge(&declared, &live, &crate::ecs::testing::diffs::<Cluster>(&declared, &live, None));
    let Action::Update { fields, .. } = &drafts[0].action else { panic!("it is an update") };
    assert_eq!(Value::Object(fields.clone()), json!({ "serviceConnectDefaults": { "namespace": "" } }));
}

#[test]
fn a_cluster_that_aws_calls_inactive_is_gone_and_one_that_is_attaching_is_busy() {
    let wire = |status: &str, attachments: &str| json!({ "clusterName": "main", "clusterArn": "arn:aws:ecs:r:1:cluster/main", "status": status, "attachmentsStatus": attachments });
    let state = |wire: Value| observed::cluster(&wire, BTreeMap::new(), None).map(|o| o.state);
    assert_eq!(state(wire("INACTIVE", "")), None);
    assert_eq!(state(wire("ACTIVE", "UPDATE_COMPLETE")), Some(LiveState::Settled));
    assert!(matches!(state(wire("ACTIVE", "UPDATE_IN_PROGRESS")), Some(LiveState::Busy(_))));
    assert!(matches!(state(wire("DEPROVISIONING", "")), Some(LiveState::Deleting(_))));
}

#[test]
fn a_delete_is_one_call() {
    let live = created::<Cluster>(&spec(json!({})));
    assert_eq!(Cluster::delete(&live).iter().map(line).collect::<Vec<_>>(), ["delete cluster main"]);
}

#[test]
fn mistakes_have_their_pointer() {
    let providers = json!([{ "capacityProvider": "FARGATE", "base": 1, "weight": 1 }, { "capacityProvider": "b", "base": 1, "weight": 1 }]);
    let exec = json!({ "executeCommandConfiguration": { "logging": "DEFAULT", "logConfiguration": {} } });
    for (what, fields, expected) in [
        ("name", json!({ "clusterName": "a b" }), vec![("/clusterName", "invalid-name")]),
        (
            "two bases",
            json!({ "defaultCapacityProviderStrategy": providers }),
            vec![("/defaultCapacityProviderStrategy/1/base", "conflict")],
        ),
        (
            "a provider that is not the cluster's",
            json!({ "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATO" }] }),
            vec![("/defaultCapacityProviderStrategy/0/capacityProvider", "unknown-capacity-provider")],
        ),
        (
            "logs without override",
            json!({ "configuration": exec }),
            vec![("/configuration/executeCommandConfiguration/logConfiguration", "conflict")],
        ),
    ] {
        check_mistakes::<Cluster>(what, spec(fields), &expected);
    }
}

#[test]
fn whatever_is_declared_it_is_in_sync_as_soon_as_it_is_made() {
    crate::ecs::testing::check_everything::<Cluster>();
}

#[test]
fn the_table_of_cases_holds() {
    crate::cases::check("Cluster", &|wire, declared, tags| {
        observed::cluster(wire, tags, Some(declared)).expect("it is live")
    });
}
