//! What can be proven of the container image without a container engine: the binary and its libraries are enough.

use anyhow::{Context, Result, ensure};
use holdfast_tests::server::binary;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libraries that the loader needs, itself included.
fn libraries(binary: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(binary).output().context("ldd")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().filter(|w| w.starts_with('/')).map(PathBuf::from).collect())
}

/// `chroot`, as root or as root of a user namespace of its own.
fn chroot(folder: &Path, args: &[&str]) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let mut command = Command::new(if is_root { "chroot" } else { "unshare" });
    if !is_root {
        command.args(["--user", "--map-root-user", "chroot"]);
    }
    command.arg(folder).args(args);
    command
}

#[test]
fn the_binary_starts_in_a_root_that_holds_only_its_libraries() -> Result<()> {
    let (folder, binary) = (tempfile::tempdir()?, binary()?);
    let all = libraries(&binary)?;
    ensure!(!all.is_empty(), "ldd named no libraries");
    for library in all {
        let to = folder.path().join(library.strip_prefix("/")?);
        std::fs::create_dir_all(to.parent().context("a folder")?)?;
        std::fs::copy(&library, &to).with_context(|| format!("cannot copy {}", library.display()))?;
    }
    std::fs::copy(&binary, folder.path().join("holdfast"))?;
    let output = chroot(folder.path(), &["/holdfast", "config", "show"]).output()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && out.contains("sweep.interval"), "{out}{err}");
    Ok(())
}
