//! RDS's side of a database.

use super::observed::{exports, instance, option_groups};
use super::plan::{EXPORTS, PROTECTION, SNAPSHOT};
use super::spec::DBInstanceSpec;
use super::{DBInstance, PROTECTED};
use crate::aws::answer::concern::{Specs, concerning_tagged};
use crate::aws::answer::{made, object, parse, refused};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::{Tags, text};
use crate::plain::{Action, Call};
use crate::rds::aws::{PAGE, delete, retag, tags_for, tags_from};
use crate::rds::name_of;
use async_trait::async_trait;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DbInstance};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::{Map, Value, json};

#[async_trait]
impl Live for DBInstance {
    /// One listing, 100 a page, tags inline.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |marker| {
                let page = aws.rds().describe_db_instances().max_records(PAGE).set_marker(marker);
                aws.read(Service::Rds, "DescribeDBInstances", page.send())
            },
            |answer| answer.marker(),
        )
        .await?;
        let all = || pages.iter().flat_map(|page| page.db_instances());
        let concern = concerning_tagged::<Self>(wanted, all().filter_map(|one| observe(one, None)).collect());
        let specs = Specs::new::<DBInstance>(wanted);
        // What is meant by a field hangs on how it is declared.
        let as_declared = |seen: &Observation| {
            let one = all().find(|one| one.db_instance_arn() == Some(seen.id.as_str()))?;
            observe(one, specs.of(seen).as_deref())
        };
        Ok(reading(concern.iter().filter_map(as_declared).collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => return create(aws, spec, tags).await,
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, fields } => {
                if fields.get(PROTECTION) == Some(&json!(true)) {
                    let words = format!("{}: {PROTECTED}", name_of(id));
                    return Err(refused("rds:DeleteDBInstance", "InvalidParameterCombination", words));
                }
                let snapshot = text(fields, SNAPSHOT);
                let call = aws.rds().delete_db_instance().db_instance_identifier(name_of(id));
                let call = call
                    .skip_final_snapshot(snapshot.is_none())
                    .set_final_db_snapshot_identifier(snapshot.map(str::to_owned));
                delete(aws, "DeleteDBInstance", id, call.send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(one: &DbInstance, declared: Option<&Value>) -> Option<Observation> {
    Some(instance(one.db_instance_arn()?, &wire(one), tags_from(one.tag_list()), declared))
}

/// What RDS says of a database, under the names of the spec.
fn wire(one: &DbInstance) -> Value {
    let groups: Vec<&str> = one.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id()).collect();
    let parameters = one.db_parameter_groups().first();
    let restart = one.db_parameter_groups().iter().any(|g| g.parameter_apply_status() == Some("pending-reboot"));
    let secret = one.master_user_secret();
    let (option_group, next_option_group) = option_groups_of(one);
    let mut said = object([
        ("dbInstanceIdentifier", one.db_instance_identifier().map(Into::into)),
        ("dbInstanceClass", one.db_instance_class().map(Into::into)),
        ("engine", one.engine().map(Into::into)),
        ("engineVersion", one.engine_version().map(Into::into)),
        ("autoMinorVersionUpgrade", one.auto_minor_version_upgrade().map(Into::into)),
        ("dbName", one.db_name().map(Into::into)),
        ("masterUsername", one.master_username().map(Into::into)),
        ("manageMasterUserPassword", Some(secret.is_some().into())),
        ("masterUserSecretKmsKeyId", secret.and_then(|s| s.kms_key_id()).map(Into::into)),
        ("allocatedStorage", one.allocated_storage().map(Into::into)),
        ("maxAllocatedStorage", one.max_allocated_storage().map(Into::into)),
        ("storageType", one.storage_type().map(Into::into)),
        ("iops", one.iops().map(Into::into)),
        ("storageThroughput", one.storage_throughput().filter(|n| *n > 0).map(Into::into)),
        ("storageEncrypted", one.storage_encrypted().map(Into::into)),
        ("kmsKeyId", one.kms_key_id().map(Into::into)),
        ("dedicatedLogVolume", one.dedicated_log_volume().map(Into::into)),
        ("dbSubnetGroupName", one.db_subnet_group().and_then(|g| g.db_subnet_group_name()).map(Into::into)),
        ("vpcSecurityGroupIds", (!groups.is_empty()).then(|| json!(groups))),
        ("availabilityZone", one.availability_zone().map(Into::into)),
        ("multiAZ", one.multi_az().map(Into::into)),
        ("publiclyAccessible", one.publicly_accessible().map(Into::into)),
        ("networkType", one.network_type().map(Into::into)),
        ("port", one.endpoint().and_then(|e| e.port()).or(one.db_instance_port().filter(|n| *n > 0)).map(Into::into)),
        ("dbParameterGroupName", parameters.and_then(|g| g.db_parameter_group_name()).map(Into::into)),
        ("optionGroupName", option_group.map(Into::into)),
        ("licenseModel", one.license_model().map(Into::into)),
        ("characterSetName", one.character_set_name().map(Into::into)),
        ("timezone", one.timezone().map(Into::into)),
        ("dbClusterIdentifier", one.db_cluster_identifier().map(Into::into)),
    ]);
    let more = object([
        ("backupRetentionPeriod", one.backup_retention_period().map(Into::into)),
        ("preferredBackupWindow", one.preferred_backup_window().map(Into::into)),
        ("copyTagsToSnapshot", one.copy_tags_to_snapshot().map(Into::into)),
        ("preferredMaintenanceWindow", one.preferred_maintenance_window().map(Into::into)),
        ("deletionProtection", one.deletion_protection().map(Into::into)),
        ("enableIAMDatabaseAuthentication", one.iam_database_authentication_enabled().map(Into::into)),
        ("monitoringInterval", one.monitoring_interval().map(Into::into)),
        ("monitoringRoleArn", one.monitoring_role_arn().map(Into::into)),
        ("databaseInsightsMode", one.database_insights_mode().map(|m| m.as_str().into())),
        ("enablePerformanceInsights", one.performance_insights_enabled().map(Into::into)),
        ("performanceInsightsKMSKeyId", one.performance_insights_kms_key_id().map(Into::into)),
        ("performanceInsightsRetentionPeriod", one.performance_insights_retention_period().map(Into::into)),
        ("enableCloudwatchLogsExports", Some(json!(one.enabled_cloudwatch_logs_exports()))),
        ("caCertificateIdentifier", one.ca_certificate_identifier().map(Into::into)),
        ("engineLifecycleSupport", one.engine_lifecycle_support().map(Into::into)),
        ("promotionTier", one.promotion_tier().map(Into::into)),
        ("status", one.db_instance_status().map(Into::into)),
        ("pending", Some(pending(one, next_option_group))),
        ("secretArn", secret.and_then(|s| s.secret_arn()).map(Into::into)),
        ("endpointAddress", one.endpoint().and_then(|e| e.address()).map(Into::into)),
        ("endpointPort", one.endpoint().and_then(|e| e.port()).map(Into::into)),
        ("dbiResourceId", one.dbi_resource_id().map(Into::into)),
        ("replicaOf", one.read_replica_source_db_instance_identifier().map(Into::into)),
        ("restart", restart.then(|| true.into())),
    ]);
    crate::common::overlay(&mut said, more.as_object().unwrap_or(&Map::new()));
    said
}

/// The option group that it has, and another one that waits to take its place.
fn option_groups_of(one: &DbInstance) -> (Option<&str>, Option<&str>) {
    let listed = one.option_group_memberships().iter();
    let listed: Vec<(&str, &str)> =
        listed.filter_map(|g| Some((g.option_group_name()?, g.status().unwrap_or_default()))).collect();
    let (now, next) = option_groups(&listed);
    (now, next.filter(|_| next != now))
}

/// The fields that wait to be applied. RDS tells of an option group that waits beside the one that the database has.
fn pending(one: &DbInstance, option_group: Option<&str>) -> Value {
    let waits = object([("optionGroupName", option_group.map(Into::into))]);
    let Some(values) = one.pending_modified_values() else { return waits };
    let exported = one.enabled_cloudwatch_logs_exports();
    let logs = values.pending_cloudwatch_logs_exports().map(|logs| {
        let list = |some: &[String]| some.iter().map(|log| Value::from(log.as_str())).collect::<Vec<_>>();
        exports(&list(exported), &list(logs.log_types_to_enable()), &list(logs.log_types_to_disable()))
    });
    let mut said = object([
        ("dbInstanceClass", values.db_instance_class().map(Into::into)),
        ("allocatedStorage", values.allocated_storage().map(Into::into)),
        ("port", values.port().map(Into::into)),
        ("backupRetentionPeriod", values.backup_retention_period().map(Into::into)),
        ("multiAZ", values.multi_az().map(Into::into)),
        ("engineVersion", values.engine_version().map(Into::into)),
        ("licenseModel", values.license_model().map(Into::into)),
        ("iops", values.iops().map(Into::into)),
        ("storageThroughput", values.storage_throughput().map(Into::into)),
        ("storageType", values.storage_type().map(Into::into)),
        ("caCertificateIdentifier", values.ca_certificate_identifier().map(Into::into)),
        ("dbSubnetGroupName", values.db_subnet_group_name().map(Into::into)),
        ("enableCloudwatchLogsExports", logs),
        ("enableIAMDatabaseAuthentication", values.iam_database_authentication_enabled().map(Into::into)),
        ("dedicatedLogVolume", values.dedicated_log_volume().map(Into::into)),
    ]);
    crate::common::overlay(&mut said, waits.as_object().unwrap_or(&Map::new()));
    said
}

/// A create or a modify call with the members that both take; the two calls have no type in common.
macro_rules! with_members {
    ($call:expr, $spec:ident) => {
        $call
            .set_engine_version($spec.engine_version.clone())
            .set_auto_minor_version_upgrade($spec.auto_minor_version_upgrade)
            .set_manage_master_user_password($spec.manage_master_user_password)
            .set_master_user_secret_kms_key_id($spec.master_user_secret_kms_key_id.clone())
            .set_allocated_storage($spec.allocated_storage)
            .set_max_allocated_storage($spec.max_allocated_storage)
            .set_storage_type($spec.storage_type.clone())
            .set_iops($spec.iops)
            .set_storage_throughput($spec.storage_throughput)
            .set_dedicated_log_volume($spec.dedicated_log_volume)
            .set_db_subnet_group_name($spec.db_subnet_group_name.clone())
            .set_vpc_security_group_ids($spec.vpc_security_group_ids.clone())
            .set_multi_az($spec.multi_az)
            .set_publicly_accessible($spec.publicly_accessible)
            .set_network_type($spec.network_type.clone())
            .set_db_parameter_group_name($spec.db_parameter_group_name.clone())
            .set_option_group_name($spec.option_group_name.clone())
            .set_license_model($spec.license_model.clone())
            .set_backup_retention_period($spec.backup_retention_period)
            .set_preferred_backup_window($spec.preferred_backup_window.clone())
            .set_copy_tags_to_snapshot($spec.copy_tags_to_snapshot)
            .set_preferred_maintenance_window($spec.preferred_maintenance_window.clone())
            .set_deletion_protection($spec.deletion_protection)
            .set_enable_iam_database_authentication($spec.enable_iam_database_authentication)
            .set_monitoring_interval($spec.monitoring_interval)
            .set_monitoring_role_arn($spec.monitoring_role_arn.clone())
            .set_database_insights_mode($spec.database_insights_mode.as_deref().map(Into::into))
            .set_enable_performance_insights($spec.enable_performance_insights)
            .set_performance_insights_kms_key_id($spec.performance_insights_kms_key_id.clone())
            .set_performance_insights_retention_period($spec.performance_insights_retention_period)
            .set_ca_certificate_identifier($spec.ca_certificate_identifier.clone())
            .set_engine_lifecycle_support($spec.engine_lifecycle_support.clone())
            .set_promotion_tier($spec.promotion_tier)
    };
}

async fn create(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags) -> Result<Applied, ApplyError> {
    const OPERATION: &str = "rds:CreateDBInstance";
    let spec: DBInstanceSpec = parse(OPERATION, members)?;
    if spec.db_cluster_identifier.is_none() && spec.manage_master_user_password != Some(true) {
        let words = "RDS makes no database without a master password; declare manageMasterUserPassword true, and RDS makes one \
                     and keeps it in Secrets Manager";
        return Err(refused(OPERATION, "MissingPassword", words.to_owned()));
    }
    let call = aws
        .rds()
        .create_db_instance()
        .db_instance_identifier(&spec.db_instance_identifier)
        .db_instance_class(&spec.db_instance_class)
        .engine(&spec.engine)
        .set_db_name(spec.db_name.clone())
        .set_master_username(spec.master_username.clone())
        .set_storage_encrypted(spec.storage_encrypted)
        .set_kms_key_id(spec.kms_key_id.clone())
        .set_availability_zone(spec.availability_zone.clone())
        .set_port(spec.port)
        .set_character_set_name(spec.character_set_name.clone())
        .set_timezone(spec.timezone.clone())
        .set_db_cluster_identifier(spec.db_cluster_identifier.clone())
        .set_enable_cloudwatch_logs_exports(spec.enable_cloudwatch_logs_exports.clone())
        .set_tags(tags_for(tags));
    let call = with_members!(call, spec);
    let answer = aws.write(Service::Rds, "CreateDBInstance", call.send()).await?;
    made(OPERATION, answer.db_instance().and_then(|one| observe(one, None)))
}

async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let mut members = set.clone();
    let class = members.get("dbInstanceClass").and_then(Value::as_str).map(str::to_owned);
    let exports = members.shift_remove(EXPORTS);
    // The type of a spec wants these, which a change need not have.
    for key in ["dbInstanceIdentifier", "dbInstanceClass", "engine"] {
        members.entry(key).or_insert_with(|| "".into());
    }
    let spec: DBInstanceSpec = parse("rds:ModifyDBInstance", &members)?;
    let logs = exports.map(|change| {
        let list = |key: &str| {
            let all = change.get(key).and_then(Value::as_array).into_iter().flatten();
            Some(all.filter_map(Value::as_str).map(str::to_owned).collect())
        };
        CloudwatchLogsExportConfiguration::builder()
            .set_enable_log_types(list("enableLogTypes"))
            .set_disable_log_types(list("disableLogTypes"))
            .build()
    });
    let call = aws
        .rds()
        .modify_db_instance()
        .db_instance_identifier(name_of(id))
        .set_db_instance_class(class)
        .set_db_port_number(spec.port)
        .apply_immediately(spec.apply_immediately == Some(true))
        .set_allow_major_version_upgrade(spec.allow_major_version_upgrade)
        .set_cloudwatch_logs_export_configuration(logs);
    let call = with_members!(call, spec);
    aws.write(Service::Rds, "ModifyDBInstance", call.send()).await.map(drop)
}
