//! Bodies in a world where something is declared already.

use crate::{Absent, Transcript, a_box, a_lid, accepted_in, outcome_in, stack};
use holdfast_core::document::AccountSpec;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::validate::{Accepted, Stored, StoredResource, StoredStack};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A store in memory: what was accepted is declared.
#[derive(Default)]
struct Memory {
    accounts: BTreeMap<String, AccountSpec>,
    stacks: BTreeMap<String, StoredStack>,
    resources: BTreeMap<ResourceKey, StoredResource>,
}

impl Memory {
    fn with(bodies: &[Value]) -> Self {
        let mut memory = Self::default();
        for body in bodies {
            let accepted = accepted_in(body, &memory, Absent::Stays).expect("a body to begin with");
            memory.keep(accepted);
        }
        memory
    }

    fn keep(&mut self, accepted: Accepted) {
        self.accounts.extend(accepted.accounts.into_iter().map(|a| (a.name, a.spec)));
        for s in accepted.stacks {
            self.stacks.insert(s.name, StoredStack { labels: s.labels, spec: s.spec });
        }
        for r in accepted.resources {
            let stored = StoredResource {
                key: r.key.clone(),
                scope: r.scope,
                document_spec: r.document_spec,
                spec: r.spec,
                policy: r.policy_own,
                labels: r.labels,
                deleting: false,
            };
            self.resources.insert(r.key, stored);
        }
    }

    fn deleting(mut self, key: &str) -> Self {
        self.resources.get_mut(&ResourceKey::parse(key).unwrap()).unwrap().deleting = true;
        self
    }
}

impl Stored for Memory {
    fn stack(&self, name: &str) -> Option<StoredStack> {
        self.stacks.get(name).cloned()
    }
    fn stacks(&self) -> Vec<String> {
        self.stacks.keys().cloned().collect()
    }
    fn resource(&self, key: &ResourceKey) -> Option<StoredResource> {
        self.resources.get(key).cloned()
    }
    fn resources_of(&self, stack: &str) -> Vec<StoredResource> {
        self.resources.values().filter(|r| r.key.stack == stack).cloned().collect()
    }
    fn claimants(&self, kind: &dyn AnyKind, scope: &Scope, _: &str) -> Vec<ResourceKey> {
        let like = self.resources.values().filter(|r| r.key.kind == kind.name() && r.scope == *scope);
        like.map(|r| r.key.clone()).collect()
    }
    fn account(&self, name: &str) -> Option<AccountSpec> {
        self.accounts.get(name).cloned()
    }
    fn accounts(&self) -> Vec<String> {
        self.accounts.keys().cloned().collect()
    }
    fn scopes(&self) -> Vec<Scope> {
        self.resources.values().map(|r| r.scope.clone()).collect()
    }
}

fn account(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": name }, "spec": spec })
}

fn prod() -> Value {
    account("prod", json!({ "accountId": "123456789012", "regions": ["eu-west-1", "eu-west-3"] }))
}

/// `body` with changes at pointers.
fn with(mut body: Value, changes: Value) -> Value {
    for (pointer, value) in changes.as_object().unwrap() {
        holdfast_core::pointer::set(&mut body, pointer, value.clone());
    }
    body
}

/// The resource of a stack as a document of its own.
fn alone(resource: Value, stack: &str) -> Value {
    with(resource, json!({ "/apiVersion": "holdfast.dev/v1", "/metadata/stack": stack }))
}

#[test]
fn accounts_and_regions_must_be_there() {
    let memory = Memory::with(&[prod()]);
    let mut all = Transcript::default();
    let mut see = |title: &str, body: Value| _ = all.line(title, &outcome_in(&body, &memory, Absent::Stays));
    let empty = stack(json!([]));
    see("a known account", with(empty.clone(), json!({ "/spec/account": "prod", "/spec/region": "eu-west-3" })));
    see("an unknown one", with(empty.clone(), json!({ "/spec/account": "prd" })));
    see(
        "a region it does not have",
        with(empty.clone(), json!({ "/spec/account": "prod", "/spec/region": "eu-west-2" })),
    );
    see("no region at all", with(empty.clone(), json!({ "/spec/region": "eu-wset-1" })));
    let elsewhere = with(a_box("a", json!({})), json!({ "/metadata/account": "staging", "/metadata/region": "eu" }));
    see("of a resource", stack(json!([elsewhere])));
    let out = with(a_box("a", json!({})), json!({ "/metadata/account": "prod" }));
    see(
        "an override that leaves the account's regions",
        with(stack(json!([out])), json!({ "/spec/region": "us-east-1" })),
    );
    let list = json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": [
        with(empty, json!({ "/spec/account": "new" })), account("new", json!({ "accountId": "210987654321" })) ] });
    see("an account of the same body", list);
    insta::assert_snapshot!(all.text());
}

#[test]
fn an_account_that_is_in_use_stays_the_same_account() {
    let body = with(stack(json!([a_box("a", json!({}))])), json!({ "/spec/account": "prod" }));
    let memory = Memory::with(&[prod(), body]);
    let mut all = Transcript::default();
    let mut see = |title: &str, body: Value| _ = all.line(title, &outcome_in(&body, &memory, Absent::Stays));
    see("another id", account("prod", json!({ "accountId": "210987654321" })));
    see("without a region in use", account("prod", json!({ "accountId": "123456789012", "regions": ["eu-west-3"] })));
    see(
        "with more regions",
        account("prod", json!({ "accountId": "123456789012", "regions": ["eu-west-1", "us-east-1"] })),
    );
    insta::assert_snapshot!(all.text());
}

#[test]
fn a_live_resource_does_not_move() {
    let memory = Memory::with(&[stack(json!([a_box("a", json!({})), a_box("b", json!({}))]))]);
    let mut all = Transcript::default();
    let mut see = |title: &str, body: Value| _ = all.line(title, &outcome_in(&body, &memory, Absent::Stays));
    let moved = with(a_box("a", json!({})), json!({ "/metadata/region": "eu-west-2" }));
    see("by its own words", stack(json!([moved.clone()])));
    see("alone", alone(moved, "shop"));
    let whole = json!([a_box("a", json!({})), a_box("b", json!({}))]);
    see("with its stack", with(stack(whole), json!({ "/spec/region": "eu-west-2" })));
    see("left behind by its stack", with(stack(json!([])), json!({ "/spec/region": "eu-west-2" })));
    let gone = outcome_in(&with(stack(json!([])), json!({ "/spec/region": "eu-west-2" })), &memory, Absent::Goes);
    all.line("gone with its stack's document", &gone);
    insta::assert_snapshot!(all.text());
}

#[test]
fn references_reach_what_is_stored() {
    let memory =
        Memory::with(&[stack(json!([a_box("a", json!({ "slots": [{ "name": "left" }] })), a_box("old", json!({}))]))])
            .deleting("shop/Box/old");
    let other = |resources: Value| with(stack(resources), json!({ "/metadata/name": "other" }));
    let mut all = Transcript::default();
    let mut see = |title: &str, body: Value| _ = all.line(title, &outcome_in(&body, &memory, Absent::Stays));
    see("of another stack", other(json!([a_lid("l", json!({ "boxId": "${shop:Box/a.id}", "slot": "left" }))])));
    see("a rule across stacks", other(json!([a_lid("l", json!({ "boxId": "${shop:Box/a.id}", "slot": "right" }))])));
    see("none there", other(json!([a_lid("l", json!({ "boxId": "${shop:Box/b.id}" }))])));
    see("one that is going away", other(json!([a_lid("l", json!({ "boxId": "${shop:Box/old.id}" }))])));
    see("alone, in the stack that is stored", alone(a_lid("l", json!({ "boxId": "${Box/a.id}" })), "shop"));
    let pruned = outcome_in(&stack(json!([a_lid("l", json!({ "boxId": "${Box/a.id}" }))])), &memory, Absent::Goes);
    all.line("one that the same body takes away", &pruned);
    insta::assert_snapshot!(all.text());
}

#[test]
fn a_circle_may_run_through_what_is_stored() {
    let memory = Memory::with(&[
        stack(json!([a_box("a", json!({}))])),
        with(
            stack(json!([a_lid("l", json!({ "cutFrom": "${shop:Box/a.id}" }))])),
            json!({ "/metadata/name": "other" }),
        ),
    ]);
    let body = stack(json!([a_box("a", json!({ "lidId": "${other:Lid/l.id}" }))]));
    insta::assert_snapshot!(outcome_in(&body, &memory, Absent::Stays));
}

#[test]
fn a_thing_has_one_owner_in_all_stacks() {
    let memory =
        Memory::with(&[stack(json!([a_box("a", json!({})), a_box("old", json!({}))]))]).deleting("shop/Box/old");
    let other = |resources: Value| with(stack(resources), json!({ "/metadata/name": "other" }));
    let mut all = Transcript::default();
    let mut see = |title: &str, body: Value, absent| _ = all.line(title, &outcome_in(&body, &memory, absent));
    see("of another stack", other(json!([a_box("mine", json!({ "boxName": "a" }))])), Absent::Stays);
    see("that is going away", other(json!([a_box("mine", json!({ "boxName": "old" }))])), Absent::Stays);
    see("of this stack", stack(json!([a_box("renamed", json!({ "boxName": "a" }))])), Absent::Stays);
    see("renamed", stack(json!([a_box("renamed", json!({ "boxName": "a" }))])), Absent::Goes);
    see("itself", stack(json!([a_box("a", json!({}))])), Absent::Stays);
    insta::assert_snapshot!(all.text());
}

#[test]
fn what_moves_in_a_stack_moves_its_unnamed_resources() {
    let before = with(
        stack(json!([a_box("a", json!({ "size": "${var.size}" })), a_box("b", json!({}))])),
        json!({ "/spec/variables": { "size": 5 } }),
    );
    let memory = Memory::with(&[before]);
    let mut all = Transcript::default();
    let mut see = |title: &str, body: Value| _ = all.line(title, &outcome_in(&body, &memory, Absent::Stays));
    let body = stack(json!([a_box("b", json!({}))]));
    see("nothing", with(body.clone(), json!({ "/spec/variables": { "size": 5 } })));
    see("a variable", with(body.clone(), json!({ "/spec/variables": { "size": 6 } })));
    see("a variable, out of range", with(body.clone(), json!({ "/spec/variables": { "size": 600 } })));
    see("a variable that goes", body.clone());
    see("a tag", with(body, json!({ "/spec/variables": { "size": 5 }, "/spec/tags": { "a": "b" } })));
    insta::assert_snapshot!(all.text());
}

#[test]
fn a_policy_is_the_resources_over_its_stacks() {
    let mut resource = a_box("a", json!({}));
    resource["policy"] = json!({ "drift": "report" });
    let body = with(stack(json!([resource])), json!({ "/spec/policy": { "drift": "heal", "protect": true } }));
    let accepted = accepted_in(&body, &Memory::default(), Absent::Stays).unwrap();
    let policy = |p| serde_json::to_value(p).unwrap();
    assert_eq!(policy(&accepted.resources[0].policy_own), json!({ "drift": "report" }));
    assert_eq!(policy(&accepted.resources[0].policy_effective), json!({ "drift": "report", "protect": true }));
}
