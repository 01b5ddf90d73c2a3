//! AWS implementations that others wrote, each in a process of its own.

use crate::outside::Outside;
use crate::{REGION, eventually};
use anyhow::{Context, Result};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Which implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// moto: the first backend.
    Moto,
    /// ministack: unrelated code, whose ECS rolls out.
    Ministack,
}

/// A running emulator; ends with the value.
pub struct Emulator {
    child: Child,
    /// Which one.
    pub backend: Backend,
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
}

/// A VPC with two subnets, made from outside: what the example takes as variables.
pub struct Network {
    /// `vpc-…`
    pub vpc: String,
    /// Two subnets, in zones a and b.
    pub subnets: Vec<String>,
}

pub(crate) fn program(variable: &str) -> Result<String> {
    std::env::var(variable).with_context(|| format!("{variable} is not set; run the tests by `cargo xtask test`"))
}

pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Emulator {
    /// Starts one on a free port and waits until it answers.
    pub fn start(backend: Backend) -> Result<Self> {
        let port = free_port()?;
        let mut command = match backend {
            Backend::Moto => {
                let mut c = Command::new(program("HOLDFAST_MOTO")?);
                c.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                c
            }
            Backend::Ministack => {
                let mut c = Command::new(program("HOLDFAST_MINISTACK")?);
                c.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
                c
            }
        };
        let folder = tempfile::tempdir()?;
        command.env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        drain(&mut child);
        let emulator = Self { child, backend, endpoint: format!("http://127.0.0.1:{port}") };
        eventually("answer of the emulator", Duration::from_secs(60), || {
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        eventually("identity from the emulator", Duration::from_secs(60), || {
            Ok(emulator.outside()?.call("sts", "get_caller_identity", json!({})).ok())
        })?;
        Ok(emulator)
    }

    /// A boto3 client of it.
    pub fn outside(&self) -> Result<Outside> {
        self.outside_in(REGION, None)
    }

    /// The same in another region, and in the account of a role if there is one.
    pub fn outside_in(&self, region: &str, role: Option<&str>) -> Result<Outside> {
        Outside::start(&program("HOLDFAST_PYTHON")?, &self.endpoint, region, role)
    }

    /// A VPC with two subnets.
    pub fn network(&self, outside: &mut Outside) -> Result<Network> {
        let vpc = outside.call("ec2", "create_vpc", json!({ "CidrBlock": "10.0.0.0/16" }))?;
        let vpc = vpc["Vpc"]["VpcId"].as_str().context("a VPC id")?.to_owned();
        let mut subnets = Vec::new();
        for (i, zone) in ["a", "b"].iter().enumerate() {
            let arguments = json!({ "VpcId": vpc, "CidrBlock": format!("10.0.{i}.0/24"), "AvailabilityZone": format!("{REGION}{zone}") });
            let subnet = outside.call("ec2", "create_subnet", arguments)?;
            subnets.push(subnet["Subnet"]["SubnetId"].as_str().context("a subnet id")?.to_owned());
        }
        Ok(Network { vpc, subnets })
    }
}

/// Reads and drops what the process says, so that a full pipe never stops it.
pub(crate) fn drain(child: &mut Child) {
    if let Some(stderr) = child.stderr.take() {
        std::thread::spawn(move || BufReader::new(stderr).lines().for_each(drop));
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
