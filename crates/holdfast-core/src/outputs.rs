//! Outputs: what references take of a live thing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The outputs of a resource by name. Shared: what is seen, decided, remembered and said of a resource tells the same ones,
/// and whoever changes them changes his own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Map<String, Value>")]
pub struct Outputs(Arc<Map<String, Value>>);

impl From<Map<String, Value>> for Outputs {
    /// Keeps them in no more room than they take.
    fn from(outputs: Map<String, Value>) -> Self {
        let mut kept = Map::with_capacity(outputs.len());
        kept.extend(outputs);
        Self(kept.into())
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
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl Deref for Outputs {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Outputs {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}
