//! What is refused because only a person may want it: emptying a stack or most of it, taking away what is protected,
//! and taking away what others still refer to.

use crate::graph;
use crate::http::problem::{Mistake, Problem};
use crate::state::ApiState;
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::Fate;
use holdfast_core::validate::{Accepted, AcceptedResource};
use holdfast_store::{Filter, ResourceRecord};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where a body has the list that is meant.
fn list_of(body: &Value) -> &'static str {
    if body.get("kind").is_some_and(|k| k == "Stack") { "/spec/resources" } else { "/items" }
}

/// Refuses to take the last declaration out of a stack.
pub(crate) fn refuse_emptied(accepted: &Accepted, body: &Value) -> Result<(), Problem> {
    let emptied = |stack: &&str| {
        accepted.absent.iter().any(|k| k.stack == **stack) && !accepted.resources.iter().any(|r| r.key.stack == **stack)
    };
    let stacks: Vec<&str> = accepted.stacks.iter().map(|s| s.name.as_str()).filter(emptied).collect();
    if stacks.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "This would take the last declaration out of {}. If it is meant, send it again with ?confirm=empty. Nothing was changed.",
        stacks.join(", ")
    );
    Err(Problem::conflict("empty-set", detail).at(list_of(body)))
}

/// Refuses deletions that nobody named of more than the configured share of a stack.
pub(crate) fn refuse_shrunk(
    state: &ApiState,
    accepted: &Accepted,
    removals: &[(ResourceRecord, Option<Fate>)],
    body: &Value,
) -> Result<(), Problem> {
    let limits = state.options().shrink;
    for stack in &accepted.stacks {
        let goes = removals.iter().filter(|(r, fate)| r.key.stack == stack.name && fate.is_some()).count() as u64;
        if goes < limits.least {
            continue;
        }
        let filter = Filter { stack: Some(stack.name.clone()), ..Filter::default() };
        let of = state.store().summary(&filter)?.resources;
        if goes * 100 > of * limits.share {
            let detail = format!(
                "This would delete {goes} of the {of} resources of {}, more than {} %, and nobody has named them. If it is meant, \
                 send it again with ?confirm=shrink. Nothing was changed.",
                stack.name, limits.share
            );
            return Err(Problem::conflict("sudden-shrink", detail).at(list_of(body)));
        }
    }
    Ok(())
}

/// Refuses to take away what is protected.
pub(crate) fn refuse_protected<'r>(records: impl Iterator<Item = &'r ResourceRecord>) -> Result<(), Problem> {
    let protected = records.filter(|r| r.policy_effective.protect == Some(true));
    let names: Vec<String> = protected.map(|r| r.key.to_string()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mistakes = names.iter().map(|name| Mistake {
        pointer: String::new(),
        code: "protected".to_owned(),
        message: format!("{name} has policy.protect; set it to false first."),
        parameter: None,
    });
    let detail = format!(
        "{} {} protected. Lift policy.protect there first; nothing was changed.",
        names.join(", "),
        if names.len() == 1 { "is" } else { "are" }
    );
    Err(Problem::conflict("protected", detail).mistakes(mistakes.collect::<Vec<_>>()))
}

/// Refuses to take away what a resource that stays refers to. `declared` are those that are declared anew in the same
/// request; the others are as they are stored.
pub(crate) fn refuse_referenced(
    state: &ApiState,
    leaving: &[ResourceKey],
    declared: &[AcceptedResource],
) -> Result<(), Problem> {
    if leaving.is_empty() {
        return Ok(());
    }
    let leaving: BTreeSet<&ResourceKey> = leaving.iter().collect();
    let anew: BTreeMap<&ResourceKey, &Value> = declared.iter().map(|r| (&r.key, &r.spec)).collect();
    let mut users: BTreeMap<ResourceKey, BTreeSet<String>> = BTreeMap::new();
    let mut look = |key: &ResourceKey, named: &mut dyn Iterator<Item = ResourceKey>| {
        for named in named.filter(|n| leaving.contains(n)) {
            users.entry(named).or_default().insert(key.to_string());
        }
    };
    for (key, spec) in &anew {
        look(key, &mut graph::named(spec, &key.stack).into_iter());
    }
    for scope in state.store().scopes()? {
        for desired in state.store().desired(&scope, state.now())?.iter() {
            let key = &desired.key;
            if desired.fate == Fate::Keep && !leaving.contains(key) && !anew.contains_key(key) {
                look(key, &mut desired.spec.targets(&key.stack).map(|(_, named, _)| named));
            }
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    let said = |(key, by): (&ResourceKey, &BTreeSet<String>)| {
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        format!("{key} is referred to by {}", by.join(", "))
    };
    let words: Vec<String> = users.iter().map(said).collect();
    let mistakes = words.iter().map(|message| Mistake {
        pointer: String::new(),
        code: "referenced".to_owned(),
        message: format!("{message}; take the reference out first."),
        parameter: None,
    });
    let mistakes: Vec<Mistake> = mistakes.collect();
    let detail = format!(
        "{}. Take the references out first, or let those go in the same request; nothing was changed.",
        words.join("; ")
    );
    Err(Problem::conflict("referenced", detail).mistakes(mistakes))
}
