//! The rotating audit: what AWS gives only one thing a call is read in turns, within a share of the budget.

use super::call::{Aws, gap};
use super::lock;
use holdfast_core::cloud::{ApplyError, ErrorClass, Rounds};
use holdfast_core::observe::Gap;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What is known after this sweep's turn.
#[derive(Default)]
pub(crate) struct Audit {
    /// The values that are known, by ARN; some read now, some earlier. What is not here is unknown, never drift.
    pub(crate) values: BTreeMap<String, Arc<Value>>,
    /// What was asked for now and not answered, and what AWS has refused to tell since it last did.
    pub(crate) failed: BTreeMap<String, ApplyError>,
}

/// What the read of a thing stands under: its id, or, where all parts of a thing are read at once, what their ids begin
/// with, `THING#`.
fn read_as(id: &str) -> &str {
    id.find('#').map_or(id, |at| &id[..=at])
}

/// What was read one thing a call, and how much more may be read.
#[derive(Default)]
pub(super) struct Attributes {
    by_arn: BTreeMap<String, Entry>,
    /// Just written, after the audit of which number, and when they were last asked for: their next read waits for nothing.
    pulled: BTreeMap<String, (u64, Timestamp)>,
    /// Somebody says that they may have changed: they come before the others.
    hinted: BTreeSet<String>,
    audits: u64,
    allowance: Option<Allowance>,
    /// What was read more lately than this is not read again without a reason.
    every: SignedDuration,
}

struct Entry {
    /// The number of the audit that read it; 0 before the first.
    turn: u64,
    /// The value, and when it was read.
    read: Option<(Timestamp, Arc<Value>)>,
    /// Why AWS refuses to have it read, until it is.
    refused: Option<ApplyError>,
    /// It was not at rest when it was read: its turn comes again whenever that was.
    moving: bool,
    asked_at: Timestamp,
}

impl Entry {
    fn new(asked_at: Timestamp) -> Self {
        Self { turn: 0, read: None, refused: None, moving: false, asked_at }
    }
}

#[derive(Clone, Copy)]
struct Allowance {
    calls: f64,
    at: Timestamp,
}

impl Aws<'_> {
    /// Reads attributes of `arns` by `read`: those just written, then those hinted at, those never read and the oldest, as
    /// far as this kind's share of the audit budget goes. Counts one call for each ARN. What AWS refuses to tell is a part
    /// of the reading that is missing. Write them within [`rereading`](Self::rereading).
    pub(crate) async fn audit<F>(&self, arns: &[String], read: impl Fn(String) -> F) -> Audit
    where
        F: Future<Output = Result<Value, ApplyError>> + Send,
    {
        let audit = self.round(arns, read).await;
        lock(&self.unread).extend(gaps(audit.failed.iter().filter(|(_, error)| is_lasting(error))));
        audit
    }

    /// [`audit`](Self::audit), for a kind that tells by itself what is missing.
    pub(crate) async fn round<F>(&self, arns: &[String], read: impl Fn(String) -> F) -> Audit
    where
        F: Future<Output = Result<Value, ApplyError>> + Send,
    {
        let left = self.audit_left.load(Ordering::Relaxed);
        let (turn, due) = {
            let mut kept = lock(&self.cache.attributes);
            let due = kept.due(arns, left, self.now());
            (kept.audits, due)
        };
        self.audit_left.store(left.saturating_sub(due.len()), Ordering::Relaxed);
        // The list is made before anything is awaited, so that the future does not hold the caller's closure.
        let reads: Vec<_> = due
            .into_iter()
            .map(|arn| {
                let answer = read(arn.clone());
                async move { (arn, answer.await) }
            })
            .collect();
        let answers = futures::future::join_all(reads).await;
        let (mut kept, now) = (lock(&self.cache.attributes), self.now());
        let mut failed = BTreeMap::new();
        for (arn, answer) in answers {
            match answer {
                Ok(value) => kept.was_read(&arn, turn, now, value),
                Err(error) => {
                    kept.has_failed(&arn, &error);
                    failed.insert(arn, error);
                }
            }
        }
        for (arn, error) in kept.refused(arns) {
            failed.entry(arn.clone()).or_insert_with(|| error.clone());
        }
        Audit { values: arns.iter().filter_map(|arn| Some((arn.clone(), kept.value(arn)?))).collect(), failed }
    }

    /// What its last read told, if nothing was written since.
    pub(crate) fn told_last(&self, arn: &str) -> Option<Arc<Value>> {
        lock(&self.cache.attributes).value(arn)
    }

    /// It was not at rest when it was read: its turn comes again however lately that was.
    pub(crate) fn is_moving(&self, arn: &str) {
        if let Some(entry) = lock(&self.cache.attributes).by_arn.get_mut(arn) {
            entry.moving = true;
        }
    }
}

/// A refusal that patience does not help against.
fn is_lasting(error: &ApplyError) -> bool {
    matches!(error.class, ErrorClass::Denied | ErrorClass::Rejected)
}

/// One gap for each reason.
fn gaps<'a>(failed: impl Iterator<Item = (&'a String, &'a ApplyError)>) -> Vec<Gap> {
    let mut gaps = BTreeMap::<(&str, &str), Gap>::new();
    for (arn, error) in failed {
        let of_reason = gaps.entry((&error.operation, &error.code)).or_insert_with(|| gap(error, Vec::new()));
        of_reason.of.push(arn.clone());
    }
    gaps.into_values().collect()
}

impl Attributes {
    /// Begins a sweep, which reads nothing again within `every`. Answers how many calls it may make, of `most` a minute;
    /// what was not made in time is not made up for.
    pub(super) fn begin(&mut self, most: usize, every: SignedDuration, now: Timestamp) -> usize {
        self.every = every;
        let most = most as f64;
        let before = self.allowance.unwrap_or(Allowance { calls: most, at: now });
        let passed = now.duration_since(before.at).as_secs_f64().max(0.0);
        let calls = (before.calls + passed * most / 60.0).min(most);
        self.allowance = Some(Allowance { calls, at: now });
        calls as usize
    }

    /// Says how many were made.
    pub(super) fn spend(&mut self, calls: usize) {
        if let Some(allowance) = &mut self.allowance {
            allowance.calls = (allowance.calls - calls as f64).max(0.0);
        }
    }

    /// The next read of a thing waits for nothing.
    pub(super) fn pull(&mut self, arn: &str, now: Timestamp) {
        if let Some(entry) = self.by_arn.get_mut(arn) {
            (entry.turn, entry.read) = (0, None);
        }
        self.audits += 1;
        self.pulled.insert(arn.to_owned(), (self.audits, now));
    }

    /// Lets go of what no sweep has asked for in so long.
    pub(super) fn drop_older(&mut self, than: SignedDuration, now: Timestamp) {
        self.by_arn.retain(|_, entry| now.duration_since(entry.asked_at) < than);
        self.pulled.retain(|_, (_, at)| now.duration_since(*at) < than);
        let here = &self.by_arn;
        self.hinted.retain(|arn| here.contains_key(arn));
    }

    /// These things may have changed; of what is not read here nothing is noted.
    pub(super) fn hint(&mut self, ids: &[&str]) {
        let known = ids.iter().map(|id| read_as(id)).filter(|id| self.by_arn.contains_key(*id));
        self.hinted.extend(known.map(str::to_owned));
    }

    /// How far it has come, at `most` calls a minute.
    pub(super) fn rounds(&self, most: usize) -> Rounds {
        let read = self.by_arn.values().filter_map(|entry| entry.read.as_ref().map(|(at, _)| *at));
        let unread = self.by_arn.values().filter(|entry| entry.read.is_none()).count();
        let things = self.by_arn.len();
        let takes =
            Duration::from_secs_f64(things as f64 * 60.0 / (most as f64).max(1.0)).max(self.every.unsigned_abs());
        Rounds { things: things as u64, unread: unread as u64, oldest: read.min(), takes }
    }

    /// When a thing was read.
    pub(super) fn read_at(&self, id: &str) -> Option<Timestamp> {
        self.by_arn.get(read_as(id))?.read.as_ref().map(|(at, _)| *at)
    }

    fn value(&self, arn: &str) -> Option<Arc<Value>> {
        self.by_arn.get(arn)?.read.as_ref().map(|(_, value)| Arc::clone(value))
    }

    /// What was read before a write, or before another read, says nothing of what is there after it: a plan may read
    /// beside a pass.
    fn was_read(&mut self, arn: &str, turn: u64, now: Timestamp, value: Value) {
        let numbers = [self.pulled.get(arn).map(|(number, _)| *number), self.by_arn.get(arn).map(|entry| entry.turn)];
        if numbers.into_iter().flatten().any(|number| number > turn) {
            return;
        }
        self.pulled.remove(arn);
        self.hinted.remove(arn);
        if let Some(entry) = self.by_arn.get_mut(arn) {
            *entry = Entry { turn, read: Some((now, Arc::new(value))), ..Entry::new(entry.asked_at) };
        }
    }

    /// A read failed. What passes, and what is gone, is the next turn's business and nobody else's.
    fn has_failed(&mut self, arn: &str, error: &ApplyError) {
        if let Some(entry) = self.by_arn.get_mut(arn).filter(|_| is_lasting(error)) {
            entry.refused = Some(error.clone());
        }
    }

    /// Why AWS refuses to have some of `arns` read.
    fn refused<'a>(&'a self, arns: &'a [String]) -> impl Iterator<Item = (&'a String, &'a ApplyError)> {
        arns.iter().filter_map(|arn| Some((arn, self.by_arn.get(arn)?.refused.as_ref()?)))
    }

    /// A thing's value came with the answer to a write.
    pub(super) fn was_told(&mut self, arn: &str, now: Timestamp, value: Value) {
        self.by_arn.entry(arn.to_owned()).or_insert_with(|| Entry::new(now));
        self.audits += 1;
        self.was_read(arn, self.audits, now, value);
    }

    /// Those of `arns` whose turn it is: those just written, and of the others at most `left`: those that somebody
    /// hinted at, then those never read, then the oldest, unless they were read lately and are at rest. Begins a new turn.
    fn due(&mut self, arns: &[String], left: usize, now: Timestamp) -> Vec<String> {
        self.audits += 1;
        for arn in arns {
            self.by_arn.entry(arn.clone()).or_insert_with(|| Entry::new(now)).asked_at = now;
            if let Some((_, asked_at)) = self.pulled.get_mut(arn) {
                *asked_at = now;
            }
        }
        let (pulled, others): (Vec<&String>, Vec<&String>) =
            arns.iter().partition(|arn| self.pulled.contains_key(*arn));
        let is_due = |entry: &Entry| {
            entry.moving || entry.read.as_ref().is_none_or(|(at, _)| now.duration_since(*at) >= self.every)
        };
        let others =
            others.into_iter().filter(|arn| self.hinted.contains(*arn) || self.by_arn.get(*arn).is_none_or(is_due));
        let turn = |arn: &String| (!self.hinted.contains(arn), self.by_arn.get(arn).map_or(0, |entry| entry.turn));
        let mut queue: Vec<((bool, u64), &String)> = others.map(|arn| (turn(arn), arn)).collect();
        queue.sort_unstable();
        let others = queue.into_iter().take(left).map(|(_, arn)| arn);
        pulled.into_iter().chain(others).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_735_689_600 + seconds).expect("a time")
    }

    fn turn(kept: &mut Attributes, arns: &[String], left: usize, seconds: i64) -> String {
        let due = kept.due(arns, left, at(seconds));
        for arn in &due {
            kept.was_read(arn, kept.audits, at(seconds), Value::Null);
        }
        due.concat()
    }

    #[test]
    fn what_was_never_read_comes_first_then_the_oldest() {
        let mut kept = Attributes::default();
        let arns: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let turns = [(2, "ab"), (2, "ca"), (1, "b"), (0, ""), (9, "acb")];
        for (left, expected) in turns {
            assert_eq!(turn(&mut kept, &arns, left, 0), expected);
        }
    }

    #[test]
    fn what_was_just_written_is_read_next_whatever_the_budget_says() {
        let mut kept = Attributes::default();
        let arns: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(turn(&mut kept, &arns, 3, 0), "abc");
        kept.pull("c", at(0));
        assert_eq!((kept.value("c"), kept.read_at("c"), kept.rounds(60).unread), (None, None, 1));
        assert_eq!(turn(&mut kept, &arns, 0, 30), "c");
        assert_eq!(turn(&mut kept, &arns, 0, 60), "");
        kept.hint(&["b", "nobody"]);
        assert_eq!([0, 1, 1].map(|left| turn(&mut kept, &arns, left, 0)), ["", "b", "a"]);
        assert_eq!((kept.read_at("a"), kept.read_at("c")), (Some(at(0)), Some(at(30))));
        let rounds = kept.rounds(60);
        assert_eq!((rounds.things, rounds.oldest, rounds.takes), (3, Some(at(0)), Duration::from_secs(3)));
    }

    #[test]
    fn what_was_read_before_a_write_does_not_stand_after_it() {
        let (mut kept, arns) = (Attributes::default(), ["a".to_owned()]);
        assert_eq!(kept.due(&arns, 1, at(0)), arns);
        let before = kept.audits;
        kept.pull("a", at(0));
        kept.was_read("a", before, at(1), "old".into());
        assert_eq!((kept.value("a"), kept.due(&arns, 0, at(2))), (None, arns.to_vec()), "it is read anew");
        let after = kept.audits;
        kept.was_told("a", at(3), "new".into());
        kept.was_read("a", after, at(4), "old".into());
        assert_eq!((kept.value("a"), kept.read_at("a")), (Some(Arc::new("new".into())), Some(at(3))));
    }

    #[test]
    fn what_no_sweep_asks_for_is_gone_after_a_while() {
        let (mut kept, hour) = (Attributes::default(), SignedDuration::from_hours(1));
        let arns: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(turn(&mut kept, &arns, 2, 0), "ab");
        kept.hint(&["b"]);
        kept.pull("deleted", at(0));
        assert_eq!(turn(&mut kept, &arns[..1], 2, 1800), "a");
        kept.drop_older(hour, at(3599));
        assert_eq!((kept.by_arn.len(), kept.pulled.len(), kept.hinted.len()), (2, 1, 1));
        kept.drop_older(hour, at(3600));
        assert_eq!((kept.by_arn.len(), kept.pulled.len(), kept.hinted.len()), (1, 0, 0));
    }

    #[test]
    fn what_was_read_lately_is_not_read_again_unless_somebody_says_that_it_may_have_changed() {
        let mut kept = Attributes::default();
        kept.begin(150, SignedDuration::from_mins(4), at(0));
        let arns: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(turn(&mut kept, &arns[..2], 9, 0), "ab");
        assert_eq!(turn(&mut kept, &arns, 9, 60), "c");
        kept.hint(&["b"]);
        assert_eq!(turn(&mut kept, &arns, 9, 120), "b");
        assert_eq!([239, 240, 300].map(|s| turn(&mut kept, &arns, 9, s)), ["", "a", "c"]);
    }

    #[test]
    fn what_is_not_at_rest_is_read_again_in_its_turn() {
        let mut kept = Attributes::default();
        kept.begin(150, SignedDuration::from_mins(4), at(0));
        let things: Vec<String> = ["a#", "b#", "c#"].map(str::to_owned).to_vec();
        assert_eq!(turn(&mut kept, &things, 9, 0), "a#b#c#");
        for thing in ["a#", "c#"] {
            kept.by_arn.get_mut(thing).expect("it was read").moving = true;
        }
        assert_eq!(
            [1, 1, 1].map(|left| turn(&mut kept, &things, left, 60)),
            ["a#", "c#", ""],
            "it is told anew each time"
        );
        assert_eq!((kept.read_at("a#part#80"), kept.read_at("b#part")), (Some(at(60)), Some(at(0))));
        kept.hint(&["b#part#80", "d#part"]);
        assert_eq!(turn(&mut kept, &things, 9, 90), "b#");
    }

    #[test]
    fn what_the_answer_to_a_write_told_is_as_good_as_read() {
        let mut kept = Attributes::default();
        kept.begin(150, SignedDuration::from_mins(4), at(0));
        let arns: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        kept.pull("a", at(0));
        kept.was_told("a", at(0), Value::from(7));
        assert_eq!(turn(&mut kept, &arns, 9, 0), "b");
        assert_eq!((kept.value("a").as_deref(), kept.read_at("a")), (Some(&Value::from(7)), Some(at(0))));
        assert_eq!(turn(&mut kept, &arns[..1], 9, 240), "a");
    }

    #[test]
    fn many_sweeps_in_a_row_spend_no_more_than_a_minute_allows() {
        let mut kept = Attributes::default();
        let begin = |kept: &mut Attributes, seconds| kept.begin(150, SignedDuration::ZERO, at(seconds));
        assert_eq!(begin(&mut kept, 0), 150);
        kept.spend(150);
        assert_eq!([1, 2, 4].map(|s| begin(&mut kept, s)), [2, 5, 10]);
        assert_eq!(begin(&mut kept, 3600), 150);
    }

    #[test]
    fn why_something_is_not_read_is_told_until_it_is() {
        let mut kept = Attributes::default();
        let arns: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(kept.due(&arns, 3, at(0)), arns);
        let refused = |class, request: &str| ApplyError {
            class,
            operation: "elasticloadbalancing:DescribeTargetGroupAttributes".to_owned(),
            code: "AccessDenied".to_owned(),
            message: "no policy allows it".to_owned(),
            request_id: Some(request.to_owned()),
        };
        kept.has_failed("a", &refused(ErrorClass::Denied, "r-1"));
        kept.has_failed("b", &refused(ErrorClass::Throttled, "r-2"));
        kept.has_failed("c", &refused(ErrorClass::Denied, "r-3"));
        let told = |kept: &Attributes| -> Vec<(String, String)> {
            gaps(kept.refused(&arns)).into_iter().map(|gap| (gap.of.concat(), gap.reason)).collect()
        };
        let said =
            "elasticloadbalancing:DescribeTargetGroupAttributes: AccessDenied: no policy allows it (AWS request ";
        assert_eq!(told(&kept), [("ac".to_owned(), format!("{said}r-1)"))], "one reason, and none that passes");
        assert_eq!(kept.due(&arns, 0, at(30)), [""; 0]);
        assert_eq!(told(&kept).len(), 1, "also in a sweep that tries none");
        kept.was_read("a", 1, at(60), Value::Null);
        assert_eq!(told(&kept), [("c".to_owned(), format!("{said}r-3)"))]);
        kept.was_read("c", 1, at(60), Value::Null);
        assert_eq!(told(&kept), []);
    }
}
