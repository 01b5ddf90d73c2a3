//! What is done about a listener: create, converge, delete, each as a list of calls.

use super::spec::facts;
use crate::common::{Retag, Tags, heals, one_line};
use crate::elb::attributes::{self, Attributes};
use crate::elb::kind::to_set;
use crate::elb::{short, words};
use holdfast_core::facts::Scene;
use holdfast_core::kind::{Context, Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// One call about a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Action {
    /// `CreateListener`.
    Create {
        /// The members that the create call takes, in canonical form; of the certificates only the default one.
        spec: Map<String, Value>,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// `ModifyListener`: the fields that differ, each whole.
    Modify {
        /// Which one.
        arn: String,
        /// The fields to change; of the certificates only the default one.
        set: Map<String, Value>,
    },
    /// `AddListenerCertificates`.
    AddCertificates {
        /// Which one.
        arn: String,
        /// The ARNs of the certificates.
        certificates: Vec<String>,
    },
    /// `RemoveListenerCertificates`.
    RemoveCertificates {
        /// Which one.
        arn: String,
        /// The ARNs of the certificates.
        certificates: Vec<String>,
    },
    /// `ModifyListenerAttributes`.
    ModifyAttributes {
        /// Which one.
        arn: String,
        /// What to set.
        attributes: Attributes,
    },
    /// `AddTags` and `RemoveTags`.
    Tag(Retag),
    /// `DeleteListener`; its rules go with it.
    Delete {
        /// Which one.
        arn: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |arns: &[String]| one_line(&arns.iter().map(|a| short(a)).collect::<Vec<_>>().join(", "));
        match self {
            Action::Create { spec, .. } => write!(f, "create listener: {}", one_line(&words(spec))),
            Action::Modify { set, .. } => write!(f, "set {}", one_line(&words(set))),
            Action::AddCertificates { certificates, .. } => write!(f, "add certificates {}", names(certificates)),
            Action::RemoveCertificates { certificates, .. } => write!(f, "remove certificates {}", names(certificates)),
            Action::ModifyAttributes { attributes, .. } => {
                write!(f, "set attributes {}", one_line(&attributes::words(attributes)))
            }
            Action::Tag(tag) => tag.fmt(f),
            Action::Delete { arn } => write!(f, "delete listener {}", short(arn)),
        }
    }
}

/// The default certificate and the others, of a list in canonical form.
fn certificates(spec: &Value) -> (Option<String>, BTreeSet<String>) {
    let items = spec.get("certificates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let arn = |c: &Value| c.get("certificateArn").and_then(Value::as_str).map(str::to_owned);
    let is_default = |c: &&Value| c.get("isDefault") == Some(&Value::Bool(true));
    let default = items.iter().find(is_default).and_then(arn);
    let others = items.iter().filter(|c| !is_default(c)).filter_map(arn).collect();
    (default, others)
}

fn only(certificate: String) -> Value {
    json!([{ "certificateArn": certificate }])
}

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let mut members = spec.as_object().cloned().unwrap_or_default();
    members.retain(|key, value| !value.is_null() && !["attributes", "tags", "certificates"].contains(&key.as_str()));
    let (default, others) = certificates(spec);
    if let Some(default) = default {
        members.insert("certificates".to_owned(), only(default));
    }
    let made = Action::Create { spec: members, tags: context.tags.clone() };
    let mut steps = vec![Draft::because(made, "create", "it is missing")];
    let own = || context.own("arn");
    if !others.is_empty() {
        let action = Action::AddCertificates { arn: own(), certificates: others.into_iter().collect() };
        steps.push(Draft::because(action, "create", "the create call takes the default certificate only"));
    }
    steps.extend(attributes::after_create(spec, |attributes| Action::ModifyAttributes { arn: own(), attributes }));
    steps
}

/// The fields that `ModifyListener` changes, without the certificates.
const MODIFIED: &[&str] = &["port", "protocol", "sslPolicy", "alpnPolicy", "defaultActions", "mutualAuthentication"];

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    let arn = || live.id.clone();
    let (mut set, mut healed) = to_set(diffs, MODIFIED, |field| match spec.get(field) {
        Some(Value::Null) => unset(field),
        value => value.cloned(),
    });
    let paths = heals(diffs, "/certificates");
    let ((want, others), (stands, have)) = (certificates(spec), certificates(&live.fields));
    let moved = want.clone().filter(|_| want != stands && !paths.is_empty());
    // AWS wants a certificate in the very call that makes a listener secure.
    if let Some(default) = &moved {
        set.insert("certificates".to_owned(), only(default.clone()));
        healed.extend(paths.clone());
    }
    let mut steps = Vec::new();
    if !set.is_empty() {
        steps.push(Draft::heal(Action::Modify { arn: arn(), set }, "update", healed));
    }
    if !paths.is_empty() {
        let added: Vec<String> = others.difference(&have).cloned().collect();
        // The new default one is not taken out of the others: AWS refuses that, and shows it once more at most.
        let removed = have.difference(&others).filter(|arn| Some(*arn) != want.as_ref());
        let removed: Vec<String> = removed.cloned().collect();
        if !added.is_empty() {
            let action = Action::AddCertificates { arn: arn(), certificates: added };
            steps.push(Draft::heal(action, "update", paths.clone()));
        }
        if !removed.is_empty() {
            let action = Action::RemoveCertificates { arn: arn(), certificates: removed };
            steps.push(Draft::heal(action, "update", paths));
        }
    }
    let scene = Scene { desired: spec, live: &live.fields, facts: facts() };
    steps.extend(attributes::draft(diffs, &scene, |attributes| Action::ModifyAttributes { arn: arn(), attributes }));
    Converge::Change(steps)
}

/// What AWS is told where a field must be unset: its default as a value.
fn unset(field: &str) -> Option<Value> {
    match field {
        "sslPolicy" => Some(json!("ELBSecurityPolicy-2016-08")),
        "alpnPolicy" => Some(json!(["None"])),
        "mutualAuthentication" => Some(json!({ "mode": "off" })),
        _ => None,
    }
}

pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    vec![Draft::because(Action::Delete { arn: live.id.clone() }, "delete", "")]
}
