//! The simulated AWS itself.

use crate::clock::SimClock;
use crate::faults::{Dice, Fault, Faults, Hidden};
use crate::find;
use crate::laws::Violation;
use crate::limits::{Limit, Limits};
use crate::log::{Call, Counters, Effect, Ending, Log};
use crate::lookup::{answers, is_wanted};
use crate::perform::perform;
use crate::world::{Lag, LiveThing, ScopeWorld};
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError, CallOutcome, Cloud, ErrorClass, Memo, Meter, Tagged, Turn};
use holdfast_core::kind::{AnyKind, Mint, Registry};
use holdfast_core::name::{KindName, Scope};
use holdfast_core::observe::{Gap, Observation, Reading, Snapshot, Wanted};
use holdfast_core::preflight::{Asked, Preflight};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The code of a call that is told to slow down.
pub(crate) const THROTTLED: &str = "ThrottlingException";

/// What AWS says to a call that is signed with a wrong time.
const EXPIRED: &str = "RequestExpired: the clock of this machine is 20m behind AWS's; set it right";

/// AWS answers lists in pages; one call is counted for so many things.
const PAGE: usize = 100;

/// A simulated AWS with any number of accounts and regions. Clones are the same world.
#[derive(Clone)]
pub struct SimCloud {
    registry: Arc<Registry>,
    clock: SimClock,
    meter: Option<Arc<dyn Meter>>,
    world: Arc<Mutex<World>>,
}

pub(crate) struct World {
    pub(crate) scopes: BTreeMap<Scope, ScopeWorld>,
    /// Things of others, as they must stay.
    pub(crate) bystanders: BTreeMap<(Scope, KindName, String), Arc<Observation>>,
    accounts: BTreeMap<String, String>,
    looks_in_a_row: u64,
    faults: Faults,
    limits: Limits,
    dice: Dice,
    log: Log,
}

impl World {
    pub(crate) fn scope(&mut self, scope: &Scope) -> &mut ScopeWorld {
        let account_id = self.accounts.get(&scope.account).cloned().unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
        self.scopes
            .entry(scope.clone())
            .or_insert_with(|| ScopeWorld::new(Mint { account_id, region: scope.region.clone(), next: 0 }))
    }
    /// What a sweep of a kind sees.
    fn shown(&mut self, scope: &Scope, kind: KindName, now: Timestamp) -> Vec<Arc<Observation>> {
        let lag = Lag { stale: self.faults.stale, jitter: self.faults.jitter, unseen: self.faults.unseen };
        let mut dice = self.dice.clone();
        let shown = self.scope(scope).shown(kind, now, lag, &mut dice);
        self.dice = dice;
        shown
    }
    /// How many pages that takes.
    fn pages(&mut self, scope: &Scope, kind: KindName, now: Timestamp) -> usize {
        self.shown(scope, kind, now).len().div_ceil(PAGE)
    }
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }
    pub(crate) fn push(&mut self, call: Call) {
        self.log.push(call);
    }
    /// The fault that strikes a read that is of no kind.
    pub(crate) fn strike(&mut self, scope: &Scope, operation: &str, now: Timestamp) -> Option<Fault> {
        self.faults.strike(scope, "", operation, false, now, &mut self.dice)
    }
    pub(crate) fn note(&mut self, bytes: &[u8]) {
        self.log.note(bytes);
    }
}

/// The account id of every account that was given none.
const DEFAULT_ACCOUNT: &str = "123456789012";

impl SimCloud {
    /// An empty AWS for these kinds, with nothing going wrong.
    pub fn new(registry: Arc<Registry>, clock: SimClock, seed: u64) -> Self {
        let world = World {
            scopes: BTreeMap::new(),
            bystanders: BTreeMap::new(),
            accounts: BTreeMap::new(),
            looks_in_a_row: 0,
            faults: Faults::default(),
            limits: Limits::default(),
            dice: Dice::new(seed),
            log: Log::new(),
        };
        Self { registry, clock, meter: None, world: Arc::new(Mutex::new(world)) }
    }

    /// With a meter that every call goes through, as the real AWS has.
    #[must_use]
    pub fn metered(mut self, meter: Arc<dyn Meter>) -> Self {
        self.meter = Some(meter);
        self
    }

    /// With the request limits that AWS documents, per account and region: a call that finds one of its buckets empty is
    /// refused. `table` names the buckets that an operation of a service draws on.
    pub fn limit(&self, table: impl Fn(&'static str, &'static str) -> Vec<Limit> + Send + Sync + 'static) {
        self.lock().limits.enforce(Arc::new(table));
    }

    /// The kinds that it simulates.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
    /// Its clock.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }
    /// Changes what goes wrong from now on.
    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }
    /// The 12-digit id that an account really has; `123456789012` otherwise.
    pub fn set_account_id(&self, account: &str, id: &str) {
        self.lock().accounts.insert(account.to_owned(), id.to_owned());
    }
    /// The newest calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().log.calls()
    }
    /// The calls after call `number`, oldest first.
    pub fn calls_since(&self, number: u64) -> Vec<Call> {
        self.lock().log.since(number)
    }
    /// The number of the newest call; 0 before the first.
    pub fn newest_call(&self) -> u64 {
        self.lock().log.newest()
    }
    /// How many looks, the last one included, were reminded of the one before them, back to a whole one.
    pub fn looks_in_a_row(&self) -> u64 {
        self.lock().looks_in_a_row
    }
    /// Sums over all calls ever.
    pub fn counters(&self) -> Counters {
        self.lock().log.counters()
    }
    /// A hash over everything that ever happened: same seed and same inputs, same hash.
    pub fn trace_hash(&self) -> u64 {
        self.lock().log.hash()
    }
    /// Everything that is live in a scope, oldest first.
    pub fn live(&self, scope: &Scope) -> Vec<LiveThing> {
        let now = self.clock.now();
        let mut world = self.lock();
        let things = world.scope(scope).all(now);
        things.map(|(_, kind, o)| LiveThing { kind, observation: Arc::clone(o) }).collect()
    }
    /// The live thing of that id or identity.
    pub fn find(&self, scope: &Scope, kind: &str, name: &str) -> Option<Arc<Observation>> {
        let kind = self.registry.get(kind)?.name();
        let now = self.clock.now();
        let mut world = self.lock();
        let scope = world.scope(scope);
        let serial = scope.by_id(kind, name, now).or_else(|| scope.by_identity(kind, name, now))?;
        scope.now(serial, now).cloned()
    }
    /// What has happened to things of others that only their owners may change.
    pub fn bystanders_touched(&self) -> Vec<Violation> {
        let now = self.clock.now();
        let mut world = self.lock();
        let bystanders: Vec<_> = world.bystanders.iter().map(|(k, v)| (k.clone(), Arc::clone(v))).collect();
        let mut found = Vec::new();
        for ((scope, kind, id), then) in bystanders {
            let here = world.scope(&scope);
            let now = here.by_id(kind, &id, now).and_then(|s| here.now(s, now));
            if now != Some(&then) {
                found.push(Violation::new("V2", format!("{kind} {id} in {scope} is not ours and was changed")));
            }
        }
        found
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn pause(&self) {
        let half = self.lock().faults.latency / 2;
        if !half.is_zero() {
            tokio::time::sleep(half).await;
        }
    }

    /// Waits in vain where the scope's endpoint answers nothing; true if it does not.
    pub(crate) async fn hangs(&self, scope: &Scope) -> bool {
        let patience = self.lock().faults.hangs.get(scope).copied();
        if let Some(patience) = patience {
            tokio::time::sleep(patience).await;
        }
        patience.is_some()
    }

    pub(crate) async fn acquire(&self, scope: &Scope, operation: &'static str) {
        if let Some(meter) = &self.meter {
            let (service, operation) = operation.split_once(':').unwrap_or(("sim", operation));
            meter.acquire(scope, service, operation).await;
        }
    }

    pub(crate) fn finished(&self, scope: &Scope, operation: &'static str, outcome: CallOutcome) {
        if let Some(meter) = &self.meter {
            let (service, operation) = operation.split_once(':').unwrap_or(("sim", operation));
            meter.finished(scope, service, operation, outcome);
        }
    }

    fn write(&self, scope: &Scope, kind: &dyn AnyKind, named: Named<'_>, action: &Value, token: &str) -> Answer {
        let now = self.clock.now();
        let mut guard = self.lock();
        let world = &mut *guard;
        let operation = named.operation;
        let mut call = Call {
            number: 0,
            at: now,
            scope: scope.clone(),
            kind: kind.name(),
            operation: operation.to_owned(),
            write: true,
            token: token.to_owned(),
            effects: Vec::new(),
            ending: Ending::Answered,
            calls: 1,
        };
        let full = world.limits.refuse(scope, named.limited, now).then_some(Fault::Throttle);
        let fault = full.or_else(|| world.faults.strike(scope, kind.name(), operation, true, now, &mut world.dice));
        if let Some(refused) = fault.as_ref().and_then(|f| refusal(f, operation)) {
            call.ending = Ending::Refused(refused.code.clone());
            world.log.push(call);
            return Err(refused);
        }
        if fault == Some(Fault::Panic) {
            drop(guard);
            // A faulty kind is part of the simulation: the engine must contain it.
            panic!("simulated panic in {operation}");
        }
        world.scope(scope);
        let half = matches!(fault, Some(Fault::Half(_))).then_some(&mut world.dice);
        let done = match world.scopes.get_mut(scope) {
            Some(here) => perform(here, &self.registry, kind, action, &world.faults, now, half),
            None => return Err(error(ErrorClass::Transient, operation, "NoScope", "the scope is gone")),
        };
        match done {
            Ok(done) => {
                call.effects = done.effects;
                if let Some(Fault::Half(class)) = fault {
                    call.ending = Ending::Refused("InternalError".to_owned());
                    world.log.push(call);
                    return Err(error(class, operation, "InternalError", "a part of it is done"));
                }
                let lost = fault == Some(Fault::LoseAnswer);
                call.ending = if lost { Ending::Lost } else { Ending::Answered };
                world.log.push(call);
                if lost {
                    return Err(error(ErrorClass::Lost, operation, "Timeout", "no answer came"));
                }
                Ok(Applied {
                    id: done.after.as_ref().map(|o| o.id.clone()),
                    outputs: done.after.map(|o| o.outputs).unwrap_or_default(),
                    request_ids: vec![format!("sim-{:08x}", world.log.counters().writes)],
                })
            }
            Err(refusal) => {
                call.ending = Ending::Refused(refusal.code.clone());
                world.log.push(call);
                Err(error(refusal.class, operation, &refusal.code, &refusal.message))
            }
        }
    }

    /// Reads all pages of a kind but the last; true if AWS refused one.
    async fn read_ahead(&self, scope: &Scope, kind: KindName, operation: &'static str) -> bool {
        let pages = self.lock().pages(scope, kind, self.clock.now());
        let mut refused = false;
        for _ in 1..pages {
            self.acquire(scope, operation).await;
            self.pause().await;
            let now = self.clock.now();
            refused |= self.lock().limits.refuse(scope, operation, now);
            self.pause().await;
            self.finished(scope, operation, if refused { CallOutcome::Throttled } else { CallOutcome::Answered });
        }
        refused
    }

    fn read(&self, scope: &Scope, kind: KindName, operation: &'static str, refused: bool) -> Reading {
        let now = self.clock.now();
        let mut guard = self.lock();
        let world = &mut *guard;
        let full = (refused || world.limits.refuse(scope, operation, now)).then_some(Fault::Throttle);
        let fault = full.or_else(|| world.faults.strike(scope, kind, operation, false, now, &mut world.dice));
        let all = world.shown(scope, kind, now);
        let pages = u32::try_from(all.len().div_ceil(PAGE).max(1)).unwrap_or(u32::MAX);
        let (reading, ending) = match fault {
            Some(Fault::Throttle) => (gap(operation, Vec::new(), THROTTLED), Ending::Refused(THROTTLED.to_owned())),
            Some(Fault::WrongClock) => (shut(operation, EXPIRED), Ending::Refused("RequestExpired".to_owned())),
            Some(Fault::NoEntry(words)) => (shut(operation, &words), Ending::Refused("AccessDenied".to_owned())),
            Some(Fault::Gap(Hidden::All)) => (gap(operation, Vec::new(), "InternalError"), Ending::Lost),
            Some(Fault::Gap(Hidden::PerMille(share))) => (hide(all, share, operation, &mut world.dice), Ending::Lost),
            Some(Fault::Panic) => {
                drop(guard);
                // A faulty kind is part of the simulation: the engine must contain it.
                panic!("simulated panic in {operation}");
            }
            _ => (Reading { observations: all, ..Reading::default() }, Ending::Answered),
        };
        world.log.push(Call {
            number: 0,
            at: now,
            scope: scope.clone(),
            kind,
            operation: operation.to_owned(),
            write: false,
            token: String::new(),
            effects: Vec::<Effect>::new(),
            ending,
            calls: pages,
        });
        reading
    }
}

type Answer = Result<Applied, ApplyError>;

/// What an operation is called in the log, and under which name AWS limits it.
struct Named<'a> {
    operation: &'a str,
    limited: &'static str,
}

fn refusal(fault: &Fault, operation: &str) -> Option<ApplyError> {
    match fault {
        Fault::Fail { class, code, message } => Some(error(*class, operation, code, message)),
        Fault::Throttle => Some(error(ErrorClass::Throttled, operation, THROTTLED, "Rate exceeded")),
        Fault::WrongClock => Some(error(ErrorClass::Unsigned, operation, "RequestExpired", EXPIRED)),
        Fault::NoEntry(words) => Some(error(ErrorClass::Unsigned, "sts:AssumeRole", "AccessDenied", words)),
        Fault::LoseAnswer | Fault::Half(_) | Fault::Gap(_) | Fault::Panic => None,
    }
}

/// What may be readable soon.
fn gap(operation: &str, of: Vec<String>, reason: &str) -> Reading {
    Reading { gaps: vec![Gap::new(operation, of, reason).passing()], ..Reading::default() }
}

/// What stays unreadable until somebody does something.
fn shut(operation: &str, reason: &str) -> Reading {
    Reading { gaps: vec![Gap::new(operation, Vec::new(), reason)], ..Reading::default() }
}

fn hide(all: Vec<Arc<Observation>>, share: u32, operation: &str, dice: &mut Dice) -> Reading {
    let mut of = Vec::new();
    let observations = all.into_iter().filter(|o| {
        let hidden = dice.per_mille() < share;
        if hidden {
            of.extend([o.id.clone(), o.identity.clone()]);
        }
        !hidden
    });
    let observations = observations.collect();
    if of.is_empty() {
        return Reading { observations, ..Reading::default() };
    }
    Reading { observations, ..gap(operation, of, "InternalError") }
}

fn error(class: ErrorClass, operation: &str, code: &str, message: &str) -> ApplyError {
    ApplyError {
        class,
        operation: operation.to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: None,
    }
}

#[async_trait]
impl Cloud for SimCloud {
    async fn sweep(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>) -> Snapshot {
        let taken_at = self.clock.now();
        let mut kinds = BTreeMap::new();
        if self.hangs(scope).await {
            let nothing = |kind: &KindName| (*kind, gap("sim:Read", Vec::new(), "no answer came"));
            return Snapshot { scope: scope.clone(), taken_at, kinds: wanted.keys().map(nothing).collect() };
        }
        for (name, asked) in wanted.iter().map(|(name, asked)| (*name, asked)) {
            let Some(kind) = self.registry.get(name) else { continue };
            let operation = find::read_operation(kind);
            let refused = self.read_ahead(scope, name, operation).await;
            self.acquire(scope, operation).await;
            self.pause().await;
            let mut reading = self.read(scope, name, operation, refused);
            if kind.lookup() && reading.gaps.is_empty() {
                let mint = self.lock().scope(scope).mint.clone();
                reading.observations = answers(kind, asked, &mint);
            }
            if kind.by_name() {
                reading.observations.retain(|thing| is_wanted(kind, asked, thing));
            }
            self.pause().await;
            let throttled = reading.gaps.iter().any(|g| g.reason == THROTTLED);
            let outcome = if throttled { CallOutcome::Throttled } else { CallOutcome::Answered };
            self.finished(scope, operation, outcome);
            kinds.insert(name, reading);
        }
        Snapshot { scope: scope.clone(), taken_at, kinds }
    }

    /// Reads the same as a sweep, and only tells whether it was reminded of one before it.
    async fn follow(&self, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>, memo: &mut Memo) -> Snapshot {
        let looks = memo.get::<u64>().map_or(0, |before| *before) + 1;
        memo.put(Some(Arc::new(looks)));
        self.lock().looks_in_a_row = looks;
        self.sweep(scope, wanted).await
    }

    async fn apply(&self, scope: &Scope, kind: KindName, action: &Value, token: &str) -> Answer {
        let Some(kind) = self.registry.get(kind) else {
            let message = format!("this simulation knows no kind {kind}");
            return Err(error(ErrorClass::Rejected, "sim:Apply", "UnknownKind", &message));
        };
        let operation = find::operation(kind, action);
        if self.hangs(scope).await {
            return Err(error(ErrorClass::Lost, &operation, "Timeout", "no answer came"));
        }
        let known = kind.permissions().iter().copied().find(|p| *p == operation).unwrap_or("sim:Write");
        self.acquire(scope, known).await;
        self.pause().await;
        let answer = self.write(scope, kind, Named { operation: &operation, limited: known }, action, token);
        self.pause().await;
        let throttled = answer.as_ref().is_err_and(|e| e.class == ErrorClass::Throttled);
        self.finished(scope, known, if throttled { CallOutcome::Throttled } else { CallOutcome::Answered });
        answer
    }

    async fn turn(&self, scope: &Scope, operation: &'static str) -> Turn {
        match (&self.meter, operation.split_once(':')) {
            (Some(meter), Some((service, operation))) => Arc::clone(meter).turn(scope, service, operation).await,
            _ => Turn::free(),
        }
    }

    async fn identify(&self, scope: &Scope) -> Result<String, ApplyError> {
        let (now, operation) = (self.clock.now(), "sts:GetCallerIdentity");
        if self.hangs(scope).await {
            return Err(error(ErrorClass::Transient, operation, "Timeout", "no answer came"));
        }
        let mut guard = self.lock();
        let world = &mut *guard;
        let fault = world.strike(scope, operation, now);
        if let Some(refused) = fault.as_ref().and_then(|f| refusal(f, operation)) {
            return Err(refused);
        }
        let known = world.accounts.get(&scope.account).cloned();
        Ok(known.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned()))
    }

    async fn preflight(&self, scope: &Scope, asked: &Asked) -> Preflight {
        self.tell(scope, asked).await
    }

    async fn tagged(&self, scope: &Scope, stack: &str) -> Result<Vec<Tagged>, ApplyError> {
        let (now, operation) = (self.clock.now(), "tag:GetResources");
        if self.hangs(scope).await {
            return Err(error(ErrorClass::Transient, operation, "Timeout", "no answer came"));
        }
        self.acquire(scope, operation).await;
        let things = {
            let mut guard = self.lock();
            let world = &mut *guard;
            let fault = world.strike(scope, operation, now);
            match fault.as_ref().and_then(|f| refusal(f, operation)) {
                Some(refused) => Err(refused),
                None => Ok(()),
            }
        };
        self.finished(scope, operation, CallOutcome::Answered);
        things?;
        let all = self.live(scope);
        Ok(all.iter().filter_map(|t| Tagged::of_stack(&t.observation.id, &t.observation.tags, stack)).collect())
    }
}
