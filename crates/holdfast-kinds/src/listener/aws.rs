//! Elastic Load Balancing's side of a listener.

use super::Listener;
use super::plan::Action;
use super::spec::{CertificateSpec, ListenerProtocol, ListenerSpec, MutualAuthentication};
use crate::aws::answer::object;
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::{Tags, settled, text};
use crate::elb::actions::ActionSpec;
use crate::elb::attributes::Attributes;
use crate::elb::aws::actions::{from_wire, to_wire};
use crate::elb::aws::children::{self, Child};
use crate::elb::aws::{
    PAGE, Specs, attributes_json, concerning, deleted, made, number, parse, put_audited, retag, tags_for,
};
use crate::elb::outputs;
use crate::elb::types::{Flag, Int};
use crate::listener_rule::ListenerRule;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as wire;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Child for Listener {
    type Item = wire::Listener;
    const PARENT: &'static str = "loadBalancerArn";
    const PATHS: (&'static str, &'static str) = ("listener", "loadbalancer");

    async fn by_arns(aws: &Aws<'_>, arns: Vec<String>) -> Result<Vec<wire::Listener>, ApplyError> {
        let call = aws.elb().describe_listeners().set_listener_arns(Some(arns));
        Ok(aws.read(Service::Elb, "DescribeListeners", call.send()).await?.listeners.unwrap_or_default())
    }

    async fn of_parent(aws: &Aws<'_>, parent: String) -> Result<Vec<wire::Listener>, ApplyError> {
        let pages = all_pages(
            |marker| {
                let page = aws.elb().describe_listeners().load_balancer_arn(&parent).page_size(PAGE);
                aws.read(Service::Elb, "DescribeListeners", page.set_marker(marker).send())
            },
            |answer| answer.next_marker(),
        )
        .await?;
        Ok(pages.into_iter().flat_map(|page| page.listeners.unwrap_or_default()).collect())
    }

    fn arn(item: &wire::Listener) -> &str {
        item.listener_arn().unwrap_or_default()
    }
}

#[async_trait]
impl Live for Listener {
    const AUDITED: bool = true;

    /// By ARN, 20 a call; attributes and additional certificates in turns, where they are declared.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let found = children::find::<Listener>(aws, wanted).await;
        let mut seen = concerning::<Self>(aws, wanted, found.items.values().filter_map(observe).collect()).await?;
        audit(aws, wanted, &mut seen).await;
        Ok(reading(seen, found.gaps))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { spec, tags } => return create(aws, spec, tags).await,
            Action::Modify { arn, set } => modify(aws, arn, set).await?,
            Action::AddCertificates { arn, certificates } => {
                let call = aws.elb().add_listener_certificates().listener_arn(arn);
                let call = call.set_certificates(Some(certificates.iter().map(certificate).collect()));
                aws.rereading(arn, aws.write(Service::Elb, "AddListenerCertificates", call.send())).await?;
            }
            Action::RemoveCertificates { arn, certificates } => {
                let call = aws.elb().remove_listener_certificates().listener_arn(arn);
                let call = call.set_certificates(Some(certificates.iter().map(certificate).collect()));
                aws.rereading(arn, aws.write(Service::Elb, "RemoveListenerCertificates", call.send())).await?;
            }
            Action::ModifyAttributes { arn, attributes } => modify_attributes(aws, arn, attributes).await?,
            Action::Tag(change) => retag(aws, change).await?,
            Action::Delete { arn } => {
                children::none_of_others::<ListenerRule>(aws, arn, "DeleteListener").await?;
                let call = aws.elb().delete_listener().listener_arn(arn);
                deleted(aws, arn, aws.write(Service::Elb, "DeleteListener", call.send()).await)?;
            }
        }
        Ok(Applied::default())
    }
}

fn certificate(arn: &String) -> wire::Certificate {
    wire::Certificate::builder().certificate_arn(arn).build()
}

fn observe(listener: &wire::Listener) -> Option<Observation> {
    let arn = listener.listener_arn()?.to_owned();
    let parent = listener.load_balancer_arn().map(str::to_owned);
    // Some implementations of AWS show every certificate here; AWS shows the default one, which is the first.
    let default = listener.certificates().first().and_then(|c| c.certificate_arn());
    let alpn = (!listener.alpn_policy().is_empty()).then(|| json!(listener.alpn_policy()));
    let mut fields = object([
        ("loadBalancerArn", parent.as_deref().map(Into::into)),
        ("port", listener.port().map(Into::into)),
        ("protocol", listener.protocol().map(|p| p.as_str().into())),
        ("sslPolicy", listener.ssl_policy().filter(|p| !p.is_empty()).map(Into::into)),
        ("certificates", default.map(|arn| json!([{ "certificateArn": arn, "isDefault": true }]))),
        ("alpnPolicy", alpn),
        ("defaultActions", Some(from_wire(listener.default_actions()))),
        ("mutualAuthentication", listener.mutual_authentication().map(mutual_from_wire)),
    ]);
    super::canonical(&mut fields);
    let outputs =
        outputs(&arn, [("port", listener.port().map(Into::into)), ("loadBalancerArn", parent.map(Into::into))]);
    let identity = super::identity(&fields).unwrap_or_default();
    Some(Observation { outputs, ..settled(arn, identity, Tags::new(), fields) })
}

fn mutual_from_wire(mutual: &wire::MutualAuthenticationAttributes) -> Value {
    object([
        ("mode", mutual.mode().map(Into::into)),
        ("trustStoreArn", mutual.trust_store_arn().map(Into::into)),
        ("ignoreClientCertificateExpiry", mutual.ignore_client_certificate_expiry().map(Into::into)),
        ("advertiseTrustStoreCaNames", mutual.advertise_trust_store_ca_names().map(|a| a.as_str().into())),
    ])
}

/// What of a listener is read one a call.
#[derive(Clone, Copy, Default)]
struct Needs {
    attributes: bool,
    certificates: bool,
}

/// Reads attributes and certificates of those listeners whose declaration has them, in turns.
async fn audit(aws: &Aws<'_>, wanted: &Wanted, seen: &mut [Observation]) {
    let specs = Specs::new::<Listener>(wanted);
    let needs = |o: &Observation| {
        let spec = specs.of(o)?;
        let attributes = spec.get("attributes").is_some_and(Value::is_object);
        let certificates = spec.get("certificates").is_some() && o.fields.get("certificates").is_some();
        (attributes || certificates).then_some((o.id.clone(), Needs { attributes, certificates }))
    };
    let needs: BTreeMap<String, Needs> = seen.iter().filter_map(needs).collect();
    let due: Vec<String> = needs.keys().cloned().collect();
    let audit = aws
        .audit(&due, |arn| {
            let needs = needs.get(&arn).copied().unwrap_or_default();
            async move { read_details(aws, &arn, needs).await }
        })
        .await;
    for one in seen {
        let read = audit.values.get(&one.id).map(Arc::as_ref);
        put_audited(one, read, &["attributes"]);
        if needs.get(&one.id).is_some_and(|n| n.certificates) {
            put_certificates(one, read);
        }
    }
}

async fn read_details(aws: &Aws<'_>, arn: &str, needs: Needs) -> Result<Value, ApplyError> {
    let mut read = json!({});
    if needs.attributes {
        let call = aws.elb().describe_listener_attributes().listener_arn(arn);
        let answer = aws.read(Service::Elb, "DescribeListenerAttributes", call.send()).await?;
        read["attributes"] = attributes_json(answer.attributes().iter().map(|a| (a.key(), a.value())));
    }
    if needs.certificates {
        let pages = all_pages(
            |marker| {
                let page = aws.elb().describe_listener_certificates().listener_arn(arn).page_size(PAGE);
                aws.read(Service::Elb, "DescribeListenerCertificates", page.set_marker(marker).send())
            },
            |answer| answer.next_marker(),
        )
        .await?;
        // The default one is read with the listener: which that is may change before this is read again.
        let others = pages.iter().flat_map(|page| page.certificates()).filter(|c| c.is_default() != Some(true));
        read["certificates"] = others.filter_map(|c| c.certificate_arn()).collect();
    }
    Ok(read)
}

/// The default certificate was just read; the others are as of their turn.
fn put_certificates(seen: &mut Observation, read: Option<&Value>) {
    let Some(others) = read.and_then(|r| r.get("certificates")).and_then(Value::as_array) else {
        seen.unread.push("/certificates".to_owned());
        return;
    };
    if let Some(list) = seen.fields.get_mut("certificates").and_then(Value::as_array_mut) {
        let default = list.first().and_then(|c| text(c, "certificateArn")).map(str::to_owned);
        let new = others.iter().filter(|arn| arn.as_str() != default.as_deref());
        list.extend(new.map(|arn| json!({ "certificateArn": arn })));
    }
    super::canonical(&mut seen.fields);
}

/// The members of CreateListener and ModifyListener.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    port: Option<Int>,
    protocol: Option<ListenerProtocol>,
    ssl_policy: Option<String>,
    certificates: Option<Vec<CertificateSpec>>,
    alpn_policy: Option<Vec<String>>,
    default_actions: Option<Vec<ActionSpec>>,
    mutual_authentication: Option<MutualAuthentication>,
}

impl Members {
    fn certificates(&self) -> Option<Vec<wire::Certificate>> {
        self.certificates.as_ref().map(|all| all.iter().map(|c| certificate(&c.certificate_arn)).collect())
    }

    fn mutual(&self) -> Option<wire::MutualAuthenticationAttributes> {
        self.mutual_authentication.as_ref().map(|m| {
            wire::MutualAuthenticationAttributes::builder()
                .set_mode(m.mode.as_ref().map(|mode| mode.0.clone()))
                .set_trust_store_arn(m.trust_store_arn.clone())
                .set_ignore_client_certificate_expiry(m.ignore_client_certificate_expiry.as_ref().and_then(Flag::known))
                .set_advertise_trust_store_ca_names(m.advertise_trust_store_ca_names.as_deref().map(Into::into))
                .build()
        })
    }
}

async fn create(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags) -> Result<Applied, ApplyError> {
    let spec: ListenerSpec = parse("CreateListener", members)?;
    let members: Members = parse("CreateListener", members)?;
    let call = aws
        .elb()
        .create_listener()
        .load_balancer_arn(&spec.load_balancer_arn)
        .set_port(number(members.port.as_ref()))
        .set_protocol(members.protocol.as_deref().map(Into::into))
        .set_ssl_policy(members.ssl_policy.clone())
        .set_certificates(members.certificates())
        .set_alpn_policy(members.alpn_policy.clone())
        .set_default_actions(Some(to_wire(&spec.default_actions, false)))
        .set_mutual_authentication(members.mutual())
        .set_tags(tags_for(tags));
    let answer = aws.write(Service::Elb, "CreateListener", call.send()).await?;
    made("CreateListener", answer.listeners().first().and_then(observe))
}

async fn modify(aws: &Aws<'_>, arn: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let members: Members = parse("ModifyListener", set)?;
    let call = aws
        .elb()
        .modify_listener()
        .listener_arn(arn)
        .set_port(number(members.port.as_ref()))
        .set_protocol(members.protocol.as_deref().map(Into::into))
        .set_ssl_policy(members.ssl_policy.clone())
        .set_certificates(members.certificates())
        .set_alpn_policy(members.alpn_policy.clone())
        .set_default_actions(members.default_actions.as_deref().map(|actions| to_wire(actions, true)))
        .set_mutual_authentication(members.mutual());
    // What is the default certificate now is none of those beside it.
    aws.rereading(arn, aws.write(Service::Elb, "ModifyListener", call.send())).await.map(drop)
}

async fn modify_attributes(aws: &Aws<'_>, arn: &str, attributes: &Attributes) -> Result<(), ApplyError> {
    let one = |(k, v)| wire::ListenerAttribute::builder().key(k).value(v).build();
    let list = attributes.iter().map(one).collect();
    let call = aws.elb().modify_listener_attributes().listener_arn(arn).set_attributes(Some(list));
    aws.rereading(arn, aws.write(Service::Elb, "ModifyListenerAttributes", call.send())).await.map(drop)
}
