//! `TargetAttachment`: one target in a target group, registered by hand.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod incidents;
mod spec;
#[cfg(test)]
mod tests;

use crate::common::{Tags, closed, referred, text, to_number};
use crate::plain::{self, Action, Call, Plain};
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Container, Kind, Mint, Output};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use serde_json::Value;
use spec::{TargetAttachmentSpec, Type};
use std::net::IpAddr;

/// The kind.
pub(crate) struct TargetAttachment;

/// What AWS knows a registration by. Of it the handle is made, as AWS gives none: `GROUP#ID#PORT`, or `GROUP#ID` for the
/// port of the group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Registration {
    group: String,
    id: String,
    port: Option<u16>,
}

impl Registration {
    /// Out of its handle.
    fn parse(handle: &str) -> Option<Self> {
        let mut parts = handle.trim().split('#');
        let (group, id) = (parts.next()?, parts.next()?);
        let port = parts.next().map(|port| port.parse().ok().filter(|port| *port > 0));
        let whole = parts.next().is_none() && port != Some(None);
        Arn::rest(group, "elasticloadbalancing", "targetgroup/").filter(|_| whole)?;
        Type::of(id)?;
        Some(Self { group: group.to_owned(), id: short(id), port: port.flatten() })
    }

    /// Out of a spec; `None` while a part of it is open.
    fn of(spec: &Value) -> Option<Self> {
        let port = match spec.get("port") {
            None | Some(Value::Null) => None,
            Some(port) => {
                let mut port = port.clone();
                to_number(&mut port);
                Some(u16::try_from(port.as_u64()?).ok()?)
            }
        };
        Some(Self { group: closed(spec, "targetGroupArn")?.to_owned(), id: short(closed(spec, "targetId")?), port })
    }

    fn handle(&self) -> String {
        let port = self.port.map_or_else(String::new, |port| format!("#{port}"));
        format!("{}#{}{port}", self.group, self.id)
    }
}

/// An address in its short form; any other text as it is.
fn short(id: &str) -> String {
    id.trim().parse::<IpAddr>().map_or_else(|_| id.to_owned(), |address| address.to_string())
}

impl Kind for TargetAttachment {
    const NAME: KindName = "TargetAttachment";
    const SUMMARY: &'static str = "One target in a target group, registered by hand";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/targetGroupArn").create_only(),
        Field::scalar("/targetId").create_only().canonical("IPv6 in its short form"),
        Field::scalar("/port").create_only().canonical("a number"),
        Field::scalar("/availabilityZone").create_only(),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The handle: `TARGETGROUPARN#TARGETID#PORT`" },
        Output { name: "targetGroupArn", doc: "The group" },
        Output { name: "targetId", doc: "What is registered in it" },
    ];
    const HANDLE: Handle = Handle {
        form: "a target group's ARN, the target's id and its port, such as \
               arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/NAME/ID#i-0123456789abcdef0#8080; without \
               the port where none is declared",
        read: |text| Registration::parse(text).map(|one| one.handle()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:RegisterTargets",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/targetGroupArn", cascades: true });
    // A target that is registered a second time is registered once.
    const REPEATABLE: bool = true;
    const TAGGED: bool = false;

    type Spec = TargetAttachmentSpec;
    type Action = Action<Self>;

    fn validate(spec: &TargetAttachmentSpec) -> Vec<SpecError> {
        spec::validate(spec)
    }

    /// What is registered must be of the type that the group takes.
    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        let group = text(spec, "targetGroupArn").and_then(|words| referred(words, stack, "TargetGroup"));
        let Some((key, group)) = group.and_then(|key| Some((key.clone(), peers(&key)?))) else { return Vec::new() };
        let takes = text(&group, "targetType").unwrap_or("instance");
        let is = text(spec, "targetId").and_then(|id| Type::told(id, stack));
        let refuse = |is: Type| {
            let words = format!(
                "{key} takes targets of type {takes}, and this is one of type {}; name another target, or another group",
                is.word()
            );
            SpecError::new("/targetId", "conflict", words)
        };
        is.filter(|is| is.word() != takes && !is_open(takes)).map(refuse).into_iter().collect()
    }

    fn canonical(spec: &mut Value) {
        if let Some(port) = spec.get_mut("port") {
            to_number(port);
        }
        if let Some(Value::String(id)) = spec.get_mut("targetId") {
            *id = short(id);
        }
    }

    fn identity(spec: &Value) -> Option<String> {
        Registration::of(spec).map(|one| one.handle())
    }

    /// The handle of what a create makes follows from what it says.
    fn acts_on(action: &Self::Action) -> Option<String> {
        match &action.call {
            Call::Create { spec, .. } => Self::identity(&Value::Object(spec.clone())),
            _ => None,
        }
    }

    plain::life!();
}

impl Plain for TargetAttachment {
    const NOUN: &'static str = "target attachment";
    const SHOWN: &'static [&'static str] = &["targetGroupArn", "targetId", "port", "availabilityZone"];
    const CALLS: &'static [&'static [&'static str]] = &[];

    plain::facts!();

    fn made(fields: Value, tags: Tags, _: &mut Mint) -> Observation {
        let handle = Self::identity(&fields).unwrap_or_default();
        plain::observation::<Self, 0>(handle, tags, fields, [])
    }
}
