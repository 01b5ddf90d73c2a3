//! The engine's whole view of AWS: the real one or the simulated one.

use crate::name::{KindName, RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use crate::observe::{Snapshot, Wanted};
use crate::outputs::Outputs;
use crate::preflight::{Asked, Preflight};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// AWS, as the engine sees it.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Reads all wanted kinds of a scope in batches. Never fails as a whole: what could not be read is a
    /// [`Gap`](crate::observe::Gap) of its kind.
    async fn sweep(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>) -> Snapshot;

    /// A [`sweep`](Cloud::sweep) that another one may follow within moments, or that follows one: what `memo` has of the
    /// last one need not be read again.
    async fn follow(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>, _memo: &mut Memo) -> Snapshot {
        self.sweep(scope, wanted).await
    }

    /// Does one action. `action` is the kind's action as JSON with every reference filled in; `token` is the
    /// journal's idempotency token, the same for a repeat of the same intent.
    async fn apply(&self, scope: &Scope, kind: KindName, action: &Value, token: &str) -> Result<Applied, ApplyError>;

    /// Waits until a write of that operation, such as `ecs:CreateService`, is within AWS's budget, and keeps its place
    /// for the [`apply`](Cloud::apply) that follows. Whoever waits here has journalled nothing yet.
    async fn turn(&self, _scope: &Scope, _operation: &'static str) -> Turn {
        Turn::free()
    }

    /// The things with these handles may have changed: what AWS gives only one thing a call is read of them before it is
    /// read of others. A hint never replaces the sweep.
    fn hint(&self, _scope: &Scope, _ids: &[&str]) {}

    /// How far the reading of what AWS gives only one thing a call has come in a scope.
    fn rounds(&self, _scope: &Scope) -> Rounds {
        Rounds::default()
    }

    /// When what AWS gives only one thing a call was last read of the thing with that handle; none if it was not, or
    /// all of the thing is read in every sweep.
    fn read_at(&self, _scope: &Scope, _id: &str) -> Option<Timestamp> {
        None
    }

    /// The 12-digit account id that the credentials of this scope really belong to (STS GetCallerIdentity).
    async fn identify(&self, scope: &Scope) -> Result<String, ApplyError>;

    /// Looks up in batches which of the asked things are not there, and what the asked quotas have room for. Never fails:
    /// what could not be looked up is [`unread`](Preflight::unread), and what is another account's is left out.
    async fn preflight(&self, scope: &Scope, asked: &Asked) -> Preflight;

    /// Whatever AWS's index of tags still has of a stack. The index lags behind in both ways: what it names may be gone,
    /// and only a sweep says whether it is.
    async fn tagged(&self, scope: &Scope, stack: &str) -> Result<Vec<Tagged>, ApplyError>;
}

/// What a sweep has read for the whole scope at once and for all kinds. Only the cloud that made it knows what it is.
#[derive(Clone, Default)]
pub struct Memo(Option<Arc<dyn Any + Send + Sync>>);

impl Memo {
    /// What was put there, if it is such a thing.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.0.as_ref()?).downcast().ok()
    }

    /// Puts something in the place of what was there.
    pub fn put<T: Any + Send + Sync>(&mut self, it: Option<Arc<T>>) {
        self.0 = it.map(|it| it as Arc<dyn Any + Send + Sync>);
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memo").field(&self.0.is_some()).finish()
    }
}

/// What AWS gives only one thing a call (attributes) is read in rounds, as far as the budget has room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// Things that take part.
    pub things: u64,
    /// Those that this process has not read yet.
    pub unread: u64,
    /// When the one was read that was read longest ago.
    pub oldest: Option<Timestamp>,
    /// How long a whole round takes.
    pub takes: Duration,
}

/// A place beyond the process for what never changes, such as the revisions of task definitions. Losing it costs calls.
pub trait Shelf: Send + Sync {
    /// The keys of all that is kept of a scope.
    fn keys(&self, scope: &Scope) -> Vec<String>;
    /// What is kept under a key, as JSON text.
    fn get(&self, scope: &Scope, key: &str) -> Option<String>;
    /// Keeps more of it; answers whether it is kept.
    fn keep(&self, scope: &Scope, new: &[(String, String)]) -> bool;
}

/// A thing with our owner tags, by AWS's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// Its ARN, or its id where AWS has no ARN for it.
    pub arn: String,
    /// Whose it is.
    pub key: ResourceKey,
    /// The uid in the owner tag.
    pub uid: String,
}

impl Tagged {
    /// Reads the owner tags of a thing; `None` if it is not of `stack`.
    pub fn of_stack(arn: &str, tags: &BTreeMap<String, String>, stack: &str) -> Option<Self> {
        let key = ResourceKey::parse(tags.get(RESOURCE_TAG)?).filter(|key| key.stack == stack)?;
        Some(Self { arn: arn.to_owned(), key, uid: tags.get(UID_TAG).cloned().unwrap_or_default() })
    }
}

/// What an action left behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// AWS's handle of the thing, where the action made it or learned it.
    pub id: Option<String>,
    /// Outputs that are known from the answer; they overlay those known before.
    pub outputs: Outputs,
    /// AWS request ids, for the journal.
    pub request_ids: Vec<String>,
}

/// What a look for leftovers found in a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Live things with the stack's owner tag, by whose they are and AWS's handle.
    pub things: Vec<(ResourceKey, String)>,
    /// What could not be read, and why: where this is not empty, nothing is proven.
    pub unread: Vec<String>,
}

/// Why an action did not succeed, by what the loop does next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{operation}: {code}: {message}{}", request_id.as_ref().map(|r| format!(" (AWS request {r})")).unwrap_or_default())]
pub struct ApplyError {
    /// What to do next.
    pub class: ErrorClass,
    /// The AWS operation, such as `ec2:AuthorizeSecurityGroupIngress`.
    pub operation: String,
    /// AWS's error code, or ours where AWS gave none.
    pub code: String,
    /// AWS's words.
    pub message: String,
    /// AWS's request id, if an answer came.
    pub request_id: Option<String>,
}

/// What the loop does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorClass {
    /// Back off; the budget shrinks.
    Throttled,
    /// Back off.
    Transient,
    /// The world is not as planned (in use, already exists, not found): look first.
    Conflict,
    /// The answer was lost; it may have happened: look first.
    Lost,
    /// Permission is missing. Re-checked slowly, and when inputs move.
    Denied,
    /// AWS refuses the request as it is. Re-checked when inputs or the world move.
    Rejected,
    /// A quota is full. Re-checked slowly.
    Quota,
    /// AWS takes no call that is signed like this: the clock of this machine or its credentials. It is the scope's
    /// trouble, and no single resource's.
    Unsigned,
}

impl ErrorClass {
    /// True if AWS wants patience or did not answer: what was read may soon be readable.
    pub fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient)
    }
}

/// Budgets of AWS calls. Every single call goes through one, reads and writes alike.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Waits until the call is within its budget. `service` and `operation` are AWS's names: `ec2`, `ecs`,
    /// `elasticloadbalancing`, `tagging`, `sts`; `DescribeSecurityGroups`.
    async fn acquire(&self, scope: &Scope, service: &'static str, operation: &'static str);
    /// Says how a call ended.
    fn finished(&self, scope: &Scope, service: &'static str, operation: &'static str, outcome: CallOutcome);
    /// The part of its documented rate at which AWS takes such calls now, as far as its refusals tell: 1 for all of it.
    fn granted(&self, _scope: &Scope, _service: &'static str, _operation: &'static str) -> f64 {
        1.0
    }
    /// Waits as [`acquire`](Meter::acquire) does, for a call that is made later: the next one of that operation goes
    /// at once.
    async fn turn(self: Arc<Self>, _scope: &Scope, _service: &'static str, _operation: &'static str) -> Turn {
        Turn::free()
    }
}

/// A call's place at the head of its line. If it is dropped and the call was not made, the place goes to the next one.
#[derive(Default)]
pub struct Turn(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Turn {
    /// The turn of a call that nobody paces.
    pub fn free() -> Self {
        Self(None)
    }
    /// A turn that calls `end` when it is over.
    pub fn held(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Turn(held)" } else { "Turn(free)" })
    }
}

/// How a call ended, as far as budgets care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// AWS answered, be it with an error of ours.
    Answered,
    /// AWS said to slow down.
    Throttled,
    /// No answer, or a server fault.
    Failed,
}

/// A meter that never waits and counts nothing, for tests of single kinds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

#[async_trait]
impl Meter for Unmetered {
    async fn acquire(&self, _: &Scope, _: &'static str, _: &'static str) {}
    fn finished(&self, _: &Scope, _: &'static str, _: &'static str, _: CallOutcome) {}
}

/// How to reach an account, from its document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAccess {
    /// The 12-digit account id that is expected.
    pub account_id: Option<String>,
    /// The role to assume; none means the process's own credentials.
    pub role_arn: Option<String>,
    /// The external id for the role.
    pub external_id: Option<String>,
    /// The session name; `holdfast-VERSION-ACCOUNT` if none.
    pub session_name: Option<String>,
    /// Another AWS endpoint, for emulators.
    pub endpoint_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_tags_tell_whose_a_thing_is_and_nobody_elses() {
        let tags: BTreeMap<String, String> = [(RESOURCE_TAG, "es/Cluster/main"), (UID_TAG, "uid-1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let found = Tagged::of_stack("arn:1", &tags, "es").map(|t| (t.arn, t.key.to_string(), t.uid));
        assert_eq!(found, Some(("arn:1".to_owned(), "es/Cluster/main".to_owned(), "uid-1".to_owned())));
        assert_eq!(Tagged::of_stack("arn:1", &tags, "es-small"), None);
        assert_eq!(Tagged::of_stack("arn:1", &BTreeMap::new(), "es"), None);
    }

    #[test]
    fn a_turn_is_over_once_and_when_it_is_let_go() {
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = std::sync::Arc::clone(&ended);
        let turn = Turn::held(move || _ = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        assert_eq!((format!("{turn:?}"), format!("{:?}", Turn::free())), ("Turn(held)".into(), "Turn(free)".into()));
        assert_eq!(ended.load(std::sync::atomic::Ordering::SeqCst), 0);
        drop(turn);
        assert_eq!(ended.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}
