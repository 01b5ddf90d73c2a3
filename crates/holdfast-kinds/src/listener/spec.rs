//! The spec of a listener, and what is known of its fields.

use crate::elb::actions::{ActionSpec, fields_with_actions};
use crate::elb::attributes::attribute;
use crate::elb::types::{Flag, Int, OnOff, Text, choices, is_open};
use holdfast_core::facts::{Facts, Field, ItemKey, Severity, Shape};
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A listener: a port of a load balancer, and what is done with requests that no rule takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListenerSpec {
    /// The ARN of the load balancer. Create-only.
    pub(crate) load_balancer_arn: String,
    /// The port; not for Gateway Load Balancers.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<Int>,
    /// The protocol; not for Gateway Load Balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<ListenerProtocol>,
    /// The security policy (HTTPS, TLS). Default `ELBSecurityPolicy-2016-08`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ssl_policy: Option<String>,
    /// The certificates (HTTPS, TLS). The first, or the one with `isDefault`, is the default certificate; the others are chosen by
    /// server name, and are a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificates: Option<Vec<CertificateSpec>>,
    /// The ALPN policy (TLS): one. Default `None`.
    #[schemars(length(max = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alpn_policy: Option<Vec<AlpnPolicy>>,
    /// What is done with requests that no rule takes.
    pub(crate) default_actions: Vec<ActionSpec>,
    /// How client certificates are handled (HTTPS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mutual_authentication: Option<MutualAuthentication>,
    /// AWS's attribute keys, such as `tcp.idle_timeout.seconds`. Only declared keys are held; a null asks for AWS's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<BTreeMap<String, Option<Text>>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, Text>>,
}

choices! {
    /// The protocol of a listener.
    ListenerProtocol = "HTTP" | "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP" | "QUIC" | "TCP_QUIC";
    /// An ALPN policy.
    AlpnPolicy = "HTTP1Only" | "HTTP2Only" | "HTTP2Optional" | "HTTP2Preferred" | "None";
    /// How client certificates are handled.
    MutualMode = "off" | "passthrough" | "verify";
}

/// A certificate of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CertificateSpec {
    /// Its ARN.
    pub(crate) certificate_arn: String,
    /// Whether it is the default certificate. Without any such mark, the first is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_default: Option<Flag>,
}

/// How client certificates are handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MutualAuthentication {
    /// Default `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<MutualMode>,
    /// The ARN of the trust store; needed for `verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust_store_arn: Option<String>,
    /// Whether expired certificates are taken. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_client_certificate_expiry: Option<Flag>,
    /// Whether the names of the trust store's authorities are shown to clients. Default `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advertise_trust_store_ca_names: Option<OnOff>,
}

const CREATE: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html";
const MUTUAL: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_MutualAuthenticationAttributes.html";
const ATTRIBUTE: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html";

const POLICIES: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html";
const CERTIFICATE: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Certificate.html";
const HEADERS: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html";

/// The kind's table, ready for look-ups.
pub(super) fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| Facts::new(FIELDS))
}

pub(super) const FIELDS: &[Field] = fields_with_actions!("/defaultActions";
    Field::scalar("/loadBalancerArn").create_only(),
    Field::scalar("/protocol").severity(Severity::Exposure),
    Field::scalar("/sslPolicy").default("\"ELBSecurityPolicy-2016-08\"", POLICIES)
        .severity(Severity::Exposure),
    Field::of("/certificates", Shape::Set(ItemKey::Of(&["certificateArn"])))
        .canonical("the default certificate marked with `isDefault`, the others without the mark; each once"),
    Field::scalar("/certificates/*/isDefault").default("false", CERTIFICATE),
    Field::scalar("/port").canonical("a number"),
    Field::set("/alpnPolicy").default("[\"None\"]", CREATE),
    Field::scalar("/mutualAuthentication").severity(Severity::Exposure),
    Field::scalar("/mutualAuthentication/mode").default("\"off\"", MUTUAL).severity(Severity::Exposure),
    Field::scalar("/mutualAuthentication/ignoreClientCertificateExpiry").default("false", MUTUAL).severity(Severity::Exposure),
    Field::scalar("/mutualAuthentication/advertiseTrustStoreCaNames").default("\"off\"", MUTUAL),
    Field::of("/attributes", Shape::Map).canonical("every value as text"),
    attribute!("tcp.idle_timeout.seconds", "350", ATTRIBUTE),
    attribute!("send_tcp_reset.on_idle_timeout.enabled", "false", ATTRIBUTE),
    attribute!("routing.http.response.server.enabled", "true", HEADERS),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
);

pub(super) fn validate(spec: &ListenerSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    if let Some(port) = spec.port.as_ref().and_then(Int::known)
        && !(1..=65535).contains(&port)
    {
        errors.push(SpecError::new("/port", "invalid-port", format!("{port} is no port; write 1 to 65535")));
    }
    for (pointer, this, other) in [
        ("/protocol", spec.protocol.is_some(), spec.port.is_some()),
        ("/port", spec.port.is_some(), spec.protocol.is_some()),
    ] {
        if other && !this {
            let words = format!(
                "{} is needed; only listeners of Gateway Load Balancers have neither port nor protocol",
                &pointer[1..]
            );
            errors.push(SpecError::new(pointer, "missing-field", words));
        }
    }
    crate::elb::actions::validate(&spec.default_actions, "/defaultActions", &mut errors);
    crate::elb::validate_tags(spec.tags.as_ref(), &mut errors);
    crate::elb::attributes::validate(spec.attributes.as_ref(), RANGES, VALUES, &mut errors);
    if !spec.protocol.as_deref().is_some_and(is_open) {
        validate_tls(spec, &mut errors);
        validate_action_types(spec, &mut errors);
    }
    validate_certificates(spec, &mut errors);
    validate_mutual(spec, &mut errors);
    errors
}

/// The attributes with a range, and the range.
const RANGES: &[(&str, i64, i64)] = &[("tcp.idle_timeout.seconds", 60, 6000)];

/// The attributes with a closed list of values.
const VALUES: &[(&str, &[&str])] = &[
    ("send_tcp_reset.on_idle_timeout.enabled", &["true", "false"]),
    ("routing.http.response.server.enabled", &["true", "false"]),
];

fn validate_tls(spec: &ListenerSpec, errors: &mut Vec<SpecError>) {
    let protocol = spec.protocol.as_deref().unwrap_or("GENEVE");
    let secure = ["HTTPS", "TLS", "QUIC", "TCP_QUIC"].contains(&protocol);
    let mut only = |there: bool, pointer: &str, protocols: &str, fits: bool| {
        if there && !fits {
            let words = format!("{} is for {protocols} listeners, and this one is {protocol}", &pointer[1..]);
            errors.push(SpecError::new(pointer, "conflicting-fields", words));
        }
    };
    only(spec.ssl_policy.is_some(), "/sslPolicy", "HTTPS and TLS", secure);
    only(spec.certificates.as_ref().is_some_and(|c| !c.is_empty()), "/certificates", "HTTPS and TLS", secure);
    only(spec.alpn_policy.as_ref().is_some_and(|a| !a.is_empty()), "/alpnPolicy", "TLS", protocol == "TLS");
    only(spec.mutual_authentication.is_some(), "/mutualAuthentication", "HTTPS", protocol == "HTTPS");
    if ["HTTPS", "TLS"].contains(&protocol) && spec.certificates.as_ref().is_none_or(Vec::is_empty) {
        let words = format!("an {protocol} listener needs a certificate: [{{\"certificateArn\": \"arn:aws:acm:…\"}}]");
        errors.push(SpecError::new("/certificates", "missing-field", words));
    }
}

fn validate_action_types(spec: &ListenerSpec, errors: &mut Vec<SpecError>) {
    let Some(protocol) = spec.protocol.as_deref() else { return };
    for (i, action) in spec.default_actions.iter().enumerate().filter(|(_, a)| !is_open(&a.kind)) {
        let at = format!("/defaultActions/{i}/type");
        if !["HTTP", "HTTPS"].contains(&protocol) && &*action.kind != "forward" {
            let words = format!("a {protocol} listener can only forward");
            errors.push(SpecError::new(at, "invalid-action", words));
        } else if protocol == "HTTP" && !["forward", "redirect", "fixed-response"].contains(&&*action.kind) {
            let words = format!("{} is for HTTPS listeners, and this one is HTTP", &*action.kind);
            errors.push(SpecError::new(at, "invalid-action", words));
        }
    }
}

fn validate_certificates(spec: &ListenerSpec, errors: &mut Vec<SpecError>) {
    let mut seen = std::collections::BTreeSet::new();
    let mut defaults = 0;
    for (i, certificate) in spec.certificates.iter().flatten().enumerate() {
        if !seen.insert(&certificate.certificate_arn) {
            let words = format!("{} is listed already", certificate.certificate_arn);
            errors.push(SpecError::new(format!("/certificates/{i}"), "duplicate-certificate", words));
        }
        if certificate.is_default.as_ref().and_then(Flag::known) == Some(true) {
            defaults += 1;
            if defaults == 2 {
                let words = "a listener has one default certificate, and another is marked already";
                errors.push(SpecError::new(format!("/certificates/{i}/isDefault"), "duplicate-default", words));
            }
        }
    }
}

fn validate_mutual(spec: &ListenerSpec, errors: &mut Vec<SpecError>) {
    let Some(mutual) = &spec.mutual_authentication else { return };
    let mode = mutual.mode.as_deref().unwrap_or("off");
    if mode == "verify" && mutual.trust_store_arn.is_none() {
        let words = "the mode verify needs trustStoreArn";
        errors.push(SpecError::new("/mutualAuthentication/trustStoreArn", "missing-field", words));
    }
    if mode != "verify" && !is_open(mode) && mutual.trust_store_arn.is_some() {
        let words = format!("a trust store is for the mode verify, and this one is {mode}");
        errors.push(SpecError::new("/mutualAuthentication/trustStoreArn", "conflicting-fields", words));
    }
}
