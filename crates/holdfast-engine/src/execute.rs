//! The executor: the only writer. It makes no choices; the plan made them all.
//!
//! Steps run as soon as what they need has succeeded, what they come after has ended and AWS's bucket has room; until
//! then they stand in that bucket's line, and nothing of them is journalled. They live in the future of the pass: when
//! that is dropped, nothing of them goes on.

use crate::book::{Book, Elsewhere};
use crate::core::Core;
use crate::lines::{LineName, Lines, Rank, Stand};
use crate::step::{Act, Basis, Done, Ended, Place, short, told};
use futures::stream::{FuturesUnordered, StreamExt};
use holdfast_core::cloud::{ApplyError, ErrorClass, Turn};
use holdfast_core::kept::Kept;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Decision, Memory, Plan, Step, Verb, Verdict};
use holdfast_core::pointer;
use holdfast_core::reference::{self, Worth};
use holdfast_store::{Event, StoreError};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What became of a plan's steps.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    /// Steps that were not begun, with why.
    pub(crate) cancelled: Vec<(ResourceKey, String)>,
    /// Resources with steps that were begun.
    pub(crate) touched: BTreeSet<ResourceKey>,
    pub(crate) events: Vec<Event>,
    /// Why no more steps were begun, if it was the store's fault.
    pub(crate) broken: Option<StoreError>,
    /// Why no more steps were begun, if AWS takes no call of ours any more.
    pub(crate) unsigned: Option<ApplyError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// A plan being executed.
pub(crate) struct Run<'a> {
    core: &'a Core,
    scope: &'a Scope,
    plan: &'a Plan,
    elsewhere: &'a Elsewhere,
    /// When the world was seen that the plan stands on.
    seen_at: Timestamp,
    states: Vec<State>,
    /// How many steps each one still waits for.
    waits: Vec<usize>,
    /// Which steps wait for each one, and whether they need its success.
    opens: Vec<Vec<(usize, Bond)>>,
    left: BTreeMap<&'a ResourceKey, usize>,
    /// The line of each step, and its place there.
    stands: Vec<Stand>,
    lines: Lines<'a>,
    told_at: Instant,
    out: Executed,
}

/// How long the log may lag behind the steps of a pass.
const LOG_LAG: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    Needs,
    After,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        core: &'a Core,
        scope: &'a Scope,
        plan: &'a Plan,
        elsewhere: &'a Elsewhere,
        book: &Book,
        seen_at: Timestamp,
    ) -> Self {
        let steps = &plan.steps;
        let place: BTreeMap<u32, usize> = steps.iter().enumerate().map(|(i, s)| (s.id, i)).collect();
        let mut opens = vec![Vec::new(); steps.len()];
        let mut waits = vec![0; steps.len()];
        let mut left: BTreeMap<&ResourceKey, usize> = BTreeMap::new();
        for (i, step) in steps.iter().enumerate() {
            *left.entry(&step.key).or_default() += 1;
            let needs = step.needs.iter().map(|n| (n, Bond::Needs));
            let after = step.after.iter().map(|n| (n, Bond::After));
            for (j, bond) in needs.chain(after).filter_map(|(n, bond)| Some((*place.get(n)?, bond))) {
                opens[j].push((i, bond));
                waits[i] += 1;
            }
        }
        let stands: Vec<Stand> = steps.iter().map(|step| stand(core, plan, step, book)).collect();
        let mut lines = Lines::default();
        (0..steps.len()).filter(|i| waits[*i] == 0).for_each(|i| lines.free(plan, i, stands[i]));
        let states = vec![State::Open; steps.len()];
        Self {
            core,
            scope,
            plan,
            elsewhere,
            seen_at,
            states,
            waits,
            opens,
            left,
            stands,
            lines,
            told_at: Instant::now(),
            out: Executed::default(),
        }
    }

    /// Leaves out the steps of these resources, and whatever needs them.
    pub(crate) fn postpone(&mut self, keys: &BTreeSet<ResourceKey>) {
        for i in 0..self.plan.steps.len() {
            if keys.contains(&self.plan.steps[i].key) {
                self.cancel(i, "the same fix was made a moment ago and AWS may not show it yet");
            }
        }
    }

    /// Runs to the end: nothing can be begun any more, and all that was begun has ended.
    pub(crate) async fn run(mut self, book: &mut Book) -> Executed {
        let (core, most) = (self.core, self.core.settings.parallel_steps);
        let (mut turns, mut running) = (FuturesUnordered::new(), FuturesUnordered::new());
        loop {
            if !core.stop.is_cancelled() {
                turns.extend(self.lines.ask(most).into_iter().map(|(line, of)| self.turn(line, of)));
            }
            tokio::select! {
                biased;
                () = core.stop.cancelled(), if !turns.is_empty() => turns.clear(),
                Some((line, turn)) = turns.next() => {
                    self.lines.turn(line);
                    if let Some((i, act)) = self.begin_next(line, book) {
                        running.push(async move {
                            // It is the step's until that has ended.
                            let _turn = turn;
                            (i, act.run().await)
                        });
                    }
                }
                Some((i, ended)) = running.next() => {
                    self.lines.ended(self.stands[i].line);
                    match ended {
                        Ok(Done::Overtaken(why)) => self.give_up(i, why),
                        Ok(Done::Ended(ended)) => self.end(i, *ended, book),
                        Err(error) => self.breaks(i, error),
                    }
                }
                else => break,
            }
        }
        for i in 0..self.states.len() {
            self.cancel(i, "Holdfast stopped before it was begun");
        }
        self.out
    }

    /// Waits until the bucket of a line has room.
    fn turn(
        &self,
        line: LineName,
        operation: Option<&'static str>,
    ) -> impl Future<Output = (LineName, Turn)> + use<'a> {
        let (core, scope) = (self.core, self.scope);
        async move {
            let turn = match operation {
                Some(operation) => core.cloud.turn(scope, operation).await,
                None => Turn::free(),
            };
            (line, turn)
        }
    }

    /// Begins the step that goes next in a line.
    fn begin_next(&mut self, line: LineName, book: &Book) -> Option<(usize, Act<'a>)> {
        while let Some(i) = self.lines.next(line) {
            if let Some(act) = self.begin(i, book) {
                self.lines.begun(line);
                return Some((i, act));
            }
        }
        None
    }

    fn begin(&mut self, i: usize, book: &Book) -> Option<Act<'a>> {
        if self.states[i] != State::Open {
            return None;
        }
        let step = &self.plan.steps[i];
        let desired = Arc::clone(book.desired(&step.key)?);
        let basis = Basis {
            core: self.core,
            scope: self.scope,
            seen_at: self.seen_at,
            generation: step.generation,
            desired,
            list: Arc::clone(&book.list),
        };
        let why_not = self.why_not().or_else(|| basis.overtaken());
        let action = match why_not.map_or_else(|| self.filled(step, book), Err) {
            Ok(action) => action,
            Err(why) => {
                self.cancel(i, &why);
                return None;
            }
        };
        self.states[i] = State::Running;
        self.out.touched.insert(step.key.clone());
        let verdict = self.plan.verdict(&step.key);
        Some(Act {
            core: self.core,
            scope: self.scope,
            step,
            action,
            basis,
            replaces: verdict.is_some_and(|v| v.decision == Decision::Replace),
            identity: verdict
                .filter(|_| matches!(step.verb, Verb::Create | Verb::Adopt))
                .and_then(|v| self.identity(v, book)),
            memory: book.memories.get(&step.key).cloned().unwrap_or_default(),
            print: verdict.and_then(|v| v.fingerprint.as_deref()).unwrap_or_default(),
            place: self.place(step, verdict, book),
        })
    }

    /// Why no step must be begun now.
    fn why_not(&self) -> Option<String> {
        if self.core.stop.is_cancelled() {
            return Some("Holdfast is stopping".to_owned());
        }
        if let Some(error) = &self.out.broken {
            return Some(format!("the store failed: {error}"));
        }
        if let Some(error) = &self.out.unsigned {
            return Some(format!("AWS takes no calls for now: {error}"));
        }
        None
    }

    /// The action with its references filled in, or why that cannot be done yet.
    fn filled(&self, step: &'a Step, book: &Book) -> Result<Value, String> {
        let makers: BTreeSet<&ResourceKey> = self.makers(step);
        let mut lacking = None;
        let mut concerned = false;
        let worth = |reference: &reference::Reference| self.worth(&step.key.stack, reference, book);
        reference::each(
            &step.action,
            "",
            &mut |_, reference| {
                // What only looks like a reference was written by somebody who meant the text.
                if let Some((key, output, value)) = worth(reference).filter(|(key, ..)| makers.contains(key)) {
                    concerned = true;
                    if value.is_none() {
                        lacking = Some(format!("{} has not said its {output} yet", short(&key)));
                    }
                }
            },
            &mut Vec::new(),
        );
        if let Some(why) = lacking {
            return Err(why);
        }
        let mut action = step.action.clone();
        if concerned {
            self.fill(&mut action, &step.key.stack, &makers, book);
        }
        Ok(action)
    }

    /// What a reference names, and its value if there is one.
    fn worth(
        &self,
        stack: &str,
        reference: &reference::Reference,
        book: &Book,
    ) -> Option<(ResourceKey, String, Option<Value>)> {
        let (key, output) = reference.target(stack)?;
        let here = book.memories.get(&key).map(|m| &m.outputs);
        let value = here.or_else(|| self.elsewhere.get(&key)).and_then(|o| o.worth(output));
        Some((key, output.to_owned(), value))
    }

    /// Fills in the references to `makers`.
    fn fill(&self, value: &mut Value, stack: &str, makers: &BTreeSet<&ResourceKey>, book: &Book) {
        reference::fill(value, &mut |reference| match self.worth(stack, reference, book) {
            Some((key, _, Some(value))) if makers.contains(&key) => Worth::Value(value),
            _ => Worth::Open,
        });
    }

    /// The spec as it is once the last step of a resource is done: with all that earlier steps have made.
    fn written(&self, key: &ResourceKey, resolved: &Kept, book: &Book) -> Kept {
        let own = self.plan.steps.iter().filter(|s| s.key == *key);
        let makers: BTreeSet<&ResourceKey> = own.flat_map(|s| self.makers(s)).filter(|maker| *maker != key).collect();
        let Some(kind) = self.core.registry.get(&key.kind).filter(|_| !makers.is_empty()) else {
            return resolved.clone();
        };
        let mut spec = resolved.value();
        self.fill(&mut spec, &key.stack, &makers, book);
        kind.canonical(&mut spec);
        spec.into()
    }

    /// The identity of what a create makes or an adoption takes over, with all that earlier steps have made.
    fn identity(&self, verdict: &Verdict, book: &Book) -> Option<String> {
        let spec = self.written(&verdict.key, verdict.resolved.as_ref()?, book);
        self.core.registry.get(&verdict.key.kind)?.identity(&spec.value())
    }

    /// The resources whose steps a step needs, and its own.
    fn makers(&self, step: &'a Step) -> BTreeSet<&'a ResourceKey> {
        // A plan's steps are numbered from 1 in their order.
        let needed = step.needs.iter().filter_map(|id| self.plan.steps.get(*id as usize - 1));
        needed.map(|s| &s.key).chain([&step.key]).collect()
    }

    fn place(&self, step: &Step, verdict: Option<&Verdict>, book: &Book) -> Place {
        match self.left.get(&step.key) {
            Some(1) => {
                let written = verdict.and_then(|v| Some(self.written(&step.key, v.resolved.as_ref()?, book)));
                // What is made is made whole.
                let changed = verdict.filter(|v| matches!(v.decision, Decision::Update | Decision::Adopt));
                let unread = changed.map_or(&[][..], |v| &v.unread);
                let before = book.memories.get(&step.key).and_then(|m| m.last_written.as_ref());
                Place::Last(written.map(|written| as_known(written, unread, before)))
            }
            _ => Place::Inner,
        }
    }

    fn end(&mut self, i: usize, ended: Ended, book: &mut Book) {
        let (step, Ended { memory, result }) = (&self.plan.steps[i], ended);
        let now = self.core.clock.now();
        let before = book.memories.get(&step.key).and_then(|m| m.failure.as_deref());
        self.out.events.extend(told(step, &result, before, now));
        self.tell();
        let unsigned = result.as_ref().err().filter(|e| e.class == ErrorClass::Unsigned);
        self.out.unsigned = unsigned.cloned().or(self.out.unsigned.take());
        book.acted.insert(step.key.clone(), now);
        book.wanted_moved();
        book.memories.insert(step.key.clone(), memory);
        self.settle(i, if result.is_ok() { State::Succeeded } else { State::Failed });
    }

    /// The store did not take what became of a step, so no other is begun.
    fn breaks(&mut self, i: usize, error: StoreError) {
        let step = &self.plan.steps[i];
        tracing::error!(%error, step = step.text, resource = %step.key, "the journal failed; no more writes");
        self.out.broken = Some(error);
        self.settle(i, State::Failed);
    }

    /// Lets whoever watches see how far a long pass has come, without a write of its own for each step.
    fn tell(&mut self) {
        if self.told_at.elapsed() < LOG_LAG || self.out.events.is_empty() {
            return;
        }
        match crate::core::blocking(|| self.core.store.log(&self.out.events)) {
            Ok(()) => self.out.events.clear(),
            Err(error) => tracing::warn!(%error, "the log could not be written; it is tried again"),
        }
        self.told_at = Instant::now();
    }

    /// A step that was begun was not done after all.
    fn give_up(&mut self, i: usize, why: String) {
        self.out.cancelled.push((self.plan.steps[i].key.clone(), why));
        self.settle(i, State::Cancelled);
    }

    fn cancel(&mut self, i: usize, why: &str) {
        if self.states[i] == State::Open {
            self.out.cancelled.push((self.plan.steps[i].key.clone(), why.to_owned()));
            self.settle(i, State::Cancelled);
        }
    }

    /// A step has ended: whoever waited for it is free, or has nothing left to wait for.
    fn settle(&mut self, i: usize, state: State) {
        self.states[i] = state;
        let step = &self.plan.steps[i];
        match state {
            State::Succeeded => {
                self.out.succeeded += 1;
                // Only success counts down: a resource with a failed step is not as written.
                if let Some(left) = self.left.get_mut(&step.key) {
                    *left -= 1;
                }
            }
            State::Failed => self.out.failed += 1,
            State::Cancelled | State::Open | State::Running => {}
        }
        for (next, bond) in std::mem::take(&mut self.opens[i]) {
            self.waits[next] -= 1;
            if bond == Bond::Needs && state != State::Succeeded {
                self.cancel(next, &format!("\"{}\" of {} did not succeed", step.text, short(&step.key)));
            } else if self.waits[next] == 0 && self.states[next] == State::Open {
                self.lines.free(self.plan, next, self.stands[next]);
            }
        }
    }
}

/// Where a step stands among those that wait for AWS's buckets.
fn stand(core: &Core, plan: &Plan, step: &Step, book: &Book) -> Stand {
    let verdict = plan.verdict(&step.key);
    let begun =
        book.memories.get(&step.key).is_some_and(|m| is_repeat(m, verdict.and_then(|v| v.fingerprint.as_deref())));
    Stand::of(&core.registry, step, Rank::of(verdict, begun))
}

/// What is known to be written of a resource after its last step: where nobody could read what is live, nothing was compared
/// and nothing sent, and what was written `before` stands.
fn as_known(written: Kept, unread: &[String], before: Option<&Kept>) -> Kept {
    if unread.is_empty() {
        return written;
    }
    let (mut spec, before) = (written.value(), before.map(Kept::value).unwrap_or_default());
    for at in unread {
        match before.pointer(at) {
            Some(known) if spec.pointer(at).is_some() => _ = pointer::set(&mut spec, at, known.clone()),
            _ => _ = pointer::remove(&mut spec, at),
        }
    }
    spec.into()
}

/// The resources whose last fix for the very same differences was made so recently that AWS may not show it yet.
pub(crate) fn too_fresh(core: &Core, plan: &Plan, book: &Book) -> BTreeSet<ResourceKey> {
    let now = core.clock.now();
    let fresh = plan.steps.iter().filter(|step| {
        let Some((memory, acted)) = book.memories.get(&step.key).zip(book.acted.get(&step.key)) else { return false };
        let print = plan.verdict(&step.key).and_then(|v| v.fingerprint.as_deref());
        is_repeat(memory, print) && now.duration_since(*acted) < core.patience(memory.futile)
    });
    fresh.map(|s| s.key.clone()).collect()
}

fn is_repeat(memory: &Memory, print: Option<&str>) -> bool {
    memory.futile > 0 && print.is_some() && memory.fingerprint.as_deref() == print
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_not_read_was_not_written_either() {
        let (declared, unread) = (json!({ "size": 2, "depth": 2 }), ["/depth".to_owned()]);
        let known = |unread: &[String], before: Option<Value>| {
            as_known(declared.clone().into(), unread, before.map(Kept::from).as_ref()).value()
        };
        assert_eq!(known(&[], None), declared);
        assert_eq!(known(&unread, Some(json!({ "size": 1, "depth": 1 }))), json!({ "size": 2, "depth": 1 }));
        assert_eq!(known(&unread, None), json!({ "size": 2 }), "nobody has written it");
    }
}
