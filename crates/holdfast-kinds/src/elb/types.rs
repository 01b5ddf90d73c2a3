//! Value types of specs: lenient in what they take, as AWS is, and open for references.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// A whole number; a text of digits or one that holds a reference is taken too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Int {
    /// The number.
    Known(i64),
    /// A text with a reference that has no value yet.
    Open(String),
}

impl Int {
    /// The number, unless it is still open.
    pub(crate) fn known(&self) -> Option<i64> {
        match self {
            Int::Known(n) => Some(*n),
            Int::Open(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let number = match &value {
            Value::Number(n) => n.as_i64(),
            Value::String(text) if is_open(text) => return Ok(Int::Open(text.clone())),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.map(Int::Known).ok_or_else(|| serde::de::Error::custom(format!("{value} is no whole number")))
    }
}

impl JsonSchema for Int {
    fn schema_name() -> Cow<'static, str> {
        "Int".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "pattern": r"^(\s*-?[0-9]+\s*|[\s\S]*\$\{[\s\S]+\}[\s\S]*)$" })
    }
}

/// A truth value; the texts `true` and `false` and one that holds a reference are taken too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Flag {
    /// The truth value.
    Known(bool),
    /// A text with a reference that has no value yet.
    Open(String),
}

impl Flag {
    /// The truth value, unless it is still open.
    pub(crate) fn known(&self) -> Option<bool> {
        match self {
            Flag::Known(b) => Some(*b),
            Flag::Open(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        match &value {
            Value::Bool(b) => Ok(Flag::Known(*b)),
            Value::String(text) if text == "true" => Ok(Flag::Known(true)),
            Value::String(text) if text == "false" => Ok(Flag::Known(false)),
            Value::String(text) if is_open(text) => Ok(Flag::Open(text.clone())),
            _ => Err(serde::de::Error::custom(format!("{value} is neither true nor false"))),
        }
    }
}

impl JsonSchema for Flag {
    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"], "pattern": r"^(true|false|[\s\S]*\$\{[\s\S]+\}[\s\S]*)$" })
    }
}

/// A text; a number or a truth value is taken where AWS wants one inside a string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// The text, unless it holds a reference without a value.
    pub(crate) fn known(&self) -> Option<&str> {
        (!is_open(&self.0)).then_some(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(text) => Ok(Text(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(Text(value.to_string())),
            other => Err(serde::de::Error::custom(format!("{other} is no text"))),
        }
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

/// A list, or one reference to an output that is a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Many<T> {
    /// The items.
    Items(Vec<T>),
    /// A reference that has no value yet.
    Open(String),
}

impl<T> Many<T> {
    /// The items; none while it is open.
    pub(crate) fn items(&self) -> &[T] {
        match self {
            Many::Items(items) => items,
            Many::Open(_) => &[],
        }
    }
    /// True if it holds nothing, and no reference either.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Many::Items(items) if items.is_empty())
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Many_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Vec<T>>()
    }
}

/// True if the text still holds a reference.
pub(crate) fn is_open(text: &str) -> bool {
    holdfast_core::reference::is_open(text)
}

/// Text types whose schema lists the values that AWS takes. A reference is taken too.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident = $($value:literal)|+;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) String);

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        $crate::common::one_of!($name: $($value),+);
    )*};
}
pub(crate) use choices;

choices! {
    /// A protocol of a listener or a target group.
    Protocol = "HTTP" | "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP" | "QUIC" | "TCP_QUIC" | "GENEVE";
    /// A switch that AWS spells out.
    OnOff = "on" | "off";
}
