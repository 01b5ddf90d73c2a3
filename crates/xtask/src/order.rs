//! Renews the order of functions that the binary is linked in (ADR 009): those that run come first, as valgrind counts
//! them in the mix of a thousand resources.

use crate::{bench, shell};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// What the linker takes.
const ORDER: &str = "crates/holdfast/order.txt";

/// Blocks of code after which callgrind writes down what it has counted: whoever is killed tells nothing at its end.
const WRITTEN_EVERY: u32 = 100_000_000;

/// Runs the mix under callgrind and writes down the names of all functions that ran.
pub(crate) fn renew(root: &Path) -> Result<()> {
    shell::cargo(root, &["build", "--profile", "production", "--workspace", "--bin", "holdfast", "--test", "mix"])?;
    let folder = std::path::absolute(shell::target(root).join("order"))?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let under = format!(
        "valgrind\n--tool=callgrind\n--demangle=no\n--quiet\n--dump-every-bb={WRITTEN_EVERY}\n--callgrind-out-file={}",
        folder.join("out.%p").display()
    );
    let mut mix = bench::measuring(root, &folder.join("figures.json"), "mix", "a_grown_account", 1000);
    shell::run(mix.env("HOLDFAST_BENCH_UNDER", under)).context("Debian has it in the package valgrind")?;
    let mut costs = BTreeMap::new();
    for entry in std::fs::read_dir(&folder)? {
        let file = entry?.path();
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("out.")) {
            count(&std::fs::read_to_string(file)?, &mut costs);
        }
    }
    ensure!(!costs.is_empty(), "callgrind wrote nothing down in {}", folder.display());
    let text: String = sorted(costs).into_iter().map(|name| name + "\n").collect();
    std::fs::write(root.join(ORDER), text).with_context(|| format!("cannot write {ORDER}"))
}

/// Most work first, so that what runs once stands at the end.
fn sorted(costs: BTreeMap<String, u64>) -> Vec<String> {
    let mut all: Vec<(String, u64)> = costs.into_iter().collect();
    all.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    all.into_iter().map(|(name, _)| name).collect()
}

/// Adds what a file of callgrind's has counted of the functions of the binary, by name. A name stands where it comes first,
/// as `(7) name`, and after that is `(7)`; the line after `calls=` is what the called function cost. What has no name is an
/// address or stands in brackets.
fn count(text: &str, costs: &mut BTreeMap<String, u64>) {
    let (mut objects, mut functions) = (BTreeMap::new(), BTreeMap::new());
    let (mut object, mut function, mut is_of_callee) = ("", "", false);
    for line in text.lines() {
        match line.split_once('=') {
            Some(("ob", name)) => object = named(name, &mut objects),
            Some(("cob", name)) => drop(named(name, &mut objects)),
            Some(("fn", name)) => function = named(name, &mut functions),
            Some(("cfn", name)) => drop(named(name, &mut functions)),
            Some(("calls", _)) => is_of_callee = true,
            Some(_) => {}
            // Costs stand behind a place; what else has no `=`, such as the totals, is none of a function.
            None if !line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) => {}
            None if is_of_callee => is_of_callee = false,
            None => {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
                if let Some(cost) = cost.filter(|_| object.ends_with("/holdfast") && !function.starts_with(['0', '(']))
                {
                    *costs.entry(function.to_owned()).or_default() += cost;
                }
            }
        }
    }
}

/// The name that is meant, without the mark of a recursion.
fn named<'a>(text: &'a str, known: &mut BTreeMap<&'a str, &'a str>) -> &'a str {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if !name.is_empty() {
        known.insert(number, name.split('\'').next().unwrap_or(name));
    }
    known.get(number).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_is_told_by_the_name_that_stood_where_it_came_first() {
        let text = "events: Ir\n\nob=(1) /t/production/holdfast\nfl=(1) ???\nfn=(7) main\n0 5\ncob=(2) /lib/libc.so.6\n\
                    cfn=(8) memcpy\ncalls=3 0\n0 900\n+3 4\ncfn=(9) sweep'2\ncalls=1 0\n0 70\n\nfn=(9)\n0 80\n\n\
                    ob=(2)\nfn=(8)\n0 900\n\nob=(1)\nfn=(3) 0x00401000\n0 1\nfn=(4) (below main)\n0 1\nfn=(7)\n* 0\n\ntotals: 5000\n";
        let mut costs = BTreeMap::new();
        count(text, &mut costs);
        count("ob=(1) /t/production/holdfast\nfn=(1) main\n0 100\n", &mut costs);
        assert_eq!(costs, BTreeMap::from([("main".to_owned(), 109), ("sweep".to_owned(), 80)]));
        assert_eq!(sorted(costs), ["main", "sweep"]);
    }
}
