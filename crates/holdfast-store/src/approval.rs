//! Approvals: what is carried out while a generation is held, what awaits approval, and what persons approved.
//!
//! A pass says what awaits approval in its scope with [`Store::record_awaiting`], which also releases what it found
//! approved; a person approves a plan with [`Store::approve`]. An approval is of parts by their hashes, and the first
//! pass after it either carries the part out or, if it is another one by then, refuses the approval.

use crate::record_types::{Awaiting, Consent, Event, PlanEnd, PlanOutcome};
use crate::types::ResourceChange;
use crate::write::Write;
use crate::{Store, StoreError, row};
use holdfast_core::name::Scope;
use holdfast_core::plan::{Approvals, Approved, Desired, Fate, Given, Instead, Part, Release, hash_of_parts};
use holdfast_core::policy::RolloutPolicy;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is carried out of a resource under `rollout: approve`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Carried {
    #[serde(flatten)]
    approved: Approved,
    /// Its deletion by policy is approved.
    ending: bool,
}

fn parts_of_seal<'a>(uid: &'a str, body: &'a str) -> [&'a str; 3] {
    ["carried", uid, body]
}

/// Of a row with the columns `carried` and `carried_seal`, or none if nothing has been approved.
fn carried(uid: &str, row: &Row<'_>) -> Result<Option<Carried>, StoreError> {
    let Some(body) = row::optional_text(row, "carried")? else { return Ok(None) };
    row::check_seal(
        row,
        "carried_seal",
        &parts_of_seal(uid, body),
        &format_args!("what is approved of resource {uid}"),
    )?;
    row::parse(body).map(Some)
}

/// What is carried out instead of what `desired` declares. The row has the columns `carried` and `carried_seal`.
pub(crate) fn instead(desired: &Desired, row: &Row<'_>) -> Result<Option<Arc<Instead>>, StoreError> {
    if desired.policy.rollout != Some(RolloutPolicy::Approve) || desired.fate.is_by_name() {
        return Ok(None);
    }
    Ok(match carried(&desired.uid, row)? {
        None => Some(Arc::new(Instead::Nothing)),
        Some(c) if c.approved.generation == desired.generation && (desired.fate == Fate::Keep || c.ending) => None,
        Some(c) => Some(Arc::new(Instead::Approved(c.approved))),
    })
}

fn put_carried(write: &Write<'_>, id: i64, uid: &str, carried: &Carried) -> Result<(), StoreError> {
    let body = row::json(carried)?;
    row::run(
        write,
        "INSERT INTO carried (resource_id, body, seal) VALUES (?1, ?2, ?3)
         ON CONFLICT (resource_id) DO UPDATE SET body = excluded.body, seal = excluded.seal",
        params![id, body, row::seal(&parts_of_seal(uid, &body))],
    )?;
    Ok(())
}

/// Keeps what was carried out of a resource that is declared anew as `change`. `before` is what was declared, where
/// the new policy asks for approval.
pub(crate) fn declared_anew(
    write: &Write<'_>,
    id: i64,
    before: Option<Desired>,
    change: &ResourceChange,
    generation: u64,
) -> Result<(), StoreError> {
    let Some(mut before) = before.filter(|b| b.scope == change.scope) else {
        // Nothing is held any more, or nothing was ever approved in its new place.
        row::run(write, "DELETE FROM carried WHERE resource_id = ?1", params![id])?;
        return Ok(());
    };
    let found = row::one(
        write,
        "SELECT body AS carried, seal AS carried_seal FROM carried WHERE resource_id = ?1",
        params![id],
        |r| instead(&before, r),
    )?;
    before.instead = match found {
        Some(instead) => instead,
        None if before.policy.rollout == Some(RolloutPolicy::Approve) => Some(Arc::new(Instead::Nothing)),
        None => None,
    };
    match Instead::after(Some(&before), &change.policy_effective, generation, Fate::Keep).as_deref() {
        Some(Instead::Approved(approved)) => {
            put_carried(write, id, &before.uid, &Carried { approved: approved.clone(), ending: false })
        }
        Some(Instead::Nothing) | None => Ok(()),
    }
}

/// Carries a generation out from now on, if it is still the one that was planned with.
fn release(write: &mut Write<'_>, release: &Release) -> Result<(), StoreError> {
    let key = &release.key;
    let found = crate::resource::of_uid(write, key, &release.uid, |r, declared| {
        let desired = declared.desired(None)?;
        Ok((r.get::<_, i64>("id")?, desired))
    })?;
    let Some((id, desired)) = found.filter(|(_, d)| d.generation == release.generation && d.fate == release.fate)
    else {
        return Ok(());
    };
    let ending = desired.fate != Fate::Keep;
    let Desired { uid, generation, spec, stack_tags, scope, .. } = desired;
    put_carried(write, id, &uid, &Carried { approved: Approved { generation, spec, stack_tags }, ending })?;
    write.touched.row(scope, key);
    Ok(())
}

/// A row of the table of what awaits approval.
struct Waiting {
    part: String,
    replaces: Option<String>,
}

fn waiting(connection: &Connection, scope: &Scope) -> Result<BTreeMap<String, Waiting>, StoreError> {
    let rows = row::all(
        connection,
        "SELECT stack, part, replaces FROM awaiting WHERE account = ?1 AND region = ?2",
        params![scope.account, scope.region],
        |r| {
            let text = |column| row::text(r, column).map(str::to_owned);
            let replaces = row::optional_text(r, "replaces")?.map(str::to_owned);
            Ok((text("stack")?, Waiting { part: text("part")?, replaces }))
        },
    )?;
    Ok(rows.into_iter().collect())
}

fn given(connection: &Connection, scope: &Scope, until: Timestamp) -> Result<BTreeMap<String, Given>, StoreError> {
    let rows = row::all(
        connection,
        "SELECT stack, part, plan FROM approval WHERE account = ?1 AND region = ?2 AND at <= ?3",
        params![scope.account, scope.region, until.as_microsecond()],
        |r| {
            let text = |column| row::text(r, column).map(str::to_owned);
            Ok((text("stack")?, Given { part: text("part")?, plan: text("plan")? }))
        },
    )?;
    Ok(rows.into_iter().collect())
}

fn parts_of_stack(connection: &Connection, stack: &str) -> Result<Vec<Part>, StoreError> {
    let sql = "SELECT body FROM awaiting WHERE stack = ?1 ORDER BY account, region";
    row::all(connection, sql, params![stack], |r| row::parse(row::text(r, "body")?))
}

/// Keeps a plan of these parts; answers its hash.
fn put_plan(write: &Write<'_>, parts: &[Part], now: Timestamp) -> Result<String, StoreError> {
    let hash = hash_of_parts(parts);
    row::run(
        write,
        "INSERT INTO plan (hash, at, body, parts) VALUES (?1, ?2, 'null', ?3)
         ON CONFLICT (hash) DO UPDATE SET parts = coalesce(parts, excluded.parts)",
        params![hash, now.as_microsecond(), row::json(parts)?],
    )?;
    Ok(hash)
}

/// Ends an approval, in whatever way.
fn end_approval(
    write: &Write<'_>,
    scope: &Scope,
    stack: &str,
    plan: &str,
    outcome: &PlanOutcome,
) -> Result<(), StoreError> {
    row::run(
        write,
        "DELETE FROM approval WHERE account = ?1 AND region = ?2 AND stack = ?3",
        params![scope.account, scope.region, stack],
    )?;
    row::run(write, "UPDATE plan SET outcome = ?2 WHERE hash = ?1", params![plan, row::json(outcome)?])?;
    Ok(())
}

/// A pass's word on approvals in one scope.
struct Tally<'a> {
    scope: &'a Scope,
    now: Timestamp,
    given: BTreeMap<String, Given>,
    before: BTreeMap<String, Waiting>,
}

impl Tally<'_> {
    /// What still awaits approval of a stack, its approval refused if it was for something else. Answers the plan that
    /// was overtaken by that.
    fn await_approval(&self, write: &Write<'_>, part: &Part) -> Result<Option<String>, StoreError> {
        let Scope { account, region } = self.scope;
        let same = self.before.get(&part.stack).filter(|w| w.part == part.hash);
        let overtaken = self.given.get(&part.stack).filter(|g| g.part != part.hash).map(|g| g.plan.clone());
        let replaces = overtaken.as_deref().or_else(|| same.and_then(|w| w.replaces.as_deref()));
        row::run(
            write,
            "INSERT INTO awaiting (account, region, stack, part, plan, replaces, body) VALUES (?1, ?2, ?3, ?4, '', ?5, ?6)
             ON CONFLICT (account, region, stack) DO UPDATE
               SET part = excluded.part, replaces = excluded.replaces, body = excluded.body",
            params![account, region, part.stack, part.hash, replaces, row::json(part)?],
        )?;
        let plan = put_plan(write, &parts_of_stack(write, &part.stack)?, self.now)?;
        row::run(write, "UPDATE awaiting SET plan = ?2 WHERE stack = ?1", params![part.stack, plan])?;
        if let Some(old) = &overtaken {
            let outcome = PlanOutcome { at: self.now, end: PlanEnd::Overtaken, replaced_by: Some(plan) };
            end_approval(write, self.scope, &part.stack, old, &outcome)?;
        }
        Ok(overtaken)
    }

    /// Nothing awaits approval of a stack any more. Answers the plan that was overtaken by that.
    fn settle(&self, write: &Write<'_>, stack: &str, carried_out: bool) -> Result<Option<String>, StoreError> {
        row::run(
            write,
            "DELETE FROM awaiting WHERE account = ?1 AND region = ?2 AND stack = ?3",
            params![self.scope.account, self.scope.region, stack],
        )?;
        let rest = parts_of_stack(write, stack)?;
        if !rest.is_empty() {
            let plan = put_plan(write, &rest, self.now)?;
            row::run(write, "UPDATE awaiting SET plan = ?2 WHERE stack = ?1", params![stack, plan])?;
        }
        let Some(given) = self.given.get(stack) else { return Ok(None) };
        let end = if carried_out { PlanEnd::CarriedOut } else { PlanEnd::Overtaken };
        let outcome = PlanOutcome { at: self.now, end, replaced_by: None };
        end_approval(write, self.scope, stack, &given.plan, &outcome)?;
        Ok((!carried_out).then(|| given.plan.clone()))
    }
}

impl Store {
    /// What a plan of a scope must know of approvals: those given until a time, and what awaits them.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn approvals(&self, scope: &Scope, until: Timestamp) -> Result<Approvals, StoreError> {
        let connection = self.shared.connections.reader();
        let mut elsewhere: BTreeMap<String, BTreeMap<Scope, String>> = BTreeMap::new();
        let all = row::all(&connection, "SELECT account, region, stack, part FROM awaiting", [], |r| {
            let scope = Scope::new(row::text(r, "account")?, row::text(r, "region")?);
            Ok((scope, row::text(r, "stack")?.to_owned(), row::text(r, "part")?.to_owned()))
        })?;
        for (other, stack, part) in all.into_iter().filter(|(other, ..)| other != scope) {
            elsewhere.entry(stack).or_default().insert(other, part);
        }
        let replaced = waiting(&connection, scope)?.into_iter();
        let replaced = replaced.filter_map(|(stack, w)| Some((stack, Given { part: w.part, plan: w.replaces? })));
        Ok(Approvals { given: given(&connection, scope, until)?, elsewhere, replaced: replaced.collect() })
    }

    /// What awaits approval in a scope, as hashes of parts by stack.
    ///
    /// # Errors
    /// As every read.
    pub fn awaiting_in(&self, scope: &Scope) -> Result<BTreeMap<String, String>, StoreError> {
        let found = waiting(&self.shared.connections.reader(), scope)?;
        Ok(found.into_iter().map(|(stack, w)| (stack, w.part)).collect())
    }

    /// What awaits approval of a stack, in every scope; none if nothing does.
    ///
    /// # Errors
    /// As every read.
    pub fn awaiting(&self, stack: &str) -> Result<Option<Awaiting>, StoreError> {
        let connection = self.shared.connections.reader();
        let parts = parts_of_stack(&connection, stack)?;
        Ok((!parts.is_empty()).then(|| Awaiting { plan: hash_of_parts(&parts), parts }))
    }

    /// What a pass found to await approval in a scope, and what it releases: one transaction, before any step of it is
    /// begun. `until` is up to when the plan had looked at approvals. Approvals of anything else than what awaits now
    /// are refused; `overtaken` makes the line of the log of a stack and the plan that was approved.
    ///
    /// # Errors
    /// As every write: [`StoreError::Full`], [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn record_awaiting(
        &self,
        scope: &Scope,
        parts: &[Part],
        released: &[Release],
        (until, now): (Timestamp, Timestamp),
        overtaken: &dyn Fn(&str, &str) -> Event,
    ) -> Result<(), StoreError> {
        self.write(|write| {
            for one in released {
                release(write, one)?;
            }
            let (given, before) = (given(write, scope, until)?, waiting(write, scope)?);
            let tally = Tally { scope, now, given, before };
            let mut lost = Vec::new();
            let listed: BTreeSet<&str> = parts.iter().map(|p| p.stack.as_str()).collect();
            let unlisted = tally.before.keys().chain(tally.given.keys()).map(String::as_str);
            for stack in unlisted.filter(|s| !listed.contains(s)).collect::<BTreeSet<_>>() {
                lost.extend(tally.settle(write, stack, false)?.map(|plan| (stack.to_owned(), plan)));
            }
            for part in parts.iter().filter(|p| !p.unread) {
                let ended = match part.approved {
                    true => tally.settle(write, &part.stack, true)?,
                    false => tally.await_approval(write, part)?,
                };
                lost.extend(ended.map(|plan| (part.stack.clone(), plan)));
            }
            for (stack, plan) in &lost {
                write.log(&overtaken(stack, plan))?;
            }
            Ok(())
        })
    }

    /// Keeps a plan that can be approved; answers its hash. One that is kept already stays as it is.
    ///
    /// # Errors
    /// As every write.
    pub fn keep_plan(&self, parts: &[Part], now: Timestamp) -> Result<String, StoreError> {
        self.write(|write| put_plan(write, parts, now))
    }

    /// Approves a kept plan: the next pass over each of its parts carries it out, if it is still the same part. The
    /// approval is on the disk before this returns. `events` tell of it.
    ///
    /// # Errors
    /// As every write.
    pub fn approve(&self, plan: &str, parts: &[Part], consent: &Consent, events: &[Event]) -> Result<(), StoreError> {
        self.write(|write| {
            for part in parts {
                let before = given(write, &part.scope, consent.at)?.remove(&part.stack);
                if let Some(old) = before.filter(|old| old.plan != plan) {
                    let replaced_by = Some(plan.to_owned());
                    let outcome = PlanOutcome { at: consent.at, end: PlanEnd::Overtaken, replaced_by };
                    end_approval(write, &part.scope, &part.stack, &old.plan, &outcome)?;
                }
                row::run(
                    write,
                    "INSERT INTO approval (account, region, stack, part, plan, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (account, region, stack) DO UPDATE
                       SET part = excluded.part, plan = excluded.plan, at = excluded.at",
                    params![
                        part.scope.account,
                        part.scope.region,
                        part.stack,
                        part.hash,
                        plan,
                        consent.at.as_microsecond()
                    ],
                )?;
            }
            row::run(
                write,
                "UPDATE plan SET approval = ?2, outcome = NULL WHERE hash = ?1",
                params![plan, row::json(consent)?],
            )?;
            for event in events {
                write.log(event)?;
            }
            Ok(())
        })
    }
}
