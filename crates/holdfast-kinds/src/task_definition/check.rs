//! What AWS would refuse of a task definition, said before it is asked.

use super::container::{ContainerCondition, ContainerDefinition, PortMapping, TransportProtocol};
use super::spec::{Compatibility, FARGATE_LOG_DRIVERS, NetworkMode, Spec, Volume};
use crate::ecs::check::Mistakes;
use holdfast_core::problem::{SpecError, did_you_mean};
use holdfast_core::reference::is_open;
use serde_json::{Value, json};

/// Rules across the fields of a task definition.
pub(super) fn validate(spec: &Spec) -> Vec<SpecError> {
    let mut found = Mistakes::default();
    found.name("/family", "a family", &spec.family);
    let containers = &spec.container_definitions;
    found.unique("/containerDefinitions", "name", containers.iter().map(|c| c.name.as_str()));
    let some_essential = containers.is_empty() || containers.iter().any(|c| c.essential != Some(false));
    found.unless(some_essential, "/containerDefinitions", "invalid-value", "at least one container must be essential");
    for (i, container) in containers.iter().enumerate() {
        let at = format!("/containerDefinitions/{i}");
        one_container(&mut found, &at, container, spec);
        relations(&mut found, &at, container, spec);
    }
    ports(&mut found, spec);
    volumes(&mut found, spec.volumes.as_deref().unwrap_or_default());
    if is_fargate(spec) {
        fargate(&mut found, spec);
    }
    found.0
}

fn is_fargate(spec: &Spec) -> bool {
    spec.requires_compatibilities.as_ref().is_some_and(|all| all.contains(&Compatibility::Fargate))
}

fn one_container(found: &mut Mistakes, at: &str, container: &ContainerDefinition, spec: &Spec) {
    found.name(format!("{at}/name"), "a container's name", &container.name);
    found.unless(!container.image.trim().is_empty(), format!("{at}/image"), "missing-value", "an image is needed");
    let has_memory = spec.memory.is_some() || container.memory.is_some() || container.memory_reservation.is_some();
    let words = "needs memory or memoryReservation, unless the task definition has memory";
    found.unless(has_memory, at, "missing-field", format!("the container \"{}\" {words}", container.name));
    if let (Some(hard), Some(soft)) = (container.memory, container.memory_reservation) {
        let words = "memoryReservation must be less than memory";
        found.unless(soft < hard, format!("{at}/memoryReservation"), "invalid-value", words);
    }
    let variables = container.environment.as_deref().unwrap_or_default();
    found.unique(&format!("{at}/environment"), "name", variables.iter().map(|v| v.name.as_str()));
    let secrets = container.secrets.as_deref().unwrap_or_default();
    found.secrets(&format!("{at}/secrets"), secrets);
    for (k, secret) in secrets.iter().enumerate() {
        let twice = variables.iter().any(|v| v.name == secret.name);
        let words = format!("\"{}\" is an environment variable as well", secret.name);
        found.unless(!twice, format!("{at}/secrets/{k}/name"), "duplicate", words);
    }
    found.log(&format!("{at}/logConfiguration"), container.log_configuration.as_ref());
    if let Some(check) = &container.health_check {
        let first = check.command.first().map(String::as_str).unwrap_or_default();
        let well = is_open(first) || matches!(first, "CMD" | "CMD-SHELL" | "NONE");
        let words = "starts with CMD, CMD-SHELL or NONE";
        found.unless(well, format!("{at}/healthCheck/command"), "invalid-value", words);
    }
    for (k, limit) in container.ulimits.iter().flatten().enumerate() {
        let unlimited = limit.hard_limit < 0;
        let well = unlimited || (limit.soft_limit >= 0 && limit.soft_limit <= limit.hard_limit);
        let words = "softLimit must not be above hardLimit";
        found.unless(well, format!("{at}/ulimits/{k}/softLimit"), "invalid-value", words);
    }
}

/// What a container says of other containers and of volumes.
fn relations(found: &mut Mistakes, at: &str, container: &ContainerDefinition, spec: &Spec) {
    let named = |name: &str| spec.container_definitions.iter().find(|c| c.name == name);
    let names = || spec.container_definitions.iter().map(|c| c.name.as_str());
    for (k, other) in container.depends_on.iter().flatten().enumerate() {
        let at = format!("{at}/dependsOn/{k}");
        match named(&other.container_name) {
            _ if is_open(&other.container_name) => {}
            None => {
                let hint = did_you_mean(&other.container_name, names());
                let words = format!("there is no container \"{}\" here.{hint}", other.container_name);
                found.unless(false, format!("{at}/containerName"), "unknown-container", words);
            }
            Some(it) => {
                let words = "a container cannot wait for itself";
                found.unless(it.name != container.name, format!("{at}/containerName"), "cycle", words);
                let checked = other.condition != ContainerCondition::Healthy || it.health_check.is_some();
                let words = format!("\"{}\" has no healthCheck, so it never becomes HEALTHY", it.name);
                found.unless(checked, format!("{at}/condition"), "invalid-value", words);
            }
        }
    }
    for (k, from) in container.volumes_from.iter().flatten().enumerate() {
        let source = from.source_container.as_deref().unwrap_or_default();
        let well = is_open(source) || named(source).is_some();
        let words = format!("there is no container \"{source}\" here.{}", did_you_mean(source, names()));
        found.unless(well, format!("{at}/volumesFrom/{k}/sourceContainer"), "unknown-container", words);
    }
    let volumes = || spec.volumes.iter().flatten().map(|v| v.name.as_str());
    for (k, mount) in container.mount_points.iter().flatten().enumerate() {
        let source = mount.source_volume.as_deref().unwrap_or_default();
        let well = is_open(source) || volumes().any(|v| v == source);
        let words = format!("there is no volume \"{source}\" under /volumes.{}", did_you_mean(source, volumes()));
        found.unless(well, format!("{at}/mountPoints/{k}/sourceVolume"), "unknown-volume", words);
    }
}

fn ports(found: &mut Mistakes, spec: &Spec) {
    let shared = matches!(spec.network_mode, Some(NetworkMode::Awsvpc | NetworkMode::Host));
    let mut taken: Vec<(i64, bool)> = Vec::new();
    for (i, container) in spec.container_definitions.iter().enumerate() {
        if !shared {
            taken.clear();
        }
        for (k, port) in container.port_mappings.iter().flatten().enumerate() {
            let at = format!("/containerDefinitions/{i}/portMappings/{k}");
            one_port(found, &at, port, shared);
            let udp = port.protocol == Some(TransportProtocol::Udp);
            // With bridge networking a container may publish one port on several host ports.
            let fixed = !shared && port.host_port.is_some_and(|p| p > 0);
            if let Some(number) = port.container_port.filter(|_| !fixed) {
                let words = format!("port {number} is mapped twice");
                found.unless(!taken.contains(&(number, udp)), at, "duplicate", words);
                taken.push((number, udp));
            }
        }
    }
}

fn one_port(found: &mut Mistakes, at: &str, port: &PortMapping, shared: bool) {
    let one = port.container_port.is_some() != port.container_port_range.is_some();
    found.unless(one, at, "missing-field", "needs either containerPort or containerPortRange");
    if let (true, Some(host), Some(container)) = (shared, port.host_port, port.container_port) {
        let words = "with networkMode awsvpc or host it must be the containerPort, or absent";
        found.unless(host == 0 || host == container, format!("{at}/hostPort"), "invalid-value", words);
    }
    if let Some(range) = port.container_port_range.as_deref().filter(|r| !is_open(r)) {
        let ends = range.split_once('-').and_then(|(a, b)| Some((a.parse::<u16>().ok()?, b.parse::<u16>().ok()?)));
        let well = ends.is_some_and(|(a, b)| a > 0 && a <= b);
        let words = "a range of ports is written like 8000-8010, within 1 and 65535";
        found.unless(well, format!("{at}/containerPortRange"), "invalid-port", words);
    }
}

fn volumes(found: &mut Mistakes, volumes: &[Volume]) {
    found.unique("/volumes", "name", volumes.iter().map(|v| v.name.as_str()));
    for (i, volume) in volumes.iter().enumerate() {
        let kinds = [
            volume.host.as_ref().is_some_and(|h| h.source_path.is_some()),
            volume.docker_volume_configuration.is_some(),
            volume.efs_volume_configuration.is_some(),
            volume.s3files_volume_configuration.is_some(),
            volume.fsx_windows_file_server_volume_configuration.is_some(),
            volume.configured_at_launch == Some(true),
        ];
        let words = "a volume has one configuration at most";
        found.unless(kinds.iter().filter(|k| **k).count() <= 1, format!("/volumes/{i}"), "conflict", words);
    }
}

fn fargate(found: &mut Mistakes, spec: &Spec) {
    let words = "Fargate needs networkMode awsvpc";
    found.unless(spec.network_mode == Some(NetworkMode::Awsvpc), "/networkMode", "invalid-value", words);
    found.unless(spec.cpu.is_some(), "/cpu", "missing-field", "Fargate needs the task's cpu");
    found.unless(spec.memory.is_some(), "/memory", "missing-field", "Fargate needs the task's memory");
    fargate_size(found, spec);
    for (i, container) in spec.container_definitions.iter().enumerate() {
        let at = format!("/containerDefinitions/{i}");
        let words = "Fargate has no privileged containers";
        found.unless(container.privileged != Some(true), format!("{at}/privileged"), "invalid-value", words);
        found.within(format!("{at}/stopTimeout"), container.stop_timeout, 2, 120);
        if let Some(log) = &container.log_configuration {
            let words = "Fargate has the log drivers awslogs, splunk and awsfirelens";
            let at = format!("{at}/logConfiguration/logDriver");
            found.unless(FARGATE_LOG_DRIVERS.contains(&log.log_driver), at, "invalid-value", words);
        }
    }
}

/// The pairs of CPU and memory that Fargate has.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>
fn fargate_size(found: &mut Mistakes, spec: &Spec) {
    let (Some(cpu), Some(memory)) = (&spec.cpu, &spec.memory) else { return };
    let (cpu, memory) = (cpu.0.as_str(), memory.0.as_str());
    if is_open(cpu) || is_open(memory) {
        return;
    }
    let mut both = json!({ "cpu": cpu, "memory": memory });
    super::canonical::canonical(&mut both);
    let number = |key: &str| both.get(key).and_then(Value::as_str).and_then(|t| t.parse::<u64>().ok());
    let (least, most, step) = match number("cpu") {
        Some(256) => (512, 2048, 512),
        Some(512) => (1024, 4096, 1024),
        Some(1024) => (2048, 8192, 1024),
        Some(2048) => (4096, 16_384, 1024),
        Some(4096) => (8192, 30_720, 1024),
        Some(8192) => (16_384, 61_440, 4096),
        Some(16_384) => (32_768, 122_880, 8192),
        _ => {
            let words = "Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384 CPU units";
            return found.unless(false, "/cpu", "invalid-value", words);
        }
    };
    let listed = |m: u64| (least..=most).contains(&m) && m.is_multiple_of(step) && !(least == 512 && m == 1536);
    let words = format!("with {cpu} CPU units Fargate has {least} to {most} MiB, in steps of {step}");
    found.unless(number("memory").is_some_and(listed), "/memory", "invalid-value", words);
}
