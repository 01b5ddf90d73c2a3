//! The rotating audit: what AWS gives only one thing a call is read in turns, within a share of the budget.

use super::call::Aws;
use super::lock;
use futures::StreamExt;
use holdfast_core::cloud::ApplyError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// At most so many reads at once; the meter paces them anyway.
const AT_ONCE: usize = 8;

/// What is known after this sweep's turn.
#[derive(Default)]
pub(crate) struct Audit {
    /// The values that are known, by ARN; some read now, some earlier. What is not here is unknown, never drift.
    pub(crate) values: BTreeMap<String, Arc<Value>>,
    /// Reads that failed now, by ARN.
    pub(crate) failed: BTreeMap<String, ApplyError>,
}

impl Aws<'_> {
    /// Reads attributes of `arns` by `read`, those never read first, then the oldest, as far as this kind's share
    /// of the audit budget goes. Values of things that are not in `arns` stay kept for other kinds. Counts one
    /// call for each ARN. Call [`Cache::forget`](super::Cache::forget) after writing one.
    pub(crate) async fn audit<F>(&self, arns: &[String], read: impl Fn(String) -> F) -> Audit
    where
        F: Future<Output = Result<Value, ApplyError>> + Send,
    {
        let (turn, due) = self.due(arns);
        // The list is made before anything is awaited, so that the future does not hold the caller's closure.
        let reads: Vec<_> = due
            .into_iter()
            .map(|arn| {
                let answer = read(arn.clone());
                async move { (arn, answer.await) }
            })
            .collect();
        let answers: Vec<_> = futures::stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut audit = Audit::default();
        let mut kept = lock(&self.cache.attributes);
        for (arn, answer) in answers {
            match answer {
                Ok(value) => {
                    kept.by_arn.insert(arn, (turn, Arc::new(value)));
                }
                Err(error) => {
                    audit.failed.insert(arn, error);
                }
            }
        }
        audit.values =
            arns.iter().filter_map(|arn| kept.by_arn.get(arn).map(|(_, v)| (arn.clone(), v.clone()))).collect();
        audit
    }

    /// The number of this turn, and the ARNs whose turn it is.
    fn due(&self, arns: &[String]) -> (u64, Vec<String>) {
        let mut kept = lock(&self.cache.attributes);
        kept.audits += 1;
        let mut queue: Vec<(u64, &String)> =
            arns.iter().map(|arn| (kept.by_arn.get(arn).map_or(0, |(read, _)| *read), arn)).collect();
        queue.sort();
        let left = self.audit_left.load(Ordering::Relaxed);
        queue.truncate(left);
        self.audit_left.store(left - queue.len(), Ordering::Relaxed);
        (kept.audits, queue.into_iter().map(|(_, arn)| arn.clone()).collect())
    }
}
