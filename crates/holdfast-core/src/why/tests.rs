use super::*;
use crate::cloud::{ApplyError, ErrorClass};
use crate::compare::compare;
use crate::facts::{Facts, Field, Severity, Shape};
use crate::outputs::Outputs;
use crate::ownership::{Bounds, Owned};
use crate::policy::{Ignore, jiff_timestamp::Until};
use crate::status::{Condition, Drift};
use serde_json::json;

const FIELDS: &[Field] = &[
    Field::scalar("/timeout").default("60", "https://docs.aws.amazon.com/timeouts"),
    Field::scalar("/zone").create_only(),
    Field::of("/redeployOn", Shape::WriteOnly),
    Field::set("/rules").severity(Severity::Exposure),
    Field::of("/tags", Shape::Map),
];

/// A resource that is asked about, told piece by piece.
struct Case {
    facts: Facts,
    key: ResourceKey,
    spec: Value,
    document: Option<Value>,
    stack_tags: BTreeMap<String, String>,
    policy: Policy,
    status: Status,
    last_written: Option<Value>,
    baseline: Option<Value>,
    failure: Option<Failure>,
    sight: Option<Sight>,
    generations: Vec<Generation>,
    peers: BTreeMap<ResourceKey, Peer>,
    hold: Option<Hold>,
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn condition(kind: ConditionType, status: Truth, reason: &str, message: &str) -> Condition {
    Condition { kind, status, reason: reason.to_owned(), message: message.to_owned(), since: now() }
}

/// A resource in sync, whose live side has everything that the declaration has.
fn case(spec: Value) -> Case {
    let synced = condition(ConditionType::Synced, Truth::True, "InSync", "");
    let status = Status {
        phase: Phase::InSync,
        observed_generation: 3,
        conditions: vec![synced].into(),
        last_observed_at: Some(now()),
        ..Status::default()
    };
    let earlier = Generation { generation: 1, spec: json!({ "size": 1 }), stack_tags: BTreeMap::new() };
    let middle = Generation { generation: 2, spec: spec.clone(), stack_tags: BTreeMap::new() };
    let generations = vec![Generation { generation: 3, ..middle.clone() }, middle, earlier];
    Case {
        facts: Facts::new(FIELDS),
        key: ResourceKey::new("shop", "Box", "web"),
        document: None,
        stack_tags: BTreeMap::new(),
        policy: Policy::default(),
        status,
        last_written: Some(spec.clone()),
        baseline: Some(spec.clone()),
        failure: None,
        sight: None,
        generations,
        peers: BTreeMap::new(),
        hold: None,
        spec,
    }
}

impl Case {
    /// Live is this instead; the pass found it and decided to put it back.
    fn live(mut self, live: Value) -> Self {
        let facts = Facts::new(FIELDS);
        let mut fields = compare(&self.spec, &live, self.last_written.as_ref(), self.baseline.as_ref(), &[], &facts);
        for field in &mut fields {
            "update".clone_into(&mut field.decision);
        }
        let drift = (!fields.is_empty()).then(|| Drift { since: now(), action: "healing".to_owned(), fields });
        if drift.as_ref().is_some_and(|d| d.fields.iter().any(|f| f.change != Change::Undeclared)) {
            self.says(Phase::Drifted, "Updating", "Live differs and is put back.");
        }
        self.status.drift = drift;
        self.baseline = Some(live);
        self
    }

    fn says(&mut self, phase: Phase, reason: &str, message: &str) {
        self.status.phase = phase;
        self.status.conditions = vec![condition(ConditionType::Synced, Truth::False, reason, message)].into();
    }

    fn explain(&self, path: Option<&str>) -> Explanation {
        explain(
            &Asked {
                facts: &self.facts,
                key: &self.key,
                generation: 3,
                hold: self.hold.as_ref(),
                document: self.document.as_ref().unwrap_or(&self.spec),
                spec: &self.spec,
                stack_tags: &self.stack_tags,
                policy_own: &self.policy,
                policy: &self.policy,
                status: &self.status,
                last_written: self.last_written.as_ref(),
                baseline: self.baseline.as_ref(),
                rolled_back: None,
                failure: self.failure.as_ref(),
                sight: self.sight.as_ref(),
                live: None,
                generations: &self.generations,
                peers: &|key| self.peers.get(key).cloned(),
                now: now(),
            },
            path,
        )
    }

    fn field(&self, path: &str) -> FieldWhy {
        self.explain(Some(path)).fields.remove(0)
    }

    /// Brings in the patch of an edit, as whoever follows the advice would.
    fn edited(&self, edit: &Edit) -> Value {
        let mut document = json!({ "spec": self.document.as_ref().unwrap_or(&self.spec), "policy": {} });
        for op in &edit.patch {
            let (parent, last) = op.path.rsplit_once('/').unwrap();
            let place = document.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not there"));
            match (place, op.op) {
                (Value::Array(items), Op::Add) => items.push(op.value.clone().unwrap()),
                (Value::Array(items), Op::Remove) => _ = items.remove(last.parse().unwrap()),
                (Value::Array(items), Op::Replace) => items[last.parse::<usize>().unwrap()] = op.value.clone().unwrap(),
                (Value::Object(map), Op::Remove) => _ = map.remove(last).unwrap(),
                (Value::Object(map), Op::Add | Op::Replace) => {
                    assert_eq!(map.contains_key(last), op.op == Op::Replace, "{op:?}");
                    map.insert(last.to_owned(), op.value.clone().unwrap());
                }
                (other, _) => panic!("{other} cannot be patched"),
            }
        }
        document["spec"].clone()
    }
}

fn rule_of(case: &Case, path: &str) -> (Rule, Who, String) {
    let field = case.field(path);
    (field.rule, field.owner.who, field.decision)
}

#[test]
fn a_field_in_sync_says_who_declared_it_since_when_and_what_is_live() {
    let field = case(json!({ "size": 2, "rules": [{ "port": 80 }] })).field("/size");
    assert_eq!(field.declared.as_ref().map(|d| (&d.value, d.generation)), Some((&json!(2), 2)));
    assert_eq!(field.live, Live { value: json!(2), known: true });
    assert_eq!((field.rule, field.owner.who, field.decision.as_str()), (Rule::DeclaredWins, Who::Holdfast, "none"));
    assert!(field.edit.is_none() && field.waits_for.is_empty());
}

#[test]
fn a_live_change_is_put_back_and_the_edit_would_keep_it() {
    let case = case(json!({ "size": 2 })).live(json!({ "size": 5 }));
    let field = case.field("/size");
    assert_eq!(
        (field.rule, field.change, field.decision.as_str()),
        (Rule::DeclaredWins, Some(Change::Changed), "update")
    );
    assert_eq!(field.live.value, json!(5));
    assert_eq!(case.edited(&field.edit.unwrap()), json!({ "size": 5 }));
}

#[test]
fn each_rule_is_named_where_it_applies() {
    let spec = json!({ "size": 2, "zone": "a", "redeployOn": "x", "tags": { "team": "web" } });
    let mut case = case(spec).live(json!({
        "size": 2, "zone": "b", "extra": 7, "timeout": 60, "tags": { "team": "web", "aws:x": "y" }
    }));
    assert_eq!(rule_of(&case, "/zone"), (Rule::CreateOnly, Who::Holdfast, "update".to_owned()));
    assert_eq!(rule_of(&case, "/redeployOn"), (Rule::WriteOnly, Who::Holdfast, "none".to_owned()));
    assert_eq!(rule_of(&case, "/timeout").0, Rule::DefaultIsSilence);
    assert_eq!(case.field("/timeout").default.unwrap().source, "https://docs.aws.amazon.com/timeouts");
    assert_eq!(rule_of(&case, "/tags/aws:x"), (Rule::OwnedBy, Who::Live, "none".to_owned()));
    assert_eq!(rule_of(&case, "/other").0, Rule::DefaultIsSilence);
    let until = Some(Until("2026-04-01T00:00:00Z".parse().unwrap()));
    case.policy.ignore = Some(vec![Ignore { path: "/zone".to_owned(), reason: "moving".to_owned(), until }]);
    let ignored = case.field("/zone");
    assert_eq!((ignored.rule, ignored.owner.reason.as_str()), (Rule::Ignored, "moving"));
    assert_eq!(ignored.owner.until, until.map(|u| u.0));
    case.policy.ignore.as_mut().unwrap()[0].until = Some(Until("2026-02-01T00:00:00Z".parse().unwrap()));
    assert_eq!(case.field("/zone").rule, Rule::CreateOnly, "an ignore that has run out holds no more");
}

#[test]
fn what_a_live_owner_keeps_is_its_own_inside_its_bounds_and_drift_outside() {
    let mut case = case(json!({ "size": 2 }));
    let bounds = Some(Bounds { min: 1, max: 9 });
    let owned = |live: i64, left: bool| Owned {
        path: "/size".to_owned(),
        owner: "application-autoscaling".to_owned(),
        bounds,
        declared: json!(2),
        live: json!(live),
        left,
        why: "A scalable target keeps it.".to_owned(),
    };
    case.status.owned = vec![owned(7, true)];
    let field = case.field("/size");
    assert_eq!((field.rule, field.owner.who, field.owner.bounds), (Rule::OwnedBy, Who::Live, bounds));
    assert_eq!((field.live.value, field.decision.as_str()), (json!(7), "none"));
    assert_eq!(case.explain(None).fields.len(), 1, "who owns what is worth telling");
    case = case.live(json!({ "size": 20 }));
    case.status.owned = vec![owned(20, false)];
    assert_eq!(rule_of(&case, "/size"), (Rule::DeclaredWins, Who::Live, "update".to_owned()));
}

#[test]
fn what_nobody_declares_is_reported_and_left() {
    let mut case = case(json!({ "size": 2 }));
    case.baseline = Some(json!({ "size": 2, "extra": 1 }));
    let case = case.live(json!({ "size": 2, "extra": 7 }));
    let field = case.field("/extra");
    assert_eq!((field.rule, field.owner.who), (Rule::UndeclaredReported, Who::Nobody));
    assert_eq!(case.edited(&field.edit.unwrap()), json!({ "size": 2, "extra": 7 }));
    assert_eq!(case.status.phase, Phase::InSync);
    assert!(case.explain(None).edit.is_none(), "a resource that is in sync needs no edit");
}

#[test]
fn a_field_that_was_not_read_is_a_gap_and_no_drift() {
    let mut case = case(json!({ "size": 2 }));
    case.sight = Some(Sight {
        generation: 3,
        decision: Decision::InSync,
        reason: "Live equals declared.".to_owned(),
        diffs: Vec::new(),
        live: None,
        unread: vec!["/size".to_owned()],
        awaiting: false,
    });
    assert_eq!(rule_of(&case, "/size"), (Rule::UnreadIsAGap, Who::Holdfast, "none".to_owned()));
    assert_eq!(case.explain(None).fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["/size"]);
    case.sight = None;
    case.status.phase = Phase::Unknown;
    assert!(!case.field("/size").live.known);
}

#[test]
fn following_every_edit_leaves_nothing_that_differs() {
    let rules = |ports: &[u16]| ports.iter().map(|p| json!({ "port": p })).collect::<Vec<_>>();
    let spec = json!({
        "size": 2, "rules": rules(&[80, 81, 82, 83]), "tags": { "a": "1", "b": "2" }, "deep": { "x": { "y": 1 } }
    });
    let live = json!({
        "size": 3, "rules": rules(&[83, 80, 90, 91]), "tags": { "a": "9" }, "deep": { "x": { "y": 2 } }
    });
    let case = case(spec).live(live.clone());
    let whole = case.explain(None);
    let edited = case.edited(&whole.edit.unwrap());
    assert_eq!(compare(&edited, &live, None, None, &[], &case.facts), [], "{edited}");
}

#[test]
fn a_value_that_a_variable_stands_for_is_written_out() {
    let mut case =
        case(json!({ "net": { "size": 2, "zone": "a" } })).live(json!({ "net": { "size": 4, "zone": "a" } }));
    case.document = Some(json!({ "net": "${var.net}" }));
    let edit = case.field("/net/size").edit.unwrap();
    assert_eq!(edit.patch[0].path, "/spec/net");
    assert_eq!(case.edited(&edit), json!({ "net": { "size": 4, "zone": "a" } }));
}

#[test]
fn a_tag_of_the_stack_is_taken_back_with_a_null() {
    let mut case = case(json!({ "size": 2 }));
    case.stack_tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    for generation in &mut case.generations {
        generation.stack_tags = case.stack_tags.clone();
    }
    case.says(Phase::Drifted, "Updating", "");
    let fields = vec![FieldDiff {
        path: "/tags/env".to_owned(),
        change: Change::Removed,
        desired: json!("prod"),
        live: Value::Null,
        last_written: json!("prod"),
        severity: Severity::Functional,
        decision: "tag".to_owned(),
    }];
    case.status.drift = Some(Drift { since: now(), action: "healing".to_owned(), fields });
    let field = case.field("/tags/env");
    assert!(field.declared.as_ref().is_some_and(|d| d.by_stack && d.generation == 1));
    assert_eq!(case.edited(&field.edit.unwrap()), json!({ "size": 2, "tags": { "env": null } }));
}

fn peer(phase: Phase, message: &str, spec: Value) -> Peer {
    Peer { phase, message: message.to_owned(), outputs: Outputs::default(), spec: Arc::new(spec) }
}

#[test]
fn waiting_is_followed_to_where_it_begins() {
    let mut case = case(json!({ "group": "${Group/g.id}", "size": 2 }));
    case.says(Phase::Blocked, "Blocked", "Waits for Group/g.");
    let group = peer(Phase::Blocked, "Waits for Vpc/v.", json!({ "vpc": "${Vpc/v.id}", "self": "${Group/g.id}" }));
    let vpc = peer(Phase::Failed, "ec2:CreateVpc: VpcLimitExceeded", json!({}));
    case.peers.insert(ResourceKey::new("shop", "Group", "g"), group);
    case.peers.insert(ResourceKey::new("shop", "Vpc", "v"), vpc);
    let why = case.explain(None);
    assert_eq!(why.waits_for.len(), 1, "{:?}", why.waits_for);
    let wait = &why.waits_for[0];
    let cause = wait.cause.as_ref().unwrap();
    assert_eq!((cause.on.kind.as_str(), cause.phase), ("Vpc", Some(Phase::Failed)));
    assert_eq!(cause.via.iter().map(|n| n.kind.as_str()).collect::<Vec<_>>(), ["Group"]);
    assert!(wait.message.contains("VpcLimitExceeded"), "{}", wait.message);
    assert_eq!(rule_of(&case, "/group").0, Rule::ReferenceWaits);
    assert_eq!(case.field("/size").waits_for, []);
}

#[test]
fn each_output_that_is_waited_for_is_told_once_wherever_it_stands() {
    let mut case = case(json!({ "group": "${Group/g.id}", "again": "${Group/g.id}", "arn": "${Group/g.arn}" }));
    case.says(Phase::Blocked, "Blocked", "Waits for Group/g.");
    case.peers.insert(ResourceKey::new("shop", "Group", "g"), peer(Phase::Failed, "refused", json!({})));
    let told: Vec<String> = case.explain(None).waits_for.into_iter().filter_map(|w| w.on.map(|on| on.output)).collect();
    assert_eq!(told, ["id", "arn"]);
    let named: Vec<String> = case.explain(None).fields.into_iter().map(|f| f.path).collect();
    assert_eq!(named, ["/group", "/again", "/arn"], "each field that waits is told of");
}

#[test]
fn two_that_wait_for_each_other_are_told_of_and_end() {
    let mut case = case(json!({ "group": "${Group/g.id}" }));
    case.says(Phase::Blocked, "Blocked", "");
    let group = |other: &str| peer(Phase::Blocked, "waits", json!({ "group": format!("${{Group/{other}.id}}") }));
    case.peers.insert(ResourceKey::new("shop", "Group", "g"), group("h"));
    case.peers.insert(ResourceKey::new("shop", "Group", "h"), group("g"));
    assert_eq!(case.explain(None).waits_for.len(), 1);
}

#[test]
fn a_generation_that_awaits_approval_shows_what_is_kept_meanwhile() {
    let mut case = case(json!({ "size": 5, "name": "a" }));
    case.last_written = Some(json!({ "size": 2, "name": "a" }));
    case.baseline = case.last_written.clone();
    case.says(Phase::Blocked, AWAITING, "Generation 3 awaits approval.");
    let field = case.field("/size");
    assert_eq!((field.rule, field.decision.as_str(), field.live.value), (Rule::AwaitsApproval, "hold", json!(2)));
    assert_eq!(field.waits_for[0].what, WaitsFor::Approval);
    assert_eq!(rule_of(&case, "/name"), (Rule::DeclaredWins, Who::Holdfast, "none".to_owned()));
}

#[test]
fn what_waits_for_a_person_a_pause_or_a_pass_says_so() {
    let mut refused = case(json!({ "size": 2 })).live(json!({ "size": 1 }));
    refused.says(Phase::Failed, "Refused", "refused");
    let error = ApplyError {
        class: ErrorClass::Denied,
        operation: "ec2:X".to_owned(),
        code: "AccessDenied".to_owned(),
        message: "no".to_owned(),
        request_id: None,
    };
    let retry_at = "2026-03-01T13:00:00Z".parse().unwrap();
    refused.failure = Some(Failure { error, step: "x".to_owned(), times: 1, retry_at, fingerprint: String::new() });
    let field = refused.field("/size");
    assert_eq!((field.waits_for[0].what, field.waits_for[0].until), (WaitsFor::Person, Some(retry_at)));

    let mut paused = case(json!({ "size": 2 }));
    paused.hold = Some(Hold { reason: "freeze".to_owned(), until: Some(retry_at) });
    paused.says(Phase::Paused, "Paused", "Paused: freeze");
    assert_eq!(paused.explain(None).waits_for.iter().map(|w| w.what).collect::<Vec<_>>(), [WaitsFor::Pause]);

    let mut blocked = case(json!({ "size": 2 }));
    blocked.says(Phase::Blocked, "Blocked", "AWS has no call that changes /size as things stand.");
    assert_eq!(blocked.explain(None).waits_for.iter().map(|w| w.what).collect::<Vec<_>>(), [WaitsFor::Person]);

    let mut unread = case(json!({ "size": 2 }));
    unread.says(Phase::Unknown, "NotRead", "ec2:DescribeThings failed");
    assert_eq!(unread.explain(None).waits_for.iter().map(|w| w.what).collect::<Vec<_>>(), [WaitsFor::Read]);

    let mut young = case(json!({ "size": 2 }));
    young.status.observed_generation = 2;
    assert_eq!(young.explain(None).waits_for[0].what, WaitsFor::Pass);
    assert!(!young.field("/size").live.known, "a generation that no pass has planned has no live side yet");
}
