//! The log and the history that it is part of.

use crate::record_types::{Event, EventFilter, EventType, HistoryEntry, HistoryType, IntentRecord, IntentResult};
use crate::row::Where;
use crate::{Store, StoreError, journal, row};
use holdfast_core::name::ResourceKey;
use holdfast_core::why::Generation;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

/// An event of a row.
pub(crate) fn read(row: &Row<'_>) -> Result<Event, StoreError> {
    let owned = |column| Ok::<_, StoreError>(row::optional_text(row, column)?.map(str::to_owned));
    Ok(Event {
        id: row::count(row, "id")?,
        at: row::time(row, "at")?,
        event_type: row::from_word(row::text(row, "type")?)?,
        stack: owned("stack")?,
        kind: owned("kind")?,
        name: owned("name")?,
        generation: row.get::<_, Option<i64>>("generation")?.and_then(|g| u64::try_from(g).ok()),
        reason: row::text(row, "reason")?.to_owned(),
        message: row::text(row, "message")?.to_owned(),
        data: row::optional_text(row, "data")?.map_or(Ok(Value::Null), row::parse)?,
    })
}

fn conditions(filter: &EventFilter) -> Result<Where, StoreError> {
    let mut conditions = Where::default();
    conditions.maybe("stack = ?", filter.stack.as_ref());
    conditions.maybe("kind = ?", filter.kind.as_ref());
    conditions.maybe("name = ?", filter.name.as_ref());
    if let Some(event_type) = filter.event_type {
        conditions.and("type = ?", row::word(&event_type)?);
    }
    Ok(conditions)
}

impl Store {
    /// At most `limit` events after the one with the id `after`, oldest first; 0 begins at the oldest kept.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn events(&self, after: u64, limit: usize, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        let mut conditions = conditions(filter)?;
        conditions.and("id > ?", row::number(after));
        let sql = format!("SELECT * FROM event{} ORDER BY id LIMIT {}", conditions.sql(), row::limit(limit));
        row::all(&self.shared.connections.reader(), &sql, conditions.params(), read)
    }

    /// The last `limit` events, newest first.
    ///
    /// # Errors
    /// As every read.
    pub fn latest_events(&self, limit: usize, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        let conditions = conditions(filter)?;
        let sql = format!("SELECT * FROM event{} ORDER BY id DESC LIMIT {}", conditions.sql(), row::limit(limit));
        row::all(&self.shared.connections.reader(), &sql, conditions.params(), read)
    }

    /// The id of the newest event ever written, 0 if none was: where a watch that wants only news begins.
    ///
    /// # Errors
    /// As every read.
    pub fn newest_event(&self) -> Result<u64, StoreError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'event'";
        Ok(row::one(&self.shared.connections.reader(), sql, [], |r| row::count(r, "seq"))?.unwrap_or_default())
    }

    /// Appends events that belong to no change and no pass.
    ///
    /// # Errors
    /// As every write.
    pub fn log(&self, events: &[Event]) -> Result<(), StoreError> {
        self.write(|write| events.iter().try_for_each(|event| write.log(event)))
    }

    /// The last `limit` generations of a resource, newest first.
    ///
    /// # Errors
    /// As every read.
    pub fn generations(&self, key: &ResourceKey, uid: &str, limit: usize) -> Result<Vec<Generation>, StoreError> {
        let declared = |(entry, _): Ordered| {
            let stack_tags = entry.data.get("stackTags").cloned().unwrap_or_default();
            Ok(Generation {
                generation: entry.generation.unwrap_or_default(),
                stack_tags: serde_json::from_value(stack_tags)?,
                spec: entry.data.get("spec").cloned().unwrap_or_default(),
            })
        };
        let found = generations(&self.shared.connections.reader(), key, i64::MAX, limit)?;
        // What had the same name before has generations of its own.
        found.into_iter().filter(|(entry, _)| entry.data["uid"] == uid).map(declared).collect()
    }

    /// The last `limit` entries of the history of a key, newest first: generations, removals, observations,
    /// decisions, actions. It stays when the resource is gone, and goes on when the key is declared again.
    ///
    /// # Errors
    /// As every read.
    pub fn history(&self, key: &ResourceKey, limit: usize) -> Result<Vec<HistoryEntry>, StoreError> {
        Ok(self.history_before(key, HistoryPlace::default(), limit)?.0)
    }

    /// The next `limit` entries of a history after those that end at `place`, newest first, with the place where they
    /// end; none if they are the last. What is written meanwhile moves no page.
    ///
    /// # Errors
    /// As every read.
    pub fn history_before(
        &self,
        key: &ResourceKey,
        place: HistoryPlace,
        limit: usize,
    ) -> Result<(Vec<HistoryEntry>, Option<HistoryPlace>), StoreError> {
        let connection = self.shared.connections.reader();
        let HistoryPlace([generation, event, action]) = place;
        let mut streams = [
            generations(&connection, key, generation, limit.saturating_add(1))?.into_iter().peekable(),
            told(&connection, key, event, limit.saturating_add(1))?.into_iter().peekable(),
            actions(&connection, key, action, limit.saturating_add(1))?.into_iter().peekable(),
        ];
        let (mut entries, mut place) = (Vec::new(), place);
        while entries.len() < limit {
            // At the same moment, what was declared comes before what was seen and decided, and that before what was done.
            let newest = (0..streams.len()).filter_map(|n| Some((streams[n].peek()?.0.at, n))).max();
            let Some((_, n)) = newest else { break };
            let told = streams[n].next().map(|(entry, id)| {
                place.0[n] = id;
                entry
            });
            entries.extend(told);
        }
        let more = streams.iter_mut().any(|stream| stream.peek().is_some());
        Ok((entries, more.then_some(place)))
    }
}

/// Where a page of a history ended: the last id that was told of each of its three sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPlace([i64; 3]);

impl Default for HistoryPlace {
    /// Before the newest.
    fn default() -> Self {
        Self([i64::MAX; 3])
    }
}

impl std::fmt::Display for HistoryPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [generation, event, action] = self.0;
        write!(f, "{generation}-{event}-{action}")
    }
}

impl std::str::FromStr for HistoryPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let ids: Option<Vec<i64>> = text.split('-').map(|id| id.parse().ok()).collect();
        ids.and_then(|ids| ids.try_into().ok()).map(Self).ok_or(())
    }
}

/// An entry with its id among those of the same source.
type Ordered = (HistoryEntry, i64);

fn generations(
    connection: &Connection,
    key: &ResourceKey,
    before: i64,
    limit: usize,
) -> Result<Vec<Ordered>, StoreError> {
    row::all(
        connection,
        "SELECT * FROM generation WHERE stack = ?1 AND kind = ?2 AND name = ?3 AND id < ?5 ORDER BY id DESC LIMIT ?4",
        params![key.stack, key.kind, key.name, row::limit(limit), before],
        |r| {
            let generation = row::count(r, "generation")?;
            let entry = HistoryEntry {
                at: row::time(r, "at")?,
                entry_type: HistoryType::Generation,
                generation: Some(generation),
                reason: row::text(r, "reason")?.to_owned(),
                message: format!("generation {generation} was declared"),
                data: row::parse(row::text(r, "body")?)?,
            };
            Ok((entry, r.get("id")?))
        },
    )
}

/// Events, without those that tell of a generation or an action, which have entries of their own.
fn told(connection: &Connection, key: &ResourceKey, before: i64, limit: usize) -> Result<Vec<Ordered>, StoreError> {
    row::all(
        connection,
        "SELECT * FROM event WHERE stack = ?1 AND kind = ?2 AND name = ?3 AND type <> 'acted'
           AND NOT (type = 'declared' AND reason IN ('Created', 'Updated')) AND id < ?5 ORDER BY id DESC LIMIT ?4",
        params![key.stack, key.kind, key.name, row::limit(limit), before],
        |r| {
            let event = read(r)?;
            let entry = HistoryEntry {
                at: event.at,
                entry_type: match event.event_type {
                    EventType::Declared => HistoryType::Removal,
                    EventType::Observed => HistoryType::Observation,
                    EventType::Decided => HistoryType::Decision,
                    EventType::Acted | EventType::Operated | EventType::Service => HistoryType::Note,
                },
                generation: event.generation,
                reason: event.reason,
                message: event.message,
                data: event.data,
            };
            Ok((entry, r.get("id")?))
        },
    )
}

fn actions(connection: &Connection, key: &ResourceKey, before: i64, limit: usize) -> Result<Vec<Ordered>, StoreError> {
    row::all(
        connection,
        "SELECT * FROM intent WHERE stack = ?1 AND kind = ?2 AND name = ?3 AND id < ?5 ORDER BY id DESC LIMIT ?4",
        params![key.stack, key.kind, key.name, row::limit(limit), before],
        |r| {
            let record = journal::read(r)?;
            let id = record.id;
            let entry = HistoryEntry {
                at: record.intent.at,
                entry_type: HistoryType::Action,
                generation: Some(record.intent.generation),
                reason: row::word(&record.intent.verb)?,
                message: sentence(&record),
                data: serde_json::to_value(&record)?,
            };
            Ok((entry, id))
        },
    )
}

/// An action as a sentence: what, why, and how it ended.
fn sentence(record: &IntentRecord) -> String {
    let end = match record.outcome.as_ref().map(|o| &o.result) {
        None => "no answer yet".to_owned(),
        Some(IntentResult::Applied(_)) => "done".to_owned(),
        Some(IntentResult::Failed(error)) => format!("failed: {error}"),
        Some(IntentResult::Looked(found)) => format!("the answer was lost: {found}"),
    };
    format!("{} because {}: {end}", record.intent.text, record.intent.because)
}
