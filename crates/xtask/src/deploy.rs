//! What AWS has to allow, generated from what the kinds call: the controller's role, and a role in each member account.

use anyhow::{Result, ensure};
use holdfast_core::kind::AnyKind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The role that is assumed in a member account.
const MEMBER: &str = "holdfast-member";
/// The role that the controller runs with.
const CONTROLLER: &str = "holdfast-controller";
/// What an inline policy of a role may have, white space aside.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LARGEST_POLICY: usize = 10_240;
/// The same of a trust policy.
const LARGEST_TRUST: usize = 2_048;

/// Every file with its content, by path from the top.
pub(crate) fn all(kinds: &[&dyn AnyKind]) -> Result<Vec<(String, String)>> {
    let (member, reads) = (policy(kinds, Access::ReadWrite), policy(kinds, Access::ReadOnly));
    let mut controller = member.clone();
    if let Some(statements) = controller["Statement"].as_array_mut() {
        statements.push(enters_members());
    }
    let trust =
        member_trust(&json!(format!("arn:aws:iam::MANAGEMENT_ACCOUNT:role/{CONTROLLER}")), &json!("EXTERNAL_ID"));
    let mut files = Vec::new();
    let mut file = |name: &str, limit: usize, document: &Value| -> Result<()> {
        let size = document.to_string().chars().filter(|c| !c.is_whitespace()).count();
        ensure!(size <= limit, "deploy/{name} would have {size} characters, and AWS takes {limit}");
        files.push((format!("deploy/{name}"), serde_json::to_string_pretty(document)? + "\n"));
        Ok(())
    };
    file("iam/controller.json", LARGEST_POLICY, &controller)?;
    file("iam/controller-trust.json", LARGEST_TRUST, &controller_trust())?;
    file("iam/member.json", LARGEST_POLICY, &member)?;
    file("iam/member-trust.json", LARGEST_TRUST, &trust)?;
    file("iam/read-only.json", LARGEST_POLICY, &reads)?;
    // What CloudFormation takes in the body of a request; its policies have their own limits, which were looked at.
    file("member.template.json", 51_200, &template(&member, &reads))?;
    Ok(files)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadOnly,
    ReadWrite,
}

/// True for what a Holdfast that only reports calls. What Elastic Load Balancing asks Cognito for on behalf of a write is
/// no such thing: the answer has the client's secret in it.
fn reads(action: &str) -> bool {
    let (service, verb) = action.split_once(':').unwrap_or_default();
    service != "cognito-idp" && ["Describe", "List", "Get"].iter().any(|v| verb.starts_with(v))
}

/// One statement a service, so that a reader sees at a glance what is asked for.
fn policy(kinds: &[&dyn AnyKind], access: Access) -> Value {
    let shared = ["sts:GetCallerIdentity", "tag:GetResources"];
    let kinds = kinds.iter().flat_map(|k| k.permissions()).chain(holdfast_kinds::PREFLIGHT_PERMISSIONS);
    let called = kinds.chain(&shared).copied();
    // What has a statement of its own, with a condition.
    let narrowed = ["iam:PassRole", "iam:CreateServiceLinkedRole"];
    let actions: BTreeSet<&str> =
        called.filter(|a| !narrowed.contains(a) && (access == Access::ReadWrite || reads(a))).collect();
    let services: BTreeSet<&str> = actions.iter().filter_map(|a| a.split(':').next()).collect();
    let mut statements: Vec<Value> = services
        .iter()
        .map(|service| {
            let own: Vec<&&str> = actions.iter().filter(|a| a.starts_with(&format!("{service}:"))).collect();
            let sid = service.split('-').map(capital).collect::<String>();
            json!({ "Sid": format!("Holdfast{sid}"), "Effect": "Allow", "Action": own, "Resource": "*" })
        })
        .collect();
    if access == Access::ReadWrite {
        statements.extend([passes_roles(), makes_linked_roles(&services)]);
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Nobody calls `iam:PassRole`: services ask for it when a request names a role that they are to use, and these are
/// the services that such requests go to.
fn passes_roles() -> Value {
    let services =
        ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "monitoring.rds.amazonaws.com"];
    json!({ "Sid": "HoldfastPassRole", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "*",
            "Condition": { "StringEquals": { "iam:PassedToService": services } } })
}

/// In an account that never had one, these services make their own role with the first cluster, load balancer or
/// database, on behalf of who makes that.
fn makes_linked_roles(services: &BTreeSet<&str>) -> Value {
    let linked = ["ecs", "elasticloadbalancing", "rds"].into_iter().filter(|s| services.contains(s));
    let names: Vec<String> = linked.map(|s| format!("{s}.amazonaws.com")).collect();
    json!({ "Sid": "HoldfastLinkedRoles", "Effect": "Allow", "Action": ["iam:CreateServiceLinkedRole"],
            "Resource": "arn:*:iam::*:role/aws-service-role/*",
            "Condition": { "StringEquals": { "iam:AWSServiceName": names } } })
}

/// The controller assumes the roles of member accounts; a member assumes nothing.
fn enters_members() -> Value {
    json!({ "Sid": "HoldfastMembers", "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Resource": format!("arn:*:iam::*:role/{MEMBER}") })
}

/// The controller's role is for its ECS task, in its own account.
fn controller_trust() -> Value {
    let statement = json!({
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ecs-tasks.amazonaws.com" },
        "Condition": { "StringEquals": { "aws:SourceAccount": "MANAGEMENT_ACCOUNT" } },
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// The member's role is for the controller alone, and for whoever knows the external id: somebody else's Holdfast that
/// is told this role's name does not get in. The session's tags are those that Holdfast sets and no others.
fn member_trust(controller: &Value, external_id: &Value) -> Value {
    let principal = json!({ "AWS": controller });
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "HoldfastAssumes", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal,
          "Condition": { "StringEquals": { "sts:ExternalId": external_id } } },
        { "Sid": "HoldfastTagsItsSessions", "Effect": "Allow", "Action": "sts:TagSession", "Principal": principal,
          "Condition": { "ForAllValues:StringEquals": { "aws:TagKeys": ["holdfast:account", "holdfast:region"] } } },
    ] })
}

/// The member's role as a CloudFormation template: for one account, or for all of an organization by a stack set.
fn template(member: &Value, reads: &Value) -> Value {
    let controller = json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::${ManagementAccount}:role/${ControllerRole}" });
    let inline = |name: &str, document: &Value| json!({ "PolicyName": name, "PolicyDocument": document });
    let text =
        |description: &str, default: &str| json!({ "Type": "String", "Description": description, "Default": default });
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that Holdfast assumes in a member account.",
        "Parameters": {
            "ManagementAccount": { "Type": "String", "AllowedPattern": "[0-9]{12}",
                "Description": "The account that Holdfast runs in." },
            "ControllerRole": text("The role that Holdfast runs with there, with its path.", CONTROLLER),
            "ExternalId": { "Type": "String", "MinLength": 2, "MaxLength": 1224, "AllowedPattern": "[\\w+=,.@:/-]*",
                "Description": "externalId of the Account document." },
            "Access": { "Type": "String", "Default": "read-only", "AllowedValues": ["read-only", "read-write"],
                "Description": "read-only reports and changes nothing." },
            "RoleName": text("The name that roleArn of the Account document ends with.", MEMBER),
        },
        "Conditions": { "Writes": { "Fn::Equals": [{ "Ref": "Access" }, "read-write"] } },
        "Resources": { "Role": { "Type": "AWS::IAM::Role", "Properties": {
            "RoleName": { "Ref": "RoleName" },
            "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": member_trust(&controller, &json!({ "Ref": "ExternalId" })),
            "Policies": [{ "Fn::If": ["Writes", inline("holdfast-read-write", member), inline("holdfast-read-only", reads)] }],
        } } },
        "Outputs": { "RoleArn": { "Description": "roleArn of the Account document.",
            "Value": { "Fn::GetAtt": ["Role", "Arn"] } } },
    })
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn files() -> BTreeMap<String, Value> {
        let registry = holdfast_kinds::registry();
        let kinds: Vec<&dyn AnyKind> = registry.iter().collect();
        let files = all(&kinds).expect("they keep to the limits");
        files.into_iter().map(|(name, text)| (name, serde_json::from_str(&text).expect("it is JSON"))).collect()
    }

    fn statements(policy: &Value) -> impl Iterator<Item = (&Value, &str)> {
        let all = policy["Statement"].as_array().into_iter().flatten();
        all.flat_map(|s| s["Action"].as_array().into_iter().flatten().filter_map(move |a| Some((s, a.as_str()?))))
    }

    #[test]
    fn a_member_that_is_only_read_may_change_nothing_and_no_member_may_go_on_to_another_account() {
        let files = files();
        let only: Vec<&str> = statements(&files["deploy/iam/read-only.json"]).map(|(_, action)| action).collect();
        assert!(only.len() > 10 && only.iter().all(|action| reads(action)), "{only:?}");
        for name in ["deploy/iam/read-only.json", "deploy/iam/member.json"] {
            let entered = statements(&files[name]).find(|(_, a)| *a == "sts:AssumeRole" || a.contains('*'));
            assert_eq!(entered, None, "{name}");
        }
    }

    #[test]
    fn what_could_give_more_than_it_says_is_narrowed() {
        for (name, policy) in files().iter().filter(|(name, _)| name.starts_with("deploy/iam/")) {
            for (statement, action) in statements(policy) {
                let narrowed = statement["Condition"].is_object() || statement["Resource"] != "*";
                let risky = matches!(
                    action,
                    "iam:PassRole" | "iam:CreateServiceLinkedRole" | "sts:AssumeRole" | "sts:TagSession"
                );
                assert!(!risky || narrowed, "{name} allows {action} on everything");
            }
        }
    }

    /// The ARNs of GovCloud begin with `arn:aws-us-gov:`, those of China with `arn:aws-cn:`.
    #[test]
    fn no_policy_holds_in_one_partition_alone() {
        for (name, policy) in files().iter().filter(|(name, _)| name.starts_with("deploy/iam/")) {
            let resources = policy["Statement"].as_array().into_iter().flatten().filter_map(|s| s["Resource"].as_str());
            let bound: Vec<&str> = resources.filter(|r| *r != "*" && !r.starts_with("arn:*:")).collect();
            assert!(bound.is_empty(), "{name} allows something on {bound:?} alone");
        }
    }

    #[test]
    fn who_may_write_listeners_may_do_what_aws_asks_of_cognito_for_them_and_who_only_reads_may_not() {
        let files = files();
        let allowed = |name: &str| statements(&files[name]).any(|(_, a)| a == "cognito-idp:DescribeUserPoolClient");
        assert!(allowed("deploy/iam/member.json") && allowed("deploy/iam/controller.json"));
        assert!(!allowed("deploy/iam/read-only.json"));
    }

    #[test]
    fn a_member_is_entered_by_the_controller_with_the_external_id_and_tags_of_its_own_alone() {
        let trust = &files()["deploy/iam/member-trust.json"]["Statement"];
        let all = trust.as_array().expect("statements");
        assert!(
            all.iter().all(|s| s["Principal"]["AWS"] == "arn:aws:iam::MANAGEMENT_ACCOUNT:role/holdfast-controller")
        );
        assert_eq!(trust[0]["Condition"]["StringEquals"]["sts:ExternalId"], "EXTERNAL_ID");
        assert_eq!((&trust[0]["Action"], &trust[1]["Action"]), (&json!("sts:AssumeRole"), &json!("sts:TagSession")));
    }
}
