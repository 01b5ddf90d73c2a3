//! `Image`: looks up a machine image (AMI).

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::lookup;
use holdfast_core::facts::{Field, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind.
pub(crate) struct Image;

/// Which image is meant: the newest of these owners whose name fits.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImageSpec {
    /// Who may have made it: 12-digit account ids, `self`, `amazon`, `aws-marketplace`, `aws-backup-vault`. Anybody can
    /// publish an image under any name, so at least one must be said.
    owners: Vec<String>,
    /// Its name, in which `*` stands for any text and `?` for one character, such as `al2023-ami-2023.*-kernel-6.1-x86_64`.
    name: String,
    /// `x86_64`, `arm64`, `i386`, `x86_64_mac`, `arm64_mac`; any if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<String>,
}

const ALIASES: [&str; 4] = ["self", "amazon", "aws-marketplace", "aws-backup-vault"];

impl Kind for Image {
    const NAME: KindName = "Image";
    const SUMMARY: &'static str = "Look-up of a machine image (AMI) by owner and name";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] =
        &[Field::of("/owners", Shape::List), Field::scalar("/name"), Field::scalar("/architecture")];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The image's id, such as ami-0123456789abcdef0" },
        Output { name: "name", doc: "Its whole name" },
        Output { name: "ownerId", doc: "The account that made it" },
        Output { name: "architecture", doc: "Its architecture" },
        Output { name: "rootDeviceName", doc: "Its root device, such as /dev/xvda" },
        Output { name: "creationDate", doc: "When it was made" },
    ];
    const HANDLE: Handle = Handle {
        form: "an image id, such as ami-0123456789abcdef0",
        read: |text| crate::ec2::id(text, "image", "ami-"),
    };
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeImages"];

    type Spec = ImageSpec;
    lookup::life!();

    fn validate(spec: &ImageSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        if spec.owners.is_empty() {
            let words = "say whose images may be taken: account ids, self or amazon; anybody can publish an image under any name";
            errors.push(SpecError::new("/owners", "required", words));
        }
        for (i, owner) in spec.owners.iter().enumerate() {
            let is_account = owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit());
            if !is_account && !ALIASES.contains(&owner.as_str()) && !is_open(owner) {
                let words =
                    format!("\"{owner}\" is no owner; write a 12-digit account id or one of {}", ALIASES.join(", "));
                errors.push(SpecError::new(format!("/owners/{i}"), "invalid-value", words));
            }
        }
        if spec.name.trim_matches('*').is_empty() {
            let words = "say at least a part of the name; * alone is every image there is";
            errors.push(SpecError::new("/name", "required", words));
        }
        errors
    }
}

impl Image {
    /// What the simulated AWS answers.
    fn simulated(spec: &Value, mint: &mut Mint) -> Observation {
        let id = format!("ami-{}", mint.hex(17));
        let name = spec["name"].as_str().unwrap_or_default().replace('*', "1");
        let architecture = spec["architecture"].as_str().unwrap_or("x86_64");
        let outputs = [
            ("name", Some(name.as_str())),
            ("ownerId", Some("137112412989")),
            ("architecture", Some(architecture)),
            ("rootDeviceName", Some("/dev/xvda")),
            ("creationDate", Some("2025-01-01T00:00:00.000Z")),
        ];
        lookup::answer(spec, id, outputs)
    }
}

/// The image that answers: the one that is known, as long as it is among those that fit; else the newest, and of several
/// of one moment the first by id, so that the answer does not change from sweep to sweep. Each is a creation date, such as
/// `2025-01-01T00:00:00.000Z`, and an id.
#[cfg(any(feature = "aws", test))]
fn chosen<'a>(fitting: &[(&'a str, &'a str)], known: Option<&str>) -> Option<&'a str> {
    let kept = fitting.iter().find(|(_, id)| Some(*id) == known);
    let newest = || fitting.iter().max_by(|a, b| a.0.cmp(b.0).then(b.1.cmp(a.1)));
    kept.or_else(newest).map(|(_, id)| *id)
}
