use crate::fixture::*;
use holdfast_core::plan::{Desired, Fate, Instead, Part, Release, hash_of_parts};
use holdfast_core::policy::{Policy, RolloutPolicy};
use holdfast_store::{Consent, Event, EventType, PlanEnd, ResourceChange, Store};
use jiff::Timestamp;

fn gated(count: u64) -> ResourceChange {
    let policy = Policy { rollout: Some(RolloutPolicy::Approve), ..Policy::default() };
    ResourceChange { policy_effective: policy, ..service("web", count) }
}

fn web(store: &Store) -> Desired {
    desired_one(store, &key("web"))
}

/// The generation that is carried out of the service.
fn carried(store: &Store) -> Option<(u64, Fate)> {
    web(store).carried_out()
}

fn part(hash: &str) -> Part {
    Part {
        stack: "es".to_owned(),
        scope: home(),
        hash: hash.to_owned(),
        approved: false,
        unread: false,
        steps: vec![],
        verdicts: vec![],
    }
}

fn pass(store: &Store, parts: &[Part], released: &[Release], seconds: i64) {
    let told =
        |stack: &str, plan: &str| Event::new(at(seconds), EventType::Decided, "PlanOvertaken", plan).of_stack(stack);
    store.record_awaiting(&home(), parts, released, (at(seconds), at(seconds)), &told).unwrap();
}

fn release(desired: &Desired) -> Release {
    Release { key: desired.key.clone(), uid: desired.uid.clone(), generation: desired.generation, fate: desired.fate }
}

fn consent(seconds: i64) -> Consent {
    Consent { at: at(seconds), by: "ann".to_owned(), reason: Some("looks right".to_owned()) }
}

fn approved(seconds: i64) -> Event {
    Event::new(at(seconds), EventType::Operated, "Approved", "by ann").of_stack("es")
}

fn given(store: &Store, seconds: i64) -> Option<String> {
    store.approvals(&home(), at(seconds)).unwrap().given.get("es").map(|g| g.plan.clone())
}

pub(crate) fn under_approval_nothing_is_carried_out_before_its_release(store: &Store) {
    declare(store, 0, vec![gated(2)]);
    assert_eq!(web(store).instead.as_deref(), Some(&Instead::Nothing));
    pass(store, &[], &[release(&web(store))], 1);
    assert_eq!(carried(store), Some((1, Fate::Keep)));
    declare(store, 2, vec![gated(3)]);
    assert_eq!(carried(store), Some((1, Fate::Keep)));
    let Some(Instead::Approved(first)) = web(store).instead.as_deref().cloned() else { panic!("it is held") };
    assert_eq!(first.spec.value(), spec_of(2));
    declare(store, 3, vec![gated(4)]);
    assert_eq!(carried(store), Some((1, Fate::Keep)), "what was never released is skipped");
    pass(store, &[], &[release(&web(store))], 4);
    assert_eq!(carried(store), Some((3, Fate::Keep)));
}

pub(crate) fn what_was_declared_before_approval_was_asked_for_is_carried_out(store: &Store) {
    declare(store, 0, vec![service("web", 2)]);
    declare(store, 1, vec![gated(3)]);
    assert_eq!((web(store).generation, carried(store)), (2, Some((1, Fate::Keep))));
    declare(store, 2, vec![service("web", 3)]);
    assert_eq!(carried(store), Some((3, Fate::Keep)), "without approval everything is");
}

pub(crate) fn a_deletion_by_policy_is_held_and_one_by_name_is_not(store: &Store) {
    declare(store, 0, vec![gated(2)]);
    pass(store, &[], &[release(&web(store))], 1);
    remove(store, 2, key("web"), Some(Fate::DeleteByPolicy));
    assert_eq!(carried(store), Some((1, Fate::Keep)));
    pass(store, &[], &[release(&web(store))], 3);
    assert_eq!(carried(store), Some((1, Fate::DeleteByPolicy)));
    declare(store, 4, vec![gated(2)]);
    assert_eq!((web(store).generation, carried(store)), (2, Some((1, Fate::Keep))));
    remove(store, 5, key("web"), Some(Fate::DeleteByName));
    assert_eq!(carried(store), Some((2, Fate::DeleteByName)));
}

pub(crate) fn a_release_of_what_moved_meanwhile_does_nothing(store: &Store) {
    declare(store, 0, vec![gated(2)]);
    let planned = release(&web(store));
    declare(store, 1, vec![gated(3)]);
    pass(store, &[], &[planned], 2);
    assert_eq!(carried(store), None);
}

pub(crate) fn an_approval_is_used_once_or_refused(store: &Store) {
    declare(store, 0, vec![gated(2)]);
    pass(store, &[part("a")], &[], 1);
    let waiting = store.awaiting("es").unwrap().unwrap();
    assert_eq!(waiting.plan, hash_of_parts(&[part("a")]));
    let plan = waiting.plan.clone();
    store.approve(&plan, &waiting.parts, &consent(2), &[approved(2)]).unwrap();
    assert_eq!(given(store, 1), None, "a plan that looked before does not know of it");
    assert_eq!(given(store, 2).as_ref(), Some(&plan));
    assert_eq!(store.plan(&plan).unwrap().unwrap().approval, Some(consent(2)));
    let carried_out = Part { approved: true, ..part("a") };
    pass(store, &[carried_out], &[release(&web(store))], 3);
    assert_eq!((given(store, 9), store.awaiting("es").unwrap()), (None, None));
    assert_eq!(store.plan(&plan).unwrap().unwrap().outcome.unwrap().end, PlanEnd::CarriedOut);

    pass(store, &[part("b")], &[], 4);
    let waiting = store.awaiting("es").unwrap().unwrap();
    store.approve(&waiting.plan, &waiting.parts, &consent(5), &[approved(5)]).unwrap();
    // What could not be read proves nothing; what is another plan does.
    pass(store, &[Part { unread: true, ..part("?") }], &[], 6);
    assert_eq!(given(store, 9).as_ref(), Some(&waiting.plan));
    // What is approved in its place ends it too.
    let other = store.keep_plan(&[part("d")], at(6)).unwrap();
    store.approve(&other, &[part("d")], &consent(6), &[approved(6)]).unwrap();
    let outcome = store.plan(&waiting.plan).unwrap().unwrap().outcome.unwrap();
    assert_eq!((outcome.end, outcome.replaced_by), (PlanEnd::Overtaken, Some(other)));
    store.approve(&waiting.plan, &waiting.parts, &consent(6), &[approved(6)]).unwrap();
    pass(store, &[part("c")], &[], 7);
    assert_eq!(given(store, 9), None);
    let outcome = store.plan(&waiting.plan).unwrap().unwrap().outcome.unwrap();
    assert_eq!((outcome.end, outcome.replaced_by), (PlanEnd::Overtaken, Some(hash_of_parts(&[part("c")]))));
    let replaced = store.approvals(&home(), at(9)).unwrap().replaced["es"].clone();
    assert_eq!((replaced.part.as_str(), replaced.plan), ("c", waiting.plan));
    assert_eq!(store.newest_event().unwrap(), store.events(0, 99, &Default::default()).unwrap().len() as u64);
}

pub(crate) fn plans_go_with_the_log_unless_somebody_is_asked_about_them(store: &Store) {
    declare(store, 0, vec![gated(2)]);
    pass(store, &[part("a")], &[], 1);
    let waiting = store.awaiting("es").unwrap().unwrap().plan;
    let old = store.keep_plan(&[part("z")], at(1)).unwrap();
    store.prune_log(Timestamp::MAX).unwrap();
    assert!(store.plan(&waiting).unwrap().is_some());
    assert_eq!(store.plan(&old).unwrap(), None);
}

pub(crate) fn one_plan_names_all_scopes_of_a_stack(store: &Store) {
    let there = holdfast_core::name::Scope::new("default", "us-east-1");
    let away = ResourceChange { scope: there.clone(), ..ResourceChange { key: key("api"), ..gated(2) } };
    declare(store, 0, vec![gated(2), ResourceChange { new_uid: "uid-api".to_owned(), ..away }]);
    pass(store, &[part("a")], &[], 1);
    let far = Part { scope: there.clone(), ..part("b") };
    let told = |stack: &str, plan: &str| Event::new(at(2), EventType::Decided, "PlanOvertaken", plan).of_stack(stack);
    store.record_awaiting(&there, std::slice::from_ref(&far), &[], (at(2), at(2)), &told).unwrap();
    let waiting = store.awaiting("es").unwrap().unwrap();
    assert_eq!(waiting.plan, hash_of_parts(&[part("a"), far]));
    assert_eq!(store.approvals(&home(), at(2)).unwrap().elsewhere["es"][&there], "b");
    store.approve(&waiting.plan, &waiting.parts, &consent(3), &[approved(3)]).unwrap();
    for scope in [&home(), &there] {
        assert_eq!(store.approvals(scope, at(3)).unwrap().given["es"].plan, waiting.plan);
    }
}
