//! What is refused, what is the same, what is done.

use super::*;
use crate::cases;
use crate::ecs::testing::{check_mistakes, created, mint, steps};
use serde_json::json;

fn spec(parameters: Value) -> Value {
    json!({ "dbParameterGroupName": "Web", "dbParameterGroupFamily": "postgres16", "description": "web", "parameters": parameters })
}

fn live(parameters: Value) -> Observation {
    let mut live = created::<DBParameterGroup>(&spec(json!({})));
    live.fields["parameters"] = parameters;
    live
}

#[test]
fn a_group_has_a_name_a_family_and_a_description() {
    check_mistakes::<DBParameterGroup>("good", spec(json!({ "a": 1 })), &[]);
    for name in ["web-", "we--b"] {
        let mut wrong = spec(json!({}));
        wrong["dbParameterGroupName"] = json!(name);
        check_mistakes::<DBParameterGroup>(name, wrong, &[("/dbParameterGroupName", "invalid-name")]);
    }
    let all = json!({ "dbParameterGroupName": "default.postgres16", "dbParameterGroupFamily": "", "description": "" });
    let wrong = [
        ("/dbParameterGroupName", "invalid-name"),
        ("/dbParameterGroupFamily", "missing-value"),
        ("/description", "missing-value"),
    ];
    check_mistakes::<DBParameterGroup>("all at once", all, &wrong);
}

#[test]
fn only_what_differs_is_sent_and_what_is_declared_no_more_is_reset() {
    let live = live(json!({ "same": "1", "other": "2", "gone": "3", "theirs": "4" }));
    let (declared, last) = (spec(json!({ "same": 1, "other": 5 })), spec(json!({ "gone": "3" })));
    let told = ["set parameters {\"other\":\"5\",\"gone\":null} | /parameters/other, /parameters/gone"];
    assert_eq!(steps::<DBParameterGroup>(&declared, &live, Some(&last)), told);
}

#[test]
fn a_change_leaves_the_parameters_of_others() {
    let live = live(json!({ "other": "2", "gone": "3", "theirs": "4" }));
    let set = Map::from_iter([("parameters".to_owned(), json!({ "other": "5", "gone": null }))]);
    let action = Call::Modify { id: live.id.clone(), set }.into();
    let after = DBParameterGroup::predict(Some(&live), &action, &mut mint()).expect("taken").expect("there");
    assert_eq!(after.fields["parameters"], json!({ "other": "5", "theirs": "4" }));
}

/// terraform-provider-aws#593: a parameter that was declared with the engine's own value was set again in each pass.
#[test]
fn a_parameter_of_the_engines_own_value_counts_where_it_is_declared() {
    let one = |name: &str, value: Option<&str>, is_set| (name.to_owned(), value.map(str::to_owned), is_set);
    let all = vec![
        one("set", Some("1"), true),
        one("own", Some("2"), false),
        one("idle", None, false),
        one("reset", Some("3"), false),
        one("other", Some("4"), false),
    ];
    let declared = spec(json!({ "own": 2, "idle": 5, "reset": null }));
    let seen = live(Value::Object(counted(all, &declared_parameters(&declared))));
    assert_eq!(seen.fields["parameters"], json!({ "set": "1", "own": "2" }));
    let told = ["set parameters {\"idle\":\"5\"} | /parameters/idle"];
    assert_eq!(steps::<DBParameterGroup>(&declared, &seen, None), told);
}

#[test]
fn a_parameter_that_is_not_known_to_be_dynamic_waits_for_a_restart() {
    assert_eq!(apply_method(Some("dynamic")), "immediate");
    assert_eq!((apply_method(Some("static")), apply_method(None)), ("pending-reboot", "pending-reboot"));
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("DBParameterGroup");
}
