//! Load balancers, target groups, listeners and rules.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_elasticloadbalancingv2::{Client, types as wire};
use holdfast_core::cloud::{Cloud, ErrorClass, Memo};
use holdfast_core::name::KindName;
use holdfast_core::observe::{Observation, Reading};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

type Tags = BTreeMap<String, String>;

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

/// What differed, sorted, and what was done, as text.
async fn pass(bench: &mut Bench) -> (Vec<String>, Vec<String>) {
    let plan = bench.pass().await;
    let diffs = plan.verdicts.iter().flat_map(|v| v.diffs.iter().map(|d| (&v.key.name, d)));
    let mut found: Vec<String> = diffs.map(|(name, d)| format!("{name} {:?} {}", d.change, d.path)).collect();
    found.sort();
    let done = plan.steps.iter().map(|s| format!("{} {}: {}", s.verb.sign(), s.key.name, s.text)).collect();
    (found, done)
}

async fn check_quiet(bench: &mut Bench) {
    assert_eq!(pass(bench).await, (vec![], vec![]));
}

async fn subnets(bench: &Bench) -> (String, Vec<String>) {
    let ec2 = aws_sdk_ec2::Client::new(&bench.aws.others);
    let answer = ec2.describe_subnets().send().await.expect("moto answers");
    let ids = answer.subnets().iter().filter_map(|s| s.subnet_id()).map(str::to_owned).take(3).collect();
    let vpc = answer.subnets().first().and_then(|s| s.vpc_id()).expect("moto has a default VPC");
    (vpc.to_owned(), ids)
}

async fn declare_all(bench: &mut Bench, run: &str) {
    let (vpc, subnets) = subnets(bench).await;
    let balancer = json!({
        "name": format!("lb-{run}"), "subnets": subnets[..2], "tags": { "team": "media" },
        "attributes": { "idle_timeout.timeout_seconds": 120, "deletion_protection.enabled": "false" },
    });
    bench.declare("LoadBalancer", "lb", balancer);
    for name in ["blue", "green"] {
        let group = json!({
            "name": format!("{name}-{run}"), "protocol": "HTTP", "port": 8080, "vpcId": vpc, "targetType": "ip",
            "healthCheckPath": "/healthz", "matcher": { "httpCode": "200-299" }, "healthCheckTimeoutSeconds": 5,
            "attributes": { "deregistration_delay.timeout_seconds": 30 },
        });
        bench.declare("TargetGroup", name, group);
    }
    let listener = json!({
        "loadBalancerArn": "${LoadBalancer/lb.arn}", "port": 80, "protocol": "HTTP",
        "defaultActions": [{ "type": "forward", "targetGroupArn": "${TargetGroup/blue.arn}" }],
    });
    bench.declare("Listener", "http", listener);
    let weighted = json!([{ "type": "forward", "forwardConfig": { "targetGroups": [
        { "targetGroupArn": "${TargetGroup/green.arn}", "weight": 9 }, { "targetGroupArn": "${TargetGroup/blue.arn}" } ] } }]);
    let rule = |priority: u32, conditions: Value, actions: Value| json!({ "listenerArn": "${Listener/http.arn}", "priority": priority, "conditions": conditions, "actions": actions });
    let to_green = json!([{ "type": "forward", "targetGroupArn": "${TargetGroup/green.arn}" }]);
    let paths = json!([{ "field": "path-pattern", "values": ["/a/*"] }, { "field": "source-ip", "sourceIpConfig": { "values": ["10.0.0.0/8"] } }]);
    let hosts = json!([{ "field": "host-header", "hostHeaderConfig": { "values": ["WWW.example.com", "b.example.com"] } },
        { "field": "query-string", "queryStringConfig": { "values": [{ "key": "v", "value": 1 }] } }]);
    bench.declare("ListenerRule", "paths", rule(10, paths, to_green));
    bench.declare("ListenerRule", "hosts", rule(20, hosts, weighted));
    let header = json!([{ "field": "http-header", "httpHeaderConfig": { "httpHeaderName": "X-Env", "values": ["a"] } },
        { "field": "http-request-method", "httpRequestMethodConfig": { "values": ["GET"] } }]);
    let redirect = json!([{ "type": "redirect", "redirectConfig": { "protocol": "HTTPS", "port": 443, "statusCode": "HTTP_301" } }]);
    bench.declare("ListenerRule", "redirect", rule(30, header, redirect));
    let fixed =
        json!([{ "type": "fixed-response", "fixedResponseConfig": { "statusCode": 404, "messageBody": "no" } }]);
    bench.declare("ListenerRule", "fixed", rule(40, json!([{ "field": "path-pattern", "values": ["/x"] }]), fixed));
}

/// What a person with a console does.
async fn disturb(bench: &Bench) {
    let (elb, green) = (other(bench), bench.id("TargetGroup", "green"));
    let health = elb.modify_target_group().target_group_arn(&green).health_check_path("/other");
    health.send().await.expect("a health check is changed behind our back");
    let delay = wire::TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("5").build();
    let attributes = elb.modify_target_group_attributes().target_group_arn(&green).attributes(delay);
    attributes.send().await.expect("an attribute is changed behind our back");
    let forward = wire::Action::builder().r#type(wire::ActionTypeEnum::Forward).target_group_arn(&green).build();
    let listener = elb.modify_listener().listener_arn(bench.id("Listener", "http")).default_actions(forward);
    listener.send().await.expect("a default action is changed behind our back");
    let pair = wire::RulePriorityPair::builder().rule_arn(bench.id("ListenerRule", "paths")).priority(77).build();
    elb.set_rule_priorities().rule_priorities(pair).send().await.expect("a priority is changed behind our back");
    let untag = elb.remove_tags().resource_arns(bench.id("LoadBalancer", "lb")).tag_keys("team");
    untag.send().await.expect("a tag is removed behind our back");
    elb.delete_rule()
        .rule_arn(bench.id("ListenerRule", "fixed"))
        .send()
        .await
        .expect("a rule is deleted behind our back");
}

#[tokio::test]
async fn a_look_that_follows_goes_by_the_feed_of_the_one_before_but_not_for_what_we_tagged_meanwhile() {
    let run = format!("f{}", std::process::id());
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("elb{run}"));
    let (vpc, _) = subnets(&bench).await;
    // Target groups alone: moto's tag feed knows no listeners and rules.
    for name in ["blue", "green"] {
        let group = json!({ "name": format!("{name}-{run}"), "protocol": "HTTP", "port": 8080, "vpcId": vpc, "targetType": "ip" });
        bench.declare("TargetGroup", name, group);
    }
    pass(&mut bench).await;
    check_quiet(&mut bench).await;
    let (wanted, mut memo) = (bench.wanted(), Memo::default());
    let (aws, mut looks) = (&bench.aws, Vec::new());
    for feeds in [1, 0] {
        aws.meter.take();
        looks.push(aws.cloud.follow(&aws.scope, &wanted, &mut memo).await.kinds);
        let calls = aws.meter.take_sorted();
        assert_eq!(calls.iter().filter(|call| **call == "GetResources").count(), feeds, "{calls:?}");
    }
    let stack = format!("elb{run}/");
    let tags = |look: &BTreeMap<KindName, Reading>| -> Vec<(String, Arc<Tags>)> {
        // The tests beside this one come and go in the same account.
        let ours = |seen: &&Arc<Observation>| seen.tags.get("holdfast:resource").is_some_and(|r| r.starts_with(&stack));
        let all = look.values().flat_map(|reading| &reading.observations);
        all.filter(ours).map(|seen| (seen.id.clone(), seen.tags.clone())).collect()
    };
    assert_eq!(tags(&looks[0]).len(), 2);
    assert_eq!(tags(&looks[0]), tags(&looks[1]));
    let green = bench.id("TargetGroup", "green");
    for (set, remove) in [(json!({ "team": "web" }), json!([])), (json!({}), json!(["team"]))] {
        let retag = json!({ "do": "tag", "id": green, "set": set, "remove": remove });
        aws.cloud.apply(&aws.scope, "TargetGroup", &retag, "token").await.expect("the tags are changed");
        let look = aws.cloud.follow(&aws.scope, &wanted, &mut memo).await.kinds;
        let now = tags(&look).into_iter().find(|(id, _)| *id == green).expect("it is seen").1;
        assert_eq!(now.get("team").map(String::as_str), set["team"].as_str(), "the feed is older than the write");
    }
    bench.condemn();
    pass(&mut bench).await;
}

#[tokio::test]
async fn a_load_balancer_with_groups_listener_and_rules_lives_and_goes() {
    // Each run has a stack of its own, so that what an earlier one left behind is somebody else's.
    let run = std::process::id().to_string();
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("elb{run}"));
    declare_all(&mut bench, &run).await;
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done.len(), 8 + 3, "{done:#?}");
    check_quiet(&mut bench).await;
    bench.aws.meter.take();
    check_quiet(&mut bench).await;
    let calls = bench.aws.meter.take_sorted();
    let attributes =
        ["DescribeLoadBalancerAttributes", "DescribeTargetGroupAttributes", "DescribeTargetGroupAttributes"];
    let listings =
        ["DescribeListeners", "DescribeLoadBalancers", "DescribeRules", "DescribeTargetGroups", "GetResources"];
    // moto's tag feed knows no listeners and rules, so each kind confirms the tags of its own.
    let tags = ["DescribeTags", "DescribeTags"];
    let mut floor: Vec<&str> = attributes.into_iter().chain(listings).chain(tags).collect();
    floor.sort_unstable();
    assert_eq!(calls, floor, "a steady sweep is one call a kind, the feed, and the audit of attributes");

    disturb(&bench).await;
    let (found, _) = pass(&mut bench).await;
    assert_eq!(
        found,
        [
            "fixed Missing ",
            "green Changed /attributes/deregistration_delay.timeout_seconds",
            "green Changed /healthCheckPath",
            "http Changed /defaultActions/0/targetGroupArn",
            "lb Removed /tags/team",
            "paths Changed /priority",
        ]
    );
    check_quiet(&mut bench).await;
    forgets_everything(&mut bench).await;
    goes(&mut bench, &run).await;
}

/// With no memory of ours everything is found again, by its tags and its names.
async fn forgets_everything(bench: &mut Bench) {
    bench.memory.clear();
    bench.aws = Emulator::named_by("HOLDFAST_TEST_MOTO").await;
    check_quiet(bench).await;
    check_quiet(bench).await;
}

/// Teardown, in order, with a bystander that stays.
async fn goes(bench: &mut Bench, run: &str) {
    let (vpc, _) = subnets(bench).await;
    let other = other(bench);
    let bystander = other.create_target_group().name(format!("by-{run}")).protocol(wire::ProtocolEnum::Http);
    let bystander = bystander.port(1).vpc_id(vpc).send().await.expect("moto makes it");
    bench.condemn();
    keeps_what_others_have_put_into_it(bench).await;
    let (_, done) = pass(bench).await;
    assert!(done.iter().all(|line| line.starts_with('-')), "{done:#?}");
    check_quiet(bench).await;
    let plan = bench.plan().await;
    assert!(plan.verdicts.iter().all(|v| v.id.is_none()), "{:#?}", plan.verdicts);
    let arn = bystander.target_groups().first().and_then(|g| g.target_group_arn()).expect("it has an ARN");
    let left = other.describe_target_groups().target_group_arns(arn).send().await.expect("moto answers");
    assert_eq!(left.target_groups().len(), 1, "what is not ours stays");
}

/// AWS would delete a listener with its load balancer and a rule with its listener, whosever they are.
async fn keeps_what_others_have_put_into_it(bench: &mut Bench) {
    let other = other(bench);
    let (balancer, ours) = (bench.id("LoadBalancer", "lb"), bench.id("Listener", "http"));
    let plain = wire::FixedResponseActionConfig::builder().status_code("404").build();
    let action =
        wire::Action::builder().r#type(wire::ActionTypeEnum::FixedResponse).fixed_response_config(plain).build();
    let listener = other.create_listener().load_balancer_arn(&balancer).port(8081).protocol(wire::ProtocolEnum::Http);
    let listener = listener.default_actions(action.clone()).send().await.expect("moto makes it");
    let condition = wire::RuleCondition::builder().field("path-pattern").values("/theirs").build();
    let rule = other.create_rule().listener_arn(&ours).priority(999).conditions(condition).actions(action);
    let rule = rule.send().await.expect("moto makes it");
    let listener = listener.listeners()[0].listener_arn().expect("it has an ARN").to_owned();
    let rule = rule.rules()[0].rule_arn().expect("it has an ARN").to_owned();

    let plan = bench.plan().await;
    for (name, theirs) in [("http", &rule), ("lb", &listener)] {
        let step = plan.steps.iter().find(|step| step.key.name == name).expect("it is to go");
        let error = bench.take(step).await.expect_err("what is not ours would go with it");
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "ResourceInUse"), "{error}");
        assert!(error.message.contains(theirs.as_str()), "{error}");
    }
    let rules = other.describe_rules().rule_arns(&rule).send().await.expect("moto answers");
    let listeners = other.describe_listeners().listener_arns(&listener).send().await.expect("moto answers");
    assert_eq!((rules.rules().len(), listeners.listeners().len()), (1, 1), "they stay");
    other.delete_rule().rule_arn(rule).send().await.expect("moto deletes it");
    other.delete_listener().listener_arn(listener).send().await.expect("moto deletes it");
}
