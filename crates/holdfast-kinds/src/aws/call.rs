//! The one way a call is made: wait for the budget, send, sort the error, say how it ended.

use super::cache::Cache;
use super::clients::Clients;
use super::error::{self, Access};
use super::lock;
use super::look::{Look, Shared};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use holdfast_core::cloud::{ApplyError, CallOutcome, ErrorClass, Meter};
use holdfast_core::name::Scope;
use holdfast_core::observe::{Gap, Observation, Reading};
use std::future::Future;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

/// The services that are called, under the names that budgets and IAM use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Networks, security groups, instances.
    Ec2,
    /// Clusters, services, task definitions.
    Ecs,
    /// Load balancers, version 2.
    Elb,
    /// Roles, looked up before a plan.
    Iam,
    /// Databases.
    Rds,
    /// The tag feed.
    Tagging,
    /// Who we are.
    Sts,
    /// Application Auto Scaling.
    Scaling,
}

impl Service {
    /// The name in budgets.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Ec2 => "ec2",
            Service::Ecs => "ecs",
            Service::Elb => "elasticloadbalancing",
            Service::Iam => "iam",
            Service::Rds => "rds",
            Service::Tagging => "tagging",
            Service::Sts => "sts",
            Service::Scaling => "application-autoscaling",
        }
    }
    /// The prefix of its IAM actions, where it differs from the name.
    fn iam(self) -> &'static str {
        match self {
            Service::Tagging => "tag",
            other => other.name(),
        }
    }
}

/// A call of the SDK on its way.
pub(crate) trait Sent:
    Future<Output = Result<Self::Answer, SdkError<Self::Refusal, HttpResponse>>> + Send
{
    /// What AWS answers.
    type Answer: RequestId;
    /// What it says if it does not do it.
    type Refusal: ProvideErrorMetadata + std::error::Error + 'static;
}

impl<F, O, E> Sent for F
where
    F: Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    O: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    type Answer = O;
    type Refusal = E;
}

/// AWS in one scope, during one sweep of a kind or one action.
pub(crate) struct Aws<'a> {
    scope: &'a Scope,
    meter: &'a dyn Meter,
    clients: &'a Clients,
    pub(super) cache: &'a Cache,
    pub(super) look: &'a Look,
    /// Calls left of this kind's share of the audit budget.
    pub(super) audit_left: AtomicUsize,
    /// What of what was seen could not be read.
    pub(super) unread: Mutex<Vec<Gap>>,
    requests: Mutex<Vec<String>>,
    clock: fn() -> jiff::Timestamp,
}

impl<'a> Aws<'a> {
    pub(super) fn new(
        scope: &'a Scope,
        meter: &'a dyn Meter,
        clients: &'a Clients,
        cache: &'a Cache,
        look: &'a Look,
        audit_calls: usize,
    ) -> Self {
        let (audit_left, requests) = (AtomicUsize::new(audit_calls), Mutex::default());
        let unread = Mutex::default();
        Self { scope, meter, clients, cache, look, audit_left, unread, requests, clock: jiff::Timestamp::now }
    }

    /// With another clock.
    pub(super) fn at(self, clock: fn() -> jiff::Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// The EC2 client. Send what it builds through [`read`](Self::read) or [`write`](Self::write) only.
    pub(crate) fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.clients.ec2()
    }
    /// The ECS client.
    pub(crate) fn ecs(&self) -> &aws_sdk_ecs::Client {
        self.clients.ecs()
    }
    /// The ELBv2 client.
    pub(crate) fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        self.clients.elb()
    }
    /// The RDS client.
    pub(crate) fn rds(&self) -> &aws_sdk_rds::Client {
        self.clients.rds()
    }
    /// The Application Auto Scaling client.
    pub(crate) fn scaling(&self) -> &aws_sdk_applicationautoscaling::Client {
        self.clients.scaling()
    }
    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        self.clients.iam()
    }
    pub(super) fn tagging(&self) -> &aws_sdk_resourcegroupstagging::Client {
        self.clients.tagging()
    }
    pub(super) fn sts(&self) -> &aws_sdk_sts::Client {
        self.clients.sts()
    }
    /// What is kept of the scope from sweep to sweep.
    pub(crate) fn cache(&self) -> &Cache {
        self.cache
    }
    /// The listings that more than one kind looks into.
    pub(crate) fn shared(&self) -> &'a Shared {
        &self.look.shared
    }
    /// The time.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        (self.clock)()
    }
    /// Where we are.
    pub(crate) fn scope(&self) -> &Scope {
        self.scope
    }

    /// The 12-digit id of the account that the credentials belong to.
    pub(super) async fn account_id(&self) -> Result<String, ApplyError> {
        let answer = self.read(Service::Sts, "GetCallerIdentity", self.sts().get_caller_identity().send()).await?;
        answer.account().map(str::to_owned).ok_or_else(|| {
            let words = "AWS named no account".to_owned();
            error::ours("sts:GetCallerIdentity", "NoAccount", ErrorClass::Transient, words)
        })
    }

    /// Makes a call that changes nothing. A lost answer is `Transient`.
    ///
    /// The SDK's own future takes up to ten kilobytes, in each of those that it is passed through. What may be called is
    /// prepared a thousand times for each time that it is, so it stands in a box from here on.
    pub(crate) fn read<F: Sent>(
        &self,
        service: Service,
        operation: &'static str,
        send: F,
    ) -> impl Future<Output = Result<F::Answer, ApplyError>> + Send {
        self.call(service, operation, Access::Read, Box::pin(send))
    }

    /// Makes a call that changes something. A lost answer is `Lost`.
    pub(crate) fn write<F: Sent>(
        &self,
        service: Service,
        operation: &'static str,
        send: F,
    ) -> impl Future<Output = Result<F::Answer, ApplyError>> + Send {
        let call = self.call(service, operation, Access::Write, Box::pin(send));
        async {
            let answer = call.await?;
            lock(&self.requests).extend(answer.request_id().map(str::to_owned));
            Ok(answer)
        }
    }

    async fn call<F: Sent>(
        &self,
        service: Service,
        operation: &'static str,
        access: Access,
        send: F,
    ) -> Result<F::Answer, ApplyError> {
        // A write waits for its budget and for nothing else, and whoever has its budget waits no more: AWS counts a call when
        // it comes, and those that come late come all at once.
        let place = if access == Access::Read { self.clients.place(service, operation).await } else { None };
        self.meter.acquire(self.scope, service.name(), operation).await;
        let answer = send.await.map_err(|e| {
            // The machine's own clock, right or wrong: it is what calls are signed with.
            error::sort(&format!("{}:{operation}", service.iam()), access, &e, jiff::Timestamp::now())
        });
        drop(place);
        self.meter.finished(self.scope, service.name(), operation, outcome(&answer));
        if let Err(error) = &answer {
            tracing::debug!(scope = %self.scope, %error, "an AWS call failed");
        }
        answer
    }

    /// The ids of the write calls made so far.
    pub(super) fn request_ids(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }
}

/// How a call ended, as far as budgets care.
pub(super) fn outcome<T>(answer: &Result<T, ApplyError>) -> CallOutcome {
    let Err(error) = answer else { return CallOutcome::Answered };
    match error.class {
        ErrorClass::Throttled => CallOutcome::Throttled,
        ErrorClass::Transient | ErrorClass::Lost => CallOutcome::Failed,
        ErrorClass::Conflict | ErrorClass::Denied | ErrorClass::Rejected | ErrorClass::Quota | ErrorClass::Unsigned => {
            CallOutcome::Answered
        }
    }
}

/// Reads all pages. `page` makes the call with the token of the page before; `next` finds the token in an answer.
pub(crate) async fn all_pages<O, F>(
    page: impl FnMut(Option<String>) -> F,
    next: impl Fn(&O) -> Option<&str>,
) -> Result<Vec<O>, ApplyError>
where
    F: Future<Output = Result<O, ApplyError>>,
{
    let mut pages = Vec::new();
    each_page(page, next, |answer| pages.push(answer)).await?;
    Ok(pages)
}

/// [`all_pages`], each of which `take` makes something smaller of before the next one comes. A token that comes twice in
/// a row ends it: some implementations of AWS never stop.
pub(crate) async fn each_page<O, F>(
    mut page: impl FnMut(Option<String>) -> F,
    next: impl Fn(&O) -> Option<&str>,
    mut take: impl FnMut(O),
) -> Result<(), ApplyError>
where
    F: Future<Output = Result<O, ApplyError>>,
{
    let mut token: Option<String> = None;
    loop {
        let answer = page(token.clone()).await?;
        let following = next(&answer).filter(|t| !t.is_empty()).map(str::to_owned);
        take(answer);
        if following.is_none() || following == token {
            return Ok(());
        }
        token = following;
    }
}

/// The gap that a failed read leaves; no `of` means all of the kind.
pub(crate) fn gap(error: &ApplyError, of: Vec<String>) -> Gap {
    let gap = Gap::new(&error.operation, of, error.to_string());
    if error.class.passes() { gap.passing() } else { gap }
}

/// A reading of what was seen, and of what could not be read.
pub(crate) fn reading(seen: Vec<Observation>, gaps: Vec<Gap>) -> Reading {
    Reading { observations: seen.into_iter().map(folded).collect(), gaps, ..Reading::default() }
}

/// What was seen, as it is kept: nobody looks into what is as it was.
pub(crate) fn folded(seen: Observation) -> Arc<Observation> {
    Arc::new(seen.folded())
}

/// A reading of a kind of which nothing could be read.
pub(super) fn unreadable(error: &ApplyError) -> Reading {
    Reading { gaps: vec![gap(error, Vec::new())], ..Reading::default() }
}
