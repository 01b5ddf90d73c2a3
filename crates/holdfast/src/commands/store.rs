//! `store`: looks at a store, backs it up, puts a backup in its place. Works on the file, with a server or without.

use crate::args::{CopyArgs, Output, ServeArgs, StoreArgs, StoreCommand};
use crate::config::Config;
use crate::failure::{Ending, Failure};
use crate::output::{self, line, talk};
use anyhow::{Context, Result};
use holdfast_core::plan::Hold;
use holdfast_store::{Event, EventType, Existing, Inspection, Place, Store, StoreError};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(crate) fn run(how: Output, what: &StoreCommand) -> Result<Ending> {
    match what {
        StoreCommand::Check { store, file: None } => check(how, &place(store)?),
        StoreCommand::Check { file: Some(file), .. } => check(how, file),
        StoreCommand::Backup(copy) => backup(how, copy),
        StoreCommand::Restore { copy, no_pause } => restore(how, copy, (!no_pause).then(Timestamp::now)),
    }
}

/// The file of the store that `serve` would use with the same settings.
fn place(args: &StoreArgs) -> Result<PathBuf> {
    let args = ServeArgs { config: args.config.clone(), store: args.store.clone(), ..ServeArgs::default() };
    Ok(Config::load(&args, &|name| std::env::var(name).ok())?.store)
}

fn existing(copy: &CopyArgs) -> Existing {
    if copy.force { Existing::Replace } else { Existing::Keep }
}

fn check(how: Output, store: &Path) -> Result<Ending> {
    let found = holdfast_store::inspect(store).with_context(|| format!("cannot look at {}", store.display()))?;
    match how {
        Output::Json => output::json(&told(store, &found))?,
        _ => {
            found.findings.iter().try_for_each(line)?;
            talk(said(store, &found));
        }
    }
    Ok(if found.findings.is_empty() { Ending::Fine } else { Ending::Damaged })
}

fn backup(how: Output, copy: &CopyArgs) -> Result<Ending> {
    let store = place(&copy.store)?;
    let taken = holdfast_store::backup(&store, &copy.file, existing(copy), Timestamp::now());
    let found = taken.map_err(|e| refused(e, &format!("cannot back up {}", store.display())))?;
    if how == Output::Json {
        output::json(&told(&copy.file, &found))?;
    } else {
        line(copy.file.display())?;
        talk(said(&copy.file, &found));
    }
    Ok(Ending::Fine)
}

fn restore(how: Output, copy: &CopyArgs, paused_at: Option<Timestamp>) -> Result<Ending> {
    let store = place(&copy.store)?;
    let restored = holdfast_store::restore(&copy.file, &store, existing(copy), Timestamp::now(), |store, taken| {
        paused_at.map_or(Ok(()), |now| pause(store, taken, now))
    });
    let restored = restored.map_err(|e| refused(e, &format!("cannot restore {}", copy.file.display())))?;
    if how == Output::Json {
        let mut told = told(&store, &restored.inspection);
        told["before"] = restored.before.as_deref().map_or(Value::Null, |p| json!(p.display().to_string()));
        told["paused"] = json!(paused_at.is_some());
        output::json(&told)?;
        return Ok(Ending::Fine);
    }
    line(store.display())?;
    talk(said(&store, &restored.inspection));
    if let Some(before) = &restored.before {
        talk(format!("What stood there before is now {}.", before.display()));
    }
    if paused_at.is_some() {
        talk(
            "Everything is paused: what was declared since the backup is not in it, and would be taken back. Start the server, \
             apply the documents again, look at `holdfast drift`, then `holdfast resume --all`.",
        );
    }
    Ok(Ending::Fine)
}

/// Nothing is written in AWS by what may be an old declaration before a person has looked.
fn pause(store: &Store, taken: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
    let of = taken.map_or_else(|| "a copy".to_owned(), |at| format!("the backup of {at:.0}"));
    let hold = Hold { reason: format!("restored from {of}; look, then resume"), until: None };
    let event = Event::new(now, EventType::Operated, "Restored", format!("The store was restored from {of}."));
    store.set_hold_of(&Place::All, Some(&hold), &event).map(drop)
}

/// What stands in the way is a refusal, with what would help.
fn refused(error: StoreError, what: &str) -> anyhow::Error {
    match error {
        StoreError::Exists(_) => Failure::Refused(format!("{what}: {error}; --force replaces it")).into(),
        StoreError::InUse(_) => Failure::Refused(format!("{what}: {error}")).into(),
        other => anyhow::Error::new(other).context(what.to_owned()),
    }
}

fn told(store: &Path, found: &Inspection) -> Value {
    let findings: Vec<Value> =
        found.findings.iter().map(|f| json!({ "place": f.place, "message": f.message })).collect();
    json!({
        "file": store.display().to_string(), "sound": found.findings.is_empty(), "findings": findings, "stacks": found.stacks,
        "resources": found.resources, "openIntents": found.open_intents, "newestEvent": found.newest_event,
        "backupOf": found.backup_of, "inUse": found.in_use, "earlierVersion": found.earlier
    })
}

fn said(store: &Path, found: &Inspection) -> String {
    let kind = found.backup_of.map_or_else(|| "a store".to_owned(), |at| format!("a backup of {at:.0}"));
    let of = format!("{} is {kind} with {} resources in {} stacks", store.display(), found.resources, found.stacks);
    let used = if found.in_use { ", in use" } else { "" };
    let open = match found.open_intents {
        0 => String::new(),
        n => format!(" {n} writes to AWS were under way; the next start looks at what became of them."),
    };
    let earlier = match found.earlier {
        true => " An earlier version wrote it: its rows are checked once this version has opened it.",
        false => "",
    };
    match found.findings.len() {
        0 => format!("{of}{used}, and sound.{open}{earlier}"),
        n => format!(
            "{of}{used}, and damaged: {n} findings. Put a backup back (`holdfast store restore FILE --force`), or start with an empty \
             store and apply the documents again: what is live is found by its tags."
        ),
    }
}
