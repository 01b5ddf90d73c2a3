//! Durations as people write them: `500ms`, `60s`, `10m`, `2h`.

use std::time::Duration;

/// Reads a duration; the error says how to write one.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| how(text))?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(how(text)),
    };
    milliseconds.map(Duration::from_millis).ok_or_else(|| how(text))
}

fn how(text: &str) -> String {
    format!("\"{text}\" is no duration; write \"500ms\", \"60s\", \"10m\" or \"2h\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("10m"), Ok(Duration::from_secs(600)));
        for bad in ["", "s", "10", "10 m", "-1s", "1d", "99999999999999999999s", "99999999999999999h"] {
            assert!(parse(bad).is_err(), "{bad} was taken");
        }
    }
}
