use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

fn scope() -> Scope {
    Scope::new("default", "eu-west-1")
}

async fn calls(budgets: &Budgets, service: &'static str, operation: &'static str, times: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        budgets.acquire(&scope(), service, operation).await;
        budgets.finished(&scope(), service, operation, CallOutcome::Answered);
    }
    start.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_full_bucket_is_a_burst_and_after_that_calls_come_at_its_rate() {
    let budgets = Budgets::new();
    assert!(calls(&budgets, "ecs", "RegisterTaskDefinition", 19).await < 0.1);
    let slow = calls(&budgets, "ecs", "DeregisterTaskDefinition", 5).await;
    assert!((4.0..5.5).contains(&slow), "five more at one a second took {slow} s");
    assert_eq!(budgets.counts(&scope()).writes, 24);
}

#[tokio::test(start_paused = true)]
async fn reads_leave_in_their_bucket_what_the_machine_may_be_late_for() {
    let budgets = Budgets::new();
    assert!(calls(&budgets, "ecs", "DescribeServices", 85).await < 0.01, "of a hundred, at twenty a second");
    let next = calls(&budgets, "ecs", "DescribeServices", 1).await;
    assert!((0.04..0.06).contains(&next), "one more took {next} s");
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_of_elastic_load_balancing_share_one_bucket() {
    let budgets = Budgets::new();
    assert!(calls(&budgets, "elasticloadbalancing", "DescribeRules", 33).await < 0.1);
    assert!(calls(&budgets, "elasticloadbalancing", "CreateRule", 4).await < 0.1, "reads left nothing to writes");
    let slow = calls(&budgets, "elasticloadbalancing", "CreateRule", 10).await;
    assert!((0.9..1.2).contains(&slow), "ten more at ten a second took {slow} s");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_halves_the_rate_and_answers_bring_it_back() {
    let budgets = Budgets::new();
    budgets.acquire(&scope(), "tagging", "GetResources").await;
    budgets.finished(&scope(), "tagging", "GetResources", CallOutcome::Throttled);
    let after = calls(&budgets, "tagging", "GetResources", 10).await;
    assert!(after > 1.0, "ten calls at half of fifteen a second took {after} s");
    calls(&budgets, "tagging", "GetResources", 100).await;
    let later = calls(&budgets, "tagging", "GetResources", 15).await;
    assert!(later < 1.1, "fifteen calls at the full rate took {later} s");
    assert_eq!(budgets.counts(&scope()).throttles, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_is_told_by_the_refusals_of_every_bucket_that_a_call_draws_on() {
    let budgets = Budgets::new();
    let granted = |operation| budgets.granted(&scope(), "elasticloadbalancing", operation);
    assert_eq!([granted("DescribeRules"), granted("CreateRule")], [1.0, 1.0]);
    budgets.finished(&scope(), "elasticloadbalancing", "CreateRule", CallOutcome::Throttled);
    assert_eq!([granted("DescribeRules"), granted("CreateRule")], [0.5, 0.5], "they share the account's");
    calls(&budgets, "elasticloadbalancing", "DescribeRules", 25).await;
    assert_eq!([granted("DescribeRules"), granted("CreateRule")], [1.0, 0.5]);
    assert_eq!(budgets.granted(&Scope::new("other", "eu-west-1"), "elasticloadbalancing", "CreateRule"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_goes_before_reads_that_wait() {
    let budgets = Arc::new(Budgets::new());
    calls(&budgets, "elasticloadbalancing", "DescribeRules", 40).await;
    let reads_before = Arc::new(AtomicU32::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (budgets, reads) = (Arc::clone(&budgets), Arc::clone(&reads_before));
        tasks.spawn(async move {
            budgets.acquire(&scope(), "elasticloadbalancing", "DescribeRules").await;
            reads.fetch_add(1, Ordering::SeqCst);
        });
    }
    tokio::task::yield_now().await;
    budgets.acquire(&scope(), "elasticloadbalancing", "ModifyRule").await;
    assert!(reads_before.load(Ordering::SeqCst) <= 1);
    tasks.abort_all();
}

#[tokio::test(start_paused = true)]
async fn writes_that_wait_for_a_narrower_bucket_do_not_end_all_reading() {
    let budgets = Arc::new(Budgets::new());
    calls(&budgets, "elasticloadbalancing", "CreateLoadBalancer", 9).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let budgets = Arc::clone(&budgets);
        tasks.spawn(async move { budgets.acquire(&scope(), "elasticloadbalancing", "CreateLoadBalancer").await });
    }
    tokio::task::yield_now().await;
    let took = calls(&budgets, "elasticloadbalancing", "DescribeRules", 60).await;
    assert!(took < 6.0, "60 reads at ten a second took {took} s");
    tasks.abort_all();
}

#[tokio::test(start_paused = true)]
async fn a_turn_pays_for_one_call_and_is_given_back_if_that_is_not_made() {
    let budgets = Arc::new(Budgets::new());
    let turn = async || Arc::clone(&budgets).turn(&scope(), "ecs", "RegisterTaskDefinition").await;
    calls(&budgets, "ecs", "RegisterTaskDefinition", 18).await;
    let (paid, start) = (turn().await, Instant::now());
    budgets.acquire(&scope(), "ecs", "RegisterTaskDefinition").await;
    drop(paid);
    assert!(start.elapsed().as_secs_f64() < 0.01, "it was paid for twice");
    let unused = turn().await;
    drop(unused);
    let start = Instant::now();
    budgets.acquire(&scope(), "ecs", "DeregisterTaskDefinition").await;
    assert!(start.elapsed().as_secs_f64() < 0.01, "what was not used is lost");
    let took = calls(&budgets, "ecs", "RegisterTaskDefinition", 5).await;
    assert!(took > 4.0, "five at one a second took {took} s");
}

#[test]
fn an_operation_that_no_line_names_draws_on_the_bucket_of_its_sort() {
    let buckets = |service, operation| -> Vec<(&str, f64, f64)> {
        limits(service, operation).iter().map(|l| (l.name, l.size, l.refill)).collect()
    };
    assert_eq!(buckets("ecs", "ListTasks"), [("ecs other read", 50.0, 20.0)]);
    assert_eq!(buckets("ecs", "PutAttributes"), [("ecs other modify", 20.0, 5.0)]);
    assert_eq!(buckets("ecs", "TagResource"), [("ecs tag", 20.0, 10.0)]);
    assert_eq!(buckets("ecs", "UntagResource"), [("ecs tag", 20.0, 10.0)]);
    assert_eq!(buckets("ec2", "DescribeVpcs"), [("DescribeVpcs", 100.0, 20.0)]);
    assert_eq!(buckets("ec2", "CreateVpc"), [("CreateVpc", 50.0, 5.0)]);
    let elb = |operation| buckets("elasticloadbalancing", operation);
    assert_eq!(elb("DescribeRules"), [("elb account", 40.0, 10.0), ("elb read", 40.0, 10.0)]);
    assert_eq!(elb("CreateRule"), [("elb account", 40.0, 10.0), ("elb write", 20.0, 3.0)]);
}
