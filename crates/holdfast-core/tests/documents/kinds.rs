//! Two kinds that no cloud has: a box, and a lid for it.

use holdfast_core::facts::{Field, ItemKey, Severity, Shape};
use holdfast_core::kind::{AnyKind, Context, Converge, Draft, Erased, Kind, Mint, Output, Refusal, Registry};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::{Piece, pieces};
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub fn registry() -> Registry {
    Registry::new(vec![Erased::<BoxKind>::boxed(), Erased::<LidKind>::boxed()] as Vec<Box<dyn AnyKind>>)
}

#[derive(Serialize, Deserialize)]
pub struct Deed(String);

impl std::fmt::Display for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the two kinds have in common: they are declared here and never made.
macro_rules! never_made {
    () => {
        type Action = Deed;
        fn create(_: &Value, _: &Context<'_>) -> Vec<Draft<Deed>> {
            Vec::new()
        }
        fn converge(_: &Value, _: &Observation, _: &[FieldDiff], _: &Context<'_>) -> Converge<Deed> {
            Converge::Change(Vec::new())
        }
        fn retag(_: &Observation, _: BTreeMap<String, String>, _: BTreeSet<String>) -> Deed {
            Deed("retag".to_owned())
        }
        fn delete(_: &Observation) -> Vec<Draft<Deed>> {
            Vec::new()
        }
        fn predict(_: Option<&Observation>, _: &Deed, _: &mut Mint) -> Result<Option<Observation>, Refusal> {
            Ok(None)
        }
    };
}

pub struct BoxKind;

/// A box.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BoxSpec {
    /// What is painted on the box. It never changes.
    #[schemars(length(max = 20), regex(pattern = "^[a-z-]+$"))]
    box_name: String,
    /// Litres.
    #[schemars(range(min = 1, max = 100))]
    size: Option<u16>,
    /// Kilograms, which the post office wants as text.
    weight: Option<String>,
    /// How many.
    count: Option<u32>,
    fragile: Option<bool>,
    colour: Option<Colour>,
    /// The lid that the box comes with.
    lid_id: Option<String>,
    handle: Option<Handle>,
    seal: Option<Seal>,
    /// The slots inside.
    #[serde(default)]
    slots: Vec<Slot>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// The number of the lock.
    #[schemars(length(max = 8))]
    combination: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// A colour.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Colour {
    /// As a rose.
    Red,
    /// As grass.
    Green,
    /// As the sky.
    Blue,
}

/// A handle.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Handle {
    /// What it is made of.
    material: String,
    /// Centimetres.
    length: Option<u8>,
}

/// How the box is closed.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "type", deny_unknown_fields)]
enum Seal {
    /// With wax.
    Wax {
        /// What the wax shows.
        emblem: String,
    },
    /// With tape.
    Tape {
        /// How many turns.
        turns: Option<u8>,
    },
}

/// A slot.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Slot {
    name: String,
    /// How deep.
    depth: Option<u16>,
}

impl Kind for BoxKind {
    const NAME: KindName = "Box";
    const SUMMARY: &'static str = "A box.";
    const DOC: &'static str = "";
    const EXAMPLE: &'static str = "{}";
    const SNAPSHOTS: bool = true;
    const FIELDS: &'static [Field] = &[
        Field::scalar("/boxName").create_only(),
        Field::scalar("/size").default("10", "the catalogue, page 4"),
        Field::scalar("/combination").sensitive().severity(Severity::Exposure),
        Field::of("/slots", Shape::Set(ItemKey::Of(&["name"]))),
        Field::scalar("/slots/*/depth").create_only(),
        Field::of("/attributes", Shape::Map),
        Field::of("/tags", Shape::Map),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "Its id." },
        Output { name: "arn", doc: "Its ARN." },
        Output { name: "volume", doc: "Litres, a number." },
    ];
    const PERMISSIONS: &'static [&'static str] = &[];
    type Spec = BoxSpec;

    fn validate(spec: &BoxSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        if spec.colour == Some(Colour::Blue) && spec.size.is_some_and(|s| s > 50) {
            errors.push(SpecError::new("/size", "no-such-box", "Blue boxes have at most 50 litres."));
        }
        errors
    }
    fn withholds(spec: &Value, output: &str) -> Option<&'static str> {
        (output == "volume" && spec["size"] == 1).then_some("it is so small that it holds nothing")
    }
    fn canonical(spec: &mut Value) {
        if let Some(Value::String(name)) = spec.get_mut("boxName") {
            *name = name.to_lowercase();
        }
    }
    fn identity(spec: &Value) -> Option<String> {
        let name = spec.get("boxName")?.as_str()?;
        (!name.contains("${")).then(|| name.to_owned())
    }
    never_made!();
}

pub struct LidKind;

/// A lid.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LidSpec {
    /// The box it is for; it can be put on later.
    box_id: Option<String>,
    /// The box that it is cut from.
    cut_from: Option<String>,
    /// The slot of the box that it snaps into.
    slot: Option<String>,
    width: Option<u16>,
}

impl Kind for LidKind {
    const NAME: KindName = "Lid";
    const SUMMARY: &'static str = "A lid.";
    const DOC: &'static str = "";
    const EXAMPLE: &'static str = "{}";
    const FIELDS: &'static [Field] = &[Field::scalar("/boxId").late()];
    const OUTPUTS: &'static [Output] = &[Output { name: "id", doc: "Its id." }];
    const PERMISSIONS: &'static [&'static str] = &[];
    type Spec = LidSpec;

    fn validate(_: &LidSpec) -> Vec<SpecError> {
        Vec::new()
    }
    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        let text = |field: &str| spec.get(field).and_then(Value::as_str);
        let (Some(slot), Some(of)) = (text("slot"), text("boxId")) else { return Vec::new() };
        let pieces = pieces(of).unwrap_or_default();
        let [Piece::Reference(reference, _)] = pieces.as_slice() else { return Vec::new() };
        let Some(peer) = reference.target(stack).and_then(|(key, _)| peers(&key)) else { return Vec::new() };
        let slots = peer.get("slots").and_then(Value::as_array).cloned().unwrap_or_default();
        if slots.iter().any(|s| s["name"] == slot) {
            return Vec::new();
        }
        vec![SpecError::new("/slot", "no-such-slot", format!("The box has no slot \"{slot}\"."))]
    }
    fn canonical(_: &mut Value) {}
    fn identity(spec: &Value) -> Option<String> {
        // A lid is known by its box.
        let of = spec.get("boxId")?.as_str()?;
        (!of.contains("${")).then(|| of.to_owned())
    }
    never_made!();
}
