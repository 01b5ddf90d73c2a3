//! What is done about a listener rule, told as text.

use super::plan::{Action, together};
use crate::elb::check::{check_converge, check_diffs, check_invalid, made};
use holdfast_core::name::{RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use holdfast_core::observe::{Observation, Reading, Snapshot};
use holdfast_core::plan::{Desired, Fate, Hold, Input, Settings, plan};
use holdfast_core::policy::Policy;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const KIND: &str = "ListenerRule";
const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/web/0123456789abcdef/0123456789abcdef";

fn rule(priority: u32, conditions: Value) -> Value {
    json!({ "listenerArn": LISTENER, "priority": priority, "conditions": conditions,
        "actions": [{ "type": "forward", "targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/1" }] })
}

fn path(pattern: &str) -> Value {
    json!([{ "field": "path-pattern", "values": [pattern] }])
}

#[test]
fn conditions_that_mean_the_same_are_the_same() {
    let cases = [
        // AWS's echo of a path pattern: both forms (API reference, DescribeRules).
        (path("/a"), json!([{ "field": "path-pattern", "values": ["/a"], "pathPatternConfig": { "values": ["/a"] } }])),
        (
            path("/a"),
            json!([{ "field": "path-pattern", "pathPatternConfig": { "values": ["/a"], "regexValues": [] } }]),
        ),
        // Values come back in another order (kinds.md), and so may conditions.
        (
            json!([{ "field": "source-ip", "sourceIpConfig": { "values": ["10.0.0.0/8", "192.0.2.7/24"] } },
                { "field": "host-header", "values": ["WWW.Example.com"] }]),
            json!([{ "field": "host-header", "hostHeaderConfig": { "values": ["www.example.com"] } },
                { "field": "source-ip", "sourceIpConfig": { "values": ["192.0.2.0/24", "10.0.0.0/8"] } }]),
        ),
        // "The header name is case insensitive" (API reference, HttpHeaderConditionConfig).
        (
            json!([{ "field": "http-header", "httpHeaderConfig": { "httpHeaderName": "X-Env", "values": ["a", "b"] } }]),
            json!([{ "field": "http-header", "httpHeaderConfig": { "httpHeaderName": "x-env", "values": ["b", "a"] } }]),
        ),
        // "You can omit the key" (API reference, QueryStringKeyValuePair).
        (
            json!([{ "field": "query-string", "queryStringConfig": { "values": [{ "value": 1 }, { "key": "k", "value": "v" }] } }]),
            json!([{ "field": "query-string", "queryStringConfig": { "values": [{ "key": "k", "value": "v" }, { "key": "", "value": "1" }] } }]),
        ),
        (
            json!([{ "field": "host-header", "regexValues": ["^a$"] }]),
            json!([{ "field": "host-header", "hostHeaderConfig": { "regexValues": ["^a$"] } }]),
        ),
    ];
    for (declared, live) in cases {
        check_diffs(KIND, rule(1, declared.clone()), rule(1, live.clone()), &[]);
        check_diffs(KIND, rule(1, live), rule(1, declared), &[]);
    }
    check_diffs(KIND, rule(1, path("/a")), rule(1, path("/A")), &["Removed /conditions/0", "Added /conditions/1"]);
}

#[test]
fn priority_conditions_and_transforms_have_their_own_calls() {
    let before = {
        let mut spec = rule(5, path("/a"));
        spec["transforms"] = json!([{ "type": "url-rewrite", "urlRewriteConfig": { "rewrites": [{ "regex": "^/a/(.*)", "replace": "/$1" }] } }]);
        spec
    };
    let mut after = rule(7, path("/b"));
    after["transforms"] = Value::Null;
    check_converge(
        KIND,
        &made(KIND, &before),
        &before,
        &after,
        &[
            "move from priority 5 to 7",
            r#"set conditions [{"field":"path-pattern","pathPatternConfig":{"values":["/b"]}}], no transforms"#,
        ],
    );
}

fn step(listener: &str, rule: &str, from: u32, to: u32) -> Action {
    let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/web/1/{listener}/{rule}");
    Action::SetPriorities { arn, from: from.into(), to: to.into(), with: Vec::new() }
}

fn check_together(mut actions: Vec<Action>, expected: &[&str]) {
    together(&mut actions);
    let told: Vec<String> = actions.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected);
}

#[test]
fn rules_that_swap_move_in_one_call() {
    check_together(
        vec![step("l", "a", 1, 2), step("l", "b", 2, 1)],
        &["move from priority 1 to 2, with web/b to 1", "move from priority 2 to 1, with web/a to 2"],
    );
}

#[test]
fn a_move_takes_along_only_what_stands_in_its_way() {
    check_together(
        vec![step("l", "a", 1, 2), step("l", "b", 2, 3), step("l", "c", 9, 8), step("other", "d", 2, 7)],
        &[
            "move from priority 1 to 2, with web/b to 3",
            "move from priority 2 to 3",
            "move from priority 9 to 8",
            "move from priority 2 to 7",
        ],
    );
    check_together(
        vec![step("l", "a", 1, 2), step("l", "b", 2, 3), step("l", "c", 3, 1)],
        &[
            "move from priority 1 to 2, with web/b to 3, with web/c to 1",
            "move from priority 2 to 3, with web/c to 1, with web/a to 2",
            "move from priority 3 to 1, with web/a to 2, with web/b to 3",
        ],
    );
}

#[test]
fn mistakes_are_told_all_at_once() {
    check_invalid(KIND, &rule(1, path("/a")), &[]);
    check_invalid(KIND, &rule(50_001, path("/a")), &["/priority out-of-range"]);
    check_invalid(KIND, &rule(0, path("/a")), &["/priority out-of-range"]);
    let many =
        json!([{ "field": "path-pattern", "pathPatternConfig": { "values": ["/1", "/2", "/3", "/4", "/5", "/6"] } }]);
    check_invalid(KIND, &rule(1, many), &["/conditions too-many-values"]);
    let twice = json!([{ "field": "host-header", "values": ["a.b"] }, { "field": "host-header", "values": ["c.d"] }]);
    check_invalid(KIND, &rule(1, twice), &["/conditions/1/field duplicate-condition"]);
    let bad = json!([
        { "field": "source-ip", "sourceIpConfig": { "values": ["10.0.0.1"] } },
        { "field": "http-request-method", "httpRequestMethodConfig": { "values": ["get"] } },
        { "field": "path-pattern", "hostHeaderConfig": { "values": ["a.b"] } },
        { "field": "query-string", "values": ["x"] },
    ]);
    check_invalid(
        KIND,
        &rule(1, bad),
        &[
            "/conditions/0 invalid-value",
            "/conditions/1 invalid-value",
            "/conditions/2/hostHeaderConfig conflicting-fields",
            "/conditions/3/values conflicting-fields",
        ],
    );
    check_invalid(KIND, &rule(1, json!([{ "field": "host-header", "values": [] }])), &["/conditions/0 missing-value"]);
    let mut transforms = rule(1, path("/a"));
    transforms["transforms"] =
        json!([{ "type": "url-rewrite" }, { "type": "url-rewrite", "urlRewriteConfig": { "rewrites": [] } }]);
    check_invalid(
        KIND,
        &transforms,
        &["/transforms/0/urlRewriteConfig missing-field", "/transforms/1/type duplicate-transform"],
    );
}

fn declared(name: &str, priority: u32) -> Arc<Desired> {
    Arc::new(Desired {
        key: ResourceKey::new("s", KIND, name),
        uid: name.to_owned(),
        generation: 1,
        scope: Scope::new("default", "eu-west-1"),
        spec: Arc::new(rule(priority, path(&format!("/{name}"))).into()),
        stack_tags: Arc::default(),
        policy: Policy::default(),
        fate: Fate::Keep,
        hold: None,
        instead: None,
    })
}

fn live(name: &str, priority: u32) -> Arc<Observation> {
    let mut seen = made(KIND, &rule(priority, path(&format!("/{name}"))));
    seen.id = format!("{}/{name}", LISTENER.replace(":listener/", ":listener-rule/"));
    *seen.tags_mut() = BTreeMap::from(
        [(UID_TAG, name.to_owned()), (RESOURCE_TAG, format!("s/{KIND}/{name}"))].map(|(k, v)| (k.to_owned(), v)),
    );
    Arc::new(seen)
}

#[test]
fn a_plan_swaps_two_rules_and_leaves_a_paused_one_alone() {
    let mut paused = declared("c", 3);
    Arc::make_mut(&mut paused).hold = Some(Hold { reason: "a person looks at it".to_owned(), until: None });
    let desired = [declared("a", 2), declared("b", 1), paused, declared("d", 9)];
    let reading =
        Reading { observations: vec![live("a", 1), live("b", 2), live("c", 9), live("d", 3)], ..Reading::default() };
    let scope = Scope::new("default", "eu-west-1");
    let plan = plan(&Input {
        registry: &crate::registry(),
        desired: &desired,
        snapshot: &Snapshot { scope, taken_at: jiff::Timestamp::UNIX_EPOCH, kinds: BTreeMap::from([(KIND, reading)]) },
        memory: &BTreeMap::new(),
        elsewhere: &BTreeMap::new(),
        declared_uids: &|_| true,
        settings: &Settings::default(),
        deletes_left: 0,
        replaces_left: 2,
        drift_confirmed: false,
        now: jiff::Timestamp::UNIX_EPOCH,
    });
    let told: Vec<String> = plan.steps.iter().map(|s| format!("{}: {}", s.key.name, s.text)).collect();
    assert_eq!(
        told,
        [
            "a: move from priority 1 to 2, with web/b to 1",
            "b: move from priority 2 to 1, with web/a to 2",
            // The rule in its way is paused, so AWS will say that the priority is in use.
            "d: move from priority 3 to 9",
        ]
    );
}
