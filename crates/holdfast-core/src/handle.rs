//! AWS's own names of live things, as people write them when they say which one to adopt.

/// How a kind's live things are named in AWS.
#[derive(Clone, Copy, Debug)]
pub struct Handle {
    /// The form in words, with an example.
    pub form: &'static str,
    /// Reads what a person wrote: the handle as observations have it; `None` if it is none of this kind.
    pub read: fn(&str) -> Option<String>,
}

impl Handle {
    /// Any text that is not empty.
    pub const ANY: Self =
        Self { form: "AWS's id", read: |text| (!text.trim().is_empty()).then(|| text.trim().to_owned()) };
}

/// What of a handle all revisions of one thing share; the whole handle where a change never moves it.
pub type Stem = fn(&str) -> &str;

/// The parts of an ARN that say where a thing is and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// Such as `ecs`.
    pub service: &'a str,
    /// Empty for what is in no region.
    pub region: &'a str,
    /// 12 digits, or empty.
    pub account: &'a str,
    /// Such as `cluster/web`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` apart.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, partition) = (parts.next()?, parts.next()?);
        let arn_of_aws = arn == "arn" && partition.starts_with("aws");
        let found = Self {
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next().filter(|r| !r.is_empty())?,
        };
        let account = found.account.is_empty() || is_account(found.account);
        (arn_of_aws && account).then_some(found)
    }

    /// What follows `prefix` in the resource, if it is one of `service` with that prefix.
    pub fn rest(text: &'a str, service: &str, prefix: &str) -> Option<&'a str> {
        let arn = Self::parse(text).filter(|a| a.service == service)?;
        arn.resource.strip_prefix(prefix).filter(|rest| !rest.is_empty())
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_taken_apart_and_anything_else_is_none() {
        let text = "arn:aws-cn:ecs:cn-north-1:123456789012:service/web/shop";
        assert_eq!(Arn::rest(text, "ecs", "service/"), Some("web/shop"));
        assert_eq!(Arn::parse(text).map(|a| a.region), Some("cn-north-1"));
        for wrong in ["", "web", "arn:aws:ecs:eu-west-1:123456789012:", "arn:aws:ecs:eu-west-1:12345:service/a"] {
            assert_eq!(Arn::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Arn::rest(text, "ecs", "cluster/"), None);
        assert_eq!(Arn::rest(text, "ec2", "service/"), None);
    }
}
