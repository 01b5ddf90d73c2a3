//! One step: journal, act, journal.

use crate::book::{DesiredList, find};
use crate::core::Core;
use crate::options::Boundary;
use crate::token::token;
use futures::FutureExt;
use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::kept::Kept;
use holdfast_core::kind::{AnyKind, Registry};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::outputs::Outputs;
use holdfast_core::panic::said;
use holdfast_core::plan::{Desired, Failure, Fate, Memory, RETIRE, Step, Verb};
use holdfast_store::{Intent, IntentOutcome, IntentResult, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// Whether a step is the last one of its resource in the plan, with all others done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// More of the same resource are to come, or one of them did not succeed.
    Inner,
    /// With it, all that the plan wants of the resource is done; the spec is then as written.
    Last(Option<Kept>),
}

/// A step with all that it takes to do it.
pub(crate) struct Act<'a> {
    pub(crate) core: &'a Core,
    pub(crate) scope: &'a Scope,
    pub(crate) step: &'a Step,
    /// The action with its references filled in.
    pub(crate) action: Value,
    pub(crate) basis: Basis<'a>,
    /// It is part of making another one in the place of a live thing.
    pub(crate) replaces: bool,
    /// The identity of what it creates or takes over, if that is known.
    pub(crate) identity: Option<String>,
    /// What is remembered of the resource before the step.
    pub(crate) memory: Memory,
    /// Fingerprint of the differences that the resource's steps are to heal; empty if there are none.
    pub(crate) print: &'a str,
    pub(crate) place: Place,
}

/// What a step stands on: it is asked again at the last moment, since a plan must not be carried out once it is overtaken
/// by time, a new declaration, a pause, a removal, or because what it serves has not been approved.
pub(crate) struct Basis<'a> {
    pub(crate) core: &'a Core,
    pub(crate) scope: &'a Scope,
    /// When the world was seen that the plan stands on.
    pub(crate) seen_at: Timestamp,
    /// The generation that the step serves.
    pub(crate) generation: u64,
    /// What the plan was made from.
    pub(crate) desired: Arc<Desired>,
    /// The declared list that it was part of.
    pub(crate) list: DesiredList,
}

impl Basis<'_> {
    /// Why the step must not be done now, though the plan says so.
    pub(crate) fn overtaken(&self) -> Option<String> {
        let now = self.core.clock.now();
        let age = Duration::try_from(now.duration_since(self.seen_at)).unwrap_or_default();
        if age > self.core.settings.stale_after {
            let seconds = age.as_secs();
            return Some(format!("the world was seen {seconds} s ago and may have moved; the next pass looks again"));
        }
        let list = match crate::core::blocking(|| self.core.store.desired(self.scope, now)) {
            Ok(list) => list,
            Err(error) => return Some(format!("the store failed: {error}")),
        };
        if Arc::ptr_eq(&list, &self.list) {
            return None;
        }
        let planned = &self.desired;
        let same = find(&list, &planned.key).is_some_and(|current| {
            let (a, b) = (planned, current);
            let as_planned = a.uid == b.uid && a.generation == b.generation && a.fate == b.fate && a.hold == b.hold;
            as_planned && b.carried_out().is_some_and(|(generation, _)| generation == self.generation)
        });
        (!same).then(|| "its declaration has moved since the plan was made".to_owned())
    }
}

/// What became of a step that was begun.
pub(crate) enum Done {
    /// It was not done, and nothing of it was journalled: the plan was overtaken meanwhile, and how.
    Overtaken(String),
    /// It was done, or tried.
    Ended(Box<Ended>),
}

/// How a step ended.
pub(crate) struct Ended {
    /// What is remembered of the resource afterwards; it is in the store already.
    pub(crate) memory: Memory,
    /// How AWS took it.
    pub(crate) result: Result<Applied, ApplyError>,
}

impl Act<'_> {
    /// Does it. An error is the store's, and then nothing more may be written in AWS.
    pub(crate) async fn run(mut self) -> Result<Done, StoreError> {
        self.reached(Boundary::BeforeIntent).await;
        if let Some(why) = self.basis.overtaken() {
            return Ok(Done::Overtaken(why));
        }
        let intent = self.intent();
        let id = crate::core::blocking(|| self.core.store.intend(&intent))?;
        self.reached(Boundary::AfterIntent).await;
        let result = self.act(&intent).await;
        self.reached(Boundary::AfterAct).await;
        let now = self.core.clock.now();
        match &result {
            Ok(applied) => self.applied(applied, now),
            // It is no failure of the resource: it is tried again as soon as AWS takes calls again.
            Err(error) if error.class == ErrorClass::Unsigned => {}
            Err(error) => self.failed(error, now),
        }
        let outcome = IntentOutcome {
            at: now,
            result: match &result {
                Ok(applied) => IntentResult::Applied(applied.clone()),
                Err(error) => IntentResult::Failed(error.clone()),
            },
        };
        let known = (&self.step.key, &self.memory);
        crate::core::blocking(|| self.core.store.outcome(id, &outcome, Some(known)))?;
        self.reached(Boundary::AfterOutcome).await;
        Ok(Done::Ended(Box::new(Ended { memory: self.memory, result })))
    }

    async fn reached(&self, boundary: Boundary) {
        self.core.boundaries.reached(self.scope, boundary).await;
    }

    fn intent(&self) -> Intent {
        let (step, now) = (self.step, self.core.clock.now());
        Intent {
            at: now,
            scope: self.scope.clone(),
            key: step.key.clone(),
            uid: self.basis.desired.uid.clone(),
            generation: step.generation,
            verb: step.verb,
            action: self.action.clone(),
            text: step.text.clone(),
            because: step.because.clone(),
            target: step.target.clone(),
            token: token(&self.core.process, self.core.number(), &step.key.to_string(), now),
            implicit_delete: step.verb == Verb::Delete && self.basis.desired.fate == Fate::DeleteByPolicy,
            replacement: step.verb == Verb::Create && self.replaces,
            identity: self.identity.clone(),
        }
    }

    async fn act(&self, intent: &Intent) -> Result<Applied, ApplyError> {
        let Some(kind) = self.core.registry.get(&self.step.key.kind).map(AnyKind::name) else {
            return Err(ours(ErrorClass::Rejected, "UnknownKind", "this build knows no such kind"));
        };
        let call = self.core.cloud.apply(self.scope, kind, &self.action, &intent.token);
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(result) => result,
            // It may have happened before the panic: look first.
            Err(panic) => Err(ours(ErrorClass::Lost, "Panic", &said(panic.as_ref()))),
        }
    }

    fn applied(&mut self, applied: &Applied, now: Timestamp) {
        let stem = self.core.registry.stem(&self.step.key.kind);
        let memory = &mut self.memory;
        memory.failure = None;
        if self.replaces && self.step.verb == Verb::Create {
            // References must wait for what the new one has not said yet.
            memory.outputs = Outputs::default();
        }
        // What AWS tells of a thing that another has taken the place of is not of the one that is remembered.
        if !self.print.starts_with(RETIRE) {
            if applied.id.is_some() {
                memory.id.clone_from(&applied.id);
            }
            memory.outputs.extend(applied.outputs.clone());
            memory.outputs.fold();
        }
        if deletes(self.step.verb, self.step.target.as_ref(), memory) {
            memory.unmade();
        }
        if self.step.verb == Verb::Create {
            memory.made(now, self.identity.as_ref());
            // The same handle again, where a name is the handle.
            let made = memory.id.clone();
            memory.keeps(made.as_deref(), stem);
            // A new thing has other undeclared fields than the one before it.
            memory.baseline_generation = 0;
        }
        if self.step.verb == Verb::Adopt {
            memory.may_be_hidden(now, self.identity.as_ref());
        }
        if let (Place::Last(_), Some(retired)) = (&self.place, self.print.strip_prefix(RETIRE)) {
            memory.keeps(Some(retired), stem);
        }
        if let Place::Last(written) = &self.place {
            if let Some(written) = written {
                let before = memory.last_written.replace(written.clone());
                if memory.baseline.is_some() && memory.settled_as.is_none() {
                    memory.settled_as = before.filter(|before| before != written);
                }
            }
            let again = memory.fingerprint.as_deref() == Some(self.print);
            memory.futile = if again { memory.futile + 1 } else { 1 };
            memory.fingerprint = Some(self.print.to_owned()).filter(|p| !p.is_empty());
        }
    }

    fn failed(&mut self, error: &ApplyError, now: Timestamp) {
        let before = self.memory.failure.as_ref().filter(|f| f.fingerprint == self.print);
        let times = before.map_or(0, |f| f.times).saturating_add(1);
        let delay = self.core.settings.retry.delay(error.class, &self.step.key.to_string(), times);
        let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        self.memory.failure = Some(Box::new(Failure {
            error: error.clone(),
            step: self.step.text.clone(),
            times,
            retry_at: now.saturating_add(delay).unwrap_or(now),
            fingerprint: self.print.to_owned(),
        }));
        if error.class == ErrorClass::Lost && deletes(self.step.verb, self.step.target.as_ref(), &self.memory) {
            self.memory.unmade();
        }
        // It may have happened: under another name, nothing is made before AWS has had the time to show what was taken over.
        if self.step.verb == Verb::Adopt && error.class == ErrorClass::Lost {
            self.memory.may_be_hidden(now, self.identity.as_ref());
        }
        // It may have happened: give AWS the time to show it before it is made once more.
        if self.step.verb == Verb::Create && error.class == ErrorClass::Lost {
            self.memory.made(now, self.identity.as_ref());
            self.memory.id = presumed(&self.core.registry, &self.step.key.kind, &self.action).or(self.memory.id.take());
        }
    }
}

/// True if an action is to delete what is remembered as live: after that it is not waited for to be shown.
pub(crate) fn deletes(verb: Verb, target: Option<&String>, memory: &Memory) -> bool {
    verb == Verb::Delete && target.is_some() && target == memory.id.as_ref()
}

/// The handle of what a create makes, where AWS takes no tags to know it by and the create alone tells it.
pub(crate) fn presumed(registry: &Registry, kind: &str, action: &Value) -> Option<String> {
    registry.get(kind).filter(|kind| !kind.tagged()).and_then(|kind| kind.acts_on(action))
}

fn ours(class: ErrorClass, code: &str, message: &str) -> ApplyError {
    ApplyError {
        class,
        operation: "holdfast".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: None,
    }
}

/// The line of the log for a step that ended; none for a failure that is no news.
pub(crate) fn told(
    step: &Step,
    result: &Result<Applied, ApplyError>,
    before: Option<&Failure>,
    now: Timestamp,
) -> Option<holdfast_store::Event> {
    use holdfast_store::{Event, EventType};
    let (reason, message) = match result {
        Ok(_) => (done(step.verb), format!("{} because {}", step.text, step.because)),
        // The scope says it once, and not each of its resources.
        Err(error) if error.class == ErrorClass::Unsigned => return None,
        Err(error) => {
            let known = before.is_some_and(|f| f.step == step.text && alike(&f.error, error));
            if known {
                return None;
            }
            ("ActionFailed", format!("\"{}\" failed: {error}", step.text))
        }
    };
    let data = serde_json::json!({ "verb": step.verb, "heals": step.heals, "target": step.target });
    Some(Event::new(now, EventType::Acted, reason, message).of(&step.key).at_generation(step.generation).with(data))
}

/// The same but for the request id.
fn alike(a: &ApplyError, b: &ApplyError) -> bool {
    (a.class, &a.operation, &a.code, &a.message) == (b.class, &b.operation, &b.code, &b.message)
}

fn done(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "Created",
        Verb::Update => "Updated",
        Verb::Delete => "Deleted",
        Verb::Adopt => "Adopted",
    }
}

/// Names a resource in a sentence.
pub(crate) fn short(key: &ResourceKey) -> String {
    format!("{}/{}", key.kind, key.name)
}
