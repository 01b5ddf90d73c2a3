use crate::fixture::*;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Fate, Hold, Verb};
use holdfast_core::status::Phase;
use holdfast_store::{Changed, EventType, IntentOutcome, IntentResult, PassRecord, ResourceChange, Store};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

fn abroad() -> Scope {
    Scope::new("prod", "us-east-1")
}

pub(crate) fn the_desired_list_is_the_same_until_something_moves(store: &Store) {
    let away = ResourceChange { scope: abroad(), ..resource(ResourceKey::new("video", "Service", "web"), 1) };
    declare(store, 0, vec![service("web", 1), service("api", 1), away.clone()]);
    let list = || store.desired(&home(), at(1)).unwrap();
    let first = list();
    assert_eq!(first.iter().map(|d| d.key.name.as_str()).collect::<Vec<_>>(), ["api", "web"]);
    assert!(Arc::ptr_eq(&first, &list()));
    find_all(store, 2, Phase::InSync);
    declare(store, 3, vec![ResourceChange { spec: spec_of(9), ..away }]);
    assert!(Arc::ptr_eq(&first, &list()), "neither a status nor another scope moves it");
    declare(store, 4, vec![service("web", 2)]);
    assert_eq!(list()[1].generation, 2);
    remove(store, 5, key("web"), Some(Fate::DeleteByPolicy));
    assert_eq!(list()[1].fate, Fate::DeleteByPolicy);
    remove(store, 6, key("web"), None);
    assert_eq!(list().len(), 1);
}

pub(crate) fn a_pause_holds_the_stack_until_it_ends(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let held = |seconds| store.desired(&home(), at(seconds)).unwrap()[0].hold.clone();
    let told = event(1, &key("web"), EventType::Operated);
    assert_eq!(held(1), None);
    let hold = Hold { reason: "maintenance".to_owned(), until: Some(at(10)) };
    assert!(store.set_hold("es", Some(&hold), at(1), &told).unwrap());
    assert_eq!(held(5), Some(hold.clone()));
    assert_eq!(held(10), None);
    assert_eq!(held(9), Some(hold.clone()), "a clock that goes back does not lift it");
    assert_eq!(store.resource(&key("web")).unwrap().unwrap().hold, Some(hold));
    assert!(store.set_hold("es", None, at(2), &told).unwrap());
    assert_eq!((held(5), store.stack("es").unwrap().unwrap().hold), (None, None));
    let events = store.newest_event().unwrap();
    assert!(!store.set_hold("nobody", None, at(2), &told).unwrap());
    assert_eq!(store.newest_event().unwrap(), events);
}

pub(crate) fn a_status_of_an_overtaken_generation_is_not_kept(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let planned = desired_one(store, &key("web"));
    declare(store, 1, vec![service("web", 2)]);
    let late = |changed: Changed<'_>| {
        store.record(&PassRecord { changed: vec![changed], ..pass(2) }).unwrap();
        store.resource(&key("web")).unwrap().unwrap().status
    };
    let overtaken = found(&planned, Phase::InSync, 2);
    assert_eq!(late(overtaken.clone()).phase, Phase::Pending);
    assert_eq!(store.memories(&home()).unwrap()[&key("web")].id.as_deref(), Some("i-1"), "its id is still its id");
    assert_eq!(late(Changed { fate: Fate::DeleteByName, generation: 2, ..overtaken.clone() }).phase, Phase::Pending);
    let stranger =
        Changed { uid: "another".to_owned(), generation: 2, memory: Cow::Owned(memory("i-2")), ..overtaken.clone() };
    assert_eq!(late(stranger).phase, Phase::Pending);
    assert_eq!(store.memories(&home()).unwrap()[&key("web")].id.as_deref(), Some("i-1"));
    assert_eq!(late(Changed { generation: 2, ..overtaken }).phase, Phase::InSync);
}

pub(crate) fn a_resource_declared_again_is_not_dropped_as_gone(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let drop = |gone| store.record(&PassRecord { gone: vec![gone], ..pass(2) }).unwrap();
    drop(gone(&desired_one(store, &key("web"))));
    assert!(store.resource(&key("web")).unwrap().is_some(), "it was not to go");
    remove(store, 1, key("web"), Some(Fate::DeleteByName));
    let planned = gone(&desired_one(store, &key("web")));
    declare(store, 2, vec![service("web", 1)]);
    remove(store, 3, key("web"), Some(Fate::DeleteByName));
    drop(planned);
    assert!(store.resource(&key("web")).unwrap().is_some(), "it was declared again meanwhile");
    drop(gone(&desired_one(store, &key("web"))));
    assert!(store.resource(&key("web")).unwrap().is_none());
    assert!(store.desired(&home(), at(4)).unwrap().is_empty());
}

pub(crate) fn a_pass_without_news_moves_no_version(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    find_all(store, 1, Phase::InSync);
    let before = (store.resource(&key("web")).unwrap().unwrap().version, store.newest_event().unwrap());
    let mut same = found(&desired_one(store, &key("web")), Phase::InSync, 1);
    same.status.to_mut().last_observed_at = Some(at(60));
    store.record(&PassRecord { changed: vec![same], ..pass(60) }).unwrap();
    assert_eq!((store.resource(&key("web")).unwrap().unwrap().version, store.newest_event().unwrap()), before);
    assert_eq!(store.scope_statuses().unwrap()[0].swept_at, Some(at(60)));
}

pub(crate) fn what_is_remembered_goes_with_its_resource(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    assert!(store.memories(&home()).unwrap().is_empty());
    find_all(store, 1, Phase::InSync);
    let abroad = ResourceChange { scope: abroad(), ..service("web", 1) };
    declare(store, 2, vec![abroad.clone()]);
    assert!(store.memories(&abroad.scope).unwrap().is_empty(), "an id of one place says nothing in another");
    assert!(store.desired(&home(), at(2)).unwrap().is_empty());
    declare(store, 3, vec![service("web", 1)]);
    find_all(store, 4, Phase::InSync);
    remove(store, 5, key("web"), None);
    declare(store, 6, vec![service("web", 1)]);
    assert!(store.memories(&home()).unwrap().is_empty());
}

pub(crate) fn outputs_of_other_scopes_are_found(store: &Store) {
    declare(store, 0, vec![service("web", 1), service("api", 1)]);
    let changed = vec![found(&desired_one(store, &key("web")), Phase::InSync, 1)];
    store.record(&PassRecord { changed, ..pass(1) }).unwrap();
    let wanted: BTreeSet<_> = ["web", "api", "nobody"].map(key).into();
    let found = store.outputs_elsewhere(&abroad(), &wanted).unwrap();
    assert_eq!(found, [(key("web"), memory("i-1").outputs)].into());
    assert!(store.outputs_elsewhere(&home(), &wanted).unwrap().is_empty());
}

pub(crate) fn every_declared_uid_is_known(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let known = |name: &str| store.declared_uids().unwrap().contains(&format!("uid-es-Service-{name}"));
    assert!(known("web") && !known("api"));
    declare(store, 1, vec![service("api", 1)]);
    remove(store, 2, key("web"), None);
    assert!(!known("web") && known("api"));
}

pub(crate) fn an_intent_is_open_until_its_outcome(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let open = || store.open_intents(&home()).unwrap().iter().map(|i| i.id).collect::<Vec<_>>();
    let first = store.intend(&intent(&key("web"), Verb::Create, 1)).unwrap();
    let second = store.intend(&intent(&key("web"), Verb::Update, 2)).unwrap();
    assert!(first < second);
    assert_eq!(open(), [first, second]);
    assert!(store.open_intents(&abroad()).unwrap().is_empty());
    store.outcome(first, &applied(3), None).unwrap();
    assert_eq!(open(), [second]);
    let looked = IntentOutcome { at: at(4), result: IntentResult::Looked("it is there".to_owned()) };
    store.outcome(second, &looked, None).unwrap();
    assert!(open().is_empty());
    let records = store.intents_of(&key("web"), 10).unwrap();
    assert_eq!(records.iter().map(|r| r.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(records[0].outcome, Some(looked));
    assert_eq!(records[1].intent, intent(&key("web"), Verb::Create, 1));
}

pub(crate) fn an_outcome_stores_the_memory_of_its_own_resource_only(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let id = store.intend(&intent(&key("web"), Verb::Create, 1)).unwrap();
    store.outcome(id, &applied(2), Some((&key("web"), &memory("i-7")))).unwrap();
    assert_eq!(store.memories(&home()).unwrap()[&key("web")], memory("i-7"));
    let id = store.intend(&intent(&key("web"), Verb::Update, 3)).unwrap();
    remove(store, 4, key("web"), None);
    declare(store, 5, vec![ResourceChange { new_uid: "another".to_owned(), ..service("web", 1) }]);
    store.outcome(id, &applied(6), Some((&key("web"), &memory("i-7")))).unwrap();
    assert!(store.memories(&home()).unwrap().is_empty());
}

pub(crate) fn deletions_nobody_named_are_counted_by_resource(store: &Store) {
    let delete = |name: &str, seconds| store.intend(&intent(&key(name), Verb::Delete, seconds)).unwrap();
    delete("long-ago", 0);
    store.outcome(delete("web", 10), &applied(11), None).unwrap();
    delete("web", 12);
    delete("api", 13);
    store.outcome(delete("in-use", 14), &failed(15), None).unwrap();
    store.intend(&intent(&key("new"), Verb::Create, 16)).unwrap();
    assert_eq!(store.implicit_deletes_since(&home(), at(10)).unwrap(), 2);
    assert_eq!(store.implicit_deletes_since(&abroad(), at(0)).unwrap(), 0);
}

pub(crate) fn scopes_are_those_with_resources(store: &Store) {
    assert!(store.scopes().unwrap().is_empty());
    declare(store, 0, vec![service("web", 1), ResourceChange { scope: abroad(), ..service("api", 1) }]);
    assert_eq!(store.scopes().unwrap(), [home(), abroad()]);
}
