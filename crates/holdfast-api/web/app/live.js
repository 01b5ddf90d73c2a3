// The event stream: server-sent events read through fetch, because EventSource cannot carry an Authorization header.
import { signal, effect } from "./lib.js";
import { askForToken, authorization, reloadAll, reloadConcerned, token, tokenWanted, withQuery } from "./api.js";

/** `state`: connecting, live or lost; `retryAt`: when the next attempt is made. */
export const connection = signal({ state: "connecting", retryAt: null, since: null, reason: "" });
/** The newest events, newest first. */
export const stream = signal([]);

const KEEP = 500;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30000;
// The server sends a comment at least every 15 s; four of them missed is a dead connection that TCP has not noticed.
const SILENCE_MS = 60000;

// A browser opens six connections to a server at most, so a tab nobody looks at gives its own back after a while.
const UNSEEN_MS = 30000;

let lastId = null;
let attempt = 0;
let wake = null;
let running = null;
let asleep = false;

/** Remembers the newest event that a page has read, so that the stream goes on from there. */
export function seen(id) {
  if (id !== undefined && id !== null && (lastId === null || Number(id) > Number(lastId))) lastId = id;
}

/** Forgets everything: the server has begun another log, as one does that was started anew on a fresh store. */
export function beginAnew() {
  lastId = null;
  stream.value = [];
}

/** The id that the stream goes on from; null before the first. */
export const newestSeen = () => lastId;

/** Tries again at once. */
export function reconnect() {
  attempt = 0;
  wake?.();
}

/** Starts the stream; it goes on for as long as the page lives. `onReturn` is called after a loss, once it flows again. */
export function start(onReturn) {
  window.addEventListener("online", reconnect);
  let unseen = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(unseen);
    if (document.hidden) {
      unseen = setTimeout(() => sleep(true), UNSEEN_MS);
    } else {
      sleep(false);
    }
  });
  let known = token.value;
  effect(() => {
    if (token.value === known) return;
    known = token.value;
    running?.abort();
    reconnect();
  });
  loop(onReturn);
}

function sleep(yes) {
  if (asleep === yes) return;
  asleep = yes;
  if (asleep) running?.abort();
  else reconnect();
}

async function loop(onReturn) {
  for (;;) {
    let reason = "";
    try {
      reason = await follow(onReturn);
    } catch (error) {
      reason = error.name === "AbortError" ? "" : "The server does not answer.";
    }
    attempt += 1;
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)) * (0.8 + Math.random() * 0.4);
    const since = connection.value.state === "lost" ? connection.value.since : Date.now();
    const resting = asleep || tokenWanted.value !== null;
    const state = asleep ? "connecting" : "lost";
    connection.value = { state, retryAt: resting ? null : Date.now() + delay, since, reason };
    await new Promise((resolve) => {
      wake = resolve;
      if (!resting) setTimeout(resolve, delay);
    });
    while (asleep)
      await new Promise((resolve) => {
        wake = resolve;
      });
    wake = null;
  }
}

async function follow(onReturn) {
  running = new AbortController();
  let alarm = setTimeout(() => running.abort(), SILENCE_MS);
  try {
    const headers = { accept: "text/event-stream", ...authorization() };
    if (lastId !== null) headers["last-event-id"] = String(lastId);
    const response = await fetch(withQuery("/v1/watch", { after: lastId }), {
      headers,
      cache: "no-store",
      signal: running.signal,
    });
    if (response.status === 401) {
      askForToken();
      return "The server asks for a token.";
    }
    if (!response.ok || !response.body) return `The server answers ${response.status} to /v1/watch.`;
    connected(onReturn);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "The server closed the stream.";
      clearTimeout(alarm);
      alarm = setTimeout(() => running.abort(), SILENCE_MS);
      rest = take(rest + value);
    }
  } finally {
    clearTimeout(alarm);
  }
}

function connected(onReturn) {
  const wasLost = connection.value.state === "lost";
  attempt = 0;
  connection.value = { state: "live", retryAt: null, since: Date.now(), reason: "" };
  if (!wasLost) return;
  reloadAll();
  onReturn();
}

/** Handles every whole message of `text` and answers what is left. */
function take(text) {
  const blocks = text.replace(/\r\n?/g, "\n").split("\n\n");
  const rest = blocks.pop();
  const events = blocks.map(parse).filter(Boolean);
  if (events.length) arrived(events);
  return rest;
}

function parse(block) {
  let id = null,
    type = "",
    data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") id = value;
    else if (field === "event") type = value;
    else if (field === "data") data.push(value);
  }
  if (id !== null) seen(id);
  if (!data.length) return null;
  try {
    const event = JSON.parse(data.join("\n"));
    return { type, ...event, id: event.id ?? id };
  } catch {
    return null;
  }
}

function arrived(events) {
  remember(events);
  reloadConcerned(events);
}

/** Joins events to the known ones: newest first, each once. */
export function remember(events) {
  const byId = new Map(stream.value.map((event) => [String(event.id), event]));
  for (const event of events) byId.set(String(event.id), event);
  const all = [...byId.values()].sort((a, b) => Number(b.id) - Number(a.id));
  stream.value = all.slice(0, KEEP);
}
