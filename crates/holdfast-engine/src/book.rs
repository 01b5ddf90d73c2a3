//! What is kept of a scope between passes.

use crate::seen::Seen;
use crate::trouble::Told;
use holdfast_core::document::AccountSpec;
use holdfast_core::kind::Registry;
use holdfast_core::name::{KindName, ResourceKey, Scope};
use holdfast_core::observe::{Wanted, WantedResource};
use holdfast_core::outputs::Outputs;
use holdfast_core::plan::{Desired, Fate, Memory};
use holdfast_core::policy::ReplacePolicy;
use holdfast_core::reference::{self, Worth};
use holdfast_core::spec::OpenSpec;
use holdfast_core::status::Status;
use holdfast_store::{ScopeHold, Store, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The declared list of a scope, as the store hands it out.
pub(crate) type DesiredList = Arc<[Arc<Desired>]>;

/// A list of which more than one in so many entries have moved is as well read anew.
const MOST_RENEWED: usize = 4;

/// A declared list, borrowed.
pub(crate) type DesiredSlice<'a> = &'a [Arc<Desired>];

/// Outputs of other scopes by resource.
pub(crate) type Elsewhere = BTreeMap<ResourceKey, Outputs>;

/// What a scope's passes know of it. All of it can be had from the store again; it is kept because a pass that finds
/// nothing new must cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// The declared list that the rest belongs to.
    pub(crate) list: DesiredList,
    /// One for each entry of the list, and no others.
    pub(crate) memories: BTreeMap<ResourceKey, Memory>,
    /// One for each entry of the list, in its order.
    pub(crate) statuses: Vec<Status>,
    /// Resources of other scopes that this one refers to.
    pub(crate) abroad: Arc<BTreeSet<ResourceKey>>,
    /// What the sweep is asked for; none when an id or an output has moved.
    wanted: Option<Arc<BTreeMap<KindName, Wanted>>>,
    /// Those whose declaration has moved since that was made, while no id and no output has.
    anew: BTreeSet<ResourceKey>,
    /// The document of the account, if it has one, with which the credentials were found to be the right ones; none until
    /// they are.
    pub(crate) verified: Option<Option<AccountSpec>>,
    /// The id of the account whose credentials were last found; none where that is not known.
    pub(crate) account_id: Option<String>,
    /// True if the last pass came to its end: what is kept here is what is in the store, and no intent is open.
    pub(crate) clean: bool,
    /// Why nothing is written in the scope as a whole, to tell of changes only.
    pub(crate) held: Option<ScopeHold>,
    /// What the log was last told of the scope itself.
    pub(crate) told: Told,
    /// True once that was read from the store.
    begun: bool,
    /// When steps of a resource last succeeded, for fixes that seem not to take.
    pub(crate) acted: BTreeMap<ResourceKey, Timestamp>,
    /// What the store has as awaiting approval: hashes of parts by stack; none if that is not known.
    pub(crate) awaiting: Option<BTreeMap<String, String>>,
    /// Passes in a row that left something open.
    pub(crate) open_passes: u32,
    /// What the next pass need not look at again, if it comes soon.
    pub(crate) seen: Option<Seen>,
}

impl Book {
    /// Brings the book up to what is declared now. Costs nothing while nothing is declared anew.
    pub(crate) fn refresh(&mut self, store: &Store, scope: &Scope, now: Timestamp) -> Result<(), StoreError> {
        let list = store.desired(scope, now)?;
        if self.clean && Arc::ptr_eq(&list, &self.list) {
            return Ok(());
        }
        if !self.begun {
            self.told = Told::load(store, scope)?;
            self.begun = true;
        }
        let moved = list.iter().filter(|d| !self.knows(d)).count();
        if self.clean && moved <= list.len() / MOST_RENEWED {
            return self.renew(store, list);
        }
        let (mut memories, mut statuses) = (store.memories(scope)?, store.statuses(scope)?);
        let memory = |d: &Arc<Desired>| (d.key.clone(), memories.remove(&d.key).unwrap_or_default());
        self.memories = list.iter().map(memory).collect();
        self.statuses = Vec::with_capacity(list.len());
        // Both are in the order of keys.
        for (d, memory) in list.iter().zip(self.memories.values()) {
            let said = told(statuses.remove(&d.key), memory, self.statuses.last());
            self.statuses.push(said);
        }
        let said = store.scope_statuses()?.into_iter().find(|s| s.scope == *scope);
        self.held = said.and_then(|s| s.held);
        self.abroad = Arc::new(abroad(&list, &list));
        self.list = list;
        self.acted.retain(|key, _| self.memories.contains_key(key));
        self.wanted = None;
        Ok(())
    }

    /// True if exactly this was declared at the last pass.
    fn knows(&self, desired: &Arc<Desired>) -> bool {
        self.desired(&desired.key).is_some_and(|known| Arc::ptr_eq(known, desired))
    }

    /// Brings the book up to a list of which only some entries have moved: what is remembered and was said of the others
    /// is what this process left there.
    fn renew(&mut self, store: &Store, list: DesiredList) -> Result<(), StoreError> {
        // If this ends early, all is read the next time.
        self.clean = false;
        let old = Arc::clone(&self.list);
        let mut known = old.iter().zip(std::mem::take(&mut self.statuses)).peekable();
        let mut moved = Vec::new();
        let mut is_same = list.len() == old.len();
        for desired in &*list {
            while known.next_if(|(before, _)| before.key < desired.key).is_some() {}
            let before = known.next_if(|(before, _)| before.key == desired.key);
            is_same &= before.is_some();
            if let Some((_, status)) = before.filter(|(before, _)| Arc::ptr_eq(before, desired)) {
                self.statuses.push(status);
                continue;
            }
            let key = &desired.key;
            let memory = store.memory(key)?.unwrap_or_default();
            let said = told(store.status(key)?, &memory, self.statuses.last());
            self.statuses.push(said);
            is_same &= self.memories.get(key).is_some_and(|m| m.outputs == memory.outputs && m.id == memory.id);
            self.memories.insert(key.clone(), memory);
            moved.push(Arc::clone(desired));
        }
        if !is_same {
            self.memories.retain(|key, _| find(&list, key).is_some());
            self.wanted = None;
        }
        if !(is_same && self.abroad.is_empty() && abroad(&moved, &list).is_empty()) {
            self.abroad = Arc::new(abroad(&list, &list));
        }
        self.list = list;
        self.acted.retain(|key, _| self.memories.contains_key(key));
        self.anew.extend(moved.iter().map(|d| d.key.clone()));
        self.clean = true;
        Ok(())
    }

    /// What is declared of a resource.
    pub(crate) fn desired(&self, key: &ResourceKey) -> Option<&Arc<Desired>> {
        find(&self.list, key)
    }

    /// True if something is to go: what is declared no more, or what another thing has taken the place of.
    pub(crate) fn deletes(&self) -> bool {
        self.list.iter().any(|d| d.fate != Fate::Keep) || self.memories.values().any(|m| !m.retiring.is_empty())
    }

    /// Says that an id or an output has moved.
    pub(crate) fn wanted_moved(&mut self) {
        self.wanted = None;
    }

    /// Lets go of the trees of the specs that a sweep has looked into.
    pub(crate) fn close_wanted(&mut self) {
        let wanted = self.wanted.as_mut().and_then(Arc::get_mut);
        wanted.into_iter().flat_map(BTreeMap::values_mut).for_each(Wanted::close);
    }

    /// What to ask a sweep for.
    pub(crate) fn wanted(&mut self, registry: &Registry, elsewhere: &Elsewhere) -> Arc<BTreeMap<KindName, Wanted>> {
        let anew = std::mem::take(&mut self.anew);
        if let Some(wanted) = self.wanted.as_mut().filter(|_| anew.is_empty()) {
            return Arc::clone(wanted);
        }
        let wanted = match self.wanted.take().and_then(Arc::into_inner) {
            Some(mut known) => {
                let moved = anew.iter().filter_map(|key| self.desired(key));
                for (kind, key, now) in moved.filter_map(|d| wants(d, &self.memories, registry, elsewhere)) {
                    replace(&mut known.entry(kind).or_default().resources, key, now);
                }
                known
            }
            None => wanted(&self.list, &self.memories, registry, elsewhere),
        };
        let wanted = Arc::new(wanted);
        // What stands abroad may move without this scope hearing of it.
        self.wanted = self.abroad.is_empty().then(|| Arc::clone(&wanted));
        wanted
    }
}

/// Puts what is wanted of a resource in the place of what was; all are in the order of keys.
fn replace(all: &mut Vec<WantedResource>, key: &ResourceKey, now: Vec<WantedResource>) {
    let from = all.partition_point(|w| w.key < *key);
    let to = all.partition_point(|w| w.key <= *key);
    all.splice(from..to, now);
}

/// What was said of a resource, its outputs shared with what is remembered, its conditions with who is said the same
/// `before` it.
fn told(status: Option<Status>, memory: &Memory, before: Option<&Status>) -> Status {
    let mut status = status.unwrap_or_default();
    if let Some(before) = before {
        status.conditions.share(&before.conditions);
    }
    if status.outputs == memory.outputs {
        status.outputs.clone_from(&memory.outputs);
    }
    status
}

/// The resource of that key in a declared list, which is in the order of keys.
pub(crate) fn find<'a>(list: &'a [Arc<Desired>], key: &ResourceKey) -> Option<&'a Arc<Desired>> {
    list.binary_search_by(|d| d.key.cmp(key)).ok().map(|i| &list[i])
}

/// What a sweep is to be asked for, for a declared list.
pub(crate) fn wanted(
    list: &[Arc<Desired>],
    memories: &BTreeMap<ResourceKey, Memory>,
    registry: &Registry,
    elsewhere: &Elsewhere,
) -> BTreeMap<KindName, Wanted> {
    let mut all: BTreeMap<KindName, Wanted> = BTreeMap::new();
    for (kind, _, one) in list.iter().filter_map(|d| wants(d, memories, registry, elsewhere)) {
        all.entry(kind).or_default().resources.extend(one);
    }
    all
}

/// What a sweep is to be asked for because of one declaration, its own thing last.
fn wants<'d>(
    desired: &'d Desired,
    memories: &BTreeMap<ResourceKey, Memory>,
    registry: &Registry,
    elsewhere: &Elsewhere,
) -> Option<(KindName, &'d ResourceKey, Vec<WantedResource>)> {
    let kind = registry.get(&desired.key.kind)?;
    let memory = memories.get(&desired.key);
    let named = || (kind.handle().read)(desired.policy.adopt_id.as_deref()?);
    let known = memory.and_then(|m| m.id.clone());
    let is_missing = known.is_none();
    let id = known.or_else(named);
    let spec = filled(desired, memories, elsewhere);
    let made_as = memory.filter(|m| m.created_unseen.is_some()).and_then(|m| m.made_as.clone());
    let resource =
        WantedResource { made_as, ..WantedResource::new(desired.key.clone(), desired.uid.clone(), id, spec) };
    let mut all = Vec::with_capacity(1);
    if desired.policy.replace == Some(ReplacePolicy::Allow) || is_missing || desired.fate != Fate::Keep {
        // What it has taken the place of must be seen until it is gone, and what was missing may only have been hidden.
        let retiring = memory.into_iter().flat_map(|m| &m.retiring);
        all.extend(retiring.map(|old| WantedResource { id: Some(old.clone()), ..resource.clone() }));
    }
    all.push(resource);
    Some((kind.name(), &desired.key, all))
}

/// The spec with the references filled in that are known; the declared one itself if it has none.
fn filled(desired: &Desired, memories: &BTreeMap<ResourceKey, Memory>, elsewhere: &Elsewhere) -> OpenSpec {
    if !desired.spec.refers() {
        return Arc::clone(&desired.spec).into();
    }
    let mut spec = desired.spec.value();
    reference::fill(&mut spec, &mut |reference| {
        let Some((key, output)) = reference.target(&desired.key.stack) else { return Worth::Open };
        let here = memories.get(&key).map(|m| &m.outputs);
        let known = here.or_else(|| elsewhere.get(&key)).and_then(|o| o.worth(output));
        known.map_or(Worth::Open, Worth::Value)
    });
    spec.into()
}

/// What some of a declared list refer to and the list does not hold.
pub(crate) fn abroad(of: &[Arc<Desired>], list: &[Arc<Desired>]) -> BTreeSet<ResourceKey> {
    let all = of.iter().flat_map(|d| d.spec.targets(&d.key.stack).map(|(_, key, _)| key));
    all.filter(|key| find(list, key).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_core::document::StackSpec;
    use holdfast_core::policy::Policy;
    use holdfast_store::{Change, Changed, Location, PassRecord, Removal, ResourceChange, ScopeStatus, StackChange};
    use serde_json::{Value, json};
    use std::borrow::Cow;

    fn home() -> Scope {
        Scope::new("default", "eu-west-1")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time")
    }

    fn resource(kind: &str, name: &str, spec: Value) -> ResourceChange {
        ResourceChange {
            key: ResourceKey::new("net", kind, name),
            scope: home(),
            document_spec: spec.clone(),
            spec,
            policy_own: Policy::default(),
            policy_effective: Policy::default(),
            stack_tags: BTreeMap::new(),
            labels: BTreeMap::new(),
            new_uid: format!("{kind}-{name}"),
        }
    }

    fn group(name: &str, description: &str) -> ResourceChange {
        resource(
            "SecurityGroup",
            name,
            json!({ "groupName": name, "description": description, "vpcId": "${Vpc/main.id}" }),
        )
    }

    fn vpc(uid: &str) -> ResourceChange {
        ResourceChange { new_uid: uid.to_owned(), ..resource("Vpc", "main", json!({ "cidrBlock": "10.0.0.0/16" })) }
    }

    fn declare(store: &Store, seconds: i64, resources: Vec<ResourceChange>, gone: &[(&str, &str)]) {
        let stack = StackChange { name: "net".to_owned(), spec: StackSpec::default(), ..StackChange::default() };
        let removals =
            gone.iter().map(|(kind, name)| Removal { key: ResourceKey::new("net", *kind, *name), fate: None });
        let (stacks, removals) = (vec![stack], removals.collect());
        store.change(&Change { stacks, resources, removals, ..Change::at(at(seconds)) }).expect("it is stored");
    }

    /// What a pass leaves behind that has found the VPC.
    fn found(store: &Store) {
        let list = store.desired(&home(), at(0)).expect("a list");
        let desired = list.iter().find(|d| d.key.kind == "Vpc").expect("a VPC");
        let outputs = json!({ "id": "vpc-1" }).as_object().cloned().unwrap_or_default();
        let memory = Memory { id: Some("vpc-1".to_owned()), outputs: outputs.clone().into(), ..Memory::default() };
        let changed = Changed {
            key: desired.key.clone(),
            uid: desired.uid.clone(),
            generation: desired.generation,
            fate: Fate::Keep,
            status: Cow::Owned(Status { outputs: outputs.into(), ..Status::default() }),
            memory: Cow::Owned(memory),
        };
        let (scope_status, events) = (ScopeStatus::of(home()), Vec::new());
        let record = PassRecord { now: at(0), changed: vec![changed], gone: Vec::new(), events, scope_status };
        store.record(&record).expect("it is stored");
    }

    #[test]
    fn what_was_missing_is_looked_for_by_the_handle_that_it_had() {
        let (store, registry) = (Store::open(&Location::Memory).expect("a store"), holdfast_kinds::registry());
        declare(&store, 0, vec![group("g0", "missing")], &[]);
        let mut book = Book::default();
        book.refresh(&store, &home(), at(1)).expect("it reads");
        for (id, asked) in [(None, vec![Some("sg-1"), None]), (Some("sg-2"), vec![Some("sg-2")])] {
            for memory in book.memories.values_mut() {
                (memory.id, memory.retiring) = (id.map(str::to_owned), vec!["sg-1".to_owned()]);
            }
            book.wanted_moved();
            let wanted = book.wanted(&registry, &Elsewhere::new());
            let ids: Vec<_> = wanted.values().flat_map(|w| &w.resources).map(|r| r.id.as_deref()).collect();
            assert_eq!(ids, asked);
        }
    }

    /// All that a pass takes from a book.
    fn told(book: &mut Book, registry: &Registry) -> String {
        let wanted = book.wanted(registry, &Elsewhere::new());
        let all = wanted.values().flat_map(|w| &w.resources).map(|r| (&r.key, &r.uid, &r.id, (*r.spec).clone()));
        let wanted: Vec<_> = all.collect();
        format!("{:#?}", (&book.list, &book.memories, &book.statuses, &book.abroad, wanted))
    }

    #[test]
    fn a_renewed_book_is_the_book_of_a_new_process() {
        let (store, registry) = (Store::open(&Location::Memory).expect("a store"), holdfast_kinds::registry());
        let mut all: Vec<ResourceChange> = (0..12).map(|n| group(&format!("g{n}"), "before")).collect();
        all.push(vpc("first"));
        declare(&store, 0, all, &[]);
        found(&store);
        let labelled = ResourceChange { labels: [("a".to_owned(), "b".to_owned())].into(), ..group("g1", "before") };
        let replaced = Policy { replace: Some(ReplacePolicy::Allow), ..Policy::default() };
        let policy =
            ResourceChange { policy_effective: replaced.clone(), policy_own: replaced, ..group("g2", "before") };
        type Step = (Vec<ResourceChange>, &'static [(&'static str, &'static str)]);
        let steps: [Step; 8] = [
            (vec![labelled], &[]),
            (vec![group("g2", "after")], &[]),
            (vec![policy], &[]),
            (vec![group("g0", "after"), group("g20", "new")], &[("SecurityGroup", "g3")]),
            (vec![], &[("Vpc", "main")]),
            (vec![group("g4", "after")], &[]),
            (vec![vpc("second")], &[]),
            (vec![vpc("second"), group("g11", "after")], &[("SecurityGroup", "g20")]),
        ];
        let mut book = Book::default();
        for (seconds, (resources, gone)) in (1..).zip(steps) {
            book.refresh(&store, &home(), at(seconds)).expect("it reads");
            // As a pass does that comes to its end.
            book.wanted(&registry, &Elsewhere::new());
            book.clean = true;
            declare(&store, seconds, resources, gone);
            book.refresh(&store, &home(), at(seconds)).expect("it reads");
            let mut new = Book::default();
            new.refresh(&store, &home(), at(seconds)).expect("it reads");
            assert_eq!(told(&mut book, &registry), told(&mut new, &registry), "after step {seconds}");
        }
    }
}
