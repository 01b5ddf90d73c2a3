//! What the simulated AWS answers to look-ups: the same to the same question, for ever.

use holdfast_core::kind::{AnyKind, Mint};
use holdfast_core::observe::{Observation, Wanted};
use holdfast_core::spec::OpenSpec;
use serde_json::json;
use std::sync::Arc;

/// True if a sweep that reads by name sees a thing.
pub(crate) fn is_wanted(kind: &dyn AnyKind, wanted: &Wanted, thing: &Observation) -> bool {
    let named = |spec: &OpenSpec| spec.identity(|spec| kind.identity(spec)).is_some_and(|name| name == thing.identity);
    let made = |name: &Option<String>| name.as_ref() == Some(&thing.identity);
    wanted.resources.iter().any(|one| one.id.as_deref() == Some(&*thing.id) || made(&one.made_as) || named(&one.spec))
}

/// The answer to each question that can be asked by now. `mint` says whose account it is.
pub(crate) fn answers(kind: &dyn AnyKind, wanted: &Wanted, mint: &Mint) -> Vec<Arc<Observation>> {
    let answer = |spec: &serde_json::Value| {
        let asked = kind.identity(spec)?;
        // An id of its own for each question, and not that of anything made here.
        let next = asked.bytes().fold(1 << 40, |sum: u64, byte| sum.rotate_left(5) ^ u64::from(byte));
        kind.predict(None, &json!({ "find": spec }), &mut Mint { next, ..mint.clone() }).ok().flatten()
    };
    wanted.resources.iter().filter_map(|one| answer(&one.spec)).map(Arc::new).collect()
}
