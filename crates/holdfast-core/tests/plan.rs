//! What the plan decides, told as text, for two small kinds: a `Box` that stands in a room and may name friends
//! in a circle, and a `Room`.

use holdfast_core::cloud::{ApplyError, ErrorClass};
use holdfast_core::facts::{Field, Shape};
use holdfast_core::handle::Stem;
use holdfast_core::kind::*;
use holdfast_core::name::{KindName, RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use holdfast_core::observe::*;
use holdfast_core::outputs::Outputs;
use holdfast_core::ownership::*;
use holdfast_core::plan::*;
use holdfast_core::policy::{DeletionPolicy, Policy, ReplacePolicy};
use holdfast_core::problem::SpecError;
use holdfast_core::status::{FieldDiff, Phase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[path = "plan/approved.rs"]
mod approved;
#[path = "plan/drift.rs"]
mod drift;
#[path = "plan/edges.rs"]
mod edges;
#[path = "plan/held.rs"]
mod held;
#[path = "plan/undone.rs"]
mod undone;
#[path = "plan/unread.rs"]
mod unread;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Spec {
    name: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
enum Action {
    Create(Value),
    Fill { id: String, friends: Value },
    Change { id: String, fields: Vec<String> },
    Tag { id: String, set: BTreeMap<String, String>, remove: BTreeSet<String> },
    Strip { id: String },
    Delete { id: String },
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Action::Create(spec) => write!(f, "create {spec}"),
            Action::Fill { id, friends } => write!(f, "fill {id} with {friends}"),
            Action::Change { id, fields } => write!(f, "change {} of {id}", fields.join(" ")),
            Action::Tag { id, set, remove } => write!(f, "tag {id} {:?} untag {remove:?}", set.keys()),
            Action::Strip { id } => write!(f, "strip {id}"),
            Action::Delete { id } => write!(f, "delete {id}"),
        }
    }
}

struct Room;
struct Boxed;
/// What is in it can be kept in a snapshot.
struct Vault;

macro_rules! small_kind {
    ($ty:ident, $name:literal, $snapshots:literal) => {
        impl Kind for $ty {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = "";
            const DOC: &'static str = "";
            const EXAMPLE: &'static str = "{}";
            const FIELDS: &'static [Field] = &[
                Field::scalar("/name"),
                Field::set("/friends").late(),
                Field::scalar("/colour").create_only(),
                Field::scalar("/open").severity(holdfast_core::facts::Severity::Exposure),
                Field::of("/tags", Shape::Map),
            ];
            const OUTPUTS: &'static [Output] = &[Output { name: "id", doc: "" }];
            const PERMISSIONS: &'static [&'static str] = &[];
            const SNAPSHOTS: bool = $snapshots;
            const ID_IS_NAME: bool = $snapshots;
            const REPEATABLE: bool = $snapshots;
            const STEM: Stem = |id| id.split(':').next().unwrap_or(id);
            const NAMED_IN: &'static [(KindName, &'static str)] = &[("Box", "/vaults/*")];
            type Spec = Spec;
            type Action = Action;
            fn validate(_: &Spec) -> Vec<SpecError> {
                Vec::new()
            }
            fn canonical(_: &mut Value) {}
            fn claims(_: &Value) -> &'static [(KindName, &'static str)] {
                if $snapshots { &[("Box", "/size")] } else { &[] }
            }
            fn identity(spec: &Value) -> Option<String> {
                Some(spec.get("name")?.as_str()?.to_owned())
            }
            fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
                let mut bare = spec.clone();
                let friends = bare.as_object_mut().and_then(|m| m.shift_remove("friends"));
                let fill = |friends| Draft::heal(Action::Fill { id: context.own("id"), friends }, "fill", vec![]);
                let first = Draft::heal(Action::Create(bare), "create", vec![]);
                std::iter::once(first).chain(friends.map(fill)).collect()
            }
            fn converge(_: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
                let has = |path: &str| diffs.iter().any(|d| d.path == path);
                if has("/busy") {
                    return Converge::Wait(format!("{} is busy.", live.id));
                }
                if has("/sealed") {
                    return Converge::Replace(vec!["/sealed".to_owned()]);
                }
                let paths = diffs.iter().map(|d| d.path.clone()).filter(|p| p != "/colour" && p != "/stone");
                let (weight, other): (Vec<_>, Vec<_>) = paths.partition(|p| p == "/weight");
                let change = |fields: Vec<String>| {
                    let action = Action::Change { id: live.id.clone(), fields: fields.clone() };
                    (!fields.is_empty()).then(|| Draft::heal(action, "update", fields))
                };
                let weight = change(weight).map(|draft| draft.interrupting("empty"));
                Converge::Change(change(other).into_iter().chain(weight).collect())
            }
            fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
                Action::Tag { id: live.id.clone(), set, remove }
            }
            fn delete(live: &Observation) -> Vec<Draft<Action>> {
                let strip = live.fields.get("friends").map(|_| Action::Strip { id: live.id.clone() });
                let delete = Action::Delete { id: live.id.clone() };
                strip.into_iter().chain([delete]).map(|a| Draft::heal(a, "delete", vec![])).collect()
            }
            fn delete_with_snapshot(live: &Observation) -> Vec<Draft<Action>> {
                let id = format!("{} after a snapshot", live.id);
                vec![Draft::heal(Action::Delete { id }, "delete", vec![])]
            }
            fn predict(_: Option<&Observation>, _: &Action, _: &mut Mint) -> Result<Option<Observation>, Refusal> {
                Ok(None)
            }
        }
    };
}
small_kind!(Room, "Room", false);
small_kind!(Boxed, "Box", false);
small_kind!(Vault, "Vault", true);

/// A small world, told piece by piece; `check` compares what the plan says of it.
struct World {
    desired: Vec<Arc<Desired>>,
    kinds: BTreeMap<&'static str, Reading>,
    memory: BTreeMap<ResourceKey, Memory>,
    deletes_left: u32,
}

fn key(path: &str) -> ResourceKey {
    let (kind, name) = path.split_once('/').expect("Kind/name");
    ResourceKey::new("s", kind, name)
}

fn world() -> World {
    let kinds = ["Room", "Box", "Vault"].into_iter().map(|kind| (kind, Reading::default())).collect();
    World { desired: vec![], kinds, memory: BTreeMap::new(), deletes_left: 9 }
}

impl World {
    fn wants(self, path: &str, spec: Value) -> Self {
        self.wants_with(path, spec, |_| {})
    }
    fn wants_with(mut self, path: &str, spec: Value, change: impl FnOnce(&mut Desired)) -> Self {
        let mut desired = Desired {
            key: key(path),
            uid: format!("uid-{path}"),
            generation: 1,
            scope: Scope::new("default", "here"),
            spec: Arc::new(spec.into()),
            stack_tags: Arc::default(),
            policy: Policy::default(),
            fate: Fate::Keep,
            hold: None,
            instead: None,
        };
        change(&mut desired);
        self.desired.push(Arc::new(desired));
        self
    }
    fn has(self, path: &str, fields: Value) -> Self {
        let owner = format!("uid-{path}");
        self.has_of(path, fields, &[(UID_TAG, owner.as_str()), (RESOURCE_TAG, &format!("s/{path}"))])
    }
    fn has_of(mut self, path: &str, fields: Value, tags: &[(&str, &str)]) -> Self {
        let (kind, name) = path.split_once('/').expect("Kind/name");
        let observation = Observation {
            id: format!("id-{name}"),
            identity: fields["name"].as_str().unwrap_or_default().to_owned(),
            tags: Arc::new(tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
            outputs: Outputs::from_iter([("id", json!(format!("id-{name}")))]),
            fields: fields.into(),
            unread: vec![],
            state: LiveState::Settled,
            health: Health::Healthy,
            private: Value::Null.into(),
            ownership: Ownership::default(),
        };
        let reading = self.kinds.get_mut(kind).expect("a kind of this test");
        reading.observations.push(Arc::new(observation));
        self
    }
    fn remembers(mut self, path: &str, memory: Memory) -> Self {
        self.memory.insert(key(path), memory);
        self
    }
    fn plan(&self) -> Plan {
        self.plan_with(&Approvals::default())
    }
    fn plan_with(&self, approvals: &Approvals) -> Plan {
        let registry = Registry::new(vec![Erased::<Room>::boxed(), Erased::<Boxed>::boxed(), Erased::<Vault>::boxed()]);
        let snapshot = Snapshot {
            scope: Scope::new("default", "here"),
            taken_at: jiff::Timestamp::UNIX_EPOCH,
            kinds: self.kinds.clone(),
        };
        let uids: BTreeSet<String> = self.desired.iter().map(|d| d.uid.clone()).collect();
        let input = Input {
            registry: &registry,
            desired: &self.desired,
            snapshot: &snapshot,
            memory: &self.memory,
            elsewhere: &BTreeMap::new(),
            declared_uids: &|uid| uids.contains(uid),
            settings: &Settings::default(),
            deletes_left: self.deletes_left,
            replaces_left: 2,
            drift_confirmed: false,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let first = plan_with(&input, approvals);
        assert_eq!(first, plan_with(&input, approvals), "the same input gives the same plan");
        if *approvals == Approvals::default() {
            assert_eq!(first, plan(&input), "nobody has approved anything");
        }
        assert_eq!(first.verdicts.len(), self.desired.len(), "one verdict a resource");
        assert!(first.verdicts.iter().all(|v| !v.reason.is_empty()), "no verdict without a reason");
        first
    }
    fn check(&self, expected: &str) {
        let plan = self.plan();
        let mut told = String::new();
        for s in &plan.steps {
            let links: Vec<String> = s.needs.iter().map(u32::to_string).collect();
            let links = if links.is_empty() { String::new() } else { format!(" [{}]", links.join(" ")) };
            told += &format!("{} {} {}{links} because {}\n", s.id, s.verb.sign(), s.text, s.because);
        }
        for v in &plan.verdicts {
            told += &format!("{}/{} {:?} {}: {}\n", v.key.kind, v.key.name, v.decision, v.phase, v.reason);
        }
        let trim = |s: &str| s.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
        assert_eq!(trim(&told), trim(expected));
    }
}

fn in_sync(fields: &Value) -> Memory {
    Memory {
        baseline: Some(fields.clone().into()),
        baseline_generation: 1,
        last_written: Some(fields.clone().into()),
        ..Memory::default()
    }
}

/// Every policy with everything that may be live and be remembered.
fn jumble(number: u8) -> World {
    let policy: Policy = serde_json::from_value(match number % 4 {
        0 => json!({}),
        1 => json!({ "drift": "report", "deletion": "delete" }),
        2 => json!({ "adopt": "ifExists", "protect": true }),
        _ => json!({ "ignore": [{ "path": "/size", "reason": "r" }] }),
    })
    .expect("a policy");
    let fate = [Fate::Keep, Fate::DeleteByPolicy, Fate::DeleteByName][usize::from(number / 4 % 3)];
    let fields = json!({ "name": "a", "size": 1, "room": "${Room/r.id}" });
    let w = world()
        .wants("Room/r", json!({ "name": "r", "colour": "red" }))
        .wants_with("Box/a", fields, |d| (d.policy, d.fate) = (policy, fate))
        .wants("Box/b", json!({ "name": "b", "friends": ["${Box/a.id}", "${Box/b.id}"] }));
    match number / 12 {
        0 => w,
        1 => w
            .has("Box/a", json!({ "name": "a", "size": 2, "room": "id-r" }))
            .has("Room/r", json!({ "name": "r", "colour": "blue" })),
        2 => w.has_of("Box/a", json!({ "name": "a", "size": 2 }), &[]).has("Box/b", json!({ "name": "b" })),
        3 => w.has_of("Box/a", json!({ "name": "a" }), &[(UID_TAG, "another")]).has("Room/r", json!({ "name": "r" })),
        _ => {
            let memory = in_sync(&json!({ "name": "a", "size": 1, "room": "id-r" }));
            w.has("Box/a", json!({ "name": "a", "size": 3, "room": "id-r" })).remembers("Box/a", memory)
        }
    }
}

fn adopting(also: Value) -> Policy {
    let mut policy = json!({ "adopt": "ifExists" });
    policy.as_object_mut().expect("an object").extend(also.as_object().expect("an object").clone());
    serde_json::from_value(policy).expect("a policy")
}

/// A box that was taken over by this generation.
fn adopted(fields: Value) -> World {
    let memory = Memory { adopted_generation: 1, ..Memory::default() };
    world()
        .wants("Box/a", json!({ "name": "a", "size": 1, "colour": "red" }))
        .has("Box/a", fields)
        .remembers("Box/a", memory)
}

#[test]
fn what_was_adopted_and_differs_is_shown_and_left_until_somebody_says_so() {
    let differs = json!({ "name": "a", "size": 2, "colour": "blue" });
    adopted(differs.clone()).check(
        "Box/a Report Drifted: It was adopted and differs at /size, /colour. Nothing but its owner tags was written; \
         `holdfast adopt s/Box/a --confirm` brings it to the declaration, and so does a new declaration.",
    );
    let verdict = adopted(differs.clone()).plan().verdicts.remove(0);
    assert!(verdict.is_drift, "it stands in the drift report");
    assert_eq!(verdict.diffs.iter().map(|d| d.decision.as_str()).collect::<Vec<_>>(), ["report", "report"]);
    // What was declared since counts.
    let mut later = adopted(json!({ "name": "a", "size": 2, "colour": "red" }));
    Arc::make_mut(&mut later.desired[0]).generation = 2;
    assert_eq!(later.plan().steps.len(), 1);
    // Nothing differs: it is in sync at once, and not even a tag is written.
    adopted(json!({ "name": "a", "size": 1, "colour": "red" })).check("Box/a InSync InSync: Live equals declared.");
}

#[test]
fn what_is_named_to_be_adopted_is_the_only_thing_that_is() {
    let wants = |world: World, policy: Policy| {
        world.wants_with("Box/a", json!({ "name": "a", "size": 1 }), |d| d.policy = policy)
    };
    let named = |id: &str| adopting(json!({ "adoptId": id }));
    // Under another name than the declared one: what it is called is a difference like any other.
    wants(world().has_of("Box/b", json!({ "name": "b", "size": 1 }), &[]), named("id-b")).check(
        r#"1 < tag id-b ["holdfast:resource", "holdfast:uid"] untag {} because policy.adopt allows to take it over
        Box/a Adopt Progressing: id-b exists without an owner and policy.adopt allows to take it over."#,
    );
    wants(world().has_of("Box/a", json!({ "name": "a" }), &[]), named("id-z")).check(
        "Box/a Blocked Blocked: A live thing of the same identity is not ours: id-a has it, and policy.adoptId names id-z, \
         which is not there. Correct policy.adoptId.",
    );
    let theirs = [(UID_TAG, "uid-Box/b"), (RESOURCE_TAG, "s/Box/b")];
    let owned = world().wants("Box/b", json!({ "name": "b" })).has_of("Box/b", json!({ "name": "b" }), &theirs);
    wants(owned, named("id-b")).check(
        "Box/a Blocked Blocked: A live thing of the same identity is not ours: id-b belongs to s/Box/b.
        Box/b InSync InSync: Live equals declared.",
    );
    let required: Policy = serde_json::from_value(json!({ "adopt": "required", "adoptId": "id-z" })).expect("a policy");
    wants(world(), required)
        .check("Box/a Blocked Blocked: There is nothing to adopt under id-z, and policy.adopt is \"required\".");
    assert_eq!(wants(world(), named("id-z")).plan().steps[0].verb, Verb::Create, "ifExists makes what is not there");
}

#[test]
fn the_same_input_gives_the_same_bytes_and_each_resource_one_verdict_with_a_reason() {
    for number in 0..60 {
        let told = |w: World| serde_json::to_string(&w.plan()).expect("a plan is JSON");
        // Two worlds and two maps of everything: nothing may depend on where things are in memory.
        assert_eq!(told(jumble(number)), told(jumble(number)));
        let plan = jumble(number).plan();
        for step in &plan.steps {
            assert!(!step.because.is_empty(), "{number}: {} says nothing of why", step.text);
            assert!(plan.verdicts.iter().any(|v| v.key == step.key), "{number}: {} stands on no verdict", step.text);
        }
        let judged: BTreeSet<&ResourceKey> = plan.verdicts.iter().map(|v| &v.key).collect();
        assert_eq!(judged.len(), plan.verdicts.len(), "{number}: two verdicts on one resource");
    }
}

#[test]
fn creates_follow_references_and_circles_are_filled_in_later() {
    world()
        .wants("Box/a", json!({ "name": "a", "room": "${Room/r.id}", "friends": ["${Box/b.id}"] }))
        .wants("Box/b", json!({ "name": "b", "friends": ["${Box/a.id}", "${Box/b.id}"] }))
        .wants("Room/r", json!({ "name": "r" }))
        .check(
            r#"
            1 + create {"name":"b"} because it does not exist yet
            2 + create {"name":"r"} because it does not exist yet
            3 + create {"name":"a","room":"${Room/r.id}"} [2] because it does not exist yet
            4 ~ fill ${Box/b.id} with ["${Box/a.id}","${Box/b.id}"] [1 3] because it was just created
            5 ~ fill ${Box/a.id} with ["${Box/b.id}"] [1 3] because it was just created
            Box/a Create Progressing: It does not exist yet and is created.
            Box/b Create Progressing: It does not exist yet and is created.
            Room/r Create Progressing: It does not exist yet and is created."#,
        );
}

#[test]
fn equal_is_in_sync_and_writes_nothing() {
    let fields = json!({ "name": "a", "room": "id-r" });
    world()
        .wants("Room/r", json!({ "name": "r" }))
        .has("Room/r", json!({ "name": "r", "aws": "default" }))
        .wants("Box/a", json!({ "name": "a", "room": "${Room/r.id}" }))
        .has("Box/a", fields)
        .check("Box/a InSync InSync: Live equals declared.\nRoom/r InSync InSync: Live equals declared.");
}

/// A room and a box in it, both long in sync, with what the last plan remembered of their looks.
fn long_in_sync(quiet: bool) -> World {
    let (room, boxed) = (json!({ "name": "r" }), json!({ "name": "a", "size": 1, "room": "id-r" }));
    let mut w = world()
        .wants("Box/a", json!({ "name": "a", "size": 1, "room": "${Room/r.id}" }))
        .wants("Room/r", room.clone())
        .has("Box/a", boxed.clone())
        .has("Room/r", room.clone())
        .remembers("Box/a", in_sync(&boxed))
        .remembers("Room/r", in_sync(&room));
    if quiet {
        for verdict in w.plan().verdicts {
            assert!(verdict.quiet.is_some(), "{} was in sync before", verdict.key);
            w.memory.get_mut(&verdict.key).expect("a memory").quiet = verdict.quiet;
        }
    }
    w
}

#[test]
fn what_looks_as_it_did_is_not_compared_again_and_any_other_look_is() {
    let before = long_in_sync(true).plan();
    assert_eq!(before, long_in_sync(false).plan(), "with and without the memory of looks, the same is said");
    let live = |w: &mut World, kind: &str, change: &dyn Fn(&mut Observation)| {
        let reading = w.kinds.get_mut(kind).expect("a kind of this test");
        change(Arc::make_mut(&mut reading.observations[0]));
    };
    type Move<'a> = (&'a str, &'a dyn Fn(&mut World));
    let changes: [Move<'_>; 10] = [
        ("a field", &|w| live(w, "Box", &|o| o.fields["size"] = json!(2))),
        ("an undeclared field", &|w| live(w, "Box", &|o| o.fields["colour"] = json!("red"))),
        ("an owner tag", &|w| live(w, "Box", &|o| _ = o.tags_mut().remove(RESOURCE_TAG))),
        ("what was read", &|w| live(w, "Box", &|o| o.unread.push("/size".to_owned()))),
        ("health", &|w| live(w, "Box", &|o| o.health = Health::Degraded("ill".to_owned()))),
        ("state", &|w| live(w, "Box", &|o| o.state = LiveState::Busy("moving".to_owned()))),
        ("a reference's value", &|w| live(w, "Room", &|o| _ = o.outputs.insert("id".to_owned(), json!("id-s")))),
        ("the thing itself", &|w| w.kinds.get_mut("Box").expect("a kind").observations.clear()),
        ("the generation", &|w| Arc::make_mut(&mut w.desired[0]).generation = 2),
        ("a pause", &|w| Arc::make_mut(&mut w.desired[0]).hold = Some(Hold { reason: "why".to_owned(), until: None })),
    ];
    for (what, change) in changes {
        let (mut with, mut without) = (long_in_sync(true), long_in_sync(false));
        change(&mut with);
        change(&mut without);
        assert_eq!(with.plan(), without.plan(), "{what} moved");
        assert_ne!(with.plan(), before, "{what} moved, and nobody saw it");
    }
}

#[test]
fn what_is_exposed_is_closed_before_anything_else_is_healed() {
    let declared = |name: &str| json!({ "name": name, "size": 1, "open": false });
    let drifted = |w: World, name: &str, live: Value| {
        let path = format!("Box/{name}");
        w.wants(&path, declared(name)).has(&path, live).remembers(&path, in_sync(&declared(name)))
    };
    let w = drifted(world(), "a", json!({ "name": "a", "size": 2, "open": false }));
    drifted(w, "z", json!({ "name": "z", "size": 1, "open": true })).check(
        "1 ~ change /open of id-z because /open is not as declared
         2 ~ change /size of id-a because /size is not as declared
         Box/a Update Drifted: Live differs at /size and is put back.
         Box/z Update Drifted: Live differs at /open and is put back.",
    );
}

#[test]
fn drift_is_healed_reported_or_paused_by_policy() {
    let fields = json!({ "name": "a", "size": 1 });
    let drifted = || world().has("Box/a", json!({ "name": "a", "size": 2 })).remembers("Box/a", in_sync(&fields));
    drifted().wants("Box/a", fields.clone()).check(
        "1 ~ change /size of id-a because /size is not as declared
         Box/a Update Drifted: Live differs at /size and is put back.",
    );
    let report: Policy = serde_json::from_value(json!({ "drift": "report" })).expect("policy");
    drifted()
        .wants_with("Box/a", fields.clone(), |d| d.policy = report)
        .check("Box/a Report Drifted: It has drifted; policy.drift is \"report\", so it is left as it is.");
    drifted()
        .wants_with("Box/a", fields.clone(), |d| d.hold = Some(Hold { reason: "freeze".to_owned(), until: None }))
        .check("Box/a Paused Paused: Paused: freeze");
    let ignore: Policy =
        serde_json::from_value(json!({ "ignore": [{ "path": "/size", "reason": "autoscaler" }] })).expect("policy");
    drifted().wants_with("Box/a", fields, |d| d.policy = ignore).check("Box/a InSync InSync: Live equals declared.");
}

#[test]
fn an_unowned_thing_of_the_same_identity_is_never_touched_unless_policy_adopts_it() {
    let squatter = || world().has_of("Box/x", json!({ "name": "a" }), &[]);
    let plan = squatter().wants("Box/a", json!({ "name": "a" })).plan();
    assert!(plan.steps.is_empty());
    assert_eq!(plan.verdicts[0].decision, Decision::Blocked);
    let adopt: Policy = serde_json::from_value(json!({ "adopt": "ifExists" })).expect("policy");
    squatter().wants_with("Box/a", json!({ "name": "a" }), |d| d.policy = adopt).check(
        r#"1 < tag id-x ["holdfast:resource", "holdfast:uid"] untag {} because policy.adopt allows to take it over
        Box/a Adopt Progressing: id-x exists without an owner and policy.adopt allows to take it over."#,
    );
    // What another declared resource owns is nobody else's, whatever the policy says.
    let adopt: Policy = serde_json::from_value(json!({ "adopt": "ifExists" })).expect("policy");
    let plan = world()
        .wants("Box/b", json!({ "name": "b" }))
        .has("Box/b", json!({ "name": "b" }))
        .wants_with("Box/a", json!({ "name": "b" }), |d| d.policy = adopt)
        .plan();
    assert!(plan.steps.is_empty());
}

#[test]
fn what_could_not_be_read_is_unknown_and_neither_created_nor_deleted() {
    let mut w = world()
        .wants("Box/a", json!({ "name": "a", "room": "${Room/r.id}" }))
        .wants("Room/r", json!({ "name": "r" }))
        .wants_with("Room/old", json!({ "name": "old" }), |d| d.fate = Fate::DeleteByName);
    let gap = Gap::new("DescribeRooms", vec![], "page 2 was lost");
    w.kinds.get_mut("Room").expect("Room").gaps.push(gap);
    w.check(
        r#"Box/a Blocked Blocked: Waits for Room/r: DescribeRooms could not be read: page 2 was lost
        Room/old Unknown Unknown: DescribeRooms could not be read: page 2 was lost
        Room/r Unknown Unknown: DescribeRooms could not be read: page 2 was lost"#,
    );
}

#[test]
fn a_store_that_was_lost_finds_its_own_again_and_creates_nothing() {
    let tags = [(UID_TAG, "a-uid-of-before"), (RESOURCE_TAG, "s/Box/a")];
    let plan = world().wants("Box/a", json!({ "name": "a" })).has_of("Box/x", json!({ "name": "a" }), &tags).plan();
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].text.starts_with("tag id-x"));
}

#[test]
fn deletes_run_against_the_references_and_circles_are_stripped_first() {
    let go = |d: &mut Desired| d.fate = Fate::DeleteByName;
    world()
        .wants_with("Room/r", json!({ "name": "r" }), go)
        .has("Room/r", json!({ "name": "r" }))
        .wants_with("Box/a", json!({ "name": "a", "room": "${Room/r.id}", "friends": ["${Box/b.id}"] }), go)
        .has("Box/a", json!({ "name": "a", "friends": [] }))
        .wants_with("Box/b", json!({ "name": "b", "friends": ["${Box/a.id}"] }), go)
        .has("Box/b", json!({ "name": "b", "friends": [] }))
        .check(
            "1 - strip id-b because somebody asked for it by name
             2 - strip id-a because somebody asked for it by name
             3 - delete id-b [1 2] because somebody asked for it by name
             4 - delete id-a [1 2] because somebody asked for it by name
             5 - delete id-r [4] because somebody asked for it by name
             Box/a Delete Deleting: Deleted because somebody asked for it by name.
             Box/b Delete Deleting: Deleted because somebody asked for it by name.
             Room/r Delete Deleting: Deleted because somebody asked for it by name.",
        );
}

#[test]
fn a_circle_that_an_earlier_pass_has_stripped_is_deleted() {
    let go = |d: &mut Desired| d.fate = Fate::DeleteByName;
    world()
        .wants_with("Box/a", json!({ "name": "a", "friends": ["${Box/b.id}"] }), go)
        .has("Box/a", json!({ "name": "a" }))
        .wants_with("Box/b", json!({ "name": "b", "friends": ["${Box/a.id}"] }), go)
        .has("Box/b", json!({ "name": "b" }))
        .check(
            "1 - delete id-a because somebody asked for it by name
             2 - delete id-b because somebody asked for it by name
             Box/a Delete Deleting: Deleted because somebody asked for it by name.
             Box/b Delete Deleting: Deleted because somebody asked for it by name.",
        );
}
