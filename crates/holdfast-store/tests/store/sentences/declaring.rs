use crate::fixture::*;
use holdfast_core::document::{AccountSpec, StackSpec};
use holdfast_core::plan::Fate;
use holdfast_core::policy::{DriftPolicy, Policy};
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_store::{
    AccountChange, Answer, Change, EventFilter, Filter, Gone, IdempotencyRecord, PassRecord, Precondition,
    ResourceChange, StackChange, Store, StoreError, Target, What,
};
use serde_json::json;

fn summary(store: &Store) -> u64 {
    store.summary(&Filter::default()).unwrap().resources
}

pub(crate) fn a_new_resource_starts_at_generation_one_and_is_pending(store: &Store) {
    let outcome = declare(store, 0, vec![service("web", 2)]).remove(0);
    assert_eq!((outcome.what, outcome.generation), (What::Created, 1));
    let record = store.resource(&key("web")).unwrap().unwrap();
    assert_eq!((record.generation, record.version, record.fate), (1, outcome.version, Fate::Keep));
    assert_eq!((record.status.phase, record.status.observed_generation), (Phase::Pending, 0));
    assert_eq!((record.created_at, record.uid.as_str()), (at(0), "uid-es-Service-web"));
}

pub(crate) fn the_same_declaration_again_moves_nothing(store: &Store) {
    let first = declare(store, 0, vec![service("web", 2)]).remove(0);
    let events = store.newest_event().unwrap();
    let again =
        declare(store, 1, vec![ResourceChange { new_uid: "another".to_owned(), ..service("web", 2) }]).remove(0);
    assert_eq!((again.what, again.generation, again.version), (What::Unchanged, 1, first.version));
    assert_eq!(store.newest_event().unwrap(), events);
    assert_eq!(store.resource(&key("web")).unwrap().unwrap().uid, "uid-es-Service-web");
}

pub(crate) fn keys_in_another_order_are_no_change(store: &Store) {
    let spec = |text: &str| ResourceChange { spec: serde_json::from_str(text).unwrap(), ..service("web", 2) };
    declare(store, 0, vec![spec(r#"{"a":1.1,"b":{"c":1,"d":2}}"#)]);
    let again = declare(store, 1, vec![spec(r#"{"b":{"d":2,"c":1},"a":1.1}"#)]).remove(0);
    assert_eq!(again.what, What::Unchanged);
}

pub(crate) fn inputs_move_the_generation(store: &Store) {
    let mut web = service("web", 2);
    declare(store, 0, vec![web.clone()]);
    let expect = |change: &ResourceChange, generation| {
        let outcome = declare(store, 1, vec![change.clone()]).remove(0);
        assert_eq!((outcome.what, outcome.generation), (What::Updated, generation));
    };
    web.spec = spec_of(3);
    expect(&web, 2);
    web.policy_effective = Policy { drift: Some(DriftPolicy::Report), ..Policy::default() };
    expect(&web, 3);
    web.stack_tags.clear();
    expect(&web, 4);
    web.scope.region = "us-east-1".to_owned();
    expect(&web, 5);
}

pub(crate) fn what_only_people_read_moves_the_version_alone(store: &Store) {
    let mut web = service("web", 2);
    let mut before = declare(store, 0, vec![web.clone()]).remove(0).version;
    let mut expect = |change: &ResourceChange| {
        let outcome = declare(store, 1, vec![change.clone()]).remove(0);
        assert_eq!((outcome.what, outcome.generation), (What::Updated, 1));
        assert!(outcome.version > before);
        before = outcome.version;
    };
    web.labels.insert("team".to_owned(), "media".to_owned());
    expect(&web);
    web.document_spec = web.spec.clone();
    expect(&web);
    web.policy_own.protect = Some(false);
    expect(&web);
    let record = store.resource(&key("web")).unwrap().unwrap();
    assert_eq!(record.labels["team"], "media");
    assert_eq!(record.document_spec, record.spec);
}

pub(crate) fn a_new_generation_is_no_longer_called_in_sync(store: &Store) {
    declare(store, 0, vec![service("web", 2)]);
    find_all(store, 1, Phase::InSync);
    declare(store, 2, vec![service("web", 3)]);
    let record = store.resource(&key("web")).unwrap().unwrap();
    assert_eq!((record.status.phase, record.status.observed_generation, record.generation), (Phase::Pending, 1, 2));
    let synced = record.status.condition(ConditionType::Synced).unwrap();
    assert_eq!((synced.status, synced.reason.as_str(), synced.since), (Truth::Unknown, "NewGeneration", at(2)));
    assert_eq!(record.status.outputs["id"], "i-1");
}

pub(crate) fn a_resource_declared_again_while_it_goes_stays_and_moves_on(store: &Store) {
    declare(store, 0, vec![service("web", 2)]);
    find_all(store, 1, Phase::InSync);
    let going = remove(store, 2, key("web"), Some(Fate::DeleteByName));
    assert_eq!((going.what, going.generation), (What::Deleting, 1));
    let record = store.resource(&key("web")).unwrap().unwrap();
    assert_eq!((record.fate, record.status.phase), (Fate::DeleteByName, Phase::Deleting));
    let again =
        declare(store, 3, vec![ResourceChange { new_uid: "another".to_owned(), ..service("web", 2) }]).remove(0);
    assert_eq!((again.what, again.generation), (What::Updated, 2));
    let record = store.resource(&key("web")).unwrap().unwrap();
    assert_eq!((record.fate, record.uid.as_str()), (Fate::Keep, "uid-es-Service-web"));
}

pub(crate) fn a_retained_resource_goes_at_once(store: &Store) {
    declare(store, 0, vec![service("web", 2), service("api", 2)]);
    assert_eq!(remove(store, 1, key("web"), None).what, What::Removed);
    assert_eq!(store.resource(&key("web")).unwrap(), None);
    assert_eq!(remove(store, 2, key("web"), None).what, What::Unchanged);
    let fresh = ResourceChange { new_uid: "another".to_owned(), ..service("web", 2) };
    let outcome = declare(store, 3, vec![fresh]).remove(0);
    assert_eq!((outcome.what, outcome.generation), (What::Created, 1));
}

pub(crate) fn a_deletion_by_name_is_not_weakened_by_policy(store: &Store) {
    declare(store, 0, vec![service("web", 2)]);
    let fate = || store.resource(&key("web")).unwrap().unwrap().fate;
    remove(store, 1, key("web"), Some(Fate::DeleteByPolicy));
    assert_eq!(fate(), Fate::DeleteByPolicy);
    assert_eq!(remove(store, 2, key("web"), Some(Fate::DeleteByName)).what, What::Deleting);
    assert_eq!(remove(store, 3, key("web"), Some(Fate::DeleteByPolicy)).what, What::Unchanged);
    assert_eq!(fate(), Fate::DeleteByName);
}

pub(crate) fn a_stack_goes_with_its_last_resource(store: &Store) {
    declare(store, 0, vec![service("api", 2), service("web", 2)]);
    let removals = ["api", "web"].map(|n| holdfast_store::Removal { key: key(n), fate: Some(Fate::DeleteByName) });
    let outcomes = store
        .change(&Change { removals: removals.into(), removed_stacks: vec!["es".to_owned()], ..change(1) })
        .unwrap();
    assert!(outcomes.iter().all(|o| o.what == What::Deleting), "{outcomes:?}");
    let drop = |name| {
        let gone: Vec<Gone> = vec![gone(&desired_one(store, &key(name)))];
        store.record(&PassRecord { gone, ..pass(2) }).unwrap();
    };
    drop("api");
    assert!(store.stack("es").unwrap().unwrap().deleting);
    drop("web");
    assert_eq!(store.stack("es").unwrap(), None);
    let last = store.latest_events(1, &EventFilter::default()).unwrap().remove(0);
    assert_eq!((last.reason.as_str(), last.stack.as_deref()), ("Removed", Some("es")));
}

pub(crate) fn an_empty_stack_goes_at_once(store: &Store) {
    declare(store, 0, vec![service("web", 2)]);
    let removals = vec![holdfast_store::Removal { key: key("web"), fate: None }];
    let outcomes = store.change(&Change { removals, removed_stacks: vec!["es".to_owned()], ..change(1) }).unwrap();
    assert_eq!(outcomes.iter().map(|o| o.what).collect::<Vec<_>>(), [What::Removed, What::Removed]);
    assert!(store.stacks().unwrap().is_empty());
}

pub(crate) fn a_stack_declared_again_while_it_goes_stays(store: &Store) {
    declare(store, 0, vec![service("web", 2)]);
    store.change(&Change { removed_stacks: vec!["es".to_owned()], ..change(1) }).unwrap();
    let outcome = store.change(&Change { stacks: vec![stack("es")], ..change(2) }).unwrap().remove(0);
    assert_eq!((outcome.what, outcome.generation), (What::Updated, 1));
    remove(store, 3, key("web"), None);
    assert!(!store.stack("es").unwrap().unwrap().deleting);
}

pub(crate) fn a_precondition_that_does_not_hold_leaves_nothing(store: &Store) {
    let version = declare(store, 0, vec![service("web", 2)]).remove(0).version;
    let web = Target::Resource(key("web"));
    let refused = [
        (Precondition::IfVersion(web.clone(), version + 1), Some(version)),
        (Precondition::MustNotExist(web.clone()), Some(version)),
        (Precondition::IfVersion(Target::Stack("other".to_owned()), 1), None),
        (Precondition::IfVersion(Target::Account("prod".to_owned()), 1), None),
    ];
    for (precondition, now_at) in refused {
        let preconditions = vec![precondition];
        let answer =
            store.change(&Change { preconditions, resources: vec![service("new", 1), service("web", 9)], ..change(1) });
        assert!(matches!(answer, Err(StoreError::Conflict { found, .. }) if found == now_at), "{answer:?}");
        assert_eq!(summary(store), 1);
        assert_eq!(store.resource(&key("web")).unwrap().unwrap().version, version);
    }
    let preconditions =
        vec![Precondition::IfVersion(web, version), Precondition::MustNotExist(Target::Resource(key("new")))];
    store.change(&Change { preconditions, resources: vec![service("new", 1)], ..change(1) }).unwrap();
    assert_eq!(summary(store), 2);
}

pub(crate) fn a_resource_without_its_stack_leaves_nothing(store: &Store) {
    let accounts = vec![AccountChange { name: "prod".to_owned(), ..AccountChange::default() }];
    let answer = store.change(&Change { accounts, resources: vec![service("web", 2)], ..change(0) });
    assert!(matches!(answer, Err(StoreError::Missing(Target::Stack(name))) if name == "es"));
    assert!(store.accounts().unwrap().is_empty());
    assert_eq!(store.newest_event().unwrap(), 0);
}

pub(crate) fn versions_never_come_back(store: &Store) {
    let first = declare(store, 0, vec![service("web", 2)]).remove(0).version;
    remove(store, 1, key("web"), None);
    let second = declare(store, 2, vec![service("web", 2)]).remove(0).version;
    assert!(second > first);
    find_all(store, 3, Phase::InSync);
    assert!(store.resource(&key("web")).unwrap().unwrap().version > second);
}

pub(crate) fn stacks_and_accounts_count_their_generations(store: &Store) {
    let mut es = StackChange { labels: [("a".to_owned(), "b".to_owned())].into(), ..stack("es") };
    let mut prod = AccountChange { name: "prod".to_owned(), ..AccountChange::default() };
    let apply = |es: &StackChange, prod: &AccountChange| {
        let (stacks, accounts) = (vec![es.clone()], vec![prod.clone()]);
        let outcomes = store.change(&Change { stacks, accounts, ..change(0) }).unwrap();
        outcomes.iter().map(|o| (o.what, o.generation)).collect::<Vec<_>>()
    };
    assert_eq!(apply(&es, &prod), [(What::Created, 1), (What::Created, 1)]);
    assert_eq!(apply(&es, &prod), [(What::Unchanged, 1), (What::Unchanged, 1)]);
    es.spec = StackSpec { region: Some("eu-west-3".to_owned()), ..StackSpec::default() };
    prod.labels.insert("c".to_owned(), "d".to_owned());
    assert_eq!(apply(&es, &prod), [(What::Updated, 1), (What::Updated, 2)]);
    prod.spec = AccountSpec { account_id: "123456789012".to_owned(), ..AccountSpec::default() };
    assert_eq!(apply(&es, &prod), [(What::Updated, 2), (What::Unchanged, 2)]);
    assert_eq!(store.stack("es").unwrap().unwrap().spec, es.spec);
    assert_eq!(store.account("prod").unwrap().unwrap().spec, prod.spec);
}

pub(crate) fn a_change_under_a_key_is_made_once(store: &Store) {
    let change = |count| Change { stacks: vec![stack("es")], resources: vec![service("web", count)], ..change(0) };
    let answer = |body: &str| (200, body.as_bytes().to_vec());
    let made = store.change_once("k", "hash", &change(2), &|outcomes| answer(&outcomes.len().to_string())).unwrap();
    let Answer::Made(outcomes, kept) = made else { panic!("{made:?}") };
    assert_eq!((outcomes.len(), kept.body.as_slice()), (2, b"2".as_slice()));
    let again = store.change_once("k", "other hash", &change(9), &|_| answer("never")).unwrap();
    assert_eq!(again, Answer::Repeat(kept.clone()));
    assert_eq!(store.resource(&key("web")).unwrap().unwrap().generation, 1);
    assert_eq!(store.idempotent("k").unwrap(), Some(kept));
    // A change that is refused keeps no answer.
    let refused =
        Change { preconditions: vec![Precondition::MustNotExist(Target::Stack("es".to_owned()))], ..change(3) };
    assert!(store.change_once("k2", "hash", &refused, &|_| answer("never")).is_err());
    assert_eq!(store.idempotent("k2").unwrap(), None);
}

pub(crate) fn an_answer_is_kept_once(store: &Store) {
    let record = |body: &str| IdempotencyRecord {
        request_hash: "hash".to_owned(),
        status: 202,
        body: json!(body).to_string().into_bytes(),
    };
    assert_eq!(store.save_idempotent("k", &record("first"), at(0)).unwrap(), None);
    assert_eq!(store.save_idempotent("k", &record("second"), at(1)).unwrap(), Some(record("first")));
}
