//! The commands of the CLI: most talk to a server, `store` to a file.

pub(crate) mod approve;
pub(crate) mod declare;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod look;
pub(crate) mod preflight;
pub(crate) mod steer;
pub(crate) mod store;
pub(crate) mod teardown;
pub(crate) mod wait;
pub(crate) mod why;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads documents: one file as it is, several (or a directory) as one List.
pub(crate) fn read_documents(files: &[PathBuf]) -> Result<Value> {
    let mut documents = Vec::new();
    for file in files {
        for path in expand(file)? {
            documents.push(read_one(&path)?);
        }
    }
    match documents.len() {
        0 => bail!(
            "no .json document was found in {}",
            files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
        ),
        1 => Ok(documents.remove(0)),
        _ => Ok(json!({ "apiVersion": holdfast_core::document::API_VERSION, "kind": "List", "items": documents })),
    }
}

fn expand(file: &Path) -> Result<Vec<PathBuf>> {
    if !file.is_dir() {
        return Ok(vec![file.to_owned()]);
    }
    let entries = std::fs::read_dir(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut out: Vec<PathBuf> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    out.sort();
    Ok(out)
}

fn read_one(path: &Path) -> Result<Value> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    holdfast_core::document::from_bytes(&bytes, holdfast_core::document::MAX_DEPTH)
        .map_err(|e| anyhow::anyhow!("{}: {} ({})", path.display(), e.message, e.code))
}
