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
    let kept = |store: &Store, scope: &Scope| -> Vec<(String, String)> {
        let body = |key: &str| store.shelved(scope, key).unwrap().expect("it is on the shelf");
        store.shelf(scope).unwrap().into_iter().map(|key| (key.clone(), body(&key))).collect()
    };
    assert_eq!(kept(&store, &home()), [entry(1), entry(2)]);
    assert_eq!(store.shelved(&elsewhere, &entry(1).0).unwrap(), None);
    let many: Vec<_> = (10..20_009).map(entry).collect();
    store.shelve(&home(), &many).unwrap();
    let all = store.shelf(&home()).unwrap();
    assert_eq!((all.len(), &all[0]), (20_000, &entry(2).0), "not the oldest went");
    assert_eq!(kept(&store, &elsewhere), [entry(3)]);
}
