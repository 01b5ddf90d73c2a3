//! House rules that no compiler checks.

#[cfg(test)]
use crate::shell;
use crate::{generate, incidents};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What must never be among a crate's dependencies, and what its sources must never name.
struct Rule {
    name: &'static str,
    dependencies: &'static [&'static str],
    words: &'static [&'static str],
    /// True if no kind may be named in it either.
    any_kind: bool,
}

/// What each crate must never know; `docs/src/architecture.md` has the same table for people.
const RULES: &[Rule] = &[
    Rule {
        name: "holdfast-core",
        dependencies: &["tokio", "aws-", "rusqlite", "axum", "hyper", "reqwest", "rand", "uuid", "holdfast-"],
        words: &[
            "SystemTime",
            "Timestamp::now",
            "Zoned::now",
            "Instant",
            "HashMap",
            "HashSet",
            "RandomState",
            "tokio",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
        ],
        any_kind: true,
    },
    Rule {
        name: "holdfast-kinds",
        dependencies: &["holdfast-store", "holdfast-engine", "holdfast-api", "holdfast-sim", "rusqlite", "axum"],
        words: &["rusqlite", "axum"],
        any_kind: false,
    },
    Rule {
        name: "holdfast-store",
        dependencies: &["holdfast-engine", "holdfast-api", "holdfast-kinds", "holdfast-sim", "aws-", "axum", "tokio"],
        words: &["SystemTime", "Timestamp::now", "Zoned::now"],
        any_kind: true,
    },
    Rule {
        name: "holdfast-engine",
        dependencies: &["holdfast-kinds", "holdfast-api", "holdfast-sim", "aws-", "axum", "rusqlite"],
        words: &["axum", "holdfast_kinds", "SystemTime", "Timestamp::now", "Zoned::now"],
        any_kind: true,
    },
    Rule {
        name: "holdfast-api",
        dependencies: &["holdfast-kinds", "holdfast-engine", "holdfast-sim", "aws-", "rusqlite"],
        words: &["holdfast_kinds", "holdfast_engine"],
        any_kind: true,
    },
    Rule {
        name: "holdfast-sim",
        dependencies: &["holdfast-kinds", "holdfast-store", "holdfast-engine", "holdfast-api", "aws-"],
        words: &["SystemTime", "Timestamp::now", "Zoned::now", "Instant", "holdfast_kinds"],
        any_kind: true,
    },
];

/// Longest source file, in lines.
const LONGEST: usize = 600;

/// Checks all of them and reports all at once.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    crate_graph(root, &mut faults)?;
    let registry = holdfast_kinds::registry();
    let kinds: Vec<&str> = registry.iter().map(|k| k.name()).collect();
    let sources = sources(&root.join("crates"))?.into_iter().chain(sources(&root.join("tests"))?);
    for file in sources {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        source(&name, &text, &kinds, &mut faults);
    }
    top_level(root, &mut faults)?;
    links(root, &mut faults)?;
    incidents::check(root, &mut faults)?;
    faults.extend(generate::stale(root)?);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} house rules are broken:\n  {}", faults.len(), faults.join("\n  "))
}

/// The crate graph is the architecture: dependencies, without those of tests.
fn crate_graph(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for rule in RULES {
        let path = root.join("crates").join(rule.name).join("Cargo.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: toml::Table = text.parse().with_context(|| format!("{} is no TOML", path.display()))?;
        for table in ["dependencies", "build-dependencies"] {
            let dependencies = manifest.get(table).and_then(|d| d.as_table());
            for dependency in dependencies.into_iter().flat_map(|d| d.keys()) {
                if rule.dependencies.iter().any(|f| dependency.starts_with(f)) {
                    faults.push(format!("{} must not know {dependency}", rule.name));
                }
            }
        }
    }
    Ok(())
}

fn source(name: &str, text: &str, kinds: &[&str], faults: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LONGEST {
        faults.push(format!("{name} has {lines} lines; where is the second room? (limit {LONGEST})"));
    }
    let of_tests = name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("/tests.rs");
    if of_tests || name.contains("/xtask/") {
        return;
    }
    let code = code(text);
    let is_live = name.ends_with("/aws.rs") || name.contains("/aws/");
    if !is_live && ["aws_sdk_", "aws_config", "aws_smithy", "aws_types"].iter().any(|s| code.contains(s)) {
        faults.push(format!("{name} uses SDK types; only aws.rs files and aws/ may"));
    }
    let Some(rule) = RULES.iter().find(|r| name.starts_with(&format!("crates/{}/src/", r.name))) else { return };
    for word in rule.words.iter().filter(|w| names(&code, w)) {
        faults.push(format!("{name} has {word}, which {} must never know", rule.name));
    }
    // `Cloud` and `Meter` are the two doors out of the core; they only declare.
    if rule.name == "holdfast-core" && code.contains("async fn") && !name.ends_with("cloud.rs") {
        faults.push(format!("{name} has async fn: the core does no IO"));
    }
    for kind in kinds.iter().filter(|k| rule.any_kind && code.contains(&format!("\"{k}\""))) {
        faults.push(format!("{name} has \"{kind}\": {} must never know a single kind", rule.name));
    }
}

/// A source without its comments and its own tests, which may name what the code must not.
fn code(text: &str) -> String {
    let before_tests = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = before_tests.lines().filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// True if the word stands there by itself, not as a part of another.
fn names(code: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        let after = at + word.len();
        !inside(code[..at].chars().next_back()) && !inside(code[after..].chars().next())
    })
}

/// Only what a newcomer expects stands at the top.
fn top_level(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let known: BTreeSet<&str> = [
        "Cargo.toml",
        "Cargo.lock",
        "bench",
        "crates",
        "deploy",
        "docs",
        "fuzz",
        "tests",
        "examples",
        "Dockerfile",
        "README.md",
        "CHANGELOG.md",
        "deny.toml",
        "clippy.toml",
        "rustfmt.toml",
        "LICENSE",
        "target",
    ]
    .into();
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !known.contains(name.as_str()) {
            faults.push(format!("{name} does not belong at the top"));
        }
    }
    Ok(())
}

/// Every relative link in the docs leads somewhere, and one that names a test to a file that has it.
fn links(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let mut pages = files(&root.join("docs"), "md")?;
    pages.extend(["README.md", "CHANGELOG.md", "examples/README.md"].iter().map(|p| root.join(p)));
    for page in pages {
        let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        let name = page.strip_prefix(root).unwrap_or(&page).display();
        for (label, rest) in text.split("](").zip(text.split("](").skip(1)) {
            let target = rest.split(')').next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let path = page.parent().unwrap_or(root).join(path);
            if !path.exists() {
                faults.push(format!("{name} links to {target}, which is not there"));
            } else if let Some(test) = named_test(label).filter(|_| target.ends_with(".rs"))
                && !std::fs::read_to_string(&path)?.contains(&format!("fn {test}("))
            {
                faults.push(format!("{name} names {test}, which is not in {target}"));
            }
        }
    }
    Ok(())
}

/// The function that a link's label names: all of it, in backticks.
pub(crate) fn named_test(label: &str) -> Option<&str> {
    label.rsplit_once("[`").and_then(|(_, name)| name.strip_suffix('`'))
}

pub(crate) fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    files(folder, "rs")
}

/// All files of an extension below a folder, without what tools put there.
pub(crate) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    if !folder.exists() {
        return Ok(out);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !["node_modules", "target", "vendor", "book"].contains(&name.as_str()) {
            out.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|e| e == extension) {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_in_order() {
        let root = shell::root().expect("the top");
        check(&root).expect("every house rule holds");
    }

    fn faults(name: &str, text: &str) -> usize {
        let mut faults = Vec::new();
        source(name, text, &["Service"], &mut faults);
        faults.len()
    }

    #[test]
    fn what_a_crate_must_not_know_is_found_in_its_sources() {
        let bad = [
            ("crates/holdfast-core/src/x.rs", "fn f() { jiff::Timestamp::now(); }"),
            ("crates/holdfast-core/src/x.rs", "use std::collections::HashMap;"),
            ("crates/holdfast-core/src/x.rs", "async fn f() {}"),
            ("crates/holdfast-kinds/src/x/plan.rs", "use aws_sdk_ec2::Client;"),
            ("crates/holdfast-sim/src/x.rs", "let now = std::time::Instant::now();"),
            ("crates/holdfast-sim/src/x.rs", "let now = SystemTime::now();"),
            ("crates/holdfast-store/src/x.rs", "let now = jiff::Timestamp::now();"),
            ("crates/holdfast-engine/src/x.rs", "if kind == \"Service\" {}"),
            ("crates/holdfast-engine/src/x.rs", "use axum::Router;"),
            ("crates/holdfast-api/src/x.rs", "use aws_config::SdkConfig;"),
        ];
        for (name, text) in bad {
            assert_eq!(faults(name, text), 1, "{name}: {text}");
        }
    }

    #[test]
    fn what_a_crate_may_know_is_no_fault() {
        let good = [
            ("crates/holdfast-core/src/cloud.rs", "async fn sweep();"),
            ("crates/holdfast-core/src/x.rs", "/// Not `Timestamp::now`, and no Instant."),
            ("crates/holdfast-core/src/x.rs", "let is_instantiated = Instantiated;"),
            ("crates/holdfast-kinds/src/x/aws.rs", "use aws_sdk_ec2::Client;"),
            (
                "crates/holdfast-engine/src/x.rs",
                "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    const K: &str = \"Service\";\n}",
            ),
            ("crates/holdfast-engine/tests/x.rs", "use holdfast_kinds::registry;"),
            ("crates/holdfast-sim/src/tests.rs", "let now = std::time::Instant::now();"),
        ];
        for (name, text) in good {
            assert_eq!(faults(name, text), 0, "{name}: {text}");
        }
    }

    #[test]
    fn a_link_names_a_test_if_its_label_is_code() {
        assert_eq!(named_test("see [`a_test`"), Some("a_test"));
        assert_eq!(named_test("see [a page"), None);
    }
}
