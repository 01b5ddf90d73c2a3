//! What is declared of a database, and what is known of each field.

use crate::common::Tags;
use holdfast_core::facts::{Field, Given, Severity, Shape, When};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A DB instance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DBInstanceSpec {
    /// The name, which RDS keeps in lower case. Cannot change in place.
    pub(super) db_instance_identifier: String,
    /// The class of the machine, such as `db.t4g.medium`.
    pub(super) db_instance_class: String,
    /// The engine, such as `postgres`. Cannot change in place.
    pub(super) engine: String,
    /// The version, or the front of one: `16` is any 16, `16.3` also a later 16 that RDS has upgraded to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine_version: Option<String>,
    /// Whether RDS upgrades the minor version by itself, in the maintenance window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auto_minor_version_upgrade: Option<bool>,
    /// Goes with a change: whether `engineVersion` may lead to another major version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allow_major_version_upgrade: Option<bool>,
    /// Goes with a change: whether it is applied at once, with an outage where it takes one, or in the maintenance window.
    /// At once, RDS also applies what else waits for the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) apply_immediately: Option<bool>,
    /// The database that is made in it. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) db_name: Option<String>,
    /// The name of the master user. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) master_username: Option<String>,
    /// Never taken: a password is no part of a declaration. Write `manageMasterUserPassword: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) master_user_password: Option<Value>,
    /// Whether RDS makes the master password, keeps it in Secrets Manager and rotates it there. Say `false` for a database
    /// that exists already and has its password from somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manage_master_user_password: Option<bool>,
    /// The key that encrypts the secret of the master password; AWS's own without one. Only set together with
    /// `manageMasterUserPassword`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) master_user_secret_kms_key_id: Option<String>,
    /// Storage in GiB. It never shrinks; above this, storage autoscaling owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allocated_storage: Option<i32>,
    /// Up to where storage autoscaling may grow the storage, in GiB; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_allocated_storage: Option<i32>,
    /// The type of storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["gp2", "gp3", "io1", "io2", "standard"]))]
    pub(super) storage_type: Option<String>,
    /// Provisioned I/O operations a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iops: Option<i32>,
    /// Throughput of gp3 storage, in MiB a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) storage_throughput: Option<i32>,
    /// Whether the storage is encrypted. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) storage_encrypted: Option<bool>,
    /// The key that encrypts the storage; AWS's own without one. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_id: Option<String>,
    /// Whether the log has a volume of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dedicated_log_volume: Option<bool>,
    /// The subnets it may be in: the name of a DB subnet group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) db_subnet_group_name: Option<String>,
    /// The security groups that decide who reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vpc_security_group_ids: Option<Vec<String>>,
    /// The Availability Zone, where it has no standby in another. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) availability_zone: Option<String>,
    /// Whether a standby in another Availability Zone takes over when it fails.
    #[serde(rename = "multiAZ", skip_serializing_if = "Option::is_none")]
    pub(super) multi_az: Option<bool>,
    /// Whether its name leads to a public address from outside the VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) publicly_accessible: Option<bool>,
    /// `IPV4`, or `DUAL` where its subnets have IPv6 too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["IPV4", "DUAL"]))]
    pub(super) network_type: Option<String>,
    /// The port it listens on; the engine's own without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1150, max = 65535))]
    pub(super) port: Option<i32>,
    /// Its settings: the name of a DB parameter group; the engine's own without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) db_parameter_group_name: Option<String>,
    /// The name of an option group; the engine's own without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) option_group_name: Option<String>,
    /// The licence, such as `license-included`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) license_model: Option<String>,
    /// The character set. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) character_set_name: Option<String>,
    /// The time zone, for Db2 and SQL Server. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timezone: Option<String>,
    /// For how many days automated backups are kept; 0 switches them off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 35))]
    pub(super) backup_retention_period: Option<i32>,
    /// When backups are made, in UTC: `hh:mm-hh:mm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preferred_backup_window: Option<String>,
    /// Whether snapshots get the database's tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copy_tags_to_snapshot: Option<bool>,
    /// When RDS applies what waits, in UTC: `ddd:hh:mm-ddd:hh:mm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preferred_maintenance_window: Option<String>,
    /// Whether AWS refuses to delete it. Holdfast never switches it off for a delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deletion_protection: Option<bool>,
    /// Whether users of IAM can log in.
    #[serde(rename = "enableIAMDatabaseAuthentication", skip_serializing_if = "Option::is_none")]
    pub(super) enable_iam_database_authentication: Option<bool>,
    /// Seconds between the points of Enhanced Monitoring; 0 switches it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [0, 1, 5, 10, 15, 30, 60]))]
    pub(super) monitoring_interval: Option<i32>,
    /// The ARN of the role by which Enhanced Monitoring writes to CloudWatch Logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) monitoring_role_arn: Option<String>,
    /// `standard` or `advanced` Database Insights.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["standard", "advanced"]))]
    pub(super) database_insights_mode: Option<String>,
    /// Whether Performance Insights gathers data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enable_performance_insights: Option<bool>,
    /// The key that encrypts the data of Performance Insights; AWS's own without one.
    #[serde(rename = "performanceInsightsKMSKeyId", skip_serializing_if = "Option::is_none")]
    pub(super) performance_insights_kms_key_id: Option<String>,
    /// For how many days Performance Insights keeps its data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) performance_insights_retention_period: Option<i32>,
    /// The logs that go to CloudWatch Logs, such as `postgresql`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enable_cloudwatch_logs_exports: Option<Vec<String>>,
    /// The certificate authority of its server certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_certificate_identifier: Option<String>,
    /// Whether it goes on with Extended Support after the end of its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["open-source-rds-extended-support", "open-source-rds-extended-support-disabled"]))]
    pub(super) engine_lifecycle_support: Option<String>,
    /// The Aurora cluster that it belongs to. Cannot change in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) db_cluster_identifier: Option<String>,
    /// In an Aurora cluster, its place in the line of those that take over; the least comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 15))]
    pub(super) promotion_tier: Option<i32>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Tags>,
}

const CREATE: &str = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html";
const WINDOW: &str = "Amazon RDS, while a change waits for the maintenance window";
const MINOR: &str = "Amazon RDS: later minor versions, where autoMinorVersionUpgrade is on; and while an upgrade waits for the maintenance window";
const GROWTH: &str = "storage autoscaling, between the declared size and maxAllocatedStorage";

const fn port(engines: &'static [When], default: &'static str) -> Given {
    Given { when: engines, default, source: CREATE }
}

const PORTS: &[Given] = &[
    port(&[When { at: "/engine", is: &["postgres"] }], "5432"),
    port(&[When { at: "/engine", is: &["mysql", "mariadb"] }], "3306"),
    port(&[When { at: "/engine", is: &["oracle-ee", "oracle-ee-cdb", "oracle-se2", "oracle-se2-cdb"] }], "1521"),
    port(&[When { at: "/engine", is: &["sqlserver-ee", "sqlserver-se", "sqlserver-ex", "sqlserver-web"] }], "1433"),
    port(&[When { at: "/engine", is: &["db2-ae", "db2-se", "db2-ce"] }], "50000"),
];

/// The field facts.
pub(super) const FIELDS: &[Field] = &[
    Field::scalar("/dbInstanceIdentifier").create_only().canonical("in lower case"),
    Field::scalar("/dbInstanceClass").owners(WINDOW),
    Field::scalar("/engine").create_only(),
    Field::scalar("/engineVersion").canonical("as declared, where that is the front of the live version").owners(MINOR),
    Field::scalar("/autoMinorVersionUpgrade").default("true", CREATE),
    Field::of("/allowMajorVersionUpgrade", Shape::WriteOnly),
    Field::of("/applyImmediately", Shape::WriteOnly),
    Field::scalar("/dbName").create_only(),
    Field::scalar("/masterUsername").create_only(),
    Field::of("/masterUserPassword", Shape::WriteOnly).sensitive(),
    Field::scalar("/manageMasterUserPassword").default("false", CREATE),
    Field::scalar("/masterUserSecretKmsKeyId").canonical("as declared, where that is an alias or the key's id"),
    Field::scalar("/allocatedStorage").owners(GROWTH),
    Field::scalar("/maxAllocatedStorage"),
    Field::scalar("/storageType").owners(WINDOW),
    Field::scalar("/iops").owners(WINDOW),
    Field::scalar("/storageThroughput").owners(WINDOW),
    Field::scalar("/storageEncrypted").create_only().default("false", CREATE).severity(Severity::Exposure),
    Field::scalar("/kmsKeyId").create_only().canonical("as declared, where that is an alias or the key's id"),
    Field::scalar("/dedicatedLogVolume").owners(WINDOW),
    Field::scalar("/dbSubnetGroupName").canonical("in lower case").owners(WINDOW),
    Field::set("/vpcSecurityGroupIds").severity(Severity::Exposure),
    Field::scalar("/availabilityZone").create_only().owners("Amazon RDS, where multiAZ is on: a failover moves it"),
    Field::scalar("/multiAZ").default("false", CREATE).owners(WINDOW),
    Field::scalar("/publiclyAccessible").severity(Severity::Exposure),
    Field::scalar("/networkType"),
    Field::scalar("/port").given(PORTS).owners(WINDOW),
    Field::scalar("/dbParameterGroupName").canonical("in lower case"),
    Field::scalar("/optionGroupName").canonical("in lower case").owners(WINDOW),
    Field::scalar("/licenseModel").owners(WINDOW),
    Field::scalar("/characterSetName").create_only(),
    Field::scalar("/timezone").create_only(),
    Field::scalar("/backupRetentionPeriod").default("1", CREATE).severity(Severity::Exposure).owners(WINDOW),
    Field::scalar("/preferredBackupWindow"),
    Field::scalar("/copyTagsToSnapshot").default("false", CREATE).severity(Severity::Cosmetic),
    Field::scalar("/preferredMaintenanceWindow").canonical("in lower case"),
    Field::scalar("/deletionProtection").default("false", CREATE).severity(Severity::Exposure),
    Field::scalar("/enableIAMDatabaseAuthentication")
        .default("false", CREATE)
        .severity(Severity::Exposure)
        .owners(WINDOW),
    Field::scalar("/monitoringInterval").default("0", CREATE),
    Field::scalar("/monitoringRoleArn"),
    Field::scalar("/databaseInsightsMode"),
    Field::scalar("/enablePerformanceInsights").default("false", CREATE),
    Field::scalar("/performanceInsightsKMSKeyId").canonical("as declared, where that is an alias or the key's id"),
    Field::scalar("/performanceInsightsRetentionPeriod").default("7", CREATE),
    Field::set("/enableCloudwatchLogsExports").default("[]", CREATE),
    Field::scalar("/caCertificateIdentifier").owners(WINDOW),
    Field::scalar("/engineLifecycleSupport").default(r#""open-source-rds-extended-support""#, CREATE),
    Field::scalar("/dbClusterIdentifier").create_only().canonical("in lower case"),
    Field::scalar("/promotionTier").default("1", CREATE),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
];

/// What one `ModifyDBInstance` takes.
pub(super) const MODIFIED: &[&str] = &[
    "dbInstanceClass",
    "engineVersion",
    "autoMinorVersionUpgrade",
    "manageMasterUserPassword",
    "masterUserSecretKmsKeyId",
    "allocatedStorage",
    "maxAllocatedStorage",
    "storageType",
    "iops",
    "storageThroughput",
    "dedicatedLogVolume",
    "dbSubnetGroupName",
    "vpcSecurityGroupIds",
    "multiAZ",
    "publiclyAccessible",
    "networkType",
    "port",
    "dbParameterGroupName",
    "optionGroupName",
    "licenseModel",
    "backupRetentionPeriod",
    "preferredBackupWindow",
    "copyTagsToSnapshot",
    "preferredMaintenanceWindow",
    "deletionProtection",
    "enableIAMDatabaseAuthentication",
    "monitoringInterval",
    "monitoringRoleArn",
    "databaseInsightsMode",
    "enablePerformanceInsights",
    "performanceInsightsKMSKeyId",
    "performanceInsightsRetentionPeriod",
    "enableCloudwatchLogsExports",
    "caCertificateIdentifier",
    "engineLifecycleSupport",
    "promotionTier",
];

/// What goes with a change and is no state.
pub(super) const INSTRUCTIONS: [&str; 2] = ["applyImmediately", "allowMajorVersionUpgrade"];
