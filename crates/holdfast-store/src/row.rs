//! Between rows and values: JSON, times, words, and seals.
//!
//! A seal is a hash over a row's name and content, written with the row and checked whenever the row is read:
//! SQLite notices a damaged page, not a damaged byte inside a value, and a desired state with one wrong digit
//! would be faithfully enforced.

use crate::StoreError;
use jiff::Timestamp;
use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;

/// The hash over `parts`, each with its length, so that no two lists of parts look alike.
pub(crate) fn seal(parts: &[&str]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// Refuses a row that is not what was written.
pub(crate) fn check_seal(row: &Row<'_>, column: &str, parts: &[&str], what: &dyn Display) -> Result<(), StoreError> {
    if row.get_ref(column)?.as_blob().is_ok_and(|found| found == seal(parts)) {
        Ok(())
    } else {
        Err(StoreError::Corrupt(format!("{what} is not what was written")))
    }
}

/// A text column, borrowed.
pub(crate) fn text<'r>(row: &'r Row<'_>, column: &str) -> Result<&'r str, StoreError> {
    optional_text(row, column)?.ok_or_else(|| StoreError::Corrupt(format!("column {column} is empty")))
}

/// A text column that may be NULL, borrowed.
pub(crate) fn optional_text<'r>(row: &'r Row<'_>, column: &str) -> Result<Option<&'r str>, StoreError> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        value => value.as_str().map(Some).map_err(|e| StoreError::Corrupt(format!("column {column}: {e}"))),
    }
}

/// A column that counts.
pub(crate) fn count(row: &Row<'_>, column: &str) -> Result<u64, StoreError> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("column {column} holds {number}")))
}

/// A count for a column; SQLite's integers have a sign.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A page size for a LIMIT.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A time column.
pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, StoreError> {
    from_micros(row.get(column)?)
}

/// A time from its column.
pub(crate) fn from_micros(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|e| StoreError::Corrupt(format!("a time: {e}")))
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}

/// A value from JSON text of ours.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("stored JSON: {e}")))
}

/// A word of an enum, as serde writes it.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value)? {
        Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

/// An enum from its word.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(word.to_owned()))
        .map_err(|e| StoreError::Corrupt(format!("stored word \"{word}\": {e}")))
}

/// True if `stored` says the same as `new`: by the text, or, where keys only stand in another order, by value.
/// The text comes first because a float may change its last digit when it is read back.
pub(crate) fn same(stored: &str, new: &str) -> Result<bool, StoreError> {
    Ok(stored == new || parse::<Value>(stored)? == parse::<Value>(new)?)
}

/// All rows of a query.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The first row of a query, if there is one.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Runs a write; answers how many rows it touched.
pub(crate) fn run(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// Conditions of a WHERE clause that is put together from what a filter has.
#[derive(Default)]
pub(crate) struct Where {
    clauses: Vec<String>,
    values: Vec<Box<dyn ToSql>>,
}

impl Where {
    /// Adds a condition; `?` in it stands for `value`.
    pub(crate) fn and(&mut self, clause: &str, value: impl ToSql + 'static) {
        self.values.push(Box::new(value));
        self.clauses.push(clause.replace('?', &format!("?{}", self.values.len())));
    }
    /// Adds a condition if there is a value for it.
    pub(crate) fn maybe(&mut self, clause: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.and(clause, value.clone());
        }
    }
    /// Adds that the columns come after the values, the first column weighing most.
    pub(crate) fn and_after(&mut self, columns: [&str; 3], values: [&String; 3]) {
        let at = self.values.len();
        self.values.extend(values.map(|v| Box::new(v.clone()) as Box<dyn ToSql>));
        self.clauses.push(format!("({}) > (?{}, ?{}, ?{})", columns.join(", "), at + 1, at + 2, at + 3));
    }
    /// The clause, with its keyword; empty if there are no conditions.
    pub(crate) fn sql(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!(" WHERE {}", self.clauses.join(" AND ")) }
    }
    /// The values.
    pub(crate) fn params(&self) -> impl Params + '_ {
        rusqlite::params_from_iter(self.values.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_tell_where_one_part_ends_and_the_next_begins() {
        assert_ne!(seal(&["ab", "c"]), seal(&["a", "bc"]));
        assert_eq!(seal(&["ab", "c"]), seal(&["ab", "c"]));
    }

    #[test]
    fn two_texts_are_the_same_when_only_keys_stand_in_another_order() {
        assert!(same(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#).unwrap());
        assert!(!same(r#"[1,2]"#, r#"[2,1]"#).unwrap());
    }
}
