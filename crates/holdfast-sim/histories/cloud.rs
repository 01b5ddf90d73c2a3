//! The simulated AWS as one process reaches it, with an onlooker at the door: who sent which write, when, and what the
//! world was like before it.

use crate::boundary::{Gate, Late, Place};
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError, Cloud, ErrorClass, Memo, Meter, Tagged};
use holdfast_core::name::{KindName, Scope};
use holdfast_core::observe::{Snapshot, Wanted};
use holdfast_core::preflight::{Asked, Preflight};
use holdfast_sim::laws::{self, Gone, Violation};
use holdfast_sim::{LiveThing, SimCloud};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A write as the onlooker saw it leave.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) token: String,
    pub(crate) process: String,
    pub(crate) writer: String,
    pub(crate) declared: Arc<BTreeMap<String, u64>>,
    pub(crate) paused: bool,
    /// The number of its call in AWS's log; 0 if it never came there.
    pub(crate) call: u64,
}

/// What the onlooker knows.
#[derive(Debug, Default)]
pub(crate) struct Onlooker {
    /// The process that may write.
    pub(crate) writer: String,
    /// The generation that is declared, by key.
    pub(crate) declared: Arc<BTreeMap<String, u64>>,
    /// The uids of all that was ever declared.
    pub(crate) ours: BTreeSet<String>,
    /// The uids of what is to stay.
    pub(crate) staying: BTreeSet<String>,
    /// True while the stack is paused.
    pub(crate) paused: bool,
    /// True while nobody else works in the scope: then order can be judged.
    pub(crate) alone: bool,
    /// What was declared when each intent was journalled that has not been sent yet, in their order.
    pub(crate) journalled: VecDeque<Arc<BTreeMap<String, u64>>>,
    pub(crate) seen: Vec<Seen>,
    /// The actions whose answers were lost, by kind.
    pub(crate) lost: BTreeSet<(KindName, String)>,
    pub(crate) broken: Vec<Violation>,
}

/// A handle on the onlooker.
pub(crate) type Watching = Arc<Mutex<Onlooker>>;

/// Locks it, whatever panicked before.
pub(crate) fn look(at: &Watching) -> MutexGuard<'_, Onlooker> {
    at.lock().unwrap_or_else(PoisonError::into_inner)
}

/// AWS for one process.
pub(crate) struct Watched {
    pub(crate) sim: SimCloud,
    pub(crate) process: String,
    pub(crate) onlooker: Watching,
    pub(crate) gate: Arc<Gate>,
}

impl Watched {
    pub(crate) fn new(
        sim: &SimCloud,
        meter: Arc<dyn Meter>,
        process: &str,
        onlooker: &Watching,
        gate: &Arc<Gate>,
    ) -> Self {
        let (process, onlooker, gate) = (process.to_owned(), Arc::clone(onlooker), Arc::clone(gate));
        Self { sim: sim.clone().metered(meter), process, onlooker, gate }
    }

    /// What was sent, before it is known what became of it.
    fn sent(&self, token: &str) {
        let mut onlooker = look(&self.onlooker);
        let seen = Seen {
            token: token.to_owned(),
            process: self.process.clone(),
            writer: onlooker.writer.clone(),
            declared: onlooker.journalled.pop_front().unwrap_or_else(|| Arc::clone(&onlooker.declared)),
            paused: onlooker.paused,
            call: 0,
        };
        onlooker.seen.push(seen);
    }

    /// The answer, unless this is the one that is lost.
    fn unless_lost(
        &self,
        kind: KindName,
        action: &Value,
        answer: Result<Applied, ApplyError>,
    ) -> Result<Applied, ApplyError> {
        if !self.gate.loses() || answer.is_err() {
            return answer;
        }
        let name = holdfast_sim::action_name(action);
        look(&self.onlooker).lost.insert((kind, name.clone()));
        Err(ApplyError {
            class: ErrorClass::Lost,
            operation: format!("{kind}:{name}"),
            code: "Timeout".to_owned(),
            message: "no answer came".to_owned(),
            request_id: None,
        })
    }

    fn done(&self, token: &str, before: &[LiveThing], last: u64) {
        let calls = self.sim.calls_since(last);
        let mut onlooker = look(&self.onlooker);
        let Some(call) = calls.iter().find(|c| c.write && c.token == token) else { return };
        if let Some(seen) = onlooker.seen.iter_mut().rev().find(|s| s.token == token) {
            seen.call = call.number;
        }
        let gone = Gone::of(call);
        if !gone.is_empty() && onlooker.alone {
            let mut broken = laws::deleted_in_order(&gone, before, &onlooker.ours);
            broken.extend(laws::replaced_before_gone(&gone, before, &onlooker.staying));
            onlooker.broken.extend(broken);
        }
    }
}

#[async_trait]
impl Cloud for Watched {
    async fn sweep(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>) -> Snapshot {
        self.sim.sweep(scope, wanted).await
    }

    async fn follow(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>, memo: &mut Memo) -> Snapshot {
        self.sim.follow(scope, wanted, memo).await
    }

    async fn apply(&self, scope: &Scope, kind: KindName, action: &Value, token: &str) -> Result<Applied, ApplyError> {
        self.sent(token);
        let late = || Late { scope: scope.clone(), kind, action: action.clone(), token: token.to_owned() };
        self.gate.cross(Place::Sent, Some(late())).await;
        let (before, last) = (self.sim.live(scope), self.sim.newest_call());
        let answer = self.sim.apply(scope, kind, action, token).await;
        self.done(token, &before, last);
        let answer = self.unless_lost(kind, action, answer);
        self.gate.cross(Place::Applied, None).await;
        answer
    }

    async fn identify(&self, scope: &Scope) -> Result<String, ApplyError> {
        self.sim.identify(scope).await
    }

    async fn preflight(&self, scope: &Scope, asked: &Asked) -> Preflight {
        self.sim.preflight(scope, asked).await
    }

    async fn tagged(&self, scope: &Scope, stack: &str) -> Result<Vec<Tagged>, ApplyError> {
        self.sim.tagged(scope, stack).await
    }
}
