//! What is left of a stack that was torn down: AWS is asked by tag and by the handles that were deleted.

use crate::PassError;
use crate::core::Core;
use crate::pass::verify;
use futures::FutureExt;
use holdfast_core::cloud::{ApplyError, Leftovers, Tagged};
use holdfast_core::name::{KindName, ResourceKey, Scope};
use holdfast_core::observe::{LiveState, Reading, Wanted, WantedResource};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// How often AWS is asked, in all, for what it did not answer because of something that passes.
const LOOKS: u32 = 3;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for whatever carries the owner tag of `stack` in a scope. AWS's index of tags names candidates, and `deleted`
/// those that are known to have been; a sweep of every kind decides, which finds more by itself where a kind's
/// listing shows tags. What could not be read because of a throttle or a fault of a moment is asked for again: nobody
/// should have to start a pipeline anew for that.
pub(crate) async fn behind(
    core: &Core,
    scope: &Scope,
    stack: &str,
    deleted: &[(ResourceKey, String)],
) -> Result<Leftovers, PassError> {
    let mut left = Leftovers::default();
    let identified = || async { verify(core, scope, &mut crate::book::Book::default()).await };
    let no_answer = |error: &PassError| matches!(error, PassError::Identify(error) if error.class.passes());
    match patiently(identified, no_answer).await {
        Err(PassError::Identify(untold)) => {
            left.unread.push(untold.to_string());
            return Ok(left);
        }
        verified => verified?,
    }
    let tagged = || core.cloud.tagged(scope, stack);
    let index = patiently(tagged, |error: &ApplyError| error.class.passes()).await;
    let kinds = read(core, scope, wanted(core, &index, deleted)).await?;
    left.unread.extend(index.err().map(|error| error.to_string()));
    collect(&kinds, stack, &mut left);
    Ok(left)
}

/// Asks again, so many times in all, as long as what stood in the way of an answer is something that passes.
async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    ask: impl Fn() -> F,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    for _ in 1..LOOKS {
        match ask().await {
            Err(error) if passes(&error) => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
    ask().await
}

/// What AWS shows of every kind; those that it did not answer for are read again.
async fn read(
    core: &Core,
    scope: &Scope,
    mut wanted: BTreeMap<KindName, Wanted>,
) -> Result<BTreeMap<KindName, Reading>, PassError> {
    let mut kinds = BTreeMap::new();
    for look in 1..=LOOKS {
        let sweep = AssertUnwindSafe(core.cloud.sweep(scope, &wanted)).catch_unwind().await;
        let snapshot = sweep.map_err(|p| PassError::Panicked(holdfast_core::panic::said(p.as_ref())))?;
        kinds.extend(snapshot.kinds);
        wanted.retain(|kind, _| kinds.get(kind).is_some_and(|reading| reading.gaps.iter().any(|gap| gap.passing)));
        if wanted.is_empty() || look == LOOKS {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(kinds)
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
        let resource = WantedResource::new(key.clone(), uid, Some(id), spec);
        wanted.entry(kind.name()).or_default().resources.push(resource);
    }
    wanted
}

fn collect(kinds: &BTreeMap<KindName, Reading>, stack: &str, left: &mut Leftovers) {
    for (kind, reading) in kinds {
        left.unread.extend(reading.gaps.iter().map(|gap| format!("{kind}: {}", gap.reason)));
        for seen in reading.observations.iter().filter(|o| !matches!(o.state, LiveState::Deleting(_))) {
            let whose = seen.owner_resource().and_then(ResourceKey::parse).filter(|key| key.stack == stack);
            left.things.extend(whose.map(|key| (key, seen.id.clone())));
        }
    }
}
