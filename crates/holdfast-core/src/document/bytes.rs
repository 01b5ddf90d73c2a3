//! From bytes to JSON, with the two things that serde_json lets pass: duplicate keys and NUL characters.

use crate::pointer;
use crate::problem::SpecError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep a document may nest. The parser beneath stops one level further down, so this is also its limit.
pub const MAX_DEPTH: usize = 127;

/// Reads a body. What is no JSON gives `malformed-json` and what nests too deep `too-deep`, both at `""`; a key
/// that an object has twice gives `duplicate-key` at that key, a NUL character `bad-character` at its string.
/// Never panics, whatever the bytes are.
pub fn from_bytes(body: &[u8], max_depth: usize) -> Result<Value, SpecError> {
    // Editors on Windows write a byte order mark, which RFC 8259 lets a reader skip.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(SpecError::new("", "malformed-json", "The body is empty. Send one JSON document."));
    }
    let mut reader = Reader { here: String::new(), depth: 0, max_depth: max_depth.min(MAX_DEPTH), found: None };
    let mut source = serde_json::Deserializer::from_slice(body);
    let value = Seed(&mut reader).deserialize(&mut source).and_then(|value| source.end().map(|()| value));
    value.map_err(|error| reader.found.take().unwrap_or_else(|| reader.malformed(&error)))
}

/// Where the reader is, and the first mistake that is not the parser's own.
struct Reader {
    here: String,
    depth: usize,
    max_depth: usize,
    found: Option<SpecError>,
}

impl Reader {
    fn malformed(&self, error: &serde_json::Error) -> SpecError {
        let text = error.to_string();
        if text.starts_with("recursion limit exceeded") {
            return self.too_deep();
        }
        let near = if self.here.is_empty() {
            String::new()
        } else {
            format!(" It was read up to {}.", crate::problem::clip(&self.here, 200))
        };
        SpecError::new("", "malformed-json", format!("The body is no JSON: {text}.{near}"))
    }

    fn too_deep(&self) -> SpecError {
        let limit = self.max_depth;
        SpecError::new("", "too-deep", format!("The body nests deeper than {limit} levels. Flatten it."))
    }

    fn refuse<E: Error>(&mut self, error: SpecError) -> E {
        self.found = Some(error);
        E::custom("refused")
    }

    fn no_nul<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if !text.contains('\0') {
            return Ok(());
        }
        let message = "A string holds the character U+0000, which AWS does not take. Leave it out.";
        let error = SpecError::new(self.here.clone(), "bad-character", message);
        Err(self.refuse(error))
    }
}

struct Seed<'a>(&'a mut Reader);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    /// Runs `read` one level further down.
    fn deeper<T, E: Error>(self, read: impl FnOnce(&mut Reader) -> Result<T, E>) -> Result<T, E> {
        self.0.depth += 1;
        if self.0.depth > self.0.max_depth {
            let error = self.0.too_deep();
            return Err(self.0.refuse(error));
        }
        let value = read(self.0)?;
        self.0.depth -= 1;
        Ok(value)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.0.no_nul(value)?;
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.0.no_nul(&value)?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.deeper(|reader| {
            let mut items = Vec::new();
            let above = reader.here.len();
            loop {
                reader.here.push_str(&format!("/{}", items.len()));
                let Some(item) = access.next_element_seed(Seed(reader))? else { break };
                items.push(item);
                reader.here.truncate(above);
            }
            reader.here.truncate(above);
            Ok(Value::Array(items))
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.deeper(|reader| {
            let mut map = Map::new();
            let above = reader.here.len();
            while let Some(key) = access.next_key::<String>()? {
                reader.here = pointer::join(&reader.here, &key);
                reader.no_nul(&key)?;
                if map.contains_key(&key) {
                    let message =
                        format!("The key \"{}\" stands here twice. Keep one of them.", crate::problem::clip(&key, 60));
                    let error = SpecError::new(reader.here.clone(), "duplicate-key", message);
                    return Err(reader.refuse(error));
                }
                let value = access.next_value_seed(Seed(reader))?;
                map.insert(key, value);
                reader.here.truncate(above);
            }
            Ok(Value::Object(map))
        })
    }
}
