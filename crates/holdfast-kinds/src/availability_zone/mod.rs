//! `AvailabilityZone`: looks up a zone of the Region by name, id or place.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

use crate::lookup;
use holdfast_core::facts::Field;
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind.
pub(crate) struct AvailabilityZone;

/// Which zone is meant; exactly one of the three is said.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AvailabilityZoneSpec {
    /// Its name, such as `eu-west-1a`.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone_name: Option<String>,
    /// Its id, such as `euw1-az1`, which means the same place in every account.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone_id: Option<String>,
    /// Its place among the zones of the Region that can be used, in the order of their names; 0 is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
}

impl Kind for AvailabilityZone {
    const NAME: KindName = "AvailabilityZone";
    const SUMMARY: &'static str = "Look-up of an Availability Zone by name, id or place";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[Field::scalar("/zoneName"), Field::scalar("/zoneId"), Field::scalar("/index")];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The zone's name, such as eu-west-1a" },
        Output { name: "zoneName", doc: "The same" },
        Output { name: "zoneId", doc: "The zone's id, such as euw1-az1" },
    ];
    const HANDLE: Handle = Handle { form: "a zone's name, such as eu-west-1a", ..Handle::ANY };
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeAvailabilityZones"];

    type Spec = AvailabilityZoneSpec;
    lookup::life!();

    fn validate(spec: &AvailabilityZoneSpec) -> Vec<SpecError> {
        let said = [spec.zone_name.is_some(), spec.zone_id.is_some(), spec.index.is_some()];
        match said.into_iter().filter(|said| *said).count() {
            1 => Vec::new(),
            0 => vec![SpecError::new("", "missing-field", "say which zone: one of zoneName, zoneId and index")],
            _ => vec![SpecError::new("", "conflict", "say only one of zoneName, zoneId and index")],
        }
    }
}

impl AvailabilityZone {
    /// What the simulated AWS answers: it has six zones.
    fn simulated(spec: &Value, mint: &mut Mint) -> Observation {
        let letters = ["a", "b", "c", "d", "e", "f"];
        let place = spec["index"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let letter = letters[place % letters.len()];
        let name = spec["zoneName"].as_str().map_or_else(|| format!("{}{letter}", mint.region), str::to_owned);
        let id = spec["zoneId"].as_str().map_or_else(|| format!("az{}", place + 1), str::to_owned);
        found(spec, &name, Some(&id))
    }
}

fn found(spec: &Value, name: &str, id: Option<&str>) -> Observation {
    lookup::answer(spec, name.to_owned(), [("zoneName", Some(name)), ("zoneId", id)])
}

/// The zone that is meant, out of the names and ids of those that can be used.
#[cfg(any(feature = "aws", test))]
fn meant<'a>(spec: &Value, zones: &[(&'a str, &'a str)]) -> Option<(&'a str, &'a str)> {
    let mut zones: Vec<(&str, &str)> = zones.to_vec();
    zones.sort_unstable();
    match (spec["zoneName"].as_str(), spec["zoneId"].as_str(), spec["index"].as_u64()) {
        (Some(name), ..) => zones.into_iter().find(|(n, _)| *n == name),
        (_, Some(id), _) => zones.into_iter().find(|(_, i)| *i == id),
        (.., Some(index)) => zones.get(usize::try_from(index).ok()?).copied(),
        _ => None,
    }
}
