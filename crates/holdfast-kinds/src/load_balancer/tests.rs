//! What is done about a load balancer, told as text.

use crate::cases;
use crate::elb::check::{check_converge, check_create, check_diffs, check_invalid, made};
use holdfast_core::kind::{Kind, Mint};
use serde_json::{Value, json};

const KIND: &str = "LoadBalancer";

fn spec(more: &Value) -> Value {
    let mut spec = json!({ "name": "web", "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"] });
    crate::elb::overlay(&mut spec, more.as_object().expect("an object"));
    spec
}

#[test]
fn subnets_and_groups_are_sets_and_defaults_are_silence() {
    let live = json!({
        "name": "web", "type": "application", "scheme": "internet-facing", "ipAddressType": "ipv4",
        "subnets": ["subnet-2", "subnet-1"], "securityGroups": ["sg-1"],
        "attributes": { "idle_timeout.timeout_seconds": "60", "routing.http2.enabled": "true", "access_logs.s3.bucket": "" },
    });
    check_diffs(KIND, spec(&json!({})), live.clone(), &[]);
    let declared = json!({ "type": "application", "attributes": { "idle_timeout.timeout_seconds": 60, "routing.http2.enabled": true } });
    check_diffs(KIND, spec(&declared), live.clone(), &[]);
    let other = json!({ "securityGroups": ["sg-2"], "attributes": { "idle_timeout.timeout_seconds": "30" }, "scheme": "internal" });
    check_diffs(
        KIND,
        spec(&other),
        live,
        &[
            "Removed /securityGroups/0",
            "Added /securityGroups/1",
            "Changed /attributes/idle_timeout.timeout_seconds",
            "Changed /scheme",
        ],
    );
}

#[test]
fn the_table_of_cases_holds() {
    cases::check(KIND, &|wire, declared, tags| {
        let mut fields = wire.clone();
        super::canonical(&mut fields);
        super::respell_prefixes(&mut fields, Some(declared));
        crate::common::settled("id-1".to_owned(), "web".to_owned(), tags, fields)
    });
}

#[test]
fn what_the_create_call_does_not_take_follows_it() {
    let more = json!({
        "attributes": { "deletion_protection.enabled": true },
        "minimumLoadBalancerCapacity": { "capacityUnits": 100 },
    });
    check_create(
        KIND,
        spec(&more),
        &[
            r#"create load balancer: name web, subnets ["subnet-1","subnet-2"], securityGroups ["sg-1"]"#,
            "set attributes deletion_protection.enabled=true",
            "reserve 100 capacity units",
        ],
    );
}

#[test]
fn each_field_is_changed_by_its_own_call() {
    let before = spec(
        &json!({ "attributes": { "idle_timeout.timeout_seconds": "30", "waf.fail_open.enabled": "true", "new.key": "x" } }),
    );
    let after = json!({
        "subnets": ["subnet-1", "subnet-3"], "securityGroups": ["sg-1", "sg-2"], "ipAddressType": "dualstack",
        "attributes": { "idle_timeout.timeout_seconds": "40", "waf.fail_open.enabled": null },
        "minimumLoadBalancerCapacity": { "capacityUnits": 5 },
    });
    check_converge(
        KIND,
        &made(KIND, &before),
        &before,
        &spec(&after),
        &[
            r#"set subnets ["subnet-1","subnet-3"]"#,
            "set address type dualstack",
            r#"set securityGroups ["sg-1","sg-2"]"#,
            "reserve 5 capacity units",
            // The key that was declared earlier and has no known default is emptied.
            "set attributes idle_timeout.timeout_seconds=40 new.key= waf.fail_open.enabled=false",
        ],
    );
}

#[test]
fn deletion_protection_is_never_switched_off_by_a_delete() {
    let live = made(KIND, &spec(&json!({ "attributes": { "deletion_protection.enabled": "true" } })));
    let step = super::plan::delete(&live).remove(0);
    let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 9 };
    let refusal = super::LoadBalancer::predict(Some(&live), &step.action, &mut mint).expect_err("AWS refuses");
    assert_eq!(refusal.code, "OperationNotPermitted");
    assert!(refusal.message.contains("deletion_protection.enabled to false"), "{}", refusal.message);
}

#[test]
fn mistakes_are_told_all_at_once() {
    check_invalid(KIND, &spec(&json!({})), &[]);
    check_invalid(KIND, &spec(&json!({ "name": "${var.env}-web", "subnets": "${Vpc/v.subnets}" })), &[]);
    for name in ["internal-x", "-x", "x-", "a_b", "", "a234567890123456789012345678901234"] {
        check_invalid(KIND, &spec(&json!({ "name": name })), &["/name invalid-name"]);
    }
    check_invalid(KIND, &spec(&json!({ "subnets": null })), &["/subnets missing-field"]);
    check_invalid(KIND, &spec(&json!({ "subnets": ["s", "s"] })), &["/subnets/1 duplicate-subnet"]);
    check_invalid(KIND, &spec(&json!({ "subnets": ["s"] })), &["/subnets too-few-subnets"]);
    check_invalid(KIND, &spec(&json!({ "subnets": ["s"], "type": "network" })), &[]);
    check_invalid(
        KIND,
        &spec(
            &json!({ "subnetMappings": [{ "subnetId": "s", "allocationId": "e" }], "attributes": { "idle_timeout.timeout_seconds": 5000 } }),
        ),
        &[
            "/subnetMappings conflicting-fields",
            "/subnetMappings/0/allocationId conflicting-fields",
            "/attributes/idle_timeout.timeout_seconds out-of-range",
        ],
    );
    let gateway = json!({ "type": "gateway", "scheme": "internal" });
    check_invalid(KIND, &spec(&gateway), &["/securityGroups conflicting-fields", "/scheme conflicting-fields"]);
    check_invalid(
        KIND,
        &spec(
            &json!({ "attributes": { "deletion_protection.enabled": "yes", "access_logs.s3.enabled": true }, "tags": { "aws:x": "1" } }),
        ),
        &[
            "/tags/aws:x reserved-tag",
            "/attributes/deletion_protection.enabled invalid-value",
            "/attributes/access_logs.s3.bucket missing-field",
        ],
    );
}
