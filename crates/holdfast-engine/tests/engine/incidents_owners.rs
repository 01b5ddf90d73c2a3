//! Incidents in which a controller fought others over fields that were theirs: a service of the real kinds, with
//! another actor in the same simulated AWS.

use crate::bench::{Bench, bench_of, stack};
use holdfast_core::ownership::Bounds;
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_engine::Undisturbed;
use holdfast_sim::owners::{Autoscaler, Place, Shift, forget, roll_back};
use holdfast_sim::{SimCloud, Tamper};
use holdfast_store::{Location, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

fn weights(blue: u32, green: u32) -> Value {
    let group =
        |name: &str, weight: u32| json!({ "targetGroupArn": format!("${{TargetGroup/{name}.arn}}"), "weight": weight });
    json!([{ "type": "forward", "forwardConfig": { "targetGroups": [group("blue", blue), group("green", green)] } }])
}

/// A service behind a listener that weighs two target groups.
fn shop(image: &str, count: i64) -> Value {
    let group =
        |name: &str| json!({ "name": name, "protocol": "HTTP", "port": 80, "vpcId": "vpc-1", "targetType": "ip" });
    let containers =
        json!([{ "name": "web", "image": image, "memory": 64, "portMappings": [{ "containerPort": 80 }] }]);
    let other = json!({ "alternateTargetGroupArn": "${TargetGroup/green.arn}" });
    let balancers = json!([{ "targetGroupArn": "${TargetGroup/blue.arn}", "containerName": "web", "containerPort": 80,
        "advancedConfiguration": other }]);
    let listener = json!({ "loadBalancerArn": "${LoadBalancer/lb.arn}", "port": 80, "protocol": "HTTP", "defaultActions": weights(100, 0) });
    stack(
        "shop",
        &[
            ("Cluster", "main", json!({ "clusterName": "main" })),
            ("LoadBalancer", "lb", json!({ "name": "lb", "subnets": ["subnet-1", "subnet-2"] })),
            ("TargetGroup", "blue", group("blue")),
            ("TargetGroup", "green", group("green")),
            ("Listener", "http", listener),
            (
                "TaskDefinition",
                "web",
                json!({ "family": "web", "networkMode": "awsvpc", "containerDefinitions": containers }),
            ),
            (
                "Service",
                "web",
                json!({ "cluster": "${Cluster/main.arn}", "serviceName": "web", "desiredCount": count,
                    "taskDefinition": "${TaskDefinition/web.arn}", "loadBalancers": balancers,
                    "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1", "subnet-2"] } },
                    "deploymentConfiguration": { "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 } }),
            ),
        ],
    )
}

async fn running() -> Bench {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-1");
    b.declare(&shop("web:1", 3));
    b.settle().await;
    b.all_in_sync();
    b
}

fn of_service(b: &Bench, path: &'static str) -> Place {
    Place { scope: b.scope.clone(), kind: "Service", name: "main/web".to_owned(), path }
}

fn runs(b: &Bench) -> Value {
    b.live("Service", "main/web").fields["taskDefinition"].clone()
}

/// Passes for some minutes; answers the writes of them.
async fn minutes(b: &Bench, n: usize) -> Vec<String> {
    let before = b.writes().len();
    for _ in 0..n {
        b.clock.advance(SignedDuration::from_secs(60));
        b.pass().await;
    }
    b.writes().split_off(before).into_iter().map(|call| call.operation).collect()
}

fn change(sim: &SimCloud, place: &Place, value: Value) {
    let tamper = Tamper::Set(place.path.to_owned(), value);
    sim.tamper(&place.scope, place.kind, &place.name, tamper).expect("it is there");
}

/// ACK#2907, TFP#28129, CFN#2234.
#[tokio::test]
async fn i03_a_deployment_that_shifts_traffic_is_not_disturbed_until_it_ends() {
    let b = running().await;
    let arn = |name: &str| b.status(&format!("shop/TargetGroup/{name}")).outputs["arn"].clone();
    let listener = b.status("shop/Listener/http").outputs["arn"].as_str().expect("an ARN").to_owned();
    let share = |blue: u32, green: u32| {
        json!([{ "type": "forward", "forwardConfig": { "targetGroups": [
            { "targetGroupArn": arn("blue"), "weight": blue }, { "targetGroupArn": arn("green"), "weight": green }] } }])
    };
    let traffic = Place { kind: "Listener", name: listener, path: "/defaultActions", scope: b.scope.clone() };
    let among = ["blue", "green"].map(|name| arn(name).as_str().expect("an ARN").to_owned()).to_vec();
    let marker = ":targetgroup/".to_owned();
    let shift = Shift { place: of_service(&b, "/taskDefinition"), traffic, among, marker };
    let ours = runs(&b);
    shift.begin(&b.sim, json!("web:77")).expect("it is there");
    for green in [10, 50, 100] {
        shift.weighs(&b.sim, share(100 - green, green)).expect("it is there");
        assert_eq!(minutes(&b, 2).await, [] as [String; 0], "at {green} per cent");
    }
    b.all_in_sync();
    let owned: Vec<String> = b.status("shop/Listener/http").owned.into_iter().map(|o| o.path).collect();
    assert_eq!(owned, ["/defaultActions"]);
    // What is declared meanwhile waits, and says for what.
    b.declare(&shop("web:2", 3));
    assert!(!minutes(&b, 2).await.iter().any(|operation| operation.contains("Service")), "{:#?}", b.events());
    assert_eq!(b.status("shop/Service/web").phase, Phase::Progressing);
    shift.end(&b.sim).expect("it is there");
    b.settle().await;
    b.all_in_sync();
    assert_ne!((runs(&b), runs(&b)), (json!("web:77"), ours), "the newest revision is what runs");
    assert_eq!(b.live("Listener", &shift.traffic.name).fields["defaultActions"], share(0, 100));
    b.lawful();
    b.stays_silent().await;
}

/// ACK#2365.
#[tokio::test]
async fn i06_a_new_revision_rolls_the_service_in_the_same_pass() {
    let b = running().await;
    let before = runs(&b);
    b.declare(&shop("web:2", 3));
    let report = b.pass().await;
    assert_eq!((report.succeeded, report.failed), (2, 0));
    assert_ne!(runs(&b), before);
    let revision = b.status("shop/TaskDefinition/web").outputs["arn"].clone();
    let newest = b.live("TaskDefinition", "web").outputs["arn"].clone();
    assert!(newest.as_str().expect("an ARN").ends_with(runs(&b).as_str().expect("family:revision")), "{revision}");
    b.settle().await;
    b.all_in_sync();
    b.stays_silent().await;
}

/// TFP#335, UPJ#756, ACK#2033.
#[tokio::test]
async fn i07_desired_count_follows_the_autoscaler_and_comes_back_only_from_outside_its_bounds() {
    let mut b = running().await;
    let place = of_service(&b, "/desiredCount");
    let scaler = Autoscaler { place: place.clone(), bounds: Bounds { min: 2, max: 10 } };
    scaler.begin(&b.sim).expect("it is there");
    for load in [4, 10, 40, 2, 7] {
        scaler.wants(&b.sim, load).expect("it is there");
        assert_eq!(minutes(&b, 2).await, [] as [String; 0], "at a load of {load}");
        b.all_in_sync();
    }
    let status = b.status("shop/Service/web");
    let owned = &status.owned[0];
    assert_eq!((&*owned.owner, &owned.live, &owned.declared), ("application-autoscaling", &json!(7), &json!(3)));
    assert_eq!((status.drift, b.count_events("DriftDetected")), (None, 0));
    // Neither a restart nor another change of the service takes the count away from it.
    b.restart("test-2", Arc::new(Undisturbed));
    b.declare(&shop("web:2", 5));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Service", "main/web").fields["desiredCount"], 7);
    // Outside its bounds it is drift, and what is declared is set.
    change(&b.sim, &place, json!(12));
    assert_eq!(minutes(&b, 1).await.len(), 1);
    let drift = b.status("shop/Service/web").drift.expect("12 of 10 is drift");
    assert_eq!((&*drift.fields[0].path, &drift.fields[0].desired), ("/desiredCount", &json!(5)));
    b.settle().await;
    assert_eq!(b.live("Service", "main/web").fields["desiredCount"], 5);
    b.all_in_sync();
    b.lawful();
    b.stays_silent().await;
}

/// TFP#20858, TFP#19519, ROAD#1205.
#[tokio::test]
async fn i11_a_rolled_back_revision_is_failed_and_stays_down_over_restarts_until_another_is_declared() {
    let mut b = running().await;
    let (good, place) = (runs(&b), of_service(&b, "/taskDefinition"));
    b.declare(&shop("web:broken", 3));
    b.settle().await;
    b.all_in_sync();
    assert_ne!(runs(&b), good, "it rolls out");
    roll_back(&b.sim, &place, good.clone(), &["/desiredCount"]).expect("it is there");
    assert_eq!(minutes(&b, 10).await, [] as [String; 0]);
    let status = b.status("shop/Service/web");
    let synced = status.condition(ConditionType::Synced).expect("it has one");
    assert_eq!((status.phase, &*synced.reason), (Phase::Failed, "RolledBack"));
    assert!(synced.message.contains("tasks failed to start"), "{}", synced.message);
    assert_eq!(status.condition(ConditionType::Ready).expect("it has one").status, Truth::False);
    assert_eq!(b.count_events("RolledBack"), 1, "each fact once: {:#?}", b.events());
    // Everybody else forgets: ECS, and the process.
    forget(&b.sim, &place).expect("it is there");
    b.restart("test-2", Arc::new(Undisturbed));
    b.engine.forgive("shop").expect("the store reads");
    assert_eq!(minutes(&b, 10).await, [] as [String; 0]);
    assert_eq!(b.status("shop/Service/web").phase, Phase::Failed);
    assert_eq!(runs(&b), good);
    // More tasks are no reason to try it again, and another revision is.
    b.declare(&shop("web:broken", 4));
    b.settle().await;
    assert_eq!((runs(&b), b.status("shop/Service/web").phase), (good.clone(), Phase::Failed));
    assert_eq!(b.live("Service", "main/web").fields["desiredCount"], 4);
    b.declare(&shop("web:repaired", 4));
    b.settle().await;
    b.all_in_sync();
    assert_ne!(runs(&b), good);
    b.lawful();
    b.stays_silent().await;
}

/// TFP#20858, TFP#19519, ROAD#1205.
#[tokio::test]
async fn i11_with_a_lost_store_a_rollback_is_found_again_by_what_ecs_says_of_it() {
    let mut b = running().await;
    let (good, place) = (runs(&b), of_service(&b, "/taskDefinition"));
    b.declare(&shop("web:broken", 3));
    b.settle().await;
    roll_back(&b.sim, &place, good.clone(), &["/desiredCount"]).expect("it is there");
    b.store = Store::open(&Location::Memory).expect("a store in memory opens");
    b.options.store = b.store.clone();
    b.restart("test-2", Arc::new(Undisturbed));
    b.declare(&shop("web:broken", 3));
    minutes(&b, 10).await;
    assert_eq!((runs(&b), b.status("shop/Service/web").phase), (good, Phase::Failed), "{:#?}", b.events());
}
