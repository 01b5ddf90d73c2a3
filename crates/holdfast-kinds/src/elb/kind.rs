//! What the four kinds decide in the same way: how a kind reaches its modules, what a change sets, what AWS makes of it.

use crate::common::{existing, heals, refusal};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{Kind, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde_json::{Map, Value};

/// The methods of a kind that its own modules hold under names that are the same for all four: `spec` validates,
/// `canonical` stands beside the kind, `plan` decides, and `predict` says what AWS makes of an action.
macro_rules! by_its_modules {
    () => {
        fn validate(spec: &Self::Spec) -> Vec<holdfast_core::problem::SpecError> {
            spec::validate(spec)
        }

        fn canonical(spec: &mut serde_json::Value) {
            canonical(spec);
        }

        fn create(
            spec: &serde_json::Value,
            context: &holdfast_core::kind::Context<'_>,
        ) -> Vec<holdfast_core::kind::Draft<Action>> {
            plan::create(spec, context)
        }

        fn converge(
            spec: &serde_json::Value,
            live: &holdfast_core::observe::Observation,
            diffs: &[holdfast_core::status::FieldDiff],
            _: &holdfast_core::kind::Context<'_>,
        ) -> holdfast_core::kind::Converge<Action> {
            plan::converge(spec, live, diffs)
        }

        fn retag(
            live: &holdfast_core::observe::Observation,
            set: $crate::common::Tags,
            remove: std::collections::BTreeSet<String>,
        ) -> Action {
            Action::Tag($crate::common::Retag::of(live, set, remove))
        }

        fn delete(live: &holdfast_core::observe::Observation) -> Vec<holdfast_core::kind::Draft<Action>> {
            plan::delete(live)
        }

        fn predict(
            before: Option<&holdfast_core::observe::Observation>,
            action: &Action,
            mint: &mut holdfast_core::kind::Mint,
        ) -> Result<Option<holdfast_core::observe::Observation>, holdfast_core::kind::Refusal> {
            predict::predict(before, action, mint)
        }
    };
}
pub(crate) use by_its_modules;

/// Those of `fields` that differ, each with the whole value to set, and the paths that this heals. A field for which
/// there is no `value` cannot be set.
pub(crate) fn to_set(
    diffs: &[FieldDiff],
    fields: &[&str],
    value: impl Fn(&str) -> Option<Value>,
) -> (Map<String, Value>, Vec<String>) {
    let (mut set, mut healed) = (Map::new(), Vec::new());
    for field in fields {
        let paths = heals(diffs, &format!("/{field}"));
        if paths.is_empty() {
            continue;
        }
        if let Some(value) = value(field) {
            set.insert((*field).to_owned(), value);
            healed.extend(paths);
        }
    }
    (set, healed)
}

/// AWS refuses to make what exists already.
pub(crate) fn not_twice(before: Option<&Observation>, code: &str, words: &str) -> Result<(), Refusal> {
    before.map_or(Ok(()), |_| Err(refusal(ErrorClass::Conflict, code, words)))
}

/// A thing after a call that changes its fields. Its identity and those outputs that are fields go along.
pub(crate) fn changed<K: Kind>(
    before: Option<&Observation>,
    arn: &str,
    change: impl FnOnce(&mut Value),
) -> Result<Option<Observation>, Refusal> {
    let mut after = existing(before, arn)?.clone();
    change(&mut after.fields);
    K::canonical(&mut after.fields);
    after.identity = K::identity(&after.fields).unwrap_or_default();
    let field = |name: &str| Some((name.to_owned(), after.fields.get(name)?.clone()));
    after.outputs.extend(K::OUTPUTS.iter().filter_map(|output| field(output.name)));
    Ok(Some(after))
}
