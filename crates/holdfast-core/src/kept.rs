//! Values that are kept for long and looked at rarely.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// A JSON value kept as its text, which takes a fraction of a tree's memory, and read only when somebody asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(Box<RawValue>);

impl Kept {
    /// Keeps a value.
    pub fn of(value: &Value) -> Self {
        // A tree of JSON values has nothing that JSON cannot say, so the fallback is never taken.
        Self(serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// True if it is that value, in whatever order its members stand.
    pub fn is(&self, value: &Value) -> bool {
        self.value() == *value
    }

    /// The value, read anew each time.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl From<Value> for Kept {
    fn from(value: Value) -> Self {
        Self::of(&value)
    }
}

/// A JSON value that is a tree while somebody works on it, and its text once it is [folded](Folded::fold). Reading it opens
/// the tree beside the text; changing it lets go of the text.
#[derive(Debug, Default)]
pub struct Folded {
    text: Option<Kept>,
    /// Set where there is no text.
    tree: OnceLock<Box<Value>>,
}

impl Folded {
    /// Keeps the text alone.
    pub fn fold(&mut self) {
        if self.text.is_none() {
            self.text = Some(Kept::of(self));
        }
        self.tree.take();
    }

    /// True if the text alone is kept.
    pub fn is_folded(&self) -> bool {
        self.text.is_some() && self.tree.get().is_none()
    }

    /// True if both have the same text.
    pub fn has_text_of(&self, other: &Self) -> bool {
        self.text.is_some() && self.text == other.text
    }

    /// The text, if nobody has opened the tree beside it.
    pub fn text_alone(&self) -> Option<&str> {
        self.text.as_ref().filter(|_| self.tree.get().is_none()).map(|text| text.0.get())
    }

    /// The value for one look: read anew and let go of, unless somebody has opened it.
    pub fn glance(&self) -> Cow<'_, Value> {
        match (self.tree.get(), &self.text) {
            (None, Some(text)) => Cow::Owned(text.value()),
            _ => Cow::Borrowed(self),
        }
    }

    /// The value.
    pub fn into_value(mut self) -> Value {
        std::mem::take(&mut *self)
    }

    /// Puts the text down, of which no two values have the same; a folded one is not opened for it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn put(&self, to: impl std::io::Write) -> serde_json::Result<()> {
        serde_json::to_writer(to, self)
    }
}

impl From<Folded> for Kept {
    fn from(mut value: Folded) -> Self {
        value.text.take().unwrap_or_else(|| Self::of(&value))
    }
}

impl From<Value> for Folded {
    fn from(value: Value) -> Self {
        Self { text: None, tree: Box::new(value).into() }
    }
}

impl Deref for Folded {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.tree.get_or_init(|| Box::new(self.text.as_ref().map_or(Value::Null, Kept::value)))
    }
}

impl DerefMut for Folded {
    fn deref_mut(&mut self) -> &mut Value {
        let text = self.text.take();
        if self.tree.get().is_none() {
            self.tree = Box::new(text.map_or(Value::Null, |text| text.value())).into();
        }
        self.tree.get_mut().unwrap_or_else(|| unreachable!("it was just set"))
    }
}

impl Clone for Folded {
    fn clone(&self) -> Self {
        match &self.text {
            Some(text) => Self { text: Some(text.clone()), tree: OnceLock::new() },
            None => Self { text: None, tree: self.tree.clone() },
        }
    }
}

impl PartialEq for Folded {
    /// The order of members makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.has_text_of(other) || **self == **other
    }
}

impl PartialEq<Value> for Folded {
    fn eq(&self, other: &Value) -> bool {
        **self == *other
    }
}

impl Serialize for Folded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.text {
            Some(text) => text.serialize(serializer),
            None => (**self).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Folded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_folded_is_the_same_value_and_can_be_changed() {
        let value = json!({ "b": [1, "two", null], "a": { "x": 1.5 } });
        let open = Folded::from(value.clone());
        let mut folded = open.clone();
        folded.fold();
        let texts = [&open, &folded].map(|one| {
            let mut text = Vec::new();
            one.put(&mut text).expect("it can be put down");
            text
        });
        assert_eq!(texts[0], texts[1]);
        assert!(folded.tree.get().is_none(), "nothing has opened it");
        assert_eq!((&folded, &*folded), (&open, &value));
        folded["a"]["x"] = json!(2);
        assert!(folded != open && folded["b"] == value["b"], "{folded:?}");
        folded.fold();
        assert_eq!(folded.clone().into_value(), json!({ "b": [1, "two", null], "a": { "x": 2 } }));
        assert_eq!(Folded::default().into_value(), Value::Null);
    }

    #[test]
    fn what_is_kept_comes_back_and_stands_in_json_as_itself() {
        let value = json!({ "b": [1, "two", null], "a": { "x": 1.5 } });
        let kept = Kept::of(&value);
        assert_eq!(kept.value(), value);
        let text = serde_json::to_string(&kept).expect("it is JSON");
        assert_eq!(text, value.to_string());
        assert_eq!(serde_json::from_str::<Kept>(&text).expect("it is JSON"), kept);
    }
}
