//! Refuses answers that were cut off or damaged on the way.
//!
//! The SDK's XML readers take the end of the text, or what they cannot read, for the end of what encloses them: half a list
//! is read as a whole one, and what stood in the other half would look as if it were gone. JSON readers notice by
//! themselves.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use xmlparser::{ElementEnd, Token, Tokenizer};

/// Makes an answer whose XML is none an unreadable one.
#[derive(Debug)]
pub(super) struct NoticesDamage;

impl Intercept for NoticesDamage {
    fn name(&self) -> &'static str {
        "NoticesDamage"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        match response.body().bytes() {
            Some(body) if !is_whole(body) => Err("the answer was cut off".into()),
            // What refuses may be the page of something on the way.
            Some(body) if response.status().is_success() && !is_sound(body) => Err("the answer was damaged".into()),
            _ => Ok(()),
        }
    }
}

/// False for XML whose outermost element does not end the text. Whatever is no XML is somebody else's to read.
fn is_whole(body: &[u8]) -> bool {
    let mut rest = body.trim_ascii();
    if !rest.starts_with(b"<") {
        return true;
    }
    // The declaration, and comments.
    while rest.starts_with(b"<?") || rest.starts_with(b"<!") {
        let Some(end) = rest.iter().position(|b| *b == b'>') else { return false };
        rest = rest[end + 1..].trim_ascii_start();
    }
    let name = rest.strip_prefix(b"<").unwrap_or_default();
    let name = name.split(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/')).next().unwrap_or_default();
    let end = [b"</", name, b">"].concat();
    let is_one_tag = rest.ends_with(b"/>") && rest.iter().filter(|b| **b == b'<').count() == 1;
    !name.is_empty() && (rest.ends_with(&end) || is_one_tag)
}

/// False for XML that is not well-formed. Whatever is no XML is somebody else's to read.
fn is_sound(body: &[u8]) -> bool {
    if !body.trim_ascii_start().starts_with(b"<") {
        return true;
    }
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let mut open: Vec<&str> = Vec::new();
    for token in Tokenizer::from(text) {
        match token {
            Err(_) => return false,
            Ok(Token::ElementStart { local, .. }) => open.push(local.as_str()),
            Ok(Token::ElementEnd { end: ElementEnd::Empty, .. }) => _ = open.pop(),
            Ok(Token::ElementEnd { end: ElementEnd::Close(_, local), .. }) if open.pop() != Some(local.as_str()) => {
                return false;
            }
            Ok(_) => {}
        }
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{is_sound, is_whole};

    const ANSWER: &str = "<?xml version=\"1.0\"?>\n<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                          <vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>";

    #[test]
    fn an_answer_cut_anywhere_is_no_whole_one() {
        assert!(is_whole(ANSWER.as_bytes()) && is_whole(format!("{ANSWER}\n\n").as_bytes()));
        for length in 1..ANSWER.len() {
            assert!(!is_whole(&ANSWER.as_bytes()[..length]), "{}", &ANSWER[..length]);
        }
    }

    #[test]
    fn an_answer_whose_names_or_marks_are_damaged_anywhere_is_no_sound_one() {
        assert!(is_sound(ANSWER.as_bytes()) && is_sound(b"<a><b/><c d=\"e\"/></a>"));
        // Without its first mark it is no XML.
        let marks = ANSWER.bytes().enumerate().skip(1).filter(|(_, byte)| b"<>/".contains(byte)).map(|(at, _)| at);
        let names = ["vpcSet", "item", "vpcId"].iter().flat_map(|name| ANSWER.match_indices(name).map(|(at, _)| at));
        // The address of the namespace is no mark of the answer's form.
        let of_namespace = ANSWER.find("http://").zip(ANSWER.find("/\">")).map(|(from, to)| from..=to);
        for at in marks.chain(names).filter(|at| of_namespace.as_ref().is_none_or(|range| !range.contains(at))) {
            let mut damaged = ANSWER.as_bytes().to_vec();
            damaged[at] = b'~';
            assert!(!is_sound(&damaged), "{}", String::from_utf8_lossy(&damaged));
        }
    }

    #[test]
    fn what_is_no_xml_or_has_no_content_is_left_to_its_reader() {
        for body in ["", "{\"a\":1}", "{\"a\":", "<empty/>", "<a b=\"c\" />", "<!DOCTYPE html><html><p></html>"] {
            assert!(is_whole(body.as_bytes()), "{body}");
        }
        for body in ["", "{\"a\":1}", "{\"a\":", "<empty/>", "<a b=\"c\" />"] {
            assert!(is_sound(body.as_bytes()), "{body}");
        }
    }
}
