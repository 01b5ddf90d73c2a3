//! Documents: from bytes to what may be stored, and every way in which they are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub, reason = "tests")]

mod arbitrary;
mod bytes;
mod kinds;
mod references;
mod schemas;
mod shapes;
mod specs;
mod store;

use holdfast_core::validate::{Accepted, Nothing, Stored, Validators, World, check_body};
use serde_json::{Value, json};
use std::fmt::Write;

/// What comes of a body in a world with nothing in it: each mistake on a line, or what is accepted.
pub fn outcome(body: &Value) -> String {
    outcome_in(body, &Nothing, Absent::Stays)
}

#[derive(Clone, Copy, PartialEq)]
pub enum Absent {
    Stays,
    Goes,
}

pub fn outcome_in(body: &Value, stored: &dyn Stored, absent: Absent) -> String {
    match accepted_in(body, stored, absent) {
        Ok(accepted) => describe(&accepted),
        Err(text) => text,
    }
}

pub fn accepted_in(body: &Value, stored: &dyn Stored, absent: Absent) -> Result<Accepted, String> {
    let registry = kinds::registry();
    let validators = Validators::new(&registry);
    let prune = absent == Absent::Goes;
    let world =
        World { registry: &registry, validators: &validators, stored, default_region: Some("eu-west-1"), prune };
    check_body(body, &world).map_err(|errors| {
        errors.iter().fold(String::new(), |mut text, e| {
            let _ =
                writeln!(text, "{} [{}] {}", if e.pointer.is_empty() { "\"\"" } else { &e.pointer }, e.code, e.message);
            text
        })
    })
}

fn describe(accepted: &Accepted) -> String {
    let mut text = String::new();
    for account in &accepted.accounts {
        let _ = writeln!(text, "account {} {}", account.name, account.spec.account_id);
    }
    for stack in &accepted.stacks {
        let implied = if stack.implied { " implied" } else { "" };
        let _ = writeln!(text, "stack {} in {}{implied} tags {}", stack.name, stack.scope, json!(stack.tags));
    }
    for r in &accepted.resources {
        let named = if r.declared { "" } else { " (not named)" };
        let _ = writeln!(text, "resource {} in {}{named} {}", r.key, r.scope, r.spec);
    }
    for key in &accepted.absent {
        let _ = writeln!(text, "absent {key}");
    }
    text
}

/// A stack of the given resources.
pub fn stack(resources: Value) -> Value {
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "shop" },
        "spec": { "resources": resources } })
}

/// A box in a stack, with its spec.
pub fn a_box(name: &str, mut spec: Value) -> Value {
    if spec.get("boxName").is_none() {
        spec["boxName"] = json!(name);
    }
    json!({ "kind": "Box", "metadata": { "name": name }, "spec": spec })
}

/// A lid in a stack, with its spec.
pub fn a_lid(name: &str, spec: Value) -> Value {
    json!({ "kind": "Lid", "metadata": { "name": name }, "spec": spec })
}

/// Inputs and what came of each, one after the other: a golden text.
#[derive(Default)]
pub struct Transcript(String);

impl Transcript {
    /// What comes of a body in an empty world.
    pub fn check(&mut self, title: &str, body: Value) -> &mut Self {
        self.line(title, &outcome(&body))
    }
    /// What comes of a stack of these resources in an empty world.
    pub fn stack(&mut self, title: &str, resources: Value) -> &mut Self {
        self.check(title, stack(resources))
    }
    pub fn line(&mut self, title: &str, outcome: &str) -> &mut Self {
        let _ = writeln!(self.0, "# {title}\n{}\n", outcome.trim_end());
        self
    }
    pub fn text(&self) -> &str {
        self.0.trim_end()
    }
}
