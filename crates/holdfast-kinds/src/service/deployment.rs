//! How a service's tasks are replaced, as users declare it.

use crate::ecs::shapes::{members, words};
use serde_json::Value;

words! {
    /// Who deploys.
    ControllerType { Ecs = "ECS", CodeDeploy = "CODE_DEPLOY", External = "EXTERNAL" }
    /// How a deployment goes.
    Strategy { Rolling = "ROLLING", BlueGreen = "BLUE_GREEN", Linear = "LINEAR", Canary = "CANARY" }
    /// What a hook is.
    HookTarget { Lambda = "AWS_LAMBDA", Pause = "PAUSE" }
    /// When a hook is asked.
    HookStage {
        Reconcile = "RECONCILE_SERVICE", PreScaleUp = "PRE_SCALE_UP", PostScaleUp = "POST_SCALE_UP",
        TestShift = "TEST_TRAFFIC_SHIFT", PostTestShift = "POST_TEST_TRAFFIC_SHIFT",
        PreProductionShift = "PRE_PRODUCTION_TRAFFIC_SHIFT", ProductionShift = "PRODUCTION_TRAFFIC_SHIFT",
        PostProductionShift = "POST_PRODUCTION_TRAFFIC_SHIFT",
    }
    /// What follows when a hook does not answer.
    HookAction { Rollback = "ROLLBACK", Continue = "CONTINUE" }
    /// How a threshold counts.
    ThresholdType { Count = "COUNT", Bounded = "BOUNDED_PERCENT", Unbounded = "UNBOUNDED_PERCENT" }
    /// When old tasks go.
    Cleanup { Blocking = "BLOCKING", Deferred = "DEFERRED" }
}

members! {
    /// Who deploys.
    pub(crate) struct DeploymentController {
        /// Default `ECS`.
        #[serde(rename = "type")]
        pub(crate) kind: ControllerType,
    }

    /// How tasks are replaced.
    pub(crate) struct DeploymentConfiguration {
        /// Greatest number of tasks meanwhile, in per cent of the desired count. Default 200, for daemons 100.
        #[schemars(range(min = 0))]
        pub(crate) maximum_percent: Option<i64>,
        /// Least number of healthy tasks meanwhile, in per cent. Default 100, for daemons 0.
        #[schemars(range(min = 0, max = 100))]
        pub(crate) minimum_healthy_percent: Option<i64>,
        /// Gives up when tasks keep failing.
        pub(crate) deployment_circuit_breaker: Option<CircuitBreaker>,
        /// Gives up when CloudWatch alarms go off.
        pub(crate) alarms: Option<DeploymentAlarms>,
        /// Default `ROLLING`.
        pub(crate) strategy: Option<Strategy>,
        /// Minutes in which both revisions run after the shift.
        #[schemars(range(min = 0, max = 1440))]
        pub(crate) bake_time_in_minutes: Option<i64>,
        /// What is asked at the stages of a deployment.
        pub(crate) lifecycle_hooks: Option<Vec<LifecycleHook>>,
        /// For strategy `LINEAR`.
        pub(crate) linear_configuration: Option<LinearConfiguration>,
        /// For strategy `CANARY`.
        pub(crate) canary_configuration: Option<CanaryConfiguration>,
        /// When a deployment counts as done before all tasks are replaced.
        pub(crate) early_success_criteria: Option<EarlySuccessCriteria>,
    }

    /// Gives up when tasks keep failing.
    pub(crate) struct CircuitBreaker {
        /// Whether it does.
        pub(crate) enable: bool,
        /// Whether it then goes back to the last revision that worked.
        pub(crate) rollback: bool,
        /// Whether a healthy task sets the count back to 0. Default true.
        pub(crate) reset_on_healthy_task: Option<bool>,
        /// After how many failures.
        pub(crate) threshold_configuration: Option<Threshold>,
    }

    /// After how many failures a circuit breaker gives up.
    pub(crate) struct Threshold {
        /// Default `BOUNDED_PERCENT`.
        #[serde(rename = "type")]
        pub(crate) kind: ThresholdType,
        /// Default 50.
        #[schemars(range(min = 1))]
        pub(crate) value: i64,
    }

    /// Gives up when CloudWatch alarms go off.
    pub(crate) struct DeploymentAlarms {
        /// Names of the alarms.
        pub(crate) alarm_names: Vec<String>,
        /// Whether they are looked at.
        pub(crate) enable: bool,
        /// Whether the deployment then goes back.
        pub(crate) rollback: bool,
    }

    /// What is asked at stages of a deployment.
    pub(crate) struct LifecycleHook {
        /// Default `AWS_LAMBDA`.
        pub(crate) target_type: Option<HookTarget>,
        /// The function.
        pub(crate) hook_target_arn: Option<String>,
        /// The role it is called in.
        pub(crate) role_arn: Option<String>,
        /// The stages.
        pub(crate) lifecycle_stages: Option<Vec<HookStage>>,
        /// What the function is given besides; any JSON.
        pub(crate) hook_details: Option<Value>,
        /// How long it may take.
        pub(crate) timeout_configuration: Option<HookTimeout>,
    }

    /// How long a hook may take.
    pub(crate) struct HookTimeout {
        /// Minutes. Default 1440.
        #[schemars(range(min = 1))]
        pub(crate) timeout_in_minutes: Option<i64>,
        /// What follows. Default `ROLLBACK`.
        pub(crate) action: Option<HookAction>,
    }

    /// Traffic in equal steps.
    pub(crate) struct LinearConfiguration {
        /// Per cent a step. Default 10.
        #[schemars(range(min = 3.0, max = 100.0))]
        pub(crate) step_percent: Option<f64>,
        /// Minutes between two steps. Default 6.
        #[schemars(range(min = 0, max = 1440))]
        pub(crate) step_bake_time_in_minutes: Option<i64>,
    }

    /// A little traffic, then all of it.
    pub(crate) struct CanaryConfiguration {
        /// Per cent that go first. Default 5.
        #[schemars(range(min = 0.1, max = 100.0))]
        pub(crate) canary_percent: Option<f64>,
        /// Minutes until the rest follows. Default 10.
        #[schemars(range(min = 0, max = 1440))]
        pub(crate) canary_bake_time_in_minutes: Option<i64>,
    }

    /// When a deployment counts as done before all tasks are replaced.
    pub(crate) struct EarlySuccessCriteria {
        /// Whether it may.
        pub(crate) enable: bool,
        /// Healthy tasks of the new revision, in per cent of the desired count.
        #[schemars(range(min = 0, max = 100))]
        pub(crate) healthy_percent: Option<i64>,
        /// When old tasks go.
        pub(crate) source_service_revision_cleanup: Option<Cleanup>,
    }
}
