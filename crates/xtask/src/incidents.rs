//! The docs page "Incidents we test for": every incident has a row, and the row names tests of its number.

use crate::tidy::named_test;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

/// Where they are listed.
const PAGE: &str = "docs/src/incidents.md";

/// The numbers of the incidents.
const NUMBERS: RangeInclusive<u8> = 1..=25;

/// Checks the page. That a test which it names exists is checked with all links.
pub(crate) fn check(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let path = root.join(PAGE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    faults.extend(missing(&text, NUMBERS));
    Ok(())
}

fn missing(page: &str, numbers: RangeInclusive<u8>) -> Vec<String> {
    let rows: BTreeMap<u8, &str> = page.lines().filter_map(|line| Some((number(line)?, line))).collect();
    let fault = |n: u8| {
        let Some(row) = rows.get(&n) else { return Some(format!("{PAGE} has no row I-{n:02}")) };
        let prefix = format!("i{n:02}_");
        let named = row.split("](").any(|label| named_test(label).is_some_and(|test| test.starts_with(&prefix)));
        (!named).then(|| format!("{PAGE} names no test {prefix}… in the row I-{n:02}"))
    };
    numbers.filter_map(fault).collect()
}

/// The number of the incident that a row of the table is about.
fn number(row: &str) -> Option<u8> {
    row.strip_prefix("| I-")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_a_test_of_its_number() {
        let page = "| I-01 | a | b | [`i01_x`](x.rs) |\n| I-02 | a | b | [`other`](x.rs), [`i01_x`](x.rs) |\n";
        let faults = missing(page, 1..=3);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("i02_") && faults[1].contains("no row I-03"));
    }
}
