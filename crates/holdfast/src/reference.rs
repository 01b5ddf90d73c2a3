//! The page of the command line in the docs, written from the command line itself.

use crate::args::Cli;
use clap::{Arg, Command, CommandFactory};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/cli.md");

const HEAD: &str = "# CLI reference

Written from the command line itself; `holdfast COMMAND --help` says the same.

Data goes to standard output, everything else to standard error; with `-o json` the data is the API's own answer, with `-o name` one name a line. Lines are as wide as `COLUMNS` says, else as the terminal, else 80 columns; with `-o wide`
tables and events keep to one line each. The settings of `serve` may also stand in a file and in the
environment; see [Operating it](../operating.md).

| exit code | means |
|---|---|
| 0 | all went well |
| 1 | it did not, or the command line itself is wrong; the message says why |
| 2 | there are differences, where `--exit-code` asks for them; or `store check` found damage |
| 3 | refused because of what is there: anything that the server answers with 409, such as a protected resource or an overtaken plan |
| 4 | a token is missing, or not allowed to do this |
| 5 | time was up |

`-f` takes a file, `-` for standard input, or a folder, of which it reads `*.json` and no folders inside. `wait --for=Gone` is content with what never
was there; `wait --for=InSync` waits for what is blocked until its time is up, since somebody may unblock it.
";

fn page() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text = String::from(HEAD);
    text += "\n## Everywhere\n";
    text += &table("option", cli.get_arguments().filter(|a| a.is_global_set()));
    for command in cli.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        section(command, "holdfast", &mut text);
    }
    text
}

fn section(command: &mut Command, above: &str, text: &mut String) {
    let name = format!("{above} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    *text += &format!("\n## {name}\n\n{about}.\n");
    if command.has_subcommands() {
        for inner in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            section(inner, &name, text);
        }
        return;
    }
    let usage = command.render_usage().to_string();
    *text += &format!("\n```sh\n{}\n```\n", usage.trim_start_matches("Usage: ").trim());
    *text += &table("argument", command.get_positionals());
    *text += &table("option", options(command));
}

/// The options of a command, without those that every command has.
fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let everywhere = |a: &Arg| a.is_global_set() || ["help", "version"].contains(&a.get_id().as_str());
    command.get_arguments().filter(move |a| !a.is_positional() && !everywhere(a))
}

/// A row for each; nothing at all if there is none. Of the environment only names are told, never values.
fn table<'a>(what: &str, args: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> = args.map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\n| {what} | what it is | default |\n|---|---|---|\n{}", rows.concat())
}

fn row(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let value = arg.get_value_names().into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let value = if takes && !arg.is_positional() { format!(" <{value}>") } else { String::new() };
    let name = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}{value}"),
        (None, Some(long)) => format!("--{long}{value}"),
        _ => arg.get_value_names().and_then(|n| n.first()).map(ToString::to_string).unwrap_or_default(),
    };
    let mut doc = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> = arg.get_possible_values().iter().map(|v| format!("`{}`", v.get_name())).collect();
    if takes && !choices.is_empty() && !doc.contains(choices[0].trim_matches('`')) {
        doc += &format!(": {}", choices.join(", "));
    }
    if arg.is_required_set() {
        doc += " (required)";
    }
    let default = arg.get_default_values().iter().map(|v| format!("`{}`", v.to_string_lossy())).filter(|_| takes);
    let variable = arg.get_env().map(|name| format!("`${}`", name.to_string_lossy()));
    let default: Vec<String> = variable.into_iter().chain(default).collect();
    format!("| `{}` | {} | {} |\n", cell(&name), cell(&doc), cell(&default.join(", else ")))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_cli_reference_says_what_the_command_line_says() {
    let page = page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(PAGE, &page).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == page, "docs/src/reference/cli.md is out of date; run `cargo xtask golden`");
}
