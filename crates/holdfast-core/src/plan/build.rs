//! Builds the plan: finds, fills in, decides, links.

use super::decide::{Case, Decided, Missing};
use super::guard;
use super::link::{self, Drafted};
use super::matching::{Match, Matcher};
use super::newcomers::{self, Newcomers};
use super::owners::{Claims, Owner};
use super::quiet::{Quiet, may_be_quiet};
use super::say::Say;
use super::sought::Sought;
use super::unseen::{Thing, Unseen};
use super::{Decision, Desired, Fate, Input, Memory, Plan};
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::observe::Observation;
use crate::outputs::Outputs;
use crate::panic::contained;
use crate::reference::{self, Reference, Worth};
use crate::status::{Conditions, Phase};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::{Arc, LazyLock};

/// Decides what to do in a scope with what is declared in it; what is held for approval stays as it is.
pub(super) fn build(input: &Input<'_>) -> Plan {
    build_within(input, Some(input.deletes_left))
}

/// The same as if nothing stood in the way of a deletion: what is asked for does not move with what can be read, or with
/// what is gone already.
pub(super) fn build_asked_for(input: &Input<'_>) -> Plan {
    build_within(input, None)
}

fn build_within(input: &Input<'_>, budget: Option<u32>) -> Plan {
    let first = Desk::new(input, Newcomers::default()).work(budget);
    // What a kind makes of fields that AWS has begun to add is worth no plan.
    let found = contained(|| newcomers::find(input, &first.verdicts)).unwrap_or_default();
    let mut plan = newcomers::propose(if found.is_empty() { first } else { Desk::new(input, found).work(budget) });
    guard::guard(&mut plan, input);
    plan
}

/// What a declared resource looks like halfway through.
struct Row<'a> {
    desired: &'a Arc<Desired>,
    /// Its place among what is declared.
    place: usize,
    memory: Option<&'a Memory>,
    kind: Option<&'a dyn AnyKind>,
    /// References out of the spec, in order of appearance.
    refs: Vec<Target>,
    found: Match<'a>,
    /// Other live things with the same owner tag.
    beside: Vec<&'a Arc<Observation>>,
    /// What was found is older than what was made a moment ago.
    behind: bool,
    /// The filled-in spec, if it took one to find the live thing.
    filled: Option<Box<Filled>>,
    /// What the panic said, if the kind's code panicked over it.
    panicked: Option<String>,
}

/// A spec in canonical form, references filled in as far as known, and the declared tags, the stack's included.
struct Filled {
    spec: Value,
    tags: Option<Map<String, Value>>,
}

/// One reference of a spec to an output.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) key: ResourceKey,
    /// Its place among what is declared in the scope, if it is.
    pub(super) place: Option<usize>,
    pub(super) output: String,
    pub(super) late: bool,
}

/// What references can take of a resource of this scope.
#[derive(Default)]
struct Offer<'a> {
    outputs: Option<&'a Outputs>,
    /// Outputs that a step of this plan will make or renew; all of them for a create.
    coming: Coming,
    /// Why there is nothing, if there is nothing.
    why: String,
}

#[derive(Default, PartialEq)]
enum Coming {
    #[default]
    Nothing,
    Some(Vec<&'static str>),
    All,
}

impl<'a> Row<'a> {
    fn memory(&self) -> &'a Memory {
        static NONE: LazyLock<Memory> = LazyLock::new(Memory::default);
        self.memory.unwrap_or(&NONE)
    }
}

impl<'a> Offer<'a> {
    fn of(outputs: &'a Outputs) -> Self {
        Self { outputs: Some(outputs), ..Self::default() }
    }

    fn output(&self, name: &str) -> Option<Value> {
        self.outputs.and_then(|o| o.worth(name))
    }

    fn will_make(&self, output: &str) -> bool {
        match &self.coming {
            Coming::Nothing => false,
            Coming::Some(list) => list.contains(&output),
            Coming::All => true,
        }
    }
}

struct Desk<'a> {
    input: &'a Input<'a>,
    newcomers: Newcomers,
    matcher: Matcher<'a>,
    claims: Claims<'a>,
    /// The places of what is declared.
    places: Places<'a>,
    /// By place; none until it was looked for.
    offers: Vec<Option<Offer<'a>>>,
    /// What is left of the replacement budget; every replacement of this plan takes one.
    replaces_left: u32,
    /// For hashing, kept for its room.
    buffer: Vec<u8>,
    /// The conditions of all that there is nothing to say of, once there is one.
    calm: OnceCell<Conditions>,
}

impl<'a> Desk<'a> {
    fn new(input: &'a Input<'a>, newcomers: Newcomers) -> Self {
        Self {
            input,
            newcomers,
            matcher: Matcher::new(input),
            claims: Claims::new(input.snapshot),
            places: input.desired.iter().enumerate().map(|(place, d)| (parts(&d.key), place)).collect(),
            offers: Vec::new(),
            replaces_left: input.replaces_left,
            buffer: Vec::new(),
            calm: OnceCell::new(),
        }
    }

    fn work(mut self, budget: Option<u32>) -> Plan {
        let refs: Vec<Vec<Target>> = self.input.desired.iter().map(|d| self.targets(d)).collect();
        let order = link::order(self.input.desired, &refs);
        let memories = memories(self.input);
        self.offers.resize_with(order.len(), || None);
        let mut rows: Vec<Row<'a>> = Vec::with_capacity(order.len());
        let mut refs: Vec<Option<Vec<Target>>> = refs.into_iter().map(Some).collect();
        for i in order {
            let row = self.find(i, memories[i], refs[i].take().unwrap_or_default());
            self.offer_found(&row);
            rows.push(row);
        }
        let blind = rows.iter().filter(|row| matches!(row.found, Match::Unknown(_)));
        let thing = |row: &Row<'a>| Some(Thing { desired: row.desired, kind: row.kind?, memory: row.memory() });
        let unseen = Unseen::new(blind.filter_map(thing));
        let mut drafted = Vec::with_capacity(rows.len());
        for row in &mut rows {
            drafted.push(Box::new(self.decide(row, &unseen)));
        }
        let entries = rows.iter().zip(drafted).map(|(row, decided)| Drafted {
            desired: row.desired,
            kind: row.kind,
            refs: &row.refs,
            live: row.found.live().map(AsRef::as_ref),
            memory: row.memory(),
            beside: &row.beside,
            decided,
        });
        link::link(entries.collect(), &unseen, budget)
    }

    /// Looks for the live thing; one over which its kind's code panics is not known.
    fn find(&self, place: usize, memory: Option<&'a Memory>, refs: Vec<Target>) -> Row<'a> {
        let desired = &self.input.desired[place];
        let kind = self.input.registry.get(&desired.key.kind);
        let none = |panicked| {
            let found = Match::Unknown(String::new());
            let (refs, beside) = (Vec::new(), Vec::new());
            Row { desired, place, memory, kind, refs, found, beside, behind: false, filled: None, panicked }
        };
        let row = match kind {
            Some(kind) => contained(|| self.find_of(kind, place, memory)).unwrap_or_else(|why| none(Some(why))),
            None => none(None),
        };
        Row { refs, ..row }
    }

    /// Fills in the spec, as far as it is known by now, only if finding the live thing takes it.
    fn find_of(&self, kind: &'a dyn AnyKind, place: usize, memory: Option<&'a Memory>) -> Row<'a> {
        let (desired, filled) = (&self.input.desired[place], OnceCell::new());
        let spec = || &filled.get_or_init(|| self.fill(kind, desired)).spec;
        let found = self.matcher.find(desired, memory, spec, kind);
        let beside = self.matcher.beside(desired, memory, &found, kind);
        let (now, settle) = (self.input.now, self.input.settings.settle);
        let ahead = |live: &Arc<Observation>| memory.is_some_and(|m| m.is_ahead_of(live, &beside, now, settle));
        let behind = found.live().is_some_and(ahead);
        let (filled, refs, kind) = (filled.into_inner().map(Box::new), Vec::new(), Some(kind));
        Row { desired, place, memory, kind, refs, found, beside, behind, filled, panicked: None }
    }

    fn fill(&self, kind: &dyn AnyKind, desired: &Desired) -> Filled {
        let mut spec = desired.spec.value();
        let stack = &desired.key.stack;
        reference::fill(&mut spec, &mut |r| self.worth(r, stack));
        let own = match spec.as_object_mut().and_then(|m| m.shift_remove("tags")) {
            Some(Value::Object(tags)) => Some(tags),
            _ => None,
        };
        kind.canonical(&mut spec);
        if !kind.tagged() || (own.is_none() && desired.stack_tags.is_empty()) {
            return Filled { spec, tags: None };
        }
        let mut tags: Map<String, Value> =
            desired.stack_tags.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
        tags.extend(own.into_iter().flatten());
        Filled { spec, tags: Some(tags) }
    }

    fn worth(&self, reference: &Reference, stack: &str) -> Worth {
        let target = reference.target(stack);
        let value = target.and_then(|(key, output)| {
            let place = self.places.get(parts(&key)).next();
            self.outputs(place, &key, output)?.worth(output)
        });
        value.map_or(Worth::Open, Worth::Value)
    }

    /// The outputs of a resource in which one is to be found that no step of this plan will make or renew.
    fn outputs(&self, place: Option<usize>, key: &ResourceKey, output: &str) -> Option<&'a Outputs> {
        match self.offer(place) {
            Some(offer) if offer.will_make(output) => None,
            Some(offer) => offer.outputs,
            None => self.input.elsewhere.get(key),
        }
    }

    fn offer(&self, place: Option<usize>) -> Option<&Offer<'a>> {
        self.offers.get(place?)?.as_ref()
    }

    /// What can be said of a resource's outputs before anything is decided.
    fn offer_found(&mut self, row: &Row<'a>) {
        let memory = row.memory();
        let offer = match row.found {
            Match::Owned(_) if row.behind => Offer::of(&memory.outputs),
            Match::Owned(live) => Offer::of(&live.outputs),
            Match::Unknown(_) => Offer::of(&memory.outputs),
            // It may be created in this plan; whether it is, the linking finds out.
            Match::Absent if row.desired.fate == Fate::Keep && !row.kind.is_some_and(AnyKind::lookup) => {
                Offer { coming: Coming::All, ..Offer::default() }
            }
            _ => Offer::default(),
        };
        self.offers[row.place] = Some(offer);
    }

    /// What can be said of a resource that waits for nothing.
    fn say<'s>(&'s self, desired: &'s Desired, live: Option<&'s Observation>) -> Say<'s> {
        Say { desired, now: self.input.now, live, behind: false, unresolved: "", calm: &self.calm }
    }

    fn decide(&mut self, row: &mut Row<'a>, unseen: &Unseen<'a>) -> Decided {
        let Some(kind) = row.kind else {
            let say = self.say(row.desired, None);
            let why = format!("This build knows no kind {}.", row.desired.key.kind);
            return Decided::quiet(say.verdict(Decision::Unknown, Phase::Unknown, why));
        };
        let decided = match row.panicked.take() {
            Some(why) => Err(why),
            None => contained(|| self.decide_of(kind, row, unseen)),
        };
        decided.unwrap_or_else(|why| {
            let say = self.say(row.desired, None);
            let kind = kind.name();
            let why = format!(
                "The code of {kind} panicked over it: {why}. Nothing is done about it, and every pass tries again; all else goes \
                 on. Please report it with this declaration."
            );
            Decided::quiet(say.verdict(Decision::Unknown, Phase::Unknown, why))
        })
    }

    fn decide_of(&mut self, kind: &'a dyn AnyKind, row: &mut Row<'a>, unseen: &Unseen<'a>) -> Decided {
        let memory = row.memory();
        let mut owners: Vec<Owner<'_>> = self.claims.owners(kind.name(), row.found.live().map(AsRef::as_ref));
        owners.extend(row.found.live().into_iter().flat_map(|live| unseen.owners(row.desired, live, memory)));
        let looks = self.looks(row).filter(|_| owners.is_empty());
        if let (Some(looks), Some(live)) = (looks, row.found.live())
            && memory.quiet == Some(looks)
        {
            let say = self.say(row.desired, Some(live));
            return Decided::still_quiet(&say, looks);
        }
        let filled = match row.filled.take().filter(|_| row.refs.is_empty()) {
            Some(filled) => *filled,
            // What was decided meanwhile may have opened or closed a reference.
            None => self.fill(kind, row.desired),
        };
        let missing = self.missing(row);
        // What the decision opens goes with the decision: a tree takes five times the memory of its text.
        let own = row.found.live().map(|live| Arc::new(Observation::clone(live)));
        let found = own.as_ref().map_or_else(|| row.found.clone(), Match::Owned);
        let case = Case {
            input: self.input,
            kind,
            desired: row.desired,
            memory,
            found: &found,
            owners: &owners,
            spec: &filled.spec,
            tags: filled.tags.as_ref(),
            missing: &missing,
            newcomers: &self.newcomers,
            replaces_left: self.replaces_left,
            beside: &row.beside,
            behind: row.behind,
            calm: &self.calm,
        };
        let mut decided = case.decide();
        decided.verdict.quiet = looks.filter(|_| decided.is_silent());
        decided.verdict.beside = row.beside.iter().map(|o| o.id.clone()).collect();
        if case.takes_replacement(&decided) {
            self.replaces_left = self.replaces_left.saturating_sub(1);
        }
        self.offer_decided(row, &decided);
        decided
    }

    /// What a resource looks like, if its looks alone decide and all its references have a value.
    fn looks(&mut self, row: &Row<'a>) -> Option<Quiet> {
        let live = row.found.live().filter(|live| may_be_quiet(row.desired, row.memory(), live))?;
        if row.behind || !row.beside.is_empty() {
            return None;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let worth = |t: &Target| self.outputs(t.place, &t.key, &t.output)?.text_of(&t.output);
        let worths: Option<Vec<Cow<'_, str>>> = row.refs.iter().map(worth).collect();
        let key = self.input.settings.looks_key;
        let looks =
            worths.and_then(|all| Quiet::of(row.desired, all.iter().map(AsRef::as_ref), live, key, &mut buffer));
        self.buffer = buffer;
        looks
    }

    fn missing(&self, row: &Row<'_>) -> Vec<Missing> {
        if row.desired.fate != Fate::Keep {
            return Vec::new();
        }
        let lacking = row.refs.iter().filter_map(|t| {
            let name = format!("{}/{}", t.key.kind, t.key.name);
            let why = match self.offer(t.place) {
                _ if t.key == row.desired.key => return None,
                Some(o) if o.will_make(&t.output) || o.output(&t.output).is_some() => return None,
                Some(o) if o.why.is_empty() => format!("Waits for {name}, which has no output \"{}\" yet.", t.output),
                Some(o) => format!("Waits for {name}: {}", o.why),
                None if self.input.elsewhere.get(&t.key).is_some_and(|o| o.contains_key(&t.output)) => return None,
                None => format!("Waits for {}, which has no output \"{}\" yet.", t.key, t.output),
            };
            Some(Missing { late: t.late, why })
        });
        let mut out: Vec<Missing> = lacking.collect();
        out.dedup_by(|a, b| a.why == b.why && a.late == b.late);
        out
    }

    fn offer_decided(&mut self, row: &Row<'_>, decided: &Decided) {
        let Some(offer) = &mut self.offers[row.place] else { return };
        let renewed: Vec<&'static str> = decided.drafts.iter().flat_map(|(_, d)| d.renews.iter().copied()).collect();
        offer.coming = match decided.verdict.decision {
            Decision::Create | Decision::Replace => Coming::All,
            _ if renewed.is_empty() => Coming::Nothing,
            _ => Coming::Some(renewed),
        };
        offer.why.clone_from(&decided.verdict.reason);
    }

    /// The references of a declared spec to outputs, variables aside.
    fn targets(&self, desired: &Desired) -> Vec<Target> {
        let facts = self.input.registry.get(&desired.key.kind).map(AnyKind::facts);
        let target = |(pointer, parts, output): (&str, Parts<'_>, &str)| {
            let late = facts.is_some_and(|f| f.any_above(pointer, |field| field.late));
            let place = self.places.get(parts).next();
            let key = place.map_or_else(
                || ResourceKey::new(parts.0, parts.1, parts.2),
                |place| self.input.desired[place].key.clone(),
            );
            Target { key, place, output: output.to_owned(), late }
        };
        let mut all: Vec<Target> = desired.spec.mentions(&desired.key.stack).map(target).collect();
        all.shrink_to_fit();
        all
    }
}

/// Stack, kind and name.
type Parts<'a> = (&'a str, &'a str, &'a str);

/// Where a resource stands among what is declared.
type Places<'a> = Sought<Parts<'a>, usize>;

fn parts(key: &ResourceKey) -> Parts<'_> {
    (&key.stack, &key.kind, &key.name)
}

/// What is remembered of each declared resource, in their order: side by side where both are in the order of keys.
fn memories<'a>(input: &Input<'a>) -> Vec<Option<&'a Memory>> {
    let mut all = input.memory.iter().peekable();
    let one = |desired: &'a Arc<Desired>| match all.next_if(|(key, _)| **key == desired.key) {
        Some((_, memory)) => Some(memory),
        None => input.memory.get(&desired.key),
    };
    input.desired.iter().map(one).collect()
}
