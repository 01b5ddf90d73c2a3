//! AWS's buckets: a build-up at the floor that they set, with none of its calls refused.

use crate::bench::{Bench, stack};
use crate::paced::paced;
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use serde_json::{Value, json};
use std::time::Duration;

/// Security groups with two rules each, and as many target groups, task definitions and services, in one cluster.
fn workload(groups: usize, others: usize) -> Value {
    let mut all: Vec<(&str, String, Value)> = vec![("Cluster", "bench".to_owned(), json!({ "clusterName": "bench" }))];
    for i in 0..groups {
        let rule = |port: usize, cidr: &str| json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": cidr });
        let ingress = json!([rule(80, "10.0.0.0/8"), rule(1000 + i, "10.1.0.0/16")]);
        let spec = json!({ "groupName": format!("bench-{i:05}"), "description": "bench", "vpcId": "vpc-0a1b2c3d4e5f60718", "ingress": ingress });
        all.push(("SecurityGroup", format!("sg-{i:05}"), spec));
    }
    for i in 0..others {
        let target_group = json!({ "name": format!("bench-{i:05}"), "port": 8000, "protocol": "HTTP", "targetType": "ip",
            "vpcId": "vpc-0a1b2c3d4e5f60718", "healthCheckPath": "/health", "attributes": { "deregistration_delay.timeout_seconds": "120" } });
        all.push(("TargetGroup", format!("tg-{i:05}"), target_group));
        let app = json!({ "name": "app", "image": format!("registry.example/app:{i}") });
        let definition = json!({ "family": format!("bench-{i:05}"), "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512", "containerDefinitions": [app] });
        all.push(("TaskDefinition", format!("td-{i:05}"), definition));
        let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-0a1b2c3d4e5f60718"] } });
        let service = json!({ "serviceName": format!("bench-{i:05}"), "cluster": "${Cluster/bench.arn}", "desiredCount": 2, "launchType": "FARGATE",
            "taskDefinition": format!("${{TaskDefinition/td-{i:05}.arn}}"), "networkConfiguration": network });
        all.push(("Service", format!("svc-{i:05}"), service));
    }
    let all: Vec<(&str, &str, Value)> =
        all.iter().map(|(kind, name, spec)| (*kind, name.as_str(), spec.clone())).collect();
    stack("bench", &all)
}

/// Builds up from nothing; answers after how many seconds all was in sync.
async fn build_up(b: &Bench, document: &Value) -> f64 {
    b.declare(document);
    let start = tokio::time::Instant::now();
    for _ in 0..80 {
        let report = b.pass().await;
        if report.planned == 0 && report.next.is_none() {
            b.all_in_sync();
            return start.elapsed().as_secs_f64();
        }
        tokio::time::sleep(report.next.unwrap_or(Duration::from_secs(1))).await;
    }
    panic!("no end after {} s", start.elapsed().as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_build_up_of_1101_resources_takes_no_longer_than_the_slowest_bucket_and_none_of_its_calls_is_refused() {
    let b = paced(holdfast_kinds::registry(), Duration::from_millis(40));
    let took = build_up(&b, &workload(500, 200)).await;
    assert_eq!(b.phases().len(), 1101);
    let counters = b.sim.counters();
    println!("1,101 resources in {took:.1} s with {} writes and {} reads", counters.writes, counters.reads);
    assert_eq!(counters.throttled, 0, "calls were refused");
    // 200 task definitions: 20 at once, then one a second.
    assert!((180.0..=195.0).contains(&took), "{took} s");
    b.lawful();
}

#[tokio::test(start_paused = true)]
async fn a_build_up_of_111_resources_takes_seconds_and_few_calls() {
    let b = paced(holdfast_kinds::registry(), Duration::from_millis(40));
    let took = build_up(&b, &workload(50, 20)).await;
    let counters = b.sim.counters();
    println!("111 resources in {took:.1} s with {} writes and {} reads", counters.writes, counters.reads);
    assert_eq!(counters.throttled, 0, "calls were refused");
    assert!(took <= 8.0, "{took} s");
    b.remove("bench", Fate::DeleteByName);
    while b.pass().await.resources > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(b.sim.counters().throttled, 0, "calls were refused");
}

#[tokio::test(start_paused = true)]
async fn a_small_stack_does_not_wait_behind_a_large_one_for_the_same_bucket() {
    let b = paced(holdfast_kinds::registry(), Duration::from_millis(40));
    let mut small = workload(0, 1);
    small["metadata"]["name"] = json!("small");
    small["spec"]["resources"].as_array_mut().expect("a list").iter_mut().for_each(|r| {
        let text = r.to_string().replace("bench", "small");
        *r = serde_json::from_str(&text).expect("JSON");
    });
    b.declare(&workload(0, 100));
    b.declare(&small);
    let start = tokio::time::Instant::now();
    let pass = b.engine.pass(&b.scope);
    let small_is_made = async {
        while b.sim.find(&b.scope, "TaskDefinition", "small-00000").is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        start.elapsed().as_secs_f64()
    };
    let (passed, after) = tokio::join!(pass, small_is_made);
    passed.expect("the pass goes through");
    assert!(after < 3.0, "it was made after {after} s");
    assert!(start.elapsed().as_secs() > 60, "the large one was not slow");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_builds_up_for_minutes_holds_up_no_other_even_with_a_single_seat() {
    let mut b = paced(holdfast_kinds::registry(), Duration::from_millis(40));
    b.options.settings.workers = 1;
    b.declare(&workload(0, 200));
    let engine = b.started();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut far = workload(0, 1);
    far["metadata"]["name"] = json!("far");
    far["spec"]["region"] = json!("eu-west-2");
    b.declare(&far);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let phases = b.phases();
    assert!(phases.iter().all(|(key, phase)| !key.starts_with("far/") || *phase == Phase::InSync), "{phases:?}");
    assert!(phases.iter().any(|(_, phase)| *phase != Phase::InSync), "the large one was not slow");
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    assert_eq!(b.sim.counters().throttled, 0, "calls were refused");
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_is_stopped_journals_nothing_of_what_still_waits_for_a_bucket() {
    let b = paced(holdfast_kinds::registry(), Duration::from_millis(40));
    b.declare(&workload(0, 100));
    let engine = b.started();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let begun = tokio::time::Instant::now();
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    assert!(begun.elapsed() < Duration::from_secs(1), "it took {:?}", begun.elapsed());
    assert_eq!(b.store.open_intents(&b.scope).expect("it reads"), []);
    b.lawful();
}
