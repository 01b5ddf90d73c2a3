//! Two small kinds: a `Box` that stands in a `Room`.

use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::kind::{Context, Converge, Draft, Erased, Kind, Mint, Output, Refusal, Registry};
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn registry() -> Registry {
    Registry::new(vec![Erased::<Room>::boxed(), Erased::<Boxed>::boxed()])
}

/// A room.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RoomSpec {
    /// Its name.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[a-z][a-z0-9-]*$"))]
    room_name: String,
    /// How many boxes fit in.
    #[schemars(range(min = 1, max = 100))]
    size: Option<i64>,
    tags: Option<BTreeMap<String, String>>,
}

/// A box.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BoxSpec {
    /// Its name.
    #[schemars(length(min = 1, max = 32))]
    box_name: String,
    /// The room's id.
    room_id: String,
    /// What is in it.
    contents: Option<Vec<Item>>,
    tags: Option<BTreeMap<String, String>>,
}

/// A thing in a box.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Item {
    label: String,
    #[schemars(range(min = 0, max = 65535))]
    weight: Option<i64>,
    colour: Option<Colour>,
}

/// A colour.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Colour {
    Red,
    Green,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Action {
    Do(String),
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Action::Do(what) = self;
        f.write_str(what)
    }
}

struct Room;
struct Boxed;

macro_rules! kind {
    ($ty:ident, $spec:ident, $name:literal, $field:literal, $example:literal, $validate:expr) => {
        impl Kind for $ty {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = concat!("A ", $name, ".");
            const DOC: &'static str = "";
            const EXAMPLE: &'static str = $example;
            const FIELDS: &'static [Field] = &[
                Field::scalar($field).create_only(),
                Field::set("/contents").severity(Severity::Exposure),
                Field::of("/tags", Shape::Map),
            ];
            const OUTPUTS: &'static [Output] = &[Output { name: "id", doc: "Its id." }];
            const PERMISSIONS: &'static [&'static str] = &[];
            type Spec = $spec;
            type Action = Action;
            fn validate(spec: &$spec) -> Vec<SpecError> {
                $validate(spec)
            }
            fn canonical(_: &mut Value) {}
            fn identity(spec: &Value) -> Option<String> {
                Some(spec.pointer($field)?.as_str()?.to_owned())
            }
            fn create(_: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
                vec![Draft::heal(Action::Do(format!("create {}", context.key)), "create", vec![])]
            }
            fn converge(_: &Value, _: &Observation, _: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
                Converge::Change(vec![])
            }
            fn retag(_: &Observation, _: BTreeMap<String, String>, _: BTreeSet<String>) -> Action {
                Action::Do("tag".to_owned())
            }
            fn delete(_: &Observation) -> Vec<Draft<Action>> {
                vec![]
            }
            fn predict(_: Option<&Observation>, _: &Action, _: &mut Mint) -> Result<Option<Observation>, Refusal> {
                Ok(None)
            }
        }
    };
}

kind!(
    Room,
    RoomSpec,
    "Room",
    "/roomName",
    r#"{ "apiVersion": "holdfast.dev/v1", "kind": "Room", "metadata": { "stack": "house", "name": "hall" },
         "spec": { "roomName": "hall", "size": 4 } }"#,
    |_: &RoomSpec| Vec::new()
);
kind!(
    Boxed,
    BoxSpec,
    "Box",
    "/boxName",
    r#"{ "apiVersion": "holdfast.dev/v1", "kind": "Box", "metadata": { "stack": "house", "name": "toys" },
         "spec": { "boxName": "toys", "roomId": "${Room/hall.id}",
           "contents": [ { "label": "ball", "weight": 3, "colour": "red" } ] } }"#,
    |spec: &BoxSpec| {
        assert_ne!(spec.box_name, "panic", "a fault in a kind");
        Vec::new()
    }
);
