//! What AWS makes of each call about a listener rule.

use super::plan::Action;
use crate::common::{existing, predicted, refusal, text};
use crate::elb::{outputs, overlay};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{Mint, Refusal};
use holdfast_core::observe::Observation;
use serde_json::{Map, Value};

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    let changed = |arn: &str, set: &Map<String, Value>| {
        let mut after = existing(before, arn)?.clone();
        overlay(&mut after.fields, set);
        super::canonical(&mut after.fields);
        after.identity = super::identity(&after.fields).unwrap_or_default();
        after.outputs.extend(after.fields.get("priority").map(|p| ("priority".to_owned(), p.clone())));
        Ok(Some(after))
    };
    match action {
        Action::Create { spec, tags } => match before {
            None => Ok(Some(created(spec, tags.clone(), mint))),
            Some(_) => Err(refusal(ErrorClass::Conflict, "PriorityInUse", "a rule of that priority exists")),
        },
        // The rules that move with it have a step of their own, which finds them moved.
        Action::SetPriorities { arn, to, .. } => changed(arn, &Map::from_iter([("priority".to_owned(), to.clone())])),
        Action::Modify { arn, set } => changed(arn, set),
        Action::Tag(tag) => tag.predict(before),
        // Deleting what is gone is no mistake here.
        Action::Delete { .. } => Ok(None),
    }
}

fn created(spec: &Map<String, Value>, tags: crate::common::Tags, mint: &mut Mint) -> Observation {
    let mut fields = Value::Object(spec.clone());
    super::canonical(&mut fields);
    let listener = text(&fields, "listenerArn").unwrap_or_default().to_owned();
    let arn = format!("{}/{}", listener.replacen(":listener/", ":listener-rule/", 1), mint.hex(16));
    let mut seen = predicted(arn.clone(), super::identity(&fields).unwrap_or_default(), tags, fields);
    seen.outputs =
        outputs(&arn, [("priority", seen.fields.get("priority").cloned()), ("listenerArn", Some(listener.into()))]);
    seen
}
