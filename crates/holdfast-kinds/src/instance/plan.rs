//! The actions, and when they are taken.

use super::spec::LAUNCH_ONLY;
use crate::common::{Retag, Tags, heals, one_line, text};
use crate::plain::merged;
use holdfast_core::kind::{Context, Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// The tag that says that Holdfast has stopped an instance, and for which fields.
pub(super) const STOPPED: &str = "holdfast:stopped";

/// Attributes that change while it runs.
pub(super) const RUNNING: [&str; 3] = ["disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior"];

/// Attributes that change while it is stopped.
const STANDING: [&str; 3] = ["instanceType", "userData", "ebsOptimized"];

/// What a field is set to that is to have no value of its own.
fn unset(field: &str) -> Value {
    match field {
        "disableApiTermination" | "disableApiStop" | "ebsOptimized" => json!(false),
        "sourceDestCheck" => json!(true),
        "instanceInitiatedShutdownBehavior" => json!("stop"),
        "userData" => json!(""),
        _ => Value::Null,
    }
}

/// What can be done to an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// Launches it.
    Run {
        /// The members of the launch, in canonical form, without nulls.
        spec: Map<String, Value>,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// Sets attributes.
    Modify {
        /// Which instance.
        id: String,
        /// The attributes.
        set: Map<String, Value>,
    },
    /// Sets attributes of its primary network interface.
    Interface {
        /// Which instance.
        id: String,
        /// Which interface.
        interface: String,
        /// `securityGroupIds`, `sourceDestCheck`.
        set: Map<String, Value>,
    },
    /// Gives it another role, or none.
    Profile {
        /// Which instance.
        id: String,
        /// The instance profile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Sets options that have a call of their own.
    Options {
        /// Which instance.
        id: String,
        /// One of `monitoring`, `metadataOptions`, `creditSpecification` and `maintenanceOptions`.
        field: String,
        /// Its members.
        set: Map<String, Value>,
    },
    /// Remembers in a tag why, and stops it.
    Stop {
        /// Which instance.
        id: String,
        /// The fields that are to change.
        fields: String,
    },
    /// Starts it, and forgets that it was stopped.
    Start {
        /// Which instance.
        id: String,
    },
    /// Sets and removes tags.
    Retag(Retag),
    /// Terminates it.
    Terminate {
        /// Which instance.
        id: String,
        /// True if it was seen with termination protection on, which is never switched off for a delete.
        protected: bool,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Run { spec, .. } => {
                let shown = ["imageId", "instanceType", "subnetId"].into_iter();
                let words = shown.filter_map(|key| Some(format!("{key} {}", spec.get(key)?.as_str()?)));
                write!(f, "launch instance: {}", one_line(&words.collect::<Vec<_>>().join(", ")))
            }
            Action::Modify { set, .. } | Action::Interface { set, .. } => write!(f, "set {}", words(set)),
            Action::Profile { name: Some(name), .. } => write!(f, "give it the instance profile {}", one_line(name)),
            Action::Profile { name: None, .. } => f.write_str("take its instance profile away"),
            Action::Options { field, set, .. } => write!(f, "set {}: {}", one_line(field), words(set)),
            Action::Stop { id, fields } => {
                write!(f, "stop {} to change {}; it is started again", one_line(id), one_line(fields))
            }
            Action::Start { id } => write!(f, "start {}", one_line(id)),
            Action::Retag(retag) => retag.fmt(f),
            Action::Terminate { id, .. } => write!(f, "terminate {}", one_line(id)),
        }
    }
}

fn words(set: &Map<String, Value>) -> String {
    let one = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("userData", _) => "userData, which an instance that has booted does not run again".to_owned(),
        (_, Value::String(text)) => format!("{key} {text}"),
        (_, other) => format!("{key} {other}"),
    };
    one_line(&set.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The launch, and what it does not take.
pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let mut members = spec.as_object().cloned().unwrap_or_default();
    members.retain(|key, value| !value.is_null() && key != "tags" && key != "sourceDestCheck");
    let run = Action::Run { spec: members, tags: context.tags.clone() };
    let mut steps = vec![Draft::because(run, "create", "it is missing")];
    if spec.get("sourceDestCheck") == Some(&Value::Bool(false)) {
        let set = Map::from_iter([("sourceDestCheck".to_owned(), json!(false))]);
        let action = Action::Interface { id: context.own("id"), interface: context.own("networkInterfaceId"), set };
        steps.push(Draft::because(action, "update", "the launch does not take it"));
    }
    steps
}

/// Fields that have to have a value: AWS has no call that takes it away.
const ALWAYS: [&str; 4] = ["/securityGroupIds", "/instanceType", "/metadataOptions", "/creditSpecification"];

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    let cannot = |d: &&FieldDiff| {
        d.desired.is_null() && ALWAYS.iter().any(|at| d.path == *at || (*at != ALWAYS[0] && d.path.starts_with(at)))
    };
    let stuck: Vec<String> = diffs.iter().filter(cannot).map(|d| d.path.clone()).collect();
    if !stuck.is_empty() {
        return Converge::Replace(stuck);
    }
    let id = || live.id.clone();
    let mut steps = Vec::new();
    let interface = text(&live.private, "networkInterfaceId").unwrap_or_default().to_owned();
    steps.extend(update(spec, diffs, &["securityGroupIds", "sourceDestCheck"], |set| Action::Interface {
        id: id(),
        interface,
        set,
    }));
    let healed = heals(diffs, "/iamInstanceProfile");
    if !healed.is_empty() {
        let name = spec.get("iamInstanceProfile").and_then(|p| text(p, "name")).map(str::to_owned);
        steps.push(Draft::heal(Action::Profile { id: id(), name }, "update", healed));
    }
    for (field, default) in [
        ("monitoring", json!({ "enabled": false })),
        ("metadataOptions", json!({})),
        ("creditSpecification", json!({})),
        ("maintenanceOptions", json!({ "autoRecovery": "default" })),
    ] {
        let healed = heals(diffs, &format!("/{field}"));
        if let (false, Value::Object(set)) = (healed.is_empty(), options(spec.get(field), &default)) {
            steps.push(Draft::heal(Action::Options { id: id(), field: field.to_owned(), set }, "update", healed));
        }
    }
    steps.extend(update(spec, diffs, &RUNNING, |set| Action::Modify { id: id(), set }));
    steps.extend(standing(spec, live, diffs));
    Converge::Change(steps)
}

/// The members that are declared, and AWS's default for those that are to be unset.
fn options(declared: Option<&Value>, default: &Value) -> Value {
    let mut whole = merged(Some(default), declared.filter(|d| d.is_object()).unwrap_or(&json!({})));
    if let (Value::Object(whole), Value::Object(default)) = (&mut whole, default) {
        for (key, value) in default {
            whole.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    whole
}

/// The step that sets those of `fields` that differ; what is not declared, or null, has AWS's default.
fn update(
    spec: &Value,
    diffs: &[FieldDiff],
    fields: &[&str],
    action: impl FnOnce(Map<String, Value>) -> Action,
) -> Option<Draft<Action>> {
    let (mut set, mut healed) = (Map::new(), Vec::new());
    for field in fields {
        let paths = heals(diffs, &format!("/{field}"));
        if !paths.is_empty() {
            let declared = spec.get(*field).filter(|v| !v.is_null()).cloned();
            set.insert((*field).to_owned(), declared.unwrap_or_else(|| unset(field)));
            healed.extend(paths);
        }
    }
    (!set.is_empty()).then(|| Draft::heal(action(set), "update", healed))
}

/// What changes while it is stopped, from where it stands: stop it; or change it, and start it if we had stopped it.
fn standing(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Vec<Draft<Action>> {
    let id = || live.id.clone();
    let by_us = live.tags.contains_key(STOPPED);
    let change = update(spec, diffs, &STANDING, |set| Action::Modify { id: id(), set });
    let stopped = is_stopped(live);
    let mut steps = Vec::new();
    match change {
        Some(change) if stopped => steps.push(change),
        Some(change) => {
            let Action::Modify { set, .. } = &change.action else { return steps };
            let fields = set.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let stop = Draft::heal(Action::Stop { id: id(), fields }, "update", change.heals);
            steps.push(stop.interrupting("stopped"));
            return steps;
        }
        None => {}
    }
    if by_us && stopped {
        let start = Draft::because(Action::Start { id: id() }, "update", "it was stopped for a change that is made");
        steps.push(start.renewing(&["publicIp"]));
    } else if by_us {
        let forget = Retag { id: id(), set: Tags::new(), remove: BTreeSet::from([STOPPED.to_owned()]) };
        steps.push(Draft::because(Action::Retag(forget), "update", "it runs again"));
    }
    steps
}

/// True if it stands still and can be changed.
pub(super) fn is_stopped(live: &Observation) -> bool {
    text(&live.private, "state") == Some("stopped")
}

/// The members of a launch that can be read back.
pub(super) fn readable(spec: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = spec.clone();
    fields.retain(|key, _| !LAUNCH_ONLY.contains(&key.as_str()));
    if let Some(Value::Object(market)) = fields.get_mut("instanceMarketOptions") {
        market.shift_remove("spotOptions");
    }
    fields
}
