//! What happened to other tools, told by number in the docs page "Incidents we test for": each is a test here whose
//! comment names the public threads.

use crate::bench::{Bench, bench, bench_of, stack};
use async_trait::async_trait;
use holdfast_core::cloud::{ErrorClass, Leftovers};
use holdfast_core::name::{Scope, UID_TAG};
use holdfast_core::plan::Fate;
use holdfast_core::status::{ConditionType, Phase};
use holdfast_engine::{Boundaries, Boundary, PassError, Undisturbed};
use holdfast_sim::{Effect, Ending, Fault, FaultRule, Hidden, Settle, Tamper, WhileBusy};
use holdfast_store::{AccountChange, Change};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The periodic sweep, with the tenth that scopes drift apart by, and a moment to act.
const A_SWEEP: u64 = 70;

fn machines(n: usize) -> Value {
    let names: Vec<String> = (0..n).map(|i| format!("m{i}")).collect();
    let mut all = vec![("Group", "g", json!({ "groupName": "g", "rules": ["http"] }))];
    let spec = |name: &str| json!({ "name": name, "group": "${Group/g.id}" });
    all.extend(names.iter().map(|name| ("Machine", name.as_str(), spec(name))));
    stack("s", &all)
}

fn group(rules: &[&str]) -> Value {
    stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": rules }))])
}

fn fail(class: ErrorClass, code: &str, message: &str) -> Fault {
    Fault::Fail { class, code: code.to_owned(), message: message.to_owned() }
}

async fn settled(document: &Value) -> Bench {
    let b = bench();
    b.declare(document);
    b.settle().await;
    b.all_in_sync();
    b
}

impl Bench {
    fn tampers(&self, kind: &str, name: &str, tamper: Tamper) {
        self.sim.tamper(&self.scope, kind, name, tamper).expect("it is there");
    }

    fn faulty(&self, rules: Vec<FaultRule>) {
        self.sim.change_faults(|f| f.rules = rules);
    }

    fn operations(&self) -> Vec<String> {
        self.writes().into_iter().map(|call| call.operation).collect()
    }

    fn count_writes(&self, operation: &str) -> usize {
        self.operations().iter().filter(|o| o.ends_with(operation)).count()
    }

    fn says(&self, key: &str) -> (Phase, String, String) {
        let status = self.status(key);
        let synced = status.condition(ConditionType::Synced).expect("every resource has it").clone();
        (status.phase, synced.reason, synced.message)
    }

    /// Passes for so long, as often as the loop would make them.
    async fn passes_for(&self, time: SignedDuration) {
        let end = self.clock.now().saturating_add(time).expect("a time");
        let minute = SignedDuration::from_secs(60);
        while self.clock.now() < end {
            let next = self.pass().await.next.and_then(|wait| SignedDuration::try_from(wait).ok());
            self.clock.advance(next.unwrap_or(minute).min(minute));
        }
    }
}

/// ACK#2951, ACK#2256: rules were revoked first and authorized afterwards, and the retries ran out in between.
#[tokio::test]
async fn i01_while_a_new_rule_is_refused_the_old_one_stays_and_is_revoked_only_after_it() {
    let b = settled(&group(&["old"])).await;
    let throttled = FaultRule::always(Fault::Throttle).operation("AllowGroupRules");
    b.faulty(vec![throttled]);
    b.declare(&group(&["new"]));
    b.passes_for(SignedDuration::from_mins(30)).await;
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["old"]), "revoked without its successor");
    assert_eq!(b.count_writes("RevokeGroupRules"), 0);
    b.faulty(vec![]);
    let before = b.writes().len();
    b.settle().await;
    b.all_in_sync();
    let order: Vec<String> = b.operations().split_off(before);
    assert_eq!(order, ["toy:AllowGroupRules", "toy:RevokeGroupRules"]);
    b.stays_silent().await;
}

fn machine(size: u32) -> Value {
    stack("s", &[("Machine", "m", json!({ "name": "m", "size": size }))])
}

/// ACK#2956, ACK#2695, ACK#1773: 200 calls in 30 minutes that changed nothing, because what AWS was still applying
/// did not count.
#[tokio::test]
async fn i04_what_aws_is_still_applying_is_waited_for_without_a_call() {
    for writes in [WhileBusy::Refused, WhileBusy::Accepted] {
        let b = bench();
        b.declare(&machine(1));
        b.settle().await;
        let lasts = SignedDuration::from_mins(30);
        b.sim.change_faults(|f| f.settle = vec![Settle { kind: None, lasts, state: "modifying".to_owned(), writes }]);
        let before = b.writes().len();
        b.declare(&machine(2));
        b.passes_for(SignedDuration::from_mins(25)).await;
        assert_eq!(b.writes().len(), before + 1, "one change is one call");
        // Another change meanwhile waits for its turn.
        b.declare(&machine(3));
        b.passes_for(SignedDuration::from_mins(3)).await;
        assert_eq!(b.writes().len(), before + 1);
        assert_eq!(b.status("s/Machine/m").phase, Phase::Progressing);
        b.passes_for(SignedDuration::from_mins(40)).await;
        b.all_in_sync();
        assert_eq!(b.writes().len(), before + 2);
        b.lawful();
    }
}

/// ACK#1650, ACK#2850: a value that flipped to and fro, because reads showed the old one for a while.
#[tokio::test]
async fn i04_a_read_that_lags_behind_does_not_turn_a_change_back() {
    let b = bench();
    b.declare(&machine(1));
    b.settle().await;
    b.clock.advance(SignedDuration::from_mins(5));
    b.sim.change_faults(|f| f.stale = SignedDuration::from_secs(20));
    let before = b.writes().len();
    b.declare(&machine(2));
    b.settle().await;
    b.all_in_sync();
    assert!(b.writes().len() <= before + 2, "{} calls for one change", b.writes().len() - before);
    let sizes = b.writes().into_iter().skip(before).all(|c| c.operation.ends_with("SetMachine"));
    assert!(sizes && b.live("Machine", "m").fields["size"] == 2);
    b.stays_silent().await;
}

/// terraform-provider-aws#847, terraform-provider-aws#710, terraform#18981: minutes and 70 requests a second to look
/// at what has not changed.
#[tokio::test(start_paused = true)]
async fn i08_an_hour_at_rest_costs_one_read_a_kind_a_minute_and_all_of_it_is_budgeted() {
    let mut b = settled(&machines(90)).await;
    b.metered();
    let (before, counted) = (b.sim.counters(), b.options.budgets.counts(&b.scope));
    let engine = b.started();
    b.wait(3600).await;
    let (after, metered) = (b.sim.counters(), b.options.budgets.counts(&b.scope));
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    let reads = after.reads - before.reads;
    // Two kinds, a page each; sweeps come a minute apart or up to 5 % sooner.
    assert!((2 * 57..=2 * 64).contains(&reads), "{reads} reads in an hour");
    assert_eq!(after.writes, before.writes);
    assert_eq!(metered.calls - counted.calls, reads, "a call went past the budget");
}

/// ACK#1355, ACK#2098: a manual change stayed for days, because nothing looked.
#[tokio::test(start_paused = true)]
async fn i12_a_manual_change_is_put_back_within_one_sweep() {
    let b = settled(&machines(3)).await;
    let engine = b.started();
    b.wait(1).await;
    let changes = [
        ("Group", "g", Tamper::Set("/rules/-".to_owned(), json!("everything"))),
        ("Machine", "m0", Tamper::Remove("/group".to_owned())),
        ("Machine", "m1", Tamper::Delete),
        ("Machine", "m2", Tamper::RemoveTag("env".to_owned())),
    ];
    for (kind, name, change) in changes {
        b.tampers(kind, name, change);
    }
    b.wait(A_SWEEP).await;
    assert_eq!((b.count_events("DriftDetected"), b.count_events("DriftHealed")), (4, 4), "{:#?}", b.events());
    b.all_in_sync();
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http"]));
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    b.lawful();
}

/// ACK#1844: a refusal was called terminal and never tried again, though its cause was gone.
#[tokio::test]
async fn i12_what_aws_refused_is_done_once_the_cause_is_gone_without_anybody_asking() {
    for (class, within) in
        [(ErrorClass::Rejected, 70), (ErrorClass::Denied, 20), (ErrorClass::Quota, 20), (ErrorClass::Conflict, 3)]
    {
        let b = bench();
        b.faulty(vec![FaultRule::always(fail(class, "Broken", "not now")).operation("CreateGroup")]);
        b.declare(&group(&["http"]));
        b.passes_for(SignedDuration::from_hours(6)).await;
        assert_ne!(b.status("s/Group/g").phase, Phase::InSync);
        b.faulty(vec![]);
        b.passes_for(SignedDuration::from_mins(within)).await;
        b.all_in_sync();
        b.lawful();
    }
}

/// The same, where the declaration moves or a person asks: at once.
#[tokio::test]
async fn i12_a_new_declaration_and_a_reconcile_do_not_wait_for_the_retry() {
    let b = bench();
    b.faulty(vec![FaultRule::always(fail(ErrorClass::Rejected, "Broken", "no")).operation("CreateGroup").times(2)]);
    b.declare(&group(&["http"]));
    b.pass().await;
    b.pass().await;
    assert_eq!(b.says("s/Group/g").0, Phase::Failed);
    b.declare(&group(&["https"]));
    b.pass().await;
    b.pass().await;
    assert_eq!(b.count_writes("CreateGroup"), 2, "a new declaration is tried at once");
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    b.all_in_sync();
}

/// Dies when it is at this boundary for the first time.
struct DieOn {
    at: Boundary,
    dead: AtomicBool,
}

#[async_trait]
impl Boundaries for DieOn {
    async fn reached(&self, _: &Scope, boundary: Boundary) {
        if boundary == self.at {
            self.dead.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
}

/// One pass of a process that dies at `at`.
async fn dies_on(b: &mut Bench, at: Boundary) {
    let die = Arc::new(DieOn { at, dead: AtomicBool::new(false) });
    b.restart("first", Arc::clone(&die) as _);
    let mut pass = std::pin::pin!(b.engine.pass(&b.scope));
    while futures::poll!(&mut pass).is_pending() && !die.dead.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    assert!(die.dead.load(Ordering::SeqCst), "it never came to {at:?}");
}

/// ACK#2062, ACK#2267: a crash between create and status write made a second VPC; the new id was lost.
#[tokio::test]
async fn i13_a_crash_after_the_create_and_before_its_record_makes_no_second_one() {
    for (at, unseen) in [(Boundary::AfterIntent, 0), (Boundary::AfterAct, 0), (Boundary::AfterAct, 45)] {
        let mut b = bench();
        b.sim.change_faults(|f| f.unseen = SignedDuration::from_secs(unseen));
        b.declare(&stack("s", &[("Machine", "m", json!({ "name": "m" }))]));
        dies_on(&mut b, at).await;
        b.restart("second", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        let live = b.live("Machine", "m");
        assert_eq!(b.status("s/Machine/m").outputs["id"], live.id.as_str(), "the id was lost");
        assert_eq!(b.count_writes("CreateMachine"), 1);
        b.stays_silent().await;
        b.lawful();
    }
}

/// ACK#2944: two reconciles of one resource overlapped.
#[tokio::test(start_paused = true)]
async fn i13_passes_that_are_asked_for_at_the_same_time_run_one_after_the_other() {
    let b = bench();
    b.sim.change_faults(|f| f.latency = Duration::from_secs(2));
    b.declare(&machines(5));
    let passes = futures::future::join_all((0..5).map(|_| b.engine.pass(&b.scope))).await;
    let wrote: Vec<usize> = passes.into_iter().map(|p| p.expect("it goes through").succeeded).collect();
    assert_eq!(wrote, [7, 0, 0, 0, 0]);
    b.sim.change_faults(|f| f.latency = Duration::ZERO);
    b.settle().await;
    b.all_in_sync();
    b.lawful();
}

/// ACK#2849: the create worked, the next call failed, and the resource was forgotten.
#[tokio::test]
async fn i13_what_was_created_is_known_though_the_next_call_failed() {
    let b = bench();
    let refused = fail(ErrorClass::Rejected, "InvalidParameterValue", "no such rule");
    b.faulty(vec![FaultRule::always(refused).operation("AllowGroupRules")]);
    b.declare(&group(&["http"]));
    b.passes_for(SignedDuration::from_mins(10)).await;
    let live = b.live("Group", "g");
    assert_eq!(b.status("s/Group/g").outputs["id"], live.id.as_str());
    assert_eq!(live.tags[UID_TAG], "uid-0");
    b.faulty(vec![]);
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.count_writes("CreateGroup"), 1);
    b.lawful();
}

/// crossplane#3037, crossplane-runtime#340, upjet-provider-aws#1482: an ambiguous create waited for a person; an
/// external id was forgotten, and the create ran into "already exists" for ever.
#[tokio::test]
async fn i14_a_create_whose_answer_was_lost_is_resolved_without_a_person() {
    for unseen in [0, 20, 50] {
        let b = bench();
        b.sim.change_faults(|f| {
            f.unseen = SignedDuration::from_secs(unseen);
            f.rules = vec![FaultRule::always(Fault::LoseAnswer).times(6)];
        });
        b.declare(&machines(5));
        b.passes_for(SignedDuration::from_mins(5)).await;
        b.all_in_sync();
        let creates = b.writes().into_iter().filter(|c| c.operation.contains("Create"));
        let refused: Vec<_> = creates.filter(|c| matches!(c.ending, Ending::Refused(_))).collect();
        assert_eq!(refused, [], "it ran into what it had made");
        b.stays_silent().await;
        b.lawful();
    }
}

/// provider-aws#1672, upjet-provider-aws#1772: AccessDenied was tried again so hot that the account was throttled.
#[tokio::test]
async fn i15_a_missing_permission_is_named_and_costs_a_hundred_calls_a_day() {
    let b = bench();
    let words = "User: arn:aws:iam::1:user/x is not authorized to perform: toy:CreateGroup";
    b.faulty(vec![FaultRule::always(fail(ErrorClass::Denied, "AccessDenied", words)).operation("CreateGroup")]);
    b.declare(&machines(3));
    b.passes_for(SignedDuration::from_hours(24)).await;
    let (phase, reason, message) = b.says("s/Group/g");
    assert_eq!((phase, reason.as_str()), (Phase::Failed, "AccessDenied"));
    assert!(message.contains("toy:CreateGroup"), "{message}");
    let tries = b.count_writes("CreateGroup");
    assert!((80..=110).contains(&tries), "{tries} tries in a day");
    assert_eq!(b.writes().len(), tries, "and nothing else is written");
    assert_eq!(b.count_events("ActionFailed"), 1, "each fact once");
    let events = b.events();
    assert!(events.len() < 40, "{events:#?}");
}

/// upjet#592: observe errors went past the limiter and became a storm.
#[tokio::test(start_paused = true)]
async fn i18_reads_that_are_throttled_slow_down_however_often_they_are_asked_for() {
    let mut b = settled(&machines(3)).await;
    b.metered();
    b.faulty(vec![FaultRule::always(Fault::Throttle).operation("Describe")]);
    let (before, started) = (b.sim.counters(), Instant::now());
    for _ in 0..60 {
        b.pass().await;
    }
    let (after, took) = (b.sim.counters(), started.elapsed().as_secs_f64());
    let reads = after.reads - before.reads;
    assert_eq!(after.throttled - before.throttled, reads);
    assert_eq!(b.options.budgets.counts(&b.scope).calls, reads, "an error went past the budget");
    // A bucket of 5 a second, at its smallest share of a twentieth.
    let rate = reads as f64 / took;
    assert!(rate < 0.5, "{reads} reads in {took:.0} s");
    assert_eq!(after.writes, before.writes);
}

/// terraform-provider-aws#265, terraform-provider-aws#1671: circles of groups, and interfaces that linger, made
/// destroys hang for half an hour without a word.
#[tokio::test]
async fn i19_groups_in_a_circle_go_by_their_rules_first_and_a_holder_is_named_while_it_holds() {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-1");
    let group = |name: &str, peer: &str| {
        let rule = json!({ "ipProtocol": "tcp", "fromPort": 80, "toPort": 80,
                           "referencedGroupId": format!("${{SecurityGroup/{peer}.id}}") });
        json!({ "groupName": name, "description": "in a circle", "vpcId": "vpc-1", "ingress": [rule] })
    };
    b.declare(&stack("s", &[("SecurityGroup", "a", group("a", "b")), ("SecurityGroup", "b", group("b", "a"))]));
    b.settle().await;
    b.all_in_sync();
    let held = b.sim.live(&b.scope).into_iter().find(|t| t.observation.fields["groupName"] == "a").expect("it is live");
    let mut balancer = (*held.observation).clone();
    (balancer.id, balancer.identity) = ("arn:theirs".to_owned(), "theirs".to_owned());
    balancer.fields = json!({ "name": "theirs", "securityGroups": [held.observation.id] }).into();
    balancer.outputs.clear();
    balancer.tags_mut().clear();
    b.sim.bystander(&b.scope, "LoadBalancer", balancer).expect("it can be put there");
    let before = b.writes().len();
    b.remove("s", Fate::DeleteByName);
    b.passes_for(SignedDuration::from_mins(10)).await;
    let order = b.operations().split_off(before);
    let last_revoke = order.iter().rposition(|o| o.contains("Revoke")).expect("rules are revoked");
    let first_delete = order.iter().position(|o| o.contains("Delete")).expect("groups are deleted");
    assert!(last_revoke < first_delete, "{order:#?}");
    assert_eq!(b.phases().len(), 1, "the other one is gone");
    let (phase, reason, message) = b.says("s/SecurityGroup/a");
    assert_eq!((phase, reason.as_str()), (Phase::Deleting, "InUse"));
    assert!(message.contains("LoadBalancer arn:theirs"), "{message}");
    let tries = order.iter().filter(|o| o.contains("Delete")).count();
    assert!(tries <= 20, "{tries} tries in ten minutes");
    b.tampers("LoadBalancer", "theirs", Tamper::Delete);
    b.passes_for(SignedDuration::from_mins(3)).await;
    assert_eq!(b.phases(), []);
    assert_eq!(b.sim.live(&b.scope), []);
    b.lawful();
}

fn account(b: &Bench, id: &str) {
    let spec = serde_json::from_value(json!({ "accountId": id })).expect("a spec");
    let mut change = Change::at(b.clock.now());
    change.accounts = vec![AccountChange { name: "default".to_owned(), labels: Default::default(), spec }];
    b.store.change(&change).expect("the store takes it");
}

/// ACK#2011: at start-up, resources were created in another account than theirs.
#[tokio::test(start_paused = true)]
async fn i21_credentials_of_another_account_at_start_up_read_and_write_nothing() {
    let b = bench();
    account(&b, "999999999999");
    b.declare(&machines(2));
    let engine = b.started();
    b.wait(10 * A_SWEEP).await;
    assert_eq!(b.sim.calls(), []);
    assert_eq!(b.count_events("ScopeFailed"), 1, "each fact once");
    b.sim.set_account_id("default", "999999999999");
    b.wait(A_SWEEP).await;
    b.all_in_sync();
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

/// The kept-alive fleet of "systems.md 2": an auto-scaling group that nobody could stop, and the bill.
#[tokio::test(start_paused = true)]
async fn i22_a_teardown_ends_at_nothing_is_only_said_once_it_was_seen_and_then_nothing_is_called() {
    let b = settled(&machines(5)).await;
    b.remove("s", Fate::DeleteByName);
    b.faulty(vec![FaultRule::always(Fault::Gap(Hidden::All)).kind("Machine")]);
    b.passes_for(SignedDuration::from_mins(5)).await;
    assert_eq!((b.phases().len(), b.count_events("Gone")), (6, 0), "what is not seen is not gone");
    b.faulty(vec![]);
    b.passes_for(SignedDuration::from_mins(5)).await;
    let live: Vec<String> = b.sim.live(&b.scope).into_iter().map(|t| t.observation.id.clone()).collect();
    assert_eq!((live, b.phases()), (vec![], vec![]));
    assert_eq!(b.count_events("Gone"), 6, "each is told");
    let deleted = b.writes().into_iter().flat_map(|c| c.effects).filter(|e| matches!(e, Effect::Deleted { .. }));
    assert_eq!(deleted.count(), 6);
    let left = b.engine.leftovers(&b.scope, "s", &[]).await.expect("AWS can be asked");
    assert_eq!(left, Leftovers::default(), "AWS is asked by tag what is left");
    let calls = b.sim.calls().len();
    let engine = b.started();
    b.wait(3600).await;
    assert_eq!(b.sim.calls().len(), calls, "a scope that is empty costs nothing");
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    b.lawful();
}

/// The same bill: something with our tag that no declaration names any more is found, and what cannot be read is said,
/// unless AWS answers when it is asked again.
#[tokio::test(start_paused = true)]
async fn i22_what_is_left_of_a_stack_is_found_by_its_tag_though_nothing_declares_it() {
    let b = settled(&machines(2)).await;
    b.remove("s", Fate::Keep);
    let left = b.engine.leftovers(&b.scope, "s", &[]).await.expect("AWS can be asked");
    let live: BTreeSet<String> = b.sim.live(&b.scope).into_iter().map(|t| t.observation.id.clone()).collect();
    assert_eq!(left.things.iter().map(|(_, id)| id.clone()).collect::<BTreeSet<_>>(), live);
    assert_eq!(left.unread, [""; 0]);
    b.faulty(vec![FaultRule::always(Fault::Gap(Hidden::All)).kind("Machine")]);
    let blind = b.engine.leftovers(&b.scope, "s", &[]).await.expect("AWS can be asked");
    assert!(blind.things.len() < live.len() && !blind.unread.is_empty(), "{blind:?}");
    let passing = |fault: Fault, part: &str| FaultRule::always(fault).operation(part).times(2);
    let of_the_index = passing(Fault::Throttle, "GetResources");
    b.faulty(vec![FaultRule::always(Fault::Gap(Hidden::All)).kind("Machine").times(2), of_the_index]);
    let again = b.engine.leftovers(&b.scope, "s", &[]).await.expect("AWS can be asked");
    assert_eq!((again.things, again.unread), (left.things, vec![]), "what passes is asked for again");
}

/// ACK#1905: ten hours between a fix and its effect, an hour of dependency chains, and no way to ask for it now.
#[tokio::test(start_paused = true)]
async fn i23_a_chain_through_three_regions_is_done_in_seconds_and_follows_a_new_id() {
    let b = bench();
    let regions = ["eu-west-1", "eu-west-2", "eu-west-3"];
    let mut documents: Vec<Value> = Vec::new();
    for (n, region) in regions.iter().enumerate() {
        let spec = match n {
            0 => json!({ "groupName": "g0", "rules": [] }),
            _ => json!({ "groupName": format!("g{n}"), "rules": [format!("${{s{}:Group/g{}.id}}", n - 1, n - 1)] }),
        };
        let mut document = stack(&format!("s{n}"), &[("Group", &format!("g{n}"), spec)]);
        document["spec"]["region"] = json!(region);
        documents.push(document);
    }
    let engine = b.started();
    b.declare(&json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": documents }));
    b.wait(5).await;
    b.all_in_sync();
    let scope = |n: usize| Scope::new("default", regions[n]);
    let live = |n: usize| b.sim.find(&scope(n), "Group", &format!("g{n}")).expect("it is live");
    let old = live(0).id.clone();
    // By now no list of AWS's can be older than the group.
    b.wait(70).await;
    b.sim.tamper(&scope(0), "Group", "g0", Tamper::Delete).expect("it is there");
    b.reconcile(&engine, "s0");
    b.wait(5).await;
    b.all_in_sync();
    assert_ne!(live(0).id, old);
    assert_eq!(live(1).fields["rules"], json!([live(0).id]), "whoever refers to it follows at once");
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

/// The same: what a person asks for is done now, not at the next sweep.
#[tokio::test(start_paused = true)]
async fn i23_a_reconcile_heals_within_a_second() {
    let b = settled(&group(&["http"])).await;
    let engine = b.started();
    b.wait(1).await;
    b.tampers("Group", "g", Tamper::Set("/rules".to_owned(), json!([])));
    assert_eq!(b.reconcile(&engine, "s").len(), 1);
    b.wait(1).await;
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http"]));
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

/// aws-sdk-rust#1033: with a wrong clock every call fails to sign.
#[tokio::test]
async fn i24_a_wrong_clock_is_one_condition_of_the_scope_and_not_one_failure_a_resource() {
    let mut b = settled(&machines(500)).await;
    account(&b, "123456789012");
    let (events, writes) = (b.events().len(), b.writes().len());
    b.faulty(vec![FaultRule::always(Fault::WrongClock)]);
    b.passes_for(SignedDuration::from_mins(5)).await;
    // The next start does not even learn whose credentials it has.
    b.restart("restarted", Arc::new(Undisturbed));
    b.passes_for(SignedDuration::from_mins(5)).await;
    assert!(b.phases().iter().all(|(_, phase)| *phase == Phase::Unknown), "nothing claims to be known");
    let status = b.engine.scopes().expect("the store reads").remove(0).status;
    assert!(status.error.expect("the scope says why").contains("20m behind"));
    assert_eq!(b.events().len(), events + 1, "{:#?}", &b.events()[events..]);
    assert_eq!((b.count_events("ScopeFailed"), b.writes().len()), (1, writes));
    b.faulty(vec![]);
    b.settle().await;
    b.all_in_sync();
    assert_eq!((b.events().len(), b.count_events("ScopeRecovered")), (events + 2, 1));
    b.stays_silent().await;
}

/// The same in the middle of a pass: what was not begun is not begun, and no resource is blamed.
#[tokio::test]
async fn i24_a_clock_that_goes_wrong_during_a_pass_stops_it_and_blames_no_resource() {
    let b = bench();
    b.declare(&machines(500));
    b.faulty(vec![FaultRule::always(Fault::WrongClock).operation("CreateMachine")]);
    let error = b.engine.pass(&b.scope).await.expect_err("it stops");
    assert!(matches!(error, PassError::Unsigned(_)), "{error}");
    let tried = b.count_writes("CreateMachine");
    assert!(tried <= b.options.settings.parallel_steps, "{tried} calls after the first had failed");
    assert_eq!((b.count_events("ScopeFailed"), b.count_events("ActionFailed")), (1, 0));
    b.faulty(vec![]);
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.count_writes("CreateMachine"), tried + 500);
    b.lawful();
}
