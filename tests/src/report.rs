//! Figures as they are kept: by name, with the goal and the floor where there is one, in a file for whoever compares.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// The variable that names the file.
pub const FILE: &str = "HOLDFAST_BENCH_OUT";

/// Figures of one run.
#[derive(Default)]
pub struct Report(Map<String, Value>);

/// One figure.
pub struct Figure {
    /// What was measured.
    pub value: f64,
    /// In what.
    pub unit: &'static str,
    /// What it should not exceed.
    pub goal: Option<f64>,
    /// What it cannot be less than.
    pub floor: Option<f64>,
}

/// A figure without goal or floor.
pub fn plain(value: f64, unit: &'static str) -> Figure {
    Figure { value, unit, goal: None, floor: None }
}

impl Figure {
    /// With what it should not exceed.
    pub fn goal(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// With what it cannot be less than.
    pub fn floor(self, floor: f64) -> Self {
        Self { floor: Some(floor), ..self }
    }
}

impl Report {
    /// Prints and keeps a figure.
    #[expect(clippy::print_stdout, reason = "figures are printed; that is what they are for")]
    pub fn add(&mut self, name: impl Into<String>, figure: Figure) {
        let Figure { value, unit, goal, floor } = figure;
        let (name, value) = (name.into(), (value * 100.0).round() / 100.0);
        let more = |word: &str, n: Option<f64>| n.map(|n| format!("  {word} {n}")).unwrap_or_default();
        println!("{name:<58} {value:>12} {unit}{}{}", more("floor", floor), more("goal", goal));
        self.0.insert(name, json!({ "value": value, "unit": unit, "goal": goal, "floor": floor }));
    }

    /// Adds the figures to those in the file, if one is named.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn save(self) -> Result<()> {
        let Some(file) = std::env::var_os(FILE).map(PathBuf::from) else { return Ok(()) };
        let mut all: Map<String, Value> = match std::fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is no report", file.display()))?,
            Err(_) => Map::new(),
        };
        all.extend(self.0);
        let text = serde_json::to_string_pretty(&all)?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }
}
