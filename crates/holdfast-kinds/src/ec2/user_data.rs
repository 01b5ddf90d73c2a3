//! User data: people write text, EC2 takes base64.

use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use serde_json::Value;

/// How EC2's form comes to be, in words.
pub(crate) const FORM: &str = "base64; plain text is encoded, what is base64 already is taken as it is";

/// So many bytes EC2 takes before they are encoded.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>
const MOST: usize = 16 * 1024;

/// Brings user data to base64. What is base64 in whole is taken as such; scripts and cloud-config never are, as both
/// begin with a sign or hold a blank.
pub(crate) fn canonical(value: Option<&mut Value>) {
    if let Some(Value::String(text)) = value
        && !is_open(text)
        && !is_base64(text)
    {
        *text = encode(text.as_bytes());
    }
}

/// What is wrong with user data, if anything.
pub(crate) fn check(errors: &mut Vec<SpecError>, pointer: &str, text: Option<&str>) {
    let Some(text) = text.filter(|t| !is_open(t)) else { return };
    let bytes = if is_base64(text) { text.trim_end_matches('=').len() * 3 / 4 } else { text.len() };
    if bytes > MOST {
        let words = format!("{bytes} bytes; AWS takes {MOST}. Let a short script fetch the rest");
        errors.push(SpecError::new(pointer, "too-long", words));
    }
}

/// True if a text is base64 in whole.
pub(crate) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn encode(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= three.len() { char::from(sign) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_encoded_once_and_base64_is_left_alone() {
        for (written, form) in [
            ("#!/bin/sh\necho hi\n", "IyEvYmluL3NoCmVjaG8gaGkK"),
            ("#cloud-config", "I2Nsb3VkLWNvbmZpZw=="),
            ("<script>", "PHNjcmlwdD4="),
            ("é #", "w6kgIw=="),
            ("IyEvYmluL3NoCmVjaG8gaGkK", "IyEvYmluL3NoCmVjaG8gaGkK"),
            ("", ""),
            ("#!/bin/sh\necho ${Vpc/main.id}", "#!/bin/sh\necho ${Vpc/main.id}"),
        ] {
            let mut value = json!(written);
            canonical(Some(&mut value));
            assert_eq!(value, form, "{written}");
            canonical(Some(&mut value));
            assert_eq!(value, form, "{written}, a second time");
        }
    }

    #[test]
    fn sixteen_kilobytes_are_taken_and_no_more() {
        let told = |text: &str| {
            let mut errors = Vec::new();
            check(&mut errors, "/userData", Some(text));
            errors.len()
        };
        assert_eq!([told(&"#".repeat(MOST)), told(&"#".repeat(MOST + 1))], [0, 1]);
        assert_eq!([told(&"AAAA".repeat(MOST / 3)), told(&"AAAA".repeat(MOST / 3 + 2))], [0, 1]);
    }
}
