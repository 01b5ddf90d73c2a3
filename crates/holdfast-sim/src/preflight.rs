//! What the simulated AWS tells before anything is done: what it has seen go, and the quotas that it was given.

use crate::cloud::{SimCloud, THROTTLED};
use crate::faults::Fault;
use crate::log::{Call, Ending};
use holdfast_core::cloud::CallOutcome;
use holdfast_core::name::Scope;
use holdfast_core::preflight::{Asked, Preflight, Room, Subject, Unread};
use std::collections::BTreeSet;

/// AWS takes so many values of a filter in one call.
const VALUES: usize = 200;

impl SimCloud {
    /// Answers as AWS would. What was never there may be anything outside this simulation, so it counts as there; only
    /// what was here and went is missing.
    pub(crate) async fn tell(&self, scope: &Scope, asked: &Asked) -> Preflight {
        let mut answer = Preflight::default();
        for (thing, ids) in &asked.things {
            match self.look_up(scope, &format!("sim:Preflight{thing:?}"), ids.len().div_ceil(VALUES)).await {
                Some(reason) => answer.unread.push(Unread { of: Subject::Thing(*thing), reason }),
                None => {
                    let now = self.clock().now();
                    let mut world = self.lock();
                    let here = world.scope(scope);
                    let gone: BTreeSet<String> = ids.iter().filter(|id| here.is_gone(id, now)).cloned().collect();
                    if !gone.is_empty() {
                        answer.missing.insert(*thing, gone);
                    }
                }
            }
        }
        let services: BTreeSet<&'static str> =
            asked.quotas.iter().filter_map(|q| q.split_once(':')).map(|(service, _)| service).collect();
        for service in services {
            if let Some(reason) = self.look_up(scope, &format!("sim:PreflightQuotas-{service}"), 1).await {
                answer.unread.push(Unread { of: Subject::Quotas(service), reason });
                continue;
            }
            let own = asked.quotas.iter().filter(|q| q.split_once(':').is_some_and(|(s, _)| s == service));
            answer.quotas.extend(own.filter_map(|quota| Some((*quota, self.room(scope, quota)?))));
        }
        answer
    }

    /// Makes the calls of one look-up; answers why they failed.
    async fn look_up(&self, scope: &Scope, operation: &str, calls: usize) -> Option<String> {
        if self.hangs(scope).await {
            return Some(format!("{operation}: no answer came"));
        }
        self.acquire(scope, "sim:Preflight").await;
        self.pause().await;
        let failed = self.struck(scope, operation, calls);
        self.pause().await;
        let throttled = failed.as_deref() == Some(THROTTLED);
        let outcome = if throttled { CallOutcome::Throttled } else { CallOutcome::Answered };
        self.finished(scope, "sim:Preflight", outcome);
        failed.map(|code| format!("{operation}: {code}"))
    }

    fn struck(&self, scope: &Scope, operation: &str, calls: usize) -> Option<String> {
        let now = self.clock().now();
        let mut guard = self.lock();
        let world = &mut *guard;
        let failed = match world.strike(scope, operation, now) {
            Some(Fault::Throttle) => Some(THROTTLED.to_owned()),
            Some(Fault::WrongClock) => Some("RequestExpired".to_owned()),
            Some(Fault::Gap(_)) => Some("InternalError".to_owned()),
            _ => None,
        };
        world.push(Call {
            number: 0,
            at: now,
            scope: scope.clone(),
            kind: "",
            operation: operation.to_owned(),
            write: false,
            token: String::new(),
            effects: Vec::new(),
            ending: failed.clone().map_or(Ending::Answered, Ending::Refused),
            calls: u32::try_from(calls.max(1)).unwrap_or(u32::MAX),
        });
        failed
    }

    /// What a quota has room for, if this world was given it.
    fn room(&self, scope: &Scope, quota: &str) -> Option<Room> {
        let max = *self.lock().faults().quotas.get(quota)?;
        let needs = self.live(scope).into_iter().flat_map(|thing| {
            self.registry().get(thing.kind).map(|kind| kind.needs(&thing.observation.fields)).unwrap_or_default()
        });
        let used = needs.filter(|need| need.quota == quota && need.each.is_none()).map(|need| need.amount).sum();
        Some(Room { max, used })
    }
}
