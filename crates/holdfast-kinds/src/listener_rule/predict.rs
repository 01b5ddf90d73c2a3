//! What AWS makes of each call about a listener rule.

use super::ListenerRule;
use super::plan::Action;
use crate::common::{settled, text};
use crate::elb::kind::{changed, not_twice};
use crate::elb::{outputs, overlay};
use holdfast_core::kind::{Mint, Refusal};
use holdfast_core::observe::Observation;
use serde_json::{Map, Value};

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    let changed = |arn, set| changed::<ListenerRule>(before, arn, |fields| overlay(fields, set));
    match action {
        Action::Create { spec, tags } => {
            not_twice(before, "PriorityInUse", "a rule of that priority exists")?;
            Ok(Some(created(spec, tags.clone(), mint)))
        }
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
    let mut seen = settled(arn.clone(), super::identity(&fields).unwrap_or_default(), tags, fields);
    seen.outputs =
        outputs(&arn, [("priority", seen.fields.get("priority").cloned()), ("listenerArn", Some(listener.into()))]);
    seen
}
