//! The life that most kinds lead: one call makes the thing, calls that take whole fields change it, one deletes it.
//!
//! A kind says what its calls take ([`Plain`]); the plan and the prediction follow from that and from its field facts.

use crate::common::{self, Retag, Tags, existing, heals, one_line, overlay, refusal};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::facts::{Facts, Scene};
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

/// What the calls about a kind take.
pub(crate) trait Plain: Kind<Action = Action<Self>> + Sized {
    /// What people call it, as in "create VPC".
    const NOUN: &'static str;
    /// Fields that the line of a create shows.
    const SHOWN: &'static [&'static str];
    /// Fields that the create call does not take; they are set right after, where they are not AWS's default.
    const LATER: &'static [&'static str] = &[];
    /// What a delete takes beside the handle that its line shows.
    const SHOWN_AT_DELETE: &'static [&'static str] = &[];
    /// Fields that can change in place, by the call that takes them: one step a group.
    const CALLS: &'static [&'static [&'static str]];

    /// The table of facts, ready for look-ups. [`life`] writes it.
    fn facts() -> &'static Facts;

    /// What AWS makes of a create with these fields: its defaults added, its handle minted.
    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation;

    /// AWS's refusal to delete it as it is, such as deletion protection; none as a rule.
    fn kept(_live: &Observation) -> Option<Refusal> {
        None
    }
}

/// One call about a `K`.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub(crate) struct Action<K> {
    pub(crate) call: Call,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Call {
    /// Makes it.
    Create {
        /// The members that the create call takes, in canonical form.
        spec: Map<String, Value>,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// Sets fields that one call takes.
    Modify {
        /// Which one.
        id: String,
        /// The fields, each with its whole value; null takes it away.
        set: Map<String, Value>,
    },
    /// Sets and removes tags.
    Retag(Retag),
    /// Deletes it.
    Delete {
        /// Which one.
        id: String,
        /// Its live fields, for calls that want more than the handle.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        fields: Value,
    },
}

impl<K> From<Call> for Action<K> {
    fn from(call: Call) -> Self {
        Self { call, kind: PhantomData }
    }
}

impl<K> Clone for Action<K> {
    fn clone(&self) -> Self {
        self.call.clone().into()
    }
}

impl<K: Plain> fmt::Display for Action<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Call::Create { spec, .. } => {
                let shown = spec.iter().filter(|(key, _)| K::SHOWN.contains(&key.as_str()));
                let shown = one_line(&words(shown));
                write!(f, "create {}{}{shown}", K::NOUN, if shown.is_empty() { "" } else { ": " })
            }
            Call::Modify { set, .. } => write!(f, "set {}", one_line(&words(set.iter()))),
            Call::Retag(retag) => retag.fmt(f),
            Call::Delete { id, fields } => {
                write!(f, "delete {} {}", K::NOUN, one_line(id))?;
                let said = fields.as_object().into_iter().flatten();
                let shown = words(said.filter(|(key, _)| K::SHOWN_AT_DELETE.contains(&key.as_str())));
                if shown.is_empty() { Ok(()) } else { write!(f, ", {}", one_line(&shown)) }
            }
        }
    }
}

/// `cidrBlock 10.0.0.0/16, instanceTenancy default`.
fn words<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let one = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key} {text}"),
        Value::Null => format!("no {key}"),
        other => format!("{key} {other}"),
    };
    members.map(one).collect::<Vec<_>>().join(", ")
}

/// Makes it, then sets what the create call does not take.
pub(crate) fn create<K: Plain>(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action<K>>> {
    let mut members = spec.as_object().cloned().unwrap_or_default();
    members.retain(|key, value| !value.is_null() && key != "tags");
    let later: Map<String, Value> =
        K::LATER.iter().filter_map(|key| Some(((*key).to_owned(), members.shift_remove(*key)?))).collect();
    let made = Call::Create { spec: members, tags: context.tags.clone() };
    let mut steps = vec![Draft::because(made.into(), "create", "it is missing")];
    for group in K::CALLS {
        let fields =
            later.iter().filter(|(key, value)| group.contains(&key.as_str()) && !is_default::<K>(spec, key, value));
        let set: Map<String, Value> = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !set.is_empty() {
            let modify = Call::Modify { id: context.own("id"), set };
            steps.push(Draft::because(modify.into(), "update", "the create call does not take it"));
        }
    }
    steps
}

fn is_default<K: Plain>(spec: &Value, key: &str, value: &Value) -> bool {
    let scene = Scene { desired: spec, live: &Value::Null, facts: K::facts() };
    K::facts().child(key).default_in(&scene) == Some(value)
}

/// Sets the fields that differ, call by call.
pub(crate) fn converge<K: Plain>(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action<K>> {
    Converge::Change(K::CALLS.iter().filter_map(|group| update::<K>(group, spec, live, diffs)).collect())
}

/// The step that sets those fields of `group` that differ; none if none does.
pub(crate) fn update<K: Plain>(
    group: &[&str],
    spec: &Value,
    live: &Observation,
    diffs: &[FieldDiff],
) -> Option<Draft<Action<K>>> {
    let (mut set, mut healed) = (Map::new(), Vec::new());
    for field in group {
        let paths = heals(diffs, &format!("/{field}"));
        if !paths.is_empty() {
            set.insert((*field).to_owned(), wanted::<K>(field, spec, live));
            healed.extend(paths);
        }
    }
    (!set.is_empty()).then(|| Draft::heal(Call::Modify { id: live.id.clone(), set }.into(), "update", healed))
}

/// The whole value that a field is to have: what is declared over what is live, or else AWS's default, or else null.
pub(crate) fn wanted<K: Plain>(field: &str, spec: &Value, live: &Observation) -> Value {
    match spec.get(field) {
        Some(declared) if !declared.is_null() => merged(live.fields.get(field), declared),
        _ => {
            let scene = Scene { desired: spec, live: &live.fields, facts: K::facts() };
            K::facts().child(field).default_in(&scene).cloned().unwrap_or_default()
        }
    }
}

/// What is declared over what is live: members of objects that nobody declares stay, a null takes one away.
pub(crate) fn merged(live: Option<&Value>, declared: &Value) -> Value {
    let (Some(Value::Object(live)), Value::Object(declared)) = (live, declared) else { return declared.clone() };
    let mut whole = live.clone();
    for (key, value) in declared {
        if value.is_null() {
            whole.shift_remove(key);
        } else {
            whole.insert(key.clone(), merged(live.get(key), value));
        }
    }
    Value::Object(whole)
}

/// The step that sets and removes tags.
pub(crate) fn retag<K: Plain>(live: &Observation, set: Tags, remove: BTreeSet<String>) -> Action<K> {
    Call::Retag(Retag::of(live, set, remove)).into()
}

/// The step that deletes it.
pub(crate) fn delete<K: Plain>(live: &Observation) -> Vec<Draft<Action<K>>> {
    let call = Call::Delete { id: live.id.clone(), fields: Value::Null };
    vec![Draft::because(call.into(), "delete", "")]
}

/// What AWS makes of a call.
pub(crate) fn predict<K: Plain>(
    before: Option<&Observation>,
    action: &Action<K>,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    match &action.call {
        Call::Create { spec, tags } => match before {
            Some(there) => Err(refusal(
                ErrorClass::Conflict,
                "AlreadyExists",
                format!("{} of that name exists: {}", K::NOUN, there.id),
            )),
            None => Ok(Some(K::made(Value::Object(spec.clone()), tags.clone(), mint))),
        },
        Call::Modify { id, set } => {
            let mut after = existing(before, id)?.clone();
            overlay(&mut after.fields, set);
            K::canonical(&mut after.fields);
            after.identity = K::identity(&after.fields).unwrap_or_default();
            let field = |name: &str| Some((name.to_owned(), after.fields.get(name)?.clone()));
            after.outputs.extend(K::OUTPUTS.iter().filter_map(|output| field(output.name)));
            Ok(Some(after))
        }
        Call::Retag(retag) => retag.predict(before),
        Call::Delete { .. } => match before.and_then(K::kept) {
            Some(refusal) => Err(refusal),
            // Deleting what is gone succeeds.
            None => Ok(None),
        },
    }
}

/// A made thing that is settled, with those of its fields that are outputs, and `more`.
pub(crate) fn observation<K: Plain, const N: usize>(
    id: String,
    tags: Tags,
    mut fields: Value,
    more: [(&str, Option<Value>); N],
) -> Observation {
    K::canonical(&mut fields);
    let identity = K::identity(&fields).unwrap_or_default();
    let mut seen = common::settled(id, identity, tags, fields);
    let field = |name: &str| Some((name.to_owned(), seen.fields.get(name)?.clone()));
    let outputs: Vec<(String, Value)> = K::OUTPUTS.iter().filter_map(|output| field(output.name)).collect();
    seen.outputs.extend(outputs);
    seen.outputs.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    seen
}

/// The table of facts that [`Plain::facts`] wants, made once.
macro_rules! facts {
    () => {
        fn facts() -> &'static holdfast_core::facts::Facts {
            static FACTS: std::sync::OnceLock<holdfast_core::facts::Facts> = std::sync::OnceLock::new();
            FACTS.get_or_init(|| holdfast_core::facts::Facts::new(<Self as holdfast_core::kind::Kind>::FIELDS))
        }
    };
}

/// The decisions of a kind that leads the plain life, for its `impl Kind`.
macro_rules! life {
    () => {
        $crate::plain::life!(create converge delete);
    };
    ($($method:ident)*) => {
        $($crate::plain::life!(@$method);)*

        fn retag(
            live: &holdfast_core::observe::Observation,
            set: std::collections::BTreeMap<String, String>,
            remove: std::collections::BTreeSet<String>,
        ) -> Self::Action {
            $crate::plain::retag(live, set, remove)
        }

        fn predict(
            before: Option<&holdfast_core::observe::Observation>,
            action: &Self::Action,
            mint: &mut holdfast_core::kind::Mint,
        ) -> Result<Option<holdfast_core::observe::Observation>, holdfast_core::kind::Refusal> {
            $crate::plain::predict(before, action, mint)
        }
    };
    (@create) => {
        fn create(
            spec: &serde_json::Value,
            context: &holdfast_core::kind::Context<'_>,
        ) -> Vec<holdfast_core::kind::Draft<Self::Action>> {
            $crate::plain::create(spec, context)
        }
    };
    (@converge) => {
        fn converge(
            spec: &serde_json::Value,
            live: &holdfast_core::observe::Observation,
            diffs: &[holdfast_core::status::FieldDiff],
            _: &holdfast_core::kind::Context<'_>,
        ) -> holdfast_core::kind::Converge<Self::Action> {
            $crate::plain::converge::<Self>(spec, live, diffs)
        }
    };
    (@delete) => {
        fn delete(
            live: &holdfast_core::observe::Observation,
        ) -> Vec<holdfast_core::kind::Draft<Self::Action>> {
            $crate::plain::delete(live)
        }
    };
}
pub(crate) use {facts, life};
