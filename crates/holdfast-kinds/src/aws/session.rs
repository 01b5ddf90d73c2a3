//! The session of a role in an account: assumed when it is first needed, renewed well before it ends.
//!
//! A renewal that fails leaves the session in use for as long as it lasts. A refusal is remembered for a moment, so
//! that a sweep whose calls all want credentials at once asks STS once.

use super::error::{self, Access};
use super::lock;
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::Tag;
use holdfast_core::cloud::{AccountAccess, ApplyError, ErrorClass, Meter};
use holdfast_core::name::Scope;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::{Arc, Mutex};

/// A session that ends within this time is renewed.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// One that ends within this time is not used any more: a call on its way must find it in force.
const LEAST: SignedDuration = SignedDuration::from_secs(60);
/// How long a refusal is taken for the answer to whoever asks next.
const REMEMBERED: SignedDuration = SignedDuration::from_secs(2);

/// What a session is had from.
#[async_trait]
pub(super) trait Grant: Send + Sync {
    /// Asks for a new session.
    async fn assume(&self) -> Result<Credentials, ApplyError>;
    /// What the clock of this machine says, by which sessions end.
    fn now(&self) -> Timestamp;
}

/// A session of a role.
pub(super) struct Session<G> {
    grant: G,
    held: Mutex<Held>,
    /// Whoever holds it asks; the others go on with what there is, or wait.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    credentials: Option<Credentials>,
    refused: Option<(Timestamp, ApplyError)>,
}

impl Held {
    /// The credentials, if they last for so long.
    fn lasting(&self, now: Timestamp, least: SignedDuration) -> Option<Credentials> {
        let ends = |c: &Credentials| c.expiry().and_then(|at| Timestamp::try_from(at).ok());
        self.credentials.as_ref().filter(|c| ends(c).is_none_or(|at| at.duration_since(now) > least)).cloned()
    }

    fn refusal(&self, now: Timestamp) -> Option<ApplyError> {
        let fresh = self.refused.as_ref().filter(|(at, _)| now.duration_since(*at) < REMEMBERED);
        fresh.map(|(_, error)| error.clone())
    }
}

impl<G: Grant> Session<G> {
    pub(super) fn new(grant: G) -> Self {
        Self { grant, held: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// Drops the session: AWS does not take it, whatever it said of its end. So it is with one of a role that was deleted
    /// and made again.
    pub(super) fn forget(&self) {
        lock(&self.held).credentials = None;
    }

    /// Credentials that a call can be signed with now.
    async fn credentials(&self) -> Result<Credentials, ApplyError> {
        let lasting = |least| lock(&self.held).lasting(self.grant.now(), least);
        if let Some(credentials) = lasting(AHEAD) {
            return Ok(credentials);
        }
        let _turn = match (lasting(LEAST), self.asking.try_lock()) {
            (_, Ok(turn)) => turn,
            (Some(credentials), Err(_)) => return Ok(credentials),
            (None, Err(_)) => self.asking.lock().await,
        };
        if let Some(credentials) = lasting(AHEAD) {
            return Ok(credentials);
        }
        let remembered = lock(&self.held).refusal(self.grant.now());
        let refused = match remembered {
            Some(error) => error,
            None => match self.grant.assume().await {
                Ok(credentials) => {
                    *lock(&self.held) = Held { credentials: Some(credentials.clone()), refused: None };
                    return Ok(credentials);
                }
                Err(error) => {
                    tracing::warn!(%error, "no session of the account's role");
                    lock(&self.held).refused = Some((self.grant.now(), error.clone()));
                    error
                }
            },
        };
        lasting(LEAST).ok_or(refused)
    }
}

impl<G> fmt::Debug for Session<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl<G: Grant> ProvideCredentials for Session<G> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.credentials().await.map_err(CredentialsError::provider_error) })
    }
}

/// A role that is assumed over STS.
pub(super) struct Role {
    request: AssumeRoleFluentBuilder,
    scope: Scope,
    meter: Arc<dyn Meter>,
}

const ASSUME: &str = "sts:AssumeRole";

impl Role {
    /// The role that the account's document names, asked for with this client.
    pub(super) fn new(
        sts: &aws_sdk_sts::Client,
        arn: &str,
        access: &AccountAccess,
        scope: &Scope,
        meter: Arc<dyn Meter>,
    ) -> Self {
        let name = access.session_name.clone().unwrap_or_else(|| session_name(&scope.account));
        // A tag has a key and a value, which is all that its builder asks for.
        let tags = tags(scope).into_iter().filter_map(|(k, v)| Tag::builder().key(k).value(v).build().ok());
        let request = sts
            .assume_role()
            .role_arn(arn)
            .role_session_name(name)
            .set_external_id(access.external_id.clone())
            .set_tags(Some(tags.collect()));
        Self { request, scope: scope.clone(), meter }
    }
}

/// The name under which CloudTrail shows what is done, where the document gives none: what acts, its version, and the
/// account as its document names it. AWS takes 2 to 64 of `[\w+=,.@-]`.
fn session_name(account: &str) -> String {
    let name = format!("holdfast-{}-{account}", env!("CARGO_PKG_VERSION"));
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    name.chars().map(allowed).take(64).collect()
}

/// The session's tags, for conditions on `aws:PrincipalTag` and for CloudTrail.
fn tags(scope: &Scope) -> [(&'static str, &str); 2] {
    [("holdfast:account", &scope.account), ("holdfast:region", &scope.region)]
}

#[async_trait]
impl Grant for Role {
    async fn assume(&self) -> Result<Credentials, ApplyError> {
        self.meter.acquire(&self.scope, "sts", "AssumeRole").await;
        let answer = self.request.clone().send().await;
        let answer = answer.map_err(|e| advised(error::sort(ASSUME, Access::Read, &e, self.now()), &self.scope));
        self.meter.finished(&self.scope, "sts", "AssumeRole", super::call::outcome(&answer));
        let granted = answer?.credentials.ok_or_else(|| {
            error::ours(ASSUME, "NoCredentials", ErrorClass::Transient, "STS answered without credentials".to_owned())
        })?;
        let credentials = Credentials::builder()
            .access_key_id(granted.access_key_id)
            .secret_access_key(granted.secret_access_key)
            .session_token(granted.session_token)
            .provider_name("holdfast");
        let ends = std::time::SystemTime::try_from(granted.expiration).ok();
        Ok(ends.map_or(credentials.clone(), |at| credentials.expiry(at)).build())
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A refusal with what to do about it. What is no passing fault is the scope's trouble.
fn advised(mut error: ApplyError, scope: &Scope) -> ApplyError {
    use ErrorClass::{Lost, Throttled, Transient, Unsigned};
    if matches!(error.class, Lost | Throttled | Transient | Unsigned) {
        return error;
    }
    error.class = Unsigned;
    error.message = format!(
        "{}; the account \"{}\" cannot be entered: see that its role exists, that the role's trust policy allows this \
         process sts:AssumeRole and sts:TagSession with the externalId of the document, and that this process may \
         assume it",
        error.message, scope.account
    );
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
    use std::time::{Duration, UNIX_EPOCH};

    /// Grants sessions of an hour, or says what the test put in their place, on a clock of its own.
    #[derive(Default)]
    struct Fake {
        now: AtomicI64,
        asked: AtomicUsize,
        refusals: Mutex<VecDeque<ApplyError>>,
    }

    #[async_trait]
    impl Grant for Arc<Fake> {
        async fn assume(&self) -> Result<Credentials, ApplyError> {
            let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            if let Some(refusal) = lock(&self.refusals).pop_front() {
                return Err(refusal);
            }
            let ends = UNIX_EPOCH + Duration::from_secs(self.now.load(Ordering::Relaxed) as u64 + 3600);
            Ok(Credentials::new(format!("session-{number}"), "secret", None, Some(ends), "test"))
        }
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.now.load(Ordering::Relaxed)).expect("a time")
        }
    }

    fn refusal() -> ApplyError {
        error::ours(ASSUME, "AccessDenied", ErrorClass::Unsigned, "no".to_owned())
    }

    async fn key(session: &Session<Arc<Fake>>) -> Result<String, String> {
        let credentials = session.credentials().await.map_err(|e| e.code)?;
        Ok(credentials.access_key_id().to_owned())
    }

    fn session() -> (Arc<Fake>, Session<Arc<Fake>>) {
        let fake = Arc::new(Fake::default());
        (Arc::clone(&fake), Session::new(fake))
    }

    #[tokio::test]
    async fn a_session_is_renewed_before_it_ends_and_not_before_that() {
        let (fake, session) = session();
        for (second, expected) in [(0, 1), (10, 1), (3299, 1), (3300, 2), (3301, 2), (6599, 2), (6600, 3)] {
            fake.now.store(second, Ordering::Relaxed);
            assert_eq!(key(&session).await, Ok(format!("session-{expected}")), "at {second} s");
        }
        assert_eq!(fake.asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_renewal_that_fails_leaves_the_session_in_use_until_it_ends_and_is_tried_again() {
        let (fake, session) = session();
        assert_eq!(key(&session).await, Ok("session-1".to_owned()));
        lock(&fake.refusals).extend([refusal(), refusal(), refusal()]);
        for (second, expected, asked) in [
            (3400, Ok("session-1"), 2),
            (3401, Ok("session-1"), 2),
            (3500, Ok("session-1"), 3),
            (3541, Err("AccessDenied"), 4),
            (3542, Err("AccessDenied"), 4),
            (3544, Ok("session-5"), 5),
        ] {
            fake.now.store(second, Ordering::Relaxed);
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(key(&session).await, expected, "at {second} s");
            assert_eq!(fake.asked.load(Ordering::Relaxed), asked, "at {second} s");
        }
    }

    #[tokio::test]
    async fn calls_that_want_credentials_at_once_ask_once_also_when_that_is_refused() {
        let (fake, session) = session();
        lock(&fake.refusals).push_back(refusal());
        let all = || futures::future::join_all((0..8).map(|_| key(&session)));
        assert!(all().await.into_iter().all(|k| k == Err("AccessDenied".to_owned())));
        assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
        fake.now.store(2, Ordering::Relaxed);
        assert!(all().await.into_iter().all(|k| k == Ok("session-2".to_owned())));
        // While one of them renews it, the others go on with what there is.
        fake.now.store(3400, Ordering::Relaxed);
        let keys = all().await;
        assert_eq!(keys[0], Ok("session-3".to_owned()));
        assert!(keys[1..].iter().all(|k| *k == Ok("session-2".to_owned())), "{keys:?}");
        assert_eq!(fake.asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_session_that_aws_does_not_take_any_more_is_dropped() {
        let (_, session) = session();
        assert_eq!(key(&session).await, Ok("session-1".to_owned()));
        session.forget();
        assert_eq!(key(&session).await, Ok("session-2".to_owned()));
    }

    #[test]
    fn a_session_is_named_after_what_acts_and_where_within_the_limits_of_aws() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(session_name("prod"), format!("holdfast-{version}-prod"));
        assert_eq!(session_name("a/b c"), format!("holdfast-{version}-a-b-c"));
        assert_eq!(session_name(&"x".repeat(80)).len(), 64);
    }

    #[test]
    fn a_refusal_says_what_to_look_at_and_is_the_scopes_trouble_while_a_passing_fault_stays_one() {
        let scope = Scope::new("prod", "eu-west-1");
        let with = |class, code: &str| error::ours(ASSUME, code, class, "AWS's words".to_owned());
        let denied = advised(with(ErrorClass::Denied, "AccessDenied"), &scope);
        assert_eq!(denied.class, ErrorClass::Unsigned);
        for words in ["AWS's words", "\"prod\"", "sts:TagSession", "externalId"] {
            assert!(denied.message.contains(words), "{}", denied.message);
        }
        let slow = with(ErrorClass::Throttled, "Throttling");
        assert_eq!(advised(slow.clone(), &scope), slow);
    }
}
