//! The rows of stacks and accounts: the parts of a declaration that are no resource.

use crate::types::{AccountRecord, StackRecord};
use crate::write::Write;
use crate::{Store, StoreError, row};
use holdfast_core::document::StackSpec;
use holdfast_core::plan::Hold;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

/// What stacks and accounts have alike: a name, labels, a spec that counts generations.
pub(crate) struct Part<'r> {
    pub(crate) name: &'r str,
    pub(crate) labels: &'r str,
    pub(crate) spec: &'r str,
    pub(crate) generation: u64,
    pub(crate) version: u64,
}

/// In which table a part stands.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    Stack,
    Account,
}

impl Table {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Account => "account",
        }
    }
    fn select(self) -> &'static str {
        match self {
            Self::Stack => "SELECT * FROM stack WHERE name = ?1",
            Self::Account => "SELECT * FROM account WHERE name = ?1",
        }
    }
}

impl<'r> Part<'r> {
    /// Reads what is common and checks the seal.
    pub(crate) fn read(table: Table, row: &'r Row<'_>) -> Result<Self, StoreError> {
        let part = Self {
            name: row::text(row, "name")?,
            labels: row::text(row, "labels")?,
            spec: row::text(row, "spec")?,
            generation: row::count(row, "generation")?,
            version: row::count(row, "version")?,
        };
        let what = format!("{} {}", table.name(), part.name);
        row::check_seal(row, "seal", &part.sealed(table, &part.generation.to_string()), &what)?;
        Ok(part)
    }

    pub(crate) fn seal(&self, table: Table) -> [u8; 16] {
        row::seal(&self.sealed(table, &self.generation.to_string()))
    }

    fn sealed<'a>(&'a self, table: Table, generation: &'a str) -> [&'a str; 5] {
        [table.name(), self.name, self.labels, self.spec, generation]
    }
}

/// What is sealed of what happens to a stack, apart from what it declares.
fn state_parts<'a>(stack: &'a str, hold: Option<&'a str>, deleting: bool) -> [&'a str; 4] {
    // No JSON text is empty.
    ["state", stack, hold.unwrap_or(""), if deleting { "deleting" } else { "declared" }]
}

/// The pause of a stack, seal checked. The row has its columns `hold`, `deleting` and `state_seal`.
pub(crate) fn hold(stack: &str, row: &Row<'_>) -> Result<Option<Hold>, StoreError> {
    let (hold, deleting) = (row::optional_text(row, "hold")?, row.get("deleting")?);
    row::check_seal(
        row,
        "state_seal",
        &state_parts(stack, hold, deleting),
        &format_args!("the state of stack {stack}"),
    )?;
    hold.map(row::parse).transpose()
}

/// Sets the pause and the end of a stack, as columns.
pub(crate) fn put_state(
    write: &mut Write<'_>,
    stack: &str,
    hold: Option<&str>,
    deleting: bool,
) -> Result<(), StoreError> {
    let version = row::number(write.version()?);
    row::run(
        write,
        "UPDATE stack SET hold = ?2, deleting = ?3, state_seal = ?4, version = ?5 WHERE name = ?1",
        params![stack, hold, deleting, row::seal(&state_parts(stack, hold, deleting)), version],
    )?;
    Ok(())
}

/// The pause of a stack as its column, and whether the stack is to go; `None` if there is no such stack.
pub(crate) fn state(connection: &Connection, stack: &str) -> Result<Option<(Option<String>, bool)>, StoreError> {
    find(connection, Table::Stack, stack, |r| {
        hold(stack, r)?;
        Ok((row::optional_text(r, "hold")?.map(str::to_owned), r.get("deleting")?))
    })
}

pub(crate) fn read_stack(row: &Row<'_>) -> Result<StackRecord, StoreError> {
    let part = Part::read(Table::Stack, row)?;
    Ok(StackRecord {
        name: part.name.to_owned(),
        labels: row::parse(part.labels)?,
        spec: row::parse(part.spec)?,
        generation: part.generation,
        version: part.version,
        hold: hold(part.name, row)?,
        deleting: row.get("deleting")?,
        created_at: row::time(row, "created_at")?,
        updated_at: row::time(row, "updated_at")?,
    })
}

pub(crate) fn read_account(row: &Row<'_>) -> Result<AccountRecord, StoreError> {
    let part = Part::read(Table::Account, row)?;
    Ok(AccountRecord {
        name: part.name.to_owned(),
        labels: row::parse(part.labels)?,
        spec: row::parse(part.spec)?,
        generation: part.generation,
        version: part.version,
        created_at: row::time(row, "created_at")?,
        updated_at: row::time(row, "updated_at")?,
    })
}

/// The stack's spec as it is stored: its resources have rows of their own.
pub(crate) fn without_resources(spec: &StackSpec) -> Result<String, StoreError> {
    let mut spec = serde_json::to_value(StackSpec { resources: Vec::new(), ..spec.clone() })?;
    if let Value::Object(fields) = &mut spec {
        fields.shift_remove("resources");
    }
    row::json(&spec)
}

/// The row of a stack or account, as `read` takes it.
pub(crate) fn find<T>(
    connection: &Connection,
    table: Table,
    name: &str,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    row::one(connection, table.select(), params![name], read)
}

impl Store {
    /// All stacks, by name.
    ///
    /// # Errors
    /// As every read: [`StoreError::Corrupt`], [`StoreError::Sqlite`].
    pub fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        row::all(&self.shared.connections.reader(), "SELECT * FROM stack ORDER BY name", [], read_stack)
    }

    /// One stack.
    ///
    /// # Errors
    /// As every read.
    pub fn stack(&self, name: &str) -> Result<Option<StackRecord>, StoreError> {
        find(&self.shared.connections.reader(), Table::Stack, name, read_stack)
    }

    /// All accounts that have a document, by name. `default` exists without one.
    ///
    /// # Errors
    /// As every read.
    pub fn accounts(&self) -> Result<Vec<AccountRecord>, StoreError> {
        row::all(&self.shared.connections.reader(), "SELECT * FROM account ORDER BY name", [], read_account)
    }

    /// One account.
    ///
    /// # Errors
    /// As every read.
    pub fn account(&self, name: &str) -> Result<Option<AccountRecord>, StoreError> {
        find(&self.shared.connections.reader(), Table::Account, name, read_account)
    }
}
