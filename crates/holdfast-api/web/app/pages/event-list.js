// Events as a list, and where the newest ones come from.
import { html, useEffect, useState } from "../lib.js";
import { call, withQuery } from "../api.js";
import { beginAnew, newestSeen, remember, seen, stream } from "../live.js";
import { Icon } from "../icons.js";
import { words } from "../format.js";
import { phaseClass, PHASES } from "../phases.js";
import { toResource, toStack } from "../router.js";
import { Ago, ErrorNote, Waiting } from "../parts.js";

const PAGE = 200;
const MOST_PAGES = 20;

/**
 * Reads the newest events. A server that knows `order=desc` answers them at once; one that only knows "oldest first"
 * is followed page by page to the end of its log.
 */
async function readNewest(filter) {
  let cursor = null,
    newest = [];
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await call(withQuery("/v1/events", { ...filter, order: "desc", limit: PAGE, after: cursor }));
    const items = answer?.items ?? [];
    newest = newest.concat(items).slice(-500);
    const descending = items.length > 1 && Number(items[0].id) > Number(items[items.length - 1].id);
    if (descending || !answer?.nextCursor || items.length === 0) break;
    cursor = answer.nextCursor;
  }
  return newest;
}

let firstRead = null;

async function readAndRemember() {
  const items = await readNewest({});
  for (const event of items) seen(event.id);
  remember(items);
}

/**
 * After a loss: reads what has happened meanwhile. A log whose newest id is lower than one that was seen before is
 * another log.
 */
export async function catchUp() {
  try {
    const items = await readNewest({});
    const newest = Math.max(0, ...items.map((event) => Number(event.id)));
    if (newestSeen() !== null && newest < Number(newestSeen())) beginAnew();
    for (const event of items) seen(event.id);
    remember(items);
  } catch {
    // The stream tells what comes next; a page that shows the log asks again by itself.
  }
}

/** The newest events of everything; they go on arriving by the stream. */
export function useRecentEvents() {
  const [state, setState] = useState({ loading: true, error: null });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let gone = false;
    firstRead ??= readAndRemember();
    firstRead.then(
      () => {
        if (!gone) setState({ loading: false, error: null });
      },
      (error) => {
        firstRead = null;
        if (!gone) setState({ loading: false, error });
      },
    );
    return () => {
      gone = true;
    };
  }, [attempt]);
  const retry = () => {
    setState({ loading: true, error: null });
    setAttempt(attempt + 1);
  };
  const events = stream.value;
  let waiting = null;
  if (events.length === 0 && state.loading) waiting = html`<${Waiting} lines=${5} />`;
  if (events.length === 0 && state.error) waiting = html`<${ErrorNote} error=${state.error} retry=${retry} />`;
  return { events, waiting };
}

// The reason of an event decides its icon; what is healed is named before what drifts, for one word may hold both.
const LOOKS = [
  [/fail|refus|denied|error|stuck/i, "failed"],
  [/heal|insync|whole|recovered|created|updated|adopted|applied|resumed/i, "insync"],
  [/block|conflict|held/i, "blocked"],
  [/drift|differs|undeclared|missing/i, "drifted"],
  [/pause/i, "paused"],
  [/delet|remov|gone/i, "deleting"],
  [/reconcile|progress|applying|waiting/i, "progressing"],
  [/gap|unknown/i, "unknown"],
];
const TYPES = {
  declared: "generation",
  observed: "observation",
  decided: "decision",
  acted: "action",
  operated: "event",
  service: "event",
};

/** The icon of an event: that of its phase if it tells one, of its reason, or of its type. */
function eventLook(event) {
  if (PHASES.includes(event.data?.phase)) return phaseClass(event.data.phase);
  const found = LOOKS.find(([pattern]) => pattern.test(event.reason ?? ""));
  return found ? found[1] : (TYPES[event.type] ?? "event");
}

/** The account and region that an event is about, or nothing. */
function scopeOf(event) {
  const scope = event.data?.scope ?? event;
  return typeof scope === "string" ? scope : [scope.account, scope.region].filter(Boolean).join(" / ");
}

/** What an event is about, as a link as near to it as there is. */
function EventSubject({ event }) {
  if (event.stack && event.kind && event.name)
    return html`<a data-row href=${toResource(event)}>${event.kind}/${event.name}</a><span class="faint"> in </span>
      <a href=${toStack(event.stack)}>${event.stack}</a>`;
  if (event.stack) return html`<a data-row href=${toStack(event.stack)}>${event.stack}</a>`;
  if (event.name) return html`<span>${[event.kind, event.name].filter(Boolean).join("/")}</span>`;
  return html`<span class="muted">${scopeOf(event) || "Holdfast"}</span>`;
}

export function EventList({ events }) {
  return html`<ol class="rows events" data-rows>${events.map((event) => {
    const look = eventLook(event);
    return html`<li key=${event.id} class="row event-row"><span class=${`event-icon is-${look}`}><${Icon} name=${look} /></span>
      <span class="event-what"><strong>${words(event.reason || event.type)}</strong></span>
      <span class="event-about"><${EventSubject} event=${event} /></span>
      <span class="event-message muted">${event.message}</span><span class="event-at muted"><${Ago} at=${event.at} /></span></li>`;
  })}</ol>`;
}
