//! What is left of a stack that was torn down: AWS is asked by tag and by the handles that were deleted.

use crate::PassError;
use crate::core::Core;
use crate::pass::verify;
use futures::FutureExt;
use holdfast_core::cloud::{ApplyError, Leftovers, Tagged};
use holdfast_core::name::{KindName, ResourceKey, Scope};
use holdfast_core::observe::{LiveState, Snapshot, Wanted, WantedResource};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

/// Looks for whatever carries the owner tag of `stack` in a scope. AWS's index of tags names candidates, and `deleted`
/// those that are known to have been; a sweep of every kind decides, which finds more by itself where a kind's
/// listing shows tags.
pub(crate) async fn behind(
    core: &Core,
    scope: &Scope,
    stack: &str,
    deleted: &[(ResourceKey, String)],
) -> Result<Leftovers, PassError> {
    verify(core, scope, &mut crate::book::Book::default()).await?;
    let index = core.cloud.tagged(scope, stack).await;
    let mut left = Leftovers::default();
    let wanted = wanted(core, &index, deleted);
    let sweep = AssertUnwindSafe(core.cloud.sweep(scope, &wanted)).catch_unwind().await;
    let snapshot = sweep.map_err(|p| PassError::Panicked(holdfast_core::panic::said(p.as_ref())))?;
    if let Err(error) = index {
        left.unread.push(error.to_string());
    }
    collect(&snapshot, stack, &mut left);
    Ok(left)
}

fn wanted(
    core: &Core,
    index: &Result<Vec<Tagged>, ApplyError>,
    deleted: &[(ResourceKey, String)],
) -> BTreeMap<KindName, Wanted> {
    let mut wanted: BTreeMap<KindName, Wanted> =
        core.registry.iter().map(|kind| (kind.name(), Wanted::default())).collect();
    let tagged = index.iter().flatten().map(|t| (&t.key, &t.arn, t.uid.clone()));
    for (key, handle, uid) in tagged.chain(deleted.iter().map(|(key, id)| (key, id, String::new()))) {
        let Some(kind) = core.registry.get(&key.kind) else { continue };
        let id = (kind.handle().read)(handle).unwrap_or_else(|| handle.clone());
        let spec = Value::Object(Map::new()).into();
        let resource = WantedResource { key: key.clone(), uid, id: Some(id), spec };
        wanted.entry(kind.name()).or_default().resources.push(resource);
    }
    wanted
}

fn collect(snapshot: &Snapshot, stack: &str, left: &mut Leftovers) {
    for (kind, reading) in &snapshot.kinds {
        left.unread.extend(reading.gaps.iter().map(|gap| format!("{kind}: {}", gap.reason)));
        for seen in reading.observations.iter().filter(|o| !matches!(o.state, LiveState::Deleting(_))) {
            let whose = seen.owner_resource().and_then(ResourceKey::parse).filter(|key| key.stack == stack);
            left.things.extend(whose.map(|key| (key, seen.id.clone())));
        }
    }
}
