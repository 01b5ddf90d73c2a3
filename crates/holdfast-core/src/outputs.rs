//! Outputs: what references take of a live thing.

use crate::kept::Folded;
use schemars::JsonSchema;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

/// The outputs of a resource by name. Shared: what is seen, decided, remembered and said of a resource tells the same ones,
/// and whoever changes them changes his own. Kept as text; who looks at the map opens it beside the text, until they are
/// [folded](Self::fold).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(from = "Map<String, Value>")]
pub struct Outputs(#[schemars(with = "Map<String, Value>")] Option<Arc<Folded>>);

impl Outputs {
    /// The value of one output, for one look: nothing is opened.
    pub fn worth(&self, name: &str) -> Option<Value> {
        match self.0.as_ref()?.glance() {
            Cow::Owned(Value::Object(mut all)) => all.swap_remove(name),
            all => all.get(name).cloned(),
        }
    }

    /// The JSON text of one output; nothing is opened.
    pub fn text_of(&self, name: &str) -> Option<Cow<'_, str>> {
        let all = self.0.as_ref()?;
        match all.text_alone() {
            Some(text) => pick(text, name).map(Cow::Borrowed),
            None => all.get(name).map(|value| Cow::Owned(value.to_string())),
        }
    }

    /// Keeps the text alone.
    pub fn fold(&mut self) {
        if let Some(all) = self.0.as_mut().filter(|all| !all.is_folded()) {
            Arc::make_mut(all).fold();
        }
    }
}

/// The text of a member of an object, of which nothing else is read.
fn pick<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    struct Pick<'n>(&'n str);
    impl<'t> Visitor<'t> for Pick<'_> {
        type Value = Option<&'t RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(name) = members.next_key::<Cow<'t, str>>()? {
                if name == self.0 {
                    found = Some(members.next_value()?);
                } else {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    let read = serde_json::Deserializer::from_str(object).deserialize_map(Pick(name));
    read.ok()?.map(RawValue::get)
}

impl From<Map<String, Value>> for Outputs {
    fn from(outputs: Map<String, Value>) -> Self {
        if outputs.is_empty() {
            return Self::default();
        }
        let mut all = Folded::from(Value::Object(outputs));
        all.fold();
        Self(Some(all.into()))
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Outputs {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(outputs: I) -> Self {
        outputs.into_iter().map(|(name, value)| (name.into(), value)).collect::<Map<_, _>>().into()
    }
}

impl IntoIterator for Outputs {
    type Item = (String, Value);
    type IntoIter = serde_json::map::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        match self.0.map(|all| Arc::unwrap_or_clone(all).into_value()) {
            Some(Value::Object(all)) => all.into_iter(),
            _ => Map::new().into_iter(),
        }
    }
}

impl PartialEq for Outputs {
    /// The order of members makes no difference, and nothing is opened.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a.has_text_of(b) || a.glance() == b.glance(),
            (Some(some), None) | (None, Some(some)) => some.glance().as_object().is_none_or(Map::is_empty),
            (None, None) => true,
        }
    }
}

impl Serialize for Outputs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(all) => all.serialize(serializer),
            None => Map::new().serialize(serializer),
        }
    }
}

impl Deref for Outputs {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.0.as_ref().and_then(|all| all.as_object()).unwrap_or(&NONE)
    }
}

impl DerefMut for Outputs {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let all = self.0.get_or_insert_with(|| Arc::new(Value::Object(Map::new()).into()));
        Arc::make_mut(all).as_object_mut().unwrap_or_else(|| unreachable!("it is made of a map"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn outputs_are_text_until_somebody_looks_at_them_and_the_same_in_every_order() {
        let of = |text: &str| serde_json::from_str::<Outputs>(text).expect("it is JSON");
        let (mut one, other) = (of(r#"{"id":"a","port":1}"#), of(r#"{"port":1,"id":"a"}"#));
        let is_folded = |outputs: &Outputs| outputs.0.as_ref().is_some_and(|all| all.is_folded());
        assert_eq!((one.worth("port"), one.worth("arn"), is_folded(&one)), (Some(json!(1)), None, true));
        assert!(one == other && one != Outputs::default() && is_folded(&one), "comparing opens nothing");
        assert_eq!((one["id"].as_str(), one.worth("id"), is_folded(&one)), (Some("a"), Some(json!("a")), false));
        let shared = one.clone();
        one.fold();
        assert_eq!((is_folded(&one), is_folded(&shared), &one), (true, false, &shared), "it folds its own");
        one.insert("id".to_owned(), json!("b"));
        assert_eq!((one.worth("id"), shared.worth("id")), (Some(json!("b")), Some(json!("a"))));
        assert_eq!(serde_json::to_string(&one).expect("it is JSON"), r#"{"id":"b","port":1}"#);
    }

    #[test]
    fn the_text_of_an_output_is_the_same_whether_they_are_text_or_a_tree() {
        let mut outputs: Outputs =
            serde_json::from_str(r#"{"deep":{"id":1},"id":"a\"b","arn":[null,{"id":2}]}"#).expect("JSON");
        let texts =
            |outputs: &Outputs| ["id", "arn", "deep", "port"].map(|name| outputs.text_of(name).map(Cow::into_owned));
        let folded = texts(&outputs);
        let expected = [Some(r#""a\"b""#), Some(r#"[null,{"id":2}]"#), Some(r#"{"id":1}"#), None];
        assert_eq!(folded.each_ref().map(Option::as_deref), expected);
        assert_eq!(outputs["deep"]["id"], 1);
        assert_eq!(texts(&outputs), folded);
        outputs.clear();
        assert_eq!((outputs.text_of("id"), Outputs::default().text_of("id")), (None, None));
    }

    #[test]
    fn no_outputs_are_an_empty_object() {
        let mut none: Outputs = serde_json::from_str("{}").expect("it is JSON");
        assert_eq!((none.len(), none.worth("id"), &none), (0, None, &Outputs::default()));
        assert_eq!(serde_json::to_string(&none).expect("it is JSON"), "{}");
        none.insert("id".to_owned(), json!(1));
        assert!(none != Outputs::default());
        none.clear();
        assert_eq!(none, Outputs::default());
    }
}
