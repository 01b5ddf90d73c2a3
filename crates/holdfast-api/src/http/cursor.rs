//! Cursors: where a page ended, sealed so that nobody can make one up or carry it to another list.

use super::problem::{Mistake, Problem};
use holdfast_core::name::ResourceKey;

const SEAL_BYTES: usize = 8;

/// Seals cursors with the server's key.
#[derive(Clone)]
pub(crate) struct Sealer([u8; 32]);

impl Sealer {
    /// A sealer whose key is derived from `secret`. Whoever shares the secret reads the same cursors.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(blake3::derive_key("holdfast 2026 list cursor", secret))
    }

    /// The cursor that stands after `key` in the list that `filter` describes.
    pub(crate) fn seal(&self, filter: &str, key: &ResourceKey) -> String {
        let text = key.to_string();
        let mut bytes = self.mac(filter, &text).to_vec();
        bytes.extend_from_slice(text.as_bytes());
        hex(&bytes)
    }

    /// The key that a cursor stands after; refused if it is not ours or belongs to another list.
    pub(crate) fn open(&self, filter: &str, cursor: &str) -> Result<ResourceKey, Problem> {
        self.try_open(filter, cursor).ok_or_else(|| {
            let message = "The cursor is not one that this list gave out. \
                           Take nextCursor from the page before with the same filters, or start without a cursor.";
            Problem::parameters(vec![Mistake::of_parameter("cursor", "invalid-cursor", message.to_owned())])
        })
    }

    fn try_open(&self, filter: &str, cursor: &str) -> Option<ResourceKey> {
        let bytes = unhex(cursor)?;
        let (seal, text) = bytes.split_at_checked(SEAL_BYTES)?;
        let text = std::str::from_utf8(text).ok()?;
        let expected = self.mac(filter, text);
        let same: bool = subtle::ConstantTimeEq::ct_eq(seal, expected.as_slice()).into();
        same.then(|| ResourceKey::parse(text)).flatten()
    }

    fn mac(&self, filter: &str, text: &str) -> [u8; SEAL_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(filter.len() as u64).to_le_bytes()).update(filter.as_bytes()).update(text.as_bytes());
        let mut out = [0; SEAL_BYTES];
        hasher.finalize_xof().fill(&mut out);
        out
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hexadecimal digits as bytes; `None` if they are none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_unchanged_and_only_for_its_own_list() {
        let sealer = Sealer::new(b"one");
        let key = ResourceKey::new("es", "Cluster", "main");
        let cursor = sealer.seal("stack=es", &key);
        assert_eq!(sealer.open("stack=es", &cursor).unwrap(), key);
        assert!(sealer.open("stack=other", &cursor).is_err());
        assert!(Sealer::new(b"two").open("stack=es", &cursor).is_err());
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(sealer.open("stack=es", std::str::from_utf8(&changed).unwrap()).is_err());
        }
        for text in ["", "é", "0", "zz", &cursor[1..]] {
            assert!(sealer.open("stack=es", text).is_err(), "{text} was taken");
        }
    }
}
