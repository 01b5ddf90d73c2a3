//! Ten thousand resources: what a pass that finds nothing costs.

use crate::bench::{bench, stack};
use serde_json::{Value, json};
use std::time::Instant;

#[tokio::test]
#[ignore = "a measurement: run it with --release --ignored --nocapture"]
async fn a_pass_over_ten_thousand_that_finds_nothing_costs_little() {
    let b = bench();
    for s in 0..100 {
        let names: Vec<String> = (0..100).map(|i| format!("g{s}-{i}")).collect();
        let all: Vec<(&str, &str, Value)> = names
            .iter()
            .enumerate()
            .map(|(i, name)| match i % 4 {
                0 => ("Group", name.as_str(), json!({ "groupName": name, "rules": ["http", "ssh", "rdp", "dns"] })),
                _ => {
                    let group = format!("${{Group/{}.id}}", names[i - i % 4]);
                    ("Machine", name.as_str(), json!({ "name": name, "size": 3, "group": group }))
                }
            })
            .collect();
        b.declare(&stack(&format!("s{s}"), &all));
    }
    let start = Instant::now();
    let first = b.pass().await;
    println!("create {} in {:?}", first.succeeded, start.elapsed());
    let start = Instant::now();
    let second = b.pass().await;
    println!("settle {} in {:?}", second.changed, start.elapsed());
    b.settle().await;
    let start = Instant::now();
    for _ in 0..40 {
        let quiet = b.pass().await;
        assert_eq!((quiet.resources, quiet.planned, quiet.changed), (10_000, 0, 0));
    }
    println!("a pass that finds nothing: {:?}", start.elapsed() / 40);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "{}",
        status.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM")).collect::<Vec<_>>().join(" ")
    );
}
