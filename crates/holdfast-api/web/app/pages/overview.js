// Overview: how everything stands, where it does not, and when it was last looked at.
import { html, useEffect, useState } from "../lib.js";
import { useQuery } from "../api.js";
import { number, plural } from "../format.js";
import { Icon } from "../icons.js";
import { PHASES, phaseClass, phaseWord, present, total } from "../phases.js";
import { link, toResource, toStack } from "../router.js";
import {
  Ago,
  cli,
  Command,
  curl,
  Empty,
  ErrorNote,
  notYet,
  Panel,
  PhaseBar,
  PhaseCount,
  Search,
  Since,
} from "../parts.js";
import { SweepTable } from "./sweep-table.js";
import { EventList, useRecentEvents } from "./event-list.js";

export function Overview() {
  const query = useQuery("/v1/overview");
  useEffect(() => {
    document.title = "Overview · Holdfast";
  }, []);
  const waiting = notYet(query, { lines: 9 });
  return html`<div class="page-head"><h1 tabindex="-1">Overview</h1>
      ${query.data?.generatedAt && html`<p class="muted small">Updated <${Ago} at=${query.data.generatedAt} /></p>`}</div>
    ${query.data && html`<${ErrorNote} error=${query.error} title="This could not be brought up to date" />`}
    ${waiting ?? html`<${Everything} data=${query.data} />`}`;
}

function Everything({ data }) {
  if (!total(data.phases) && !data.byStack?.length) return html`<${FirstSteps} />`;
  return html`<${Health} phases=${data.phases ?? {}} />
    <${Holds} data=${data} />
    <${OldestDrift} drift=${data.oldestDrift} />
    <div class="columns">
      <${Stacks} stacks=${data.byStack ?? []} />
      <${Sweeps} scopes=${data.scopes ?? []} />
    </div>
    <div class="columns three">
      <${Breakdown} title="Kinds" by="kind" rows=${data.byKind} />
      <${Breakdown} title="Accounts" by="account" rows=${data.byAccount} />
      <${Breakdown} title="Regions" by="region" rows=${data.byRegion} />
    </div>
    <${Recent} />`;
}

function Health({ phases }) {
  const all = total(phases);
  const good = phases.InSync ?? 0;
  const unknownPhases = Object.keys(phases).filter((phase) => !PHASES.includes(phase));
  return html`<section class="panel health" aria-label="All resources">
    <div class="health-figure"><p class="figure num">${number(good)}<span class="of"> / ${number(all)}</span></p>
      <p class="figure-label">
      ${good === all ? html`<${Icon} name="insync" class="fg-insync" /> everything is in sync` : "resources in sync"}</p></div>
    <div class="health-detail"><${PhaseBar} phases=${phases} tall />
      <ul class="tiles">${[...PHASES, ...unknownPhases].map((phase) => {
        const n = phases[phase] ?? 0;
        return html`<li key=${phase}><a class=${`tile is-${phaseClass(phase)} ${n ? "" : "none"}`} href=${link(["resources"], { phase })}>
          <span class="tile-n num">${number(n)}</span><span class="tile-word"><${Icon} name=${phaseClass(phase)} />
          ${phaseWord(phase)}</span></a></li>`;
      })}</ul></div></section>`;
}

// What keeps Holdfast from writing: a pause of everything or of a scope, or too much drift at once.
function Holds({ data }) {
  const scopes = (data.scopes ?? []).map((s) => ({ ...s, name: `${s.account}/${s.region}` }));
  const paused = data.paused
    ? [{ name: "Everything", hold: data.paused }]
    : scopes.filter((s) => s.paused).map((s) => ({ name: s.name, hold: s.paused }));
  return html`${paused.map(({ name, hold }) => html`<section key=${name} class="strip is-paused" role="status">
      <${Icon} name="paused" /><p><strong>${name} is paused</strong> <span class="muted">${hold.reason}${hold.until && `, until ${hold.until}`}</span></p></section>`)}
    ${scopes.filter((s) => s.held).map((s) => html`<section key=${s.name} class="strip is-drifted" role="alert">
      <${Icon} name="drifted" /><p><strong>Nothing is written in ${s.name}.</strong> <span class="muted">${s.held.reason}</span></p></section>`)}`;
}

function OldestDrift({ drift }) {
  if (!drift) return null;
  return html`<section class="strip is-drifted" aria-label="Oldest drift"><${Icon} name="drifted" />
    <p><span class="muted">Oldest drift</span> <a href=${toResource(drift)}><strong>${drift.kind}/${drift.name}</strong></a>
      <span class="muted"> in </span><a href=${toStack(drift.stack)}>${drift.stack}</a>
      ${drift.since && html`<span class="muted">, for </span><${Since} at=${drift.since} />`}</p>
    <a class="button" href=${link(["drift"])}>Drift report</a></section>`;
}

function Stacks({ stacks }) {
  const [text, setText] = useState("");
  const shown = stacks.filter((stack) => (stack.name ?? "").toLowerCase().includes(text.trim().toLowerCase()));
  return html`<${Panel} title="Stacks" count=${stacks.length} class="stacks"
      actions=${html`<${Search} value=${text} onInput=${setText} label="Search stacks" />`}>
    ${shown.length === 0 && html`<p class="none-found">No stack has “${text}” in its name.</p>`}
    <ul class="rows aligned" data-rows>${shown.map(
      (stack) => html`<li key=${stack.name} class="row stack-row">
      <a class="row-link" data-row href=${toStack(stack.name)}>${stack.name}</a>
      <span class="row-bar"><${PhaseBar} phases=${stack.phases} /></span>
      <${Troubles} phases=${stack.phases} /></li>`,
    )}</ul><//>`;
}

/** The counts that are not "in sync", or the words that all are. */
function Troubles({ phases }) {
  const rest = present(phases).filter(([phase]) => phase !== "InSync");
  const all = total(phases);
  return html`<span class="troubles">${rest.map(([phase, n]) => html`<${PhaseCount} key=${phase} phase=${phase} n=${n} />`)}</span>
    <span class="of-all num"><span class="muted">${number(phases?.InSync ?? 0)}/${number(all)}</span>
    <span class="unseen"> in sync</span></span>`;
}

function Sweeps({ scopes }) {
  const calls = scopes.reduce((sum, scope) => sum + (Number(scope.apiCalls) || 0), 0);
  const cost = scopes.length > 0 && html`<span class="muted small num">${plural(calls, "API call")}</span>`;
  const none = html`<${Empty} icon="observation" title="No sweep yet">
    <p>The first one starts as soon as a stack names an account and a region. See <code>holdfast scopes</code>.</p><//>`;
  return html`<${Panel} title="Last sweeps" count=${scopes.length} actions=${cost}>
    ${scopes.length > 0 ? html`<${SweepTable} scopes=${scopes} />` : none}<//>`;
}

const FIRST_ROWS = 8;

function Breakdown({ title, by, rows }) {
  const [all, setAll] = useState(false);
  const sorted = [...(rows ?? [])].sort((a, b) => total(b.phases) - total(a.phases));
  const shown = all ? sorted : sorted.slice(0, FIRST_ROWS);
  return html`<${Panel} title=${title} count=${sorted.length}>
    <ul class="rows small-rows aligned" data-rows>${shown.map(({ name, phases }) => html`<li key=${name} class="row">
      <a class="row-link" data-row href=${link(["resources"], { [by]: name })}>${name}</a>
      <span class="row-bar"><${PhaseBar} phases=${phases} /></span><${Troubles} phases=${phases} /></li>`)}</ul>
    ${sorted.length > shown.length && html`<button type="button" class="ghost more" onClick=${() => setAll(true)}>
      Show all ${number(sorted.length)}</button>`}
    ${sorted.length === 0 && html`<p class="none-found">Nothing yet.</p>`}<//>`;
}

const FIRST_EVENTS = 8;

function Recent() {
  const { events, waiting } = useRecentEvents();
  const toAll = html`<a class="button ghost" href=${link(["events"])}>All events</a>`;
  const list = events.length
    ? html`<${EventList} events=${events.slice(0, FIRST_EVENTS)} />`
    : html`<p class="none-found">Nothing has happened yet.</p>`;
  return html`<${Panel} title="Recent events" actions=${toAll}>${waiting ?? list}<//>`;
}

const EXAMPLE = `{ "apiVersion": "holdfast.dev/v1", "kind": "Stack",
  "metadata": { "name": "first" },
  "spec": { "region": "eu-west-1", "resources": [
    { "kind": "Cluster", "metadata": { "name": "main" },
      "spec": { "clusterName": "first" } } ] } }`;

function FirstSteps() {
  return html`<section class="panel first"><${Empty} icon="generation" title="Nothing is declared yet">
    <p>Holdfast holds what you declare. Write a stack, look at its plan, apply it; it appears here within seconds.</p>
    <ol class="steps">
      <li><p class="step-title">Write <code>stack.json</code></p><${Command} label="example stack">${EXAMPLE}<//></li>
      <li><p class="step-title">Look at what it would do</p><${Command} label="plan command">${cli("plan -f stack.json")}<//></li>
      <li><p class="step-title">Apply it</p><${Command} label="apply command">${cli("apply -f stack.json")}<//>
        <p class="muted small">or without the command-line tool</p>
        <${Command} label="curl command">${curl("/v1/apply", { data: "@stack.json" })}<//></li>
    </ol><p class="muted small">To see it all at work without an AWS account, run <code>holdfast demo</code>.</p><//></section>`;
}
