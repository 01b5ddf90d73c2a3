//! Databases, and the groups they take their subnets and settings from.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_rds::Client;
use aws_sdk_rds::types as wire;
use holdfast_core::plan::Decision;
use serde_json::json;

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

/// What differed, sorted, and what was done, as text.
async fn pass(bench: &mut Bench) -> (Vec<String>, Vec<String>) {
    let plan = bench.pass().await;
    let diffs = plan.verdicts.iter().flat_map(|v| v.diffs.iter().map(|d| (&v.key.name, d)));
    let mut found: Vec<String> = diffs.map(|(name, d)| format!("{name} {:?} {}", d.change, d.path)).collect();
    found.sort();
    let mut done: Vec<String> =
        plan.steps.iter().map(|s| format!("{} {}: {}", s.verb.sign(), s.key.name, s.text)).collect();
    done.sort();
    (found, done)
}

async fn check_quiet(bench: &mut Bench, when: &str) {
    let plan = bench.pass().await;
    let told: Vec<String> = plan.steps.iter().map(|s| format!("{} {} {:?}", s.key, s.text, s.heals)).collect();
    assert!(told.is_empty(), "{when}: {told:?}");
    let unquiet: Vec<_> = plan.verdicts.iter().filter(|v| v.decision != Decision::InSync).collect();
    assert!(unquiet.is_empty(), "{when}: {unquiet:?}");
}

/// Subnets of the default VPC, and a security group of it.
async fn network(bench: &Bench) -> (Vec<String>, String) {
    let ec2 = aws_sdk_ec2::Client::new(&bench.aws.others);
    let subnets = ec2.describe_subnets().send().await.expect("there is a default VPC");
    let groups = ec2.describe_security_groups().send().await.expect("it has a group");
    // Other tests make and delete things of the same account meanwhile.
    let stay = subnets.subnets().iter().filter(|s| s.default_for_az() == Some(true));
    let ids = stay.filter_map(|s| s.subnet_id()).map(str::to_owned).take(3).collect();
    let default = groups.security_groups().iter().filter(|g| g.group_name() == Some("default"));
    let vpc = subnets.subnets().iter().find(|s| s.default_for_az() == Some(true)).and_then(|s| s.vpc_id());
    let group = default.filter(|g| g.vpc_id() == vpc).find_map(|g| g.group_id()).expect("it has a group");
    (ids, group.to_owned())
}

async fn declare_groups(bench: &mut Bench, run: &str) {
    let (subnets, _) = network(bench).await;
    let group = json!({ "dbSubnetGroupName": format!("Data-{run}"), "dbSubnetGroupDescription": "databases",
        "subnetIds": subnets, "tags": { "team": "data" } });
    bench.declare("DBSubnetGroup", "data", group);
    let parameters = json!({ "dbParameterGroupName": format!("pg-{run}"), "dbParameterGroupFamily": "postgres16",
        "description": "settings", "parameters": { "work_mem": 4096, "max_connections": "200" } });
    bench.declare("DBParameterGroup", "settings", parameters);
}

#[tokio::test]
async fn groups_of_subnets_and_settings_live_and_go() {
    let run = format!("g{}", std::process::id());
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("rds{run}"));
    declare_groups(&mut bench, &run).await;
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done.len(), 3, "{done:#?}");
    check_quiet(&mut bench, "after the create").await;
    bench.aws.meter.take();
    check_quiet(&mut bench, "again").await;
    let calls = bench.aws.meter.take_sorted();
    // moto's feed has no groups of RDS, so their tags are asked of RDS itself.
    let confirmed = ["ListTagsForResource"; 2];
    let listings = ["DescribeDBParameterGroups", "DescribeDBParameters", "DescribeDBSubnetGroups", "GetResources"];
    assert_eq!(calls, [&listings[..], &confirmed].concat());

    disturb_groups(&bench, &run).await;
    let (found, done) = pass(&mut bench).await;
    assert_eq!(found, ["data Removed /tags/team", "settings Changed /parameters/work_mem"]);
    assert_eq!(done, ["~ data: tag team=data", "~ settings: set parameters {\"work_mem\":\"4096\"}"]);
    check_quiet(&mut bench, "after a disturbance").await;
    let lost = other(&bench).delete_db_subnet_group().db_subnet_group_name(format!("data-{run}"));
    lost.send().await.expect("a group is deleted behind our back");
    assert_eq!(pass(&mut bench).await.0, ["data Missing "]);
    check_quiet(&mut bench, "after it was made again").await;

    bench.memory.clear();
    bench.aws = Emulator::named_by("HOLDFAST_TEST_MOTO").await;
    check_quiet(&mut bench, "with nothing remembered").await;
    check_quiet(&mut bench, "once more").await;

    let other = other(&bench);
    let (subnets, _) = network(&bench).await;
    let bystander = other.create_db_subnet_group().db_subnet_group_name(format!("by-{run}"));
    let bystander = bystander.db_subnet_group_description("not ours").set_subnet_ids(Some(subnets));
    bystander.send().await.expect("moto makes it");
    bench.condemn();
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done.len(), 2, "{done:#?}");
    let gone = bench.plan().await;
    assert!(gone.verdicts.iter().all(|v| v.decision == Decision::Gone), "{:#?}", gone.verdicts);
    let left = other.describe_db_subnet_groups().db_subnet_group_name(format!("by-{run}")).send().await;
    assert_eq!(left.expect("what is not ours stays").db_subnet_groups().len(), 1);
}

/// What a person with a console does.
async fn disturb_groups(bench: &Bench, run: &str) {
    let other = other(bench);
    let untag = other.remove_tags_from_resource().resource_name(bench.id("DBSubnetGroup", "data")).tag_keys("team");
    untag.send().await.expect("a tag is removed behind our back");
    let parameter = wire::Parameter::builder().parameter_name("work_mem").parameter_value("64");
    let parameter = parameter.apply_method(wire::ApplyMethod::Immediate).build();
    let call = other.modify_db_parameter_group().db_parameter_group_name(format!("pg-{run}")).parameters(parameter);
    call.send().await.expect("a parameter is changed behind our back");
}

async fn declare_database(bench: &mut Bench, run: &str, class: &str) {
    let (_, group) = network(bench).await;
    let database = json!({
        "dbInstanceIdentifier": format!("Web-{run}"), "dbInstanceClass": class, "engine": "postgres", "engineVersion": "16.3",
        "dbName": "web", "masterUsername": "web", "manageMasterUserPassword": true, "allocatedStorage": 100,
        "maxAllocatedStorage": 500, "storageType": "gp3", "dbSubnetGroupName": "${DBSubnetGroup/data.id}",
        "dbParameterGroupName": "${DBParameterGroup/settings.id}", "vpcSecurityGroupIds": [group], "port": 5433,
        "backupRetentionPeriod": 7, "preferredBackupWindow": "02:00-03:00", "multiAZ": true,
        "preferredMaintenanceWindow": "Sun:04:00-Sun:05:00", "enableCloudwatchLogsExports": ["postgresql"],
        "tags": { "team": "data" },
    });
    bench.declare("DBInstance", "web", database);
}

#[tokio::test]
async fn a_database_lives_in_its_groups_and_goes_with_a_final_snapshot() {
    let run = format!("d{}", std::process::id());
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_MOTO").await, &format!("rds{run}"));
    declare_groups(&mut bench, &run).await;
    declare_database(&mut bench, &run, "db.t4g.small").await;
    let (_, done) = pass(&mut bench).await;
    assert_eq!(done.len(), 4, "{done:#?}");
    check_quiet(&mut bench, "after the create").await;
    bench.aws.meter.take();
    check_quiet(&mut bench, "again").await;
    let calls = bench.aws.meter.take();
    assert_eq!(calls.iter().filter(|c| c.contains("DBInstance")).count(), 1, "{calls:?}");
    let key = holdfast_core::name::ResourceKey::new(format!("rds{run}"), "DBInstance", "web");
    let outputs = bench.memory[&key].outputs.clone();
    assert_eq!(
        (outputs["id"].as_str(), outputs["endpointPort"].as_i64()),
        (Some(format!("web-{run}").as_str()), Some(5433))
    );
    assert!(outputs["masterUserSecretArn"].as_str().is_some_and(|arn| arn.contains(":secretsmanager:")), "{outputs:?}");

    disturb_database(&bench, &run).await;
    let (found, done) = pass(&mut bench).await;
    let expected = [
        "web Added /enableCloudwatchLogsExports/1",
        "web Changed /backupRetentionPeriod",
        "web Changed /dbInstanceClass",
        "web Changed /multiAZ",
        "web Removed /tags/team",
    ];
    assert_eq!(found, expected);
    assert_eq!(done.len(), 2, "one change and the tag: {done:#?}");
    check_quiet(&mut bench, "after a disturbance").await;
    declare_database(&mut bench, &run, "db.t4g.large").await;
    assert_eq!(pass(&mut bench).await.1, ["~ web: set dbInstanceClass db.t4g.large"]);
    check_quiet(&mut bench, "after another class").await;

    bench.memory.clear();
    bench.aws = Emulator::named_by("HOLDFAST_TEST_MOTO").await;
    check_quiet(&mut bench, "with nothing remembered").await;
    goes_with_a_snapshot(&mut bench, &run).await;
}

/// What a person with a console does.
async fn disturb_database(bench: &Bench, run: &str) {
    let other = other(bench);
    let logs = wire::CloudwatchLogsExportConfiguration::builder().enable_log_types("upgrade").build();
    let change = other.modify_db_instance().db_instance_identifier(format!("web-{run}")).apply_immediately(true);
    let change = change.db_instance_class("db.t4g.micro").backup_retention_period(1).multi_az(false);
    let change = change.cloudwatch_logs_export_configuration(logs);
    change.send().await.expect("a database is changed behind our back");
    let untag = other.remove_tags_from_resource().resource_name(bench.id("DBInstance", "web")).tag_keys("team");
    untag.send().await.expect("a tag is removed behind our back");
}

async fn goes_with_a_snapshot(bench: &mut Bench, run: &str) {
    let other = other(bench);
    let bystander = other.create_db_instance().db_instance_identifier(format!("by-{run}")).engine("postgres");
    let bystander = bystander.db_instance_class("db.t4g.micro").master_username("x").master_user_password("not-ours-1");
    bystander.send().await.expect("moto makes it");
    bench.condemn();
    let (_, done) = pass(bench).await;
    assert_eq!(done.len(), 3, "{done:#?}");
    let gone = bench.plan().await;
    assert!(gone.verdicts.iter().all(|v| v.decision == Decision::Gone), "{:#?}", gone.verdicts);
    let snapshots = other.describe_db_snapshots().db_instance_identifier(format!("web-{run}")).send().await;
    let snapshots = snapshots.expect("moto answers");
    let names: Vec<&str> = snapshots.db_snapshots().iter().filter_map(|s| s.db_snapshot_identifier()).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with(&format!("web-{run}-final-")), "{names:?}");
    let left = other.describe_db_instances().db_instance_identifier(format!("by-{run}")).send().await;
    assert_eq!(left.expect("what is not ours stays").db_instances().len(), 1);
}
