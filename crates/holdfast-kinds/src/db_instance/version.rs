//! Versions of engines: which is later, and which is the front of another.

/// True if `version` begins with all of `front`: `16.3` with `16`.
pub(super) fn begins_with(version: &str, front: &str) -> bool {
    let mut parts = version.split('.');
    front.split('.').all(|part| parts.next() == Some(part))
}

/// True if `live` is later than `declared`: by the first number that differs, whatever stands between the numbers. Where
/// one is the other and more, such as a release of Extended Support (`11.22-rds.20240418`), the longer is later; but what
/// begins with all of the declared parts is what was declared.
pub(super) fn is_later(live: &str, declared: &str) -> bool {
    !begins_with(live, declared) && numbers(live) > numbers(declared)
}

/// The numbers of a version, in their order.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
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
        assert!(!is_later("16", "16.3") && !is_later("12.0", "12.1"));
    }

    /// "Release versions for RDS Extended Support" in the user guide, and the release notes for Oracle.
    #[test]
    fn a_release_with_letters_in_its_version_is_later_by_its_numbers() {
        assert!(is_later("11.22-rds.20240418", "11.22") && is_later("5.7.44-rds.20240529", "5.7.44"));
        assert!(is_later("5.7.44-rds.20240808", "5.7.44-rds.20240529") && is_later("5.7.44-rds.20240529", "5.7.43"));
        let (april, january) = ("19.0.0.0.ru-2024-04.rur-2024-04.r1", "19.0.0.0.ru-2024-01.rur-2024-01.r1");
        assert!(is_later(april, january) && is_later("15.00.4365.2.v1", "15.00.4345.5.v1"));
        assert!(!is_later(january, april) && !is_later(april, april) && !is_later(april, "19"));
        assert!(!is_later("5.7.44", "5.7.44-rds.20240529") && !is_later("5.7.44-rds.20240529", "5.8"));
    }

    #[test]
    fn majors_have_one_number_or_two() {
        assert!(same_major("postgres", "16.4", "16.3") && same_major("mysql", "8.0.36", "8.0.35"));
        assert!(!same_major("mysql", "8.4.1", "8.0.35") && !same_major("postgres", "17.1", "16.3"));
    }
}
