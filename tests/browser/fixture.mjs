// A rich, made-up world for the mock server: four stacks, every phase, drift of every kind.

const ACCOUNTS = { prod: "111122223333", staging: "444455556666", default: "777788889999" };
const CONTAINER = { name: "web", image: "acme/client-web-ui:41", essential: true, portMappings: [{ containerPort: 8080, protocol: "tcp" }], environment: [{ name: "LOG", value: "info" }, { name: "REGION", value: "eu-west-3" }] };

const specs = {
  SecurityGroup: (name) => ({ groupName: `prod-${name}`, description: `${name} traffic`, vpcId: "vpc-0abc12de", ingress: [{ ipProtocol: "tcp", fromPort: 80, toPort: 80, cidrIpv4: "0.0.0.0/0", description: "public entry" }] }),
  Cluster: (name) => ({ clusterName: name, settings: [{ name: "containerInsights", value: "enabled" }] }),
  TaskDefinition: (name) => ({ family: name, cpu: "256", memory: "512", networkMode: "awsvpc", containerDefinitions: [{ ...CONTAINER, name }] }),
  Service: (name) => ({ serviceName: name, cluster: "${Cluster/main.arn}", taskDefinition: `\${TaskDefinition/${name}.arn}`, desiredCount: 2, launchType: "EC2", deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 100, deploymentCircuitBreaker: { enable: true, rollback: true } } }),
  LoadBalancer: (name) => ({ name, type: "application", scheme: "internet-facing", subnets: ["subnet-0a1", "subnet-0b2"], securityGroups: ["${SecurityGroup/alb.id}"], attributes: { "idle_timeout.timeout_seconds": "60" } }),
  TargetGroup: (name) => ({ name: `${name}-tg`, protocol: "HTTP", port: 8080, vpcId: "vpc-0abc12de", targetType: "instance", healthCheckPath: "/health", matcher: { httpCode: "200" } }),
  Listener: () => ({ loadBalancerArn: "${LoadBalancer/public.arn}", port: 80, protocol: "HTTP", defaultActions: [{ type: "fixed-response", fixedResponseConfig: { statusCode: "404" } }] }),
  ListenerRule: (name) => ({ listenerArn: "${Listener/http.arn}", priority: 10, conditions: [{ field: "path-pattern", pathPatternConfig: { values: [`/${name}/*`] } }], actions: [{ type: "forward", targetGroupArn: `\${TargetGroup/${name}.arn}` }] }),
};

function arn(resource, meta) {
  const account = ACCOUNTS[meta.account];
  const place = { SecurityGroup: "ec2", Cluster: "ecs", TaskDefinition: "ecs", Service: "ecs" }[resource.kind] ?? "elasticloadbalancing";
  return `arn:aws:${place}:${meta.region}:${account}:${resource.kind.toLowerCase()}/${resource.name}`;
}

/** A spec taken apart: objects by key, lists of objects item by item. */
function leaves(value, path = "") {
  const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
  if (isObject(value)) return Object.entries(value).flatMap(([key, v]) => leaves(v, `${path}/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`));
  if (Array.isArray(value) && value.some(isObject)) return value.map((item, i) => [`${path}/${i}`, item]);
  return [[path, value]];
}

/** The world, told as it stood `now`. */
export function world(now = Date.now()) {
  const at = (secondsAgo) => new Date(now - secondsAgo * 1000).toISOString();
  const stacks = new Map();
  let uid = 0;

  function stack(name, account, region, extra = {}) {
    const record = { name, account, region, labels: { team: "media" }, tags: { env: "prod", "cost-center": "4711" }, variables: { env: "prod", vpcId: "vpc-0abc12de", subnets: ["subnet-0a1", "subnet-0b2"], imageTag: "41" },
      policy: { drift: "heal", rollout: "auto", deletion: "retain" }, generation: 7, createdAt: at(86400 * 23), paused: null, deleting: false, resources: new Map(), ...extra };
    stacks.set(name, record);
    return (kind, resourceName, dependsOn = [], state = {}) => {
      uid += 1;
      const resource = { kind, name: resourceName, uid: `0192f1c4-7a3e-7b1d-9c55-${String(uid).padStart(12, "0")}`, spec: specs[kind](resourceName), dependsOn: dependsOn.map((text) => dependency(name, text)), phase: "InSync", ready: "True", generation: 3, observedGeneration: 3, drift: null, message: "", reason: "InSync", conditions: {}, createdAt: at(86400 * 20), ...state };
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
  gifmachine(stack("gifmachine", "staging", "us-east-1", { policy: { drift: "report", deletion: "delete" }, labels: { team: "web" },
    paused: { reason: "Load test until Thursday, ask Mira before resuming", until: new Date(now + 86400000 * 2).toISOString(), since: at(5400) } }));
  datavault(stack("datavault", "default", "eu-west-2", { labels: { team: "archive" } }), at);
  return { stacks, scopes: scopes(at), events: events(at) };
}

function es(add, at) {
  for (const name of ["alb", "client-web-ui", "manager-web-ui", "intrusion-api", "sites-management-api", "cameras-api", "redis"]) add("SecurityGroup", name, name === "alb" ? [] : ["SecurityGroup/alb"]);
  add("SecurityGroup", "ec2", ["SecurityGroup/rds"]);
  add("SecurityGroup", "rds", ["SecurityGroup/ec2"]);
  add("Cluster", "main");
  add("LoadBalancer", "public", ["SecurityGroup/alb"]);
  add("Listener", "http", ["LoadBalancer/public"]);
  for (const name of ["client-web-ui", "intrusion-api", "sites-management-api"]) {
    add("TargetGroup", name);
    add("TaskDefinition", name);
    add("ListenerRule", name, ["Listener/http", `TargetGroup/${name}`]);
    add("Service", name, ["Cluster/main", `TaskDefinition/${name}`, `TargetGroup/${name}`, `ListenerRule/${name}`, `SecurityGroup/${name}`]);
  }
  const alb = add("SecurityGroup", "alb");
  Object.assign(alb, { phase: "Drifted", reason: "LiveDiffers", message: "A rule that nobody declared lets the world in on port 22; it is being revoked.", conditions: { Synced: "False" },
    drift: { since: at(42), action: "healing", fields: [
      { path: "/ingress/1", change: "added", desired: null, live: { ipProtocol: "tcp", fromPort: 22, toPort: 22, cidrIpv4: "0.0.0.0/0" }, lastWritten: null, severity: "exposure", decision: "revoke" },
      { path: "/ingress/0/description", change: "changed", desired: "public entry", live: "public entry (tmp)", lastWritten: "public entry", severity: "cosmetic", decision: "update" },
      { path: "/tags/cost-center", change: "removed", desired: "4711", live: null, lastWritten: "4711", severity: "cosmetic", decision: "tag" }] } });
  const web = add("Service", "client-web-ui", ["Cluster/main", "TaskDefinition/client-web-ui", "TargetGroup/client-web-ui", "ListenerRule/client-web-ui", "SecurityGroup/client-web-ui", "accurate-video:Cluster/main"]);
  Object.assign(web, { phase: "Progressing", ready: "False", generation: 4, observedGeneration: 3, reason: "Applying", message: "UpdateService is under way: 1 of 2 tasks run the new revision." });
}

function accurate(add, at) {
  for (const name of ["alb", "frontend", "analyze", "adapter", "jobs", "rds"]) add("SecurityGroup", name, name === "alb" ? [] : name === "rds" ? ["SecurityGroup/adapter"] : ["SecurityGroup/alb"]);
  add("Cluster", "main");
  add("LoadBalancer", "public", ["SecurityGroup/alb"]);
  add("Listener", "http", ["LoadBalancer/public"]);
  for (const name of ["frontend", "analyze", "adapter", "jobs"]) {
    add("TaskDefinition", name);
    if (name !== "jobs") { add("TargetGroup", name); add("ListenerRule", name, ["Listener/http", `TargetGroup/${name}`]); }
    add("Service", name, ["Cluster/main", `TaskDefinition/${name}`, `SecurityGroup/${name}`, ...(name === "jobs" ? [] : [`TargetGroup/${name}`, `ListenerRule/${name}`])]);
  }
  Object.assign(add("TargetGroup", "analyze"), { phase: "Blocked", reason: "ReplacementRefused", generation: 4, observedGeneration: 4, conditions: { Synced: "False" },
    message: "Port 8080 → 9090 cannot be changed in place and policy replace is never. Set replace: allow on TargetGroup/analyze, or declare port 8080 again.",
    drift: { since: at(7300), action: "held", fields: [{ path: "/port", change: "changed", desired: 9090, live: 8080, lastWritten: 8080, severity: "functional", decision: "none" }] } });
  Object.assign(add("Service", "analyze", ["Cluster/main", "TaskDefinition/analyze", "SecurityGroup/analyze", "TargetGroup/analyze", "ListenerRule/analyze"]), { phase: "Failed", ready: "False", reason: "AccessDenied", conditions: { Synced: "False" },
    message: "ecs:UpdateService was denied: the role holdfast lacks ecs:UpdateService on arn:aws:ecs:eu-west-1:111122223333:service/main/analyze (request 7d2b-41aa)." });
  Object.assign(add("TaskDefinition", "jobs"), { phase: "Drifted", reason: "LiveDiffers", message: "A foreign revision is current: image :39, declared :41.", conditions: { Synced: "False", Stuck: "True" },
    drift: { since: at(11520), action: "waiting", fields: [{ path: "/containerDefinitions/0/image", change: "changed", desired: "acme/client-web-ui:41", live: "acme/client-web-ui:39", lastWritten: "acme/client-web-ui:41", severity: "functional", decision: "register" }, { path: "/containerDefinitions/0/environment", change: "changed", desired: CONTAINER.environment, live: [{ name: "LOG", value: "debug" }, { name: "REGION", value: "eu-west-3" }], lastWritten: CONTAINER.environment, severity: "functional", decision: "register" }] } });
  Object.assign(add("SecurityGroup", "jobs", ["SecurityGroup/adapter"]), { phase: "Pending", ready: undefined, reason: "NotObserved", generation: 1, observedGeneration: 0 });
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
  Object.assign(add("Service", "queue", ["Cluster/rdss-datavault", "TaskDefinition/queue"]), { phase: "Unknown", ready: undefined, reason: "SweepGap", message: "ecs:DescribeServices was throttled in this sweep; the next one looks again.", conditions: { Synced: "Unknown" } });
  Object.assign(add("SecurityGroup", "old-efs"), { phase: "Deleting", ready: undefined, reason: "Deleting", message: "Waits for eni-0a91 to go, which still uses it.", conditions: { Synced: "False" } });
  Object.assign(add("Service", "broker", ["Cluster/rdss-datavault", "TaskDefinition/broker"]), { phase: "Drifted", reason: "Missing", message: "The service is gone; policy drift: report leaves it so.", ready: "False", conditions: { Synced: "False" },
    drift: { since: at(1860), action: "reporting", fields: [{ path: "", change: "missing", desired: null, live: null, lastWritten: null, severity: "functional", decision: "report" }] } });
  const web = add("Service", "web", ["Cluster/rdss-datavault", "TaskDefinition/web"]);
  web.undeclared = [{ path: "/enableExecuteCommand", live: true }];
}

function scopes(at) {
  return [
    { account: "prod", region: "eu-west-3", sweptAt: at(12), durationMs: 840, apiCalls: 21, throttles: 0 },
    { account: "prod", region: "eu-west-1", sweptAt: at(31), durationMs: 1240, apiCalls: 34, throttles: 2 },
    { account: "staging", region: "us-east-1", sweptAt: at(44), durationMs: 610, apiCalls: 14, throttles: 0 },
    { account: "default", region: "eu-west-2", sweptAt: at(51), durationMs: 4210, apiCalls: 18, throttles: 11, error: null, gaps: ["ecs:DescribeServices: Rate exceeded (request 51c0-9f2e)"] },
  ];
}

const STORY = [
  [93600, "declared", "es", null, null, "Updated", "stack es updated"],
  [93595, "acted", "es", "TaskDefinition", "intrusion-api", "Created", "register a revision because image is :40, wants :41"],
  [18000, "operated", "gifmachine", null, null, "Paused", "stack gifmachine is paused: Load test until Thursday, ask Mira before resuming"],
  [11520, "observed", "accurate-video", "TaskDefinition", "jobs", "DriftDetected", "Live is not as declared: /containerDefinitions."],
  [11400, "decided", "accurate-video", "TaskDefinition", "jobs", "Stuck", "The fix did not take 5 times; Holdfast stopped."],
  [7300, "decided", "accurate-video", "TargetGroup", "analyze", "ReplacementRefused", "Port 8080 → 9090 needs a replacement; policy replace is never.", { phase: "Blocked", from: "InSync" }],
  [6200, "acted", "accurate-video", "Service", "analyze", "ActionFailed", "\"update service\" failed: ecs:UpdateService was denied."],
  [1860, "observed", "datavault", "Service", "broker", "DriftDetected", "Live is not as declared: all of it."],
  [900, "service", null, null, null, "SweepGap", "ecs:DescribeServices was throttled.", { scope: { account: "default", region: "eu-west-2" } }],
  [600, "observed", "es", "Service", "sites-management-api", "DriftDetected", "Live is not as declared: /desiredCount."],
  [598, "acted", "es", "Service", "sites-management-api", "Updated", "set desiredCount to 2 because it is 1"],
  [590, "observed", "es", "Service", "sites-management-api", "DriftHealed", "Live is as declared again: /desiredCount."],
  [75, "decided", "es", "Service", "client-web-ui", "Applying", "UpdateService moves to revision 42.", { phase: "Progressing", from: "InSync" }],
  [42, "observed", "es", "SecurityGroup", "alb", "DriftDetected", "Live is not as declared: /ingress/1, /ingress/0/description, /tags/cost-center."],
];

function events(at) {
  return STORY.map(([ago, type, stack, kind, name, reason, message, data], i) => ({ id: i + 1, at: at(ago), type, stack, kind, name, reason, message, data }));
}

// ---- the shapes of the API ----

const flat = (world) => [...world.stacks.values()].flatMap((stack) => [...stack.resources.values()].map((resource) => ({ stack, resource })));
const count = (rows, name) => rows.reduce((counts, row) => ({ ...counts, [name(row)]: (counts[name(row)] ?? 0) + 1 }), {});

function grouped(rows, name) {
  const groups = new Map();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return [...groups].map(([key, members]) => ({ name: key, phases: count(members, (m) => m.resource.phase) })).sort((a, b) => a.name.localeCompare(b.name));
}

export function overview(world) {
  const rows = flat(world);
  const drifted = rows.filter((r) => r.resource.drift).sort((a, b) => a.resource.drift.since.localeCompare(b.resource.drift.since));
  const oldest = drifted[0] && { stack: drifted[0].stack.name, kind: drifted[0].resource.kind, name: drifted[0].resource.name, since: drifted[0].resource.drift.since };
  return { generatedAt: new Date().toISOString(), resources: rows.length, withDrift: drifted.length, phases: count(rows, (r) => r.resource.phase), byStack: grouped(rows, (r) => r.stack.name), byAccount: grouped(rows, (r) => r.stack.account),
    byRegion: grouped(rows, (r) => r.stack.region), byKind: grouped(rows, (r) => r.resource.kind), oldestDrift: oldest ?? null, scopes: world.scopes };
}

export function stackView(world, name) {
  const s = world.stacks.get(name);
  if (!s) return null;
  const resources = [...s.resources.values()];
  return { apiVersion: "holdfast.dev/v1", kind: "Stack", metadata: { name, labels: s.labels, createdAt: s.createdAt, generation: s.generation }, spec: { account: s.account, region: s.region, tags: s.tags, variables: s.variables, policy: s.policy },
    status: { phases: count(resources, (r) => r.phase), paused: s.paused, deleting: s.deleting },
    resources: resources.map(({ kind, name: n, phase, ready, reason, message, generation, observedGeneration, dependsOn }) => ({ kind, name: n, phase, ready, reason, message, generation, observedGeneration, dependsOn })) };
}

function conditionsOf(r, since) {
  const say = (type, normal, reason) => { const status = r.conditions[type] ?? normal; return { type, status, reason: status === normal ? reason : r.reason, message: status === normal ? "" : r.message, since }; };
  const stuck = say("Stuck", "False", "FixesTake");
  if (stuck.status === "True") Object.assign(stuck, { reason: "FixDoesNotTake", message: "RegisterTaskDefinition was repeated 5 times and the foreign revision came back each time." });
  return [say("Synced", "True", "InSync"), { type: "Ready", status: r.ready ?? "Unknown", reason: r.ready === "True" ? "Healthy" : r.ready ? "TasksNotRunning" : "NotObserved", message: r.ready === "False" ? "1 of 2 tasks run." : "", since }, say("ReferencesResolved", "True", "Resolved"), say("Owned", "True", "Tagged"), stuck];
}

const within = (path, outer) => path === outer || path.startsWith(`${outer}/`);

/** A declared value with the differences inside it brought in. */
function drifted(value, path, diffs) {
  if (diffs.some((d) => d.path === path)) return diffs.find((d) => d.path === path).live;
  const copy = structuredClone(value);
  for (const d of diffs) {
    const keys = d.path.slice(path.length + 1).split("/");
    const last = keys.pop();
    const place = keys.reduce((at, key) => at[key], copy);
    if (d.live === null) delete place[last];
    else place[last] = d.live;
  }
  return copy;
}

function fieldsOf(r) {
  const diffs = r.drift?.fields ?? [];
  const missing = diffs.some((d) => d.change === "missing");
  const unborn = r.phase === "Pending", unknown = unborn || r.phase === "Unknown";
  const rows = leaves(r.spec).map(([path, declared]) => {
    const inside = diffs.filter((d) => within(d.path, path));
    const lastWritten = unborn ? null : declared;
    if (missing) return { path, declared, live: null, lastWritten, state: "drift" };
    if (inside.length) return { path, declared, live: drifted(declared, path, inside), lastWritten, state: "drift" };
    return { path, declared, live: unknown ? null : declared, lastWritten, state: unknown ? "unknown" : "same" };
  });
  const outside = diffs.filter((d) => d.change !== "missing" && !rows.some((row) => within(d.path, row.path)));
  const alone = (d) => ({ path: d.path, declared: d.desired, live: d.live, lastWritten: d.lastWritten, state: d.change === "undeclared" ? "undeclared" : "drift" });
  const undeclared = (r.undeclared ?? []).map((f) => ({ path: f.path, declared: null, live: f.live, lastWritten: null, state: "undeclared" }));
  return [...rows, ...outside.map(alone), ...undeclared];
}

export function resourceView(world, stackName, kind, name) {
  const s = world.stacks.get(stackName);
  const r = s?.resources.get(`${kind}/${name}`);
  if (!r) return null;
  const meta = { stack: stackName, name, account: s.account, region: s.region, uid: r.uid, generation: r.generation, createdAt: r.createdAt, labels: s.labels };
  const since = r.drift?.since ?? r.createdAt;
  const usedBy = flat(world).filter(({ stack, resource }) => resource.dependsOn.some((d) => d.stack === stackName && d.kind === kind && d.name === name))
    .map(({ stack, resource }) => ({ stack: stack.name, kind: resource.kind, name: resource.name }));
  const born = !["Pending"].includes(r.phase);
  return { apiVersion: "holdfast.dev/v1", kind, metadata: meta, policy: {}, effectivePolicy: s.policy, spec: r.spec, dependsOn: r.dependsOn, usedBy, fields: fieldsOf(r),
    status: { phase: r.phase, observedGeneration: r.observedGeneration, outputs: born ? { id: kind === "SecurityGroup" ? "sg-0f3a9c1d2e4b" : r.name, arn: arn(r, meta) } : {}, conditions: conditionsOf(r, since), drift: r.drift, lastObservedAt: born ? new Date(Date.now() - 12000).toISOString() : null } };
}

export function resourceRows(world, filter) {
  const rows = flat(world).filter(({ stack, resource: r }) => (!filter.stack || stack.name === filter.stack) && (!filter.kind || r.kind === filter.kind) && (!filter.account || stack.account === filter.account)
    && (!filter.region || stack.region === filter.region) && (!filter.phase || r.phase === filter.phase) && (!filter.q || `${stack.name}/${r.kind}/${r.name}`.toLowerCase().includes(filter.q.toLowerCase())));
  return rows.map(({ stack, resource }) => resourceView(world, stack.name, resource.kind, resource.name));
}

export function history(world, stackName, kind, name) {
  const r = world.stacks.get(stackName)?.resources.get(`${kind}/${name}`);
  if (!r) return null;
  const before = (at, ms) => new Date(Date.parse(at) + ms).toISOString();
  const items = [{ at: r.createdAt, what: "generation", generation: 1, summary: "was accepted", data: { spec: r.spec } }, { at: before(r.createdAt, 4000), what: "action", summary: `Create${kind} made it`, data: { requestId: "b2a1-77cc" } },
    { at: before(r.createdAt, 9000), what: "observation", summary: "was seen live, equal to what is declared", data: {} }];
  for (let g = 2; g <= r.generation; g += 1) items.push({ at: before(r.createdAt, 86400000 * g), what: "generation", generation: g, summary: "was accepted", data: { changed: ["/desiredCount"] } });
  if (r.drift) {
    items.push({ at: r.drift.since, what: "observation", summary: `differs in ${r.drift.fields.map((f) => f.path || "everything").join(", ")}`, data: { fields: r.drift.fields } });
    items.push({ at: before(r.drift.since, 300), what: "decision", summary: r.message, data: {} });
  }
  return { items: items.reverse() };
}

export function drift(world, filter) {
  const rows = flat(world).filter(({ stack, resource }) => (!filter.stack || stack.name === filter.stack) && (!filter.kind || resource.kind === filter.kind) && (!filter.account || stack.account === filter.account) && (!filter.region || stack.region === filter.region));
  const items = rows.filter((r) => r.resource.drift && (!filter.severity || r.resource.drift.fields.some((f) => f.severity === filter.severity)))
    .map(({ stack, resource: r }) => ({ stack: stack.name, kind: r.kind, name: r.name, since: r.drift.since, action: r.drift.action, fields: r.drift.fields }));
  const phase = (name) => rows.filter((r) => r.resource.phase === name).length;
  const missing = items.filter((i) => i.fields.some((f) => f.change === "missing")).length;
  return { generatedAt: new Date().toISOString(), summary: { resources: rows.length, inSync: phase("InSync"), drifted: items.length - missing, missing, unknown: phase("Unknown") },
    scopes: world.scopes.map(({ account, region, sweptAt, durationMs, apiCalls }) => ({ account, region, sweptAt, durationMs, apiCalls })), items };
}
