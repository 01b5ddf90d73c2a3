//! Printing: data on stdout, talk on stderr.

use crate::args::Output;
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::io::Write;

/// A line of data.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<()> {
    writeln!(anstream::stdout(), "{text}").map_err(broken_pipe)
}

/// A line of talk.
pub(crate) fn talk(text: impl std::fmt::Display) {
    // Talk that nobody can hear is no reason to fail.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// `head` closing the pipe is how a reader says that it has enough.
fn broken_pipe(e: std::io::Error) -> anyhow::Error {
    if e.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    anyhow::Error::new(e).context("cannot write to standard output")
}

/// JSON, indented.
pub(crate) fn json(value: &Value) -> Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// A column: its head, and how it is read from an item.
pub(crate) struct Column {
    pub(crate) head: &'static str,
    pub(crate) wide: bool,
    pub(crate) read: fn(&Value) -> String,
}

/// Prints items as asked: a table, a wide one, JSON, or names.
pub(crate) fn items(how: Output, items: &[Value], columns: &[Column], name: fn(&Value) -> String) -> Result<()> {
    match how {
        Output::Json => json(&serde_json::json!({ "items": items })),
        Output::Name => items.iter().try_for_each(|i| line(name(i))),
        Output::Table | Output::Wide if items.is_empty() => {
            talk("Nothing found.");
            Ok(())
        }
        Output::Table | Output::Wide => {
            let shown: Vec<&Column> = columns.iter().filter(|c| how == Output::Wide || !c.wide).collect();
            let mut table = bare_table();
            if how == Output::Wide {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
            table.set_header(shown.iter().map(|c| c.head));
            for item in items {
                table.add_row(shown.iter().map(|c| (c.read)(item)));
            }
            line(trimmed(&table))
        }
    }
}

/// A table without lines.
pub(crate) fn bare_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(100);
    }
    table
}

/// The table without the blanks that pad its right edge.
pub(crate) fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Text at a JSON Pointer; empty if there is none.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
    }
}

/// Words in lines of at most `width` characters; a longer word has a line of its own.
pub(crate) fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => *last += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How long ago an RFC 3339 time was: `3s`, `12m`, `5h`, `2d`.
pub(crate) fn age(time: &str) -> String {
    let Ok(then) = time.parse::<jiff::Timestamp>() else { return String::new() };
    let seconds = jiff::Timestamp::now().duration_since(then).as_secs().max(0);
    match seconds {
        s if s < 120 => format!("{s}s"),
        s if s < 7_200 => format!("{}m", s / 60),
        s if s < 172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// A phase with its sign and no colour: a table counts every character, escapes too.
pub(crate) fn plain_phase(name: &str) -> String {
    anstream::adapter::strip_str(&phase(name)).to_string()
}

/// A phase with its sign, so that colour is never the only one.
pub(crate) fn phase(name: &str) -> String {
    let (sign, colour) = match name {
        "InSync" => ("✓", AnsiColor::Green),
        "Progressing" | "Deleting" | "Pending" => ("…", AnsiColor::Blue),
        "Drifted" => ("≠", AnsiColor::Yellow),
        "Blocked" | "Paused" => ("‖", AnsiColor::Yellow),
        "Failed" => ("✗", AnsiColor::Red),
        _ => ("?", AnsiColor::Magenta),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{sign}{style:#} {name}")
}

/// The sign of a plan's line in its colour.
pub(crate) fn sign(verb: &str) -> String {
    let (sign, colour) = match verb {
        "create" => ("+", AnsiColor::Green),
        "delete" => ("-", AnsiColor::Red),
        "replace" => ("-/+", AnsiColor::Red),
        "adopt" => ("<", AnsiColor::Cyan),
        _ => ("~", AnsiColor::Yellow),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{sign}{style:#}")
}

/// A value in one short line.
pub(crate) fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    if text.chars().count() > 120 { format!("{}…", text.chars().take(119).collect::<String>()) } else { text }
}
