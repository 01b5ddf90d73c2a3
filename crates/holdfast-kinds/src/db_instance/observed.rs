//! A database as RDS describes it, in the shape of the spec.
//!
//! What is live is what was asked for: a value that waits for the maintenance window counts as the field's value, and
//! what still runs until then is said beside it.

use super::version::{begins_with, is_later, same_major};
use super::{DBInstance, canonical};
use crate::common::{Tags, closed, text};
use crate::plain;
use holdfast_core::observe::{Health, LiveState, Observation};
use holdfast_core::ownership::{Bounds, FieldOwner};
use serde_json::{Map, Value, json};

/// A database that RDS described. `wire` has the fields of the spec as they are now, and beside them `status`, `pending`
/// (fields as they are going to be), `secretArn`, `endpointAddress`, `endpointPort`, `dbiResourceId`, `replicaOf` and
/// `restart` (settings wait for one). `declared` is the spec that wants it, if one does.
pub(super) fn instance(arn: &str, wire: &Value, tags: Tags, declared: Option<&Value>) -> Observation {
    let mut running = wire.clone();
    let rest = |key: &str| wire.get(key).cloned();
    if let Some(map) = running.as_object_mut() {
        for key in BESIDE {
            map.shift_remove(key);
        }
    }
    let mut fields = running.clone();
    if let (Some(map), Some(Value::Object(pending))) = (fields.as_object_mut(), wire.get("pending")) {
        map.extend(pending.clone());
    }
    canonical(&mut fields);
    canonical(&mut running);
    let owners = declared.map(|declared| owners(wire, &running, &fields, declared)).unwrap_or_default();
    respell(&mut fields, declared);
    let outputs = [
        ("id", rest("dbInstanceIdentifier")),
        ("arn", Some(arn.into())),
        ("endpointAddress", rest("endpointAddress")),
        ("endpointPort", rest("endpointPort")),
        ("masterUserSecretArn", rest("secretArn")),
        ("dbiResourceId", rest("dbiResourceId")),
    ];
    let mut seen = plain::observation::<DBInstance, 6>(arn.to_owned(), tags, fields, outputs);
    let status = text(wire, "status").unwrap_or("available");
    (seen.state, seen.health) = state(status);
    seen.private =
        json!({ "status": status, "replicaOf": rest("replicaOf"), "dbiResourceId": rest("dbiResourceId") }).into();
    seen.ownership.owners = owners;
    seen
}

/// Members of `wire` that are no fields.
const BESIDE: [&str; 8] =
    ["status", "pending", "secretArn", "endpointAddress", "endpointPort", "dbiResourceId", "replicaOf", "restart"];

/// What a status says: whether RDS takes a change, and whether the database works. "Viewing Amazon RDS DB instance
/// status" in the user guide.
fn state(status: &str) -> (LiveState, Health) {
    let word = status.to_owned();
    match status {
        // Operational; a change of its storage has to wait, which the plan knows.
        "available" | "storage-optimization" | "storage-initialization" => (LiveState::Settled, Health::Healthy),
        "storage-full" => {
            (LiveState::Settled, Health::Degraded("its storage is full; raise allocatedStorage".to_owned()))
        }
        "incompatible-parameters" => {
            let why = "it cannot start with its parameters; change them, or take another DB parameter group";
            (LiveState::Settled, Health::Degraded(why.to_owned()))
        }
        "incompatible-option-group" | "insufficient-capacity" => (LiveState::Settled, Health::Degraded(word)),
        "stopped" => {
            let why = "it is stopped; RDS starts it again after seven days, and takes no change before it runs";
            (LiveState::Settled, Health::Degraded(why.to_owned()))
        }
        "deleting" | "delete-precheck" => (LiveState::Deleting(word.clone()), Health::Degraded(word)),
        "failed"
        | "restore-error"
        | "incompatible-network"
        | "incompatible-restore"
        | "inaccessible-encryption-credentials"
        | "inaccessible-encryption-credentials-recoverable" => {
            (LiveState::Failed(word.clone()), Health::Degraded(format!("RDS says that it is {word}")))
        }
        // They take no connection away.
        "backing-up" | "configuring-enhanced-monitoring" | "configuring-log-exports" | "modifying" => {
            (LiveState::Busy(word), Health::Healthy)
        }
        _ => (LiveState::Busy(word), Health::Progressing(format!("RDS says that it is {status}"))),
    }
}

/// Writes live values as the declaration does where both mean the same.
fn respell(fields: &mut Value, declared: Option<&Value>) {
    let Some((declared, fields)) = declared.zip(fields.as_object_mut()) else { return };
    let mut said = |field: &str, same: &dyn Fn(&str, &str) -> bool| {
        let Some(want) = closed(declared, field) else { return };
        if fields.get(field).and_then(Value::as_str).is_some_and(|have| same(have, want)) {
            fields.insert(field.to_owned(), want.into());
        }
    };
    said("engineVersion", &begins_with);
    for key in ["kmsKeyId", "masterUserSecretKmsKeyId", "performanceInsightsKMSKeyId"] {
        // An alias leads to a key that only KMS knows; RDS answers the key.
        said(key, &|have, want| want.contains("alias/") || have.ends_with(&format!("/{want}")));
    }
}

/// What of the declared fields somebody else sets, within bounds; and what waits.
fn owners(wire: &Value, running: &Value, fields: &Value, declared: &Value) -> Vec<FieldOwner> {
    let mut found = Vec::new();
    let mut add = |field: &str, owner: &str, bounds, passing, why: String| {
        found.push(FieldOwner { path: format!("/{field}"), owner: owner.to_owned(), bounds, passing, why });
    };
    let number = |of: &Value, key: &str| of.get(key).and_then(Value::as_i64);
    if let (Some(size), Some(most), Some(live)) = (
        number(declared, "allocatedStorage"),
        number(fields, "maxAllocatedStorage"),
        number(fields, "allocatedStorage"),
    ) {
        let bounds = Bounds { min: size, max: most.max(live) };
        let why = format!("Storage autoscaling grows it from {size} GiB up to {most}; storage never shrinks.");
        add("allocatedStorage", "rds-storage-autoscaling", Some(bounds), false, why);
    }
    let versions = closed(declared, "engineVersion").zip(text(fields, "engineVersion"));
    let automatic = fields.get("autoMinorVersionUpgrade").and_then(Value::as_bool).unwrap_or(true);
    let engine = text(fields, "engine").unwrap_or_default();
    if let Some((want, have)) = versions
        && automatic
        && is_later(have, want)
        && same_major(engine, have, want)
    {
        let why = format!("RDS upgrades the minor version by itself, and went on to {have}; there is no way back.");
        add("engineVersion", "rds-maintenance", None, false, why);
    }
    if fields.get("multiAZ") == Some(&json!(true)) && closed(declared, "availabilityZone").is_some() {
        let why = "With multiAZ the database is where RDS runs it, and a failover moves it.".to_owned();
        add("availabilityZone", "rds-failover", None, false, why);
    }
    let window = text(running, "preferredMaintenanceWindow").unwrap_or("which RDS has chosen");
    for (field, coming) in wire.get("pending").and_then(Value::as_object).into_iter().flatten() {
        let agreed = declared.get(field).is_some_and(|want| says(field, want, fields.get(field).unwrap_or(coming)));
        if agreed && fields.get(field) != running.get(field) {
            let now = running.get(field).map_or_else(|| "as it was".to_owned(), words);
            let why =
                format!("It was changed and is {now} until the maintenance window ({window}), when RDS applies it.");
            add(field, "rds-maintenance-window", None, true, why);
        }
    }
    let group = "dbParameterGroupName";
    if wire.get("restart") == Some(&json!(true)) && closed(declared, group) == text(fields, group) {
        let why = "Parameters of the group wait for a restart of the database, which is nobody's but yours to make.";
        add(group, "rds-restart", None, true, why.to_owned());
    }
    found
}

/// True if the declaration says no other than what is to come.
fn says(field: &str, want: &Value, coming: &Value) -> bool {
    match (want.as_str(), coming.as_str()) {
        (Some(want), Some(coming)) if field == "engineVersion" => begins_with(coming, want),
        _ => holdfast_core::compare::same(want, coming),
    }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Of the option groups that RDS lists with a status each: the one that the database has, and the one that it is going to
/// have, which is the same where nothing waits. "OptionGroupMembership" in the API reference.
#[cfg(any(feature = "aws", test))]
pub(super) fn option_groups<'a>(listed: &[(&'a str, &str)]) -> (Option<&'a str>, Option<&'a str>) {
    let leaves = |status: &str| ["pending-removal", "pending-maintenance-removal", "removing"].contains(&status);
    let one = |going: bool| listed.iter().find(|(_, status)| leaves(status) == going).map(|(name, _)| *name);
    (one(true).or(one(false)), one(false).or(one(true)))
}

/// The logs that are exported once what waits is applied.
pub(super) fn exports(now: &[Value], enable: &[Value], disable: &[Value]) -> Value {
    let mut all: Vec<Value> = now.iter().filter(|log| !disable.contains(log)).cloned().collect();
    all.extend(enable.iter().filter(|log| !now.contains(log)).cloned());
    Value::Array(all)
}

/// The fields that a create leaves, with the defaults of RDS.
pub(super) fn with_defaults(fields: &Map<String, Value>) -> Value {
    let mut whole = json!({
        "autoMinorVersionUpgrade": true, "backupRetentionPeriod": 1, "copyTagsToSnapshot": false,
        "deletionProtection": false, "enableIAMDatabaseAuthentication": false, "enablePerformanceInsights": false,
        "manageMasterUserPassword": false, "monitoringInterval": 0, "multiAZ": false, "storageEncrypted": false,
        "enableCloudwatchLogsExports": [],
    });
    crate::common::overlay(&mut whole, fields);
    whole
}
