//! Actions of listeners and rules: their spec, their canonical form, their rules.

use super::types::{Flag, Int, Text, choices, is_open};
use crate::common::without_nulls;
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What is done with a request. Exactly one action forwards, redirects or answers, and it is the last; those before it
/// authenticate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ActionSpec {
    /// What kind of action.
    #[serde(rename = "type")]
    pub(crate) kind: ActionType,
    /// Its place, lowest first, 1 to 50000. Without it the list's own order counts. Only the order matters, not the numbers.
    #[schemars(range(min = 1, max = 50000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Int>,
    /// For `forward` to one target group: its ARN. The same as a `forwardConfig` of one group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_group_arn: Option<String>,
    /// For `forward` to one or more target groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forward_config: Option<ForwardConfig>,
    /// For `redirect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_config: Option<RedirectConfig>,
    /// For `fixed-response`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fixed_response_config: Option<FixedResponseConfig>,
    /// For `authenticate-oidc` (HTTPS listeners).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authenticate_oidc_config: Option<OidcConfig>,
    /// For `authenticate-cognito` (HTTPS listeners).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authenticate_cognito_config: Option<CognitoConfig>,
    /// For `jwt-validation` (HTTPS listeners).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jwt_validation_config: Option<JwtConfig>,
}

choices! {
    /// The type of an action.
    ActionType = "forward" | "redirect" | "fixed-response" | "authenticate-oidc" | "authenticate-cognito" | "jwt-validation";
    /// The status of a redirect.
    RedirectCode = "HTTP_301" | "HTTP_302";
    /// What happens to a request without authentication.
    Unauthenticated = "deny" | "allow" | "authenticate";
    /// The form of a claim.
    ClaimFormat = "single-string" | "string-array" | "space-separated-values";
    /// The content type of a fixed response.
    ContentType = "text/plain" | "text/css" | "text/html" | "application/javascript" | "application/json";
}

/// How requests are spread over target groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ForwardConfig {
    /// One to five groups with weights; a set.
    #[schemars(length(min = 1, max = 5))]
    pub(crate) target_groups: Vec<WeightedGroup>,
    /// Whether a client stays with its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_group_stickiness_config: Option<Stickiness>,
}

/// A target group and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WeightedGroup {
    /// The group's ARN.
    pub(crate) target_group_arn: String,
    /// Its weight, 0 to 999; 1 if not said.
    #[schemars(range(min = 0, max = 999))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<Int>,
}

/// Whether a client stays with its target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Stickiness {
    /// Whether it does. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<Flag>,
    /// For how many seconds, 1 to 604800; needed when it is enabled.
    #[schemars(range(min = 1, max = 604800))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_seconds: Option<Int>,
}

/// Where a request is redirected to. What is not said stays as in the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RedirectConfig {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<String>,
    /// 1 to 65535 or `#{port}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<Text>,
    /// The host; may hold `#{host}`.
    #[schemars(length(min = 1, max = 128))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    /// The absolute path; may hold `#{host}`, `#{path}` and `#{port}`.
    #[schemars(length(min = 1, max = 128))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// The query without its question mark; may hold any of the keywords.
    #[schemars(length(max = 128))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<String>,
    /// Permanent or temporary.
    pub(crate) status_code: RedirectCode,
}

/// An answer that the load balancer gives itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FixedResponseConfig {
    /// The body, up to 1024 bytes.
    #[schemars(length(max = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_body: Option<String>,
    /// The status, 2XX, 4XX or 5XX.
    pub(crate) status_code: Text,
    /// The type of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<ContentType>,
}

/// A way of authentication: what it alone needs, then what every way says of its sessions.
macro_rules! authentication {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $member:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$about])* pub(crate) $member: $type,)*
            /// The session's cookie. Default `AWSELBAuthSessionCookie`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(crate) session_cookie_name: Option<String>,
            /// The claims asked for. Default `openid`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(crate) scope: Option<String>,
            /// How long a session lasts, in seconds. Default 604800.
            #[schemars(range(min = 1, max = 604800))]
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(crate) session_timeout: Option<Int>,
            /// Up to ten parameters of the authorization request.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(crate) authentication_request_extra_params: Option<BTreeMap<String, Text>>,
            /// Default `authenticate`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(crate) on_unauthenticated_request: Option<Unauthenticated>,
        }
    };
}

authentication! {
    /// Authentication by an OpenID Connect provider.
    OidcConfig {
        /// The issuer's URL.
        issuer: String,
        /// The authorization endpoint's URL.
        authorization_endpoint: String,
        /// The token endpoint's URL.
        token_endpoint: String,
        /// The user info endpoint's URL.
        user_info_endpoint: String,
        /// The client's id.
        client_id: String,
        /// Not taken: a secret must not stand in a document. Set it in AWS once; it is kept by every later change.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<String>,
        /// Always so here, because no secret stands in a document; taken for the sake of copied definitions.
        #[serde(skip_serializing_if = "Option::is_none")]
        use_existing_client_secret: Option<Flag>,
    }
}

authentication! {
    /// Authentication by Amazon Cognito.
    CognitoConfig {
        /// The user pool's ARN.
        user_pool_arn: String,
        /// The client's id in the pool.
        user_pool_client_id: String,
        /// The pool's domain.
        user_pool_domain: String,
    }
}

/// Validation of JSON Web Tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct JwtConfig {
    /// The URL of the key set.
    #[schemars(length(max = 256))]
    pub(crate) jwks_endpoint: String,
    /// The issuer.
    #[schemars(length(max = 256))]
    pub(crate) issuer: String,
    /// Claims to validate besides `exp`, `iss`, `nbf` and `iat`; a set of up to ten.
    #[schemars(length(max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additional_claims: Option<Vec<Claim>>,
}

/// A claim to validate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Claim {
    /// The form of its value.
    pub(crate) format: ClaimFormat,
    /// Its name.
    pub(crate) name: String,
    /// The values that are let through; a set of up to ten.
    #[schemars(length(min = 1, max = 10))]
    pub(crate) values: Vec<String>,
}

/// The field facts of a kind with actions at `$at`, after its own ones.
macro_rules! fields_with_actions {
    ($at:literal; $($own:expr),* $(,)?) => {
        &[
            $($own,)*
            Field::of($at, Shape::List).canonical(
                "in the order of `order`, which then goes; a forward to one target group as `targetGroupArn`, to several as \
                 `forwardConfig` with every weight",
            ).owners("CodeDeploy and ECS blue/green, linear and canary deployments shift the weights of a forward while they run"),
            Field::of(
                concat!($at, "/*/forwardConfig/targetGroups"),
                Shape::Set(ItemKey::Of(&["targetGroupArn"])),
            ),
            Field::scalar(concat!($at, "/*/forwardConfig/targetGroups/*/weight")).default("1", $crate::elb::FORWARD),
            Field::scalar(concat!($at, "/*/redirectConfig/protocol")).default("\"#{protocol}\"", $crate::elb::REDIRECT),
            Field::scalar(concat!($at, "/*/redirectConfig/port")).default("\"#{port}\"", $crate::elb::REDIRECT),
            Field::scalar(concat!($at, "/*/redirectConfig/host")).default("\"#{host}\"", $crate::elb::REDIRECT),
            Field::scalar(concat!($at, "/*/redirectConfig/path")).default("\"/#{path}\"", $crate::elb::REDIRECT),
            Field::scalar(concat!($at, "/*/redirectConfig/query")).default("\"#{query}\"", $crate::elb::REDIRECT),
            Field::of(concat!($at, "/*/forwardConfig/targetGroupStickinessConfig"), Shape::Object)
                .default(r#"{"enabled":false}"#, $crate::elb::FORWARD),
            Field::scalar(concat!($at, "/*/forwardConfig/targetGroupStickinessConfig/enabled"))
                .default("false", $crate::elb::FORWARD),
            Field::scalar(concat!($at, "/*/fixedResponseConfig/statusCode")).canonical("text"),
            Field::scalar(concat!($at, "/*/fixedResponseConfig/contentType")).default("\"text/plain\"", $crate::elb::ECHO),
            Field::of(concat!($at, "/*/authenticateOidcConfig/clientSecret"), Shape::WriteOnly).sensitive(),
            Field::of(concat!($at, "/*/authenticateOidcConfig/useExistingClientSecret"), Shape::WriteOnly),
            Field::scalar(concat!($at, "/*/authenticateOidcConfig/sessionCookieName"))
                .default("\"AWSELBAuthSessionCookie\"", $crate::elb::OIDC),
            Field::scalar(concat!($at, "/*/authenticateOidcConfig/scope")).default("\"openid\"", $crate::elb::OIDC),
            Field::scalar(concat!($at, "/*/authenticateOidcConfig/sessionTimeout")).default("604800", $crate::elb::OIDC),
            Field::scalar(concat!($at, "/*/authenticateOidcConfig/onUnauthenticatedRequest"))
                .default("\"authenticate\"", $crate::elb::OIDC)
                .severity(Severity::Exposure),
            Field::scalar(concat!($at, "/*/authenticateCognitoConfig/sessionCookieName"))
                .default("\"AWSELBAuthSessionCookie\"", $crate::elb::COGNITO),
            Field::scalar(concat!($at, "/*/authenticateCognitoConfig/scope")).default("\"openid\"", $crate::elb::COGNITO),
            Field::scalar(concat!($at, "/*/authenticateCognitoConfig/sessionTimeout"))
                .default("604800", $crate::elb::COGNITO),
            Field::scalar(concat!($at, "/*/authenticateCognitoConfig/onUnauthenticatedRequest"))
                .default("\"authenticate\"", $crate::elb::COGNITO)
                .severity(Severity::Exposure),
            Field::of(
                concat!($at, "/*/jwtValidationConfig/additionalClaims"),
                Shape::Set(ItemKey::Of(&["name"])),
            ),
            Field::set(concat!($at, "/*/jwtValidationConfig/additionalClaims/*/values")),
        ]
    };
}
pub(crate) use fields_with_actions;

/// Brings a list of actions to canonical form: in order of `order`, which then goes; a forward to one group as
/// `targetGroupArn` alone, to several as `forwardConfig` alone, with every weight and no stickiness that is off.
pub(crate) fn canonical(actions: &mut Value) {
    let Value::Array(items) = actions else { return };
    let place = |(at, action): (usize, &Value)| match action.get("order") {
        None | Some(Value::Null) => Some(at as i64 + 1),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(order) => order.as_i64(),
    };
    // With an order that is not known yet, the list's own order stands until it is.
    if let Some(mut places) = items.iter().enumerate().map(place).collect::<Option<Vec<i64>>>() {
        let mut both: Vec<(i64, Value)> = places.drain(..).zip(items.drain(..)).collect();
        both.sort_by_key(|(place, _)| *place);
        *items = both.into_iter().map(|(_, action)| action).collect();
        items.iter_mut().filter_map(Value::as_object_mut).for_each(|action| {
            action.shift_remove("order");
        });
    }
    items.iter_mut().for_each(canonical_action);
}

fn canonical_action(action: &mut Value) {
    without_nulls(action);
    let Some(map) = action.as_object_mut() else { return };
    if map.get("type").and_then(Value::as_str) == Some("forward") {
        canonical_forward(map);
    }
    if let Some(config) = map.get_mut("authenticateOidcConfig").and_then(Value::as_object_mut) {
        config.shift_remove("useExistingClientSecret");
    }
    for config in map.values_mut() {
        without_nulls(config);
    }
}

fn canonical_forward(map: &mut Map<String, Value>) {
    let config = map.get("forwardConfig");
    let listed = config.and_then(|c| c.get("targetGroups")).and_then(Value::as_array);
    let Some(mut groups) = listed.filter(|g| !g.is_empty()).cloned() else {
        // Without a group in it, a forwardConfig says nothing beside the ARN.
        if config.is_none_or(|c| c.is_object() || c.is_null()) && map.contains_key("targetGroupArn") {
            map.shift_remove("forwardConfig");
        }
        return;
    };
    for group in groups.iter_mut().filter_map(Value::as_object_mut) {
        if group.get("weight").is_none_or(Value::is_null) {
            group.insert("weight".to_owned(), json!(1));
        }
    }
    let stickiness = config
        .and_then(|c| c.get("targetGroupStickinessConfig"))
        .filter(|s| !matches!(s.get("enabled"), None | Some(Value::Null | Value::Bool(false))))
        .filter(|s| s.get("enabled").and_then(Value::as_str) != Some("false"))
        .cloned();
    map.shift_remove("targetGroupArn");
    map.shift_remove("forwardConfig");
    // The weight of the only group says nothing, unless it is 0 and shuts the group off.
    let shut = |group: &Value| matches!(group.get("weight"), Some(w) if w == 0 || w == "0");
    if let ([only], None) = (groups.as_slice(), &stickiness)
        && !shut(only)
        && let Some(arn) = only.get("targetGroupArn")
    {
        map.insert("targetGroupArn".to_owned(), arn.clone());
        return;
    }
    let mut forward = Map::from_iter([("targetGroups".to_owned(), Value::Array(groups))]);
    if let Some(stickiness) = stickiness {
        forward.insert("targetGroupStickinessConfig".to_owned(), stickiness);
    }
    map.insert("forwardConfig".to_owned(), Value::Object(forward));
}

/// The line of a plan for a list of actions in canonical form.
pub(crate) fn describe(actions: &Value) -> String {
    let one = |action: &Value| {
        let at = |pointer: &str| action.pointer(pointer).and_then(Value::as_str).map(super::short).unwrap_or_default();
        match action.get("type").and_then(Value::as_str).unwrap_or("?") {
            "forward" => match action.pointer("/forwardConfig/targetGroups").and_then(Value::as_array) {
                Some(groups) => {
                    let share = |g: &Value| {
                        let arn = g.get("targetGroupArn").and_then(Value::as_str).map(super::short);
                        format!("{} ×{}", arn.unwrap_or_default(), g.get("weight").unwrap_or(&json!(1)))
                    };
                    format!("forward to {}", groups.iter().map(share).collect::<Vec<_>>().join(", "))
                }
                None => format!("forward to {}", at("/targetGroupArn")),
            },
            "redirect" => format!("redirect with {}", at("/redirectConfig/statusCode")),
            "fixed-response" => format!("answer {}", at("/fixedResponseConfig/statusCode")),
            other => other.to_owned(),
        }
    };
    actions.as_array().map(|a| a.iter().map(one).collect::<Vec<_>>().join(", then ")).unwrap_or_default()
}

/// The rules of a list of actions at `pointer`.
pub(crate) fn validate(actions: &[ActionSpec], pointer: &str, errors: &mut Vec<SpecError>) {
    if actions.is_empty() {
        let words = "at least one action is needed; the last one must be forward, redirect or fixed-response";
        errors.push(SpecError::new(pointer, "missing-action", words));
        return;
    }
    for (at, action) in actions.iter().enumerate() {
        validate_one(action, &format!("{pointer}/{at}"), errors);
    }
    let ends = |a: &&ActionSpec| is_open(&a.kind) || ["forward", "redirect", "fixed-response"].contains(&&*a.kind);
    match actions.iter().filter(ends).count() {
        1 => {}
        0 => {
            let words = "one action must be forward, redirect or fixed-response; the others only authenticate";
            errors.push(SpecError::new(pointer, "missing-action", words));
        }
        _ => {
            let words = "only one action may be forward, redirect or fixed-response; \
                         to forward to several groups, list them in one forwardConfig";
            errors.push(SpecError::new(pointer, "too-many-actions", words));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for (at, order) in actions.iter().enumerate().filter_map(|(i, a)| Some((i, a.order.as_ref()?.known()?))) {
        if !seen.insert(order) {
            let words = format!("another action has the order {order} already");
            errors.push(SpecError::new(format!("{pointer}/{at}/order"), "duplicate-order", words));
        }
    }
}

fn validate_one(action: &ActionSpec, at: &str, errors: &mut Vec<SpecError>) {
    let configs = [
        ("forward", "forwardConfig", action.forward_config.is_some()),
        ("forward", "targetGroupArn", action.target_group_arn.is_some()),
        ("redirect", "redirectConfig", action.redirect_config.is_some()),
        ("fixed-response", "fixedResponseConfig", action.fixed_response_config.is_some()),
        ("authenticate-oidc", "authenticateOidcConfig", action.authenticate_oidc_config.is_some()),
        ("authenticate-cognito", "authenticateCognitoConfig", action.authenticate_cognito_config.is_some()),
        ("jwt-validation", "jwtValidationConfig", action.jwt_validation_config.is_some()),
    ];
    if is_open(&action.kind) {
        return;
    }
    if !configs.iter().any(|(kind, _, there)| *kind == &*action.kind && *there) {
        let names: Vec<_> = configs.iter().filter(|c| c.0 == &*action.kind).map(|c| c.1).collect();
        if let Some(name) = names.first() {
            let words = format!("an action of type {} needs {}", &*action.kind, names.join(" or "));
            errors.push(SpecError::new(format!("{at}/{name}"), "missing-field", words));
        }
    }
    for (kind, name, _) in configs.iter().filter(|c| c.2 && c.0 != &*action.kind) {
        let words = format!("{name} belongs to an action of type {kind}, and this one is {}", &*action.kind);
        errors.push(SpecError::new(format!("{at}/{name}"), "conflicting-fields", words));
    }
    if let Some(forward) = &action.forward_config {
        validate_forward(forward, action.target_group_arn.as_deref(), at, errors);
    }
    if let Some(redirect) = &action.redirect_config {
        validate_redirect(redirect, &format!("{at}/redirectConfig"), errors);
    }
    if let Some(fixed) = &action.fixed_response_config {
        let fits = |code: &str| {
            code.len() == 3 && code.starts_with(['2', '4', '5']) && code.bytes().all(|b| b.is_ascii_digit())
        };
        if fixed.status_code.known().is_some_and(|code| !fits(code)) {
            let words =
                format!("\"{}\" is no status that a load balancer answers: 2XX, 4XX or 5XX", fixed.status_code.0);
            errors.push(SpecError::new(format!("{at}/fixedResponseConfig/statusCode"), "invalid-status", words));
        }
    }
    if action.authenticate_oidc_config.as_ref().is_some_and(|oidc| oidc.client_secret.is_some()) {
        let words = "a secret must not stand in a document, and would be stored and logged with it. Leave clientSecret out: \
                     create the action once in AWS with its secret, adopt it, and every change here keeps that secret";
        errors.push(SpecError::new(format!("{at}/authenticateOidcConfig/clientSecret"), "secret-in-document", words));
    }
}

fn validate_forward(forward: &ForwardConfig, arn: Option<&str>, at: &str, errors: &mut Vec<SpecError>) {
    let groups = &forward.target_groups;
    if let Some(arn) = arn
        && (groups.len() != 1 || groups.iter().any(|g| g.target_group_arn != arn))
    {
        let words =
            "with both targetGroupArn and forwardConfig, forwardConfig must name that one group; leave one of them out";
        errors.push(SpecError::new(format!("{at}/targetGroupArn"), "conflicting-fields", words));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (i, group) in groups.iter().enumerate() {
        if !seen.insert(&group.target_group_arn) {
            let words = format!("{} is in this forwardConfig already", group.target_group_arn);
            errors.push(SpecError::new(
                format!("{at}/forwardConfig/targetGroups/{i}"),
                "duplicate-target-group",
                words,
            ));
        }
    }
    if let Some(stickiness) = &forward.target_group_stickiness_config
        && stickiness.enabled.as_ref().and_then(Flag::known) == Some(true)
        && stickiness.duration_seconds.is_none()
    {
        let at = format!("{at}/forwardConfig/targetGroupStickinessConfig/durationSeconds");
        errors.push(SpecError::new(
            at,
            "missing-field",
            "stickiness that is enabled needs durationSeconds, 1 to 604800",
        ));
    }
}

fn validate_redirect(redirect: &RedirectConfig, at: &str, errors: &mut Vec<SpecError>) {
    let known = |text: &Option<String>| text.clone().filter(|t| !is_open(t));
    if let Some(protocol) = known(&redirect.protocol)
        && !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol.as_str())
    {
        let words = format!("\"{protocol}\" is neither HTTP, HTTPS nor #{{protocol}}");
        errors.push(SpecError::new(format!("{at}/protocol"), "invalid-protocol", words));
    }
    if let Some(port) = redirect.port.as_ref().and_then(Text::known)
        && port != "#{port}"
        && !port.parse::<u16>().is_ok_and(|p| p > 0)
    {
        let words = format!("\"{port}\" is neither a port (1 to 65535) nor #{{port}}");
        errors.push(SpecError::new(format!("{at}/port"), "invalid-port", words));
    }
    if let Some(path) = known(&redirect.path)
        && !path.starts_with('/')
    {
        let words = format!("a path starts with \"/\": write \"/{path}\"");
        errors.push(SpecError::new(format!("{at}/path"), "invalid-path", words));
    }
    // AWS refuses a redirect that changes nothing: it would go round for ever.
    let kept = |value: Option<&str>, keyword: &str| value.is_none_or(|v| v == keyword);
    if kept(redirect.protocol.as_deref(), "#{protocol}")
        && kept(redirect.host.as_deref(), "#{host}")
        && kept(redirect.port.as_ref().map(|p| p.0.as_str()), "#{port}")
        && kept(redirect.path.as_deref(), "/#{path}")
    {
        let words = "a redirect must change protocol, host, port or path, or it goes round for ever";
        errors.push(SpecError::new(at, "redirect-loop", words));
    }
}
