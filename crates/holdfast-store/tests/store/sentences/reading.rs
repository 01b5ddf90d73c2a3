use crate::fixture::*;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::observe::Gap;
use holdfast_core::policy::{Policy, RolloutPolicy};
use holdfast_core::status::Phase;
use holdfast_store::{Filter, PassRecord, ResourceChange, Store};
use serde_json::json;
use std::sync::{Arc, Barrier};

fn names(store: &Store, filter: &Filter) -> Vec<String> {
    store.resources(filter, 100, None).unwrap().iter().map(|r| r.key.to_string()).collect()
}

/// Six resources over two stacks, two kinds, two scopes.
fn zoo(store: &Store) {
    let place = |stack: &str, kind: &str, name: &str| resource(ResourceKey::new(stack, kind, name), 1);
    let abroad = |r: ResourceChange| ResourceChange { scope: Scope::new("prod", "us-east-1"), ..r };
    declare(
        store,
        0,
        vec![
            place("es", "Service", "web"),
            place("es", "Cluster", "main"),
            place("es", "Service", "Api_1"),
            abroad(place("video", "Service", "web")),
            abroad(place("video", "Cluster", "main")),
            place("video", "Service", "api-1"),
        ],
    );
}

pub(crate) fn pages_follow_each_other_in_the_order_of_keys(store: &Store) {
    zoo(store);
    let mut keys: Vec<ResourceKey> = Vec::new();
    loop {
        let page = store.resources(&Filter::default(), 2, keys.last()).unwrap();
        if page.is_empty() {
            break;
        }
        keys.extend(page.into_iter().map(|r| r.key));
    }
    assert_eq!(keys.len(), 6);
    assert!(keys.is_sorted());
}

pub(crate) fn each_filter_lets_through_what_it_says(store: &Store) {
    zoo(store);
    find_all(store, 1, Phase::InSync);
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default();
    assert_eq!(names(store, &Filter { stack: some("es"), ..none.clone() }).len(), 3);
    assert_eq!(
        names(store, &Filter { kind: some("Cluster"), ..none.clone() }),
        ["es/Cluster/main", "video/Cluster/main"]
    );
    assert_eq!(names(store, &Filter { account: some("prod"), ..none.clone() }).len(), 2);
    assert_eq!(names(store, &Filter { region: some("eu-west-1"), ..none.clone() }).len(), 4);
    assert_eq!(names(store, &Filter { phase: Some(Phase::Pending), ..none.clone() }).len(), 2);
    let both = Filter { stack: some("video"), kind: some("Service"), phase: Some(Phase::InSync), ..none };
    assert_eq!(names(store, &both), ["video/Service/api-1"]);
}

pub(crate) fn text_is_found_whatever_its_case_and_means_itself(store: &Store) {
    zoo(store);
    let find = |q: &str| names(store, &Filter { q: Some(q.to_owned()), ..Filter::default() });
    assert_eq!(find("API"), ["es/Service/Api_1", "video/Service/api-1"]);
    assert_eq!(find("api_"), ["es/Service/Api_1"]);
    assert_eq!(find("s/ser").len(), 2);
    assert!(find("%").is_empty());
}

pub(crate) fn the_summary_counts_by_phase(store: &Store) {
    zoo(store);
    find_all(store, 1, Phase::InSync);
    let summary = store.summary(&Filter::default()).unwrap();
    assert_eq!(summary.resources, 6);
    assert_eq!(summary.phases, [(Phase::Pending, 2), (Phase::InSync, 4)].into());
    assert_eq!(summary.stacks["video"], [(Phase::Pending, 2), (Phase::InSync, 1)].into());
    assert_eq!(summary.accounts["prod"], [(Phase::Pending, 2)].into());
    assert_eq!(summary.regions["eu-west-1"], [(Phase::InSync, 4)].into());
    assert_eq!(summary.kinds["Cluster"], [(Phase::Pending, 1), (Phase::InSync, 1)].into());
    assert_eq!((summary.with_drift, summary.oldest_drift), (0, None));
    let es = store.summary(&Filter { stack: Some("es".to_owned()), ..Filter::default() }).unwrap();
    assert_eq!((es.resources, es.stacks.len()), (3, 1));
}

pub(crate) fn drifted_resources_are_found_with_the_oldest(store: &Store) {
    declare(store, 0, vec![service("api", 1), service("jobs", 1), service("web", 1)]);
    find_all(store, 1, Phase::InSync);
    for (name, seconds) in [("web", 5), ("api", 7)] {
        let changed = vec![found(&desired_one(store, &key(name)), Phase::Drifted, seconds)];
        store.record(&PassRecord { changed, ..pass(8) }).unwrap();
    }
    let drifted = store.drifted(&Filter::default()).unwrap();
    assert_eq!(drifted.iter().map(|r| r.key.name.as_str()).collect::<Vec<_>>(), ["api", "web"]);
    let summary = store.summary(&Filter::default()).unwrap();
    assert_eq!((summary.with_drift, summary.oldest_drift), (2, Some((key("web"), at(5)))));
    find_all(store, 9, Phase::InSync);
    assert!(store.drifted(&Filter::default()).unwrap().is_empty());
}

pub(crate) fn last_seen_follows_the_sweep_where_it_could_read(store: &Store) {
    declare(store, 0, vec![service("web", 1)]);
    let seen = || store.resource(&key("web")).unwrap().unwrap().status.last_observed_at;
    store.record(&pass(1)).unwrap();
    assert_eq!(seen(), None, "nobody has said anything of it yet");
    find_all(store, 2, Phase::InSync);
    store.record(&pass(60)).unwrap();
    assert_eq!(seen(), Some(at(60)));
    let gap = Gap::new("ecs:DescribeServices", Vec::new(), "throttled");
    let mut blind = pass(120);
    blind.scope_status.gaps.insert("Service".to_owned(), vec![gap]);
    store.record(&blind).unwrap();
    assert!(seen() < Some(at(120)));
    assert_eq!(store.scope_statuses().unwrap(), [blind.scope_status]);
}

pub(crate) fn what_was_written_comes_back_as_it_was(store: &Store) {
    let odd =
        json!({ "text": "ü \u{0} \"'%\n${x}", "number": -1.5e300, "none": null, "list": [[], {}], "big": u64::MAX });
    let web = ResourceChange {
        document_spec: odd.clone(),
        spec: odd,
        policy_own: Policy { protect: Some(true), ..Policy::default() },
        policy_effective: Policy { protect: Some(true), rollout: Some(RolloutPolicy::Approve), ..Policy::default() },
        labels: [("k".to_owned(), String::new())].into(),
        ..service("web", 1)
    };
    declare(store, 0, vec![web.clone()]);
    let record = store.resource(&key("web")).unwrap().unwrap();
    assert_eq!((record.spec.value(), record.document_spec.value()), (web.spec.clone(), web.document_spec.clone()));
    assert_eq!((record.policy_own, record.policy_effective), (web.policy_own, web.policy_effective.clone()));
    assert_eq!((record.labels, record.stack_tags, record.scope), (web.labels, web.stack_tags.clone(), home()));
    let desired = desired_one(store, &key("web"));
    assert_eq!(
        (desired.spec.value(), desired.policy, desired.stack_tags),
        (web.spec, web.policy_effective, web.stack_tags.into())
    );
    find_all(store, 3, Phase::Drifted);
    assert_eq!(store.statuses(&home()).unwrap()[&key("web")], status(Phase::Drifted, 1, 3));
    assert_eq!(store.memories(&home()).unwrap()[&key("web")], memory("i-1"));
}

pub(crate) fn who_wants_a_list_while_it_is_read_gets_what_is_read(store: &Store) {
    declare(store, 0, (0..400).map(|n| service(&format!("web-{n}"), 1)).collect());
    let start = Barrier::new(8);
    let ask = || {
        start.wait();
        store.desired(&home(), at(1)).unwrap()
    };
    let lists: Vec<_> = std::thread::scope(|threads| {
        let asked: Vec<_> = (0..8).map(|_| threads.spawn(ask)).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(lists.iter().all(|list| list.len() == 400 && Arc::ptr_eq(list, &lists[0])), "it was read more than once");
}
