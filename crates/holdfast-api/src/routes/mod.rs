//! The routes, one file for each area; each file's first function is its table.

pub(crate) mod accounts;
pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod approve;
pub(crate) mod control;
pub(crate) mod dashboard;
pub(crate) mod declare;
pub(crate) mod drift;
pub(crate) mod events;
pub(crate) mod guards;
pub(crate) mod health;
pub(crate) mod idempotency;
pub(crate) mod overview;
pub(crate) mod pauses;
pub(crate) mod planned;
pub(crate) mod plans;
pub(crate) mod preflight;
pub(crate) mod resources;
pub(crate) mod schemas;
pub(crate) mod stacks;
pub(crate) mod teardown;
pub(crate) mod watch;
pub(crate) mod why;

use crate::http::query::Param;
use crate::openapi::endpoint::Endpoint;

/// Every route.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    [
        apply::endpoints(),
        stacks::endpoints(),
        teardown::endpoints(),
        control::endpoints(),
        pauses::endpoints(),
        resources::endpoints(),
        why::endpoints(),
        adopt::endpoints(),
        plans::endpoints(),
        preflight::endpoints(),
        approve::endpoints(),
        drift::endpoints(),
        overview::endpoints(),
        events::endpoints(),
        watch::endpoints(),
        accounts::endpoints(),
        health::endpoints(),
        schemas::endpoints(),
        dashboard::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `?deletion=`
pub(crate) const DELETION: Param = Param::one_of(
    "deletion",
    "What happens live: `retain` leaves it and forgets it, `delete` deletes it in order, `snapshot` takes a final snapshot \
     first where the kind has one, as does `delete` unless the resource's own policy says `delete`. Without it, each resource's own policy decides, within the deletion budget.",
    &["retain", "delete", "snapshot"],
);
/// `?stack=`
pub(crate) const STACK: Param = Param::text("stack", "Only of this stack.");
/// `?kind=`
pub(crate) const KIND: Param = Param::text("kind", "Only of this kind.");
/// `?account=`
pub(crate) const ACCOUNT: Param = Param::text("account", "Only in this account.");
/// `?region=`
pub(crate) const REGION: Param = Param::text("region", "Only in this region.");
/// `?cursor=`
pub(crate) const CURSOR: Param = Param::text("cursor", "Where the page starts: `nextCursor` of the page before.");
