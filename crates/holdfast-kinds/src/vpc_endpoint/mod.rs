//! `VpcEndpoint`: a way to a service that does not lead over the internet.

#[cfg(feature = "aws")]
mod aws;
mod policy;
#[cfg(test)]
mod tests;

use crate::common::{self, Tags};
use crate::ec2;
use crate::plain::{self, Action, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Container, Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use policy::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The kind.
pub(crate) struct VpcEndpoint;

/// An endpoint of a service in a VPC.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VpcEndpointSpec {
    /// The VPC, such as `${Vpc/main.id}`. Cannot change in place.
    vpc_id: String,
    /// The service, such as `com.amazonaws.eu-west-1.s3`. Cannot change in place.
    service_name: String,
    /// How it is reached: `Gateway`, by routes (S3, DynamoDB); `Interface`, by addresses in subnets;
    /// `GatewayLoadBalancer`, by routes through an appliance. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Gateway", "Interface", "GatewayLoadBalancer"]))]
    vpc_endpoint_type: Option<String>,
    /// The Region of the service, where it is another one. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_region: Option<String>,
    /// The route tables of a gateway endpoint: each gets a route to the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    route_table_ids: Option<Vec<String>>,
    /// The subnets of an interface endpoint, one a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_ids: Option<Vec<String>>,
    /// The security groups of an interface endpoint; AWS takes the VPC's default one if none is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_ids: Option<Vec<String>>,
    /// Who may do what through it, as JSON or as a text of JSON; everybody everything without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_document: Option<Policy>,
    /// Whether the service's own name resolves to an interface endpoint within the VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_dns_enabled: Option<bool>,
    /// The addresses of an interface endpoint: `ipv4`, `dualstack` or `ipv6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ipv4", "dualstack", "ipv6"]))]
    ip_address_type: Option<String>,
    /// How its names resolve.
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_options: Option<DnsOptions>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

/// How the names of an endpoint resolve.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct DnsOptions {
    /// The records made for it: `ipv4`, `dualstack`, `ipv6` or `service-defined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ipv4", "dualstack", "ipv6", "service-defined"]))]
    dns_record_ip_type: Option<String>,
    /// Whether only inbound resolver endpoints resolve the service's own name to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_dns_only_for_inbound_resolver_endpoint: Option<bool>,
}

const CREATE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html";
const POLICIES: &str = "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html";

/// AWS's policy where none is declared, in canonical form.
const ALLOW_ALL: &str = r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;
const ALLOW_ALL_JSON: &str =
    r#""{\"Statement\":[{\"Action\":\"*\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Resource\":\"*\"}]}""#;

const TYPE: &str = "vpcEndpointType";
const TABLES: &str = "routeTableIds";
const SUBNETS: &str = "subnetIds";
const GROUPS: &str = "securityGroupIds";
const POLICY: &str = "policyDocument";
const PRIVATE_DNS: &str = "privateDnsEnabled";
const ADDRESSES: &str = "ipAddressType";
const DNS: &str = "dnsOptions";

impl Kind for VpcEndpoint {
    const NAME: KindName = "VpcEndpoint";
    const SUMMARY: &'static str = "A way to a service that does not lead over the internet";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/vpcId").create_only(),
        Field::scalar("/serviceName").create_only(),
        Field::scalar("/vpcEndpointType").create_only().default(r#""Gateway""#, CREATE),
        Field::scalar("/serviceRegion").create_only(),
        Field::set("/routeTableIds"),
        Field::set("/subnetIds"),
        Field::set("/securityGroupIds").severity(Severity::Exposure),
        Field::scalar("/policyDocument")
            .default(ALLOW_ALL_JSON, POLICIES)
            .severity(Severity::Exposure)
            .canonical("a text of JSON with keys, lists and statements in order, single values without a list, no version 2008-10-17"),
        Field::scalar("/privateDnsEnabled").canonical("false for null"),
        Field::scalar("/ipAddressType").canonical("ipv4 for null"),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The endpoint's id, such as vpce-0123456789abcdef0" },
        Output { name: "arn", doc: "The endpoint's ARN" },
        Output { name: "dnsName", doc: "The name of an interface endpoint; none for others" },
    ];
    const HANDLE: Handle = Handle {
        form: "an endpoint id, such as vpce-0123456789abcdef0",
        read: |text| ec2::id(text, "vpc-endpoint", "vpce-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:CreateVpcEndpoint",
        "ec2:DeleteTags",
        "ec2:DeleteVpcEndpoints",
        "ec2:DescribeVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/vpcId", cascades: false });
    const LINGERS: bool = true;

    type Spec = VpcEndpointSpec;
    type Action = Action<Self>;

    fn validate(spec: &VpcEndpointSpec) -> Vec<SpecError> {
        let mut errors = Vec::new();
        check_by_type(&mut errors, spec);
        ec2::check_id(&mut errors, "/vpcId", &spec.vpc_id, "vpc-");
        for (field, list, prefix) in [
            (TABLES, &spec.route_table_ids, "rtb-"),
            (SUBNETS, &spec.subnet_ids, "subnet-"),
            (GROUPS, &spec.security_group_ids, "sg-"),
        ] {
            for (i, id) in list.iter().flatten().enumerate() {
                ec2::check_id(&mut errors, &format!("/{field}/{i}"), id, prefix);
            }
        }
        if let Some(Policy(policy)) = &spec.policy_document {
            let text = policy.as_str().filter(|text| !is_open(text));
            let parsed = text.map(serde_json::from_str::<Value>);
            let whole = parsed.as_ref().map_or(Some(policy), |parsed| parsed.as_ref().ok());
            let is_open = policy.as_str().is_some_and(is_open);
            if !is_open && whole.is_none_or(|policy| policy.get("Statement").is_none()) {
                let words = "this is no policy: write a JSON object with a Statement, or a text of one";
                errors.push(SpecError::new("/policyDocument", "invalid-policy", words));
            }
        }
        errors
    }

    fn canonical(spec: &mut Value) {
        for field in [TABLES, SUBNETS, GROUPS] {
            ec2::null_is_none(spec, field);
        }
        // AWS cannot be told to forget these; unset, they are what a plain endpoint has.
        for (field, unset) in [(PRIVATE_DNS, json!(false)), (ADDRESSES, json!("ipv4")), (DNS, json!({}))] {
            if let Some(value) = spec.get_mut(field).filter(|value| value.is_null()) {
                *value = unset;
            }
        }
        if let Some(policy) = spec.get_mut(POLICY) {
            policy::canonical(policy);
        }
    }

    /// Endpoints have no name, and a VPC may have several of a service: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    plain::life!();
}

/// What only endpoints of another type have.
fn check_by_type(errors: &mut Vec<SpecError>, spec: &VpcEndpointSpec) {
    let is = spec.vpc_endpoint_type.as_deref().unwrap_or("Gateway");
    let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let mut wrong =
        |field: &str, code: &str, words: String| errors.push(SpecError::new(format!("/{field}"), code, words));
    let only = |of: &str| format!("only an endpoint of type {of} has this, and this one is of type {is}");
    if is != "Gateway" && some(&spec.route_table_ids) {
        wrong(TABLES, "conflict", only("Gateway"));
    }
    if is == "Gateway" && some(&spec.subnet_ids) {
        wrong(SUBNETS, "conflict", only("Interface or GatewayLoadBalancer"));
    }
    if is == "GatewayLoadBalancer" && spec.subnet_ids.as_ref().is_some_and(|list| list.len() > 1) {
        wrong(SUBNETS, "conflict", "an endpoint of type GatewayLoadBalancer is in one subnet".to_owned());
    }
    if is != "Interface" && some(&spec.security_group_ids) {
        wrong(GROUPS, "conflict", only("Interface"));
    }
    if is == "Interface" && spec.security_group_ids.as_ref().is_some_and(Vec::is_empty) {
        wrong(GROUPS, "empty", "AWS wants one group at least; leave this out for the VPC's default one".to_owned());
    }
    if is != "Interface" && spec.private_dns_enabled == Some(true) {
        wrong(PRIVATE_DNS, "conflict", only("Interface"));
    }
    if is == "GatewayLoadBalancer" && spec.policy_document.is_some() {
        wrong(POLICY, "conflict", only("Gateway or Interface"));
    }
}

impl Plain for VpcEndpoint {
    const NOUN: &'static str = "VPC endpoint";
    const SHOWN: &'static [&'static str] = &["serviceName", TYPE, "vpcId"];
    const CALLS: &'static [&'static [&'static str]] =
        &[&[TABLES, SUBNETS, GROUPS, POLICY, PRIVATE_DNS, ADDRESSES, DNS]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let is_interface = fields.get(TYPE) == Some(&json!("Interface"));
        let mut whole = json!({ TYPE: "Gateway", POLICY: ALLOW_ALL, PRIVATE_DNS: false });
        if is_interface {
            whole[SUBNETS] = json!([]);
            whole[ADDRESSES] = json!("ipv4");
        } else {
            whole[TABLES] = json!([]);
        }
        common::overlay(&mut whole, fields.as_object().unwrap_or(&Map::new()));
        let (id, arn) = ec2::mint(mint, "vpc-endpoint", "vpce-");
        let name = is_interface.then(|| format!("{id}.vpce.amazonaws.com").into());
        plain::observation::<Self, 2>(id, tags, whole, [("arn", Some(arn.into())), ("dnsName", name)])
    }
}
