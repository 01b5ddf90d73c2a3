// Events: the append-only log, newest first, growing while it is watched.
import { html, useEffect, useState } from "../lib.js";
import { connection } from "../live.js";
import { words } from "../format.js";
import { route, setQuery } from "../router.js";
import { Choice, cli, Command, Empty, Panel, Search } from "../parts.js";
import { EventList, useRecentEvents } from "./event-list.js";

const STEP = 100;

export function Events() {
  const { events, waiting } = useRecentEvents();
  const [most, setMost] = useState(STEP);
  useEffect(() => {
    document.title = "Events · Holdfast";
  }, []);
  const { query } = route.value;
  const filter = { q: query.get("q") ?? "", stack: query.get("stack") ?? "", type: query.get("type") ?? "" };
  const found = events.filter((event) => matches(event, filter));
  const choose = (changes) => {
    setMost(STEP);
    setQuery(changes);
  };
  const types = distinct(events, "type").map((type) => [type, words(type)]);
  const actions = html`
    <${Choice} label="Stack" value=${filter.stack} onChange=${(v) => choose({ stack: v })} options=${distinct(events, "stack")} />
    <${Choice} label="Type" value=${filter.type} onChange=${(v) => choose({ type: v })} options=${types} />
    <${Search} value=${filter.q} onInput=${(v) => choose({ q: v })} label="Search events" />`;
  const list = found.length
    ? html`<${EventList} events=${found.slice(0, most)} />`
    : html`<${NoEvents} filtered=${events.length > 0} />`;
  return html`<div class="page-head"><h1 tabindex="-1">Events</h1>
      <p class="muted small">Everything Holdfast saw, decided and did.
        ${connection.value.state === "live" && " New ones appear by themselves."}</p></div>
    <${Panel} title="Log" count=${found.length} actions=${actions}>${waiting ?? list}
      ${found.length > most && html`<button type="button" class="ghost more" onClick=${() => setMost(most + STEP)}>Show older</button>`}<//>
    <div class="page-foot"><p class="muted small">This page keeps the newest 500. The whole log, in a terminal:</p>
      <${Command} label="events command">${cli("events -w")}<//></div>`;
}

function matches(event, { q, stack, type }) {
  if ((stack && event.stack !== stack) || (type && event.type !== type)) return false;
  const subject = `${event.kind ?? ""}/${event.name ?? ""}`;
  const all = [event.stack, subject, event.type, event.reason, words(event.reason), event.message].join(" ").toLowerCase();
  return q.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

const distinct = (events, field) => [...new Set(events.map((event) => event[field]).filter(Boolean))].sort();

function NoEvents({ filtered }) {
  if (filtered)
    return html`<${Empty} icon="search" title="No event matches"><p>Use fewer words, or choose all stacks and types again.</p>
    <button type="button" onClick=${() => setQuery({ q: "", stack: "", type: "" })}>Clear the filters</button><//>`;
  return html`<${Empty} icon="event" title="Nothing has happened yet"><p>Apply a stack, and every step of it appears here.</p>
    <${Command} label="apply command">${cli("apply -f stack.json")}<//><//>`;
}
