//! The forms of a public key, and the one in which two are the same.

use crate::ec2::user_data::is_base64;
use holdfast_core::reference::is_open;

/// The algorithms that EC2 takes, each with what its keys begin with in base64: the length and the name of the algorithm.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-key-pairs.html#how-to-generate-your-own-key-and-import-it-to-aws>
const ALGORITHMS: [(&str, &str); 2] = [("ssh-rsa", "AAAAB3NzaC1yc2E"), ("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5")];

/// Algorithm and key, without a comment; `None` if it is neither of EC2's forms.
pub(super) fn canonical(written: &str) -> Option<String> {
    let body = match block(written) {
        Some(body) => body,
        None => {
            let mut words = written.split_whitespace();
            let (named, body) = (words.next()?, words.next()?);
            ALGORITHMS.iter().find(|(name, start)| *name == named && body.starts_with(start))?;
            body.to_owned()
        }
    };
    let (name, _) = ALGORITHMS.iter().find(|(_, start)| body.starts_with(start))?;
    is_base64(&body).then(|| format!("{name} {body}"))
}

/// The key in a block of RFC 4716, without its headers.
fn block(written: &str) -> Option<String> {
    let inner = written.trim().strip_prefix("---- BEGIN SSH2 PUBLIC KEY ----")?;
    let inner = inner.strip_suffix("---- END SSH2 PUBLIC KEY ----")?;
    let mut in_header = false;
    let mut body = String::new();
    for line in inner.lines().map(str::trim) {
        // A header that ends in a backslash goes on in the next line.
        if !(in_header || line.contains(':')) {
            body.push_str(line);
            continue;
        }
        in_header = line.ends_with('\\');
    }
    Some(body)
}

/// What is wrong with a public key, as code and words.
pub(super) fn problem(written: &str) -> Option<(&'static str, String)> {
    let words = match written {
        text if is_open(text) => return None,
        text if text.contains("PRIVATE KEY") => {
            let words = "this is a private key, which nobody but its owner may have: take it for lost and make another \
                         pair. Declare the public key, which `ssh-keygen -y` prints";
            return Some(("private-key", words.to_owned()));
        }
        text if text.contains("-----BEGIN") => {
            "this is a PEM block; `ssh-keygen -i -m PKCS8 -f FILE` turns it into the line that AWS takes".to_owned()
        }
        text if canonical(text).is_some() => return None,
        text => {
            let named = text.split_whitespace().next().unwrap_or_default();
            match ALGORITHMS.iter().any(|(name, _)| *name == named) {
                true => format!("what follows {named} is no such key; is it cut off?"),
                false => "this is no public key that AWS takes; write the line of an RSA or ED25519 key, such as \
                          `ssh-ed25519 AAAA… name`"
                    .to_owned(),
            }
        }
    };
    Some(("invalid-value", words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJXnUZ5vwBqGGzSmLVrVTQ4Yn6kTYKhbDFcVpFsA6kTn";

    #[test]
    fn comments_blanks_and_blocks_are_no_difference() {
        let form = format!("ssh-ed25519 {KEY}");
        let (front, back) = KEY.split_at(40);
        let written = [
            form.clone(),
            format!("ssh-ed25519 {KEY} me@laptop"),
            format!("  ssh-ed25519\t{KEY}   me on my laptop\n"),
            format!(
                "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"me\"\n{front}\n{back}\n---- END SSH2 PUBLIC KEY ----\n"
            ),
            format!("---- BEGIN SSH2 PUBLIC KEY ----\nComment: a long \\\n one\n{KEY}\n---- END SSH2 PUBLIC KEY ----"),
        ];
        for text in written {
            assert_eq!(canonical(&text).as_deref(), Some(form.as_str()), "{text}");
            assert_eq!(problem(&text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_told_by_what_it_is() {
        let check = |text: &str, code: &str, words: &str| {
            let (found, told) = problem(text).expect("it is refused");
            assert!(found == code && told.contains(words), "{text}: {found} {told}");
        };
        check("-----BEGIN OPENSSH PRIVATE KEY-----\nx", "private-key", "ssh-keygen -y");
        check("-----BEGIN PUBLIC KEY-----\nx", "invalid-value", "PKCS8");
        check("ssh-rsa AAAA", "invalid-value", "cut off");
        check(&format!("ssh-rsa {KEY}"), "invalid-value", "cut off");
        check("ssh-dss AAAAB3NzaC1kc3M", "invalid-value", "RSA or ED25519");
        check("", "invalid-value", "RSA or ED25519");
        assert_eq!(problem("${var.key}"), None);
    }
}
