//! What is declared in a history, and how it changes.

use crate::history::{Edit, History, name_of};
use crate::material::{Material, targets};
use holdfast_core::validate::Accepted;
use holdfast_sim::Dice;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A value that no text may ever hold.
pub(crate) const SECRET: &str = "correct-horse-battery-staple";

/// The stack as somebody writes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub(crate) variables: Value,
    pub(crate) resources: Vec<Value>,
    /// Tags and policy of the stack.
    pub(crate) more: Value,
}

/// All that was written so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drafts {
    pub(crate) now: Draft,
    before: Vec<Draft>,
    /// Resources that went, to come back.
    pub(crate) dropped: Vec<Value>,
    /// The specs under which each resource was declared, the newest last: what AWS cannot change is as in one of them.
    versions: BTreeMap<String, Vec<Value>>,
}

impl Drafts {
    pub(crate) fn new(history: &History) -> Self {
        let start = &history.start;
        let more = json!({ "policy": { "deletion": history.deletion } });
        let now = Draft { variables: start.variables.clone(), resources: start.resources.clone(), more };
        let mut drafts = Self { now, ..Self::default() };
        drafts.remember();
        drafts
    }

    /// What somebody writes next; none where it could not be written, or would be refused.
    pub(crate) fn next(&self, edit: Edit, roll: u64, material: &Material) -> Option<(Self, Accepted)> {
        let mut dice = Dice::new(roll);
        for _ in 0..6 {
            let mut next = self.clone();
            if next.edit(edit, &mut dice, material).is_none() {
                continue;
            }
            if let Ok(accepted) = next.now.check(material) {
                if edit != Edit::Flip {
                    next.before.push(self.now.clone());
                }
                next.remember();
                return Some((next, accepted));
            }
        }
        None
    }

    fn remember(&mut self) {
        for resource in &self.now.resources {
            let versions = self.versions.entry(name_of(resource)).or_default();
            if versions.last() != Some(&resource["spec"]) {
                versions.push(resource["spec"].clone());
            }
        }
    }

    fn edit(&mut self, edit: Edit, dice: &mut Dice, material: &Material) -> Option<()> {
        let place = dice.below(self.now.resources.len());
        match edit {
            Edit::Field => self.set_field(place, dice, material, false),
            Edit::CreateOnly => self.set_field(place, dice, material, true),
            Edit::Drop => {
                // What others refer to cannot go before them.
                let resource = self.now.resources.get(place)?.clone();
                let named = self.now.resources.iter().any(|other| refers(other, &resource));
                (self.now.resources.len() > 1 && !named).then(|| {
                    self.now.resources.remove(place);
                    self.dropped.push(resource);
                })
            }
            Edit::Restore => {
                let resource = self.dropped.pop()?;
                self.now.resources.push(resource);
                Some(())
            }
            Edit::Rename => {
                let resource = self.now.resources.get(place)?.clone();
                let named = self.now.resources.iter().any(|other| refers(other, &resource));
                let name = format!("{}-x{}", resource["metadata"]["name"].as_str()?, dice.below(90));
                let versions = self.versions.get(&name_of(&resource)).cloned();
                let renamed = self.now.resources.get_mut(place).filter(|_| !named)?;
                renamed["metadata"]["name"] = json!(name);
                if dice.below(2) == 0 {
                    renamed["policy"] = json!({ "adopt": "ifExists" });
                }
                let key = name_of(renamed);
                self.versions.entry(key).or_default().extend(versions.into_iter().flatten());
                Some(())
            }
            Edit::Flip => {
                self.now = self.before.pop()?;
                Some(())
            }
            Edit::Tags => {
                self.now.more["tags"] = json!({ "env": format!("test-{}", dice.below(3)), "team": "a" });
                Some(())
            }
            Edit::Policy => {
                let deletion = *dice.of(&["retain", "delete"])?;
                let drift = *dice.of(&["heal", "report", "heal"])?;
                let replace = *dice.of(&["never", "allow"])?;
                self.now.more["policy"] = json!({ "deletion": deletion, "drift": drift, "replace": replace });
                Some(())
            }
            Edit::Refused => None,
        }
    }

    /// The specs under which a resource was declared, the newest last.
    pub(crate) fn versions(&self, resource: &Value) -> impl DoubleEndedIterator<Item = &Value> + Clone {
        self.versions.get(&name_of(resource)).into_iter().flatten()
    }

    fn set_field(&mut self, place: usize, dice: &mut Dice, material: &Material, create_only: bool) -> Option<()> {
        let resource = self.now.resources.get_mut(place)?;
        let kind = resource["kind"].as_str()?.to_owned();
        let mut fields = material.fields(&kind);
        fields.retain(|f| material.is_create_only(&kind, f) == create_only);
        let field = dice.of(&fields)?.clone();
        let spec = resource["spec"].as_object_mut()?;
        if !create_only && spec.contains_key(&field) && dice.below(6) == 0 {
            spec.shift_remove(&field);
            return Some(());
        }
        let whole = Value::Object(spec.clone());
        let other = material.other(&kind, &whole, &field, dice)?;
        spec.insert(field, other);
        Some(())
    }

    /// What a person declares in the end: all that AWS can do, under policies that let it be done. `fits` says of a
    /// resource whether what AWS cannot change in place is live as its spec says; a new declaration, which `times` makes
    /// sure of, is also a word on what was taken over.
    pub(crate) fn last(&self, times: usize, material: &Material, fits: impl Fn(&Draft, &Value) -> bool) -> Draft {
        let mut last = self.now.clone();
        last.more["policy"] = json!({ "deletion": "delete", "replace": "allow", "adopt": "ifExists" });
        last.more["tags"] = json!({ "env": format!("last-{times}") });
        for resource in &mut last.resources {
            resource.as_object_mut().map(|r| r.shift_remove("policy"));
        }
        for place in 0..last.resources.len() {
            let resource = last.resources[place].clone();
            if fits(&last, &resource) {
                continue;
            }
            let versions = self.versions(&resource).rev();
            let kind = resource["kind"].as_str().unwrap_or_default().to_owned();
            let fixed: Vec<String> = material.fields(&kind);
            let with_fixed = |version: &Value| {
                let mut other = resource.clone();
                for field in fixed.iter().filter(|f| material.is_create_only(&kind, f)) {
                    put(&mut other["spec"], field, version.get(field));
                }
                other
            };
            let whole = |version: &Value| {
                let mut other = resource.clone();
                other["spec"] = version.clone();
                other
            };
            let others = versions.clone().map(with_fixed).chain(versions.map(whole));
            let mut fitting: Vec<Value> = others.filter(|other| fits(&last, other)).collect();
            if let Some(kind) = material.registry.get(&kind) {
                // Where none fits, the one that is declared stands beside the live one under another name.
                let mut renamed = resource.clone();
                material.rename(kind, &mut renamed["spec"]);
                fitting.push(renamed);
            }
            for other in fitting {
                let mut tried = last.clone();
                tried.resources[place] = other;
                if tried.check(material).is_ok() {
                    last = tried;
                    break;
                }
            }
        }
        last
    }
}

fn put(spec: &mut Value, field: &str, value: Option<&Value>) {
    let Some(map) = spec.as_object_mut() else { return };
    match value {
        Some(value) => drop(map.insert(field.to_owned(), value.clone())),
        None => drop(map.shift_remove(field)),
    }
}

fn refers(one: &Value, to: &Value) -> bool {
    let named = name_of(to);
    targets(&one["spec"]).iter().any(|key| format!("{}/{}", key.kind, key.name) == named)
}

impl Draft {
    /// Checks it as the API does.
    pub(crate) fn check(&self, material: &Material) -> Result<Accepted, String> {
        material.check(&self.variables, &self.resources, &self.more)
    }

    /// Itself, with a secret where only a reference to one may stand.
    pub(crate) fn with_a_secret(&self) -> Self {
        let mut told = self.clone();
        let spec: Map<String, Value> = [("masterUserPassword".to_owned(), json!(SECRET))].into_iter().collect();
        let mut other = json!({ "kind": "DBInstance", "metadata": { "name": "told" }, "spec": spec });
        if let Some(map) = told.resources.iter().find(|r| r["kind"] == "DBInstance").and_then(|r| r["spec"].as_object())
        {
            let mut whole = map.clone();
            whole.insert("masterUserPassword".to_owned(), json!(SECRET));
            other["spec"] = Value::Object(whole);
        }
        told.resources.push(other);
        told
    }
}
