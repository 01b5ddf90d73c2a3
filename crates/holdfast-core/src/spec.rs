//! Specs as they are kept: as text, with what every pass asks of them beside it.
//!
//! A tree of JSON values takes five times the memory of its text, and nobody looks into what has not changed.

use crate::kept::Kept;
use crate::name::ResourceKey;
use crate::reference::{self, Reference};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A declared spec: its text, and the references to outputs that stand in it.
#[derive(Clone, Debug)]
pub struct Spec {
    text: Kept,
    references: Box<[Mention]>,
}

/// A reference to an output, and the JSON Pointer of the field that it stands in.
#[derive(Clone, Debug)]
struct Mention {
    pointer: Box<str>,
    reference: Reference,
}

impl Spec {
    /// The spec itself, read anew each time.
    pub fn value(&self) -> Value {
        self.text.value()
    }

    /// True if a reference to an output stands in it.
    pub fn refers(&self) -> bool {
        !self.references.is_empty()
    }

    /// The references to outputs, in order of appearance: the pointer of the field, whose output as seen from `stack`, and
    /// which one.
    pub fn targets<'s>(&'s self, stack: &'s str) -> impl Iterator<Item = (&'s str, ResourceKey, &'s str)> {
        self.mentions(stack)
            .map(|(pointer, (stack, kind, name), output)| (pointer, ResourceKey::new(stack, kind, name), output))
    }

    /// The same, with stack, kind and name in place of a key.
    pub fn mentions<'s>(
        &'s self,
        stack: &'s str,
    ) -> impl Iterator<Item = (&'s str, (&'s str, &'s str, &'s str), &'s str)> {
        self.references.iter().filter_map(move |mention| match &mention.reference {
            Reference::Variable(_) => None,
            Reference::Output { stack: other, kind, name, output } => {
                Some((&*mention.pointer, (other.as_deref().unwrap_or(stack), &**kind, &**name), &**output))
            }
        })
    }
}

impl From<Value> for Spec {
    fn from(value: Value) -> Self {
        let mut references = Vec::new();
        let mut visit = |pointer: &str, reference: &Reference| {
            if let Reference::Output { .. } = reference {
                references.push(Mention { pointer: pointer.into(), reference: reference.clone() });
            }
        };
        // Malformed references were refused when the document came in.
        reference::each(&value, "", &mut visit, &mut Vec::new());
        Self { text: Kept::of(&value), references: references.into() }
    }
}

impl PartialEq for Spec {
    /// The order of members makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || self.value() == other.value()
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// A spec that is a tree from the first look at it until it is [closed](OpenSpec::close).
#[derive(Clone, Debug)]
pub struct OpenSpec {
    spec: Arc<Spec>,
    tree: OnceLock<Box<Value>>,
    identity: OnceLock<Option<Box<str>>>,
}

impl OpenSpec {
    /// The identity of what it declares, by its kind's function, which is asked once. Opens no tree.
    pub fn identity(&self, of: impl FnOnce(&Value) -> Option<String>) -> Option<&str> {
        let find = || match self.tree.get() {
            Some(tree) => of(tree),
            None => of(&self.spec.value()),
        };
        self.identity.get_or_init(|| find().map(String::into_boxed_str)).as_deref()
    }

    /// The text that it is opened from.
    pub fn text(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// The spec for one look: read anew and let go of, unless somebody has opened it.
    pub fn glance(&self) -> Cow<'_, Value> {
        self.tree.get().map_or_else(|| Cow::Owned(self.spec.value()), |tree| Cow::Borrowed(&**tree))
    }

    /// Lets go of the tree.
    pub fn close(&mut self) {
        self.tree.take();
    }
}

impl From<Arc<Spec>> for OpenSpec {
    fn from(spec: Arc<Spec>) -> Self {
        Self { spec, tree: OnceLock::new(), identity: OnceLock::new() }
    }
}

impl From<Value> for OpenSpec {
    fn from(value: Value) -> Self {
        Arc::new(Spec::from(value)).into()
    }
}

impl Deref for OpenSpec {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.tree.get_or_init(|| Box::new(self.spec.value()))
    }
}

impl AsRef<Value> for OpenSpec {
    fn as_ref(&self) -> &Value {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_spec_comes_back_and_tells_its_references_in_order() {
        let value =
            json!({ "z": "${Group/a.id}", "a": ["${var.x}", "$${Group/b.id}", "${net:Vpc/main.id}-${Group/a.arn}"] });
        let spec = Spec::from(value.clone());
        assert_eq!(spec.value(), value);
        let told: Vec<String> = spec.targets("shop").map(|(at, key, output)| format!("{at} {key} {output}")).collect();
        assert_eq!(told, ["/z shop/Group/a id", "/a/2 net/Vpc/main id", "/a/2 shop/Group/a arn"]);
        let text = serde_json::to_string(&spec).expect("it is JSON");
        let read: Spec = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!((read.refers(), &read), (true, &spec));
        assert!(!Spec::from(json!({ "a": "$${no}" })).refers());
    }

    #[test]
    fn the_order_of_members_makes_no_other_spec() {
        let of = |text: &str| serde_json::from_str::<Spec>(text).expect("it is JSON");
        assert_eq!(of(r#"{"a":1,"b":2}"#), of(r#"{ "b": 2, "a": 1 }"#));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":2}"#));
    }

    #[test]
    fn an_open_spec_tells_its_identity_once_and_without_a_tree() {
        let spec = OpenSpec::from(json!({ "name": "web" }));
        let name = |value: &Value| value["name"].as_str().map(str::to_owned);
        assert_eq!((spec.identity(name), spec.tree.get().is_none()), (Some("web"), true));
        assert_eq!(spec.identity(|_| None), Some("web"), "it is not asked again");
        assert!(Arc::ptr_eq(spec.text(), spec.clone().text()), "a copy has the same text");
    }

    #[test]
    fn an_open_spec_can_be_closed_and_opened_again() {
        let mut spec = OpenSpec::from(json!({ "a": 1 }));
        assert_eq!((spec.glance().into_owned(), spec.tree.get()), (json!({ "a": 1 }), None), "a glance opens nothing");
        assert_eq!(*spec, json!({ "a": 1 }));
        spec.close();
        assert_eq!(spec["a"], 1);
    }
}
