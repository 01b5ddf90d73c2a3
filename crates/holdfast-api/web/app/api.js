// The way to /v1: one function to call it, one hook to show it, and the token that opens it.
import { signal, useEffect, useRef, useState } from "./lib.js";

const TOKEN_KEY = "holdfast.token";

/** The bearer token; it lives as long as the tab and is never written anywhere else. */
export const token = signal(readToken());
/** Null, or why a token is asked for: "missing" or "refused". */
export const tokenWanted = signal(null);

function readToken() {
  try {
    return sessionStorage.getItem(TOKEN_KEY) || "";
  } catch {
    return "";
  }
}

/** Uses a token from now on, and asks everything again that was refused. */
export function useToken(value) {
  try {
    if (value) sessionStorage.setItem(TOKEN_KEY, value);
    else sessionStorage.removeItem(TOKEN_KEY);
  } catch {
    /* Without storage the token lasts until the page is left. */
  }
  token.value = value;
  tokenWanted.value = null;
  reloadAll();
}

/** What went wrong, in the words of problem+json where the server had words. */
export class ApiError extends Error {
  constructor({ status, title, detail, errors, path }) {
    super(detail || title || `HTTP ${status}`);
    this.status = status;
    this.title = title;
    this.errors = Array.isArray(errors) ? errors : [];
    this.path = path;
  }
}

export function authorization() {
  return token.value ? { authorization: `Bearer ${token.value}` } : {};
}

/** Called by whoever meets a 401; a token that was sent has been refused. */
export function askForToken() {
  tokenWanted.value = token.value ? "refused" : "missing";
}

async function problemOf(response, path) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    /* A proxy in between answers HTML; the status still speaks. */
  }
  return new ApiError({ ...body, status: response.status, title: body.title || response.statusText, path });
}

/** Calls the API and answers the parsed body; throws ApiError. */
export async function call(path, { method = "GET", body, abort } = {}) {
  const headers = { accept: "application/json", ...authorization() };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method === "POST") headers["idempotency-key"] = randomKey();
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: abort });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new ApiError({ status: 0, title: "The server does not answer", path });
  }
  if (response.status === 401) askForToken();
  if (!response.ok) throw await problemOf(response, path);
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError({
      status: response.status,
      title: "The answer is not JSON",
      detail: "Something between this page and Holdfast answers in its place.",
      path,
    });
  }
}

/** crypto.randomUUID needs a secure context; plain HTTP inside a network has none. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** A path with the query parameters that have a value. */
export function withQuery(path, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(key, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

// ---- what the page shows now ----

/** Path → the query that keeps it fresh, for as long as something on the page shows it. */
const shown = new Map();

/** Asks again for everything that is on the page. */
export function reloadAll() {
  for (const query of shown.values()) query.reload();
}

/** Asks again for what these events are about, at most once in a while. */
export function reloadConcerned(events) {
  for (const query of shown.values()) {
    const concerned = [...query.viewers].some((viewer) => events.some(viewer.concerns));
    if (concerned) query.soon();
  }
}

const SOON_MS = 350;
const POLL_MS = 15000;

// A sweep that finds nothing new says nothing, so that "last swept" would grow old without a look from time to time.
setInterval(() => {
  if (!document.hidden && !tokenWanted.value) reloadAll();
}, POLL_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) reloadAll();
});

const always = () => true;
const NOTHING = { data: null, error: null, loading: true, at: null };

/**
 * The answer of a GET, kept fresh: `{ data, error, loading, at, reload }`. While another path of the same page is
 * loading, the old answer stays; `concerns(event)` says which events make it worth another look.
 */
export function useQuery(path, concerns = always) {
  const [state, setState] = useState({ path, ...NOTHING });
  const about = useRef(concerns);
  about.current = concerns;
  useEffect(() => {
    if (!path) return undefined;
    const viewer = {
      tell: (next) => setState((old) => ({ ...next, data: next.data ?? (next.error?.status === 404 ? null : old.data), path })),
      concerns: (event) => about.current(event),
    };
    return view(path, viewer);
  }, [path]);
  const current = state.path === path;
  const reload = () => shown.get(path)?.reload();
  return { ...state, error: current ? state.error : null, loading: state.loading || !current, reload };
}

/** Joins the viewers of a path, as the first one or beside others, and answers how to leave. */
function view(path, viewer) {
  const known = shown.get(path);
  const query = known ?? openQuery(path);
  query.viewers.add(viewer);
  if (known) viewer.tell(query.state);
  else query.reload();
  return () => {
    query.viewers.delete(viewer);
    if (query.viewers.size === 0) query.close();
  };
}

function openQuery(path) {
  let abort = null,
    timer = null,
    again = false;
  const tell = (next) => {
    query.state = { ...query.state, ...next };
    for (const viewer of query.viewers) viewer.tell(query.state);
  };
  const query = {
    viewers: new Set(),
    state: NOTHING,
    async reload() {
      if (abort) {
        again = true;
        return;
      }
      abort = new AbortController();
      try {
        const data = await call(path, { abort: abort.signal });
        tell({ data, error: null, loading: false, at: Date.now() });
      } catch (error) {
        if (error.name === "AbortError") return;
        tell(error.status === 404 ? { data: null, error, loading: false } : { error, loading: false });
      }
      abort = null;
      if (again) {
        again = false;
        query.soon();
      }
    },
    soon() {
      timer ??= setTimeout(() => {
        timer = null;
        query.reload();
      }, SOON_MS);
    },
    close() {
      shown.delete(path);
      clearTimeout(timer);
      abort?.abort();
    },
  };
  shown.set(path, query);
  return query;
}
