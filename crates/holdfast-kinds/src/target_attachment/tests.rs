//! What is refused, what two registrations have in common, whose they are.

use super::*;
use crate::cases;
use crate::elb::check::check_invalid;
use serde_json::json;

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1";

#[test]
fn mistakes_have_their_pointer() {
    let invalid = |spec: Value, expected: &[&str]| check_invalid("TargetAttachment", &spec, expected);
    invalid(json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": "${Instance/web.id}" }), &[]);
    invalid(json!({ "targetGroupArn": GROUP, "targetId": "i-1", "port": "${var.port}" }), &[]);
    invalid(
        json!({ "targetGroupArn": "web", "targetId": "web", "port": 0, "availabilityZone": " " }),
        &[
            "/targetGroupArn invalid-value",
            "/targetId invalid-value",
            "/port out-of-range",
            "/availabilityZone conflict",
        ],
    );
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:web";
    invalid(
        json!({ "targetGroupArn": GROUP, "targetId": function, "port": 80, "availabilityZone": "eu-west-1a" }),
        &["/port conflict", "/availabilityZone conflict"],
    );
    invalid(
        json!({ "targetGroupArn": GROUP, "targetId": "i-1", "availabilityZone": "eu-west-1a" }),
        &["/availabilityZone conflict"],
    );
}

#[test]
fn a_group_takes_targets_of_its_own_type_alone() {
    let told = |group: Value, target: &str| {
        let peers = |key: &ResourceKey| (key.to_string() == "s/TargetGroup/web").then(|| group.clone());
        let spec = json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": target });
        TargetAttachment::validate_with(&spec, &peers, "s").into_iter().map(|e| e.message).collect::<Vec<_>>()
    };
    for (group, target) in [
        (json!({}), "i-1"),
        (json!({}), "${Instance/web.id}"),
        (json!({ "targetType": "ip" }), "10.0.0.1"),
        (json!({ "targetType": "ip" }), "${var.address}"),
        (json!({ "targetType": "alb" }), "${LoadBalancer/inner.arn}"),
        (json!({ "targetType": "${var.type}" }), "10.0.0.1"),
    ] {
        assert_eq!(told(group, target), [""; 0], "{target}");
    }
    let wrong = told(json!({ "targetType": "ip" }), "${Instance/web.id}");
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].contains("takes targets of type ip, and this is one of type instance"), "{}", wrong[0]);
    assert_eq!(told(json!({}), "10.0.0.1").len(), 1);
}

#[test]
fn a_registration_is_its_group_its_target_and_its_port() {
    let identity = |id: &str, port: Value| {
        TargetAttachment::identity(&json!({ "targetGroupArn": GROUP, "targetId": id, "port": port }))
    };
    assert_eq!(identity("i-1", json!(80)), Some(format!("{GROUP}#i-1#80")));
    assert_eq!(identity("i-1", json!("80")), identity("i-1", json!(80)));
    assert_eq!(identity("i-1", Value::Null), Some(format!("{GROUP}#i-1")));
    assert_eq!(identity("2001:DB8:0::1", json!(80)), Some(format!("{GROUP}#2001:db8::1#80")));
    assert_eq!(identity("${Instance/web.id}", json!(80)), None);
    assert_eq!(identity("i-1", json!("${var.port}")), None);
}

#[test]
fn a_handle_is_read_as_it_is_written_and_anything_else_is_none() {
    let read = TargetAttachment::HANDLE.read;
    for handle in [format!("{GROUP}#i-1"), format!("{GROUP}#i-1#80"), format!("{GROUP}#10.0.0.1#65535")] {
        assert_eq!(read(&handle), Some(handle.clone()));
    }
    for wrong in ["", "i-1", "web#i-1#80", GROUP] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    for wrong in ["#web#80", "#i-1#", "#i-1#0", "#i-1#65536", "#i-1#80#1"] {
        assert_eq!(read(&format!("{GROUP}{wrong}")), None, "{wrong}");
    }
}

#[test]
fn a_create_tells_the_handle_before_it_is_answered() {
    let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
    let spec = json!({ "targetGroupArn": GROUP, "targetId": "i-1", "port": 80 });
    let Value::Object(members) = spec else { unreachable!("it is an object") };
    let create: Action<TargetAttachment> = Call::Create { spec: members, tags: Tags::new() }.into();
    let made = TargetAttachment::predict(None, &create, &mut mint).expect("it is taken").expect("it is there");
    assert_eq!(TargetAttachment::acts_on(&create).as_deref(), Some(made.id.as_str()));
    assert_eq!(made.id, made.identity);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("TargetAttachment");
}
