//! Incidents that other tools had with services, told as plans.

use super::observed;
use super::owners::scaled;
use super::tests::{answer, spec};
use crate::common::settled;
use holdfast_core::name::{KindName, RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use holdfast_core::observe::{Gap, Observation, Reading, Snapshot};
use holdfast_core::ownership::Bounds;
use holdfast_core::plan::{Desired, Fate, Input, Memory, Plan, Settings, plan};
use holdfast_core::status::{ConditionType, Phase};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const BLUE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/blue/1";
const GREEN: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/green/2";
const OTHER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/other/3";
const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/lb/1/2";
const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/lb/1/2/3";

/// What is declared, live and remembered. Every resource was in sync in generation 1.
#[derive(Default)]
struct Scene {
    desired: Vec<Arc<Desired>>,
    kinds: BTreeMap<KindName, Reading>,
    memory: BTreeMap<ResourceKey, Memory>,
}

impl Scene {
    /// A resource whose declaration was `before` when it was in sync, and is `now`; none before means that nothing is
    /// remembered.
    fn of(mut self, kind: KindName, before: Option<&Value>, now: Value, mut live: Observation) -> Self {
        let key = ResourceKey::new("it", kind, "web");
        *live.tags_mut() =
            BTreeMap::from([(UID_TAG.to_owned(), format!("uid-{kind}")), (RESOURCE_TAG.to_owned(), key.to_string())]);
        if let Some(before) = before {
            let registry = crate::registry();
            let mut written = before.clone();
            registry.get(kind).expect("a kind").canonical(&mut written);
            let baseline = Some(live.fields.clone().into());
            let memory =
                Memory { last_written: Some(written.into()), baseline, baseline_generation: 1, ..Memory::default() };
            self.memory.insert(key.clone(), memory);
        }
        self.desired.push(Arc::new(Desired {
            key,
            uid: format!("uid-{kind}"),
            generation: if before.is_none_or(|b| *b == now) { 1 } else { 2 },
            scope: Scope::new("default", "eu-west-1"),
            spec: Arc::new(now.into()),
            stack_tags: Arc::default(),
            policy: Default::default(),
            fate: Fate::Keep,
            hold: None,
            instead: None,
        }));
        self.kinds.entry(kind).or_default().observations.push(Arc::new(live));
        self
    }

    fn plan(&self) -> Plan {
        let (registry, scope) = (crate::registry(), Scope::new("default", "eu-west-1"));
        let snapshot = Snapshot { scope, taken_at: jiff::Timestamp::UNIX_EPOCH, kinds: self.kinds.clone() };
        plan(&Input {
            registry: &registry,
            desired: &self.desired,
            snapshot: &snapshot,
            memory: &self.memory,
            elsewhere: &BTreeMap::new(),
            declared_uids: &|_| true,
            settings: &Settings::default(),
            deletes_left: 9,
            replaces_left: 2,
            drift_confirmed: false,
            now: jiff::Timestamp::UNIX_EPOCH,
        })
    }

    /// Steps, then a line for each verdict.
    fn told(&self) -> Vec<String> {
        let plan = self.plan();
        let steps = plan.steps.iter().map(|s| format!("{} {}", s.verb.sign(), s.text));
        steps.chain(plan.verdicts.iter().map(|v| format!("{} {:?} {}", v.key.kind, v.decision, v.phase))).collect()
    }
}

fn service(before: Option<&Value>, now: Value, live: Observation) -> Scene {
    Scene::default().of("Service", before, now, live)
}

fn live(fields: Value) -> Observation {
    observed::service(&answer(fields), BTreeMap::new(), None).expect("it is live")
}

fn forward(weights: &[(&str, u32)]) -> Value {
    let groups: Vec<Value> = weights.iter().map(|(arn, w)| json!({ "targetGroupArn": arn, "weight": w })).collect();
    json!([{ "type": "forward", "forwardConfig": { "targetGroups": groups } }])
}

fn rule(actions: Value) -> Value {
    let conditions = json!([{ "field": "path-pattern", "pathPatternConfig": { "values": ["/x"] } }]);
    json!({ "listenerArn": LISTENER, "priority": 1, "conditions": conditions, "actions": actions })
}

fn listener(actions: Value) -> Value {
    json!({ "loadBalancerArn": "arn:lb", "port": 80, "protocol": "HTTP", "defaultActions": actions })
}

fn forwarder(kind: KindName, fields: &Value) -> Observation {
    let registry = crate::registry();
    let kind = registry.get(kind).expect("a kind");
    let mut fields = fields.clone();
    kind.canonical(&mut fields);
    let id = if kind.name() == "Listener" { LISTENER } else { RULE };
    settled(id.to_owned(), kind.identity(&fields).expect("it has one"), BTreeMap::new(), fields)
}

/// ECS's own blue/green deployment, with the pair of target groups and the rule between them.
fn blue_green(deployments: Value) -> Value {
    json!({
        "deploymentConfiguration": { "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 }, "deployments": deployments,
        "loadBalancers": [{ "targetGroupArn": BLUE, "containerName": "web", "containerPort": 80,
            "advancedConfiguration": { "alternateTargetGroupArn": GREEN, "productionListenerRule": RULE } }] })
}

fn running() -> Value {
    json!([{ "id": "2", "status": "PRIMARY", "taskDefinition": "web:8" }, { "id": "1", "status": "ACTIVE", "taskDefinition": "web:7" }])
}

fn with(mut fields: Value, more: Value) -> Value {
    fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    fields
}

/// ACK#2372. A `TargetAttachment` acts on the one target that it has registered itself.
#[test]
fn i02_no_kind_but_a_target_by_hand_may_register_or_deregister_targets() {
    let registry = crate::registry();
    let all: Vec<(&str, &str)> =
        registry.iter().flat_map(|kind| kind.permissions().iter().map(|p| (kind.name(), *p))).collect();
    assert!(all.len() > 50, "all kinds: {all:?}");
    let writes = |p: &str| p.ends_with(":RegisterTargets") || p.ends_with(":DeregisterTargets");
    let of_targets: Vec<&str> = all.iter().filter(|(_, p)| writes(p)).map(|(kind, _)| *kind).collect();
    assert_eq!(of_targets, ["TargetAttachment", "TargetAttachment"]);
}

/// ACK#2907, TFP#28129, CFN#2234.
#[test]
fn i03_weights_and_task_definition_stay_in_the_middle_of_a_blue_green_deployment() {
    let declared = spec(json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } }));
    let shifting = || live(with(blue_green(running()), json!({ "taskDefinition": "web:8" })));
    let half = rule(forward(&[(BLUE, 50), (GREEN, 50)]));
    let whole = rule(forward(&[(BLUE, 100), (GREEN, 0)]));
    let scene = service(Some(&declared), declared.clone(), shifting()).of(
        "ListenerRule",
        Some(&whole),
        whole.clone(),
        forwarder("ListenerRule", &half),
    );
    assert_eq!(scene.told(), ["ListenerRule InSync InSync", "Service InSync InSync"]);
    let plan = scene.plan();
    let owned: Vec<_> = plan.verdicts.iter().flat_map(|v| &v.owned).map(|o| (&*o.path, &*o.owner, o.left)).collect();
    assert_eq!(owned, [("/actions", "ecs-deployment", true), ("/taskDefinition", "ecs-deployment", true)]);
    // A revision that is declared meanwhile comes when the deployment has ended, and says so.
    let newer = with(declared.clone(), json!({ "taskDefinition": "web:9" }));
    let scene = service(Some(&declared), newer, shifting());
    assert_eq!(scene.told(), ["Service Wait Progressing"]);
    let verdict = &scene.plan().verdicts[0];
    assert!(verdict.reason.contains("/taskDefinition is set when its owner is done"), "{}", verdict.reason);
}

/// ACK#2907, TFP#28129, CFN#2234.
#[test]
fn i03_after_the_deployment_the_revision_is_the_declaration_s_and_the_traffic_between_its_groups_is_not() {
    let declared = spec(json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } }));
    let shifted =
        live(with(blue_green(json!([{ "id": "2", "status": "PRIMARY" }])), json!({ "taskDefinition": "web:8" })));
    let (blue, green) = (rule(forward(&[(BLUE, 100), (GREEN, 0)])), rule(forward(&[(BLUE, 0), (GREEN, 100)])));
    let other = rule(forward(&[(OTHER, 1)]));
    let scene = |before: &Value, now: &Value, seen: &Value| {
        service(Some(&declared), declared.clone(), shifted.clone()).of(
            "ListenerRule",
            Some(before),
            now.clone(),
            forwarder("ListenerRule", seen),
        )
    };
    let told = scene(&blue, &blue, &green).told();
    assert_eq!(told, ["~ update taskDefinition web:7", "ListenerRule InSync InSync", "Service Update Drifted"]);
    // Traffic that somebody sent elsewhere is drift, and a declaration that sends it elsewhere is done.
    assert_eq!(scene(&blue, &blue, &other).told()[2], "ListenerRule Update Drifted");
    assert_eq!(scene(&blue, &other, &green).told()[2], "ListenerRule Update Progressing");
}

/// ACK#2907, TFP#28129, CFN#2234: one throttled read, and the traffic is back where no task is.
#[test]
fn i03_the_traffic_stays_where_it_was_shifted_to_while_the_service_cannot_be_read() {
    let (blue, green) = (rule(forward(&[(BLUE, 100), (GREEN, 0)])), rule(forward(&[(BLUE, 0), (GREEN, 100)])));
    let scene = |strategy: &str, live: Observation| {
        let declared = spec(json!({ "deploymentConfiguration": { "strategy": strategy } }));
        let rule = forwarder("ListenerRule", &green);
        let mut scene =
            service(Some(&declared.clone()), declared, live).of("ListenerRule", Some(&blue), blue.clone(), rule);
        let services = scene.kinds.get_mut("Service").expect("it was read");
        *services = Reading { gaps: vec![Gap::new("ecs:DescribeServices", vec![], "Throttled")], ..Reading::default() };
        scene.told()
    };
    let shifted = live(blue_green(json!([{ "id": "2", "status": "PRIMARY" }])));
    assert_eq!(scene("BLUE_GREEN", shifted), ["ListenerRule InSync InSync", "Service Unknown Unknown"]);
    // A service that shifts nothing has nothing to say of it.
    let group = json!([{ "targetGroupArn": BLUE, "containerName": "web", "containerPort": 80 }]);
    let told = scene("ROLLING", live(json!({ "loadBalancers": group })));
    assert_eq!(told[1..], ["ListenerRule Update Drifted", "Service Unknown Unknown"]);
}

/// ACK#2907, TFP#28129, CFN#2234.
#[test]
fn i03_what_codedeploy_sets_is_left_to_it_and_all_else_is_held() {
    let sets = json!([{ "status": "PRIMARY", "loadBalancers": [{ "targetGroupArn": GREEN }] },
                      { "status": "ACTIVE", "loadBalancers": [{ "targetGroupArn": BLUE }] }]);
    let controller = json!({ "type": "CODE_DEPLOY" });
    let theirs = live(json!({ "deploymentController": controller, "taskSets": sets, "deployments": [],
        "loadBalancers": [{ "targetGroupArn": GREEN, "containerName": "web", "containerPort": 80 }],
        "taskDefinition": "web:9", "desiredCount": 5 }));
    let declared = spec(json!({ "deploymentController": controller, "desiredCount": 2,
        "loadBalancers": [{ "targetGroupArn": BLUE, "containerName": "web", "containerPort": 80 }] }));
    let (at_blue, shifting) = (listener(forward(&[(BLUE, 1)])), listener(forward(&[(BLUE, 30), (GREEN, 70)])));
    let scene = service(Some(&declared), declared.clone(), theirs).of(
        "Listener",
        Some(&at_blue),
        at_blue.clone(),
        forwarder("Listener", &shifting),
    );
    assert_eq!(scene.told(), ["~ update desiredCount 2", "Listener InSync InSync", "Service Update Drifted"]);
    let plan = scene.plan();
    let owned: Vec<_> = plan.verdicts.iter().flat_map(|v| &v.owned).map(|o| (&*o.path, &*o.owner)).collect();
    let owner = "codedeploy";
    assert_eq!(owned, [("/defaultActions", owner), ("/taskDefinition", owner), ("/loadBalancers", owner)]);
}

/// ACK#2365.
#[test]
fn i06_a_new_revision_rolls_the_service_in_the_same_plan() {
    let definition =
        |image: &str| json!({ "family": "web", "containerDefinitions": [{ "name": "web", "image": image }] });
    let declared = spec(json!({ "taskDefinition": "${TaskDefinition/web.arn}" }));
    let live_definition = crate::ecs::testing::created::<crate::task_definition::TaskDefinition>(&definition("web:1"));
    let (arn, before) = (live_definition.outputs["arn"].clone(), definition("web:1"));
    let seen = live(json!({ "taskDefinition": arn }));
    let scene = Scene::default().of("Service", Some(&declared), declared.clone(), seen).of(
        "TaskDefinition",
        Some(&before),
        definition("web:2"),
        live_definition,
    );
    let plan = scene.plan();
    let told: Vec<_> = plan
        .steps
        .iter()
        .map(|s| (&*s.key.kind, s.action["fields"]["taskDefinition"].clone(), s.needs.clone()))
        .collect();
    let waits = json!("${TaskDefinition/web.arn}");
    assert_eq!(told, [("TaskDefinition", Value::Null, vec![]), ("Service", waits, vec![1])]);
}

/// TFP#335, UPJ#756, ACK#2033.
#[test]
fn i07_desired_count_is_left_to_the_autoscaler() {
    let bounds = Bounds { min: 2, max: 10 };
    let seen = |count: i64| {
        let mut live = live(json!({ "desiredCount": count, "runningCount": count }));
        live.ownership.owners.push(scaled(bounds));
        live
    };
    let declared = |count: i64| spec(json!({ "desiredCount": count }));
    let told = |want: i64, have: i64| service(Some(&declared(want)), declared(want), seen(have)).told();
    for have in [2, 7, 10] {
        assert_eq!(told(3, have), ["Service InSync InSync"], "{have} is the autoscaler's");
    }
    // Outside its bounds nobody but the declaration says what it is to be, within them.
    assert_eq!(told(3, 12), ["~ update desiredCount 3", "Service Update Drifted"]);
    assert_eq!(told(20, 12), ["~ update desiredCount 10", "Service Update Drifted"]);
    assert_eq!(told(0, 1), ["~ update desiredCount 2", "Service Update Drifted"]);
    assert_eq!(told(20, 10), ["Service InSync InSync"], "and there it stays");
    let scene = service(Some(&declared(3)), declared(3), seen(7));
    let owned = &scene.plan().verdicts[0].owned[0];
    assert_eq!((&owned.declared, &owned.live, owned.bounds, owned.left), (&json!(3), &json!(7), Some(bounds), true));
    // A new declaration does not take the count away from the autoscaler either, and nobody waits for it.
    assert_eq!(service(Some(&declared(3)), declared(5), seen(7)).told(), ["Service InSync InSync"]);
    // What nobody declares and the autoscaler moves is no news.
    let scene = service(Some(&spec(json!({}))), spec(json!({})), seen(9));
    assert_eq!(scene.plan().verdicts[0].diffs, []);
    // Whether there is an autoscaler could not be read: nobody knows, so nobody touches it.
    let mut unknown = live(json!({ "desiredCount": 7 }));
    unknown.unread.push("/desiredCount".to_owned());
    assert_eq!(service(Some(&declared(3)), declared(3), unknown).told(), ["Service InSync InSync"]);
}

const BACK: &str = "(service web) rolling back to deployment ecs-svc/1.";

/// ECS went back to revision 7; the failed deployment is gone from the list.
fn back() -> Observation {
    live(json!({ "events": [{ "message": "(service web) has reached a steady state." }, { "message": BACK }] }))
}

/// TFP#20858, TFP#19519, ROAD#1205.
#[test]
fn i11_a_rollback_is_failed_with_aws_s_words_and_is_not_applied_again_until_the_declaration_changes() {
    let declared = spec(json!({ "taskDefinition": "web:8" }));
    let with = |more: Value| with(declared.clone(), more);
    let scene = |now: Value| service(Some(&declared), now, back());
    let failed = scene(declared.clone());
    assert_eq!(failed.told(), ["Service RolledBack Failed"]);
    let verdict = &failed.plan().verdicts[0];
    assert!(verdict.reason.contains(BACK) && verdict.reason.contains("web:8"), "{}", verdict.reason);
    let synced = verdict.conditions.iter().find(|c| c.kind == ConditionType::Synced).expect("it has one");
    assert_eq!(synced.reason, "RolledBack");
    assert_eq!(verdict.diffs[0].decision, "none");
    // A count is no reason to try the revision again, but it is set.
    let scaled = scene(with(json!({ "desiredCount": 5 })));
    assert_eq!(scaled.told(), ["~ update desiredCount 5", "Service Update Failed"]);
    for again in [
        json!({ "taskDefinition": "web:9" }),
        json!({ "redeployOn": { "try": "2" } }),
        json!({ "deploymentConfiguration": { "minimumHealthyPercent": 50 } }),
    ] {
        let plan = scene(with(again.clone())).plan();
        assert_eq!((plan.steps.len(), plan.verdicts[0].phase), (1, Phase::Progressing), "{again}");
        assert!(plan.steps[0].heals.contains(&"/taskDefinition".to_owned()), "{again}");
    }
}

/// TFP#20858, TFP#19519, ROAD#1205.
#[test]
fn i11_a_rollback_is_remembered_when_ecs_has_forgotten_it_and_found_again_when_we_have() {
    let declared = spec(json!({ "taskDefinition": "web:8" }));
    let known = service(Some(&declared), declared.clone(), back()).plan().verdicts[0].rolled_back.clone();
    let key = ResourceKey::new("it", "Service", "web");
    // The events have scrolled away, and somebody has forced a new deployment of the old revision.
    let mut later = service(Some(&declared), declared.clone(), live(json!({})));
    later.memory.get_mut(&key).expect("it is remembered").rolled_back.clone_from(&known);
    assert_eq!(later.told(), ["Service RolledBack Failed"]);
    // What is remembered goes over the disk.
    let kept: Memory = serde_json::from_value(serde_json::to_value(&later.memory[&key]).expect("JSON")).expect("back");
    assert_eq!(kept.rolled_back, known);
    // Nothing is remembered: the events tell.
    assert_eq!(service(None, declared.clone(), back()).told(), ["Service RolledBack Failed"]);
    // The failed deployment, while it is shown, names the revision that failed.
    let named = |revision: &str| {
        let failed =
            json!({ "id": "ecs-svc/2", "status": "ACTIVE", "rolloutState": "FAILED", "taskDefinition": revision });
        let primary = json!({ "id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1." });
        service(None, declared.clone(), live(json!({ "deployments": [primary, failed] }))).told()
    };
    assert_eq!(named("web:8"), ["Service RolledBack Failed"]);
    // So it does where nobody speaks of a rollback.
    let failed = json!([{ "id": "1", "status": "PRIMARY", "rolloutState": "COMPLETED" },
        { "id": "2", "status": "ACTIVE", "rolloutState": "FAILED", "taskDefinition": "web:8" }]);
    let silent = live(json!({ "deployments": failed }));
    assert_eq!(service(Some(&declared), declared.clone(), silent).told(), ["Service RolledBack Failed"]);
    assert_eq!(named("web:6"), ["~ update taskDefinition web:8", "Service Update Progressing"]);
    // A rollback to a deployment that is not live any more is history.
    let old = live(json!({ "events": [{ "message": "(service web) rolling back to deployment ecs-svc/0." }] }));
    assert_eq!(service(None, declared.clone(), old).told()[0], "~ update taskDefinition web:8");
    // It is live after all: then it is nobody's failure any more.
    let mut cured = service(Some(&declared), declared.clone(), live(json!({ "taskDefinition": "web:8" })));
    cured.memory.get_mut(&key).expect("it is remembered").rolled_back = known;
    assert_eq!(
        (cured.told(), &cured.plan().verdicts[0].rolled_back),
        (vec!["Service InSync InSync".to_owned()], &None)
    );
}
