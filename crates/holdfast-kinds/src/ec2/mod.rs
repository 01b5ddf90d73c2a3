//! What the kinds of EC2 share: the form of their ids, ARNs, CIDR blocks, and how they talk to EC2.

#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod launch;
#[cfg(test)]
mod order;
pub(crate) mod user_data;

use holdfast_core::handle::Arn;
use holdfast_core::kind::Mint;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use ipnet::IpNet;
use serde_json::Value;

/// An id of EC2's out of what a person wrote, be it the id or an ARN. `resource` is the ARN's word for the type, such as
/// `vpc`; `prefix` is that of the ids, such as `vpc-`.
pub(crate) fn id(text: &str, resource: &str, prefix: &str) -> Option<String> {
    let id = Arn::rest(text, "ec2", &format!("{resource}/")).unwrap_or(text);
    let digits = id.strip_prefix(prefix)?;
    let fits = (8..=17).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| id.to_owned())
}

/// The rule that a field holds an id of one type, known by its prefix, such as `vpc-`.
pub(crate) fn check_id(errors: &mut Vec<SpecError>, pointer: &str, text: &str, prefix: &str) {
    if !is_open(text) && !text.starts_with(prefix) {
        let words = format!("\"{text}\" is no id that begins with {prefix}; write one, or a reference to a resource");
        errors.push(SpecError::new(pointer, "invalid-id", words));
    }
}

/// A list that must be unset is an empty one.
pub(crate) fn null_is_none(spec: &mut Value, field: &str) {
    if let Some(list) = spec.get_mut(field).filter(|list| list.is_null()) {
        *list = Value::Array(Vec::new());
    }
}

/// A new id and its ARN.
pub(crate) fn mint(mint: &mut Mint, resource: &str, prefix: &str) -> (String, String) {
    let id = format!("{prefix}{}", mint.hex(17));
    let arn = mint.arn("ec2", &format!("{resource}/{id}"));
    (id, arn)
}

/// Masks the host bits of a CIDR block and shortens IPv6, as EC2 does; other text stays.
pub(crate) fn canonical_cidr(value: Option<&mut Value>) {
    if let Some(value) = value
        && let Some(net) = value.as_str().and_then(|text| text.trim().parse::<IpNet>().ok())
    {
        *value = net.trunc().to_string().into();
    }
}

/// The rules of a CIDR block whose prefix has between `longest` and `shortest` bits.
pub(crate) fn check_cidr(errors: &mut Vec<SpecError>, pointer: &str, text: &str, bits: std::ops::RangeInclusive<u8>) {
    if is_open(text) {
        return;
    }
    let words = match text.parse::<IpNet>() {
        Err(_) => format!("\"{text}\" is no CIDR block; write it like 10.0.0.0/16"),
        Ok(net) if !bits.contains(&net.prefix_len()) => {
            format!("\"{text}\" is a /{}; AWS takes /{} to /{}", net.prefix_len(), bits.start(), bits.end())
        }
        Ok(_) => return,
    };
    errors.push(SpecError::new(pointer, "invalid-cidr", words));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_is_read_from_itself_and_from_its_arn() {
        let id = |text| id(text, "vpc", "vpc-");
        assert_eq!(id("vpc-0123456789abcdef0").as_deref(), Some("vpc-0123456789abcdef0"));
        assert_eq!(id("arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-12345678").as_deref(), Some("vpc-12345678"));
        for wrong in
            ["", "vpc-", "subnet-12345678", "vpc-xyzxyzxy", "arn:aws:ec2:eu-west-1:123456789012:subnet/vpc-12345678"]
        {
            assert_eq!(id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cidr_block_has_one_form() {
        for (written, form) in
            [("10.1.2.3/16", "10.1.0.0/16"), ("2001:DB8:0::/56", "2001:db8::/56"), ("${var.x}", "${var.x}")]
        {
            let mut value = json!(written);
            canonical_cidr(Some(&mut value));
            assert_eq!(value, form);
        }
    }
}
