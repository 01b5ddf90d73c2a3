//! What histories are drawn from: the stacks of the examples, every kind's example, and the declarations in every
//! kind's table of cases.

use anyhow::{Context, Result};
use holdfast_core::kind::{AnyKind, Registry};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::outputs::Outputs;
use holdfast_core::pointer;
use holdfast_core::reference::{self, Reference, Worth};
use holdfast_core::validate::{Accepted, Nothing, Validators, World, check_body};
use holdfast_sim::Dice;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The stack that every history is about.
pub(crate) const STACK: &str = "s";
/// Where it lives.
pub(crate) const REGION: &str = "eu-west-1";

/// All of it, read once.
pub(crate) struct Material {
    pub(crate) registry: Arc<Registry>,
    validators: Validators,
    systems: Vec<System>,
    /// Specs that were declared somewhere, by kind.
    specs: BTreeMap<KindName, Vec<Value>>,
}

/// The stack of an example.
struct System {
    variables: Value,
    resources: Vec<Value>,
}

/// What a history declares at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    pub(crate) variables: Value,
    pub(crate) resources: Vec<Value>,
}

impl Material {
    /// Reads examples and tables from the repository.
    pub(crate) fn read() -> Result<Self> {
        let registry = Arc::new(holdfast_kinds::registry());
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate has no parent")?.to_owned();
        let root = crates.parent().context("the crates have no parent")?.to_owned();
        let mut systems = Vec::new();
        let mut specs: BTreeMap<KindName, Vec<Value>> = BTreeMap::new();
        for file in json_files(&root.join("examples"))? {
            let text = std::fs::read_to_string(&file)?;
            let document: Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            let spec = &document["spec"];
            let resources = spec["resources"].as_array().cloned().unwrap_or_default();
            for one in &resources {
                if let Some(kind) = registry.get(one["kind"].as_str().unwrap_or_default()) {
                    specs.entry(kind.name()).or_default().push(one["spec"].clone());
                }
            }
            systems.push(System { variables: spec["variables"].clone(), resources });
        }
        for kind in registry.iter() {
            let known = specs.entry(kind.name()).or_default();
            known.insert(0, example(kind)["spec"].clone());
            known.extend(cases(&crates.join("holdfast-kinds/src"), kind.name())?);
            known.retain(|spec| !has_variables(spec));
        }
        Ok(Self { validators: Validators::new(&registry), registry, systems, specs })
    }

    /// A first declaration that is valid: a part of an example with all that it refers to, or a kind's own example with
    /// the examples of the kinds that it refers to.
    pub(crate) fn start(&self, dice: &mut Dice, most: usize) -> Start {
        for _ in 0..8 {
            let start = if dice.below(3) == 0 { self.of_kinds(dice) } else { self.of_system(dice, most) };
            let fits = !start.resources.is_empty() && start.resources.len() <= most;
            if fits && self.check(&start.variables, &start.resources, &json!({})).is_ok() {
                return start;
            }
        }
        let kind = self.registry.get("Vpc").map(example);
        Start { variables: json!({}), resources: kind.into_iter().map(plain).collect() }
    }

    fn of_system(&self, dice: &mut Dice, most: usize) -> Start {
        let Some(system) = dice.of(&self.systems) else { return Start::default() };
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        for _ in 0..=dice.below(4) {
            let mut closure = chosen.clone();
            let Some(()) = close(&system.resources, dice.below(system.resources.len()), &mut closure) else { continue };
            if closure.len() <= most {
                chosen = closure;
            }
        }
        let resources = chosen.into_iter().map(|i| plain(system.resources[i].clone())).collect();
        Start { variables: system.variables.clone(), resources }
    }

    fn of_kinds(&self, dice: &mut Dice) -> Start {
        let kinds: Vec<KindName> = self.registry.names().collect();
        let mut resources = Vec::new();
        for _ in 0..=dice.below(2) {
            if let Some(kind) = dice.of(&kinds).and_then(|k| self.registry.get(k)) {
                self.with_makers(example(kind), &mut resources, 0);
            }
        }
        Start { variables: json!({}), resources }
    }

    /// The example of a kind alone, with the examples of all that it refers to.
    pub(crate) fn of_kind(&self, kind: &dyn AnyKind) -> Start {
        let mut resources = Vec::new();
        self.with_makers(example(kind), &mut resources, 0);
        Start { variables: json!({}), resources }
    }

    /// The same, with other declarations of the kind in the place of its example.
    pub(crate) fn variants(&self, kind: &dyn AnyKind, start: &Start) -> Vec<Start> {
        let mut found: Vec<Start> = Vec::new();
        for spec in self.specs.get(kind.name()).into_iter().flatten().skip(1) {
            let mut other = start.clone();
            let Some(first) = other.resources.first_mut() else { continue };
            first["spec"] = spec.clone();
            // Those that declare the same fields would be changed in the same ways.
            let fields = |s: &Start| s.resources[0]["spec"].as_object().map(|m| m.keys().cloned().collect::<Vec<_>>());
            let fresh = fields(start) != fields(&other) && found.iter().all(|f| fields(f) != fields(&other));
            if fresh && self.check(&json!({}), &other.resources, &json!({})).is_ok() {
                found.push(other);
            }
        }
        found.truncate(8);
        found
    }

    /// The stack of an example as a whole; none if it refers to other stacks.
    pub(crate) fn whole(&self, n: usize) -> Option<Start> {
        let system = self.systems.get(n)?;
        let start = Start {
            variables: system.variables.clone(),
            resources: system.resources.iter().cloned().map(plain).collect(),
        };
        self.check(&start.variables, &start.resources, &json!({})).is_ok().then_some(start)
    }

    /// How many stacks the examples have.
    pub(crate) fn systems(&self) -> usize {
        self.systems.len()
    }

    fn with_makers(&self, document: Value, into: &mut Vec<Value>, depth: usize) {
        let named = |d: &Value| (d["kind"].clone(), d["metadata"]["name"].clone());
        if depth > 6 || into.iter().any(|d| named(d) == named(&document)) {
            return;
        }
        let targets = targets(&document["spec"]);
        into.push(plain(document));
        for key in targets {
            if let Some(mut other) = self.registry.get(&key.kind).map(example) {
                other["metadata"]["name"] = json!(key.name);
                self.with_makers(other, into, depth + 1);
            }
        }
    }

    /// Another value for a field of a resource: what others declare there, or its own, moved on.
    pub(crate) fn other(&self, kind: &str, spec: &Value, field: &str, dice: &mut Dice) -> Option<Value> {
        let now = spec.get(field);
        let said = self.specs.get(kind).into_iter().flatten().filter_map(|s| s.get(field));
        // A null that AWS cannot follow is Stuck for good, as it should be: what is drawn here has to be reached.
        let mut others: Vec<Value> = said.filter(|v| Some(*v) != now && !v.is_null()).cloned().collect();
        if let Some(now) = now {
            others.extend(moved_on(now, dice));
        }
        dice.of(&others).cloned()
    }

    /// The fields of a kind that may be declared, tags left out.
    pub(crate) fn fields(&self, kind: &str) -> Vec<String> {
        let schema = self.registry.get(kind).map(|k| k.schema());
        let all = schema.and_then(|s| s.get("properties")).and_then(Value::as_object);
        all.into_iter().flatten().map(|(name, _)| name.clone()).filter(|name| name != "tags").collect()
    }

    /// True if AWS cannot change the field, or a part of it, in place.
    pub(crate) fn is_create_only(&self, kind: &str, field: &str) -> bool {
        let kind = self.registry.get(kind);
        let at = format!("/{field}");
        kind.is_some_and(|k| k.fields().iter().any(|f| f.create_only && pointer::covers(&at, f.path)))
    }

    /// Gives a spec another identity, where a create-only text of it says which it is.
    pub(crate) fn rename(&self, kind: &dyn AnyKind, spec: &mut Value) {
        let Some(identity) = kind.identity(&told(spec)) else { return };
        for field in self.fields(kind.name()).iter().filter(|f| self.is_create_only(kind.name(), f)) {
            let Some(text) = spec[field].as_str() else { continue };
            let mut other = spec.clone();
            // What has no name but an address gets another address, which stands elsewhere.
            let address = field == "allocationId";
            other[field] = json!(if address { "eipalloc-0a1b2c3d4e5f60718".to_owned() } else { format!("{text}2") });
            if kind.identity(&told(&other)).is_some_and(|i| i != identity) {
                *spec = other;
                return;
            }
        }
    }

    /// Checks a stack as the API does.
    pub(crate) fn check(&self, variables: &Value, resources: &[Value], more: &Value) -> Result<Accepted, String> {
        let mut spec = json!({ "region": REGION, "tags": { "env": "test" }, "resources": resources });
        if variables.is_object() {
            spec["variables"] = variables.clone();
        }
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        let body =
            json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": STACK }, "spec": spec });
        let (registry, validators) = (&*self.registry, &self.validators);
        let world = World { registry, validators, stored: &Nothing, default_region: Some(REGION), prune: false };
        check_body(&body, &world).map_err(|errors| {
            let said = errors.iter().map(|e| format!("{} {}", e.pointer, e.message));
            said.collect::<Vec<_>>().join("; ")
        })
    }
}

/// With some text in the place of each variable and reference.
fn told(spec: &Value) -> Value {
    let mut spec = spec.clone();
    reference::fill_variables(&mut spec, &mut |_| Some(json!("x")));
    reference::fill(&mut spec, &mut |_| Worth::Value(json!("x")));
    spec
}

/// The files below a folder that end in `.json`, in order.
fn json_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The example document of a kind.
pub(crate) fn example(kind: &dyn AnyKind) -> Value {
    serde_json::from_str(kind.example()).unwrap_or_default()
}

/// A resource of a stack: kind, name, spec and policy.
fn plain(document: Value) -> Value {
    let mut out = json!({ "kind": document["kind"], "metadata": { "name": document["metadata"]["name"] },
        "spec": document["spec"] });
    // Protection is lifted by people only; what is drawn here has to be able to go.
    if let Some(Value::Object(policy)) = document.get("policy") {
        let kept: Map<String, Value> = policy.clone().into_iter().filter(|(key, _)| key != "protect").collect();
        out["policy"] = Value::Object(kept);
    }
    out
}

/// The resources of the same stack that a spec refers to.
pub(crate) fn targets(spec: &Value) -> BTreeSet<ResourceKey> {
    let mut found = BTreeSet::new();
    reference::each(
        spec,
        "",
        &mut |_, reference| found.extend(reference.target(STACK).map(|(key, _)| key)),
        &mut Vec::new(),
    );
    found
}

/// Adds a resource and all that it refers to; none if something of it is not there.
fn close(all: &[Value], one: usize, into: &mut BTreeSet<usize>) -> Option<()> {
    if !into.insert(one) {
        return Some(());
    }
    for key in targets(&all.get(one)?["spec"]) {
        let is = |d: &Value| d["kind"] == key.kind.as_str() && d["metadata"]["name"] == key.name.as_str();
        let there = (key.stack == STACK).then(|| all.iter().position(is)).flatten()?;
        close(all, there, into)?;
    }
    Some(())
}

/// The declarations in the table of a kind.
fn cases(kinds: &Path, kind: &str) -> Result<Vec<Value>> {
    let path = kinds.join(snake(kind)).join("cases.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let table: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let rows = ["same", "differs"].iter().filter_map(|t| table[*t].as_array()).flatten();
    let declared = rows.filter_map(|row| {
        let mut spec = table["bases"][row["base"].as_str()?]["declared"].clone();
        for (at, patch) in row["declared"].as_object().into_iter().flatten() {
            if patch == "(absent)" {
                pointer::remove(&mut spec, at);
            } else {
                pointer::set(&mut spec, at, patch.clone());
            }
        }
        Some(spec)
    });
    Ok(declared.collect())
}

/// `DBSubnetGroup` as `db_subnet_group`.
fn snake(kind: &str) -> String {
    let letters: Vec<char> = kind.chars().collect();
    let mut out = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let after_small = i > 0 && letters[i - 1].is_lowercase();
        let before_small = i > 0 && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn has_variables(spec: &Value) -> bool {
    let mut found = false;
    let mut look = |_: &str, reference: &Reference| found |= matches!(reference, Reference::Variable(_));
    reference::each(spec, "", &mut look, &mut Vec::new());
    found
}

/// A value of the same type, moved on somewhere.
fn moved_on(value: &Value, dice: &mut Dice) -> Option<Value> {
    match value {
        Value::Bool(b) => Some(json!(!b)),
        Value::Number(n) => Some(json!(n.as_i64()? + 1)),
        Value::String(s) if !reference::is_open(s) => Some(json!(format!("{s}2"))),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let mut other = items.clone();
            let place = dice.below(items.len());
            match dice.below(3) {
                0 => drop(other.remove(place)),
                1 => other[place] = moved_on(&items[place], dice)?,
                _ => other.push(moved_on(&items[place], dice)?),
            }
            Some(Value::Array(other))
        }
        Value::Object(map) => {
            let keys: Vec<&String> = map.keys().collect();
            let key = (*dice.of(&keys)?).clone();
            let mut other = map.clone();
            if dice.below(4) == 0 {
                other.remove(&key);
            } else {
                other.insert(key.clone(), moved_on(&map[&key], dice)?);
            }
            Some(Value::Object(other))
        }
        _ => None,
    }
}

/// A spec with its references filled in from the outputs of what is live.
pub(crate) fn filled(spec: &Value, outputs: &BTreeMap<ResourceKey, Outputs>) -> Value {
    let mut spec = spec.clone();
    reference::fill(&mut spec, &mut |reference| {
        let Some((key, output)) = reference.target(STACK) else { return Worth::Open };
        outputs.get(&key).and_then(|o| o.get(output)).cloned().map_or(Worth::Open, Worth::Value)
    });
    spec
}

/// A spec with its variables filled in.
pub(crate) fn with_variables(spec: &Value, variables: &Value) -> Value {
    let mut spec = spec.clone();
    reference::fill_variables(&mut spec, &mut |name| variables.get(name).cloned());
    spec
}
