// A rich, made-up world for the mock server: four stacks, every phase, drift of every kind.

const CONTAINER = {
  name: "web",
  image: "acme/client-web-ui:41",
  essential: true,
  portMappings: [{ containerPort: 8080, protocol: "tcp" }],
  environment: [
    { name: "LOG", value: "info" },
    { name: "REGION", value: "eu-west-3" },
  ],
};

const specs = {
  SecurityGroup: (name) => ({
    groupName: `prod-${name}`,
    description: `${name} traffic`,
    vpcId: "vpc-0abc12de",
    ingress: [{ ipProtocol: "tcp", fromPort: 80, toPort: 80, cidrIpv4: "0.0.0.0/0", description: "public entry" }],
  }),
  Cluster: (name) => ({ clusterName: name, settings: [{ name: "containerInsights", value: "enabled" }] }),
  TaskDefinition: (name) => ({
    family: name,
    cpu: "256",
    memory: "512",
    networkMode: "awsvpc",
    containerDefinitions: [{ ...CONTAINER, name }],
  }),
  Service: (name) => ({
    serviceName: name,
    cluster: "${Cluster/main.arn}",
    taskDefinition: `\${TaskDefinition/${name}.arn}`,
    desiredCount: 2,
    launchType: "EC2",
    deploymentConfiguration: {
      maximumPercent: 200,
      minimumHealthyPercent: 100,
      deploymentCircuitBreaker: { enable: true, rollback: true },
    },
  }),
  LoadBalancer: (name) => ({
    name,
    type: "application",
    scheme: "internet-facing",
    subnets: ["subnet-0a1", "subnet-0b2"],
    securityGroups: ["${SecurityGroup/alb.id}"],
    attributes: { "idle_timeout.timeout_seconds": "60" },
  }),
  TargetGroup: (name) => ({
    name: `${name}-tg`,
    protocol: "HTTP",
    port: 8080,
    vpcId: "vpc-0abc12de",
    targetType: "instance",
    healthCheckPath: "/health",
    matcher: { httpCode: "200" },
  }),
  Listener: () => ({
    loadBalancerArn: "${LoadBalancer/public.arn}",
    port: 80,
    protocol: "HTTP",
    defaultActions: [{ type: "fixed-response", fixedResponseConfig: { statusCode: "404" } }],
  }),
  ListenerRule: (name) => ({
    listenerArn: "${Listener/http.arn}",
    priority: 10,
    conditions: [{ field: "path-pattern", pathPatternConfig: { values: [`/${name}/*`] } }],
    actions: [{ type: "forward", targetGroupArn: `\${TargetGroup/${name}.arn}` }],
  }),
};

/** The world, told as it stood `now`. */
export function world(now = Date.now()) {
  const at = (secondsAgo) => new Date(now - secondsAgo * 1000).toISOString();
  const stacks = new Map();
  let uid = 0;

  function stack(name, account, region, extra = {}) {
    const record = {
      name,
      account,
      region,
      labels: { team: "media" },
      tags: { env: "prod", "cost-center": "4711" },
      variables: { env: "prod", vpcId: "vpc-0abc12de", subnets: ["subnet-0a1", "subnet-0b2"], imageTag: "41" },
      policy: { drift: "heal", rollout: "auto", deletion: "retain" },
      generation: 7,
      createdAt: at(86400 * 23),
      paused: null,
      deleting: false,
      resources: new Map(),
      ...extra,
    };
    stacks.set(name, record);
    return (kind, resourceName, dependsOn = [], state = {}) => {
      uid += 1;
      const resource = {
        kind,
        name: resourceName,
        uid: `0192f1c4-7a3e-7b1d-9c55-${String(uid).padStart(12, "0")}`,
        spec: specs[kind](resourceName),
        dependsOn: dependsOn.map((text) => dependency(name, text)),
        phase: "InSync",
        ready: "True",
        generation: 3,
        observedGeneration: 3,
        drift: null,
        message: "",
        reason: "InSync",
        conditions: {},
        createdAt: at(86400 * 20),
        ...state,
      };
      record.resources.set(`${kind}/${resourceName}`, resource);
      return resource;
    };
  }

  function dependency(home, text) {
    const [stack, rest] = text.includes(":") ? text.split(":") : [home, text];
    const [kind, name] = rest.split("/");
    return { stack, kind, name };
  }

  es(stack("es", "prod", "eu-west-3"), at);
  accurate(stack("accurate-video", "prod", "eu-west-1"), at);
  gifmachine(
    stack("gifmachine", "staging", "us-east-1", {
      policy: { drift: "report", deletion: "delete" },
      labels: { team: "web" },
      paused: {
        reason: "Load test until Thursday, ask Mira before resuming",
        until: new Date(now + 86400000 * 2).toISOString(),
        since: at(5400),
      },
    }),
  );
  datavault(stack("datavault", "default", "eu-west-2", { labels: { team: "archive" } }), at);
  return { stacks, scopes: scopes(at), events: events(at) };
}

function es(add, at) {
  for (const name of ["alb", "client-web-ui", "manager-web-ui", "intrusion-api", "sites-management-api", "cameras-api", "redis"])
    add("SecurityGroup", name, name === "alb" ? [] : ["SecurityGroup/alb"]);
  add("SecurityGroup", "ec2", ["SecurityGroup/rds"]);
  add("SecurityGroup", "rds", ["SecurityGroup/ec2"]);
  add("Cluster", "main");
  add("LoadBalancer", "public", ["SecurityGroup/alb"]);
  add("Listener", "http", ["LoadBalancer/public"]);
  for (const name of ["client-web-ui", "intrusion-api", "sites-management-api"]) {
    add("TargetGroup", name);
    add("TaskDefinition", name);
    add("ListenerRule", name, ["Listener/http", `TargetGroup/${name}`]);
    add("Service", name, [
      "Cluster/main",
      `TaskDefinition/${name}`,
      `TargetGroup/${name}`,
      `ListenerRule/${name}`,
      `SecurityGroup/${name}`,
    ]);
  }
  const alb = add("SecurityGroup", "alb");
  Object.assign(alb, {
    phase: "Drifted",
    reason: "LiveDiffers",
    message: "A rule that nobody declared lets the world in on port 22; it is being revoked.",
    conditions: { Synced: "False" },
    drift: {
      since: at(42),
      action: "healing",
      fields: [
        {
          path: "/ingress/1",
          change: "added",
          desired: null,
          live: { ipProtocol: "tcp", fromPort: 22, toPort: 22, cidrIpv4: "0.0.0.0/0" },
          lastWritten: null,
          severity: "exposure",
          decision: "revoke",
        },
        {
          path: "/ingress/0/description",
          change: "changed",
          desired: "public entry",
          live: "public entry (tmp)",
          lastWritten: "public entry",
          severity: "cosmetic",
          decision: "update",
        },
        {
          path: "/tags/cost-center",
          change: "removed",
          desired: "4711",
          live: null,
          lastWritten: "4711",
          severity: "cosmetic",
          decision: "tag",
        },
      ],
    },
  });
  const web = add("Service", "client-web-ui", [
    "Cluster/main",
    "TaskDefinition/client-web-ui",
    "TargetGroup/client-web-ui",
    "ListenerRule/client-web-ui",
    "SecurityGroup/client-web-ui",
    "accurate-video:Cluster/main",
  ]);
  Object.assign(web, {
    phase: "Progressing",
    ready: "False",
    generation: 4,
    observedGeneration: 3,
    reason: "Applying",
    message: "UpdateService is under way: 1 of 2 tasks run the new revision.",
  });
}

function accurate(add, at) {
  for (const name of ["alb", "frontend", "analyze", "adapter", "jobs", "rds"])
    add("SecurityGroup", name, name === "alb" ? [] : name === "rds" ? ["SecurityGroup/adapter"] : ["SecurityGroup/alb"]);
  add("Cluster", "main");
  add("LoadBalancer", "public", ["SecurityGroup/alb"]);
  add("Listener", "http", ["LoadBalancer/public"]);
  for (const name of ["frontend", "analyze", "adapter", "jobs"]) {
    add("TaskDefinition", name);
    if (name !== "jobs") {
      add("TargetGroup", name);
      add("ListenerRule", name, ["Listener/http", `TargetGroup/${name}`]);
    }
    add("Service", name, [
      "Cluster/main",
      `TaskDefinition/${name}`,
      `SecurityGroup/${name}`,
      ...(name === "jobs" ? [] : [`TargetGroup/${name}`, `ListenerRule/${name}`]),
    ]);
  }
  Object.assign(add("TargetGroup", "analyze"), {
    phase: "Blocked",
    reason: "ReplacementRefused",
    generation: 4,
    observedGeneration: 4,
    conditions: { Synced: "False" },
    message:
      "Port 8080 → 9090 cannot be changed in place and policy replace is never. Set replace: allow on TargetGroup/analyze, or declare port 8080 again.",
    drift: {
      since: at(7300),
      action: "held",
      fields: [
        {
          path: "/port",
          change: "changed",
          desired: 9090,
          live: 8080,
          lastWritten: 8080,
          severity: "functional",
          decision: "none",
        },
      ],
    },
  });
  Object.assign(
    add("Service", "analyze", [
      "Cluster/main",
      "TaskDefinition/analyze",
      "SecurityGroup/analyze",
      "TargetGroup/analyze",
      "ListenerRule/analyze",
    ]),
    {
      phase: "Failed",
      ready: "False",
      reason: "AccessDenied",
      conditions: { Synced: "False" },
      message:
        "ecs:UpdateService was denied: the role holdfast lacks ecs:UpdateService on arn:aws:ecs:eu-west-1:111122223333:service/main/analyze (request 7d2b-41aa).",
    },
  );
  Object.assign(add("TaskDefinition", "jobs"), {
    phase: "Drifted",
    reason: "LiveDiffers",
    message: "A foreign revision is current: image :39, declared :41.",
    conditions: { Synced: "False", Stuck: "True" },
    drift: {
      since: at(11520),
      action: "waiting",
      fields: [
        {
          path: "/containerDefinitions/0/image",
          change: "changed",
          desired: "acme/client-web-ui:41",
          live: "acme/client-web-ui:39",
          lastWritten: "acme/client-web-ui:41",
          severity: "functional",
          decision: "register",
        },
        {
          path: "/containerDefinitions/0/environment",
          change: "changed",
          desired: CONTAINER.environment,
          live: [
            { name: "LOG", value: "debug" },
            { name: "REGION", value: "eu-west-3" },
          ],
          lastWritten: CONTAINER.environment,
          severity: "functional",
          decision: "register",
        },
      ],
    },
  });
  Object.assign(add("SecurityGroup", "jobs", ["SecurityGroup/adapter"]), {
    phase: "Pending",
    ready: undefined,
    reason: "NotObserved",
    generation: 1,
    observedGeneration: 0,
  });
  Object.assign(add("SecurityGroup", "adapter", ["SecurityGroup/alb", "SecurityGroup/jobs"]), {});
}

function gifmachine(add) {
  const paused = { phase: "Paused", reason: "Held" };
  add("Cluster", "main", [], paused);
  add("LoadBalancer", "edge", [], paused);
  add("TargetGroup", "blue", [], paused);
  add("TargetGroup", "green", [], paused);
  add("Listener", "tcp", ["LoadBalancer/edge", "TargetGroup/blue"], paused);
  add("TaskDefinition", "gifmachine", [], paused);
  add("Service", "gifmachine", ["Cluster/main", "TaskDefinition/gifmachine", "TargetGroup/blue", "Listener/tcp"], paused);
}

function datavault(add, at) {
  add("Cluster", "rdss-datavault");
  for (const name of ["broker", "workers", "web", "queue"]) {
    add("TaskDefinition", name);
    add("Service", name, ["Cluster/rdss-datavault", `TaskDefinition/${name}`]);
  }
  add("SecurityGroup", "efs");
  Object.assign(add("Service", "queue", ["Cluster/rdss-datavault", "TaskDefinition/queue"]), {
    phase: "Unknown",
    ready: undefined,
    reason: "SweepGap",
    message: "ecs:DescribeServices was throttled in this sweep; the next one looks again.",
    conditions: { Synced: "Unknown" },
  });
  Object.assign(add("SecurityGroup", "old-efs"), {
    phase: "Deleting",
    ready: undefined,
    reason: "Deleting",
    message: "Waits for eni-0a91 to go, which still uses it.",
    conditions: { Synced: "False" },
  });
  Object.assign(add("Service", "broker", ["Cluster/rdss-datavault", "TaskDefinition/broker"]), {
    phase: "Drifted",
    reason: "Missing",
    message: "The service is gone; policy drift: report leaves it so.",
    ready: "False",
    conditions: { Synced: "False" },
    drift: {
      since: at(1860),
      action: "reporting",
      fields: [
        { path: "", change: "missing", desired: null, live: null, lastWritten: null, severity: "functional", decision: "report" },
      ],
    },
  });
  const web = add("Service", "web", ["Cluster/rdss-datavault", "TaskDefinition/web"]);
  web.undeclared = [{ path: "/enableExecuteCommand", live: true }];
}

/** What looking at a scope has cost since the process started. */
function load(at) {
  return {
    calls: [
      { action: "ecs:DescribeServices", calls: 212, throttles: 0 },
      { action: "elasticloadbalancing:DescribeTargetGroupAttributes", calls: 1318, throttles: 2 },
      { action: "ec2:DescribeSecurityGroups", calls: 53, throttles: 0 },
    ],
    buckets: [
      { name: "elb account", size: 40, refillPerSecond: 10, headroom: 17, grantedPercent: 54, waiting: 1, throttles: 2 },
      { name: "ecs service read", size: 100, refillPerSecond: 20, headroom: 85, grantedPercent: 100, waiting: 0, throttles: 0 },
    ],
    lookTakesMs: 0,
    lookEveryMs: 3800,
    rounds: { things: 126, unread: 4, oldestReadAt: at(252), roundTakesMs: 240000 },
  };
}

function scopes(at) {
  return [
    { account: "prod", region: "eu-west-3", sweptAt: at(12), durationMs: 840, apiCalls: 21, throttles: 0 },
    { account: "prod", region: "eu-west-1", sweptAt: at(31), durationMs: 1240, apiCalls: 34, throttles: 2, load: load(at) },
    { account: "staging", region: "us-east-1", sweptAt: at(44), durationMs: 610, apiCalls: 14, throttles: 0 },
    {
      account: "default",
      region: "eu-west-2",
      sweptAt: at(51),
      durationMs: 4210,
      apiCalls: 18,
      throttles: 11,
      error: null,
      gaps: ["ecs:DescribeServices: Rate exceeded (request 51c0-9f2e)"],
    },
  ];
}

const STORY = [
  [93600, "declared", "es", null, null, "Updated", "stack es updated"],
  [93595, "acted", "es", "TaskDefinition", "intrusion-api", "Created", "register a revision because image is :40, wants :41"],
  [
    18000,
    "operated",
    "gifmachine",
    null,
    null,
    "Paused",
    "stack gifmachine is paused: Load test until Thursday, ask Mira before resuming",
  ],
  [
    11520,
    "observed",
    "accurate-video",
    "TaskDefinition",
    "jobs",
    "DriftDetected",
    "Live is not as declared: /containerDefinitions.",
  ],
  [11400, "decided", "accurate-video", "TaskDefinition", "jobs", "Stuck", "The fix did not take 5 times; Holdfast stopped."],
  [
    7300,
    "decided",
    "accurate-video",
    "TargetGroup",
    "analyze",
    "ReplacementRefused",
    "Port 8080 → 9090 needs a replacement; policy replace is never.",
    { phase: "Blocked", from: "InSync" },
  ],
  [
    6200,
    "acted",
    "accurate-video",
    "Service",
    "analyze",
    "ActionFailed",
    '"update service" failed: ecs:UpdateService was denied.',
  ],
  [1860, "observed", "datavault", "Service", "broker", "DriftDetected", "Live is not as declared: all of it."],
  [
    900,
    "service",
    null,
    null,
    null,
    "SweepGap",
    "ecs:DescribeServices was throttled.",
    { scope: { account: "default", region: "eu-west-2" } },
  ],
  [600, "observed", "es", "Service", "sites-management-api", "DriftDetected", "Live is not as declared: /desiredCount."],
  [598, "acted", "es", "Service", "sites-management-api", "Updated", "set desiredCount to 2 because it is 1"],
  [590, "observed", "es", "Service", "sites-management-api", "DriftHealed", "Live is as declared again: /desiredCount."],
  [
    75,
    "decided",
    "es",
    "Service",
    "client-web-ui",
    "Applying",
    "UpdateService moves to revision 42.",
    { phase: "Progressing", from: "InSync" },
  ],
  [
    42,
    "observed",
    "es",
    "SecurityGroup",
    "alb",
    "DriftDetected",
    "Live is not as declared: /ingress/1, /ingress/0/description, /tags/cost-center.",
  ],
];

function events(at) {
  return STORY.map(([ago, type, stack, kind, name, reason, message, data], i) => ({
    id: i + 1,
    at: at(ago),
    type,
    stack,
    kind,
    name,
    reason,
    message,
    data,
  }));
}
