// A small Holdfast: serves the dashboard's files under a content security policy at least as strict as the real server's, and answers /v1
// from a made-up world. `node mock.mjs` runs it for a person (with things going wrong every few seconds); tests start it themselves.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { world } from "./fixture.mjs";
import * as views from "./views.mjs";

const WEB = join(dirname(fileURLToPath(import.meta.url)), "../../crates/holdfast-api/web");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/**
 * Starts the mock. `token`: asked for when given; `empty`: nothing is declared. Answers
 * `{ url, world, requests, emit(event), drop(), refuse(status), close() }`.
 */
export async function start({ port = 0, token = null, empty = false } = {}) {
  const state = {
    token,
    world: empty ? { stacks: new Map(), scopes: [], events: [] } : world(),
    streams: new Set(),
    requests: [],
    refusal: null,
    down: false,
  };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const heart = setInterval(() => {
    for (const stream of state.streams) stream.write(": still here\n\n");
  }, 10000);
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    world: state.world,
    requests: state.requests,
    emit: (event) => emit(state, event),
    /** Ends the streams, and refuses new ones while `down`. */
    drop({ down = false } = {}) {
      state.down = down;
      for (const stream of state.streams) stream.destroy();
    },
    up() {
      state.down = false;
    },
    /** Lets every API call but the stream fail with a status; null ends it. */
    refuse(status) {
      state.refusal = status;
    },
    async close() {
      clearInterval(heart);
      for (const stream of state.streams) stream.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function emit(state, event) {
  const { events } = state.world;
  const whole = { id: (events.at(-1)?.id ?? 0) + 1, at: new Date().toISOString(), data: {}, ...event };
  events.push(whole);
  for (const stream of state.streams) stream.write(frame(whole));
  return whole;
}

const frame = (event) => `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

async function answer(state, request, response) {
  const url = new URL(request.url, "http://mock");
  const path = url.pathname;
  if (path === "/") return response.writeHead(307, { location: "/dashboard/" }).end();
  if (path === "/dashboard" || path.startsWith("/dashboard/")) return file(path, response);
  if (!path.startsWith("/v1/")) return problem(response, 404, "Not found");
  const body = await text(request);
  state.requests.push({
    method: request.method,
    path: request.url,
    headers: request.headers,
    body: body ? JSON.parse(body) : null,
  });
  if (state.token && request.headers.authorization !== `Bearer ${state.token}`)
    return problem(response, 401, "Unauthenticated", "A bearer token is needed.");
  if (path === "/v1/watch") return watch(state, url, request, response);
  if (state.refusal) return problem(response, state.refusal, "Refused by the test", "The store does not answer.");
  return api(state, request.method, path.split("/").slice(2).map(decodeURIComponent), url.searchParams, body, response);
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function file(path, response) {
  const relative = normalize(path.replace(/^\/dashboard\/?/, "")).replace(/^(\.\.(\/|$))+/, "");
  const named = extname(relative) in TYPES && /^(app|css|vendor)\/|^favicon/.test(relative);
  const found = named ? await readFile(join(WEB, relative)).catch(() => null) : await readFile(join(WEB, "index.html"));
  if (!found) return problem(response, 404, "Not found");
  return response
    .writeHead(200, {
      "content-type": TYPES[named ? extname(relative) : ".html"],
      "content-security-policy": CSP,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    })
    .end(found);
}

function problem(response, status, title, detail = title) {
  response
    .writeHead(status, { "content-type": "application/problem+json" })
    .end(JSON.stringify({ type: "about:blank", title, status, detail }));
}

function json(response, value) {
  if (value === null) return problem(response, 404, "Not found", "There is nothing of this name.");
  return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function watch(state, url, request, response) {
  if (state.down) return problem(response, 503, "Unavailable", "The server is starting.");
  const after = Number(url.searchParams.get("after") ?? request.headers["last-event-id"] ?? Number.MAX_SAFE_INTEGER);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
  for (const event of state.world.events) if (event.id > after) response.write(frame(event));
  state.streams.add(response);
  response.on("close", () => state.streams.delete(response));
}

function api({ world, ...state }, method, path, query, body, response) {
  const filter = Object.fromEntries(query);
  const [first, ...rest] = path;
  if (method === "POST" && first === "stacks" && rest.length === 2)
    return act({ world, ...state }, rest[0], rest[1], body ? JSON.parse(body) : {}, response);
  if (method !== "GET") return problem(response, 405, "Method not allowed");
  if (first === "overview") return json(response, views.overview(world));
  if (first === "stacks" && rest.length === 0)
    return json(response, { items: [...world.stacks.keys()].map((name) => views.stackView(world, name)) });
  if (first === "stacks") return json(response, views.stackView(world, rest[0]));
  if (first === "resources" && rest.length === 0)
    return json(response, page(views.resourceRows(world, filter), filter, "cursor"));
  if (first === "resources" && rest[3] === "why") return json(response, views.why(world, ...rest.slice(0, 3), query.get("path")));
  if (first === "resources" && rest[3] === "history") return json(response, views.history(world, ...rest.slice(0, 3)));
  if (first === "resources") return json(response, views.resourceView(world, ...rest));
  if (first === "drift") return json(response, views.drift(world, filter));
  if (first === "scopes") return json(response, { items: world.scopes });
  if (first === "events")
    return json(response, page(filter.order === "desc" ? [...world.events].reverse() : world.events, filter, "after"));
  return problem(response, 404, "Not found");
}

function page(items, filter, name) {
  const from = Number(filter[name] ?? 0),
    limit = Number(filter.limit ?? 100);
  return { items: items.slice(from, from + limit), ...(items.length > from + limit && { nextCursor: String(from + limit) }) };
}

function act(state, name, action, body, response) {
  const stack = state.world.stacks.get(name);
  if (!stack) return problem(response, 404, "Not found", `There is no stack ${name}.`);
  if (action === "pause") stack.paused = { ...body, since: new Date().toISOString() };
  else if (action === "resume") stack.paused = null;
  else if (action !== "reconcile") return problem(response, 404, "Not found");
  const words = {
    pause: ["Paused", body.reason],
    resume: ["Resumed", "It goes on."],
    reconcile: ["ReconcileRequested", `a pass of stack ${name} was asked for`],
  }[action];
  emit(state, { type: "operated", stack: name, kind: null, name: null, reason: words[0], message: words[1] });
  return json(response, { stack: name });
}

/** Lets a service drift and heals it some seconds later, for as long as somebody watches. */
function unrest(mock) {
  let wrong = false;
  setInterval(() => {
    const service = mock.world.stacks.get("es").resources.get("Service/sites-management-api");
    wrong = !wrong;
    Object.assign(
      service,
      wrong
        ? {
            phase: "Drifted",
            drift: {
              since: new Date().toISOString(),
              action: "healing",
              fields: [
                {
                  path: "/desiredCount",
                  change: "changed",
                  desired: 2,
                  live: 1,
                  lastWritten: 2,
                  severity: "functional",
                  decision: "update",
                },
              ],
            },
          }
        : { phase: "InSync", drift: null },
    );
    mock.emit({
      type: "observed",
      stack: "es",
      kind: "Service",
      name: "sites-management-api",
      reason: wrong ? "DriftDetected" : "DriftHealed",
      message: wrong ? "Live is not as declared: /desiredCount." : "Live is as declared again: /desiredCount.",
    });
  }, 5000);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const mock = await start({
    port: Number(process.env.PORT ?? 8099),
    token: process.env.MOCK_TOKEN ?? null,
    empty: process.env.MOCK_EMPTY === "1",
  });
  unrest(mock);
  process.stdout.write(`${mock.url}/dashboard/\n`);
}
