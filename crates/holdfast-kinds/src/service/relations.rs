//! What a service says of its task definition: containers, ports and volumes that must be there.

use super::fit;
use crate::common::{referred, text};
use crate::ecs::check::Mistakes;
use holdfast_core::name::ResourceKey;
use holdfast_core::problem::{SpecError, did_you_mean};
use holdfast_core::reference::is_open;
use serde_json::Value;

/// Rules between a service and the task definition that it refers to. One that is given by name or ARN is not known
/// here; AWS then judges.
pub(super) fn validate(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
    let mut found = Mistakes::default();
    let target = text(spec, "taskDefinition").and_then(|words| referred(words, stack, "TaskDefinition"));
    if let Some((key, definition)) = target.and_then(|key| Some((key.clone(), peers(&key)?))) {
        let seen = Seen { key: &key, definition: &definition };
        seen.containers(&mut found, spec);
        seen.port_names(&mut found, spec);
        seen.volumes(&mut found, spec);
        fit::validate(&mut found, spec, (&key, &definition), peers, stack);
    }
    found.0
}

/// The items of a list; none if there is no such list.
pub(super) fn items<'v>(value: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    value.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// A task definition as declared.
struct Seen<'a> {
    key: &'a ResourceKey,
    definition: &'a Value,
}

impl Seen<'_> {
    fn all_containers(&self) -> impl Iterator<Item = &Value> {
        items(self.definition, "containerDefinitions")
    }

    /// True if some name of the definition is not known yet, so that nothing can be said to be missing.
    fn is_open(&self) -> bool {
        self.all_containers().filter_map(|c| text(c, "name")).any(is_open)
    }

    fn containers(&self, found: &mut Mistakes, spec: &Value) {
        for list in ["loadBalancers", "serviceRegistries"] {
            for (i, item) in items(spec, list).enumerate() {
                let Some(name) = text(item, "containerName").filter(|n| !is_open(n) && !self.is_open()) else {
                    continue;
                };
                let Some(container) = self.all_containers().find(|c| text(c, "name") == Some(name)) else {
                    let hint = did_you_mean(name, self.all_containers().filter_map(|c| text(c, "name")));
                    let words = format!("{} has no container \"{name}\".{hint}", self.key);
                    found.unless(false, format!("/{list}/{i}/containerName"), "unknown-container", words);
                    continue;
                };
                if let Some(port) = item.get("containerPort").and_then(Value::as_i64) {
                    let words = format!("the container \"{name}\" of {} has no port mapping for {port}", self.key);
                    found.unless(
                        has_port(container, port),
                        format!("/{list}/{i}/containerPort"),
                        "unknown-port",
                        words,
                    );
                }
            }
        }
    }

    fn port_names(&self, found: &mut Mistakes, spec: &Value) {
        let mappings = || self.all_containers().flat_map(|c| items(c, "portMappings"));
        let names = || mappings().filter_map(|p| text(p, "name"));
        if names().any(is_open) {
            return;
        }
        let connect = spec.pointer("/serviceConnectConfiguration").unwrap_or(&Value::Null);
        let connected =
            items(connect, "services").enumerate().map(|(i, s)| ("/serviceConnectConfiguration/services", i, s));
        let lattice =
            items(spec, "vpcLatticeConfigurations").enumerate().map(|(i, s)| ("/vpcLatticeConfigurations", i, s));
        for (list, i, item) in connected.chain(lattice) {
            if let Some(name) = text(item, "portName").filter(|n| !is_open(n)) {
                let hint = did_you_mean(name, names());
                let words = format!("{} has no port mapping named \"{name}\".{hint}", self.key);
                found.unless(names().any(|n| n == name), format!("{list}/{i}/portName"), "unknown-port", words);
            }
        }
    }

    fn volumes(&self, found: &mut Mistakes, spec: &Value) {
        for (i, item) in items(spec, "volumeConfigurations").enumerate() {
            let Some(name) = text(item, "name").filter(|n| !is_open(n)) else { continue };
            let at_launch = |v: &Value| v.get("configuredAtLaunch").and_then(Value::as_bool) == Some(true);
            let there = items(self.definition, "volumes")
                .any(|v| text(v, "name").is_some_and(|n| is_open(n) || n == name && at_launch(v)));
            let words = format!("{} has no volume \"{name}\" with configuredAtLaunch: true", self.key);
            found.unless(there, format!("/volumeConfigurations/{i}/name"), "unknown-volume", words);
        }
    }
}

/// True if a container maps this port, alone or in a range, or if that cannot be known yet.
fn has_port(container: &Value, port: i64) -> bool {
    items(container, "portMappings").any(|mapping| {
        let range = text(mapping, "containerPortRange").map(|r| {
            let ends = r.split_once('-').and_then(|(a, b)| Some(a.parse::<i64>().ok()?..=b.parse::<i64>().ok()?));
            is_open(r) || ends.is_some_and(|ends| ends.contains(&port))
        });
        match mapping.get("containerPort") {
            Some(Value::String(words)) => is_open(words) || words.parse() == Ok(port),
            one => one.and_then(Value::as_i64) == Some(port) || range == Some(true),
        }
    })
}
