//! What is done about a database: one `ModifyDBInstance` with all that differs, and nothing where nothing would change.

use super::DBInstance;
use super::observed::exports;
use super::spec::{INSTRUCTIONS, MODIFIED};
use super::version::is_later;
use crate::common::text;
use crate::plain::{self, Action, Call};
use crate::rds::name_of;
use holdfast_core::kind::{Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde_json::{Map, Value, json};

/// The member of a delete that names the final snapshot.
pub(super) const SNAPSHOT: &str = "finalDBSnapshotIdentifier";
/// The member of a delete that says that the database was seen protected.
pub(super) const PROTECTION: &str = "deletionProtection";
/// The member of a modify call that says which logs to export and which not.
pub(super) const EXPORTS: &str = "cloudwatchLogsExportConfiguration";

/// Fields about storage, which RDS changes together and at most every six hours.
const STORAGE: [&str; 5] = ["allocatedStorage", "storageType", "iops", "storageThroughput", "dedicatedLogVolume"];

/// The declaration of a create: what goes with changes only is left out.
pub(super) fn without_instructions(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(map) = spec.as_object_mut() {
        map.retain(|key, _| !INSTRUCTIONS.contains(&key.as_str()));
    }
    spec
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action<DBInstance>> {
    let status = text(&live.private, "status").unwrap_or_default();
    if status == "stopped" && !diffs.is_empty() {
        return Converge::Wait("It is stopped, and RDS changes no stopped database. Start it.".to_owned());
    }
    let (fixed, rest): (Vec<&FieldDiff>, Vec<&FieldDiff>) = diffs.iter().partition(|d| is_fixed(d, live));
    let optimizing = ["storage-optimization", "storage-initialization"].contains(&status);
    let (waiting, now): (Vec<&FieldDiff>, Vec<&FieldDiff>) =
        rest.into_iter().partition(|d| optimizing && STORAGE.contains(&field(d)));
    let now: Vec<FieldDiff> = now.into_iter().cloned().collect();
    if let Some(mut draft) = plain::update::<DBInstance>(MODIFIED, spec, live, &now) {
        if let Call::Modify { set, .. } = &mut draft.action.call {
            complete(set, spec, live);
        }
        return Converge::Change(vec![draft]);
    }
    match (waiting.is_empty(), fixed.is_empty()) {
        (false, _) => Converge::Wait(format!("RDS says {status}: its storage cannot be changed before that ends.")),
        (true, false) => Converge::Replace(fixed.into_iter().map(|d| d.path.clone()).collect()),
        (true, true) => Converge::Change(Vec::new()),
    }
}

/// The field of the spec that a difference is in.
fn field(diff: &FieldDiff) -> &str {
    diff.path.split('/').nth(1).unwrap_or_default()
}

/// True for what RDS cannot change in place, though the field as such can change.
fn is_fixed(diff: &FieldDiff, live: &Observation) -> bool {
    let managed = live.fields.get("manageMasterUserPassword") == Some(&json!(true));
    match field(diff) {
        // There is no way back to an earlier version.
        "engineVersion" => diff.live.as_str().zip(diff.desired.as_str()).is_some_and(|(l, d)| is_later(l, d)),
        "allocatedStorage" => diff.live.as_i64().zip(diff.desired.as_i64()).is_some_and(|(l, d)| l > d),
        // To end the management, RDS wants a password.
        "manageMasterUserPassword" | "masterUserSecretKmsKeyId" => managed,
        // A value of RDS's own choice stands, and there is nothing to say that takes it away.
        // An item of a list that is too much is no such value.
        whole if diff.path != format!("/{whole}") => false,
        _ => diff.desired.is_null() && !CLEARED.contains(&field(diff)) && default_of(field(diff)).is_none(),
    }
}

/// Fields without a default that RDS nevertheless takes away.
const CLEARED: [&str; 2] = ["maxAllocatedStorage", "enableCloudwatchLogsExports"];

fn default_of(field: &str) -> Option<&'static Value> {
    use crate::plain::Plain;
    let nothing = holdfast_core::facts::Scene { desired: &Value::Null, live: &Value::Null, facts: DBInstance::facts() };
    DBInstance::facts().child(field).default_in(&nothing)
}

/// What else the call wants, given what is to be set.
fn complete(set: &mut Map<String, Value>, spec: &Value, live: &Observation) {
    if let Some(logs) = set.shift_remove("enableCloudwatchLogsExports") {
        let (now, wanted) = (items(live.fields.get("enableCloudwatchLogsExports")), items(Some(&logs)));
        let without = |all: &[Value], some: &[Value]| -> Vec<Value> {
            all.iter().filter(|log| !some.contains(log)).cloned().collect()
        };
        let change = json!({ "enableLogTypes": without(&wanted, &now), "disableLogTypes": without(&now, &wanted) });
        set.insert(EXPORTS.to_owned(), change);
    }
    // Autoscaling that may grow to what is there already is none.
    if set.get("maxAllocatedStorage").is_some_and(Value::is_null) {
        set.insert("maxAllocatedStorage".to_owned(), live.fields.get("allocatedStorage").cloned().unwrap_or_default());
    }
    complete_storage(set, spec, live);
    if set.get("enablePerformanceInsights") == Some(&json!(true)) {
        for key in ["performanceInsightsKMSKeyId", "performanceInsightsRetentionPeriod"] {
            if let Some(value) = spec.get(key).filter(|v| !v.is_null()) {
                set.entry(key).or_insert_with(|| value.clone());
            }
        }
    }
    for key in INSTRUCTIONS {
        if spec.get(key) == Some(&json!(true)) {
            set.insert(key.to_owned(), json!(true));
        }
    }
}

/// RDS changes a storage that has provisioned operations only by all of its numbers: the size and the operations go with
/// a change of the throughput or of the type too. terraform-provider-aws#33529 and #28847.
fn complete_storage(set: &mut Map<String, Value>, spec: &Value, live: &Observation) {
    let number = |of: &Value| of.get("allocatedStorage").and_then(Value::as_i64);
    let engine = text(&live.fields, "engine").unwrap_or_default();
    let has = text(&live.fields, "storageType").unwrap_or_default();
    let wants = text(spec, "storageType").unwrap_or(has);
    // Storage autoscaling may have grown it past the declared size, and it never shrinks.
    let size = number(spec).max(number(&live.fields));
    let takes = takes_iops(engine, wants, size);
    let numbers = ["allocatedStorage", "iops", "storageThroughput"].iter().any(|key| set.contains_key(*key));
    let together = numbers || (takes && set.contains_key("storageType"));
    if !together {
        return;
    }
    if let Some(size) = size {
        set.entry("allocatedStorage").or_insert_with(|| size.into());
    }
    // What a smaller gp3 volume has is refused of a larger one, which RDS gives its own number where none is said.
    let kept = || live.fields.get("iops").filter(|_| takes_iops(engine, has, number(&live.fields)));
    if let Some(iops) = spec.get("iops").filter(|v| !v.is_null()).or_else(kept).filter(|_| takes) {
        set.entry("iops").or_insert_with(|| iops.clone());
    }
}

/// True where the storage has provisioned operations; small gp3 volumes have a fixed number that RDS refuses to be told.
/// "Amazon RDS DB instance storage" in the user guide.
fn takes_iops(engine: &str, storage: &str, size: Option<i64>) -> bool {
    let least = match engine.split('-').next() {
        Some("db2") => 100,
        Some("oracle") => 200,
        Some("sqlserver") => 0,
        _ => 400,
    };
    match storage {
        "io1" | "io2" => true,
        "gp3" => size.is_some_and(|size| size >= least),
        _ => false,
    }
}

fn items(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The call as it shows in the fields afterwards.
pub(super) fn applied(before: Option<&Observation>, action: &Action<DBInstance>) -> Action<DBInstance> {
    let Call::Modify { id, set } = &action.call else { return action.clone() };
    let mut set = set.clone();
    set.retain(|key, _| !INSTRUCTIONS.contains(&key.as_str()));
    if let Some(change) = set.shift_remove(EXPORTS) {
        let now = items(before.and_then(|b| b.fields.get("enableCloudwatchLogsExports")));
        let logs = exports(&now, &items(change.get("enableLogTypes")), &items(change.get("disableLogTypes")));
        set.insert("enableCloudwatchLogsExports".to_owned(), logs);
    }
    let size = before.and_then(|b| b.fields.get("allocatedStorage"));
    if set.get("maxAllocatedStorage").is_some_and(|most| Some(most) == size) {
        set.insert("maxAllocatedStorage".to_owned(), Value::Null);
    }
    Call::Modify { id: id.clone(), set }.into()
}

/// The final snapshot of a database: named after it and after RDS's own id, which no other database ever has. None where
/// AWS takes none: a replica's data is its source's, a member's its cluster's.
pub(super) fn snapshot(live: &Observation) -> Option<String> {
    let elsewhere = text(&live.private, "replicaOf").or_else(|| text(&live.fields, "dbClusterIdentifier"));
    if elsewhere.is_some() {
        return None;
    }
    let own = text(&live.private, "dbiResourceId").unwrap_or_default().to_lowercase();
    let end = own.strip_prefix("db-").unwrap_or(&own);
    let name = format!("{}-final-{end}", name_of(&live.id));
    Some(name.trim_end_matches('-').to_owned())
}

pub(super) fn delete(live: &Observation, snapshot: Option<String>) -> Vec<Draft<Action<DBInstance>>> {
    let protected = live.fields.get(PROTECTION) == Some(&json!(true));
    let mut fields = Map::new();
    if protected {
        fields.insert(PROTECTION.to_owned(), json!(true));
    }
    if let Some(snapshot) = snapshot {
        fields.insert(SNAPSHOT.to_owned(), snapshot.into());
    }
    let fields = if fields.is_empty() { Value::Null } else { Value::Object(fields) };
    vec![Draft::because(Call::Delete { id: live.id.clone(), fields }.into(), "delete", "")]
}
