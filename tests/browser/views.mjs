// The shapes of the API, read from the made-up world of fixture.mjs.

const ACCOUNTS = { prod: "111122223333", staging: "444455556666", default: "777788889999" };

const flat = (world) =>
  [...world.stacks.values()].flatMap((stack) => [...stack.resources.values()].map((resource) => ({ stack, resource })));
const count = (rows, name) => rows.reduce((counts, row) => ({ ...counts, [name(row)]: (counts[name(row)] ?? 0) + 1 }), {});

function grouped(rows, name) {
  const groups = new Map();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return [...groups]
    .map(([key, members]) => ({ name: key, phases: count(members, (m) => m.resource.phase) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export function overview(world) {
  const rows = flat(world);
  const drifted = rows
    .filter((r) => r.resource.drift)
    .sort((a, b) => a.resource.drift.since.localeCompare(b.resource.drift.since));
  const oldest = drifted[0] && {
    stack: drifted[0].stack.name,
    kind: drifted[0].resource.kind,
    name: drifted[0].resource.name,
    since: drifted[0].resource.drift.since,
  };
  return {
    generatedAt: new Date().toISOString(),
    resources: rows.length,
    withDrift: drifted.length,
    phases: count(rows, (r) => r.resource.phase),
    byStack: grouped(rows, (r) => r.stack.name),
    byAccount: grouped(rows, (r) => r.stack.account),
    byRegion: grouped(rows, (r) => r.stack.region),
    byKind: grouped(rows, (r) => r.resource.kind),
    oldestDrift: oldest ?? null,
    scopes: world.scopes,
  };
}

export function stackView(world, name) {
  const s = world.stacks.get(name);
  if (!s) return null;
  const resources = [...s.resources.values()];
  return {
    apiVersion: "holdfast.dev/v1",
    kind: "Stack",
    metadata: { name, labels: s.labels, createdAt: s.createdAt, generation: s.generation },
    spec: { account: s.account, region: s.region, tags: s.tags, variables: s.variables, policy: s.policy },
    status: { phases: count(resources, (r) => r.phase), paused: s.paused, deleting: s.deleting },
    resources: resources.map(({ kind, name: n, phase, ready, reason, message, generation, observedGeneration, dependsOn }) => ({
      kind,
      name: n,
      phase,
      ready,
      reason,
      message,
      generation,
      observedGeneration,
      dependsOn,
    })),
  };
}

function conditionsOf(r, since) {
  const say = (type, normal, reason) => {
    const status = r.conditions[type] ?? normal;
    return { type, status, reason: status === normal ? reason : r.reason, message: status === normal ? "" : r.message, since };
  };
  const stuck = say("Stuck", "False", "FixesTake");
  if (stuck.status === "True")
    Object.assign(stuck, {
      reason: "FixDoesNotTake",
      message: "RegisterTaskDefinition was repeated 5 times and the foreign revision came back each time.",
    });
  return [
    say("Synced", "True", "InSync"),
    {
      type: "Ready",
      status: r.ready ?? "Unknown",
      reason: r.ready === "True" ? "Healthy" : r.ready ? "TasksNotRunning" : "NotObserved",
      message: r.ready === "False" ? "1 of 2 tasks run." : "",
      since,
    },
    say("ReferencesResolved", "True", "Resolved"),
    say("Owned", "True", "Tagged"),
    stuck,
  ];
}

/** A spec taken apart: objects by key, lists of objects item by item. */
function leaves(value, path = "") {
  const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
  if (isObject(value))
    return Object.entries(value).flatMap(([key, v]) => leaves(v, `${path}/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`));
  if (Array.isArray(value) && value.some(isObject)) return value.map((item, i) => [`${path}/${i}`, item]);
  return [[path, value]];
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
  const unborn = r.phase === "Pending",
    unknown = unborn || r.phase === "Unknown";
  const rows = leaves(r.spec).map(([path, declared]) => {
    const inside = diffs.filter((d) => within(d.path, path));
    const lastWritten = unborn ? null : declared;
    if (missing) return { path, declared, live: null, lastWritten, state: "drift" };
    if (inside.length) return { path, declared, live: drifted(declared, path, inside), lastWritten, state: "drift" };
    return { path, declared, live: unknown ? null : declared, lastWritten, state: unknown ? "unknown" : "same" };
  });
  const outside = diffs.filter((d) => d.change !== "missing" && !rows.some((row) => within(d.path, row.path)));
  const alone = (d) => ({
    path: d.path,
    declared: d.desired,
    live: d.live,
    lastWritten: d.lastWritten,
    state: d.change === "undeclared" ? "undeclared" : "drift",
  });
  const undeclared = (r.undeclared ?? []).map((f) => ({
    path: f.path,
    declared: null,
    live: f.live,
    lastWritten: null,
    state: "undeclared",
  }));
  return [...rows, ...outside.map(alone), ...undeclared];
}

function arn(resource, meta) {
  const account = ACCOUNTS[meta.account];
  const place =
    { SecurityGroup: "ec2", Cluster: "ecs", TaskDefinition: "ecs", Service: "ecs" }[resource.kind] ?? "elasticloadbalancing";
  return `arn:aws:${place}:${meta.region}:${account}:${resource.kind.toLowerCase()}/${resource.name}`;
}
export function resourceView(world, stackName, kind, name) {
  const s = world.stacks.get(stackName);
  const r = s?.resources.get(`${kind}/${name}`);
  if (!r) return null;
  const meta = {
    stack: stackName,
    name,
    account: s.account,
    region: s.region,
    uid: r.uid,
    generation: r.generation,
    createdAt: r.createdAt,
    labels: s.labels,
  };
  const since = r.drift?.since ?? r.createdAt;
  const usedBy = flat(world)
    .filter(({ stack, resource }) => resource.dependsOn.some((d) => d.stack === stackName && d.kind === kind && d.name === name))
    .map(({ stack, resource }) => ({ stack: stack.name, kind: resource.kind, name: resource.name }));
  const born = !["Pending"].includes(r.phase);
  return {
    apiVersion: "holdfast.dev/v1",
    kind,
    metadata: meta,
    policy: {},
    effectivePolicy: s.policy,
    spec: r.spec,
    dependsOn: r.dependsOn,
    usedBy,
    fields: fieldsOf(r),
    status: {
      phase: r.phase,
      observedGeneration: r.observedGeneration,
      outputs: born ? { id: kind === "SecurityGroup" ? "sg-0f3a9c1d2e4b" : r.name, arn: arn(r, meta) } : {},
      conditions: conditionsOf(r, since),
      drift: r.drift,
      lastObservedAt: born ? new Date(Date.now() - 12000).toISOString() : null,
    },
  };
}

export function resourceRows(world, filter) {
  const rows = flat(world).filter(
    ({ stack, resource: r }) =>
      (!filter.stack || stack.name === filter.stack) &&
      (!filter.kind || r.kind === filter.kind) &&
      (!filter.account || stack.account === filter.account) &&
      (!filter.region || stack.region === filter.region) &&
      (!filter.phase || r.phase === filter.phase) &&
      (!filter.q || `${stack.name}/${r.kind}/${r.name}`.toLowerCase().includes(filter.q.toLowerCase())),
  );
  return rows.map(({ stack, resource }) => resourceView(world, stack.name, resource.kind, resource.name));
}

export function history(world, stackName, kind, name) {
  const r = world.stacks.get(stackName)?.resources.get(`${kind}/${name}`);
  if (!r) return null;
  const before = (at, ms) => new Date(Date.parse(at) + ms).toISOString();
  const items = [
    { at: r.createdAt, what: "generation", generation: 1, summary: "was accepted", data: { spec: r.spec } },
    { at: before(r.createdAt, 4000), what: "action", summary: `Create${kind} made it`, data: { requestId: "b2a1-77cc" } },
    { at: before(r.createdAt, 9000), what: "observation", summary: "was seen live, equal to what is declared", data: {} },
  ];
  for (let g = 2; g <= r.generation; g += 1)
    items.push({
      at: before(r.createdAt, 86400000 * g),
      what: "generation",
      generation: g,
      summary: "was accepted",
      data: { changed: ["/desiredCount"] },
    });
  if (r.drift) {
    items.push({
      at: r.drift.since,
      what: "observation",
      summary: `differs in ${r.drift.fields.map((f) => f.path || "everything").join(", ")}`,
      data: { fields: r.drift.fields },
    });
    items.push({ at: before(r.drift.since, 300), what: "decision", summary: r.message, data: {} });
  }
  return { items: items.reverse() };
}

export function drift(world, filter) {
  const rows = flat(world).filter(
    ({ stack, resource }) =>
      (!filter.stack || stack.name === filter.stack) &&
      (!filter.kind || resource.kind === filter.kind) &&
      (!filter.account || stack.account === filter.account) &&
      (!filter.region || stack.region === filter.region),
  );
  const items = rows
    .filter((r) => r.resource.drift && (!filter.severity || r.resource.drift.fields.some((f) => f.severity === filter.severity)))
    .map(({ stack, resource: r }) => ({
      stack: stack.name,
      kind: r.kind,
      name: r.name,
      since: r.drift.since,
      action: r.drift.action,
      fields: r.drift.fields,
    }));
  const phase = (name) => rows.filter((r) => r.resource.phase === name).length;
  const missing = items.filter((i) => i.fields.some((f) => f.change === "missing")).length;
  return {
    generatedAt: new Date().toISOString(),
    summary: {
      resources: rows.length,
      inSync: phase("InSync"),
      drifted: items.length - missing,
      missing,
      unknown: phase("Unknown"),
    },
    scopes: world.scopes.map(({ account, region, sweptAt, durationMs, apiCalls }) => ({
      account,
      region,
      sweptAt,
      durationMs,
      apiCalls,
    })),
    items,
  };
}

/** The explanation of one field, as the API gives it. */
export function why(world, stackName, kind, name, path) {
  const r = world.stacks.get(stackName)?.resources.get(`${kind}/${name}`);
  if (!r) return null;
  const diff = r.drift?.fields.find((f) => f.path === path);
  const declared = { value: diff?.desired ?? null, resolved: diff?.desired ?? null, generation: r.generation, byStack: false };
  const field = {
    path: path ?? "",
    declared: diff?.desired == null ? null : declared,
    live: { value: diff?.live ?? null, known: true },
    default: { value: null, source: "https://docs.aws.amazon.com/" },
    lastWritten: diff?.lastWritten ?? null,
    owner: { who: "holdfast", name: "Holdfast", reason: `Generation ${r.generation} declares it.`, bounds: null, until: null },
    rule: "declared-wins",
    ruleText: "What is declared counts: a live value that differs is put back.",
    change: diff?.change ?? null,
    severity: diff?.severity ?? "functional",
    decision: diff?.decision ?? "none",
    waitsFor: [],
    edit: diff ? { says: `Declare ${path} as it is live.`, patch: [{ op: "replace", path: `/spec${path}`, value: diff.live }] } : null,
    createOnly: false,
  };
  const whole = {
    stack: stackName, kind, name, generation: r.generation, observedGeneration: r.generation, phase: r.phase,
    reason: r.reason ?? "Drifted", message: r.message ?? "", decision: null, waitsFor: [], edit: null,
  };
  return { ...whole, fields: path ? [field] : (r.drift?.fields ?? []).map((f) => ({ ...field, path: f.path })) };
}
