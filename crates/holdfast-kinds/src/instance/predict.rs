//! What AWS makes of each call about an instance.

use super::Instance;
use super::plan::{Action, STOPPED, is_stopped, readable};
use crate::common::{self, Tags, existing, overlay, refusal, text};
use crate::ec2;
use crate::plain::merged;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{Kind, Mint, Refusal};
use holdfast_core::observe::{Health, Observation};
use serde_json::{Map, Value, json};

/// Why a protected instance is not terminated, and what to do.
pub(super) const PROTECTED: &str = "termination protection is on, and is never switched off for a delete. Set \
    disableApiTermination to false, apply that, and delete it then";

/// What is said of an instance that stands still and was not stopped by us.
pub(super) const STANDS: &str = "it is stopped; Holdfast starts no instance that somebody has stopped";

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Run { spec, tags } => Ok(Some(launched(spec, tags.clone(), mint))),
        Action::Modify { id, set } | Action::Interface { id, set, .. } => {
            changed(before, id, |fields| overlay(fields, set))
        }
        Action::Profile { id, name } => {
            let profile = name.as_ref().map_or(Value::Null, |name| json!({ "name": name }));
            changed(before, id, |fields| overlay(fields, &Map::from_iter([("iamInstanceProfile".to_owned(), profile)])))
        }
        Action::Options { id, field, set } => changed(before, id, |fields| {
            let whole = merged(fields.get(field), &Value::Object(set.clone()));
            overlay(fields, &Map::from_iter([(field.clone(), whole)]));
        }),
        Action::Stop { id, fields } => {
            let mut after = existing(before, id)?.clone();
            after.tags_mut().insert(STOPPED.to_owned(), fields.clone());
            Ok(Some(in_state(after, "stopped")))
        }
        Action::Start { id } => {
            let mut after = existing(before, id)?.clone();
            after.tags_mut().remove(STOPPED);
            Ok(Some(in_state(after, "running")))
        }
        Action::Retag(retag) => retag.predict(before),
        // Terminating what is gone succeeds.
        Action::Terminate { .. } => match before {
            Some(live) if live.fields.get("disableApiTermination") == Some(&json!(true)) => {
                Err(refusal(ErrorClass::Rejected, "OperationNotPermitted", PROTECTED))
            }
            _ => Ok(None),
        },
    }
}

fn changed(
    before: Option<&Observation>,
    id: &str,
    change: impl FnOnce(&mut Value),
) -> Result<Option<Observation>, Refusal> {
    let mut after = existing(before, id)?.clone();
    change(&mut after.fields);
    Instance::canonical(&mut after.fields);
    Ok(Some(after))
}

/// The instance in another state, with what that makes of its health.
pub(super) fn in_state(mut seen: Observation, state: &str) -> Observation {
    if !seen.private.is_object() {
        seen.private = json!({}).into();
    }
    seen.private["state"] = state.into();
    seen.health = match (is_stopped(&seen), seen.tags.contains_key(STOPPED)) {
        (false, _) => Health::Healthy,
        (true, true) => Health::Progressing("it is stopped for a change and started again".to_owned()),
        (true, false) => Health::Degraded(STANDS.to_owned()),
    };
    seen
}

fn launched(spec: &Map<String, Value>, tags: Tags, mint: &mut Mint) -> Observation {
    let defaults = json!({
        "instanceType": "m1.small", "sourceDestCheck": true, "monitoring": { "enabled": false }, "ebsOptimized": false,
        "metadataOptions": { "httpTokens": "required", "httpPutResponseHopLimit": 2, "httpEndpoint": "enabled",
            "httpProtocolIpv6": "disabled", "instanceMetadataTags": "disabled" },
        "disableApiTermination": false, "disableApiStop": false, "instanceInitiatedShutdownBehavior": "stop",
        "placement": { "availabilityZone": format!("{}a", mint.region), "tenancy": "default" },
        "maintenanceOptions": { "autoRecovery": "default" },
    });
    let mut fields = merged(Some(&defaults), &Value::Object(readable(spec)));
    let (id, arn) = ec2::mint(mint, "instance", "i-");
    let (interface, _) = ec2::mint(mint, "network-interface", "eni-");
    let last = u8::from_str_radix(&mint.hex(2), 16).unwrap_or_default();
    if fields.get("privateIpAddress").is_none() {
        fields["privateIpAddress"] = format!("10.0.0.{last}").into();
    }
    Instance::canonical(&mut fields);
    let address = text(&fields, "privateIpAddress").unwrap_or_default().to_owned();
    let public = (spec.get("associatePublicIpAddress") == Some(&json!(true))).then(|| format!("203.0.113.{last}"));
    let name = format!("ip-{}.{}.compute.internal", address.replace('.', "-"), mint.region);
    let zone = fields.pointer("/placement/availabilityZone").cloned();
    observation(
        id,
        tags,
        fields,
        "running",
        interface,
        [
            ("arn", Some(arn.into())),
            ("privateIp", Some(address.into())),
            ("publicIp", public.map(Value::from)),
            ("privateDnsName", Some(name.into())),
            ("availabilityZone", zone),
        ],
    )
}

/// An instance with its outputs.
pub(super) fn observation(
    id: String,
    tags: Tags,
    fields: Value,
    state: &str,
    interface: String,
    outputs: [(&str, Option<Value>); 5],
) -> Observation {
    let mut seen = common::settled(id, String::new(), tags, fields);
    seen.outputs.extend(outputs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    if !interface.is_empty() {
        seen.outputs.insert("networkInterfaceId".to_owned(), interface.clone().into());
    }
    seen.private = json!({ "networkInterfaceId": interface }).into();
    in_state(seen, state)
}
