//! The rotating audit: what AWS gives only one thing a call is read in turns, within a share of the budget.

use super::cache::Attributes;
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
    /// call for each ARN. Call [`Cache::forget`](super::cache::Cache::forget) after writing one.
    pub(crate) async fn audit<F>(&self, arns: &[String], read: impl Fn(String) -> F) -> Audit
    where
        F: Future<Output = Result<Value, ApplyError>> + Send,
    {
        let left = self.audit_left.load(Ordering::Relaxed);
        let (turn, due) = {
            let mut kept = lock(&self.cache.attributes);
            let due = kept.due(arns, left);
            (kept.audits, due)
        };
        self.audit_left.store(left - due.len(), Ordering::Relaxed);
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
}

impl Attributes {
    /// Those of `arns` whose turn it is, at most `left`: never read first, then the oldest. Begins a new turn.
    fn due(&mut self, arns: &[String], left: usize) -> Vec<String> {
        self.audits += 1;
        let mut queue: Vec<(u64, &String)> =
            arns.iter().map(|arn| (self.by_arn.get(arn).map_or(0, |(read, _)| *read), arn)).collect();
        queue.sort();
        queue.into_iter().take(left).map(|(_, arn)| arn.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_read_comes_first_then_the_oldest() {
        let mut kept = Attributes::default();
        let arns: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let mut turn = |left: usize| {
            let due = kept.due(&arns, left);
            for arn in &due {
                kept.by_arn.insert(arn.clone(), (kept.audits, Arc::default()));
            }
            due.concat()
        };
        assert_eq!([turn(2), turn(2), turn(1), turn(0), turn(9)], ["ab", "ca", "b", "", "acb"]);
    }
}
