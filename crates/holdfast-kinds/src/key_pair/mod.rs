//! `KeyPair`: the public half of a key with which people log in to instances.
//!
//! Only the public half is ever declared. EC2 could make a pair and hand the private half out once; that half would
//! pass through Holdfast, so Holdfast never asks for it.

#[cfg(feature = "aws")]
mod aws;
mod material;
#[cfg(test)]
mod tests;

use crate::common::{Tags, closed, overlay, text};
use crate::ec2;
use crate::plain::{self, Action, Call, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Draft, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The kind.
pub(crate) struct KeyPair;

/// A public key under a name that launches of instances take.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KeyPairSpec {
    /// The name, unique in the Region; up to 255 ASCII characters. Cannot change in place.
    key_name: String,
    /// The public key, RSA or ED25519: the line in `id_ed25519.pub`, or the block that `ssh-keygen -e` writes. Cannot
    /// change in place. Never the private key.
    public_key_material: String,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

const MATERIAL_FORM: &str = "the algorithm and the key on one line, without the comment after them";

impl Kind for KeyPair {
    const NAME: KindName = "KeyPair";
    const SUMMARY: &'static str = "A public key under the name that instances are launched with";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/keyName").create_only(),
        // Whoever holds the other half of another key gets in where the next instance is launched.
        Field::scalar("/publicKeyMaterial").create_only().canonical(MATERIAL_FORM).severity(Severity::Exposure),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The key pair's id, such as key-0123456789abcdef0" },
        Output { name: "keyName", doc: "Its name, which launches of instances take" },
        Output { name: "keyFingerprint", doc: "AWS's fingerprint of the public key" },
    ];
    const HANDLE: Handle =
        Handle { form: "a key pair id, such as key-0123456789abcdef0", read: |text| ec2::id(text, "key-pair", "key-") };
    const PERMISSIONS: &'static [&'static str] =
        &["ec2:CreateTags", "ec2:DeleteKeyPair", "ec2:DeleteTags", "ec2:DescribeKeyPairs", "ec2:ImportKeyPair"];
    // A second import under the name is refused.
    const REPEATABLE: bool = true;

    type Spec = KeyPairSpec;
    type Action = Action<Self>;

    fn validate(spec: &KeyPairSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let name = spec.key_name.as_str();
        let mut refuse = |code: &str, words: String| errors.push(SpecError::new("/keyName", code, words));
        if name.is_empty() {
            refuse("required", "a key pair needs a name".to_owned());
        } else if name.trim() != name {
            refuse("invalid-value", "the name must not begin or end with a space; AWS takes none there".to_owned());
        }
        if !is_open(name) && name.len() > 255 {
            refuse("too-long", format!("{} characters; AWS takes 255", name.len()));
        }
        if let Some(odd) = name.chars().find(|c| !c.is_ascii() || c.is_control()) {
            refuse("invalid-character", format!("the character {odd:?} is not allowed; AWS takes printable ASCII"));
        }
        if let Some((code, words)) = material::problem(&spec.public_key_material) {
            errors.push(SpecError::new("/publicKeyMaterial", code, words));
        }
        errors
    }

    fn canonical(spec: &mut Value) {
        if let Some(Value::String(written)) = spec.get_mut("publicKeyMaterial")
            && let Some(form) = material::canonical(written)
        {
            *written = form;
        }
    }

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "keyName").map(str::to_owned)
    }

    /// By name, as not every implementation of AWS deletes by id.
    fn delete(live: &Observation) -> Vec<Draft<Self::Action>> {
        let fields = json!({ "keyName": live.fields.get("keyName") });
        vec![Draft::because(Call::Delete { id: live.id.clone(), fields }.into(), "delete", "")]
    }

    plain::life!(create converge);
}

impl Plain for KeyPair {
    const NOUN: &'static str = "key pair";
    const SHOWN: &'static [&'static str] = &["keyName"];
    const CALLS: &'static [&'static [&'static str]] = &[];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let mut whole = json!({});
        overlay(&mut whole, fields.as_object().unwrap_or(&Map::new()));
        let (id, _) = ec2::mint(mint, "key-pair", "key-");
        let print = mint.hex(32);
        observed(id, tags, whole, Some(print))
    }
}

/// A key pair as AWS shows it.
fn observed(id: String, tags: Tags, fields: Value, fingerprint: Option<String>) -> Observation {
    let unknown = text(&fields, "publicKeyMaterial").is_none();
    let print = fingerprint.map(Value::from);
    let mut seen = plain::observation::<KeyPair, 1>(id, tags, fields, [("keyFingerprint", print)]);
    if unknown {
        seen.unread.push("/publicKeyMaterial".to_owned());
    }
    seen
}
