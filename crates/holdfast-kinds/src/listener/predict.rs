//! What AWS makes of each call about a listener.

use super::Listener;
use super::plan::Action;
use crate::common::{settled, text};
use crate::elb::kind::{changed, not_twice};
use crate::elb::{attributes, outputs, overlay};
use holdfast_core::kind::{Mint, Refusal};
use holdfast_core::observe::Observation;
use serde_json::{Map, Value, json};

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    let changed = |arn, change: &dyn Fn(&mut Value)| changed::<Listener>(before, arn, change);
    match action {
        Action::Create { spec, tags } => {
            not_twice(before, "DuplicateListener", "a listener on that port exists")?;
            Ok(Some(created(spec, tags.clone(), mint)))
        }
        Action::Modify { arn, set } => changed(arn, &|fields| modify(fields, set)),
        Action::AddCertificates { arn, certificates } => changed(arn, &|fields| {
            with_certificates(fields, |list| {
                let new = certificates.iter().filter(|arn| !list.iter().any(|c| is(c, arn)));
                let new: Vec<Value> = new.map(|arn| json!({ "certificateArn": arn })).collect();
                list.extend(new);
            });
        }),
        Action::RemoveCertificates { arn, certificates } => changed(arn, &|fields| {
            let gone = |c: &Value| c.get("isDefault").is_none() && certificates.iter().any(|arn| is(c, arn));
            with_certificates(fields, |list| list.retain(|c| !gone(c)));
        }),
        Action::ModifyAttributes { arn, attributes: set } => changed(arn, &|fields| attributes::overlay(fields, set)),
        Action::Tag(tag) => tag.predict(before),
        // Deleting what is gone is no mistake here.
        Action::Delete { .. } => Ok(None),
    }
}

fn is(certificate: &Value, arn: &str) -> bool {
    certificate.get("certificateArn").and_then(Value::as_str) == Some(arn)
}

fn with_certificates(fields: &mut Value, change: impl FnOnce(&mut Vec<Value>)) {
    let mut list = fields.get("certificates").and_then(Value::as_array).cloned().unwrap_or_default();
    change(&mut list);
    overlay(fields, &Map::from_iter([("certificates".to_owned(), Value::Array(list))]));
}

/// The default certificate is replaced; the others stay, and a new default leaves their list.
fn modify(fields: &mut Value, set: &Map<String, Value>) {
    let mut rest = set.clone();
    if let Some(arn) =
        rest.shift_remove("certificates").and_then(|c| text(c.get(0)?, "certificateArn").map(str::to_owned))
    {
        with_certificates(fields, |list| {
            list.retain(|c| c.get("isDefault").is_none() && !is(c, &arn));
            list.insert(0, json!({ "certificateArn": arn, "isDefault": true }));
        });
    }
    overlay(fields, &rest);
    // Leaving HTTPS or TLS takes the policy and the certificates away.
    if set.contains_key("protocol") && !matches!(text(fields, "protocol"), Some("HTTPS" | "TLS" | "QUIC" | "TCP_QUIC"))
    {
        let gone = ["sslPolicy", "certificates", "alpnPolicy", "mutualAuthentication"];
        overlay(fields, &gone.iter().map(|k| ((*k).to_owned(), Value::Null)).collect());
    }
}

fn created(spec: &Map<String, Value>, tags: crate::common::Tags, mint: &mut Mint) -> Observation {
    let mut fields = Value::Object(spec.clone());
    if matches!(text(&fields, "protocol"), Some("HTTPS" | "TLS")) && fields.get("sslPolicy").is_none() {
        fields["sslPolicy"] = json!("ELBSecurityPolicy-2016-08");
    }
    super::canonical(&mut fields);
    let parent = text(&fields, "loadBalancerArn").unwrap_or_default().to_owned();
    let arn = format!("{}/{}", parent.replacen(":loadbalancer/", ":listener/", 1), mint.hex(16));
    let mut seen = settled(arn.clone(), super::identity(&fields).unwrap_or_default(), tags, fields);
    seen.outputs =
        outputs(&arn, [("port", seen.fields.get("port").cloned()), ("loadBalancerArn", Some(parent.into()))]);
    seen
}
