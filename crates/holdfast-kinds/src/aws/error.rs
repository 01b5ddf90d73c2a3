//! Sorts what AWS answers by what the loop does next.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use holdfast_core::cloud::{ApplyError, ErrorClass};
use jiff::{SignedDuration, Timestamp};
use std::error::Error;

/// Whether a call changes anything: a lost answer matters only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It changes nothing.
    Read,
    /// It does.
    Write,
}

impl Access {
    /// The class of a call whose answer never came or could not be read.
    fn without_answer(self) -> ErrorClass {
        match self {
            Access::Read => ErrorClass::Transient,
            Access::Write => ErrorClass::Lost,
        }
    }
}

/// An error of our own making, without an AWS answer.
pub(crate) fn ours(operation: &str, code: &str, class: ErrorClass, message: String) -> ApplyError {
    ApplyError { class, operation: operation.to_owned(), code: code.to_owned(), message, request_id: None }
}

/// Sorts an SDK error. `operation` is the IAM action, such as `ec2:CreateSecurityGroup`; `now` is what the clock of
/// this machine says.
pub(super) fn sort<E>(operation: &str, access: Access, error: &SdkError<E, HttpResponse>, now: Timestamp) -> ApplyError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut sorted = match error {
        SdkError::TimeoutError(_) => {
            let words = "AWS did not answer in time; the call is made again after the next look".to_owned();
            ours(operation, "Timeout", access.without_answer(), words)
        }
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => unsent(operation, access, error),
        SdkError::ServiceError(e) if e.err().code().is_some() && !is_html(e.raw()) => answered(
            operation,
            access,
            e.err().code().unwrap_or_default(),
            e.err().message().unwrap_or_default(),
            e.raw().status().as_u16(),
            e.raw().headers().get("date").and_then(|theirs| skew(theirs, now)),
        ),
        SdkError::ServiceError(e) => without_code(operation, access, e.raw()),
        SdkError::ResponseError(e) => without_code(operation, access, e.raw()),
        _ => ours(operation, "Unknown", access.without_answer(), chain(error)),
    };
    sorted.request_id = error.request_id().map(str::to_owned).or(sorted.request_id);
    sorted
}

/// An answer with a code: the code decides, then the status.
fn answered(
    operation: &str,
    access: Access,
    code: &str,
    message: &str,
    status: u16,
    skew: Option<SignedDuration>,
) -> ApplyError {
    let class = class_of(code, message, status, access);
    let mut words = message.trim().to_owned();
    if words.is_empty() {
        words = "AWS gave no words".to_owned();
    }
    if is_clock_skew(code, message) {
        words = format!("the clock of this machine {}; set it right ({words})", told(skew));
    } else if class == ErrorClass::Unsigned {
        words = format!(
            "AWS does not take these credentials here; renew them, or enable the region in the account ({words})"
        );
    } else if class == ErrorClass::Denied && !words.contains(operation) {
        words = format!("{words}; the permission {operation} is needed");
    }
    ours(operation, code, class, words)
}

/// How far the clock of this machine is ahead of AWS's, by the date of its answer.
fn skew(theirs: &str, now: Timestamp) -> Option<SignedDuration> {
    Some(now.duration_since(jiff::fmt::rfc2822::parse(theirs).ok()?.timestamp()))
}

/// The rest of "the clock of this machine …".
fn told(skew: Option<SignedDuration>) -> String {
    let Some(skew) = skew.filter(|skew| !skew.is_zero()) else { return "differs from AWS's".to_owned() };
    let which = if skew.is_positive() { "ahead of" } else { "behind" };
    format!("is {:#} {which} AWS's", SignedDuration::from_secs(skew.as_secs()).abs())
}

/// What the loop does next about an AWS error code. A write that ended in a fault of AWS's may have happened all the
/// same, unless the code says that it was refused: "Ensuring idempotency" in the developer guide of EC2.
pub(super) fn class_of(code: &str, message: &str, status: u16, access: Access) -> ErrorClass {
    let is = |words: &[&str]| words.iter().any(|w| code.contains(w));
    if status == 429 || is(THROTTLED) || message.contains("Rate exceeded") {
        ErrorClass::Throttled
    } else if is_marketplace(code, message) {
        ErrorClass::Rejected
    } else if is_clock_skew(code, message) || is(UNSIGNED) || message.contains(NOT_VALIDATED) {
        ErrorClass::Unsigned
    } else if is(DENIED) {
        ErrorClass::Denied
    } else if is(QUOTA) || is_capacity(code) {
        ErrorClass::Quota
    } else if is(CONFLICT) || CONFLICT_WORDS.iter().any(|w| message.contains(w)) {
        ErrorClass::Conflict
    } else if status >= 500 || is(TRANSIENT) {
        access.without_answer()
    } else {
        ErrorClass::Rejected
    }
}

/// Parts of codes that mean "slower".
const THROTTLED: &[&str] = &[
    "Throttl",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequests",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// Parts of codes that mean credentials that AWS does not take for any call. In a region that is not enabled for the
/// account it knows none of its credentials, or says that one has to opt in.
const UNSIGNED: &[&str] = &[
    "UnrecognizedClient",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "ExpiredToken",
    "OptInRequired",
    "RegionDisabled",
];

/// EC2's words for the same, under a code that it uses for much else.
const NOT_VALIDATED: &str = "not able to validate the provided access credentials";

/// Parts of codes that mean a missing permission.
const DENIED: &[&str] = &[
    "UnauthorizedOperation",
    "AccessDenied",
    "AuthFailure",
    "NotAuthorized",
    "InvalidSignature",
    "SignatureDoesNotMatch",
    "PendingVerification",
];

/// Parts of codes that mean a quota is full. The `TooMany…` codes are those of Elastic Load Balancing.
const QUOTA: &[&str] = &["LimitExceeded", "QuotaExceeded", "TooMany", "TargetGroupAssociationLimit"];

/// Parts of codes that mean the world is not as the plan saw it.
const CONFLICT: &[&str] = &[
    "NotFound",
    "Duplicate",
    "AlreadyExists",
    "AlreadyAssociated",
    "DependencyViolation",
    "InUse",
    "Conflict",
    "IncorrectState",
    "InvalidDBInstanceState",
    "InvalidDBParameterGroupState",
    "InvalidDBSubnetGroupState",
    "UpdateInProgress",
    "ClusterContains",
    "NotActive",
    "IdempotentParameterMismatch",
];

/// Words of ECS's catch-all code that mean the same.
const CONFLICT_WORDS: &[&str] = &["not idempotent", "still Draining", "does not have an associated load balancer"];

/// Parts of codes that mean a fault of AWS's, whatever the status.
const TRANSIENT: &[&str] =
    &["InternalError", "InternalFailure", "ServerException", "ServiceUnavailable", "Unavailable"];

/// True if AWS has no machine, host or database to give at the moment. EC2 says so with status 500, and has made nothing.
fn is_capacity(code: &str) -> bool {
    code.contains("Insufficient") && code.contains("Capacity")
}

/// True if the terms of one product of AWS Marketplace were not accepted. The code is that of a region that is not
/// enabled, but it concerns one image and not the account.
fn is_marketplace(code: &str, message: &str) -> bool {
    code == "OptInRequired" && (message.contains("Marketplace") || message.contains("accept terms"))
}

fn is_clock_skew(code: &str, message: &str) -> bool {
    matches!(code, "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture")
        || ((code.contains("Signature") || code == "AuthFailure")
            && (message.contains("expired") || message.contains("not yet current")))
}

/// An answer without a code: a fault on the way, or an imitation of AWS that lacks the operation.
fn without_code(operation: &str, access: Access, raw: &HttpResponse) -> ApplyError {
    let status = raw.status().as_u16();
    if is_html(raw) {
        let words = format!(
            "the endpoint answered status {status} with a web page instead of an AWS answer; \
             AWS never does, an emulator does for what it lacks"
        );
        return ours(operation, "NotAnAwsAnswer", ErrorClass::Transient, words);
    }
    let body = raw.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let body: String = crate::common::one_line(&body).chars().take(200).collect();
    if (400..500).contains(&status) && body.contains("Unsupported service") {
        let words = format!("the endpoint is no AWS, and has not all of it (status {status}): {body}");
        return ours(operation, "UnsupportedService", ErrorClass::Rejected, words);
    }
    let class = match status {
        429 => ErrorClass::Throttled,
        401 | 403 => ErrorClass::Denied,
        // Refused, and the reason was lost on the way: it may be one that passes, such as that something is in use.
        400..500 => ErrorClass::Conflict,
        503 => ErrorClass::Transient,
        _ => access.without_answer(),
    };
    let words = format!("the answer (status {status}) could not be read: {body}");
    ours(operation, "UnreadableAnswer", class, words)
}

fn is_html(raw: &HttpResponse) -> bool {
    let body = raw.body().bytes().unwrap_or_default();
    let start: Vec<u8> =
        body.iter().filter(|b| !b.is_ascii_whitespace()).take(14).map(u8::to_ascii_lowercase).collect();
    start.starts_with(b"<!doctypehtml") || start.starts_with(b"<html")
}

/// The request may not have left: no credentials, no connection, or a connection that broke.
fn unsent<E>(operation: &str, access: Access, error: &SdkError<E, HttpResponse>) -> ApplyError
where
    E: Error + 'static,
{
    if let Some(refused) = find::<ApplyError>(error) {
        // The session that the call was to be signed with was not to be had, and that says why.
        return refused.clone();
    }
    let words = chain(error);
    if let Some(credentials) = find::<CredentialsError>(error) {
        // Assuming a role is a call of its own: AWS's refusal of it is not a passing fault, all else may be.
        let refused = words.contains("AccessDenied") || words.contains("not authorized");
        let class = match credentials {
            CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
                ErrorClass::Unsigned
            }
            _ if refused => ErrorClass::Unsigned,
            _ => ErrorClass::Transient,
        };
        return ours(operation, "NoCredentials", class, format!("no AWS credentials: {words}"));
    }
    let never_connected = find::<std::io::Error>(error)
        .is_some_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused)
        || words.contains("dns error")
        || words.contains("HTTP connect timeout")
        || matches!(error, SdkError::ConstructionFailure(_));
    let class = if never_connected { ErrorClass::Transient } else { access.without_answer() };
    ours(operation, "NoAnswer", class, words)
}

/// The error and its sources, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = inner.source();
    }
    crate::common::one_line(&words)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut here = Some(error);
    while let Some(e) = here {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        here = e.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_the_loop_does_next() {
        use ErrorClass::*;
        for (code, message, status, class) in [
            ("RequestLimitExceeded", "", 503, Throttled),
            ("ThrottlingException", "", 400, Throttled),
            ("ClientException", "Rate exceeded", 400, Throttled),
            ("UnauthorizedOperation", "", 403, Denied),
            ("AccessDeniedException", "", 400, Denied),
            ("RulesPerSecurityGroupLimitExceeded", "", 400, Quota),
            ("TooManyLoadBalancers", "", 400, Quota),
            ("InvalidGroup.NotFound", "", 400, Conflict),
            ("InvalidPermission.Duplicate", "", 400, Conflict),
            ("DependencyViolation", "", 400, Conflict),
            ("PriorityInUse", "", 400, Conflict),
            ("InvalidDBInstanceState", "it is not available", 400, Conflict),
            ("InvalidDBSubnetGroupStateFault", "an instance is still using it", 400, Conflict),
            ("InvalidParameterException", "Creation of service was not idempotent.", 400, Conflict),
            ("InternalError", "", 500, Transient),
            ("InsufficientInstanceCapacity", "", 500, Quota),
            ("InsufficientHostCapacity", "", 500, Quota),
            ("InsufficientReservedInstanceCapacity", "", 500, Quota),
            ("InsufficientDBInstanceCapacity", "", 400, Quota),
            ("InsufficientCapacity", "", 400, Quota),
            ("InvalidParameterValue", "", 400, Rejected),
            ("OperationNotPermitted", "deletion protection is on", 400, Rejected),
            ("RequestExpired", "", 400, Unsigned),
            ("InvalidSignatureException", "Signature expired: 2026 is now earlier than", 403, Unsigned),
            ("SignatureDoesNotMatch", "check your key", 403, Denied),
            ("ExpiredTokenException", "", 403, Unsigned),
            ("OptInRequired", "You are not subscribed to this service.", 403, Unsigned),
            ("OptInRequired", "In order to use this AWS Marketplace product you need to accept terms", 401, Rejected),
            ("RegionDisabledException", "STS is not activated in this region", 403, Unsigned),
            ("UnrecognizedClientException", "The security token included in the request is invalid.", 400, Unsigned),
            ("AuthFailure", "AWS was not able to validate the provided access credentials", 401, Unsigned),
            ("AuthFailure", "Not authorized for images", 403, Denied),
        ] {
            assert_eq!(class_of(code, message, status, Access::Read), class, "{code} {message}");
        }
    }

    #[test]
    fn a_write_that_ended_in_a_fault_of_aws_may_have_happened_unless_it_was_refused() {
        use ErrorClass::*;
        for (code, status, class) in [
            ("InternalError", 500, Lost),
            ("InternalFailure", 500, Lost),
            ("ServerException", 400, Lost),
            ("ServiceUnavailable", 503, Lost),
            ("RequestLimitExceeded", 503, Throttled),
            ("SlowDown", 503, Throttled),
            ("InsufficientInstanceCapacity", 500, Quota),
            ("DependencyViolation", 400, Conflict),
            ("InvalidParameterValue", 400, Rejected),
        ] {
            assert_eq!(class_of(code, "", status, Access::Write), class, "{code}");
        }
    }

    /// aws-sdk-rust#1033: every call failed to sign, and nothing said by how much the clock was wrong.
    #[test]
    fn i24_an_answer_to_a_wrong_clock_says_by_how_much_and_in_which_direction() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let words =
            |date: &str| answered("ecs:X", Access::Read, "RequestExpired", "too old", 400, skew(date, now)).message;
        let behind = "the clock of this machine is 20m behind AWS's; set it right (too old)";
        assert_eq!(words("Sun, 01 Mar 2026 12:20:00 GMT"), behind);
        let ahead = "the clock of this machine is 2h 5s ahead of AWS's; set it right (too old)";
        assert_eq!(words("Sun, 01 Mar 2026 09:59:55 GMT"), ahead);
        let unknown = "the clock of this machine differs from AWS's; set it right (too old)";
        assert_eq!(words("today"), unknown);
    }

    fn page(status: u16, text: &'static str) -> HttpResponse {
        let status = aws_smithy_runtime_api::http::StatusCode::try_from(status).expect("a status");
        HttpResponse::new(status, aws_smithy_types::body::SdkBody::from(text))
    }

    #[test]
    fn a_refusal_without_a_reason_is_not_taken_for_a_service_that_is_not_there() {
        let told = |text| {
            let error = without_code("x:Y", Access::Read, &page(400, text));
            (error.class, error.code)
        };
        let lost = (ErrorClass::Conflict, "UnreadableAnswer".to_owned());
        assert_eq!(told("{\"__ty"), lost);
        assert_eq!(told(""), lost);
        let absent = (ErrorClass::Rejected, "UnsupportedService".to_owned());
        assert_eq!(told("{\"error\": \"Unsupported service: application-autoscaling\"}"), absent);
    }

    #[test]
    fn a_web_page_is_no_aws_answer() {
        let page = |text| page(500, text);
        let error = without_code("ec2:X", Access::Write, &page("<!doctype html>\n<html lang=en>"));
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "NotAnAwsAnswer"));
        let error = without_code("ec2:X", Access::Write, &page("<Response/>"));
        assert_eq!(error.class, ErrorClass::Lost, "a write whose answer cannot be read may have happened");
    }

    #[test]
    fn a_denial_names_the_missing_permission_once() {
        let error = answered("ecs:CreateCluster", Access::Write, "AccessDeniedException", "no", 400, None);
        assert_eq!(error.message, "no; the permission ecs:CreateCluster is needed");
        let words = "User x is not authorized to perform: ecs:CreateCluster";
        assert_eq!(
            answered("ecs:CreateCluster", Access::Write, "AccessDeniedException", words, 400, None).message,
            words
        );
    }
}
