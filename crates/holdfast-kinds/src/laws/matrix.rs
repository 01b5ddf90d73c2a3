//! What is proven of each field of each kind: created, read back, updated or refused, drifted, deleted. The table in the
//! docs is what this test saw; a cell that is empty has its reason, or the test fails.

use super::{mutate, schema, typed, world};
use crate::cases::{Told, declarations, planned};
use crate::registry;
use holdfast_core::facts::{Facts, Shape};
use holdfast_core::kind::AnyKind;
use holdfast_core::plan::{Decision, Memory};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::Path;
use world::{Outcome, World};

/// What became of one thing to prove.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Proven,
    /// It does not apply, and why.
    Explained(&'static str),
    Empty(String),
}

/// What is proven of a field.
struct Row {
    field: String,
    /// Updated in place, or refused where AWS cannot.
    change: Cell,
    create_only: bool,
    /// A live change by somebody else is seen, and healed where AWS can.
    drift: Cell,
}

/// The fields of a kind's spec, tags left out: core handles them alike for all.
fn fields(kind: &dyn AnyKind) -> Vec<String> {
    let all = kind.schema().get("properties").and_then(Value::as_object);
    all.into_iter().flatten().map(|(k, _)| k.clone()).filter(|k| k != "tags").collect()
}

/// Specs to try: the example's, and those of the tables of cases.
fn samples(kind: &dyn AnyKind) -> Vec<Value> {
    let declared = declarations(kind.name()).into_iter().filter(|spec| kind.validate(spec).is_empty());
    std::iter::once(world::filled(kind)).chain(declared).collect()
}

/// `spec` with `field` changed in every way there is: its own value turned, what the schema lists, what `others` say.
fn changed(kind: &dyn AnyKind, spec: &Value, field: &str, others: &[Value]) -> Vec<Value> {
    let only = Value::Object(Map::from_iter([(field.to_owned(), spec[field].clone())]));
    let mutants = mutate::all(&only).into_iter().filter_map(|(_, other)| other.get(field).cloned());
    let listed = mutate::pointers(&only).into_iter().flat_map(|at| {
        let set = |word: Value| {
            let mut other = only.clone();
            holdfast_core::pointer::set(&mut other, &at, word);
            other[field].clone()
        };
        schema::words(kind.schema(), &at).into_iter().map(set).collect::<Vec<_>>()
    });
    let said = others.iter().filter_map(|other| other.get(field).cloned());
    let with = |value: Value| {
        let mut whole = spec.clone();
        whole[field] = value;
        whole
    };
    mutants.chain(listed).chain(said).map(with).collect()
}

fn made<'k>(kind: &'k dyn AnyKind, spec: &Value) -> Option<World<'k>> {
    let mut world = World::of(kind, spec.clone());
    world.create().ok().map(|()| world)
}

fn is_create_only(facts: &Facts, field: &str) -> bool {
    facts.at(&format!("/{field}")).field().is_some_and(|f| f.create_only)
}

/// Another declaration of the field: healed in place, or refused as a whole.
fn declared_anew(kind: &dyn AnyKind, spec: &Value, field: &str, others: &[Value]) -> Option<Cell> {
    let create_only = is_create_only(kind.facts(), field);
    for other in changed(kind, spec, field, others).into_iter().filter(|o| kind.validate(o).is_empty()) {
        let mut world = made(kind, spec)?;
        let mut next = other.clone();
        next.as_object_mut()?.remove("tags");
        kind.canonical(&mut next);
        world.spec = next;
        let differs = world.diffs().iter().any(|d| d.path.starts_with(&format!("/{field}")));
        if !differs {
            continue;
        }
        if create_only {
            let plan = planned(vec![Told {
                kind: kind.name(),
                declared: other,
                live: world.live().clone(),
                memory: Memory::default(),
            }]);
            let refused = plan.steps.is_empty() && plan.verdicts[0].decision == Decision::Blocked;
            return Some(if refused { Cell::Proven } else { Cell::Empty(plan.verdicts[0].reason.clone()) });
        }
        match world.heal(3) {
            Outcome::Healed => return Some(Cell::Proven),
            Outcome::Replace => return Some(Cell::Explained("AWS takes some of its changes only with a replacement")),
            Outcome::Stuck(_) => {}
        }
    }
    None
}

/// A change by somebody else: seen, and healed where it can be.
fn drifted(kind: &dyn AnyKind, spec: &Value, field: &str, others: &[Value]) -> Option<Cell> {
    let first = made(kind, spec)?.live().clone();
    first.fields.get(field)?;
    let possible = |fields: &Value| (typed(kind).spec)(fields.clone()).is_ok();
    for other in changed(kind, &first.fields, field, others).into_iter().filter(possible) {
        let mut world = made(kind, spec)?;
        let mut live = first.clone();
        live.fields = other.into();
        kind.canonical(&mut live.fields);
        world.set_live(live);
        if !world.diffs().iter().any(|d| d.path.starts_with(&format!("/{field}"))) {
            continue;
        }
        if world.healable().is_empty() || matches!(world.heal(3), Outcome::Healed | Outcome::Replace) {
            return Some(Cell::Proven);
        }
    }
    None
}

fn row(kind: &dyn AnyKind, field: &str, samples: &[Value]) -> Row {
    let create_only = is_create_only(kind.facts(), field);
    let shape = kind.facts().at(&format!("/{field}")).field().map(|f| (f.shape, f.sensitive));
    let row = |change, drift| Row { field: field.to_owned(), change, create_only, drift };
    if let Some((Shape::WriteOnly, _) | (_, true)) = shape {
        let why = "an instruction for a call, not a state";
        return row(Cell::Explained(why), Cell::Explained(why));
    }
    let specs: Vec<Value> = samples.iter().filter(|s| s.get(field).is_some_and(|v| !v.is_null())).cloned().collect();
    let none = || {
        Cell::Empty(if specs.is_empty() {
            "in no example and no case".to_owned()
        } else {
            "no change of it goes through".to_owned()
        })
    };
    let valid = |spec: &Value| {
        changed(kind, spec, field, samples).iter().any(|o| o[field] != spec[field] && kind.validate(o).is_empty())
    };
    let alone = !specs.is_empty() && !specs.iter().any(valid);
    let change = alone.then_some(Cell::Explained("it changes only together with other fields"));
    let change = change.or_else(|| specs.iter().find_map(|spec| declared_anew(kind, spec, field, samples)));
    let drift = specs.iter().find_map(|spec| drifted(kind, spec, field, samples));
    row(change.unwrap_or_else(none), drift.unwrap_or_else(none))
}

#[test]
fn every_field_of_every_kind_is_created_read_back_changed_and_drifted_or_says_why_not() {
    let (mut table, mut notes, mut empty) = (String::new(), String::new(), Vec::new());
    for kind in registry().iter() {
        if kind.lookup() {
            let _ = writeln!(table, "| `{}` | a look-up | ✓ | never | never | never | never |", kind.name());
            continue;
        }
        let samples = samples(kind);
        let rows: Vec<Row> = fields(kind).iter().map(|field| row(kind, field, &samples)).collect();
        let count = |cell: fn(&Row) -> &Cell, of: &dyn Fn(&&Row) -> bool| {
            let all: Vec<&Row> = rows.iter().filter(of).collect();
            let proven = all.iter().filter(|r| *cell(r) == Cell::Proven).count();
            format!("{proven}/{}", all.len())
        };
        let mut whole = made(kind, &world::filled(kind)).unwrap_or_else(|| panic!("{} is created", kind.name()));
        let quiet = whole.diffs().is_empty();
        let gone = whole.delete().is_ok();
        assert!(quiet && gone, "{}", kind.name());
        let _ = writeln!(
            table,
            "| `{}` | ✓ | ✓ | {} | {} | {} | ✓ |",
            kind.name(),
            count(|r| &r.change, &|r| !r.create_only),
            count(|r| &r.change, &|r| r.create_only),
            count(|r| &r.drift, &|_| true),
        );
        for r in &rows {
            for (what, cell) in [("update", &r.change), ("drift", &r.drift)] {
                match cell {
                    Cell::Proven => {}
                    Cell::Explained(why) if what == "update" || r.change != r.drift => {
                        let _ = writeln!(notes, "- `{}.{}`: {why}.", kind.name(), r.field);
                    }
                    Cell::Explained(_) => {}
                    Cell::Empty(why) => empty.push(format!("{}.{} {what}: {why}", kind.name(), r.field)),
                }
            }
        }
    }
    assert!(empty.is_empty(), "{} empty cells:\n{}", empty.len(), empty.join("\n"));
    is_written(&page(&table, &notes));
}

fn page(table: &str, notes: &str) -> String {
    format!(
        "<!-- Written by the test of laws/matrix.rs; `cargo xtask golden` renews it. -->\n\n# What is proven of each kind\n\n\
         The test `every_field_of_every_kind_is_created_read_back_changed_and_drifted_or_says_why_not` walks the schema of every kind, field by field, and has each \
         changed in the declaration and by somebody else, in an AWS that does as the kind predicts. What AWS implementations that others wrote say to it is told in \
         [Testing](testing.md).\n\n\
         | kind | created | read back | updated in place | refused, where AWS cannot | drift seen and healed | deleted |\n|---|---|---|---|---|---|---|\n{table}\n\
         The cells that are not full:\n\n{notes}"
    )
}

/// Compares the page with the one in the docs, or renews it.
fn is_written(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/matrix.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(&path, page).expect("the page can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/src/matrix.md is out of date; run `cargo xtask golden`");
}
