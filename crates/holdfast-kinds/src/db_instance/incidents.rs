//! What went wrong with databases elsewhere.

use super::DBInstance;
use super::tests::{live, owned, spec};
use crate::ecs::testing::{check_diffs, steps};
use serde_json::json;

/// ACK#2956, ACK#2695, ACK#1773, ACK#1650, ACK#2850: about 200 calls in half an hour that changed nothing, and a class that went to and
/// fro because what waited was not counted.
#[test]
fn i04_a_value_that_waits_for_the_window_is_in_sync_and_told() {
    let declared = spec(json!({ "dbInstanceClass": "db.t4g.large", "engineVersion": "16" }));
    let waiting = json!({ "pending": { "dbInstanceClass": "db.t4g.large" } });
    let seen = live(waiting.clone(), &declared);
    check_diffs::<DBInstance>("waiting", &declared, &seen, &[]);
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), [""; 0]);
    let why = "/dbInstanceClass rds-maintenance-window: It was changed and is db.t4g.small until the maintenance window \
               (sun:04:00-sun:05:00), when RDS applies it.";
    assert_eq!(owned(&seen), [why]);
    // What somebody else has put in line is taken back before it happens.
    let declared = spec(json!({}));
    let seen = live(waiting, &declared);
    assert_eq!(owned(&seen), [""; 0]);
    assert_eq!(steps::<DBInstance>(&declared, &seen, None), ["set dbInstanceClass db.t4g.small | /dbInstanceClass"]);
}
