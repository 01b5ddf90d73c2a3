//! One pass over one scope: look, decide, record, act, record.

use crate::approve::{self, Known};
use crate::book::{Book, Elsewhere};
use crate::core::{Core, ScopeState, blocking};
use crate::error::PassError;
use crate::execute::{Executed, Run, too_fresh};
use crate::hold;
use crate::judge;
use crate::lines::is_exposed;
use crate::options::Boundary;
use crate::recover;
use crate::seat::Seat;
use crate::seen::{FRESH, LastLook, Look, Resting, Seen};
use crate::trouble;
use futures::FutureExt;
use holdfast_core::cloud::Memo;
use holdfast_core::kind::Registry;
use holdfast_core::name::{KindName, ResourceKey, Scope};
use holdfast_core::observe::{Gap, Reading, Snapshot, Wanted};
use holdfast_core::panic::said;
use holdfast_core::plan::{Approvals, Decision, Desired, Input, Memory, Plan, plan_with};
use holdfast_core::status::Conditions;
use holdfast_core::why::Sight;
use holdfast_store::{Changed, Event, EventType, Gone, PassRecord, ScopeStatus, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PassReport {
    /// Resources declared in the scope.
    pub resources: usize,
    /// How many of them got each decision.
    pub decisions: Vec<(Decision, usize)>,
    /// Steps of the plan.
    pub planned: usize,
    /// Steps that AWS did.
    pub succeeded: usize,
    /// Steps that AWS did not do.
    pub failed: usize,
    /// Steps that were not begun, by resource, with why.
    pub cancelled: Vec<(ResourceKey, String)>,
    /// Resources whose status or memory moved.
    pub changed: usize,
    /// How soon the next pass should look; none if the next periodic sweep will do.
    pub next: Option<Duration>,
    /// Resources whose outputs may have moved, so that whoever refers to them has to look.
    pub outputs_moved: BTreeSet<ResourceKey>,
    /// True if nothing at all could be seen.
    pub blind: bool,
    /// True if something drifts that may let somebody in who should not.
    pub exposed: bool,
    /// True if all of the scope was looked at, and not only what had not come to rest since the pass before.
    pub whole: bool,
}

impl PassReport {
    fn count(&mut self, decision: Decision) {
        match self.decisions.iter_mut().find(|(d, _)| *d == decision) {
            Some((_, count)) => *count += 1,
            None => self.decisions.push((decision, 1)),
        }
    }

    /// How many resources got this decision.
    pub fn decided(&self, decision: Decision) -> usize {
        self.decisions.iter().find(|(d, _)| *d == decision).map_or(0, |(_, count)| *count)
    }
}

/// What a pass saw.
struct Swept {
    snapshot: Snapshot,
    /// What a look that follows need not read again.
    memo: Memo,
    /// When the reading ended.
    at: Timestamp,
    /// How long it took.
    took: Duration,
    /// The last whole look, as the scope's status tells it.
    status: ScopeStatus,
    /// When what was read before this pass was read, and what of it was at rest.
    before: Option<(Timestamp, Resting)>,
}

impl Swept {
    /// When what a resource is about was seen.
    fn seen_at(&self, key: &ResourceKey) -> Timestamp {
        self.before.as_ref().filter(|(_, resting)| resting.has(key)).map_or(self.at, |(at, _)| *at)
    }

    /// Leaves what a look that follows may go by; none does where all is at rest.
    fn keep(&mut self, resting: &Resting, plan: &Plan) {
        if plan.steps.is_empty() && resting.is_all(&self.snapshot) {
            self.memo = Memo::default();
        }
        resting.keep(&mut self.snapshot);
    }

    /// When the oldest of it was seen.
    fn oldest(&self) -> Timestamp {
        self.before.as_ref().map_or(self.at, |(at, _)| *at)
    }
}

/// Runs one pass, alone in its scope, in a seat that it leaves when it only waits for AWS. Whatever goes wrong stays in
/// the scope.
pub(crate) async fn pass(core: &Core, scope: &Scope, seat: &Seat, much: Look) -> Result<PassReport, PassError> {
    let state = core.scope(scope);
    let mut book = state.book.lock().await;
    state.running.store(true, Ordering::Relaxed);
    let run = AssertUnwindSafe(run(core, scope, &state, &mut book, seat, much)).catch_unwind().await;
    let result = run.unwrap_or_else(|panic| Err(PassError::Panicked(said(panic.as_ref()))));
    if let Err(error) = &result {
        tell_error(core, scope, &mut book, error);
    }
    if !went_through(&result) {
        // A single call tells whether a scope in trouble answers again; until it does, no other is made there.
        book.verified = None;
    }
    state.running.store(false, Ordering::Relaxed);
    result
}

async fn run(
    core: &Core,
    scope: &Scope,
    state: &ScopeState,
    book: &mut Book,
    seat: &Seat,
    much: Look,
) -> Result<PassReport, PassError> {
    let now = core.clock.now();
    let (seen, was_clean) = (book.seen.take().filter(|_| much == Look::Following), book.clean);
    blocking(|| book.refresh(&core.store, scope, now))?;
    state.refers_to(&book.abroad);
    let open = if book.clean { Vec::new() } else { blocking(|| core.store.open_intents(scope))? };
    book.clean = false;
    if book.list.is_empty() && open.is_empty() {
        book.clean = true;
        return Ok(PassReport::default());
    }
    let asked = state.take_forgiven();
    hint(core, scope, book, &asked);
    let forgiven = forgive(book, &asked);
    let unverified = tokio::select! {
        unverified = unverified(core, scope, book) => unverified?,
        () = core.stop.cancelled() => return Ok(PassReport::default()),
    };
    let elsewhere = elsewhere(core, scope, &book.abroad)?;
    let undisturbed = was_clean && asked.is_empty() && unverified.is_none() && book.abroad.is_empty();
    let seen = seen.filter(|seen| undisturbed && seen.holds(&book.list, now));
    // Reads may be dropped at any point.
    let mut swept = tokio::select! {
        swept = sweep(core, scope, book, &elsewhere, unverified.as_ref(), seen) => swept,
        () = core.stop.cancelled() => return Ok(PassReport::default()),
    };
    core.boundaries.reached(scope, Boundary::Swept).await;
    blocking(|| recover::look(core, &open, &swept.snapshot, book, swept.at))?;
    let known = approve::known(core, scope, &book.list, now)?;
    let mut plan = decide(core, scope, book, &elsewhere, &swept, &known)?;
    approve::settle(core, scope, book, &plan, &known)?;
    let resting = Resting::of(&core.registry, &swept.snapshot, &plan, &book.memories);
    let mut report = record(core, book, &mut plan, &swept, &forgiven)?;
    core.boundaries.reached(scope, Boundary::Recorded).await;
    seat.leave();
    // All that was seen has been judged, and steps may take long: what is not at rest is read again after them.
    swept.keep(&resting, &plan);
    let executed = execute(core, scope, book, &plan, &elsewhere, swept.oldest()).await;
    core.boundaries.reached(scope, Boundary::BeforeEnd).await;
    finish(core, book, &swept, &mut report, executed)?;
    report.next = next(core, book, &plan, &report, &swept);
    // What would be too old by then is not kept.
    let soon = report.next.filter(|wait| *wait < FRESH.unsigned_abs());
    book.seen = soon.map(|_| Seen::of((swept.snapshot, swept.memo), resting, &swept.status, &book.list));
    book.clean = true;
    core.boundaries.reached(scope, Boundary::AfterEnd).await;
    match unverified {
        Some(wrong) if wrong.is_elsewhere() => Err(wrong),
        _ => Ok(report),
    }
}

/// Why nothing of the account may be looked at, though the pass goes on to say so.
async fn unverified(core: &Core, scope: &Scope, book: &mut Book) -> Result<Option<PassError>, PassError> {
    match verify(core, scope, book).await {
        Err(error) if error.is_elsewhere() || matches!(error, PassError::Identify(_)) => Ok(Some(error)),
        verified => verified.map(|()| None),
    }
}

/// What a person asks for is looked at whole, also where that takes a call for each thing.
fn hint(core: &Core, scope: &Scope, book: &Book, stacks: &BTreeSet<String>) {
    if !stacks.is_empty() {
        let theirs = book.memories.iter().filter(|(key, _)| stacks.contains(&key.stack));
        let ids: Vec<&str> = theirs.filter_map(|(_, memory)| memory.id.as_deref()).collect();
        core.cloud.hint(scope, &ids);
    }
}

/// Forgets the failures of these stacks; answers whose.
fn forgive(book: &mut Book, stacks: &BTreeSet<String>) -> BTreeSet<ResourceKey> {
    let mut forgiven = BTreeSet::new();
    if stacks.is_empty() {
        return forgiven;
    }
    for (key, memory) in book.memories.iter_mut().filter(|(key, _)| stacks.contains(&key.stack)) {
        if memory.failure.is_some() || memory.futile > 0 || memory.contest.is_some() {
            (memory.failure, memory.futile, memory.contest) = (None, 0, None);
            forgiven.insert(key.clone());
        }
    }
    forgiven
}

/// True if something of the scope was seen, and nothing that concerns all of it went wrong.
pub(crate) fn went_through(pass: &Result<PassReport, PassError>) -> bool {
    pass.as_ref().is_ok_and(|report| !report.blind)
}

/// Makes sure that the credentials belong to the account that the document names, or else to the one they have always
/// belonged to: before anything else, again when the way into the account changes, and after whatever went wrong with the
/// scope as a whole.
pub(crate) async fn verify(core: &Core, scope: &Scope, book: &mut Book) -> Result<(), PassError> {
    let document = blocking(|| core.store.account(&scope.account))?.map(|a| a.spec);
    if book.verified.as_ref() == Some(&document) {
        return Ok(());
    }
    if book.account_id.is_none() {
        book.account_id = blocking(|| known_account(core, scope))?;
    }
    let found = core.cloud.identify(scope).await.map_err(PassError::Identify)?;
    let account = scope.account.clone();
    match document.as_ref().map(|d| &d.account_id).filter(|id| !id.is_empty()) {
        Some(declared) if *declared != found => {
            return Err(PassError::WrongAccount { account, expected: declared.clone(), found });
        }
        Some(_) => {}
        None => {
            if let Some(before) = book.account_id.clone().filter(|before| *before != found) {
                return Err(PassError::OtherAccount { account, before, found });
            }
        }
    }
    (book.verified, book.account_id) = (Some(document), Some(found));
    Ok(())
}

/// The id of the account that was found in this scope when it was last asked for, else in another one of the same account.
fn known_account(core: &Core, scope: &Scope) -> Result<Option<String>, StoreError> {
    let mut all = core.store.scope_statuses()?;
    all.retain(|status| status.scope.account == scope.account);
    all.sort_by_key(|status| status.scope != *scope);
    Ok(all.into_iter().find_map(|status| status.account_id))
}

/// The outputs of other scopes that this one refers to.
pub(crate) fn elsewhere(core: &Core, scope: &Scope, abroad: &BTreeSet<ResourceKey>) -> Result<Elsewhere, StoreError> {
    if abroad.is_empty() { Ok(Elsewhere::new()) } else { blocking(|| core.store.outputs_elsewhere(scope, abroad)) }
}

/// Looks at all that is wanted and was not seen a moment ago; at nothing where it is not certain whose account it is.
async fn sweep(
    core: &Core,
    scope: &Scope,
    book: &mut Book,
    elsewhere: &Elsewhere,
    unverified: Option<&PassError>,
    mut seen: Option<Seen>,
) -> Swept {
    let mut wanted = book.wanted(&core.registry, elsewhere);
    if let Some(seen) = &seen {
        wanted = Arc::new(seen.unread(&wanted));
    }
    let memo = seen.as_mut().map(|seen| std::mem::take(&mut seen.memo));
    // Whose a thing is that may be deleted is not told by what the look before has read.
    let mut memo = memo.filter(|_| !book.deletes()).unwrap_or_default();
    let (before, drawn, started) = (core.budgets.counts(scope), core.budgets.drawn(scope), Instant::now());
    let mut snapshot = match unverified {
        Some(error) => trouble::unread(scope, &wanted, error, core.clock.now()),
        None => look(core, scope, &wanted, &mut memo).await,
    };
    drop(wanted);
    book.close_wanted();
    let (after, at, took) = (core.budgets.counts(scope), core.clock.now(), started.elapsed());
    let tally = core.scope(scope);
    tally.sweeps.fetch_add(1, Ordering::Relaxed);
    tally.sweep_ms.fetch_add(millis(took), Ordering::Relaxed);
    let (whole, before) = match seen {
        None => {
            tally.last_look.was(&drawn, core.budgets.drawn(scope));
            let (api_calls, throttles) = (after.calls - before.calls, after.throttles - before.throttles);
            let (swept_at, duration_ms, empty) = (Some(at), millis(took), ScopeStatus::of(scope.clone()));
            (ScopeStatus { swept_at, duration_ms, api_calls, throttles, ..empty }, None)
        }
        Some(seen) => {
            let (whole, seen_at) = (seen.status.clone(), seen.status.swept_at.unwrap_or(seen.taken_at));
            (whole, Some((seen_at, seen.complete(&mut snapshot))))
        }
    };
    let gaps = snapshot.kinds.iter().map(|(kind, r)| ((*kind).to_owned(), [&*r.gaps, &*r.parts].concat()));
    let status = ScopeStatus {
        account_id: book.account_id.clone(),
        leader: Some(core.process.clone()),
        error: unverified.map(ToString::to_string).or_else(|| trouble::of(&snapshot)),
        gaps: gaps.filter(|(_, gaps)| !gaps.is_empty()).collect(),
        held: None,
        ..whole
    };
    Swept { snapshot, memo, at, took, status, before }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// Sweeps; where the code of a kind panics over it, each kind by itself, so that only that one is not seen.
pub(crate) async fn look(core: &Core, scope: &Scope, wanted: &BTreeMap<KindName, Wanted>, memo: &mut Memo) -> Snapshot {
    let taken_at = core.clock.now();
    if let Ok(whole) = AssertUnwindSafe(core.cloud.follow(scope, wanted, memo)).catch_unwind().await {
        return whole;
    }
    let mut kinds = BTreeMap::new();
    for (kind, one) in wanted {
        let alone = BTreeMap::from([(*kind, one.clone())]);
        match AssertUnwindSafe(core.cloud.follow(scope, &alone, memo)).catch_unwind().await {
            Ok(snapshot) => kinds.extend(snapshot.kinds),
            Err(panic) => {
                let text = said(panic.as_ref());
                tracing::error!(%scope, kind, text, "the code of a kind panicked over its sweep");
                let reason = format!("the code of {kind} panicked: {text}; please report it");
                let gap = Gap::new(format!("the sweep of {kind}"), Vec::new(), reason);
                kinds.insert(*kind, Reading { gaps: vec![gap], ..Reading::default() });
            }
        }
    }
    Snapshot { scope: scope.clone(), taken_at, kinds }
}

/// All that a plan needs beside the sweep.
pub(crate) struct Facts<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) desired: &'a [Arc<Desired>],
    pub(crate) memory: &'a BTreeMap<ResourceKey, Memory>,
    pub(crate) elsewhere: &'a Elsewhere,
    pub(crate) approvals: &'a Approvals,
}

/// Makes the plan of a scope.
pub(crate) fn make_plan(core: &Core, facts: &Facts<'_>, snapshot: &Snapshot) -> Result<Plan, StoreError> {
    let now = core.clock.now();
    let hour_ago = now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(now);
    let scope = &snapshot.scope;
    let deleted = core.store.implicit_deletes_since(scope, hour_ago)?;
    let replaced = core.store.replacements_since(scope, hour_ago)?;
    let uids = core.store.declared_uids()?;
    let mut input = Input {
        registry: facts.registry,
        desired: facts.desired,
        snapshot,
        memory: facts.memory,
        elsewhere: facts.elsewhere,
        declared_uids: &|uid| uids.contains(uid),
        settings: &core.settings.plan,
        deletes_left: core.settings.max_deletes_per_hour.saturating_sub(deleted),
        replaces_left: core.settings.max_replacements_per_hour.saturating_sub(replaced),
        drift_confirmed: false,
        now,
    };
    let made = plan_with(&input, facts.approvals);
    if made.breaker.is_none() || !core.store.is_drift_confirmed(scope, now)? {
        return Ok(made);
    }
    input.drift_confirmed = true;
    Ok(plan_with(&input, facts.approvals))
}

fn decide(
    core: &Core,
    scope: &Scope,
    book: &Book,
    elsewhere: &Elsewhere,
    swept: &Swept,
    known: &Known,
) -> Result<Plan, StoreError> {
    let (memory, approvals) = (&book.memories, &known.approvals);
    let facts = Facts { registry: &core.registry, desired: &book.list, memory, elsewhere, approvals };
    let started = Instant::now();
    let plan = blocking(|| make_plan(core, &facts, &swept.snapshot))?;
    let (took, swept_ms) = (started.elapsed(), millis(swept.took));
    tracing::debug!(%scope, steps = plan.steps.len(), resources = plan.verdicts.len(), ?took, swept_ms, "planned");
    Ok(plan)
}

/// Writes down what was found, before anything is done about it.
fn record(
    core: &Core,
    book: &mut Book,
    plan: &mut Plan,
    swept: &Swept,
    forgiven: &BTreeSet<ResourceKey>,
) -> Result<PassReport, StoreError> {
    let now = core.clock.now();
    let mut report = PassReport {
        resources: plan.verdicts.len(),
        planned: plan.steps.len(),
        blind: swept.status.error.is_some(),
        exposed: plan.verdicts.iter().any(is_exposed),
        whole: swept.before.is_none(),
        ..PassReport::default()
    };
    let blind = trouble::blind(&swept.snapshot);
    let behind = judge::behind_retries(plan, &book.memories);
    let (mut moved, mut gone, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sights, mut said) = (BTreeMap::new(), Conditions::default());
    // All four are in the order of keys, one of each a resource.
    let known = book.memories.values_mut().zip(&mut book.statuses);
    for (place, ((desired, verdict), (memory, status))) in
        book.list.iter().zip(&mut plan.verdicts).zip(known).enumerate()
    {
        let key = &desired.key;
        report.count(verdict.decision);
        if let Some(sight) = Sight::of(verdict) {
            sights.insert(key.clone(), Arc::new(sight));
        }
        if verdict.decision == Decision::Gone {
            gone.push(Gone { key: key.clone(), uid: desired.uid.clone(), generation: desired.generation });
            let event = Event::new(now, EventType::Observed, "Gone", verdict.reason.clone());
            events.push(event.of(key).at_generation(desired.generation));
            report.outputs_moved.insert(key.clone());
            continue;
        }
        let learned = judge::remember(memory, verdict, now, core.settings.plan.settle, core.registry.stem(&key.kind));
        if learned.outputs {
            report.outputs_moved.insert(key.clone());
        }
        let before = judge::restate(status, verdict, memory, swept.seen_at(key), behind.contains(key));
        if before.is_some() {
            status.conditions.share(&said);
        }
        said.clone_from(&status.conditions);
        if let Some(before) = &before
            && !book.told.covers(&blind, &key.kind, before.phase, status.phase)
        {
            events.extend(judge::tell(key, verdict, before, status, now));
        }
        if before.is_some() || learned.any || forgiven.contains(key) {
            moved.push(place);
        }
    }
    core.scope(&swept.status.scope).saw(sights);
    if !report.outputs_moved.is_empty() {
        book.wanted_moved();
    }
    report.changed = moved.len();
    let mut scope_status = swept.status.clone();
    scope_status.held = hold::of(plan, book.held.as_ref(), now);
    events.extend(book.told.news(&scope_status, now));
    events.extend(plan.proposals.iter().map(|p| judge::propose(p, &scope_status.scope, now)));
    events.extend(hold::events(book.held.as_ref(), &scope_status, now));
    book.held.clone_from(&scope_status.held);
    let changed = changed(book, &moved);
    let record = PassRecord { now, changed, gone, events, scope_status };
    blocking(|| core.store.record(&record))?;
    book.told.now(&swept.status, blind);
    Ok(report)
}

/// What has moved of the resources at these places of the book's list, which are in order.
fn changed<'b>(book: &'b Book, places: &[usize]) -> Vec<Changed<'b>> {
    let mut places = places.iter().copied().peekable();
    let all = book.list.iter().zip(book.memories.values()).zip(&book.statuses).enumerate();
    let moved = all.filter(|(place, _)| places.next_if_eq(place).is_some());
    let changed = moved.map(|(_, ((desired, memory), status))| Changed {
        key: desired.key.clone(),
        uid: desired.uid.clone(),
        generation: desired.generation,
        fate: desired.fate,
        status: Cow::Borrowed(status),
        memory: Cow::Borrowed(memory),
    });
    changed.collect()
}

async fn execute(
    core: &Core,
    scope: &Scope,
    book: &mut Book,
    plan: &Plan,
    elsewhere: &Elsewhere,
    seen_at: Timestamp,
) -> Executed {
    if plan.steps.is_empty() {
        return Executed::default();
    }
    let mut run = Run::new(core, scope, plan, elsewhere, book, seen_at);
    run.postpone(&too_fresh(core, plan, book));
    run.run(book).await
}

/// Writes down how the steps ended.
fn finish(
    core: &Core,
    book: &mut Book,
    swept: &Swept,
    report: &mut PassReport,
    executed: Executed,
) -> Result<(), PassError> {
    (report.succeeded, report.failed) = (executed.succeeded, executed.failed);
    report.cancelled = executed.cancelled;
    report.outputs_moved.extend(executed.touched);
    if let Some(broken) = executed.broken {
        return Err(PassError::Store(broken));
    }
    book.acted.retain(|_, at| swept.at.duration_since(*at) < SignedDuration::from_hours(1));
    if !executed.events.is_empty() {
        blocking(|| core.store.log(&executed.events))?;
    }
    executed.unsigned.map_or(Ok(()), |error| Err(PassError::Unsigned(error)))
}

/// How soon to look again.
fn next(core: &Core, book: &mut Book, plan: &Plan, report: &PassReport, swept: &Swept) -> Option<Duration> {
    let now = core.clock.now();
    let acted = report.succeeded + report.failed > 0;
    let waits = plan.verdicts.iter().any(|v| v.decision == Decision::Wait);
    // Where nothing at all can be read, somebody has to do something; a few reads that failed are made up for soon.
    let unread = !report.blind && swept.snapshot.kinds.values().flat_map(|r| &r.gaps).any(|gap| gap.passing);
    let open = acted || waits || unread;
    book.open_passes = if open { book.open_passes.saturating_add(1) } else { 0 };
    let follow_up = open.then(|| {
        // Work that goes on is looked at soon; what hangs on AWS, or on somebody who undoes it, ever less often.
        let doublings = if report.succeeded > 0 { book.open_passes.saturating_sub(5) } else { book.open_passes };
        core.settings.follow_up.saturating_mul(1 << doublings.min(7)).min(core.settings.sweep_interval)
    });
    let retries = book.memories.values().filter_map(|m| m.failure.as_ref()).map(|f| f.retry_at);
    let looks = book.memories.iter().filter_map(|(key, memory)| {
        let settle = core.settings.plan.settle_of(core.registry.get(&key.kind));
        memory.created_unseen?.checked_add(settle).ok()
    });
    let postponed = plan.steps.iter().filter(|_| !report.cancelled.is_empty()).filter_map(|s| {
        let (memory, acted) = book.memories.get(&s.key).zip(book.acted.get(&s.key))?;
        acted.checked_add(core.patience(memory.futile)).ok()
    });
    // What was due when the plan was made and was not tried is held by something else than time.
    let timed = retries.chain(looks).chain(postponed).filter(|at| *at > swept.at);
    let timed = timed.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
    let wait = timed.chain(follow_up).min()?;
    let since = swept.status.swept_at.map_or(Duration::ZERO, |at| now.duration_since(at).unsigned_abs());
    let last = LastLook {
        whole: Duration::from_millis(swept.status.duration_ms),
        since,
        narrow: swept.before.as_ref().map(|_| swept.took),
        may_follow: book.abroad.is_empty() && !report.blind,
    };
    Some(wait.max(last.rest(wait)))
}

/// Writes down that a pass did not go through, once for each reason.
fn tell_error(core: &Core, scope: &Scope, book: &mut Book, error: &PassError) {
    let (now, text) = (core.clock.now(), error.to_string());
    tracing::error!(%scope, %error, "the pass did not go through");
    if book.told.error.as_ref() == Some(&text) {
        return;
    }
    let known = core.store.scope_statuses().ok().and_then(|all| all.into_iter().find(|s| s.scope == *scope));
    let status = ScopeStatus {
        error: Some(text.clone()),
        leader: Some(core.process.clone()),
        ..known.unwrap_or_else(|| ScopeStatus::of(scope.clone()))
    };
    let event = Event::new(now, EventType::Service, "ScopeFailed", format!("{scope}: {text}"));
    let event = event.with(json!({ "scope": scope }));
    let record = PassRecord { now, changed: Vec::new(), gone: Vec::new(), events: vec![event], scope_status: status };
    match blocking(|| core.store.record(&record)) {
        Ok(()) => book.told.error = Some(text),
        Err(store) => tracing::error!(%scope, error = %store, "and the store could not note it"),
    }
}
