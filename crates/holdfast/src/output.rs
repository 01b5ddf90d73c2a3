//! Printing: data on stdout, talk on stderr.

use crate::args::Output;
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
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
    table.set_width(u16::try_from(width()).unwrap_or(u16::MAX));
    table
}

/// How wide lines may be.
pub(crate) fn width() -> usize {
    width_of(std::env::var("COLUMNS").ok().as_deref(), Table::new().width())
}

/// What `COLUMNS` asks for, else the terminal's width, else what every terminal has.
fn width_of(columns: Option<&str>, terminal: Option<u16>) -> usize {
    let asked = columns.and_then(|c| c.parse::<usize>().ok()).filter(|c| *c >= NARROWEST);
    asked.or(terminal.map(usize::from).filter(|c| *c >= NARROWEST)).unwrap_or(80)
}

/// In fewer columns nothing can be laid out.
const NARROWEST: usize = 40;

/// A sentence after its lead, in lines that are no wider than the terminal. It goes on below its own beginning.
pub(crate) fn hung(lead: &str, sentence: &str) -> String {
    hung_in(width(), lead, sentence)
}

fn hung_in(width: usize, lead: &str, sentence: &str) -> String {
    let indent = lead.chars().count();
    let lines = wrapped(sentence, width.saturating_sub(indent));
    format!("{lead}{}", lines.join(&format!("\n{}", " ".repeat(indent)))).trim_end().to_owned()
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
    for word in unbroken(words) {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(&word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => *last += &format!(" {word}"),
            _ => lines.push(word),
        }
    }
    lines
}

/// The words of a text. A command of ours with what it is about is one, so that it can be copied from a line.
fn unbroken(words: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut glue = 0;
    for word in words.split_whitespace() {
        match out.last_mut() {
            Some(last) if glue > 0 => {
                *last += &format!(" {word}");
                glue -= 1;
            }
            _ => out.push(word.to_owned()),
        }
        if word.trim_start_matches('`') == "holdfast" {
            glue = 2;
        }
    }
    out
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

/// A value in few words.
pub(crate) fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(s) => s.clone(),
        other => spaced(other),
    };
    if text.chars().count() > 120 { format!("{}…", text.chars().take(119).collect::<String>()) } else { text }
}

/// JSON with a blank after each comma and colon, so that it can go on in another line.
fn spaced(value: &Value) -> String {
    let mut out = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => value.to_string(),
    }
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> std::io::Result<()> {
        self.begin_array_value(to, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> std::io::Result<()> {
        to.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_asked_or_as_the_terminal_or_80() {
        assert_eq!(width_of(Some("132"), Some(100)), 132);
        assert_eq!(width_of(None, Some(100)), 100);
        assert_eq!((width_of(None, None), width_of(Some("wide"), None), width_of(Some("0"), Some(0))), (80, 80, 80));
    }

    #[test]
    fn a_sentence_goes_on_below_its_beginning_and_no_command_is_broken() {
        let sentence = "it awaits approval of a plan. Carry it out with: holdfast approve 0123456789abcdef and wait";
        let shown = hung_in(60, "  because ", sentence);
        assert_eq!(
            shown,
            "  because it awaits approval of a plan. Carry it out with:\n          holdfast approve 0123456789abcdef and wait"
        );
        assert!(shown.lines().all(|l| l.chars().count() <= 60), "{shown}");
        assert_eq!(hung_in(60, "  message ", ""), "  message");
    }

    #[test]
    fn json_can_go_on_in_another_line_and_long_json_is_cut() {
        let rule = serde_json::json!({ "ports": [80, 443], "cidr": "10.0.0.0/8", "note": "a b" });
        assert_eq!(short(&rule), r#"{"ports": [80, 443], "cidr": "10.0.0.0/8", "note": "a b"}"#);
        assert_eq!(short(&Value::Null), "–");
        let long = short(&serde_json::json!(vec![1; 100]));
        assert!(long.ends_with('…') && long.chars().count() == 120, "{long}");
    }
}
