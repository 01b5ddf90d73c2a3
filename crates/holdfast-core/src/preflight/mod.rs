//! What AWS can say of a plan before it is carried out: whether what the declarations name exists, and whether the
//! quotas have room.
//!
//! Flow: [`ask`] gathers what there is to ask of specs and plan, the [`Cloud`](crate::cloud::Cloud) looks it up in
//! batches, [`judge`] turns the answer into findings. A finding tells and never holds anything back: AWS decides.

mod judge;
mod mentions;
mod quotas;

pub use judge::judge;
pub use mentions::{Mention, mentions};
pub use quotas::Need;

use crate::kind::Registry;
use crate::name::{ResourceKey, Scope};
use crate::plan::{Desired, Fate, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A type of AWS thing that a declaration can name without declaring it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// `subnet-…`
    Subnet,
    /// `sg-…`
    SecurityGroup,
    /// `vpc-…`
    Vpc,
    /// `ami-…`
    Image,
    /// `eipalloc-…`
    ElasticIp,
    /// `igw-…`
    InternetGateway,
    /// `nat-…`
    NatGateway,
    /// `rtb-…`
    RouteTable,
    /// `eni-…`
    NetworkInterface,
    /// `i-…`
    Instance,
    /// `pl-…`
    PrefixList,
    /// The ARN of an IAM role.
    Role,
    /// The ARN of an instance profile.
    InstanceProfile,
    /// The ARN of an ECS cluster.
    Cluster,
    /// The ARN of a load balancer.
    LoadBalancer,
    /// The ARN of a target group.
    TargetGroup,
}

impl Thing {
    /// What people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Thing::Subnet => "subnet",
            Thing::SecurityGroup => "security group",
            Thing::Vpc => "VPC",
            Thing::Image => "image",
            Thing::ElasticIp => "Elastic IP address",
            Thing::InternetGateway => "internet gateway",
            Thing::NatGateway => "NAT gateway",
            Thing::RouteTable => "route table",
            Thing::NetworkInterface => "network interface",
            Thing::Instance => "instance",
            Thing::PrefixList => "prefix list",
            Thing::Role => "IAM role",
            Thing::InstanceProfile => "instance profile",
            Thing::Cluster => "ECS cluster",
            Thing::LoadBalancer => "load balancer",
            Thing::TargetGroup => "target group",
        }
    }
}

/// What there is to ask of AWS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Ids and ARNs that are named.
    pub things: BTreeMap<Thing, BTreeSet<String>>,
    /// Quotas that something counts against, such as `rds:DBInstances`: AWS's service and name.
    pub quotas: BTreeSet<&'static str>,
}

impl Asked {
    /// True if there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty() && self.quotas.is_empty()
    }
}

/// What AWS answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preflight {
    /// Those of the asked things that are not there.
    pub missing: BTreeMap<Thing, BTreeSet<String>>,
    /// The asked quotas that AWS tells.
    pub quotas: BTreeMap<&'static str, Room>,
    /// What could not be looked up.
    pub unread: Vec<Unread>,
}

/// How much a quota has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// How much there may be.
    pub max: u64,
    /// How much there is; 0 where the quota is one of each thing.
    pub used: u64,
}

/// A look-up that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What it was for.
    pub of: Subject,
    /// Why, in AWS's words, with the operation.
    pub reason: String,
}

/// What a look-up is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Whether these exist.
    Thing(Thing),
    /// The quotas of a service, such as `rds`.
    Quotas(&'static str),
}

/// One thing to know before a plan is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Of which resource; none where it concerns the scope.
    pub key: Option<ResourceKey>,
    /// JSON Pointer into the resource's spec; empty where it concerns no single field.
    pub pointer: String,
    /// What, where, and what to do.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// AWS will refuse it as things are.
    Error,
    /// AWS will take it, but nothing more of the kind.
    Warning,
    /// AWS did not tell.
    Unknown,
}

impl Finding {
    /// A finding of a field of a resource.
    pub fn of(level: Level, key: &ResourceKey, pointer: &str, message: String) -> Self {
        Self { level, key: Some(key.clone()), pointer: pointer.to_owned(), message }
    }

    /// A finding of a scope as a whole.
    pub fn of_scope(level: Level, message: String) -> Self {
        Self { level, key: None, pointer: String::new(), message }
    }
}

/// What is asked, and of whom.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// What AWS is asked.
    pub asked: Asked,
    mentions: Vec<Mention>,
    needs: Vec<(ResourceKey, Need)>,
}

/// Gathers what there is to ask about the resources of `stacks` that are to be in a scope. What is made by other stacks
/// counts against the quotas too.
pub fn ask(
    registry: &Registry,
    scope: &Scope,
    desired: &[Arc<Desired>],
    plan: &Plan,
    stacks: &BTreeSet<String>,
) -> Questions {
    let mut questions = Questions::default();
    for one in desired.iter().filter(|d| d.fate == Fate::Keep && stacks.contains(&d.key.stack)) {
        mentions(&one.key, &one.spec.value(), scope, &mut questions.mentions);
    }
    for mention in &questions.mentions {
        questions.asked.things.entry(mention.thing).or_default().insert(mention.id.clone());
    }
    questions.needs = quotas::needs(registry, desired, plan, stacks);
    questions.asked.quotas = questions.needs.iter().map(|(_, need)| need.quota).collect();
    questions
}
