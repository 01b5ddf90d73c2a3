//! What the look-ups share: kinds that ask AWS a question and give its answer to those that refer to them.
//!
//! Nothing is ever made, changed, tagged or deleted. The spec is the question; an answer has the spec's fields, so it is
//! in sync by being there, and its outputs say what AWS found.

use crate::common::{Tags, settled};
#[cfg(feature = "aws")]
use holdfast_core::kind::Kind;
use holdfast_core::observe::Observation;
use holdfast_core::reference::is_open;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A question, where other kinds have actions. No plan has one; the simulated AWS answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// The spec.
    find: Map<String, Value>,
}

impl Question {
    pub(crate) fn new(spec: &Value) -> Self {
        Self { find: spec.as_object().cloned().unwrap_or_default() }
    }

    pub(crate) fn spec(&self) -> Value {
        Value::Object(self.find.clone())
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "find {}", Value::Object(self.find.clone()))
    }
}

/// The question in one spelling; `None` while it hangs on a reference.
pub(crate) fn identity(spec: &Value) -> Option<String> {
    let fields: BTreeMap<&String, &Value> = spec.as_object()?.iter().collect();
    let text = serde_json::to_string(&fields).ok()?;
    (!is_open(&text)).then_some(text)
}

/// The answer to a question.
pub(crate) fn answer<const N: usize>(spec: &Value, id: String, outputs: [(&str, Option<&str>); N]) -> Observation {
    let identity = identity(spec).unwrap_or_default();
    let mut seen = settled(id, identity, Tags::new(), spec.clone());
    let said = outputs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    seen.outputs.extend(said);
    seen
}

/// The life of a look-up, for its `impl Kind`: it has none.
macro_rules! life {
    () => {
        const LOOKUP: bool = true;
        const TAGGED: bool = false;

        type Action = $crate::lookup::Question;

        fn canonical(spec: &mut serde_json::Value) {
            $crate::common::drop_nulls(spec);
        }

        fn identity(spec: &serde_json::Value) -> Option<String> {
            $crate::lookup::identity(spec)
        }

        fn create(
            _: &serde_json::Value,
            _: &holdfast_core::kind::Context<'_>,
        ) -> Vec<holdfast_core::kind::Draft<Self::Action>> {
            Vec::new()
        }

        fn converge(
            _: &serde_json::Value,
            _: &holdfast_core::observe::Observation,
            _: &[holdfast_core::status::FieldDiff],
            _: &holdfast_core::kind::Context<'_>,
        ) -> holdfast_core::kind::Converge<Self::Action> {
            holdfast_core::kind::Converge::Change(Vec::new())
        }

        fn retag(
            live: &holdfast_core::observe::Observation,
            _: std::collections::BTreeMap<String, String>,
            _: std::collections::BTreeSet<String>,
        ) -> Self::Action {
            $crate::lookup::Question::new(&live.fields)
        }

        fn delete(_: &holdfast_core::observe::Observation) -> Vec<holdfast_core::kind::Draft<Self::Action>> {
            Vec::new()
        }

        fn predict(
            _: Option<&holdfast_core::observe::Observation>,
            question: &Self::Action,
            mint: &mut holdfast_core::kind::Mint,
        ) -> Result<Option<holdfast_core::observe::Observation>, holdfast_core::kind::Refusal> {
            Ok(Some(Self::simulated(&question.spec(), mint)))
        }
    };
}
pub(crate) use life;

/// What the live side says of an action: no plan has one.
#[cfg(feature = "aws")]
pub(crate) fn changes_nothing<K: Kind>() -> holdfast_core::cloud::ApplyError {
    crate::aws::answer::refused(K::NAME, "LookupOnly", "a look-up changes nothing".to_owned())
}
