//! A history: what is declared at first, and what happens then. It is data, drawn from a seed as a whole before anything
//! runs; so a part of it can be left out and the rest stays what it was.

use crate::material::{Material, Start};
use holdfast_sim::Dice;
use std::collections::BTreeSet;

/// One history.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) start: Start,
    /// The steps with their numbers, which they keep when others are left out.
    pub(crate) steps: Vec<(usize, Step)>,
    /// True: the store is a file, and is opened again by every new process.
    pub(crate) on_disk: bool,
    /// True: every other pass follows what the one before it has left open, and else looks at everything.
    pub(crate) follows: bool,
    /// What becomes of what is not declared any more, where nothing else is said.
    pub(crate) deletion: &'static str,
}

/// Something that happens. A number is the seed of what is drawn within.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Somebody declares something else.
    Edit(Edit, u64),
    /// The same, while a pass is at its boundary of that number.
    During(Edit, u64, u64),
    /// Somebody deletes the whole stack by name.
    Remove,
    /// Something goes wrong from now on.
    Weather(u64),
    /// Nothing goes wrong any more.
    Clear,
    /// A person at the console changes or deletes a live thing.
    Tamper(u64),
    /// An autoscaler, a deployment, a registrar or a circuit breaker takes something over, or lets go of it.
    Owner(u64),
    /// Another controller that wants something else, until the weather clears.
    Rival(u64),
    /// The process dies at its boundary of that number, within so many passes.
    Die(u64, usize),
    /// The process stops and another one starts.
    Restart,
    /// A stack is paused, or goes on.
    Pause,
    Resume,
    /// A person asks for another try.
    Reconcile,
    /// The clock of the machine is so many seconds off.
    Skew(i64),
    /// Passes over the scope.
    Pass(usize),
    /// Time goes by.
    Wait(i64),
    /// The run itself fails: for the test of how histories become small.
    #[cfg(test)]
    Fail,
}

/// A change of what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A field of a resource gets another value, or goes, or comes.
    Field,
    /// A resource goes.
    Drop,
    /// What went comes back.
    Restore,
    /// A resource is called otherwise.
    Rename,
    /// What was declared before is declared again.
    Flip,
    /// The tags of the stack.
    Tags,
    /// A field that AWS cannot change in place.
    CreateOnly,
    /// A policy of the stack.
    Policy,
    /// A document that nobody may accept, with a secret in it.
    Refused,
}

impl History {
    /// Draws the history of a seed.
    pub(crate) fn of(seed: u64, material: &Material) -> Self {
        let mut dice = Dice::new(seed);
        let most = 4 + dice.below(8);
        let start = material.start(&mut dice, most);
        let length = 8 + dice.below(16);
        let steps = (0..length).map(|n| (n, step(&mut dice))).collect();
        let deletion = if dice.below(3) == 0 { "retain" } else { "delete" };
        let (on_disk, follows) = (seed.is_multiple_of(64), seed.is_multiple_of(2));
        Self { seed, start, steps, on_disk, follows, deletion }
    }

    /// With these steps only.
    pub(crate) fn only(&self, kept: &BTreeSet<usize>) -> Self {
        let steps = self.steps.iter().filter(|(n, _)| kept.contains(n)).cloned().collect();
        Self { steps, ..self.clone() }
    }

    /// Without these resources, each `Kind/name`.
    pub(crate) fn without(&self, gone: &BTreeSet<String>) -> Self {
        let mut other = self.clone();
        other.start.resources.retain(|r| !gone.contains(&name_of(r)));
        other
    }
}

/// `Kind/name` of a resource of a document.
pub(crate) fn name_of(resource: &serde_json::Value) -> String {
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&resource["kind"]), text(&resource["metadata"]["name"]))
}

fn step(dice: &mut Dice) -> Step {
    match dice.below(24) {
        0..=3 => Step::Edit(edit(dice), dice.roll()),
        4 => Step::During(edit(dice), dice.roll(), dice.below(12) as u64),
        5..=7 => Step::Weather(dice.roll()),
        8 => Step::Clear,
        9..=11 => Step::Tamper(dice.roll()),
        12 => Step::Owner(dice.roll()),
        13 => Step::Rival(dice.roll()),
        14 | 15 => Step::Die(dice.below(40) as u64, 1 + dice.below(3)),
        16 => Step::Restart,
        17 => match dice.below(6) {
            0 | 1 => Step::Pause,
            2 => Step::Resume,
            3 => Step::Reconcile,
            4 => Step::Skew(*dice.of(&[300, -300, 86_400, -86_400, 30, -1200]).unwrap_or(&0)),
            _ => Step::Remove,
        },
        18 | 19 => Step::Wait(*dice.of(&[1, 5, 30, 70, 400, 4000]).unwrap_or(&1)),
        _ => Step::Pass(1 + dice.below(3)),
    }
}

fn edit(dice: &mut Dice) -> Edit {
    match dice.below(16) {
        0..=5 => Edit::Field,
        6 | 7 => Edit::Drop,
        8 => Edit::Restore,
        9 => Edit::Rename,
        10 | 11 => Edit::Flip,
        12 => Edit::Tags,
        13 => Edit::CreateOnly,
        14 => Edit::Policy,
        _ => Edit::Refused,
    }
}
