//! Actions on the wire.

use super::number;
use crate::aws::answer::object;
use crate::elb::actions::{ActionSpec, CognitoConfig, ForwardConfig, JwtConfig, OidcConfig};
use crate::elb::types::{Flag, Int, Text};
use aws_sdk_elasticloadbalancingv2::types as wire;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// A list of actions for a call. Several get their order from the list; AWS wants none for a single one.
pub(crate) fn to_wire(actions: &[ActionSpec], keep_secret: bool) -> Vec<wire::Action> {
    let several = actions.len() > 1;
    let each = actions.iter().zip(1..);
    each.map(|(action, place)| one_to_wire(action, several.then_some(place), keep_secret)).collect()
}

fn one_to_wire(action: &ActionSpec, order: Option<i32>, keep_secret: bool) -> wire::Action {
    let redirect = action.redirect_config.as_ref().map(|r| {
        wire::RedirectActionConfig::builder()
            .set_protocol(r.protocol.clone())
            .set_port(r.port.as_ref().map(|p| p.0.clone()))
            .set_host(r.host.clone())
            .set_path(r.path.clone())
            .set_query(r.query.clone())
            .status_code(wire::RedirectActionStatusCodeEnum::from(&*r.status_code))
            .build()
    });
    let fixed = action.fixed_response_config.as_ref().map(|f| {
        wire::FixedResponseActionConfig::builder()
            .set_message_body(f.message_body.clone())
            .status_code(&f.status_code.0)
            .set_content_type(f.content_type.as_ref().map(|t| t.0.clone()))
            .build()
    });
    wire::Action::builder()
        .r#type(wire::ActionTypeEnum::from(&*action.kind))
        .set_order(order)
        .set_target_group_arn(action.target_group_arn.clone())
        .set_forward_config(action.forward_config.as_ref().map(forward_to_wire))
        .set_redirect_config(redirect)
        .set_fixed_response_config(fixed)
        .set_authenticate_oidc_config(action.authenticate_oidc_config.as_ref().map(|c| oidc_to_wire(c, keep_secret)))
        .set_authenticate_cognito_config(action.authenticate_cognito_config.as_ref().map(cognito_to_wire))
        .set_jwt_validation_config(action.jwt_validation_config.as_ref().map(jwt_to_wire))
        .build()
}

fn forward_to_wire(forward: &ForwardConfig) -> wire::ForwardActionConfig {
    let groups = forward.target_groups.iter().map(|g| {
        let weight = number(g.weight.as_ref());
        wire::TargetGroupTuple::builder().target_group_arn(&g.target_group_arn).set_weight(weight).build()
    });
    let stickiness = forward.target_group_stickiness_config.as_ref().map(|s| {
        wire::TargetGroupStickinessConfig::builder()
            .set_enabled(s.enabled.as_ref().and_then(Flag::known))
            .set_duration_seconds(number(s.duration_seconds.as_ref()))
            .build()
    });
    wire::ForwardActionConfig::builder()
        .set_target_groups(Some(groups.collect()))
        .set_target_group_stickiness_config(stickiness)
        .build()
}

fn params(params: Option<&BTreeMap<String, Text>>) -> Option<HashMap<String, String>> {
    params.map(|p| p.iter().map(|(k, v)| (k.clone(), v.0.clone())).collect())
}

/// The client secret is never ours to send: a change keeps the one that AWS has.
fn oidc_to_wire(oidc: &OidcConfig, keep_secret: bool) -> wire::AuthenticateOidcActionConfig {
    wire::AuthenticateOidcActionConfig::builder()
        .issuer(&oidc.issuer)
        .authorization_endpoint(&oidc.authorization_endpoint)
        .token_endpoint(&oidc.token_endpoint)
        .user_info_endpoint(&oidc.user_info_endpoint)
        .client_id(&oidc.client_id)
        .set_session_cookie_name(oidc.session_cookie_name.clone())
        .set_scope(oidc.scope.clone())
        .set_session_timeout(oidc.session_timeout.as_ref().and_then(Int::known))
        .set_authentication_request_extra_params(params(oidc.authentication_request_extra_params.as_ref()))
        .set_on_unauthenticated_request(oidc.on_unauthenticated_request.as_deref().map(Into::into))
        .set_use_existing_client_secret(keep_secret.then_some(true))
        .build()
}

fn cognito_to_wire(cognito: &CognitoConfig) -> wire::AuthenticateCognitoActionConfig {
    wire::AuthenticateCognitoActionConfig::builder()
        .user_pool_arn(&cognito.user_pool_arn)
        .user_pool_client_id(&cognito.user_pool_client_id)
        .user_pool_domain(&cognito.user_pool_domain)
        .set_session_cookie_name(cognito.session_cookie_name.clone())
        .set_scope(cognito.scope.clone())
        .set_session_timeout(cognito.session_timeout.as_ref().and_then(Int::known))
        .set_authentication_request_extra_params(params(cognito.authentication_request_extra_params.as_ref()))
        .set_on_unauthenticated_request(cognito.on_unauthenticated_request.as_deref().map(Into::into))
        .build()
}

fn jwt_to_wire(jwt: &JwtConfig) -> wire::JwtValidationActionConfig {
    let claims = jwt.additional_claims.iter().flatten().map(|c| {
        wire::JwtValidationActionAdditionalClaim::builder()
            .format(wire::JwtValidationActionAdditionalClaimFormatEnum::from(&*c.format))
            .name(&c.name)
            .set_values(Some(c.values.clone()))
            .build()
    });
    wire::JwtValidationActionConfig::builder()
        .jwks_endpoint(&jwt.jwks_endpoint)
        .issuer(&jwt.issuer)
        .set_additional_claims(jwt.additional_claims.as_ref().map(|_| claims.collect()))
        .build()
}

/// A list of AWS's actions as our spec has them, not yet in canonical form.
pub(crate) fn from_wire(actions: &[wire::Action]) -> Value {
    actions.iter().map(one_from_wire).collect()
}

fn one_from_wire(action: &wire::Action) -> Value {
    object([
        ("type", action.r#type().map(|t| json!(t.as_str()))),
        ("order", action.order().map(Into::into)),
        ("targetGroupArn", action.target_group_arn().map(Into::into)),
        ("forwardConfig", action.forward_config().map(forward_from_wire)),
        ("redirectConfig", action.redirect_config().map(redirect_from_wire)),
        (
            "fixedResponseConfig",
            action.fixed_response_config().map(|f| {
                object([
                    ("messageBody", f.message_body().map(Into::into)),
                    ("statusCode", f.status_code().map(Into::into)),
                    ("contentType", f.content_type().map(Into::into)),
                ])
            }),
        ),
        ("authenticateOidcConfig", action.authenticate_oidc_config().map(oidc_from_wire)),
        ("authenticateCognitoConfig", action.authenticate_cognito_config().map(cognito_from_wire)),
        ("jwtValidationConfig", action.jwt_validation_config().map(jwt_from_wire)),
    ])
}

fn redirect_from_wire(redirect: &wire::RedirectActionConfig) -> Value {
    object([
        ("protocol", redirect.protocol().map(Into::into)),
        ("port", redirect.port().map(Into::into)),
        ("host", redirect.host().map(Into::into)),
        ("path", redirect.path().map(Into::into)),
        ("query", redirect.query().map(Into::into)),
        ("statusCode", redirect.status_code().map(|c| json!(c.as_str()))),
    ])
}

fn forward_from_wire(forward: &wire::ForwardActionConfig) -> Value {
    let group = |g: &wire::TargetGroupTuple| {
        object([("targetGroupArn", g.target_group_arn().map(Into::into)), ("weight", g.weight().map(Into::into))])
    };
    let stickiness = forward.target_group_stickiness_config().map(|s| {
        object([("enabled", s.enabled().map(Into::into)), ("durationSeconds", s.duration_seconds().map(Into::into))])
    });
    object([
        ("targetGroups", Some(forward.target_groups().iter().map(group).collect())),
        ("targetGroupStickinessConfig", stickiness),
    ])
}

fn params_json(params: Option<&HashMap<String, String>>) -> Option<Value> {
    let sorted: BTreeMap<&String, &String> = params?.iter().collect();
    Some(json!(sorted))
}

fn oidc_from_wire(oidc: &wire::AuthenticateOidcActionConfig) -> Value {
    object([
        ("issuer", oidc.issuer().map(Into::into)),
        ("authorizationEndpoint", oidc.authorization_endpoint().map(Into::into)),
        ("tokenEndpoint", oidc.token_endpoint().map(Into::into)),
        ("userInfoEndpoint", oidc.user_info_endpoint().map(Into::into)),
        ("clientId", oidc.client_id().map(Into::into)),
        ("sessionCookieName", oidc.session_cookie_name().map(Into::into)),
        ("scope", oidc.scope().map(Into::into)),
        ("sessionTimeout", oidc.session_timeout().map(Into::into)),
        ("authenticationRequestExtraParams", params_json(oidc.authentication_request_extra_params())),
        ("onUnauthenticatedRequest", oidc.on_unauthenticated_request().map(|b| json!(b.as_str()))),
    ])
}

fn cognito_from_wire(cognito: &wire::AuthenticateCognitoActionConfig) -> Value {
    object([
        ("userPoolArn", cognito.user_pool_arn().map(Into::into)),
        ("userPoolClientId", cognito.user_pool_client_id().map(Into::into)),
        ("userPoolDomain", cognito.user_pool_domain().map(Into::into)),
        ("sessionCookieName", cognito.session_cookie_name().map(Into::into)),
        ("scope", cognito.scope().map(Into::into)),
        ("sessionTimeout", cognito.session_timeout().map(Into::into)),
        ("authenticationRequestExtraParams", params_json(cognito.authentication_request_extra_params())),
        ("onUnauthenticatedRequest", cognito.on_unauthenticated_request().map(|b| json!(b.as_str()))),
    ])
}

fn jwt_from_wire(jwt: &wire::JwtValidationActionConfig) -> Value {
    let claim = |c: &wire::JwtValidationActionAdditionalClaim| {
        object([
            ("format", c.format().map(|f| json!(f.as_str()))),
            ("name", c.name().map(Into::into)),
            ("values", Some(json!(c.values()))),
        ])
    };
    object([
        ("jwksEndpoint", jwt.jwks_endpoint().map(Into::into)),
        ("issuer", jwt.issuer().map(Into::into)),
        ("additionalClaims", Some(jwt.additional_claims().iter().map(claim).collect())),
    ])
}
