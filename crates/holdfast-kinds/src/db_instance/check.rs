//! What is refused of a declaration.

use super::spec::DBInstanceSpec;
use crate::ecs::check::Mistakes;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;

/// Every mistake at once.
pub(super) fn validate(spec: &DBInstanceSpec) -> Vec<SpecError> {
    let mut found = Mistakes::default();
    identifier(&mut found, &spec.db_instance_identifier);
    password(&mut found, spec);
    storage(&mut found, spec);
    windows(&mut found, spec);
    if spec.db_cluster_identifier.is_some() {
        member(&mut found, spec);
    }
    let zone = spec.availability_zone.is_none() || spec.multi_az != Some(true);
    found.unless(
        zone,
        "/availabilityZone",
        "conflict",
        "RDS chooses the zones where multiAZ is on; leave one of them out",
    );
    let monitored = spec.monitoring_interval.unwrap_or(0) != 0;
    let words =
        "Enhanced Monitoring wants both a monitoringInterval above 0 and a monitoringRoleArn; write both or none";
    found.unless(monitored == spec.monitoring_role_arn.is_some(), "/monitoringInterval", "conflict", words);
    let insights = [
        ("/performanceInsightsKMSKeyId", spec.performance_insights_kms_key_id.is_some()),
        ("/performanceInsightsRetentionPeriod", spec.performance_insights_retention_period.is_some()),
    ];
    for (at, said) in insights {
        let well = !said || spec.enable_performance_insights == Some(true);
        found.unless(well, at, "conflict", "it needs enablePerformanceInsights: true");
    }
    found.0
}

fn identifier(found: &mut Mistakes, name: &str) {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let ends = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.ends_with('-') && !name.contains("--");
    let words = format!(
        "\"{name}\" is no identifier for RDS: it takes 1 to 63 letters, digits and hyphens, a letter first, no hyphen last \
         and no two in a row"
    );
    found.unless(is_open(name) || plain && ends && name.len() <= 63, "/dbInstanceIdentifier", "invalid-name", words);
}

fn password(found: &mut Mistakes, spec: &DBInstanceSpec) {
    let words = "a password is never declared: it would stand in documents, the store and the journal. Write \
                 manageMasterUserPassword: true; RDS then makes one, keeps it in Secrets Manager and rotates it, and the output \
                 masterUserSecretArn says where";
    found.unless(spec.master_user_password.is_none(), "/masterUserPassword", "secret-refused", words);
    let alone = spec.db_cluster_identifier.is_none() && spec.master_user_password.is_none();
    let undecided = alone && spec.master_username.is_some() && spec.manage_master_user_password.is_none();
    let words = "say where the master password comes from: true has RDS make it and keep it in Secrets Manager; false is for a \
                 database that exists already and is adopted with the password it has";
    found.unless(!undecided, "/manageMasterUserPassword", "missing-field", words);
    let keyed = spec.master_user_secret_kms_key_id.is_none() || spec.manage_master_user_password == Some(true);
    found.unless(keyed, "/masterUserSecretKmsKeyId", "conflict", "it needs manageMasterUserPassword: true");
}

fn storage(found: &mut Mistakes, spec: &DBInstanceSpec) {
    if let (Some(size), Some(most)) = (spec.allocated_storage, spec.max_allocated_storage) {
        let words = format!("storage autoscaling needs room to grow: more than the {size} GiB of allocatedStorage");
        found.unless(most > size, "/maxAllocatedStorage", "out-of-range", words);
    }
    let kind = spec.storage_type.as_deref().filter(|t| !is_open(t));
    let provisioned = kind.is_none_or(|t| ["gp3", "io1", "io2"].contains(&t));
    found.unless(
        spec.iops.is_none() || provisioned,
        "/iops",
        "conflict",
        "only gp3, io1 and io2 storage has iops to set",
    );
    let through = spec.storage_throughput.is_none() || kind.is_none_or(|t| t == "gp3");
    found.unless(through, "/storageThroughput", "conflict", "only gp3 storage has a throughput to set");
    let encrypted = spec.kms_key_id.is_none() || spec.storage_encrypted == Some(true);
    found.unless(encrypted, "/kmsKeyId", "conflict", "it needs storageEncrypted: true");
}

fn windows(found: &mut Mistakes, spec: &DBInstanceSpec) {
    let is_time = |text: &str| {
        let number = |part: &str, most: u8| part.len() == 2 && part.parse::<u8>().is_ok_and(|n| n <= most);
        text.split_once(':').is_some_and(|(hour, minute)| number(hour, 23) && number(minute, 59))
    };
    let is_day = |text: &str| {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        text.split_once(':').is_some_and(|(day, time)| days.contains(&day.to_lowercase().as_str()) && is_time(time))
    };
    let spans = |text: &str, one: &dyn Fn(&str) -> bool| text.split_once('-').is_some_and(|(a, b)| one(a) && one(b));
    if let Some(window) = spec.preferred_backup_window.as_deref().filter(|w| !is_open(w)) {
        let words = format!("\"{window}\" is no window; write it in UTC like 02:00-03:00");
        found.unless(spans(window, &is_time), "/preferredBackupWindow", "invalid-window", words);
    }
    if let Some(window) = spec.preferred_maintenance_window.as_deref().filter(|w| !is_open(w)) {
        let words = format!("\"{window}\" is no window; write it in UTC like sun:04:00-sun:05:00");
        found.unless(spans(window, &is_day), "/preferredMaintenanceWindow", "invalid-window", words);
    }
}

/// What the cluster decides for all its members.
fn member(found: &mut Mistakes, spec: &DBInstanceSpec) {
    let of_cluster = [
        ("masterUsername", spec.master_username.is_some()),
        ("manageMasterUserPassword", spec.manage_master_user_password.is_some()),
        ("allocatedStorage", spec.allocated_storage.is_some()),
        ("maxAllocatedStorage", spec.max_allocated_storage.is_some()),
        ("storageEncrypted", spec.storage_encrypted.is_some()),
        ("vpcSecurityGroupIds", spec.vpc_security_group_ids.is_some()),
        ("backupRetentionPeriod", spec.backup_retention_period.is_some()),
        ("preferredBackupWindow", spec.preferred_backup_window.is_some()),
        ("port", spec.port.is_some()),
        ("multiAZ", spec.multi_az.is_some()),
        ("deletionProtection", spec.deletion_protection.is_some()),
        ("enableIAMDatabaseAuthentication", spec.enable_iam_database_authentication.is_some()),
        ("enableCloudwatchLogsExports", spec.enable_cloudwatch_logs_exports.is_some()),
        ("engineVersion", spec.engine_version.is_some()),
    ];
    for (field, said) in of_cluster {
        found.unless(
            !said,
            format!("/{field}"),
            "conflict",
            "the Aurora cluster decides it for its members; leave it out",
        );
    }
}
