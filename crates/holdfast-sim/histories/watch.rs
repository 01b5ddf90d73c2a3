//! The laws, held against a scene after every step.

use crate::cloud::look;
use crate::draft::SECRET;
use crate::scene::Scene;
use crate::sight::{Sight, of};
use anyhow::Result;
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Observation;
use holdfast_core::plan::{Fate, Verb};
use holdfast_engine::RetryPolicy;
use holdfast_sim::laws::{self, Deletion, Document, Intent, Sent, Try, Violation};
use holdfast_sim::{Call, Effect, LiveThing};
use holdfast_store::{EventFilter, IntentRecord, IntentResult};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What was looked at already.
#[derive(Default)]
pub(crate) struct Watch {
    /// The newest call looked at.
    last_call: u64,
    /// The newest intent looked at.
    last_intent: i64,
    /// Every intent so far.
    intents: Vec<Intent>,
    /// What calls of ours made that bears no tags, and what a person asked to take over.
    untagged: BTreeSet<String>,
    tries: Vec<Try>,
    deletions: Vec<Deletion>,
    /// How many writes were looked at.
    pub(crate) writes: u64,
    /// How many checks were made.
    pub(crate) checks: u64,
    /// Something has moved since the last try of anything.
    pub(crate) moved: bool,
}

/// How a step left the world, as far as laws depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calm {
    /// Reads may lie, or somebody has just changed something.
    No,
    /// The last pass saw the world as it is, and had nothing to do.
    Yes,
}

impl Watch {
    /// Every law that can be asked at any time.
    pub(crate) fn check(&mut self, scene: &Scene, calm: Calm) -> Result<Vec<Violation>> {
        self.checks += 1;
        let calls = scene.sim.calls_since(self.last_call);
        self.last_call = calls.last().map_or(self.last_call, |c| c.number);
        let live = scene.sim.live(&scene.scope);
        let ours = look(&scene.onlooker).ours.clone();
        for effect in calls.iter().filter(|c| c.write).flat_map(|c| &c.effects) {
            if let Effect::Created { id, owner: None } = effect {
                self.untagged.insert(id.clone());
            }
        }
        let mut broken = std::mem::take(&mut look(&scene.onlooker).broken);
        broken.extend(at_most_one(scene, &live)?);
        broken.extend(laws::unowned_untouched(&calls, &ours, &self.untagged));
        broken.extend(laws::no_orphan(&live, &ours_or_others(&live, ours)));
        broken.extend(self.documents(scene)?);
        if calls.iter().any(|c| c.write) || !look(&scene.onlooker).seen.is_empty() {
            broken.extend(self.writes(scene, &calls)?);
        }
        broken.extend(honest(scene, &live, calm)?);
        Ok(broken)
    }

    /// V5: what is stored is what was accepted.
    fn documents(&self, scene: &Scene) -> Result<Vec<Violation>> {
        let desired = scene.store()?.desired(&scene.scope, scene.now())?;
        let as_accepted = desired.len() == scene.declared.len()
            && desired.iter().all(|d| {
                let known = scene.declared.get(&d.key).map(|k| &k.document);
                known.is_some_and(|k| k.generation == d.generation && k.spec == d.spec.value())
            });
        if as_accepted {
            return Ok(Vec::new());
        }
        let of = |key: &ResourceKey, document: Document| (key.to_string(), document);
        let accepted: BTreeMap<String, Document> =
            scene.declared.iter().map(|(key, d)| of(key, d.document.clone())).collect();
        let stored =
            desired.iter().map(|d| of(&d.key, Document { generation: d.generation, spec: d.spec.value() })).collect();
        Ok(laws::accepted(&accepted, &stored))
    }

    /// V7, V8, V11, V13: the calls of a step, with what the journal says of them.
    fn writes(&mut self, scene: &Scene, calls: &[Call]) -> Result<Vec<Violation>> {
        let records = self.new_intents(scene)?;
        let by_token: BTreeMap<&str, &IntentRecord> = records.iter().map(|r| (r.intent.token.as_str(), r)).collect();
        let writes: Vec<Call> = calls.iter().filter(|c| c.write).cloned().collect();
        self.writes += writes.len() as u64;
        let new = records.iter().map(|r| Intent { token: r.intent.token.clone(), ended: r.outcome.is_some() });
        self.intents.extend(new);
        let mut broken = laws::intended(&writes, &self.intents);
        let seen = std::mem::take(&mut look(&scene.onlooker).seen);
        let mut paused: Vec<(&Call, &str)> = Vec::new();
        let mut sent = Vec::new();
        for one in &seen {
            let Some(record) = by_token.get(one.token.as_str()) else { continue };
            let key = record.intent.key.to_string();
            sent.push(Sent {
                token: one.token.clone(),
                generation: record.intent.generation,
                process: one.process.clone(),
                writer: one.writer.clone(),
                declared: one.declared.get(&key).copied(),
                key,
            });
            let call = writes.iter().find(|c| c.token == one.token);
            paused.extend(call.filter(|_| one.paused).map(|c| (c, record.intent.uid.as_str())));
        }
        broken.extend(laws::current(&sent));
        let all: BTreeSet<String> = paused.iter().map(|(_, uid)| (*uid).to_owned()).collect();
        broken.extend(laws::silent_while_paused(&paused, &all));
        for record in &records {
            self.tried(record);
            let gone = |c: &Call| c.effects.iter().any(|e| matches!(e, Effect::Deleted { .. }));
            let deletes =
                record.intent.verb == Verb::Delete && writes.iter().any(|c| c.token == record.intent.token && gone(c));
            if deletes {
                let (scope, at) = (record.intent.scope.to_string(), record.intent.at);
                self.deletions.push(Deletion { scope, at, implicit: record.intent.implicit_delete });
            }
        }
        let retry = RetryPolicy::default();
        let least = |class| {
            let first = retry.delay(class, "", 1).mul_f64(0.8);
            SignedDuration::try_from(first).unwrap_or_default()
        };
        broken.extend(laws::patient(&self.tries, least));
        broken.extend(laws::within_budget(&self.deletions, 10));
        Ok(broken)
    }

    fn tried(&mut self, record: &IntentRecord) {
        let failed = match record.outcome.as_ref().map(|o| &o.result) {
            Some(IntentResult::Failed(error)) => Some(error.class),
            _ => None,
        };
        let intent = &record.intent;
        let (key, step) = (intent.key.to_string(), intent.text.clone());
        self.tries.push(Try { key, step, at: intent.at, failed, moved: self.moved });
        // What has succeeded may be what another step failed for.
        self.moved |= failed.is_none();
    }

    /// The intents that were journalled since the last look.
    fn new_intents(&mut self, scene: &Scene) -> Result<Vec<IntentRecord>> {
        let mut records = Vec::new();
        for key in &scene.keys {
            let all = scene.store()?.intents_of(key, 64)?;
            records.extend(all.into_iter().filter(|r| r.id > self.last_intent));
        }
        records.sort_by_key(|r| r.id);
        self.last_intent = records.last().map_or(self.last_intent, |r| r.id);
        Ok(records)
    }

    /// A person asked for all that is live to be taken over.
    pub(crate) fn asked_for(&mut self, scene: &Scene) {
        self.untagged.extend(scene.sim.live(&scene.scope).iter().map(|t| t.observation.id.clone()));
        self.last_call = scene.sim.newest_call();
    }

    /// A new step of a history begins; `moved` says that it moves an input or the world.
    pub(crate) fn begin(&mut self, moved: bool) {
        self.moved |= moved;
        // Only the newest try of each step counts from here on.
        let mut newest: BTreeMap<(String, String), Try> = BTreeMap::new();
        for one in self.tries.drain(..) {
            newest.insert((one.key.clone(), one.step.clone()), one);
        }
        self.tries = newest.into_values().collect();
    }
}

/// Things of other controllers bear their uids, and are no orphans of ours.
fn ours_or_others(live: &[LiveThing], mut ours: BTreeSet<String>) -> BTreeSet<String> {
    let others = live.iter().filter_map(|t| t.observation.owner_uid()).filter(|uid| uid.starts_with("theirs-"));
    ours.extend(others.map(str::to_owned));
    ours
}

/// V1, asking the store what retires only where that matters.
fn at_most_one(scene: &Scene, live: &[LiveThing]) -> Result<Vec<Violation>> {
    if laws::at_most_one(live, &BTreeSet::new()).is_empty() {
        return Ok(Vec::new());
    }
    // Who lets go of a resource in the midst of its replacement keeps both.
    let ours = |thing: &&LiveThing| {
        scene.declared.values().any(|d| thing.observation.owner_uid().is_some_and(|uid| uid == d.uid))
    };
    let live: Vec<LiveThing> = live.iter().filter(ours).cloned().collect();
    let memories = scene.store()?.memories(&scene.scope)?;
    let mut retiring = BTreeSet::new();
    for (key, memory) in &memories {
        let stem = scene.registry.stem(&key.kind);
        let replaced = live.iter().map(|t| &t.observation.id).filter(|id| memory.has_replaced(id, stem));
        retiring.extend(replaced.cloned());
    }
    Ok(laws::at_most_one(&live, &retiring))
}

/// V12.
fn honest(scene: &Scene, live: &[LiveThing], calm: Calm) -> Result<Vec<Violation>> {
    let sight = Sight::of(scene, live)?;
    Ok(laws::honest(&if calm == Calm::Yes { sight.told() } else { sight.said() }))
}

/// Where live things of ours hold on to what is to go, or to what another has taken the place of, in fields that nobody
/// declares: only a person lets go there. The last place of a list comes first.
pub(crate) fn clinging<'l>(scene: &Scene, live: &'l [LiveThing]) -> Result<Vec<(&'l LiveThing, String)>> {
    let retiring: Vec<String> =
        scene.store()?.memories(&scene.scope)?.into_values().flat_map(|memory| memory.retiring).collect();
    let replaced = live.iter().map(|thing| &thing.observation).filter(|o| retiring.contains(&o.id));
    let deleted = scene.declared.values().filter(|d| d.fate != Fate::Keep).flat_map(|d| of(live, &d.uid));
    let going: Vec<&Observation> = deleted.chain(replaced.map(AsRef::as_ref)).collect();
    let holds = |value: &Value| going.iter().any(|o| value.to_string().contains(&o.id));
    let mut found = Vec::new();
    for declared in scene.declared.values().filter(|d| d.fate == Fate::Keep && !going.is_empty()) {
        for thing in live.iter().filter(|t| t.observation.owner_uid() == Some(&declared.uid)) {
            let fields = thing.observation.fields.as_object().into_iter().flatten();
            for (field, value) in fields.filter(|(f, v)| declared.document.spec.get(*f).is_none() && holds(v)) {
                match value.as_array() {
                    Some(items) => {
                        let places = items.iter().enumerate().rev().filter(|(_, item)| holds(item));
                        found.extend(places.map(|(place, _)| (thing, format!("/{field}/{place}"))));
                    }
                    None => found.push((thing, format!("/{field}"))),
                }
            }
        }
    }
    Ok(found)
}

/// V7 at the end: every intent has an outcome.
pub(crate) fn ended(scene: &Scene) -> Result<Vec<Violation>> {
    let mut all = Vec::new();
    for key in &scene.keys {
        let records = scene.store()?.intents_of(key, 10_000)?;
        all.extend(records.into_iter().map(|r| Intent { token: r.intent.token, ended: r.outcome.is_some() }));
    }
    Ok(laws::journalled(&[], &all))
}

/// V10: nothing that is kept or told holds the secret.
pub(crate) fn secret(scene: &Scene) -> Result<Vec<Violation>> {
    let store = scene.store()?;
    let mut texts = Vec::new();
    for event in store.events(0, 10_000, &EventFilter::default())? {
        texts.push(("the log", serde_json::to_string(&event)?));
    }
    for (_, status) in store.statuses(&scene.scope)? {
        texts.push(("a status", serde_json::to_string(&status)?));
    }
    for (_, memory) in store.memories(&scene.scope)? {
        texts.push(("a memory", serde_json::to_string(&memory)?));
    }
    for key in &scene.keys {
        for entry in store.history(key, 10_000)? {
            texts.push(("a history", serde_json::to_string(&entry)?));
        }
    }
    for desired in store.desired(&scene.scope, scene.now())?.iter() {
        texts.push(("a declaration", serde_json::to_string(desired)?));
    }
    if let Some(file) = scene.file() {
        texts.push(("the file of the store", String::from_utf8_lossy(&std::fs::read(file)?).into_owned()));
    }
    Ok(laws::secret(texts.iter().map(|(place, text)| (*place, text.as_str())), &[SECRET]))
}
