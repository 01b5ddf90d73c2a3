//! What is refused, what is the same, what is done.

use super::*;
use crate::cases;
use crate::ecs::testing::{check_mistakes, created, steps};
use serde_json::json;

fn spec(subnets: &[&str]) -> Value {
    json!({ "dbSubnetGroupName": "Data", "dbSubnetGroupDescription": "databases", "subnetIds": subnets })
}

#[test]
fn a_group_has_a_name_a_description_and_two_subnets() {
    check_mistakes::<DBSubnetGroup>("good", spec(&["subnet-1", "${Subnet/b.id}"]), &[]);
    check_mistakes::<DBSubnetGroup>("one subnet", spec(&["subnet-1"]), &[("/subnetIds", "too-few")]);
    let all = json!({ "dbSubnetGroupName": "default", "dbSubnetGroupDescription": "", "subnetIds": [] });
    let wrong = [
        ("/dbSubnetGroupName", "reserved-name"),
        ("/dbSubnetGroupDescription", "missing-value"),
        ("/subnetIds", "too-few"),
    ];
    check_mistakes::<DBSubnetGroup>("all at once", all, &wrong);
}

#[test]
fn a_change_of_the_description_repeats_the_subnets_that_the_call_wants() {
    let live = created::<DBSubnetGroup>(&spec(&["subnet-1", "subnet-2"]));
    let mut declared = spec(&["subnet-1", "subnet-2"]);
    declared["dbSubnetGroupDescription"] = json!("others");
    let told =
        ["set dbSubnetGroupDescription others, subnetIds [\"subnet-1\",\"subnet-2\"] | /dbSubnetGroupDescription"];
    assert_eq!(steps::<DBSubnetGroup>(&declared, &live, None), told);
}

#[test]
fn a_group_is_found_by_its_name_in_lower_case_and_named_so_to_others() {
    let live = created::<DBSubnetGroup>(&spec(&["subnet-1", "subnet-2"]));
    assert_eq!((live.identity.as_str(), &live.outputs["id"]), ("data", &json!("data")));
    assert_eq!(live.id, "arn:aws:rds:eu-west-1:123456789012:subgrp:data");
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("DBSubnetGroup");
}
