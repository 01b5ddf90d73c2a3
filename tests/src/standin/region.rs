//! What one account has in one region: tables of things, each with the text that describes it ready to send.

use super::wire::{self, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// One thing, as its service describes it.
#[derive(Default)]
pub(crate) struct Thing {
    /// The members of its description, without tags.
    pub(crate) doc: Value,
    /// What its description does not show: rules with their ids, attributes.
    pub(crate) beside: Value,
    pub(crate) tags: Tags,
    /// The description as it is sent; made anew by [`Region::put`].
    pub(crate) sent: String,
}

/// Things by id or ARN, in the order in which they are listed.
pub(crate) type Table = BTreeMap<String, Thing>;

/// A refusal in AWS's words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// A refusal of what was asked.
pub(crate) fn refusal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { status: 400, code, message: message.into() }
}

/// An account in a region.
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) account: String,
    tables: BTreeMap<&'static str, Table>,
    /// The next number of an id; its high bits keep regions apart.
    next: u64,
}

impl Region {
    pub(crate) fn new(account: &str, name: &str, number: u64) -> Self {
        Self { name: name.to_owned(), account: account.to_owned(), tables: BTreeMap::new(), next: number << 40 }
    }

    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// An id as EC2 makes them: `sg-0…`.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-{:017x}", self.number())
    }

    /// The ARN of something of a service.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.name, self.account)
    }

    pub(crate) fn table(&mut self, table: &'static str) -> &mut Table {
        self.tables.entry(table).or_default()
    }

    /// All tables, for what asks across them.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&'static str, &Table)> {
        self.tables.iter().map(|(name, table)| (*name, table))
    }

    /// Keeps a thing, with its description ready to send.
    pub(crate) fn put(&mut self, table: &'static str, id: &str, mut thing: Thing, write: fn(&Thing) -> String) {
        thing.sent = write(&thing);
        self.table(table).insert(id.to_owned(), thing);
    }

    /// Changes a thing; `missing` is the code of AWS's refusal if there is none.
    pub(crate) fn change(
        &mut self,
        table: &'static str,
        id: &str,
        missing: &'static str,
        write: fn(&Thing) -> String,
        change: impl FnOnce(&mut Thing),
    ) -> Result<&Thing, Refusal> {
        let thing = self.table(table).get_mut(id).ok_or_else(|| refusal(missing, format!("{id} does not exist")))?;
        change(thing);
        thing.sent = write(thing);
        Ok(thing)
    }

    /// A thing that must be there.
    pub(crate) fn find(&mut self, table: &'static str, id: &str, missing: &'static str) -> Result<&Thing, Refusal> {
        self.table(table).get(id).ok_or_else(|| refusal(missing, format!("{id} does not exist")))
    }
}

/// A page of a table, from behind `after`, and the token of the next.
pub(crate) fn page<'t>(
    table: &'t Table,
    after: Option<&str>,
    size: usize,
    keep: impl Fn(&str, &Thing) -> bool,
) -> (Vec<(&'t str, &'t Thing)>, Option<&'t str>) {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = table.range::<str, _>((from, Bound::Unbounded)).filter(|(id, thing)| keep(id, thing));
    let items: Vec<(&str, &Thing)> = rest.by_ref().take(size).map(|(id, thing)| (id.as_str(), thing)).collect();
    let more = rest.next().is_some();
    let token = items.last().map(|(id, _)| *id).filter(|_| more);
    (items, token)
}

/// The size of a page that a call asks for, at most `most`.
pub(crate) fn page_size(input: &Value, member: &str, most: usize) -> usize {
    let asked = input.get(member).and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
    asked.map_or(most, |n| usize::try_from(n).unwrap_or(most).clamp(1, most))
}

/// Tags of a list whose items have these members.
pub(crate) fn tags_of(list: Option<&Value>, key: &str, value: &str) -> Tags {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|t| Some((text(t, key)?.to_owned(), text(t, value).unwrap_or_default().to_owned()))).collect()
}

/// Tags as a list whose items have these members.
pub(crate) fn tag_list(tags: &Tags, key: &str, value: &str) -> Value {
    tags.iter().map(|(k, v)| json!({ key: k, value: v })).collect()
}

/// Members of an input that are there, under other names.
pub(crate) fn take(input: &Value, names: &[(&str, &str)]) -> Value {
    let found = names.iter().filter_map(|(from, to)| Some(((*to).to_owned(), input.get(*from)?.clone())));
    Value::Object(found.collect())
}

/// Puts the members of `more` over those of `doc`.
pub(crate) fn overlay(doc: &mut Value, more: Value) {
    if let (Value::Object(doc), Value::Object(more)) = (doc, more) {
        doc.extend(more);
    }
}

/// A member that must be there.
pub(crate) fn need<'v>(input: &'v Value, member: &str) -> Result<&'v str, Refusal> {
    wire::text(input, member)
        .ok_or_else(|| refusal("MissingParameter", format!("The request must contain the parameter {member}")))
}
