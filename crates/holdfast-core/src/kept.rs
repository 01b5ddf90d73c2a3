//! Values that are kept for long and looked at rarely.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
