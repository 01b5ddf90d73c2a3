//! Renews the dashboard's vendored modules from npm, by the steps that `vendor.json` tells.

use crate::shell;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;

/// Fetches each listed package, checks it, and writes the module as the dashboard loads it.
pub(crate) fn renew(root: &Path) -> Result<()> {
    let vendor = root.join("crates/holdfast-api/web/vendor");
    let text = std::fs::read_to_string(vendor.join("vendor.json")).context("cannot read vendor.json")?;
    let list: Value = serde_json::from_str(&text).context("vendor.json is no JSON")?;
    let work = shell::target(root).join("vendor-web");
    std::fs::create_dir_all(&work)?;
    std::fs::write(work.join("package.json"), "{\"private\":true}\n")?;
    for entry in list["files"].as_array().context("vendor.json lists no files")? {
        one(&work, &vendor, entry)?;
    }
    Ok(())
}

fn one(work: &Path, vendor: &Path, entry: &Value) -> Result<()> {
    let field = |name: &str| entry[name].as_str().with_context(|| format!("vendor.json: an entry has no {name}"));
    let package = format!("{}@{}", field("package")?, field("version")?);
    let install = ["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", &package];
    shell::run(shell::command(work, "npm").args(install))?;
    let from = work.join("node_modules").join(field("package")?).join(field("source")?);
    expect_sum(&from, field("sourceSha256")?)?;
    let source = std::fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
    let kept: Vec<&str> =
        source.lines().filter(|l| !l.starts_with("//# sourceMappingURL=")).map(str::trim_end).collect();
    let mut module = kept.join("\n").trim_end().to_owned() + "\n";
    for (key, value) in entry["imports"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        module = module.replace(&format!("from\"{key}\""), &format!("from\"{value}\""));
    }
    let to = vendor.join(field("target")?);
    std::fs::write(&to, module).with_context(|| format!("cannot write {}", to.display()))?;
    expect_sum(&to, field("sha256")?)
}

fn expect_sum(file: &Path, sum: &str) -> Result<()> {
    let output = std::process::Command::new("sha256sum").arg(file).output().context("cannot run sha256sum")?;
    if !String::from_utf8_lossy(&output.stdout).starts_with(sum) {
        bail!("{} has another sha256 than vendor.json says", file.display());
    }
    Ok(())
}
