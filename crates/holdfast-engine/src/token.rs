//! Tokens and hashes that can be replayed.

use jiff::Timestamp;

/// FNV-1a over the parts, which is the same on every machine and in every version.
pub(crate) fn fnv(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // The length keeps ("ab", "c") apart from ("a", "bc").
        for byte in part.len().to_le_bytes().iter().chain(*part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash ^ (hash >> 29)
}

/// The token of the `number`th intent of a process: a UUID (version 7), as AWS takes it for a client token.
pub(crate) fn token(process: &str, number: u64, of: &str, now: Timestamp) -> String {
    let counted = number.to_le_bytes();
    let parts: [&[u8]; 3] = [process.as_bytes(), &counted, of.as_bytes()];
    let (a, b) = (fnv(&parts), fnv(&[b"more", parts[0], parts[1], parts[2]]));
    let mut tail = [0_u8; 10];
    tail[..8].copy_from_slice(&a.to_le_bytes());
    tail[8..].copy_from_slice(&b.to_le_bytes()[..2]);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_by_process_number_and_resource_and_by_nothing_else() {
        let now = Timestamp::UNIX_EPOCH;
        let one = token("p", 1, "a/B/c", now);
        assert_eq!(one, token("p", 1, "a/B/c", now));
        for other in [token("q", 1, "a/B/c", now), token("p", 2, "a/B/c", now), token("p", 1, "a/B/d", now)] {
            assert_ne!(one, other);
        }
        assert_eq!(one.len(), 36);
    }
}
