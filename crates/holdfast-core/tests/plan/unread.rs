//! What a sweep did not read is neither gone nor as declared.

use super::*;

fn unread(w: &mut World, kind: &str, of: &[&str]) {
    let of = of.iter().map(|name| (*name).to_owned()).collect();
    let reading = w.kinds.get_mut(kind).expect("a kind of this test");
    reading.gaps.push(Gap::new(format!("Describe{kind}"), of, "the answer was lost"));
}

#[test]
fn what_somebody_may_set_who_could_not_be_read_is_left_as_it_is() {
    let wants = |size: u64| json!({ "name": "b", "size": size, "shelf": "arn:shelf" });
    let world = |size: u64, written: &Value| {
        let vault = json!({ "name": "v", "shelf": written });
        let mut w = world()
            .wants_with("Box/b", wants(size), |d| d.generation = size)
            .has("Box/b", wants(9))
            .remembers("Box/b", in_sync(&wants(1)))
            .wants("Vault/v", json!({ "name": "v" }))
            .remembers("Vault/v", in_sync(&vault));
        unread(&mut w, "Vault", &[]);
        w
    };
    let told = |w: &World| {
        let verdict = w.plan().verdicts.remove(0);
        (verdict.decision, verdict.owned.into_iter().map(|o| o.why).collect::<Vec<_>>())
    };
    let why = vec!["s/Vault/v may set it, and could not be read.".to_owned()];
    assert_eq!(told(&world(1, &json!("arn:shelf"))), (Decision::InSync, why.clone()), "a difference may be its doing");
    assert_eq!(told(&world(2, &json!("arn:shelf"))), (Decision::Wait, why.clone()), "what is declared anew waits");
    assert_eq!(told(&world(1, &json!("arn:other"))), (Decision::Update, vec![]), "it has to do with something else");
    let mut forgotten = world(1, &Value::Null);
    forgotten.memory.remove(&key("Vault/v"));
    assert_eq!(told(&forgotten), (Decision::Update, vec![]), "nothing that is declared leads to it");
    let refers = json!({ "name": "v", "for": "${Box/b.id}" });
    Arc::make_mut(&mut forgotten.desired[1]).spec = Arc::new(refers.into());
    assert_eq!(told(&forgotten), (Decision::InSync, why), "it is declared for that one");
}

#[test]
fn a_generation_of_which_not_all_was_read_is_not_called_in_sync() {
    let wants = |depth: u64| json!({ "name": "b", "size": 1, "depth": depth });
    let plan = |mut w: World, unread: &str| {
        let reading = w.kinds.get_mut("Box").expect("boxes are read");
        Arc::make_mut(&mut reading.observations[0]).unread = vec![unread.to_owned()];
        w.plan().verdicts.remove(0)
    };
    let world = |generation: u64, depth: u64| {
        let w = world()
            .wants_with("Box/b", wants(depth), |d| d.generation = generation)
            .has("Box/b", json!({ "name": "b", "size": 1 }))
            .remembers("Box/b", in_sync(&wants(1)));
        plan(w, "/depth")
    };
    assert_eq!(world(1, 1).decision, Decision::InSync, "it was seen before");
    assert_eq!(world(2, 1).decision, Decision::InSync, "that much has not moved");
    let anew = world(2, 2);
    assert_eq!((anew.decision, anew.phase), (Decision::Wait, Phase::Progressing));
    assert_eq!(anew.reason, "All that was read is as declared; /depth, which is declared anew, has yet to be read.");
    // At the first sight of a thing nobody knows of another declaration.
    let first = self::world().wants("Box/b", wants(2)).has("Box/b", json!({ "name": "b", "size": 1 }));
    assert_eq!(plan(first, "/depth").decision, Decision::InSync);
    // What a thing was made with is never read of some.
    let found =
        self::world().wants("Box/b", json!({ "name": "b", "colour": "red" })).has("Box/b", json!({ "name": "b" }));
    assert_eq!(plan(found, "/colour").decision, Decision::InSync);
}

#[test]
fn a_predecessor_does_not_stand_for_what_could_not_be_read() {
    let tags = [(UID_TAG, "uid-Box/b"), (RESOURCE_TAG, "s/Box/b")];
    let world = |gap: &[&str]| {
        let known = Memory { id: Some("id-new".to_owned()), retiring: vec!["id-old".to_owned()], ..Memory::default() };
        let mut w = world()
            .wants_with("Box/b", json!({ "name": "new" }), |d| d.fate = Fate::DeleteByName)
            .has_of("Box/old", json!({ "name": "old" }), &tags)
            .remembers("Box/b", known);
        if !gap.is_empty() {
            unread(&mut w, "Box", gap);
        }
        w.plan().verdicts[0].decision
    };
    assert_eq!(world(&["id-new"]), Decision::Unknown);
    assert_eq!(world(&["new"]), Decision::Unknown, "by its name");
    assert_eq!(world(&["id-elsewhere"]), Decision::Delete);
    assert_eq!(world(&[]), Decision::Delete);
}
