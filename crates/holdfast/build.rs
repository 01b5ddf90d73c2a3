//! Tells the linker to fold functions that are the same and to put together those that run (ADR 009), where it can.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=order.txt");
    // Whoever has another linker in mind is asked again whether it can.
    println!("cargo::rerun-if-changed=../../.cargo/config.toml");
    let target = env::var("TARGET").unwrap_or_default();
    let linker = target.to_uppercase().replace(['-', '.'], "_");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_{linker}_LINKER");
    // A build that is not optimized is one for tests: what matters there is how soon it is linked.
    if env::var("OPT_LEVEL").is_ok_and(|level| level != "0") {
        let arguments = arguments().filter(|arguments| takes(&target, arguments).unwrap_or(false));
        arguments.iter().for_each(|arguments| println!("cargo::rustc-link-arg-bins={arguments}"));
    }
}

/// What the linker is to be told. The list is taken from where cargo builds: the sources may be gone before that is.
fn arguments() -> Option<String> {
    let order = PathBuf::from(env::var_os("OUT_DIR")?).join("order.txt");
    std::fs::write(&order, std::fs::read("order.txt").ok()?).ok()?;
    Some(format!("-Wl,--icf=all,--no-warn-symbol-ordering,--symbol-ordering-file={}", order.display()))
}

/// True if the linker that rustc calls for this target takes these arguments: LLD does, GNU's does not.
fn takes(target: &str, arguments: &str) -> Option<bool> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let source = out.join("empty.rs");
    std::fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.arg(source).arg("-o").arg(out.join("empty")).args(["--target", target]);
    rustc.args(env::var("RUSTC_LINKER").ok().map(|linker| format!("-Clinker={linker}")));
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    rustc.arg(format!("-Clink-arg={arguments}")).stdout(Stdio::null()).stderr(Stdio::null());
    rustc.status().ok().map(|status| status.success())
}
