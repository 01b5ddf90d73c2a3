//! The live things of one scope, with their past and their near future.

use crate::faults::{Dice, Settle};
use holdfast_core::kind::Mint;
use holdfast_core::name::KindName;
use holdfast_core::observe::{Health, LiveState, Observation};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// One live thing, as an omniscient onlooker sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveThing {
    /// Of which kind.
    pub kind: KindName,
    /// What it is now.
    pub observation: Arc<Observation>,
}

/// Number of a thing; it keeps it when its AWS handle changes.
pub(crate) type Serial = u64;

/// A sweep shows the past, so the past of a deleted thing is kept so long.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug)]
struct Version {
    from: Timestamp,
    what: Option<Arc<Observation>>,
}

#[derive(Debug)]
struct Thing {
    kind: KindName,
    born: Timestamp,
    versions: Vec<Version>,
    refuses_while_busy: bool,
}

impl Thing {
    fn at(&self, when: Timestamp) -> Option<&Arc<Observation>> {
        self.versions.iter().rev().find(|v| v.from <= when).and_then(|v| v.what.as_ref())
    }
}

/// How far lists lag behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lag {
    pub(crate) stale: SignedDuration,
    pub(crate) jitter: SignedDuration,
    pub(crate) unseen: SignedDuration,
}

/// All things of one scope.
#[derive(Debug)]
pub(crate) struct ScopeWorld {
    pub(crate) mint: Mint,
    things: BTreeMap<Serial, Thing>,
    by_id: BTreeMap<(String, KindName), Serial>,
    by_identity: BTreeMap<(KindName, String), Serial>,
    graves: VecDeque<(Timestamp, Serial)>,
    next: Serial,
}

impl ScopeWorld {
    pub(crate) fn new(mint: Mint) -> Self {
        Self {
            mint,
            things: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            graves: VecDeque::new(),
            next: 1,
        }
    }

    /// The thing of that id that is there at `now`.
    pub(crate) fn by_id(&self, kind: KindName, id: &str, now: Timestamp) -> Option<Serial> {
        let serial = *self.by_id.get(&(id.to_owned(), kind))?;
        self.now(serial, now).is_some_and(|o| o.id == id).then_some(serial)
    }

    /// The thing of that identity that is there at `now`, on its way out included: its name is still taken.
    pub(crate) fn by_identity(&self, kind: KindName, identity: &str, now: Timestamp) -> Option<Serial> {
        let serial = *self.by_identity.get(&(kind, identity.to_owned()))?;
        self.now(serial, now).is_some_and(|o| o.identity == identity && !identity.is_empty()).then_some(serial)
    }

    /// True if `id` was that of a thing that is gone at `now`, and is no other thing's.
    pub(crate) fn is_gone(&self, id: &str, now: Timestamp) -> bool {
        let from = self.by_id.range((id.to_owned(), "")..);
        let mut known = from.take_while(|((known, _), _)| known == id).peekable();
        known.peek().is_some() && known.all(|(_, serial)| self.now(*serial, now).is_none())
    }

    /// The kinds of which a thing of that id was here and is gone at `now`, and of which there is no other.
    pub(crate) fn gone_of<'w>(&'w self, id: &'w str, now: Timestamp) -> impl Iterator<Item = KindName> + 'w {
        let from = self.by_id.range((id.to_owned(), "")..);
        let known = from.take_while(move |((known, _), _)| known == id);
        known.filter(move |(_, serial)| self.now(**serial, now).is_none()).map(|((_, kind), _)| *kind)
    }

    /// What a thing is at `now`.
    pub(crate) fn now(&self, serial: Serial, now: Timestamp) -> Option<&Arc<Observation>> {
        self.things.get(&serial)?.at(now)
    }

    /// Of which kind it is.
    pub(crate) fn kind_of(&self, serial: Serial) -> Option<KindName> {
        self.things.get(&serial).map(|t| t.kind)
    }

    /// True if AWS takes no writes for it at `now`, with its word for the state.
    pub(crate) fn refuses(&self, serial: Serial, now: Timestamp) -> Option<String> {
        let thing = self.things.get(&serial)?;
        match &thing.at(now)?.state {
            LiveState::Busy(why) if thing.refuses_while_busy => Some(why.clone()),
            _ => None,
        }
    }

    /// All things at `now`, oldest first.
    pub(crate) fn all(&self, now: Timestamp) -> impl Iterator<Item = (Serial, KindName, &Arc<Observation>)> {
        self.things.iter().filter_map(move |(serial, t)| t.at(now).map(|o| (*serial, t.kind, o)))
    }

    /// What a sweep shows of one kind at `now`.
    pub(crate) fn shown(&self, kind: KindName, now: Timestamp, lag: Lag, dice: &mut Dice) -> Vec<Arc<Observation>> {
        let of_kind = self.things.values().filter(|t| t.kind == kind && now.duration_since(t.born) >= lag.unseen);
        let shown = of_kind.filter_map(|t| {
            // A thousand moments are as many as anybody can tell apart.
            let jitter = if lag.jitter.is_zero() { lag.jitter } else { lag.jitter * dice.per_mille() as i32 / 1000 };
            t.at(now.saturating_sub(lag.stale + jitter).unwrap_or(now)).cloned()
        });
        shown.collect()
    }

    /// A thing comes to be.
    pub(crate) fn make(
        &mut self,
        kind: KindName,
        what: Observation,
        now: Timestamp,
        settle: Option<&Settle>,
    ) -> Serial {
        let serial = self.next;
        self.next += 1;
        self.things.insert(serial, Thing { kind, born: now, versions: Vec::new(), refuses_while_busy: false });
        self.turn_into(serial, what, now, settle);
        serial
    }

    /// A thing becomes another; what was to come of it before no longer comes.
    pub(crate) fn turn_into(&mut self, serial: Serial, what: Observation, now: Timestamp, settle: Option<&Settle>) {
        let Some(thing) = self.things.get_mut(&serial) else { return };
        self.by_id.insert((what.id.clone(), thing.kind), serial);
        self.by_identity.insert((thing.kind, what.identity.clone()), serial);
        let horizon = now.saturating_sub(REMEMBERED).unwrap_or(now);
        thing.versions.retain(|v| v.from <= now);
        while thing.versions.len() > 1 && thing.versions[1].from <= horizon {
            thing.versions.remove(0);
        }
        thing.refuses_while_busy = settle.is_some_and(|s| s.writes == crate::faults::WhileBusy::Refused);
        let going = matches!(what.state, LiveState::Deleting(_));
        match settle {
            Some(settle) => {
                let later = now.saturating_add(settle.lasts).unwrap_or(now);
                let finally = (!going).then(|| Arc::new(settled(what.clone())));
                thing.versions.push(Version { from: now, what: Some(Arc::new(busy(what, &settle.state))) });
                thing.versions.push(Version { from: later, what: finally });
            }
            None => {
                let finally = (!going).then(|| Arc::new(settled(what)));
                thing.versions.push(Version { from: now, what: finally });
            }
        }
        if going {
            self.graves.push_back((now, serial));
        }
    }

    /// A thing ceases to be.
    pub(crate) fn unmake(&mut self, serial: Serial, now: Timestamp) {
        if let Some(thing) = self.things.get_mut(&serial) {
            thing.versions.retain(|v| v.from <= now);
            thing.versions.push(Version { from: now, what: None });
            self.graves.push_back((now, serial));
        }
        self.bury(now);
    }

    /// Forgets what has been gone for long.
    fn bury(&mut self, now: Timestamp) {
        while let Some((_, serial)) = self.graves.front().filter(|(at, _)| now.duration_since(*at) > REMEMBERED) {
            let serial = *serial;
            self.graves.pop_front();
            if self.now(serial, now).is_none() {
                self.things.remove(&serial);
                self.by_id.retain(|_, s| *s != serial);
                self.by_identity.retain(|_, s| *s != serial);
            }
        }
    }
}

/// What a thing is while AWS works on it.
fn busy(mut what: Observation, state: &str) -> Observation {
    if what.state == LiveState::Settled {
        what.state = LiveState::Busy(state.to_owned());
    }
    if what.health == Health::Healthy {
        what.health = Health::Progressing(state.to_owned());
    }
    what
}

/// What a thing is once AWS has finished with it.
fn settled(mut what: Observation) -> Observation {
    if matches!(what.state, LiveState::Busy(_)) {
        what.state = LiveState::Settled;
    }
    if matches!(what.health, Health::Progressing(_)) {
        what.health = Health::Healthy;
    }
    what
}
