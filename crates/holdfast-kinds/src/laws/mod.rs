//! Laws that hold for every kind in the registry. A new kind is under them by being listed.
//!
//! Each law gathers all that is wrong before it fails, so that one run tells the whole story.

mod matrix;
mod mutate;
mod permute;
mod schema;
mod world;

use crate::registry;
use holdfast_core::facts::{Scene, Shape};
use holdfast_core::kind::{AnyKind, Kind};
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use holdfast_core::reference::{self, Reference};
use holdfast_core::uses;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use world::{Outcome, World};

/// What only the typed side of a kind can do: read and write its own JSON.
pub(crate) struct Typed {
    name: &'static str,
    action: fn(Value) -> Result<Value, serde_json::Error>,
    spec: fn(Value) -> Result<Value, serde_json::Error>,
}

impl Typed {
    /// That of `K`.
    pub(crate) fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            action: |json| serde_json::to_value(serde_json::from_value::<K::Action>(json)?),
            spec: |json| serde_json::to_value(serde_json::from_value::<K::Spec>(json)?),
        }
    }
}

fn typed(kind: &dyn AnyKind) -> Typed {
    crate::typed().into_iter().find(|t| t.name == kind.name()).expect("both lists come from one macro")
}

/// Runs a law for every kind and fails with everything that is wrong.
fn for_every_kind(law: impl Fn(&dyn AnyKind, &mut Vec<String>)) {
    let mut wrong = Vec::new();
    for kind in registry().iter() {
        let mut here = Vec::new();
        law(kind, &mut here);
        wrong.extend(here.into_iter().map(|w| format!("{}: {w}", kind.name())));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Likewise for every kind that makes something.
fn for_every_kind_that_writes(law: impl Fn(&dyn AnyKind, &mut Vec<String>)) {
    for_every_kind(|kind, wrong| {
        if !kind.lookup() {
            law(kind, wrong);
        }
    });
}

#[test]
fn a_look_up_has_no_step_whatever_is_live_and_may_only_read() {
    for_every_kind(|kind, wrong| {
        if !kind.lookup() {
            return;
        }
        let mut world = World::new(kind);
        if let Err(why) = world.create().and_then(|()| world.is_quiet()) {
            wrong.push(why);
        }
        if !kind.delete(world.live()).is_empty() {
            wrong.push("it deletes what it has found".to_owned());
        }
        let reads = |p: &&str| p.split(':').nth(1).is_some_and(|p| p.starts_with("Describe") || p.starts_with("List"));
        wrong.extend(kind.permissions().iter().filter(|p| !reads(p)).map(|p| format!("{p} is no read")));
    });
}

#[test]
fn every_example_is_valid_as_written_and_with_its_references_filled_in() {
    for_every_kind(|kind, wrong| {
        let document = world::example(kind);
        for (key, expected) in [("apiVersion", "holdfast.dev/v1"), ("kind", kind.name())] {
            if document[key] != json!(expected) {
                wrong.push(format!("its example's {key} is {}", document[key]));
            }
        }
        for spec in [document["spec"].clone(), world::filled(kind)] {
            wrong.extend(kind.validate(&spec).iter().map(|e| format!("{} {}: {}", e.pointer, e.code, e.message)));
        }
    });
}

#[test]
fn a_spec_keeps_everything_through_its_type() {
    for_every_kind(|kind, wrong| {
        let (mut before, typed) = (world::filled(kind), typed(kind));
        match (typed.spec)(before.clone()) {
            Ok(mut after) => {
                kind.canonical(&mut before);
                kind.canonical(&mut after);
                crate::common::drop_nulls(&mut after);
                if before != after {
                    wrong.push(format!("{before}\n  became {after}"));
                }
            }
            Err(e) => wrong.push(e.to_string()),
        }
    });
}

#[test]
fn facts_name_fields_of_the_schema_and_fit_their_shape() {
    for_every_kind(|kind, wrong| {
        let _ = kind.facts();
        for field in kind.fields() {
            let Some(found) = schema::at(kind.schema(), field.path) else {
                wrong.push(format!("{} is not in the schema", field.path));
                continue;
            };
            let wanted = match field.shape {
                Shape::Set(_) | Shape::List => Some("array"),
                Shape::Map | Shape::Object => Some("object"),
                Shape::Scalar | Shape::WriteOnly => None,
            };
            if let Some(wanted) = wanted.filter(|w| !schema::is_a(kind.schema(), &found, w)) {
                wrong.push(format!("{} is a {:?} and no {wanted} in the schema", field.path, field.shape));
            }
        }
        wrong.extend(schema::undescribed(kind.schema()).into_iter().map(|p| format!("{p} has no description")));
    });
}

#[test]
fn every_default_names_the_page_of_aws_that_says_so_and_conditions_name_fields() {
    let mut defaults = 0;
    for kind in registry().iter() {
        for field in kind.fields() {
            let rest = field.default.map(|_| field.source);
            for source in field.given.iter().map(|g| g.source).chain(rest) {
                defaults += 1;
                let what = format!("{} {}: \"{source}\"", kind.name(), field.path);
                assert!(source.starts_with("https://docs.aws.amazon.com/"), "{what} is no page of AWS's");
            }
            // Conditions that lead back to themselves would never come to an end.
            let nothing = json!({});
            let scene = Scene { desired: &nothing, live: &nothing, facts: kind.facts() };
            let _ = kind.facts().at(field.path).default_in(&scene);
            for when in field.given.iter().flat_map(|g| g.when) {
                let what = format!("{} {}: the condition on {}", kind.name(), field.path, when.at);
                let generic = when.at.replace("/0", "/*");
                assert!(schema::at(kind.schema(), &generic).is_some(), "{what} is on no field");
                assert!(!when.is.is_empty(), "{what} never holds");
            }
        }
    }
    println!("{defaults} defaults with a source");
}

#[test]
fn permissions_are_named_as_iam_does_and_in_order() {
    for_every_kind(|kind, wrong| {
        let named = kind.permissions();
        let ordered: BTreeSet<&str> = named.iter().copied().collect();
        if !named.iter().copied().eq(ordered) {
            wrong.push("its permissions are not in order, or one stands twice".to_owned());
        }
        wrong.extend(named.iter().filter(|p| !p.contains(':')).map(|p| format!("{p} is no IAM action")));
        if kind.doc().trim().is_empty() || kind.summary().trim().is_empty() {
            wrong.push("it has no words".to_owned());
        }
    });
}

#[test]
fn what_was_just_created_is_as_declared_tagged_and_in_sync() {
    for_every_kind(|kind, wrong| {
        let mut world = World::new(kind);
        if let Err(why) = world.create() {
            return wrong.push(format!("its create is refused: {why}"));
        }
        let live = world.live();
        for tag in [UID_TAG, RESOURCE_TAG] {
            if world.tags_after_first_step.get(tag) != world.tags.get(tag) {
                wrong.push(format!("its create call does not write the tag {tag}"));
            }
        }
        wrong.extend(
            kind.outputs()
                .iter()
                .filter(|o| !live.outputs.contains_key(o.name))
                .map(|o| format!("no output {}", o.name)),
        );
        let (said, seen) = (kind.identity(&world.spec), &live.identity);
        if said.as_deref().is_some_and(|said| said != seen) {
            wrong.push(format!("its spec's identity is {said:?}, its live one {seen}"));
        }
        wrong.extend(world.diffs().iter().map(|d| format!("differs when new: {} {} -> {}", d.path, d.desired, d.live)));
        if let Err(why) = world.is_quiet() {
            wrong.push(format!("is not quiet when new: {why}"));
        }
    });
}

#[test]
fn what_is_not_declared_is_silence() {
    for_every_kind(|kind, wrong| {
        for field in schema::optional(kind.schema()) {
            let mut world = World::new(kind);
            if world.spec.as_object_mut().and_then(|s| s.remove(&field)).is_none() {
                continue;
            }
            if !kind.validate(&world.spec).is_empty() {
                continue;
            }
            match world.create() {
                Err(why) => wrong.push(format!("without {field}: its create is refused: {why}")),
                Ok(()) => {
                    let left = world.diffs();
                    wrong.extend(
                        left.iter().map(|d| format!("without {field}: {} {} -> {}", d.path, d.desired, d.live)),
                    );
                    wrong.extend(world.is_quiet().err().map(|why| format!("without {field}: {why}")));
                }
            }
        }
    });
}

#[test]
fn what_must_be_unset_is_unset_in_two_rounds() {
    for_every_kind(|kind, wrong| {
        for field in schema::optional(kind.schema()).into_iter().filter(|field| field != "tags") {
            let mut world = World::new(kind);
            world.spec[&field] = Value::Null;
            if !kind.validate(&world.spec).is_empty() {
                continue;
            }
            kind.canonical(&mut world.spec);
            match world.create().map(|()| world.heal(2)) {
                Ok(Outcome::Healed | Outcome::Replace) => {}
                Ok(Outcome::Stuck(why)) | Err(why) => wrong.push(format!("{field} null: {why}")),
            }
        }
    });
}

#[test]
fn every_live_change_of_a_single_field_is_healed_in_two_rounds() {
    for_every_kind_that_writes(|kind, wrong| {
        let mut world = World::new(kind);
        if world.create().is_err() {
            return;
        }
        let made = world.live().clone();
        let typed = typed(kind);
        if let Err(e) = (typed.spec)(Value::clone(&made.fields)) {
            return wrong.push(format!("what is live has not the shape of a spec: {e}"));
        }
        let mut tried = 0;
        // AWS never shows what could not be written, such as a rule without a protocol.
        let possible = |fields: &Value| (typed.spec)(fields.clone()).is_ok();
        for (what, fields) in mutate::all(&made.fields).into_iter().filter(|(_, fields)| possible(fields)) {
            let mut live = made.clone();
            live.fields = fields.into();
            kind.canonical(&mut live.fields);
            world.set_live(live);
            tried += usize::from(!world.diffs().is_empty());
            // What cannot change in place is core's to refuse or to replace.
            if world.healable().is_empty() {
                continue;
            }
            match world.heal(2) {
                Outcome::Healed | Outcome::Replace => {}
                Outcome::Stuck(why) => wrong.push(format!("{what}: {why}")),
            }
        }
        if tried == 0 {
            wrong.push("no live change makes a difference; is its example whole?".to_owned());
        }
    });
}

#[test]
fn every_action_is_one_line_and_survives_as_json() {
    for_every_kind(|kind, wrong| {
        let mut world = World::new(kind);
        let _ = world.create();
        let made = world.live().clone();
        for (_, fields) in mutate::all(&made.fields) {
            let mut live = made.clone();
            live.fields = fields.into();
            kind.canonical(&mut live.fields);
            world.set_live(live);
            let _ = world.heal(1);
        }
        world.set_live(made);
        let _ = world.retag();
        let _ = world.delete();
        let typed = typed(kind);
        for action in &world.actions {
            if action.text.trim().is_empty() || action.text.chars().any(char::is_control) {
                wrong.push(format!("reads {:?}", action.text));
            }
            match (typed.action)(action.json.clone()) {
                Ok(again) if again == action.json => {}
                Ok(again) => wrong.push(format!("{} became {again}", action.json)),
                Err(e) => wrong.push(format!("{} cannot be read: {e}", action.json)),
            }
        }
    });
}

#[test]
fn tags_are_set_and_removed_and_nothing_else_changes() {
    for_every_kind(|kind, wrong| {
        if !kind.tagged() {
            return;
        }
        let mut world = World::new(kind);
        if world.create().is_err() {
            return;
        }
        let before = world.live().clone();
        match world.retag() {
            Err(why) => wrong.push(why),
            Ok(()) => {
                let after = world.live();
                let mut expected = before.tags.as_ref().clone();
                expected.remove("law-gone");
                expected.insert("law".to_owned(), "kept".to_owned());
                if *after.tags != expected {
                    wrong.push(format!("tags are {:?}", after.tags));
                }
                if after.fields != before.fields || after.id != before.id {
                    wrong.push("its fields changed with its tags".to_owned());
                }
            }
        }
    });
}

#[test]
fn a_delete_ends_with_nothing_there() {
    for_every_kind_that_writes(|kind, wrong| {
        let mut world = World::new(kind);
        if world.create().is_ok()
            && let Err(why) = world.delete()
        {
            wrong.push(why);
        }
    });
}

#[test]
fn predictions_are_the_same_every_time() {
    for_every_kind(|kind, wrong| {
        let made = || {
            let mut world = World::new(kind);
            let _ = world.create();
            serde_json::to_string(world.live()).unwrap_or_default()
        };
        if made() != made() {
            wrong.push("two creates from the same state differ".to_owned());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_form_is_final_whatever_the_document_holds(pick in any::<prop::sample::Index>(), odd in mutate::odd_value()) {
        for kind in registry().iter() {
            let whole = world::filled(kind);
            let places = mutate::pointers(&whole);
            if places.is_empty() {
                continue;
            }
            let mut spec = whole;
            holdfast_core::pointer::set(&mut spec, &places[pick.index(places.len())], odd.clone());
            kind.canonical(&mut spec);
            let once = spec.clone();
            kind.canonical(&mut spec);
            prop_assert_eq!(&spec, &once, "{} is not idempotent", kind.name());
            let _ = kind.identity(&spec);
            let _ = kind.validate(&spec);
        }
    }
}

#[test]
fn names_of_a_kind_stand_where_it_says_they_do() {
    let registry = registry();
    for kind in registry.iter() {
        for (by, pattern) in kind.named_in() {
            let user = registry.get(by).expect("a kind that there is");
            let found = schema::at(user.schema(), pattern).filter(|found| schema::is_a(user.schema(), found, "string"));
            assert!(found.is_some(), "{}: {by} has no text at {pattern}", kind.name());
        }
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = BTreeSet::new();
    for system in std::fs::read_dir(folder).expect("the examples").filter_map(Result::ok) {
        let Ok(text) = std::fs::read_to_string(system.path().join("stack.json")) else { continue };
        let stack: Value = serde_json::from_str(&text).expect("it is JSON");
        for resource in stack["spec"]["resources"].as_array().into_iter().flatten() {
            let by = resource["kind"].as_str().expect("a kind");
            let mut each = |at: &str, reference: &Reference| {
                let Reference::Output { kind, output, .. } = reference else { return };
                let to = registry.get(kind).filter(|k| k.id_is_name() && ["id", "name"].contains(&output.as_str()));
                if to.is_some() {
                    assert!(
                        uses::refers(to, "plain", by, at),
                        "{kind} is named by {by} at {at}, which it does not know"
                    );
                    seen.insert(kind.clone());
                }
            };
            reference::each(&resource["spec"], "", &mut each, &mut Vec::new());
        }
    }
    assert!(seen.len() >= 2, "{seen:?}");
}
