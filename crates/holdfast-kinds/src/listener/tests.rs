//! What is done about a listener, told as text.

use crate::elb::check::{check_converge, check_create, check_diffs, check_invalid, made};
use serde_json::{Value, json};

const KIND: &str = "Listener";
const LB: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/0123456789abcdef";

fn group(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/{name}/0123456789abcdef")
}

fn forward(name: &str) -> Value {
    json!([{ "type": "forward", "targetGroupArn": group(name) }])
}

fn http(actions: Value) -> Value {
    json!({ "loadBalancerArn": LB, "port": 80, "protocol": "HTTP", "defaultActions": actions })
}

fn https(certificates: Value) -> Value {
    json!({ "loadBalancerArn": LB, "port": 443, "protocol": "HTTPS", "certificates": certificates, "defaultActions": forward("a") })
}

fn certificate(name: &str) -> Value {
    json!({ "certificateArn": format!("arn:aws:acm:eu-west-1:1:certificate/{name}") })
}

#[test]
fn actions_that_mean_the_same_are_the_same() {
    let weighted = |groups: Value, more: Value| {
        let mut config = json!({ "targetGroups": groups });
        crate::elb::overlay(&mut config, more.as_object().expect("an object"));
        json!([{ "type": "forward", "forwardConfig": config }])
    };
    let off = json!({ "targetGroupStickinessConfig": { "enabled": false } });
    let tuple = |name: &str, weight: u32| json!({ "targetGroupArn": group(name), "weight": weight });
    let redirect = |more: Value| {
        let mut config = json!({ "protocol": "HTTPS", "statusCode": "HTTP_301" });
        crate::elb::overlay(&mut config, more.as_object().expect("an object"));
        json!([{ "type": "redirect", "order": 1, "redirectConfig": config }])
    };
    let fixed = |more: Value| {
        let mut config = json!({ "statusCode": "404" });
        crate::elb::overlay(&mut config, more.as_object().expect("an object"));
        json!([{ "type": "fixed-response", "fixedResponseConfig": config }])
    };
    let oidc = |more: Value| {
        let mut config = json!({ "issuer": "https://i", "authorizationEndpoint": "https://a", "tokenEndpoint": "https://t",
            "userInfoEndpoint": "https://u", "clientId": "c" });
        crate::elb::overlay(&mut config, more.as_object().expect("an object"));
        let login = json!({ "type": "authenticate-oidc", "order": 1, "authenticateOidcConfig": config });
        json!([login, { "type": "forward", "order": 2, "targetGroupArn": group("a") }])
    };
    let cases = [
        // AWS's echo of a simple forward: both forms, the weight, stickiness off (API reference, DescribeListeners).
        (
            forward("a"),
            json!([{ "type": "forward", "order": 1, "targetGroupArn": group("a"),
            "forwardConfig": { "targetGroups": [tuple("a", 1)], "targetGroupStickinessConfig": { "enabled": false } } }]),
        ),
        // The weight of the only group says nothing.
        (weighted(json!([tuple("a", 7)]), json!({})), forward("a")),
        // Groups are a set, and a weight that is not said is 1 (moto's echo, as in the API).
        (
            weighted(json!([tuple("a", 9), { "targetGroupArn": group("b") }]), json!({})),
            weighted(json!([tuple("b", 1), tuple("a", 9)]), off.clone()),
        ),
        // Components that a redirect does not modify (API reference, RedirectActionConfig).
        (
            redirect(json!({})),
            redirect(json!({ "host": "#{host}", "port": "#{port}", "path": "/#{path}", "query": "#{query}" })),
        ),
        (redirect(json!({ "port": 443 })), redirect(json!({ "port": "443" }))),
        (fixed(json!({ "statusCode": 404 })), fixed(json!({ "contentType": "text/plain" }))),
        // Defaults of OpenID Connect (API reference, AuthenticateOidcActionConfig); only the order of `order` counts.
        (
            oidc(json!({ "useExistingClientSecret": true })),
            oidc(json!({ "scope": "openid", "sessionTimeout": 604_800, "sessionCookieName": "AWSELBAuthSessionCookie",
                "onUnauthenticatedRequest": "authenticate" })),
        ),
        (
            json!([{ "type": "forward", "order": 20, "targetGroupArn": group("a") }, { "type": "authenticate-cognito", "order": 10 }]),
            json!([{ "type": "authenticate-cognito", "order": 1 }, { "type": "forward", "order": 2, "targetGroupArn": group("a") }]),
        ),
    ];
    for (declared, live) in cases {
        check_diffs(KIND, http(declared.clone()), http(live.clone()), &[]);
        check_diffs(KIND, http(live), http(declared), &[]);
    }
}

#[test]
fn actions_that_differ_say_where() {
    let shut = json!([{ "type": "forward", "forwardConfig": { "targetGroups": [{ "targetGroupArn": group("a"), "weight": 0 }] } }]);
    check_diffs(KIND, http(forward("a")), http(forward("b")), &["Changed /defaultActions/0/targetGroupArn"]);
    check_diffs(
        KIND,
        http(forward("a")),
        http(shut),
        &["Removed /defaultActions/0/targetGroupArn", "Added /defaultActions/0/forwardConfig"],
    );
    let two = |weight: u32| {
        let groups =
            json!([{ "targetGroupArn": group("a"), "weight": weight }, { "targetGroupArn": group("b"), "weight": 1 }]);
        json!([{ "type": "forward", "forwardConfig": { "targetGroups": groups } }])
    };
    check_diffs(KIND, http(two(5)), http(two(0)), &["Changed /defaultActions/0/forwardConfig/targetGroups/0/weight"]);
}

#[test]
fn the_first_certificate_is_the_default_and_the_others_are_a_set() {
    let marked = |name: &str, default: bool| {
        let mut c = certificate(name);
        c["isDefault"] = default.into();
        c
    };
    let live = https(json!([marked("a", true), certificate("b"), certificate("c"), marked("a", false)]));
    check_diffs(KIND, https(json!([certificate("a"), certificate("c"), certificate("b")])), live.clone(), &[]);
    check_diffs(KIND, https(json!([certificate("c"), certificate("b"), marked("a", true)])), live.clone(), &[]);
    check_diffs(
        KIND,
        https(json!([certificate("b"), certificate("a"), certificate("c")])),
        live,
        &["Removed /certificates/0/isDefault", "Added /certificates/1/isDefault"],
    );
}

#[test]
fn certificates_are_added_before_others_are_removed() {
    let before = https(json!([certificate("a"), certificate("b"), certificate("c")]));
    check_create(
        KIND,
        before.clone(),
        &[
            r#"create listener: loadBalancerArn web, port 443, protocol HTTPS, defaultActions forward to a, certificates [{"certificateArn":"arn:aws:acm:eu-west-1:1:certificate/a"}]"#,
            "add certificates b, c",
        ],
    );
    let after = https(json!([certificate("b"), certificate("a"), certificate("d")]));
    check_converge(
        KIND,
        &made(KIND, &before),
        &before,
        &after,
        &[
            r#"set certificates [{"certificateArn":"arn:aws:acm:eu-west-1:1:certificate/b"}]"#,
            "add certificates a, d",
            "remove certificates c",
        ],
    );
}

#[test]
fn a_listener_that_becomes_secure_does_so_in_one_call() {
    let (before, after) = (http(forward("a")), https(json!([certificate("a")])));
    check_converge(
        KIND,
        &made(KIND, &before),
        &before,
        &after,
        &[r#"set port 443, protocol HTTPS, certificates [{"certificateArn":"arn:aws:acm:eu-west-1:1:certificate/a"}]"#],
    );
}

#[test]
fn mistakes_are_told_all_at_once() {
    check_invalid(KIND, &http(forward("a")), &[]);
    check_invalid(KIND, &https(json!([])), &["/certificates missing-field"]);
    check_invalid(KIND, &http(json!([])), &["/defaultActions missing-action"]);
    check_invalid(KIND, &http(json!([{ "type": "forward" }])), &["/defaultActions/0/forwardConfig missing-field"]);
    check_invalid(
        KIND,
        &http(
            json!([{ "type": "redirect", "redirectConfig": { "statusCode": "HTTP_301", "port": "x", "path": "p", "protocol": "FTP" } }]),
        ),
        &[
            "/defaultActions/0/redirectConfig/protocol invalid-protocol",
            "/defaultActions/0/redirectConfig/port invalid-port",
            "/defaultActions/0/redirectConfig/path invalid-path",
        ],
    );
    let lone = json!([{ "type": "redirect", "redirectConfig": { "statusCode": "HTTP_301" } }]);
    check_invalid(KIND, &http(lone), &["/defaultActions/0/redirectConfig redirect-loop"]);
    let fixed =
        json!([{ "type": "fixed-response", "fixedResponseConfig": { "statusCode": "301" }, "targetGroupArn": "t" }]);
    check_invalid(
        KIND,
        &http(fixed),
        &[
            "/defaultActions/0/targetGroupArn conflicting-fields",
            "/defaultActions/0/fixedResponseConfig/statusCode invalid-status",
        ],
    );
    let mut secret = https(json!([certificate("a")]));
    secret["defaultActions"] = json!([
        { "type": "authenticate-oidc", "authenticateOidcConfig": { "issuer": "i", "authorizationEndpoint": "a", "tokenEndpoint": "t",
            "userInfoEndpoint": "u", "clientId": "c", "clientSecret": "hunter2" } },
        { "type": "forward", "targetGroupArn": "t" },
    ]);
    check_invalid(KIND, &secret, &["/defaultActions/0/authenticateOidcConfig/clientSecret secret-in-document"]);
    let mut tcp = http(json!([{ "type": "fixed-response", "fixedResponseConfig": { "statusCode": "200" } }]));
    tcp["protocol"] = json!("TCP");
    tcp["sslPolicy"] = json!("p");
    check_invalid(KIND, &tcp, &["/sslPolicy conflicting-fields", "/defaultActions/0/type invalid-action"]);
    let mut twice = https(json!([certificate("a"), certificate("a")]));
    twice["mutualAuthentication"] = json!({ "mode": "verify" });
    check_invalid(
        KIND,
        &twice,
        &["/certificates/1 duplicate-certificate", "/mutualAuthentication/trustStoreArn missing-field"],
    );
}
