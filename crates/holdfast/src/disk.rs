//! Refuses a store on a disk that cannot hold it.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// File systems over which SQLite's WAL, which wants shared memory and real locks, is known to break.
const NETWORK: &[&str] =
    &["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs", "lustre"];

/// File systems of a container that go away with it.
const THROW_AWAY: &[&str] = &["overlay", "fuse-overlayfs", "fuse.fuse-overlayfs", "tmpfs"];

/// True if this process runs in a container, by the marks that Docker, Podman, ECS and Kubernetes leave.
fn in_container(is_file: impl Fn(&str) -> bool, is_set: impl Fn(&str) -> bool) -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|file| is_file(file))
        || ["ECS_CONTAINER_METADATA_URI_V4", "KUBERNETES_SERVICE_HOST"].iter().any(|name| is_set(name))
}

/// Refuses a network file system always, and a container's throw-away disk unless `ephemeral`.
pub(crate) fn check(store: &Path, ephemeral: bool) -> Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let in_container = in_container(|file| Path::new(file).exists(), |name| std::env::var_os(name).is_some());
    let Some(kind) = file_system(&mounts, &absolute(store)) else { return Ok(()) };
    if NETWORK.contains(&kind.as_str()) {
        bail!(
            "the store {} is on a network file system ({kind}), where SQLite can lose data; use a local disk or an EBS volume",
            store.display()
        );
    }
    if in_container && THROW_AWAY.contains(&kind.as_str()) && !ephemeral {
        bail!(
            "the store {} is on the container's own disk ({kind}), which goes away with the task; mount a volume, or accept the loss \
             with --ephemeral",
            store.display()
        );
    }
    Ok(())
}

fn absolute(store: &Path) -> PathBuf {
    let parent = store.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parent.canonicalize().unwrap_or_else(|_| parent.to_owned())
}

/// The type of the file system that holds `path`: the longest mount point above it.
fn file_system(mountinfo: &str, path: &Path) -> Option<String> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?.replace("\\040", " ");
            path.starts_with(&point).then(|| (point.len(), right.split(' ').next().unwrap_or("").to_owned()))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_known_by_the_mark_of_whoever_runs_it() {
        for mark in ["/.dockerenv", "/run/.containerenv", "ECS_CONTAINER_METADATA_URI_V4", "KUBERNETES_SERVICE_HOST"] {
            assert!(in_container(|file| file == mark, |name| name == mark), "{mark}");
        }
        assert!(!in_container(|_| false, |_| false));
        let mounts = "1 0 0:1 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw\n";
        let kind = file_system(mounts, Path::new("/data")).expect("a file system");
        assert!(THROW_AWAY.contains(&kind.as_str()), "{kind}");
    }

    #[test]
    fn the_longest_mount_point_says_the_file_system() {
        let mounts = "1 0 0:1 / / rw - overlay overlay rw\n2 1 0:2 / /data rw - nfs4 host:/x rw\n3 2 0:3 / /data/local rw - ext4 /dev/x rw\n";
        assert_eq!(file_system(mounts, Path::new("/var")).as_deref(), Some("overlay"));
        assert_eq!(file_system(mounts, Path::new("/data/a")).as_deref(), Some("nfs4"));
        assert_eq!(file_system(mounts, Path::new("/data/local/a")).as_deref(), Some("ext4"));
    }
}
