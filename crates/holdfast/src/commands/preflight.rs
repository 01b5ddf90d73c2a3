//! What AWS says before anything is done, as it is printed.

use crate::output::{text, wrapped};
use anstyle::{AnsiColor, Style};
use serde_json::Value;

/// As wide as the narrowest terminal people still use.
const WIDTH: usize = 80;

/// A finding with its sign, in lines of 80 columns that begin with `indent` blanks.
pub(crate) fn shown(finding: &Value, indent: usize) -> String {
    let (sign, colour) = match text(finding, "/level").as_str() {
        "error" => ("✗", AnsiColor::Red),
        "warning" => ("!", AnsiColor::Yellow),
        _ => ("?", AnsiColor::Magenta),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let (blank, below) = (" ".repeat(indent), " ".repeat(indent + 2));
    let message = wrapped(&text(finding, "/message"), WIDTH - below.len()).join(&format!("\n{below}"));
    format!("{blank}{style}{sign}{style:#} {}\n{below}{message}", place(finding))
}

/// What a finding is of.
fn place(finding: &Value) -> String {
    let key = &finding["key"];
    if key.is_null() {
        return format!("{}/{}", text(finding, "/account"), text(finding, "/region"));
    }
    let whose = format!("{}/{}/{}", text(key, "/stack"), text(key, "/kind"), text(key, "/name"));
    format!("{whose} {}", text(finding, "/pointer")).trim_end().to_owned()
}

/// `2 errors, 1 warning, 0 unknown`.
pub(crate) fn counted(findings: &[Value]) -> String {
    let count = |level: &str| findings.iter().filter(|f| f["level"] == level).count();
    let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {}, {} unknown",
        plural(count("error"), "error"),
        plural(count("warning"), "warning"),
        count("unknown")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_finding_fits_into_eighty_columns_and_says_where_it_is() {
        let finding = json!({
            "level": "error", "account": "default", "region": "eu-west-1", "pointer": "/networkConfiguration/subnets/0",
            "key": { "stack": "shop", "kind": "Service", "name": "web" },
            "message": "there is no subnet subnet-0123456789abcdef0 in default/eu-west-1, or these credentials may not see it. Correct it.",
        });
        let lines = anstream::adapter::strip_str(&shown(&finding, 4)).to_string();
        assert_eq!(
            lines,
            "    ✗ shop/Service/web /networkConfiguration/subnets/0\n      there is no subnet subnet-0123456789abcdef0 in \
             default/eu-west-1, or these\n      credentials may not see it. Correct it."
        );
        assert!(lines.lines().all(|l| l.chars().count() <= WIDTH));
        let of_scope = json!({ "level": "unknown", "account": "prod", "region": "eu-west-1", "key": null, "pointer": "", "message": "m" });
        assert_eq!(anstream::adapter::strip_str(&shown(&of_scope, 0)).to_string(), "? prod/eu-west-1\n  m");
        assert_eq!(counted(&[finding, of_scope]), "1 error, 0 warnings, 1 unknown");
    }
}
