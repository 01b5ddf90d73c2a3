use crate::fixture::*;
use holdfast_core::plan::{Fate, Verb};
use holdfast_core::status::Phase;
use holdfast_store::{EventFilter, EventType, HistoryType, PassRecord, ResourceChange, Store};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn events_are_paged_and_filtered(store: &Store) {
    declare(store, 0, vec![service("web", 1), service("api", 1)]);
    store.log(&[event(1, &key("web"), EventType::Observed), event(2, &key("api"), EventType::Decided)]).unwrap();
    let all = store.events(0, 100, &EventFilter::default()).unwrap();
    assert_eq!(all.iter().map(|e| e.id).collect::<Vec<_>>(), (1..=5).collect::<Vec<_>>());
    assert_eq!(all[0].message, "stack es declared");
    assert_eq!(all[3], holdfast_store::Event { id: 4, ..event(1, &key("web"), EventType::Observed) });
    let page = store.events(2, 2, &EventFilter::default()).unwrap();
    assert_eq!(page.iter().map(|e| e.id).collect::<Vec<_>>(), [3, 4]);
    let ids = |filter: EventFilter| store.latest_events(100, &filter).unwrap().iter().map(|e| e.id).collect::<Vec<_>>();
    let none = EventFilter::default();
    assert_eq!(ids(EventFilter { stack: Some("es".to_owned()), ..none.clone() }), [5, 4, 3, 2, 1]);
    assert_eq!(ids(EventFilter { kind: Some("Service".to_owned()), ..none.clone() }), [5, 4, 3, 2]);
    assert_eq!(ids(EventFilter { name: Some("web".to_owned()), ..none.clone() }), [4, 2]);
    assert_eq!(ids(EventFilter { event_type: Some(EventType::Decided), ..none }), [5]);
    assert_eq!(store.newest_event().unwrap(), 5);
}

pub(crate) fn listeners_hear_of_the_newest_event_after_the_commit(store: &Store) {
    let heard = Arc::new(AtomicU64::new(0));
    let (listener, reader) = (Arc::clone(&heard), store.clone());
    store.on_event(Box::new(move |id| {
        let event = reader.events(id - 1, 1, &EventFilter::default()).unwrap().remove(0);
        assert_eq!(event.id, id, "it can be read by now");
        listener.store(id, Ordering::SeqCst);
    }));
    declare(store, 0, vec![service("web", 1)]);
    assert_eq!(heard.load(Ordering::SeqCst), 2);
    store.record(&PassRecord { events: vec![event(1, &key("web"), EventType::Observed)], ..pass(1) }).unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), 3);
    store.record(&pass(2)).unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), 3);
}

pub(crate) fn history_tells_everything_newest_first_and_outlives_its_resource(store: &Store) {
    let web = key("web");
    declare(store, 0, vec![service("web", 1)]);
    let id = store.intend(&intent(&web, Verb::Create, 1)).unwrap();
    store.outcome(id, &applied(1), None).unwrap();
    let events =
        vec![event(1, &web, EventType::Observed), event(1, &web, EventType::Acted), event(1, &web, EventType::Decided)];
    store.record(&PassRecord { events, ..pass(1) }).unwrap();
    declare(store, 2, vec![service("web", 2)]);
    remove(store, 3, web.clone(), Some(Fate::DeleteByName));
    store.record(&PassRecord { gone: vec![gone(&desired_one(store, &web))], ..pass(4) }).unwrap();
    declare(store, 5, vec![ResourceChange { new_uid: "another".to_owned(), ..service("web", 3) }]);

    let history = store.history(&web, 100).unwrap();
    let told: Vec<_> = history.iter().map(|h| (h.entry_type, h.generation)).collect();
    assert_eq!(
        told,
        [
            (HistoryType::Generation, Some(1)),
            (HistoryType::Removal, Some(1 + 1)),
            (HistoryType::Generation, Some(2)),
            (HistoryType::Action, Some(1)),
            (HistoryType::Decision, None),
            (HistoryType::Observation, None),
            (HistoryType::Generation, Some(1)),
        ]
    );
    assert_eq!(history[2].data["spec"], spec_of(2));
    assert_eq!(history[2].data["uid"], "uid-es-Service-web");
    assert_eq!(history[3].message, "create es/Service/web because it is missing: done");
    assert_eq!(store.history(&web, 2).unwrap(), history[..2]);
    assert!(store.history(&key("nobody"), 10).unwrap().is_empty());
}

pub(crate) fn pruning_clears_what_is_old_and_keeps_what_counts(store: &Store) {
    declare(store, 0, vec![service("stays", 1), service("goes", 1)]);
    declare(store, 1, vec![service("stays", 2)]);
    remove(store, 2, key("goes"), None);
    let open = store.intend(&intent(&key("stays"), Verb::Create, 3)).unwrap();
    let ended = store.intend(&intent(&key("stays"), Verb::Update, 3)).unwrap();
    store.outcome(ended, &applied(3), None).unwrap();
    store.save_plan("hash", &json!({}), at(3)).unwrap();
    find_all(store, 3, Phase::InSync);
    store.log(&[event(100, &key("stays"), EventType::Observed)]).unwrap();
    let newest = store.newest_event().unwrap();

    assert!(store.prune_log(at(50)).unwrap() > 0);
    assert_eq!(store.prune_log(at(50)).unwrap(), 0);
    assert_eq!(store.events(0, 100, &EventFilter::default()).unwrap().len(), 1);
    assert_eq!(store.newest_event().unwrap(), newest);
    let generations = |name| {
        store.history(&key(name), 100).unwrap().iter().filter(|h| h.entry_type == HistoryType::Generation).count()
    };
    assert_eq!((generations("stays"), generations("goes")), (2, 0));
    assert_eq!(store.open_intents(&home()).unwrap()[0].id, open);
    assert_eq!(store.intents_of(&key("stays"), 10).unwrap().len(), 1);
    assert_eq!(store.plan("hash").unwrap(), None);
    assert_eq!(store.scope_statuses().unwrap().len(), 1);
    store.prune_log(at(200)).unwrap();
    store.log(&[event(201, &key("stays"), EventType::Observed)]).unwrap();
    assert_eq!(store.newest_event().unwrap(), newest + 1, "an id is never used twice");
    remove(store, 202, key("stays"), None);
    store.prune_log(at(300)).unwrap();
    assert!(store.scope_statuses().unwrap().is_empty());
}

pub(crate) fn a_plan_is_kept_by_its_hash(store: &Store) {
    store.save_plan("hash", &json!({ "steps": 1 }), at(0)).unwrap();
    store.save_plan("hash", &json!({ "steps": 1 }), at(9)).unwrap();
    let plan = store.plan("hash").unwrap().unwrap();
    assert_eq!((plan.created_at, plan.body, plan.hash.as_str()), (at(0), json!({ "steps": 1 }), "hash"));
    assert_eq!(store.plan("other").unwrap(), None);
}

pub(crate) fn the_probe_succeeds(store: &Store) {
    store.check().unwrap();
}
