//! What is refused, what is the same, what waits, what is done.

use super::observed::{instance, option_groups};
use super::*;
use crate::cases;
use crate::ecs::testing::{check_diffs, check_mistakes, created, diffs, line, mint, steps};
use holdfast_core::observe::{Health, LiveState};

const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:db:web";

fn patched(base: Value, more: &Value) -> Value {
    let mut all = base;
    all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    all
}

pub(super) fn spec(more: Value) -> Value {
    let base = json!({ "dbInstanceIdentifier": "web", "dbInstanceClass": "db.t4g.small", "engine": "postgres",
        "masterUsername": "web", "manageMasterUserPassword": true, "allocatedStorage": 100 });
    patched(base, &more)
}

/// What RDS says, with `more`, to somebody who declares that.
pub(super) fn live(more: Value, declared: &Value) -> Observation {
    let base = json!({ "dbInstanceIdentifier": "web", "dbInstanceClass": "db.t4g.small", "engine": "postgres",
        "engineVersion": "16.3", "autoMinorVersionUpgrade": true, "masterUsername": "web",
        "manageMasterUserPassword": true, "allocatedStorage": 100, "storageType": "gp3", "iops": 3000, "multiAZ": false,
        "preferredMaintenanceWindow": "sun:04:00-sun:05:00", "deletionProtection": false, "status": "available",
        "dbiResourceId": "db-ABC", "enableCloudwatchLogsExports": [] });
    instance(ARN, &patched(base, &more), Tags::new(), Some(declared))
}

/// What the status shows as another's: field, owner and why.
pub(super) fn owned(seen: &Observation) -> Vec<String> {
    seen.ownership.owners.iter().map(|o| format!("{} {}: {}", o.path, o.owner, o.why)).collect()
}

#[test]
fn a_password_is_refused_with_what_to_write_instead() {
    let told = [("/masterUserPassword", "secret-refused")];
    let literal = spec(json!({ "masterUserPassword": "hunter22" }));
    check_mistakes::<DBInstance>("a literal", literal.clone(), &told);
    let words = DBInstance::validate(&serde_json::from_value(literal).expect("it has the shape"))[0].message.clone();
    assert!(words.contains("manageMasterUserPassword: true") && !words.contains("hunter22"), "{words}");
    let reference = spec(json!({ "masterUserPassword": { "secretArn": "arn:aws:secretsmanager:x" } }));
    check_mistakes::<DBInstance>("a reference", reference, &told);
    let facts = DBInstance::facts().child("masterUserPassword");
    assert!(facts.field().is_some_and(|f| f.sensitive), "it is shown nowhere, were it ever taken");
}

#[test]
fn every_mistake_is_found_at_once() {
    let all = json!({ "dbInstanceIdentifier": "1web", "dbInstanceClass": "db.t4g.small", "engine": "postgres",
        "masterUsername": "web", "masterUserSecretKmsKeyId": "k", "allocatedStorage": 100, "maxAllocatedStorage": 100,
        "storageType": "gp2", "iops": 1000, "storageThroughput": 200, "kmsKeyId": "k", "multiAZ": true,
        "availabilityZone": "eu-west-1a", "monitoringInterval": 60, "performanceInsightsRetentionPeriod": 7,
        "preferredBackupWindow": "2-3", "preferredMaintenanceWindow": "sunday:04:00-sun:05:00" });
    let told = [
        ("/dbInstanceIdentifier", "invalid-name"),
        ("/manageMasterUserPassword", "missing-field"),
        ("/masterUserSecretKmsKeyId", "conflict"),
        ("/maxAllocatedStorage", "out-of-range"),
        ("/iops", "conflict"),
        ("/storageThroughput", "conflict"),
        ("/kmsKeyId", "conflict"),
        ("/preferredBackupWindow", "invalid-window"),
        ("/preferredMaintenanceWindow", "invalid-window"),
        ("/availabilityZone", "conflict"),
        ("/monitoringInterval", "conflict"),
        ("/performanceInsightsRetentionPeriod", "conflict"),
    ];
    check_mistakes::<DBInstance>("all", all, &told);
    let member = json!({ "dbInstanceIdentifier": "web", "dbInstanceClass": "db.r6g.large", "engine": "aurora-postgresql",
        "dbClusterIdentifier": "main", "promotionTier": 2 });
    check_mistakes::<DBInstance>("a member", member.clone(), &[]);
    let told = [("/masterUsername", "conflict"), ("/engineVersion", "conflict")];
    let wrong = patched(member, &json!({ "masterUsername": "web", "engineVersion": "16.3" }));
    check_mistakes::<DBInstance>("a member that decides", wrong, &told);
    check_mistakes::<DBInstance>("a database that is adopted", spec(json!({ "manageMasterUserPassword": false })), &[]);
}

#[test]
fn a_version_is_matched_by_its_front_and_never_goes_back() {
    let told = |version: &str, more: Value| {
        let declared = spec(json!({ "engineVersion": version }));
        let seen = live(more, &declared);
        let owners: Vec<String> = seen.ownership.owners.iter().map(|o| o.owner.clone()).collect();
        let left = diffs::<DBInstance>(&declared, &seen, None);
        (left.len(), owners.concat(), steps::<DBInstance>(&declared, &seen, None).concat())
    };
    let none = || (0, String::new(), String::new());
    assert_eq!(told("16", json!({})), none());
    assert_eq!(told("16.3", json!({})), none());
    let up = |set: &str| (1, String::new(), format!("set engineVersion {set} | /engineVersion"));
    assert_eq!(told("16.4", json!({})), up("16.4"));
    assert_eq!(told("17", json!({})), up("17"));
    let replace = "replace because of /engineVersion".to_owned();
    let by_hand = json!({ "engineVersion": "16.4", "autoMinorVersionUpgrade": false });
    assert_eq!(told("16.3", by_hand), (1, String::new(), replace.clone()));
    assert_eq!(told("15", json!({})), (1, String::new(), replace));
    // RDS's own doing: core leaves it to the owner.
    assert_eq!(told("16.2", json!({})).1, "rds-maintenance");
}

#[test]
fn storage_grows_by_itself_within_its_bounds_and_never_shrinks() {
    let declared = spec(json!({ "maxAllocatedStorage": 500 }));
    let seen = live(json!({ "allocatedStorage": 150, "maxAllocatedStorage": 500 }), &declared);
    let bounds = seen.ownership.owners[0].bounds.expect("it has some");
    assert_eq!(
        (seen.ownership.owners[0].owner.as_str(), bounds.min, bounds.max),
        ("rds-storage-autoscaling", 100, 500)
    );
    let grown = live(json!({ "allocatedStorage": 150 }), &spec(json!({})));
    assert_eq!(steps::<DBInstance>(&spec(json!({})), &grown, None), ["replace because of /allocatedStorage"]);
    // A larger declaration is written though storage autoscaling is on.
    let declared = spec(json!({ "allocatedStorage": 400, "maxAllocatedStorage": 500 }));
    let seen = live(json!({ "maxAllocatedStorage": 500 }), &declared);
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), ["set allocatedStorage 400 | /allocatedStorage"]);
    let declared = spec(json!({ "maxAllocatedStorage": null }));
    let seen = live(json!({ "maxAllocatedStorage": 500 }), &declared);
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), ["set maxAllocatedStorage 100 | /maxAllocatedStorage"]);
}

/// terraform-provider-aws#28382, #28847, #33529: RDS refused each of these changes, or shrank what had grown.
#[test]
fn a_change_of_the_storage_brings_the_numbers_that_rds_asks_for_and_no_others() {
    let told = |more: Value, there: Value| {
        let declared = spec(more);
        steps::<DBInstance>(&declared, &live(there, &declared), None).concat()
    };
    let large = |more: Value| patched(json!({ "allocatedStorage": 500, "iops": 12000 }), &more);
    // The number of a small volume is none that a large one may have.
    assert_eq!(told(json!({ "allocatedStorage": 400 }), json!({})), "set allocatedStorage 400 | /allocatedStorage");
    let declared = json!({ "allocatedStorage": 400, "iops": 12000 });
    assert_eq!(told(declared, json!({})), "set allocatedStorage 400, iops 12000 | /allocatedStorage, /iops");
    let grown = "set allocatedStorage 600, iops 12000 | /allocatedStorage";
    assert_eq!(told(json!({ "allocatedStorage": 600 }), large(json!({}))), grown);
    // What storage autoscaling has added is kept.
    let declared = json!({ "allocatedStorage": 500, "maxAllocatedStorage": 900, "iops": 14000 });
    let autoscaled = large(json!({ "allocatedStorage": 600, "maxAllocatedStorage": 900 }));
    assert_eq!(told(declared, autoscaled), "set iops 14000, allocatedStorage 600 | /iops");
    // The throughput and the type do not go alone.
    let declared = json!({ "allocatedStorage": 500, "storageThroughput": 1000 });
    let set = "set storageThroughput 1000, allocatedStorage 500, iops 12000 | /storageThroughput";
    assert_eq!(told(declared, large(json!({ "storageThroughput": 500 }))), set);
    let declared = json!({ "allocatedStorage": 500, "storageType": "gp3" });
    let set = "set storageType gp3, allocatedStorage 500, iops 12000 | /storageType";
    assert_eq!(told(declared, large(json!({ "storageType": "io1" }))), set);
    let small = json!({ "storageType": "io1", "iops": 1000 });
    assert_eq!(told(json!({ "storageType": "gp3" }), small), "set storageType gp3 | /storageType");
}

#[test]
fn storage_waits_while_rds_optimizes_it_and_all_else_goes_on() {
    let declared = spec(json!({ "allocatedStorage": 200 }));
    let seen = live(json!({ "status": "storage-optimization" }), &declared);
    assert_eq!(seen.state, LiveState::Settled);
    let told = ["wait: RDS says storage-optimization: its storage cannot be changed before that ends."];
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), told);
    let declared = patched(declared, &json!({ "multiAZ": true }));
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), ["set multiAZ true | /multiAZ"]);
}

#[test]
fn all_that_differs_goes_in_one_call_with_what_goes_with_it() {
    let declared = spec(json!({ "dbInstanceClass": "db.t4g.large", "engineVersion": "17", "applyImmediately": true,
        "allowMajorVersionUpgrade": true, "enableCloudwatchLogsExports": ["postgresql"] }));
    let seen = live(json!({ "enableCloudwatchLogsExports": ["upgrade"] }), &declared);
    let told = steps::<DBInstance>(&declared, &seen, None);
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "dbInstanceClass db.t4g.large",
        "engineVersion 17",
        "applyImmediately true",
        "allowMajorVersionUpgrade true",
        r#"{"enableLogTypes":["postgresql"],"disableLogTypes":["upgrade"]}"#,
    ] {
        assert!(told[0].contains(part), "{part} is not in {told:?}");
    }
    // By themselves they are no reason for a call.
    let declared = spec(json!({ "applyImmediately": true, "allowMajorVersionUpgrade": true }));
    assert_eq!(steps::<DBInstance>(&declared, &live(json!({}), &declared), None), [""; 0]);
}

#[test]
fn states_say_whether_it_takes_changes_and_whether_it_works() {
    let state = |status: &str| {
        let seen = live(json!({ "status": status }), &spec(json!({})));
        (seen.state, seen.health)
    };
    assert_eq!(state("available"), (LiveState::Settled, Health::Healthy));
    assert_eq!(state("backing-up"), (LiveState::Busy("backing-up".to_owned()), Health::Healthy));
    for moving in ["creating", "rebooting", "upgrading", "starting", "a-state-of-tomorrow"] {
        let (state, health) = state(moving);
        assert_eq!(state, LiveState::Busy(moving.to_owned()));
        assert!(matches!(health, Health::Progressing(why) if why.contains(moving)));
    }
    assert!(matches!(state("deleting").0, LiveState::Deleting(_)));
    assert!(matches!(state("incompatible-network"), (LiveState::Failed(_), Health::Degraded(_))));
    let stopped = live(json!({ "status": "stopped" }), &spec(json!({})));
    assert_eq!(steps::<DBInstance>(&spec(json!({})), &stopped, None), [""; 0]);
    let told = steps::<DBInstance>(&spec(json!({ "multiAZ": true })), &stopped, None);
    assert_eq!(told, ["wait: It is stopped, and RDS changes no stopped database. Start it."]);
}

#[test]
fn parameters_that_wait_for_a_restart_are_told_and_no_drift() {
    let declared = spec(json!({ "dbParameterGroupName": "web" }));
    let seen = live(json!({ "dbParameterGroupName": "web", "restart": true }), &declared);
    check_diffs::<DBInstance>("waiting", &declared, &seen, &[]);
    assert!(owned(&seen)[0].starts_with("/dbParameterGroupName rds-restart: "), "{:?}", owned(&seen));
    let other = spec(json!({ "dbParameterGroupName": "other" }));
    let seen = live(json!({ "dbParameterGroupName": "web", "restart": true }), &other);
    assert_eq!(owned(&seen), [""; 0], "another group is a change, and nobody else's");
}

#[test]
fn an_option_group_that_waits_for_the_window_is_told_from_the_one_that_goes() {
    assert_eq!(option_groups(&[]), (None, None));
    assert_eq!(option_groups(&[("a", "in-sync")]), (Some("a"), Some("a")));
    for (goes, comes) in [
        ("pending-removal", "pending-apply"),
        ("pending-maintenance-removal", "pending-maintenance-apply"),
        ("removing", "applying"),
    ] {
        assert_eq!(option_groups(&[("a", goes), ("b", comes)]), (Some("a"), Some("b")), "{goes}");
        assert_eq!(option_groups(&[("b", comes), ("a", goes)]), (Some("a"), Some("b")), "{comes}");
    }
    let declared = spec(json!({ "optionGroupName": "b" }));
    let seen = live(json!({ "optionGroupName": "a", "pending": { "optionGroupName": "b" } }), &declared);
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), [""; 0]);
    assert!(owned(&seen)[0].starts_with("/optionGroupName rds-maintenance-window: "), "{:?}", owned(&seen));
}

#[test]
fn the_final_snapshot_has_a_name_that_no_other_delete_makes() {
    let seen = live(json!({}), &spec(json!({})));
    let told = |drafts: Vec<Draft<Action<DBInstance>>>| drafts.iter().map(line).collect::<Vec<_>>().concat();
    assert_eq!(told(DBInstance::delete(&seen)), format!("delete DB instance {ARN}"));
    let kept = format!("delete DB instance {ARN}, finalDBSnapshotIdentifier web-final-abc");
    assert_eq!(told(DBInstance::delete_with_snapshot(&seen)), kept);
    for without in [json!({ "replicaOf": "main" }), json!({ "dbClusterIdentifier": "main" })] {
        let seen = live(without, &spec(json!({})));
        assert_eq!(told(DBInstance::delete_with_snapshot(&seen)), format!("delete DB instance {ARN}"));
    }
}

#[test]
fn a_protected_database_is_not_deleted() {
    let seen = live(json!({ "deletionProtection": true }), &spec(json!({})));
    let action = DBInstance::delete_with_snapshot(&seen).remove(0).action;
    let refused = DBInstance::predict(Some(&seen), &action, &mut mint()).expect_err("it is protected");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert!(refused.message.contains("deletionProtection false"), "{}", refused.message);
}

#[test]
fn the_secret_of_the_password_is_an_output_where_rds_manages_it() {
    let made = created::<DBInstance>(&spec(json!({})));
    assert!(made.outputs["masterUserSecretArn"].as_str().is_some_and(|arn| arn.contains(":secretsmanager:")));
    assert_eq!(made.outputs["endpointPort"], json!(5432));
    let adopted = live(json!({ "manageMasterUserPassword": false }), &spec(json!({})));
    assert_eq!(adopted.outputs.get("masterUserSecretArn"), None);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check("DBInstance", &|wire, declared, tags| instance(ARN, wire, tags, Some(declared)));
}

#[test]
fn a_secret_that_rds_does_not_keep_is_no_output() {
    let withheld = |managed: Value| {
        DBInstance::withholds(&spec(json!({ "manageMasterUserPassword": managed })), "masterUserSecretArn")
    };
    assert!(withheld(json!(false)).is_some_and(|why| why.contains("manageMasterUserPassword")));
    assert_eq!(withheld(json!(true)), None);
    assert_eq!(DBInstance::withholds(&spec(json!({ "manageMasterUserPassword": false })), "endpointAddress"), None);
}
