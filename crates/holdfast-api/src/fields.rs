//! The three columns of a resource's page: declared, live and last written, field by field.

use holdfast_core::kept::Kept;
use holdfast_core::plan::{Decision, Memory};
use holdfast_core::pointer;
use holdfast_core::reference::is_open;
use holdfast_core::status::{Change, ConditionType, FieldDiff, MISSING, Phase, Status, Truth};
use holdfast_core::why::{Sight, overlaid, within};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// One field.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldRow {
    /// JSON Pointer into the spec; empty for the whole thing.
    pub(crate) path: String,
    /// As declared, references standing; null if nobody declares it.
    pub(crate) declared: Value,
    /// As live; null if it is not there or not known.
    pub(crate) live: Value,
    /// As Holdfast last wrote it or last found it in sync, references filled in; null if never.
    pub(crate) last_written: Value,
    /// How they compare.
    pub(crate) state: FieldState,
    /// Whoever it is left to, and why, in a sentence; absent for what is Holdfast's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
}

/// How declared and live compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FieldState {
    /// Live is as declared.
    Same,
    /// Live differs from what is declared.
    Drift,
    /// Somebody else sets it, and it is left to them.
    Owned,
    /// Nobody declares it, and it has changed since it was last in sync.
    Undeclared,
    /// No sweep has looked at this generation, or it could not be read.
    Unknown,
}

/// The rows of a resource: one for each declared field, objects taken apart, lists of objects item by item; then
/// differences that lie in none of them. `sight` is what the last pass saw, if that is kept.
pub(crate) fn rows(
    spec: &Value,
    status: &Status,
    generation: u64,
    memory: &Memory,
    sight: Option<&Sight>,
) -> Vec<FieldRow> {
    let compared = |s: &&Sight| s.live.is_some() || !s.diffs.is_empty() || s.decision == Decision::InSync;
    let sight = sight.filter(|s| s.generation == generation && !s.awaiting).filter(compared);
    let drift: &[FieldDiff] = status.drift.as_ref().map_or(&[], |d| &d.fields);
    let diffs = sight.map_or(drift, |s| &s.diffs);
    let unread = |path: &str| sight.is_some_and(|s| s.unread.iter().any(|u| within(path, u)));
    let says = |kind| status.condition(kind).map(|c| (c.status, c.reason.as_str()));
    let missing = diffs.iter().any(|d| d.change == Change::Missing)
        || says(ConditionType::Ready).is_some_and(|(_, reason)| reason == MISSING);
    // What a new generation is yet to change is told field by field only by who saw it.
    let undecided = sight.is_none()
        && ![Phase::Paused, Phase::Drifted].contains(&status.phase)
        && says(ConditionType::Synced).is_some_and(|(synced, _)| synced != Truth::True);
    let unknown = undecided
        || status.last_observed_at.is_none()
        || status.observed_generation != generation
        || status.phase == Phase::Unknown;
    let written = memory.last_written.as_ref().map(Kept::value);
    let mut rows = Vec::new();
    leaves(spec, String::new(), &mut |path, declared| {
        let last_written = written.as_ref().and_then(|w| w.pointer(&path)).cloned().unwrap_or_default();
        let inside: Vec<&FieldDiff> = diffs.iter().filter(|d| within(&d.path, &path)).collect();
        let left = status.owned.iter().find(|o| o.left && within(&path, &o.path));
        let (live, state) = if missing {
            (Value::Null, FieldState::Drift)
        } else if !inside.is_empty() {
            (overlaid(settled(declared, &last_written), &path, &inside), worst(&inside))
        } else if unknown || unread(&path) {
            (Value::Null, FieldState::Unknown)
        } else if let Some(left) = left {
            (left.live.pointer(&path[left.path.len()..]).cloned().unwrap_or_default(), FieldState::Owned)
        } else {
            (settled(declared, &last_written), FieldState::Same)
        };
        let owner = left.filter(|_| state == FieldState::Owned).map(|o| format!("{}: {}", o.owner, o.why));
        rows.push(FieldRow { path, declared: declared.clone(), live, last_written, state, owner });
    });
    let outside = |d: &&FieldDiff| d.change != Change::Missing && !rows.iter().any(|r| within(&d.path, &r.path));
    let extra: Vec<FieldRow> = diffs.iter().filter(outside).map(alone).collect();
    rows.extend(extra);
    rows
}

/// A difference that lies in no declared field.
fn alone(diff: &FieldDiff) -> FieldRow {
    FieldRow {
        path: diff.path.clone(),
        declared: diff.desired.clone(),
        live: diff.live.clone(),
        last_written: diff.last_written.clone(),
        state: worst(&[diff]),
        owner: None,
    }
}

fn worst(diffs: &[&FieldDiff]) -> FieldState {
    let silent = diffs.iter().all(|d| d.change == Change::Undeclared);
    if silent { FieldState::Undeclared } else { FieldState::Drift }
}

/// What a field that is in sync is worth live: the declared value, or what its references were worth.
fn settled(declared: &Value, last_written: &Value) -> Value {
    if has_reference(declared) { last_written.clone() } else { declared.clone() }
}

fn has_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => is_open(text),
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(map) => map.values().any(has_reference),
        _ => false,
    }
}

fn leaves<'v>(value: &'v Value, path: String, visit: &mut dyn FnMut(String, &'v Value)) {
    match value {
        Value::Object(map) if !map.is_empty() && (path.is_empty() || path.matches('/').count() < 3) => {
            for (key, item) in map {
                leaves(item, pointer::join(&path, key), visit);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                visit(format!("{path}/{index}"), item);
            }
        }
        _ if path.is_empty() => {}
        _ => visit(path, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_core::facts::Severity;
    use holdfast_core::ownership::Owned;
    use holdfast_core::status::{Condition, Drift};
    use serde_json::json;

    fn diff(path: &str, change: Change, desired: Value, live: Value) -> FieldDiff {
        FieldDiff {
            path: path.to_owned(),
            change,
            desired,
            live,
            last_written: Value::Null,
            severity: Severity::Functional,
            decision: String::new(),
        }
    }

    fn status(fields: Vec<FieldDiff>) -> Status {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let drift = (!fields.is_empty()).then(|| Drift { since: now, action: "healing".to_owned(), fields });
        Status { observed_generation: 1, last_observed_at: Some(now), drift, ..Status::default() }
    }

    fn said(rows: &[FieldRow]) -> Vec<(&str, &Value, FieldState)> {
        rows.iter().map(|r| (r.path.as_str(), &r.live, r.state)).collect()
    }

    #[test]
    fn a_field_in_sync_shows_what_its_reference_was_worth() {
        let spec = json!({ "vpcId": "${Vpc/v.id}", "n": 1, "rules": [{ "port": 80 }] });
        let memory = Memory { last_written: Some(json!({ "vpcId": "vpc-1", "n": 1 }).into()), ..Memory::default() };
        let rows = rows(&spec, &status(Vec::new()), 1, &memory, None);
        assert_eq!(
            said(&rows),
            [
                ("/vpcId", &json!("vpc-1"), FieldState::Same),
                ("/n", &json!(1), FieldState::Same),
                ("/rules/0", &json!({ "port": 80 }), FieldState::Same),
            ]
        );
    }

    #[test]
    fn what_is_left_to_another_owner_shows_what_they_have_set() {
        let spec = json!({ "desiredCount": 2, "actions": [{ "type": "forward", "to": "blue" }] });
        let owned = |path: &str, live: Value| Owned {
            path: path.to_owned(),
            owner: "somebody".to_owned(),
            bounds: None,
            declared: Value::Null,
            live,
            left: true,
            why: "They said so.".to_owned(),
        };
        let owned =
            vec![owned("/desiredCount", json!(5)), owned("/actions", json!([{ "type": "forward", "to": "green" }]))];
        let rows = rows(&spec, &Status { owned, ..status(Vec::new()) }, 1, &Memory::default(), None);
        assert_eq!(
            said(&rows),
            [
                ("/desiredCount", &json!(5), FieldState::Owned),
                ("/actions/0", &json!({ "type": "forward", "to": "green" }), FieldState::Owned),
            ]
        );
        assert_eq!(rows[0].owner.as_deref(), Some("somebody: They said so."));
    }

    #[test]
    fn nothing_is_said_to_be_as_declared_that_is_not_there_or_may_differ() {
        let spec = json!({ "n": 1 });
        let of = |phase, kind, reason: &str| {
            let (message, since) = (String::new(), jiff::Timestamp::UNIX_EPOCH);
            let condition = Condition { kind, status: Truth::False, reason: reason.to_owned(), message, since };
            let status = Status { phase, conditions: vec![condition].into(), ..status(Vec::new()) };
            rows(&spec, &status, 1, &Memory::default(), None).into_iter().map(|r| (r.live, r.state)).collect::<Vec<_>>()
        };
        let none = |state| [(Value::Null, state)];
        assert_eq!(of(Phase::Paused, ConditionType::Ready, MISSING), none(FieldState::Drift));
        assert_eq!(of(Phase::Progressing, ConditionType::Ready, MISSING), none(FieldState::Drift));
        assert_eq!(of(Phase::Blocked, ConditionType::Synced, "Replace"), none(FieldState::Unknown));
        assert_eq!(of(Phase::Paused, ConditionType::Synced, "Paused"), [(json!(1), FieldState::Same)]);
    }

    #[test]
    fn who_saw_a_rollout_tells_it_field_by_field_and_what_was_not_read() {
        let spec = json!({ "n": 2, "m": 1, "u": 1 });
        let seen = |sight: Sight| {
            let condition = Condition {
                kind: ConditionType::Synced,
                status: Truth::False,
                reason: "Updating".to_owned(),
                message: String::new(),
                since: jiff::Timestamp::UNIX_EPOCH,
            };
            let status = Status { phase: Phase::Progressing, conditions: vec![condition].into(), ..status(Vec::new()) };
            let rows = rows(&spec, &status, 1, &Memory::default(), Some(&sight));
            rows.into_iter().map(|r| (r.live, r.state)).collect::<Vec<_>>()
        };
        let sight = |generation: u64, awaiting: bool| Sight {
            generation,
            decision: Decision::Update,
            reason: String::new(),
            diffs: vec![diff("/n", Change::Changed, json!(2), json!(1))],
            live: Some(json!({ "n": 1, "m": 1 }).into()),
            unread: vec!["/u".to_owned()],
            awaiting,
        };
        let told = [(json!(1), FieldState::Drift), (json!(1), FieldState::Same), (Value::Null, FieldState::Unknown)];
        assert_eq!(seen(sight(1, false)), told);
        let unknown = [(); 3].map(|()| (Value::Null, FieldState::Unknown));
        assert_eq!(seen(sight(2, false)), unknown, "it saw another generation");
        assert_eq!(seen(sight(1, true)), unknown, "an earlier one is carried out meanwhile");
    }

    #[test]
    fn differences_show_inside_their_field_and_beside_the_declared_ones() {
        let spec = json!({ "rules": [{ "port": 80, "description": "a" }], "tags": { "k": "v" } });
        let fields = vec![
            diff("/rules/0/description", Change::Changed, json!("a"), json!("b")),
            diff("/rules/1", Change::Added, Value::Null, json!({ "port": 22 })),
            diff("/tags/k", Change::Removed, json!("v"), Value::Null),
            diff("/zone", Change::Undeclared, Value::Null, json!("z")),
        ];
        let rows = rows(&spec, &status(fields), 1, &Memory::default(), None);
        assert_eq!(
            said(&rows),
            [
                ("/rules/0", &json!({ "port": 80, "description": "b" }), FieldState::Drift),
                ("/tags/k", &Value::Null, FieldState::Drift),
                ("/rules/1", &json!({ "port": 22 }), FieldState::Drift),
                ("/zone", &json!("z"), FieldState::Undeclared),
            ]
        );
    }

    #[test]
    fn what_no_sweep_has_seen_is_unknown_and_what_is_missing_is_not_there() {
        let spec = json!({ "a": 1 });
        let unseen = rows(&spec, &Status::default(), 1, &Memory::default(), None);
        assert_eq!(said(&unseen), [("/a", &Value::Null, FieldState::Unknown)]);
        let gone = status(vec![diff("", Change::Missing, spec.clone(), Value::Null)]);
        assert_eq!(said(&rows(&spec, &gone, 1, &Memory::default(), None)), [("/a", &Value::Null, FieldState::Drift)]);
    }
}
