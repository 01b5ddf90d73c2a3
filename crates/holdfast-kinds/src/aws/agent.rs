//! Who calls, and for what, in each request's `User-Agent`, which CloudTrail shows.
//!
//! The name of a session is chosen when a role is assumed, an hour before its last call, so it cannot tell operations
//! apart. The header can: it carries the program with its version, and for a write the journal's token of the intent.

use aws_config::AppName;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

tokio::task_local! {
    /// The token of the intent that the calls of this task serve.
    pub(super) static INTENT: String;
}

/// The program with its version.
pub(super) fn app() -> Option<AppName> {
    AppName::new(concat!("holdfast-", env!("CARGO_PKG_VERSION"))).ok()
}

/// Adds the token of the intent to `User-Agent`. The header is no part of the signature.
#[derive(Debug)]
pub(super) struct NamesIntent;

impl Intercept for NamesIntent {
    fn name(&self) -> &'static str {
        "NamesIntent"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(intent) = INTENT.try_with(|token| format!("md/holdfast-intent#{token}")) else { return Ok(()) };
        let headers = context.request_mut().headers_mut();
        let agent = headers.get("user-agent").map_or_else(|| intent.clone(), |agent| format!("{agent} {intent}"));
        headers.try_insert("user-agent", agent)?;
        Ok(())
    }
}
