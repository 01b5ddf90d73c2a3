//! What is refused, what makes a version, and where the default goes.

use super::*;
use crate::cases;
use holdfast_core::compare::compare;
use holdfast_core::name::ResourceKey;
use serde_json::json;

fn spec(image: &str) -> Value {
    json!({ "launchTemplateName": "web", "launchTemplateData": { "imageId": image, "instanceType": "t3.small" } })
}

fn made(spec: &Value) -> Observation {
    let (key, tags) = (ResourceKey::new("s", "LaunchTemplate", "it"), BTreeMap::new());
    let steps = LaunchTemplate::create(spec, &Context { key: &key, tags: &tags });
    after(None, &steps[0].action)
}

fn after(before: Option<&Observation>, action: &Action) -> Observation {
    let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
    LaunchTemplate::predict(before, action, &mut mint).expect("it is taken").expect("it is there")
}

fn step(spec: &Value, live: &Observation, last: Option<&Value>) -> Draft<Action> {
    let diffs = compare(spec, &live.fields, last, None, &[], spec::facts());
    plan::converge(spec, live, &diffs).expect("there is something to do")
}

#[test]
fn a_change_is_a_new_version_and_going_back_is_the_old_one() {
    let first = made(&spec("ami-1"));
    let change = step(&spec("ami-2"), &first, None);
    assert_eq!(
        change.action.to_string(),
        "add a version and make it the default: imageId ami-2, instanceType t3.small"
    );
    assert_eq!(
        (change.renews, change.heals),
        (&["defaultVersion", "latestVersion"][..], vec!["/launchTemplateData/imageId".to_owned()])
    );
    let second = after(Some(&first), &change.action);
    assert_eq!((&second.outputs["defaultVersion"], &second.outputs["latestVersion"]), (&json!(2), &json!(2)));
    let back = step(&spec("ami-1"), &second, None);
    assert_eq!(back.action.to_string(), "make version 1 the default");
    assert_eq!(back.because, "version 1 is as declared, and another one is the default");
    let third = after(Some(&second), &back.action);
    assert_eq!((&third.outputs["defaultVersion"], &third.outputs["latestVersion"]), (&json!(1), &json!(2)));
    assert_eq!(third.fields, first.fields);
}

#[test]
fn a_version_that_says_more_than_is_declared_is_no_version_to_go_back_to() {
    let mut with_key = spec("ami-1");
    with_key["launchTemplateData"]["keyName"] = json!("ops");
    let first = made(&with_key);
    let change = step(&spec("ami-1"), &first, Some(&with_key));
    assert!(matches!(change.action, Action::AddVersion { .. }), "{}", change.action);
    assert_eq!(change.heals, ["/launchTemplateData/keyName"]);
}

#[test]
fn a_null_is_not_sent() {
    let mut spec = spec("ami-1");
    spec["launchTemplateData"]["keyName"] = Value::Null;
    let live = made(&spec);
    assert_eq!(live.fields["launchTemplateData"], json!({ "imageId": "ami-1", "instanceType": "t3.small" }));
}

#[test]
fn a_default_version_that_could_not_be_read_is_unknown() {
    let seen = plan::observation("lt-1".to_owned(), "web".to_owned(), BTreeMap::new(), (2, 3), &[]);
    assert_eq!(seen.unread, ["/launchTemplateData"]);
}

#[test]
fn mistakes_are_told_all_at_once() {
    let mistakes = |name: &str, data: Value| -> Vec<String> {
        let spec = json!({ "launchTemplateName": name, "launchTemplateData": data });
        let spec = serde_json::from_value(spec).expect("it has the shape");
        LaunchTemplate::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    assert_eq!(mistakes("web", json!({ "imageId": "resolve:ssm:/images/web" })), [""; 0]);
    assert_eq!(mistakes("w b", json!({})), ["/launchTemplateName invalid-character", "/launchTemplateData required"]);
    let data = json!({
        "imageId": "img-1", "securityGroupIds": ["web"], "iamInstanceProfile": { "name": "a", "arn": "b" },
        "metadataOptions": { "httpPutResponseHopLimit": 65 },
        "blockDeviceMappings": [{ "deviceName": "/dev/xvda", "ebs": { "volumeSize": 0 } }, { "deviceName": "/dev/xvda", "noDevice": "", "virtualName": "ephemeral0" }],
        "networkInterfaces": [{ "groups": ["sg-1"] }, { "deviceIndex": 1, "networkInterfaceId": "eni-1", "subnetId": "subnet-1" }, { "deviceIndex": 1 }],
        "tagSpecifications": [{ "resourceType": "instance" }, { "resourceType": "instance" }, { "resourceType": "launch-template" }, {}],
    });
    assert_eq!(
        mistakes("web", data).iter().map(|m| m.replace("/launchTemplateData", "")).collect::<Vec<_>>(),
        [
            "/imageId invalid-value",
            "/securityGroupIds/0 invalid-value",
            "/iamInstanceProfile conflict",
            "/metadataOptions/httpPutResponseHopLimit out-of-range",
            "/blockDeviceMappings/0/ebs/volumeSize out-of-range",
            "/blockDeviceMappings/1/deviceName duplicate",
            "/blockDeviceMappings/1 conflict",
            "/securityGroupIds conflict",
            "/networkInterfaces/0/deviceIndex required",
            "/networkInterfaces/1/networkInterfaceId conflict",
            "/networkInterfaces/2/deviceIndex duplicate",
            "/tagSpecifications/1/resourceType duplicate",
            "/tagSpecifications/2/resourceType invalid-value",
            "/tagSpecifications/3/resourceType required",
        ]
    );
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("LaunchTemplate");
}
