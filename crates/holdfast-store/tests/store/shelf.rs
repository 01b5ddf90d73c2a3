//! What never changes is kept beyond the process.

use crate::fixture::*;
use holdfast_core::name::Scope;
use holdfast_store::{Location, Store};

#[test]
fn what_is_kept_of_a_scope_comes_back_after_a_restart_and_the_oldest_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let at = Location::File(dir.path().join("holdfast.db"));
    let entry = |n: usize| (format!("arn:{n}"), format!("{{\"revision\":{n}}}"));
    let elsewhere = Scope::new("default", "us-east-1");
    let store = Store::open(&at).unwrap();
    store.shelve(&home(), &[entry(1), entry(2)]).unwrap();
    store.shelve(&home(), &[entry(2)]).unwrap();
    store.shelve(&elsewhere, &[entry(3)]).unwrap();
    drop(store);
    let store = Store::open(&at).unwrap();
    assert_eq!(store.shelved(&home()).unwrap(), [entry(1), entry(2)]);
    let many: Vec<_> = (10..20_009).map(entry).collect();
    store.shelve(&home(), &many).unwrap();
    let kept = store.shelved(&home()).unwrap();
    assert_eq!(kept.len(), 20_000);
    assert!(!kept.contains(&entry(1)) && kept.contains(&entry(2)), "not the oldest went");
    assert_eq!(store.shelved(&elsewhere).unwrap(), [entry(3)]);
}
