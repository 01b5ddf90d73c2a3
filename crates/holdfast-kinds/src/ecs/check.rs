//! Checks that several ECS kinds make of a declaration.

use super::shapes::{CapacityProviderStrategyItem, LogConfiguration, Secret};
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use std::collections::BTreeSet;

/// Mistakes found so far.
#[derive(Default)]
pub(crate) struct Mistakes(pub(crate) Vec<SpecError>);

impl Mistakes {
    /// Adds one, unless all is well.
    pub(crate) fn unless(&mut self, well: bool, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        if !well {
            self.0.push(SpecError::new(pointer, code, message));
        }
    }

    /// A name of 1 to 255 letters, digits, hyphens and underscores: families, services, clusters, containers.
    pub(crate) fn name(&mut self, pointer: impl Into<String>, what: &str, name: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let well = is_open(name) || ((1..=255).contains(&name.len()) && name.chars().all(plain));
        let words = format!("{what} has 1 to 255 letters, digits, hyphens and underscores; \"{name}\" is not so");
        self.unless(well, pointer, "invalid-name", words);
    }

    /// Items whose keys must differ; the mistake stands at the second one.
    pub(crate) fn unique<'a>(&mut self, list: &str, field: &str, keys: impl IntoIterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (i, key) in keys.into_iter().enumerate() {
            let at = if field.is_empty() { format!("{list}/{i}") } else { format!("{list}/{i}/{field}") };
            self.unless(is_open(key) || seen.insert(key), at, "duplicate", format!("\"{key}\" is there twice"));
        }
    }

    /// A number within bounds, where one is given.
    pub(crate) fn within(&mut self, pointer: String, value: Option<i64>, least: i64, most: i64) {
        let well = value.is_none_or(|v| (least..=most).contains(&v));
        self.unless(well, pointer, "out-of-range", format!("must be between {least} and {most}"));
    }

    /// A capacity provider strategy: unique providers, one base, some weight.
    pub(crate) fn strategy(&mut self, at: &str, items: &[CapacityProviderStrategyItem]) {
        self.unique(at, "capacityProvider", items.iter().map(|i| i.capacity_provider.as_str()));
        let mut with_base = items.iter().enumerate().filter(|(_, i)| i.base.unwrap_or(0) > 0).skip(1);
        if let Some((i, _)) = with_base.next() {
            self.unless(
                false,
                format!("{at}/{i}/base"),
                "conflict",
                "only one capacity provider of a strategy may have a base",
            );
        }
        let weightless = items.len() > 1 && items.iter().all(|i| i.weight.unwrap_or(0) == 0);
        self.unless(!weightless, at, "invalid-value", "at least one capacity provider needs a weight above 0");
    }

    /// Secrets: unique names, and references where a value belongs.
    pub(crate) fn secrets(&mut self, at: &str, secrets: &[Secret]) {
        self.unique(at, "name", secrets.iter().map(|s| s.name.as_str()));
        for (i, secret) in secrets.iter().enumerate() {
            let from = &secret.value_from;
            let parameter = !from.is_empty() && from.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
            let well = is_open(from) || from.starts_with("arn:") || parameter;
            let words = "must be the ARN of a secret or parameter, or a parameter's name; a secret's own value is never declared";
            self.unless(well, format!("{at}/{i}/valueFrom"), "not-a-reference", words);
        }
    }

    /// A log configuration.
    pub(crate) fn log(&mut self, at: &str, log: Option<&LogConfiguration>) {
        if let Some(secrets) = log.and_then(|l| l.secret_options.as_ref()) {
            self.secrets(&format!("{at}/secretOptions"), secrets);
        }
    }
}
