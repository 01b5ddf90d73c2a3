//! The call log: what was asked of the simulated AWS, and what came of it.

use holdfast_core::name::{KindName, Scope};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;

/// One call, or one batch of calls that read a kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Its number, from 1; never reused.
    pub number: u64,
    /// When it reached AWS.
    pub at: Timestamp,
    /// Where.
    pub scope: Scope,
    /// Of which kind.
    pub kind: KindName,
    /// The AWS operation as far as it can be told from the kind's permissions, such as `ecs:CreateCluster`.
    pub operation: String,
    /// True for a write.
    pub write: bool,
    /// The intent's token, for a write.
    pub token: String,
    /// The things that it changed.
    pub effects: Vec<Effect>,
    /// How it ended.
    pub ending: Ending,
    /// AWS API calls that it stands for.
    pub calls: u32,
}

/// A change of one live thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Effect {
    /// It was made.
    Created {
        /// Its handle.
        id: String,
        /// The uid in its owner tag.
        owner: Option<String>,
    },
    /// It was changed.
    Updated {
        /// Its handle.
        id: String,
        /// The uid in its owner tag before.
        owner: Option<String>,
    },
    /// It is gone or going.
    Deleted {
        /// Its handle.
        id: String,
        /// The uid in its owner tag before.
        owner: Option<String>,
    },
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, id, owner) = match self {
            Self::Created { id, owner } => ('+', id, owner),
            Self::Updated { id, owner } => ('~', id, owner),
            Self::Deleted { id, owner } => ('-', id, owner),
        };
        write!(f, "{sign}{id} of {}", owner.as_deref().unwrap_or("nobody"))
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Ending {
    /// The caller got an answer.
    Answered,
    /// It had its effect; the answer was lost.
    Lost,
    /// Refused with this code, and no effect.
    Refused(String),
}

/// Sums over the log; they go on when old calls are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// API calls that read.
    pub reads: u64,
    /// API calls that write, refused ones included.
    pub writes: u64,
    /// Calls that were told to slow down.
    pub throttled: u64,
}

/// The newest calls, all sums, and a hash over everything that ever happened.
#[derive(Debug)]
pub(crate) struct Log {
    calls: VecDeque<Call>,
    counters: Counters,
    hash: u64,
    next: u64,
}

/// So many calls are kept; a simulation that runs for days must not grow.
const KEPT: usize = 200_000;

impl Log {
    pub(crate) fn new() -> Self {
        Self { calls: VecDeque::new(), counters: Counters::default(), hash: 0xcbf2_9ce4_8422_2325, next: 1 }
    }

    pub(crate) fn push(&mut self, mut call: Call) {
        call.number = self.next;
        self.next += 1;
        let counter = if call.write { &mut self.counters.writes } else { &mut self.counters.reads };
        *counter += u64::from(call.calls);
        if matches!(&call.ending, Ending::Refused(code) if code == crate::cloud::THROTTLED) {
            self.counters.throttled += u64::from(call.calls);
        }
        self.note(&serde_json::to_vec(&call).unwrap_or_default());
        if self.calls.len() == KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// Adds bytes to the trace (FNV-1a, which is the same on every machine and in every version).
    pub(crate) fn note(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }
    /// Those after call `number`, if they are still kept.
    pub(crate) fn since(&self, number: u64) -> Vec<Call> {
        let from = self.calls.partition_point(|call| call.number <= number);
        self.calls.range(from..).cloned().collect()
    }
    pub(crate) fn newest(&self) -> u64 {
        self.next - 1
    }
    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}
