//! House rules that no compiler checks.

use crate::generate;
#[cfg(test)]
use crate::shell;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each crate must never depend on; `docs/architecture.md` says why.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("holdfast-core", &["tokio", "aws-", "rusqlite", "axum", "reqwest", "rand", "holdfast-"]),
    ("holdfast-kinds", &["holdfast-store", "holdfast-engine", "holdfast-api", "rusqlite", "axum"]),
    ("holdfast-store", &["holdfast-engine", "holdfast-api", "holdfast-kinds", "aws-", "axum", "tokio"]),
    ("holdfast-engine", &["holdfast-kinds", "holdfast-api", "aws-", "axum"]),
    ("holdfast-api", &["holdfast-kinds", "aws-"]),
    ("holdfast-sim", &["holdfast-kinds", "holdfast-store", "holdfast-engine", "aws-"]),
];

/// Longest source file, in lines.
const LONGEST: usize = 600;

/// Checks all of them and reports all at once.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    crate_graph(root, &mut faults)?;
    let sources = sources(&root.join("crates"))?.into_iter().chain(sources(&root.join("tests"))?);
    for file in sources {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        source(&name, &text, &mut faults);
    }
    top_level(root, &mut faults)?;
    links(root, &mut faults)?;
    faults.extend(generate::stale(root)?);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} house rules are broken:\n  {}", faults.len(), faults.join("\n  "))
}

/// The crate graph is the architecture: dependencies, without those of tests.
fn crate_graph(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for (name, forbidden) in FORBIDDEN {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: toml::Table = text.parse().with_context(|| format!("{} is no TOML", path.display()))?;
        let dependencies = manifest.get("dependencies").and_then(|d| d.as_table());
        for dependency in dependencies.into_iter().flat_map(|d| d.keys()) {
            let own = *name == "holdfast-core";
            let bad = forbidden.iter().any(|f| dependency.starts_with(f)) && (own || dependency != "holdfast-core");
            if bad {
                faults.push(format!("{name} must not know {dependency}"));
            }
        }
    }
    Ok(())
}

fn source(name: &str, text: &str, faults: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LONGEST {
        faults.push(format!("{name} has {lines} lines; where is the second room? (limit {LONGEST})"));
    }
    let is_live =
        name.ends_with("/aws.rs") || name.contains("/aws/") || name.starts_with("tests/") || name.contains("/tests/");
    let sdk = ["aws_sdk_ec2", "aws_sdk_ecs", "aws_sdk_elasticloadbalancingv2", "aws_sdk_resourcegroupstagging"];
    if !is_live && !name.contains("xtask") && sdk.iter().any(|s| text.contains(s)) {
        faults.push(format!("{name} uses SDK types; only aws.rs files and aws/ may"));
    }
    if name.contains("holdfast-core/src") {
        for word in ["async fn", "SystemTime::now", "Timestamp::now", "Instant::now", "HashMap", "HashSet"] {
            // `Cloud` and `Meter` are the two doors out of the core; they only declare.
            if text.contains(word) && !(word == "async fn" && name.ends_with("cloud.rs")) {
                faults.push(format!("{name} has {word}: the core does no IO, reads no clock and keeps its order"));
            }
        }
    }
}

/// Only what a newcomer expects stands at the top.
fn top_level(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let known: BTreeSet<&str> = [
        "Cargo.toml",
        "Cargo.lock",
        "crates",
        "deploy",
        "docs",
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

/// Every relative link in the docs leads somewhere.
fn links(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let mut pages = files(&root.join("docs"), "md")?;
    pages.extend(["README.md", "CHANGELOG.md", "examples/README.md"].iter().map(|p| root.join(p)));
    for page in pages {
        let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            let outside = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !outside && !page.parent().unwrap_or(root).join(path).exists() {
                let name = page.strip_prefix(root).unwrap_or(&page).display();
                faults.push(format!("{name} links to {target}, which is not there"));
            }
        }
    }
    Ok(())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
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

    #[test]
    fn a_clock_in_the_core_is_found() {
        let mut faults = Vec::new();
        source("crates/holdfast-core/src/x.rs", "fn f() { jiff::Timestamp::now(); }", &mut faults);
        source("crates/holdfast-kinds/src/x/plan.rs", "use aws_sdk_ec2::Client;", &mut faults);
        source("crates/holdfast-kinds/src/x/aws.rs", "use aws_sdk_ec2::Client;", &mut faults);
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
