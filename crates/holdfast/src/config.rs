//! The configuration: flag over environment over file over default, and where each value came from.

use crate::args::ServeArgs;
use crate::duration;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A setting: its key in the file, its default as text, and what it is.
struct Setting {
    key: &'static str,
    default: &'static str,
    doc: &'static str,
}

const SETTINGS: &[Setting] = &[
    Setting { key: "listen", default: "127.0.0.1:8080", doc: "address to listen on" },
    Setting { key: "store", default: "sqlite://holdfast.db", doc: "where desired state is kept" },
    Setting { key: "log", default: "info", doc: "log filter" },
    Setting { key: "sweep.interval", default: "60s", doc: "time from sweep to sweep of a scope" },
    Setting { key: "safety.maxDeletesPerHour", default: "10", doc: "deletions nobody named, an hour and a scope" },
    Setting { key: "safety.maxReplacementsPerHour", default: "2", doc: "replacements, an hour and a scope" },
    Setting { key: "safety.maxDriftShare", default: "50", doc: "per cent of a scope that may drift at once" },
    Setting { key: "safety.minDrift", default: "10", doc: "fewer than so many may always drift at once" },
    Setting { key: "safety.maxPruneShare", default: "50", doc: "per cent of a stack that prune may delete" },
    Setting { key: "safety.minPrune", default: "5", doc: "fewer than so many may always be pruned" },
    Setting { key: "safety.settle", default: "330s", doc: "time AWS may take to show what was created" },
    Setting { key: "auth.tokens", default: "", doc: "tokens, as blake3:HASH from `holdfast config token`" },
    Setting { key: "ephemeral", default: "false", doc: "accept a store on a disk that goes away with the container" },
];

/// Variables that are ours and no settings of the server.
const OTHER_VARIABLES: &[&str] = &["HOLDFAST_CONFIG", "HOLDFAST_SERVER", "HOLDFAST_TOKEN"];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => write!(f, "default"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Environment(name) => write!(f, "{name}"),
            Source::Flag => write!(f, "flag"),
        }
    }
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    values: BTreeMap<&'static str, (String, Source)>,
    /// Address to listen on.
    pub(crate) listen: String,
    /// Path of the SQLite file.
    pub(crate) store: PathBuf,
    /// Log filter.
    pub(crate) log: String,
    /// Time from sweep to sweep.
    pub(crate) sweep_interval: Duration,
    /// Deletions by policy an hour and a scope.
    pub(crate) max_deletes_per_hour: u32,
    /// Replacements an hour and a scope.
    pub(crate) max_replacements_per_hour: u32,
    /// Limits of the plan.
    pub(crate) plan: holdfast_core::plan::Settings,
    /// How much of a stack may be pruned without a person's word.
    pub(crate) shrink: holdfast_api::Shrink,
    /// Tokens, hashed or plain as configured.
    pub(crate) tokens: Vec<String>,
    /// A throw-away disk will do.
    pub(crate) ephemeral: bool,
}

/// The environment variable of a key: `sweep.interval` is `HOLDFAST_SWEEP_INTERVAL`.
fn variable(key: &str) -> String {
    let mut name = String::from("HOLDFAST_");
    for c in key.chars() {
        match c {
            '.' => name.push('_'),
            c if c.is_ascii_uppercase() => name.extend(['_', c]),
            c => name.push(c.to_ascii_uppercase()),
        }
    }
    name
}

/// What to say of variables that look like settings and are none. They are no error: Kubernetes sets some, such as
/// `HOLDFAST_SERVICE_HOST`, next to any service called holdfast, and of those nothing is said.
pub(crate) fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let known: Vec<String> =
        SETTINGS.iter().map(|s| variable(s.key)).chain(OTHER_VARIABLES.iter().map(ToString::to_string)).collect();
    let is_of_kubernetes =
        |name: &str| ["HOLDFAST_SERVICE_", "HOLDFAST_PORT"].iter().any(|prefix| name.starts_with(prefix));
    let unknown = names
        .into_iter()
        .filter(|name| name.starts_with("HOLDFAST_") && !known.contains(name) && !is_of_kubernetes(name));
    unknown
        .map(|name| {
            let near = holdfast_core::problem::did_you_mean(&name, known.iter().map(String::as_str));
            format!("the environment variable {name} is no setting and is ignored.{near}")
        })
        .collect()
}

impl Config {
    /// Puts the configuration together; a wrong key or value is an error that names it.
    pub(crate) fn load(args: &ServeArgs, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut values: BTreeMap<&'static str, (String, Source)> =
            SETTINGS.iter().map(|s| (s.key, (s.default.to_owned(), Source::Default))).collect();
        if let Some(path) = &args.config {
            for (key, value) in read_file(path)? {
                values.insert(key, (value, Source::File(path.clone())));
            }
        }
        for setting in SETTINGS {
            let name = variable(setting.key);
            if let Some(value) = environment(&name) {
                values.insert(setting.key, (value, Source::Environment(name)));
            }
        }
        let flags = [
            ("listen", &args.listen),
            ("store", &args.store),
            ("sweep.interval", &args.sweep_interval),
            ("log", &args.log),
        ];
        for (key, value) in flags {
            if let Some(value) = value {
                values.insert(key, (value.clone(), Source::Flag));
            }
        }
        if args.ephemeral {
            values.insert("ephemeral", ("true".to_owned(), Source::Flag));
        }
        Self::check(values)
    }

    fn check(values: BTreeMap<&'static str, (String, Source)>) -> Result<Self> {
        let text = |key: &str| values.get(key).map_or("", |(v, _)| v.as_str());
        let wrong = |key: &str| {
            let from = values.get(key).map(|(_, s)| s.to_string()).unwrap_or_default();
            format!("{key} (from {from})")
        };
        let interval = duration::parse(text("sweep.interval"))
            .map_err(anyhow::Error::msg)
            .with_context(|| wrong("sweep.interval"))?;
        if interval < Duration::from_millis(100) {
            bail!("{}: sweeps cannot follow each other faster than every 100ms", wrong("sweep.interval"));
        }
        let number = |key: &str| -> Result<u32> {
            text(key).parse().with_context(|| format!("{}: \"{}\" is no whole number", wrong(key), text(key)))
        };
        let share = |key: &str| match number(key)? {
            share @ 0..=100 => Ok(share),
            more => bail!("{}: {more} per cent are more than all", wrong(key)),
        };
        let ephemeral = match text("ephemeral") {
            "true" | "1" => true,
            "false" | "0" | "" => false,
            other => bail!("{}: \"{other}\" is neither true nor false", wrong("ephemeral")),
        };
        let settle = duration::parse(text("safety.settle"))
            .map_err(anyhow::Error::msg)
            .with_context(|| wrong("safety.settle"))?;
        let plan = holdfast_core::plan::Settings {
            settle: settle.try_into().with_context(|| wrong("safety.settle"))?,
            max_drift_share: share("safety.maxDriftShare")?,
            min_drift: number("safety.minDrift")? as usize,
            ..Default::default()
        };
        let shrink = holdfast_api::Shrink {
            share: share("safety.maxPruneShare")?.into(),
            least: number("safety.minPrune")?.into(),
        };
        Ok(Self {
            listen: text("listen").to_owned(),
            store: store_path(text("store")).with_context(|| wrong("store"))?,
            log: text("log").to_owned(),
            sweep_interval: interval,
            max_deletes_per_hour: number("safety.maxDeletesPerHour")?,
            max_replacements_per_hour: number("safety.maxReplacementsPerHour")?,
            plan,
            shrink,
            tokens: text("auth.tokens")
                .split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect(),
            ephemeral,
            values,
        })
    }

    /// Each key with its value and source, tokens left out.
    pub(crate) fn show(&self) -> Vec<(&'static str, String, String, &'static str)> {
        SETTINGS
            .iter()
            .map(|s| {
                let (value, source) = self.values.get(s.key).cloned().unwrap_or((String::new(), Source::Default));
                let value = if s.key == "auth.tokens" { format!("{} configured", self.tokens.len()) } else { value };
                (s.key, value, source.to_string(), s.doc)
            })
            .collect()
    }
}

/// The file of `sqlite://PATH`; an absolute path follows the two slashes.
fn store_path(url: &str) -> Result<PathBuf> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(("postgres" | "postgresql", _)) => bail!("PostgreSQL is not supported by this version; use sqlite://PATH"),
        _ => bail!("\"{url}\" is no store; write sqlite://PATH, such as sqlite:///var/lib/holdfast/holdfast.db"),
    }
}

fn read_file(path: &Path) -> Result<Vec<(&'static str, String)>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is no TOML", path.display()))?;
    let (mut out, mut mistakes) = (Vec::new(), Vec::new());
    flatten("", &table, &mut |key, value| match setting_of(key, value) {
        Ok(setting) => out.push(setting),
        Err(mistake) => mistakes.push(format!("{}: {mistake}", path.display())),
    });
    if mistakes.is_empty() { Ok(out) } else { bail!(mistakes.join("\n")) }
}

/// A setting as the file has it, or what is wrong with it.
fn setting_of(key: &str, value: &toml::Value) -> Result<(&'static str, String), String> {
    let Some(setting) = SETTINGS.iter().find(|s| s.key == key) else {
        return Err(format!("there is no setting \"{key}\".{}", nearest(key)));
    };
    let text = match (setting.key, value) {
        ("auth.tokens", toml::Value::Array(items)) => tokens(items)?,
        (_, toml::Value::String(s)) => s.clone(),
        ("ephemeral", toml::Value::Boolean(yes)) => yes.to_string(),
        (key, toml::Value::Integer(n)) if key != "auth.tokens" => n.to_string(),
        (_, other) => return Err(format!("{key} cannot be of the type {}", other.type_str())),
    };
    Ok((setting.key, text))
}

/// The setting that a wrong key may mean: one spelled like it, one that is called so in another table, or all of them.
fn nearest(key: &str) -> String {
    let keys = || SETTINGS.iter().map(|s| s.key);
    let last = |key: &'_ str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let near = holdfast_core::problem::did_you_mean(key, keys());
    match keys().find(|known| last(known) == last(key)) {
        _ if !near.is_empty() => near,
        Some(known) => format!(" Did you mean \"{known}\"?"),
        None => format!(" There are: {}.", keys().collect::<Vec<_>>().join(", ")),
    }
}

/// Tokens in one text. One that cannot be taken is refused: left out, it might leave the server open to everybody.
fn tokens(items: &[toml::Value]) -> Result<String, String> {
    let mut texts = Vec::new();
    for (place, item) in items.iter().enumerate() {
        match item.as_str().map(str::trim) {
            None => return Err(format!("auth.tokens has a {} in place {place}; tokens are strings", item.type_str())),
            Some(text) if text.is_empty() || text.contains(',') => {
                return Err(format!("auth.tokens has no token in place {place}; write one without commas"));
            }
            Some(text) => texts.push(text),
        }
    }
    Ok(texts.join(","))
}

fn flatten(prefix: &str, table: &toml::Table, visit: &mut dyn FnMut(&str, &toml::Value)) {
    for (key, value) in table {
        let full = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let is_table = SETTINGS.iter().any(|s| s.key.strip_prefix(&*full).is_some_and(|rest| rest.starts_with('.')));
        match value {
            // One without anything in it is a mistake too, if its name is.
            toml::Value::Table(inner) if is_table || !inner.is_empty() => flatten(&full, inner, visit),
            other => visit(&full, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, env: &[(&str, &str)], listen: Option<&str>) -> Result<Config> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("holdfast.toml");
        std::fs::write(&path, file).expect("the file");
        let args = ServeArgs { config: Some(path), listen: listen.map(str::to_owned), ..ServeArgs::default() };
        Config::load(&args, &|name| env.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn a_wrong_key_is_named_with_the_one_that_it_may_mean() {
        for (file, said) in [
            ("[sweeep]", "there is no setting \"sweeep\"."),
            ("[sweeep]\ninterval = \"5s\"", "Did you mean \"sweep.interval\"?"),
            ("tokens = [\"a\"]", "Did you mean \"auth.tokens\"?"),
            ("port = 80", "There are: listen, "),
        ] {
            let error = load(file, &[], None).expect_err(file).to_string();
            assert!(error.contains(said), "{file}: {error}");
        }
        assert!(load("[sweep]\n[safety]", &[], None).is_ok(), "a table without anything in it is none the worse");
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        let file = "listen = \"a:1\"\n[sweep]\ninterval = \"5s\"\n[safety]\nmaxDeletesPerHour = 3\n";
        let config =
            load(file, &[("HOLDFAST_LISTEN", "b:2"), ("HOLDFAST_SWEEP_INTERVAL", "7s")], Some("c:3")).expect("good");
        assert_eq!(
            (config.listen.as_str(), config.sweep_interval.as_secs(), config.max_deletes_per_hour),
            ("c:3", 7, 3)
        );
        let sources: Vec<String> = config.show().into_iter().map(|(_, _, s, _)| s).collect();
        assert_eq!(
            (sources[0].as_str(), sources[1].as_str(), sources[3].as_str()),
            ("flag", "default", "HOLDFAST_SWEEP_INTERVAL")
        );
    }

    #[test]
    fn a_wrong_key_is_named_with_the_nearest_right_one() {
        let error = load("[sweep]\nintervall = \"5s\"\n", &[], None).expect_err("refused");
        assert!(format!("{error:#}").contains("Did you mean \"sweep.interval\"?"), "{error:#}");
    }

    #[test]
    fn all_wrong_keys_of_a_file_are_named_at_once() {
        let error =
            load("listn = \"a:1\"\nstore = 1.5\n[sweep]\nintervall = \"5s\"\n", &[], None).expect_err("refused");
        let told = format!("{error:#}");
        for said in ["\"listn\"", "store cannot be of the type float", "Did you mean \"sweep.interval\"?"] {
            assert!(told.contains(said), "{said} is not in {told}");
        }
    }

    #[test]
    fn a_token_that_cannot_be_taken_is_refused_and_not_left_out() {
        for bad in ["[1, 2]", "[\"a\", 2]", "[\"\"]", "[\"a,b\"]", "5", "true"] {
            let error = load(&format!("[auth]\ntokens = {bad}\n"), &[], None).expect_err(bad);
            assert!(format!("{error:#}").contains("auth.tokens"), "{bad}: {error:#}");
        }
        assert_eq!(load("[auth]\ntokens = [\"a\", \"b\"]\n", &[], None).expect("good").tokens, ["a", "b"]);
    }

    #[test]
    fn a_variable_that_is_no_setting_is_told_with_the_nearest_one_but_not_those_of_kubernetes() {
        let names =
            ["HOLDFAST_SWEEP_INTERVALL", "HOLDFAST_SERVICE_HOST", "HOLDFAST_PORT_8080_TCP", "HOLDFAST_LISTEN", "PATH"];
        let told = unknown_variables(names.map(str::to_owned));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("Did you mean \"HOLDFAST_SWEEP_INTERVAL\"?"), "{told:?}");
    }

    #[test]
    fn a_throw_away_disk_is_a_setting_like_any_other() {
        let shown = |config: &Config| config.show().into_iter().find(|(key, ..)| *key == "ephemeral").expect("shown");
        let plain = load("", &[], None).expect("good");
        assert_eq!((plain.ephemeral, shown(&plain).1.as_str()), (false, "false"));
        let told = load("ephemeral = true\n", &[], None).expect("good");
        assert!(told.ephemeral);
        let told = load("", &[("HOLDFAST_EPHEMERAL", "1")], None).expect("good");
        assert_eq!((told.ephemeral, shown(&told).2.as_str()), (true, "HOLDFAST_EPHEMERAL"));
        assert!(load("", &[("HOLDFAST_EPHEMERAL", "maybe")], None).is_err());
    }

    #[test]
    fn a_wrong_value_is_named_with_its_source() {
        let error = load("", &[("HOLDFAST_SWEEP_INTERVAL", "often")], None).expect_err("refused");
        assert!(format!("{error:#}").contains("HOLDFAST_SWEEP_INTERVAL"), "{error:#}");
        assert!(load("store = \"postgres://x\"\n", &[], None).is_err());
        assert_eq!(store_path("sqlite:///abs/x.db").expect("good"), PathBuf::from("/abs/x.db"));
    }
}
