//! Versions of engines: which is later, and which is the front of another.

use std::cmp::Ordering;

/// True if `version` begins with all of `front`: `16.3` with `16`.
pub(super) fn begins_with(version: &str, front: &str) -> bool {
    let mut parts = version.split('.');
    front.split('.').all(|part| parts.next() == Some(part))
}

/// True if `live` is later than `declared`. What is no number says nothing.
pub(super) fn is_later(live: &str, declared: &str) -> bool {
    let numbers = |text: &str| text.split('.').map_while(|part| part.parse::<u64>().ok()).collect::<Vec<u64>>();
    let (live, declared) = (numbers(live), numbers(declared));
    let compared = live.iter().zip(&declared).map(|(a, b)| a.cmp(b)).find(|o| *o != Ordering::Equal);
    compared == Some(Ordering::Greater)
}

/// True if both are of one major version, within which RDS upgrades by itself.
pub(super) fn same_major(engine: &str, a: &str, b: &str) -> bool {
    // PostgreSQL before 10, MySQL and MariaDB have majors of two numbers.
    let two = matches!(engine, "mysql" | "mariadb") || engine == "postgres" && a.starts_with("9.");
    let major = |text: &str| text.split('.').take(if two { 2 } else { 1 }).map(str::to_owned).collect::<Vec<_>>();
    major(a) == major(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_is_a_front_by_whole_parts() {
        assert!(begins_with("16.3", "16") && begins_with("16.3", "16.3") && begins_with("8.0.35", "8.0"));
        assert!(!begins_with("16.3", "16.30") && !begins_with("16.30", "16.3") && !begins_with("16", "16.3"));
    }

    #[test]
    fn what_is_later_is_told_by_numbers_and_not_by_letters() {
        assert!(is_later("16.10", "16.9") && is_later("17.1", "16") && is_later("8.0.36", "8.0.35"));
        assert!(!is_later("16.3", "16") && !is_later("16.3", "16.3") && !is_later("16.3", "16.4"));
        assert!(!is_later("19.0.0.0.ru-2024", "19.0.0.0.ru-2023"), "what cannot be told is not later");
    }

    #[test]
    fn majors_have_one_number_or_two() {
        assert!(same_major("postgres", "16.4", "16.3") && same_major("mysql", "8.0.36", "8.0.35"));
        assert!(!same_major("mysql", "8.4.1", "8.0.35") && !same_major("postgres", "17.1", "16.3"));
    }
}
