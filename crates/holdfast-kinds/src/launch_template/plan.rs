//! The actions, when they are taken, and what AWS makes of them.

use super::spec::facts;
use crate::common::{self, Retag, Tags, drop_nulls, existing, one_line, refusal, text};
use crate::ec2;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::compare::compare;
use holdfast_core::kind::{Context, Draft, Mint, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// What can be done to a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// Makes it with its first version.
    Create {
        /// Name.
        name: String,
        /// The first version.
        version: Version,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// Makes a version and then makes it the default.
    AddVersion {
        /// The template's id.
        id: String,
        /// The version.
        version: Version,
    },
    /// Makes a version that is there the default.
    MoveDefault {
        /// The template's id.
        id: String,
        /// The version's number.
        number: i64,
    },
    /// Sets and removes tags.
    Retag(Retag),
    /// Deletes it with all its versions.
    Delete {
        /// The template's id.
        id: String,
    },
}

/// The content of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    /// What launches take, in canonical form, without nulls.
    pub(super) data: Map<String, Value>,
    /// What is written on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

impl Version {
    fn of(spec: &Value) -> Self {
        let mut data = spec.get("launchTemplateData").cloned().unwrap_or_default();
        drop_nulls(&mut data);
        let data = data.as_object().cloned().unwrap_or_default();
        Self { data, description: text(spec, "versionDescription").map(str::to_owned) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = ["imageId", "instanceType"].into_iter();
        let words = shown.filter_map(|key| Some(format!("{key} {}", self.data.get(key)?.as_str()?)));
        let words: Vec<String> = words.collect();
        match (words.is_empty(), self.data.len() - words.len()) {
            (true, more) => write!(f, "{more} members"),
            (false, 0) => f.write_str(&one_line(&words.join(", "))),
            (false, more) => write!(f, "{} and {more} more", one_line(&words.join(", "))),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Create { name, version, .. } => {
                write!(f, "create launch template {}: {version}", one_line(name))
            }
            Action::AddVersion { version, .. } => write!(f, "add a version and make it the default: {version}"),
            Action::MoveDefault { number, .. } => write!(f, "make version {number} the default"),
            Action::Retag(retag) => retag.fmt(f),
            Action::Delete { id } => write!(f, "delete launch template {} with all its versions", one_line(id)),
        }
    }
}

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let name = text(spec, "launchTemplateName").unwrap_or_default().to_owned();
    let made = Action::Create { name, version: Version::of(spec), tags: context.tags.clone() };
    vec![Draft::because(made, "create", "it is missing")]
}

/// One step for any number of differences: back to a version of the same content, or else a new version.
pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Option<Draft<Action>> {
    let heals = common::heals(diffs, "/launchTemplateData");
    if heals.is_empty() {
        return None;
    }
    let wanted = Version::of(spec);
    let default = live.outputs.get("defaultVersion").and_then(Value::as_i64);
    // The newest first: it is the one that was made last for this declaration.
    let mut others: Vec<Numbered> = versions(live).into_iter().filter(|v| Some(v.number) != default).collect();
    others.sort_by_key(|v| -v.number);
    let again = others.into_iter().find(|v| is_same(&wanted.data, &v.data));
    let id = live.id.clone();
    Some(match again {
        Some(version) => Draft {
            because: format!("version {} is as declared, and another one is the default", version.number),
            ..Draft::heal(Action::MoveDefault { id, number: version.number }, "update", heals)
                .renewing(&["defaultVersion"])
        },
        None => Draft::heal(Action::AddVersion { id, version: wanted }, "update", heals)
            .renewing(&["defaultVersion", "latestVersion"]),
    })
}

/// A version that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Numbered {
    pub(super) number: i64,
    pub(super) data: Map<String, Value>,
}

/// The versions of which the content is known.
pub(super) fn versions(live: &Observation) -> Vec<Numbered> {
    serde_json::from_value(live.private.get("versions").cloned().unwrap_or_default()).unwrap_or_default()
}

/// True if what is declared is live in `data`.
pub(super) fn holds(data: &Map<String, Value>, declared: &Map<String, Value>) -> bool {
    let whole = |data: &Map<String, Value>| json!({ "launchTemplateData": data });
    compare(&whole(declared), &whole(data), None, None, &[], facts()).is_empty()
}

/// True if two versions say the same, and neither says more.
fn is_same(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    holds(a, b) && holds(b, a)
}

/// A template of which some versions are known; the default one is what is live.
pub(super) fn observation(
    id: String,
    name: String,
    tags: Tags,
    (default, latest): (i64, i64),
    known: &[Numbered],
) -> Observation {
    let mut fields = json!({ "launchTemplateName": name });
    let data = known.iter().find(|v| v.number == default).map(|v| v.data.clone());
    let unread = data.is_none();
    if let Some(data) = data {
        fields["launchTemplateData"] = data.into();
    }
    let mut seen = common::settled(id, name.clone(), tags, fields);
    let outputs =
        [("launchTemplateName", json!(name)), ("defaultVersion", json!(default)), ("latestVersion", json!(latest))];
    seen.outputs.extend(outputs.map(|(key, value)| (key.to_owned(), value)));
    seen.private = json!({ "versions": known }).into();
    if unread {
        seen.unread.push("/launchTemplateData".to_owned());
    }
    seen
}

/// What AWS makes of an action.
pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Create { name, version, tags } => match before {
            Some(_) => {
                let words = format!("Launch template name already in use: {name}");
                Err(refusal(ErrorClass::Conflict, "InvalidLaunchTemplateName.AlreadyExistsException", words))
            }
            None => {
                let (id, _) = ec2::mint(mint, "launch-template", "lt-");
                let first = Numbered { number: 1, data: version.data.clone() };
                Ok(Some(observation(id, name.clone(), tags.clone(), (1, 1), &[first])))
            }
        },
        Action::AddVersion { id, version } => {
            let live = existing(before, id)?;
            let mut known = versions(live);
            let number = live.outputs.get("latestVersion").and_then(Value::as_i64).unwrap_or_default() + 1;
            known.push(Numbered { number, data: version.data.clone() });
            Ok(Some(with_default(live, number, number, &known)))
        }
        Action::MoveDefault { id, number } => {
            let live = existing(before, id)?;
            let latest = live.outputs.get("latestVersion").and_then(Value::as_i64).unwrap_or_default();
            let known = versions(live);
            if !known.iter().any(|v| v.number == *number) {
                let words = format!("Could not find the version {number} of {id}");
                return Err(refusal(ErrorClass::Conflict, "InvalidLaunchTemplateId.VersionNotFound", words));
            }
            Ok(Some(with_default(live, *number, latest, &known)))
        }
        Action::Retag(retag) => retag.predict(before),
        // Deleting what is gone succeeds.
        Action::Delete { .. } => Ok(None),
    }
}

fn with_default(live: &Observation, default: i64, latest: i64, known: &[Numbered]) -> Observation {
    observation(live.id.clone(), live.identity.clone(), Tags::clone(&live.tags), (default, latest), known)
}
