//! What AWS makes of each call about a target group.

use super::TargetGroup;
use super::defaults::{self, HEALTH_CHECK};
use super::plan::Action;
use crate::common::{Tags, settled, text};
use crate::elb::kind::{changed, not_twice};
use crate::elb::{attributes, full_name, outputs, overlay};
use holdfast_core::kind::{Mint, Refusal};
use holdfast_core::observe::Observation;
use serde_json::{Map, Value, json};

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Create { spec, tags } => {
            not_twice(before, "DuplicateTargetGroupName", "a target group of that name exists")?;
            Ok(Some(created(spec, tags.clone(), mint)))
        }
        Action::Modify { arn, set } => changed::<TargetGroup>(before, arn, |fields| overlay(fields, set)),
        Action::ModifyAttributes { arn, attributes: set } => {
            changed::<TargetGroup>(before, arn, |fields| attributes::overlay(fields, set))
        }
        Action::Tag(tag) => tag.predict(before),
        // Deleting what is gone succeeds, as in AWS.
        Action::Delete { .. } => Ok(None),
    }
}

fn created(spec: &Map<String, Value>, tags: Tags, mint: &mut Mint) -> Observation {
    let mut fields = json!({ "targetType": "instance", "ipAddressType": "ipv4" });
    overlay(&mut fields, spec);
    if matches!(text(&fields, "protocol"), Some("HTTP" | "HTTPS")) && fields.get("protocolVersion").is_none() {
        fields["protocolVersion"] = json!("HTTP1");
    }
    for field in HEALTH_CHECK {
        let default = defaults::of(&fields, field);
        if fields.get(*field).is_none() && !default.is_null() {
            fields[*field] = default;
        }
    }
    super::canonical(&mut fields);
    let name = text(&fields, "name").unwrap_or_default().to_owned();
    let id = mint.hex(16);
    let arn = mint.arn("elasticloadbalancing", &format!("targetgroup/{name}/{id}"));
    let mut seen = settled(arn.clone(), name.clone(), tags, fields);
    seen.outputs = outputs(
        &arn,
        [
            ("name", Some(name.into())),
            ("fullName", Some(full_name(&arn).into())),
            ("port", seen.fields.get("port").cloned()),
        ],
    );
    seen
}
