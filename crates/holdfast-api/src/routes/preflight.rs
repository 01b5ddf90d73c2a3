//! What AWS says of the declarations before anything is done: what is named and not there, and quotas that are full.

use super::planned::PlannedScope;
use super::{ACCOUNT, REGION, STACK};
use crate::control::{LoopError, ScopePlan};
use crate::http::conditional::json;
use crate::http::problem::Problem;
use crate::http::query::{Param, Params};
use crate::openapi::endpoint::{Answer, Endpoint};
use crate::state::ApiState;
use crate::views::Ref;
use axum::extract::State;
use axum::routing::get;
use futures::future::join_all;
use holdfast_core::name::Scope;
use holdfast_core::plan::Desired;
use holdfast_core::preflight::{Finding, Level};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FILTER: &[Param] = &[STACK, ACCOUNT, REGION];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/preflight", "getPreflight", get(preflight))
            .about("plans", "What AWS says of everything declared: what is named and not there, and quotas without room")
            .doc(
                "Live state is read again for it, as for a plan, and nothing is written. A finding holds nothing back: AWS decides. \
                 What cannot be asked, for want of a permission, is a finding of level `unknown`.",
            )
            .query(FILTER)
            .gives::<Checked>(StatusCode::OK, "The findings, scope by scope, the worst first."),
    ]
}

/// What AWS says of the declarations.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Preflight")]
struct Checked {
    /// The scopes that were looked at, and when.
    scopes: Vec<PlannedScope>,
    /// What to know; empty if all is well.
    items: Vec<ShownFinding>,
}

/// One thing to know before a plan is carried out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub(crate) struct ShownFinding {
    /// `error`: AWS will refuse it as things are. `warning`: AWS will take it, and nothing more of the kind. `unknown`: AWS
    /// did not tell.
    level: Level,
    account: String,
    region: String,
    /// Of which resource; null where it concerns the scope.
    key: Option<Ref>,
    /// JSON Pointer into the resource's spec; empty where it concerns no single field.
    pointer: String,
    /// What, where, and what to do.
    message: String,
}

impl ShownFinding {
    fn new(scope: &Scope, finding: &Finding) -> Self {
        Self {
            level: finding.level,
            account: scope.account.clone(),
            region: scope.region.clone(),
            key: finding.key.as_ref().map(Ref::from),
            pointer: finding.pointer.clone(),
            message: finding.message.clone(),
        }
    }

    /// All that was found of a scope.
    pub(crate) fn all(plan: &ScopePlan) -> impl Iterator<Item = Self> + '_ {
        plan.preflight.iter().map(|finding| Self::new(&plan.scope, finding))
    }
}

async fn preflight(State(state): State<ApiState>, params: Params) -> Answer {
    let declared = state.blocking(move |state| declared(state, &params)).await?;
    let mut checked = Checked { scopes: Vec::new(), items: Vec::new() };
    let control = state.control();
    let asked = declared.into_iter().map(|(scope, (desired, stacks))| async move {
        let asked = control.plan(BTreeMap::from([(scope.clone(), desired)]), &stacks).await;
        (scope, asked)
    });
    for (scope, asked) in join_all(asked).await {
        match asked {
            Ok(plans) => {
                checked.scopes.extend(plans.iter().map(|p| PlannedScope::new(&p.scope, p.seen_at)));
                checked.items.extend(plans.iter().flat_map(ShownFinding::all));
            }
            // One account that cannot be read is to be known, and no reason to say nothing of the others.
            Err(LoopError::Unavailable(why)) => {
                let message = format!("nothing could be checked here: {why}");
                checked.items.push(ShownFinding::new(&scope, &Finding::of_scope(Level::Unknown, message)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    json(StatusCode::OK, &checked)
}

type Declared = BTreeMap<Scope, (Vec<Arc<Desired>>, BTreeSet<String>)>;

/// Everything declared in the scopes that are meant, and the stacks that are asked about.
fn declared(state: &ApiState, params: &Params) -> Result<Declared, Problem> {
    let meant = |name: &str, value: &str| params.text(name).is_none_or(|wanted| wanted == value);
    let mut declared = Declared::new();
    for scope in state.store().scopes()? {
        if !meant("account", &scope.account) || !meant("region", &scope.region) {
            continue;
        }
        let desired: Vec<Arc<Desired>> = state.store().desired(&scope, state.now())?.iter().cloned().collect();
        let stacks: BTreeSet<String> =
            desired.iter().map(|d| d.key.stack.clone()).filter(|stack| meant("stack", stack)).collect();
        if !stacks.is_empty() {
            declared.insert(scope, (desired, stacks));
        }
    }
    Ok(declared)
}
