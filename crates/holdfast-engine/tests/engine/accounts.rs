//! Several accounts: one that is broken is one condition on its scopes, and holds up no other.

use crate::bench::{Bench, bench, stack};
use holdfast_core::name::Scope;
use holdfast_core::status::Phase;
use holdfast_engine::Engine;
use holdfast_sim::{Fault, FaultRule};
use serde_json::{Value, json};
use std::time::Duration;

const A_SWEEP: u64 = 70;

/// The document of an account, whose credentials the simulation takes for its own.
fn account(b: &Bench, name: &str, id: &str, role: &str) -> Value {
    b.sim.set_account_id(name, id);
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": name },
            "spec": { "accountId": id, "roleArn": format!("arn:aws:iam::{id}:role/{role}") } })
}

/// Declares the account, and a group in a scope of it, in a stack that is named after the scope.
fn declare(b: &Bench, account: &Value, scope: &Scope, rules: &[&str]) {
    let name = format!("{}-{}", scope.account, scope.region);
    let mut document = stack(&name, &[("Group", "g", json!({ "groupName": "g", "rules": rules }))]);
    document["spec"]["account"] = json!(scope.account);
    document["spec"]["region"] = json!(scope.region);
    b.declare(&json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [account, document] }));
}

fn phase(b: &Bench, scope: &Scope) -> Phase {
    b.status(&format!("{}-{}/Group/g", scope.account, scope.region)).phase
}

fn trouble(engine: &Engine, scope: &Scope) -> Option<String> {
    let scopes = engine.scopes().expect("the store reads");
    scopes.into_iter().find(|s| s.status.scope == *scope).and_then(|s| s.status.error)
}

fn sweeps(engine: &Engine, scope: &Scope) -> u64 {
    engine.tallies().get(scope).map_or(0, |t| t.passes)
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_not_be_assumed_is_one_condition_and_its_account_is_taken_up_when_the_document_changes() {
    let b = bench();
    let (good, bad) = (Scope::new("good", "eu-west-1"), Scope::new("bad", "eu-west-1"));
    let no = Fault::NoEntry("User: x is not authorized to perform: sts:AssumeRole".to_owned());
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(no).scope(bad.clone())]);
    declare(&b, &account(&b, "good", "111111111111", "member"), &good, &[]);
    declare(&b, &account(&b, "bad", "222222222222", "member"), &bad, &[]);
    let engine = b.started();
    b.wait(5).await;
    assert_eq!((phase(&b, &good), trouble(&engine, &good)), (Phase::InSync, None));
    b.wait(3 * A_SWEEP).await;
    let said = trouble(&engine, &bad).expect("its scope says why");
    assert!(said.contains("AccessDenied") && said.contains("sts:AssumeRole"), "{said}");
    assert_eq!((phase(&b, &bad), b.count_events("ScopeFailed")), (Phase::Unknown, 1));
    assert!(b.sim.calls().iter().all(|c| c.scope != bad), "nothing but who we are was asked there");

    b.sim.change_faults(|f| f.rules.clear());
    b.declare(&account(&b, "bad", "222222222222", "member-2"));
    b.wait(3).await;
    assert_eq!((phase(&b, &bad), trouble(&engine, &bad)), (Phase::InSync, None), "no sweep had to be waited for");
    assert_eq!(b.count_events("ScopeRecovered"), 1);
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

#[tokio::test(start_paused = true)]
async fn a_changed_way_into_an_account_is_confirmed_before_anything_is_written_through_it() {
    let b = bench();
    let scope = Scope::new("prod", "eu-west-1");
    declare(&b, &account(&b, "prod", "111111111111", "member"), &scope, &[]);
    let engine = b.started();
    b.wait(5).await;
    assert_eq!(phase(&b, &scope), Phase::InSync);
    // The new role leads somewhere else.
    let calls = b.sim.calls().len();
    let another = account(&b, "prod", "111111111111", "another");
    b.sim.set_account_id("prod", "333333333333");
    b.declare(&another);
    b.wait(3 * A_SWEEP).await;
    let said = trouble(&engine, &scope).expect("its scope says why");
    assert!(said.contains("111111111111") && said.contains("333333333333"), "{said}");
    assert_eq!((phase(&b, &scope), b.sim.calls().len()), (Phase::Unknown, calls));
    assert_eq!(b.count_events("ScopeFailed"), 1, "said once");
    b.sim.set_account_id("prod", "111111111111");
    b.wait(A_SWEEP).await;
    assert_eq!((phase(&b, &scope), trouble(&engine, &scope)), (Phase::InSync, None));
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

/// More scopes hang than there are workers, and each holds one for as long as a call may take.
#[tokio::test(start_paused = true)]
async fn scopes_whose_endpoint_answers_nothing_take_no_time_from_the_others() {
    let b = bench();
    let good = Scope::new("good", "eu-west-1");
    let well = account(&b, "good", "111111111111", "member");
    let hung: Vec<Scope> = (1..=90).map(|n| Scope::new("hung", format!("eu-west-{n}"))).collect();
    let ill = account(&b, "hung", "222222222222", "member");
    declare(&b, &well, &good, &[]);
    hung.iter().for_each(|scope| declare(&b, &ill, scope, &[]));
    assert!(hung.len() > 2 * b.options.settings.workers);

    // How often a scope is swept that nothing holds up.
    let engine = b.started();
    b.wait(A_SWEEP).await;
    b.all_in_sync();
    let before = sweeps(&engine, &good);
    b.wait(10 * A_SWEEP).await;
    let alone = sweeps(&engine, &good) - before;

    let patience = Duration::from_secs(30);
    b.sim.change_faults(|f| f.hangs = hung.iter().map(|scope| (scope.clone(), patience)).collect());
    b.wait(4 * A_SWEEP).await;
    assert!(hung.iter().all(|scope| phase(&b, scope) == Phase::Unknown && trouble(&engine, scope).is_some()));
    let before = sweeps(&engine, &good);
    b.wait(10 * A_SWEEP).await;
    let beside = sweeps(&engine, &good) - before;
    assert!(beside.abs_diff(alone) <= 1, "{alone} sweeps alone, {beside} beside scopes that hang");
    assert_eq!((phase(&b, &good), b.count_events("ScopeFailed")), (Phase::InSync, hung.len()));

    // The next start knows which they are, and begins with the others.
    assert!(engine.shutdown(Duration::from_secs(60)).await);
    declare(&b, &well, &good, &["new"]);
    let engine = b.started();
    b.wait(10).await;
    assert_eq!((phase(&b, &good), sweeps(&engine, &good) > 0), (Phase::InSync, true));
    b.sim.change_faults(|f| f.hangs.clear());
    b.wait(2 * A_SWEEP).await;
    b.all_in_sync();
    assert!(engine.shutdown(Duration::from_secs(60)).await);
}
