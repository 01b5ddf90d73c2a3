//! Fields that others own: who, within which bounds, and what AWS itself took back.
//!
//! Nothing of it is declared. A sweep infers it from the live owners, and the plan leaves to them what is theirs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an observation tells of owners.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ownership {
    /// Fields of the thing itself that somebody else sets.
    pub owners: Vec<FieldOwner>,
    /// Fields of other things that are set by whoever works on this one.
    pub claims: Vec<Claim>,
    /// What AWS tried and took back.
    pub undone: Vec<Undone>,
}

impl Ownership {
    /// True if there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.claims.is_empty() && self.undone.is_empty()
    }
}

/// Somebody other than the declaration who sets a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldOwner {
    /// JSON Pointer into the spec; `*` matches one segment. All below it is owned too.
    pub path: String,
    /// One word: `application-autoscaling`, `codedeploy`, `ecs-deployment`, `external-deployer`; `unread` where nobody could
    /// ask.
    pub owner: String,
    /// What the owner keeps a number between. Outside it, a difference is drift after all.
    pub bounds: Option<Bounds>,
    /// It ends by itself, as a running deployment does. A new declaration waits for that; it does not wait for an owner
    /// who stays.
    pub passing: bool,
    /// Why it is theirs, in a sentence.
    pub why: String,
}

/// Both ends are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
}

impl Bounds {
    /// True if a number, or a text that says one, lies inside.
    pub fn hold(self, value: &Value) -> bool {
        number(value).is_some_and(|n| (self.min..=self.max).contains(&n))
    }

    /// The number nearest to `value` that lies inside; `None` if `value` is no number, or nothing lies inside.
    pub fn nearest(self, value: &Value) -> Option<i64> {
        number(value).filter(|_| self.min <= self.max).map(|n| n.clamp(self.min, self.max))
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A field of another thing, owned because of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The kind of the other thing.
    pub kind: String,
    /// Its id, where AWS names it. Without one, every thing of the kind is meant whose field says `among`.
    pub id: Option<String>,
    /// What the field says while it is the owner's: every live text in it that contains `marker` is one of these.
    pub among: Vec<String>,
    /// What marks the texts that count, such as `:targetgroup/`.
    pub marker: String,
    /// True if `among` is all that the owner ever writes there. Then a declaration that says something else is no
    /// difference of opinion about the owner's work, and counts.
    pub complete: bool,
    /// The owner and the field.
    pub owner: FieldOwner,
}

/// A value that AWS took on and then took back by itself, as a circuit breaker does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Undone {
    /// JSON Pointer into the spec.
    pub path: String,
    /// The value, canonical; null if AWS does not say which it was.
    pub value: Value,
    /// AWS's words.
    pub why: String,
    /// Fields whose change is no reason to try the value again.
    pub beside: Vec<String>,
}

/// A field that somebody else owns, as the status shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owned {
    /// JSON Pointer into the spec.
    pub path: String,
    /// One word: `application-autoscaling`, `codedeploy`, `ecs-deployment`, `external-deployer`; `policy.ignore` where a
    /// person wants it left alone.
    pub owner: String,
    /// What the owner keeps it between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// The declared value.
    pub declared: Value,
    /// The live value.
    pub live: Value,
    /// True if the live value is left to the owner; false if it lies outside the owner's bounds, which is drift.
    pub left: bool,
    /// Why it is theirs, in a sentence.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bounds_hold_their_ends_and_numbers_in_text_and_nothing_else() {
        let bounds = Bounds { min: 2, max: 4 };
        for (value, held, nearest) in [
            (json!(1), false, Some(2)),
            (json!(2), true, Some(2)),
            (json!("3"), true, Some(3)),
            (json!(4), true, Some(4)),
            (json!(9), false, Some(4)),
            (json!("many"), false, None),
            (json!(null), false, None),
        ] {
            assert_eq!((bounds.hold(&value), bounds.nearest(&value)), (held, nearest), "{value}");
        }
        assert_eq!(Bounds { min: 4, max: 2 }.nearest(&json!(3)), None, "nothing lies inside");
    }
}
