// One stack: how it stands, its dependency graph, its resources.
import { html, useEffect, useMemo } from "../lib.js";
import { useQuery } from "../api.js";
import { number, plural } from "../format.js";
import { Graph } from "../graph.js";
import { Icon } from "../icons.js";
import { countPhases, phaseWord, present, total } from "../phases.js";
import { link, route, setQuery } from "../router.js";
import {
  Ago,
  Choice,
  cli,
  Command,
  curl,
  Empty,
  ErrorNote,
  Facts,
  notYet,
  Panel,
  Phase,
  PhaseBar,
  PhaseChips,
  Search,
} from "../parts.js";
import { Json } from "../values.js";
import { PausedNote, StackActions } from "./actions.js";
import { ApprovalNote } from "./approval.js";
import { byUrgency, ResourceTable } from "./resource-table.js";

export function Stack({ name }) {
  const query = useQuery(`/v1/stacks/${encodeURIComponent(name)}`, (event) => !event.stack || event.stack === name);
  useEffect(() => {
    document.title = `${name} · Holdfast`;
  }, [name]);
  if (query.error?.status === 404) return html`<${Head} name=${name} /><${Gone} name=${name} />`;
  const { data } = query;
  return html`<${Head} name=${name} data=${data} onDone=${query.reload} />
    ${data && html`<${ErrorNote} error=${query.error} retry=${query.reload} title="This could not be brought up to date" />`}
    ${notYet(query, { lines: 10 }) ?? html`<${Body} name=${name} data=${data} onDone=${query.reload} />`}`;
}

function Head({ name, data, onDone }) {
  return html`<nav class="crumbs" aria-label="Breadcrumb"><ol><li><a href=${link()} data-up>Overview</a></li></ol></nav>
    <div class="page-head"><h1 tabindex="-1">${name}</h1>
    ${data && html`<${StackActions} name=${name} paused=${data.status?.paused} onDone=${onDone} />`}</div>`;
}

function Body({ name, data, onDone }) {
  const resources = useMemo(() => byUrgency(data.resources ?? []), [data.resources]);
  const { query } = route.value;
  const filter = { q: query.get("q") ?? "", phase: query.get("phase") ?? "", kind: query.get("kind") ?? "" };
  const matches = (r) => (!filter.phase || r.phase === filter.phase) && (!filter.kind || r.kind === filter.kind) && contains(r, filter.q);
  const shown = Object.values(filter).some(Boolean) ? matches : null;
  const hint = html`<span class="muted small hide-narrow">What must exist first stands at the left</span>`;
  return html`<${PausedNote} paused=${data.status?.paused} />
    <${ApprovalNote} plan=${data.awaitingApproval} onDone=${onDone} />
    ${data.status?.deleting && html`<${Deleting} />`}
    <${Summary} name=${name} data=${data} />
    ${resources.length > 0 && html`<${Panel} title="Dependencies" class="graph-panel" actions=${hint}>
      <${Graph} stack=${name} resources=${data.resources} shown=${shown} /><//>`}
    <${Resources} name=${name} resources=${resources} found=${resources.filter(matches)} filter=${filter} />`;
}

function Deleting() {
  return html`<div class="note is-deleting" role="note"><${Icon} name="deleting" /><div class="note-body">
    <strong>Being deleted</strong>
    <p class="muted">Its resources go in reverse order, each after those that use it. The stack ends when the last one is gone.</p>
    </div></div>`;
}

function Resources({ name, resources, found, filter }) {
  if (resources.length === 0) return html`<${Panel} title="Resources" count=${0}><${NoResources} /><//>`;
  const kinds = [...new Set(resources.map((r) => r.kind))].sort();
  const actions = html`<${Choice} label="Kind" value=${filter.kind} options=${kinds} onChange=${(v) => setQuery({ kind: v })} />
    <${Search} value=${filter.q} onInput=${(v) => setQuery({ q: v })} label="Search resources" />`;
  return html`<${Panel} title="Resources" count=${resources.length} actions=${actions}>
    <${PhaseChips} phases=${countPhases(resources)} value=${filter.phase} onChange=${(v) => setQuery({ phase: v })} />
    ${found.length > 0
      ? html`<${ResourceTable} items=${found} stack=${name} />`
      : html`<${Empty} icon="search" title="No resource matches">
          <p>${plural(resources.length, "resource")} of this stack are left out by the filters.</p>
          <button type="button" onClick=${() => setQuery({ q: "", phase: "", kind: "" })}>Clear the filters</button><//>`}<//>`;
}

function NoResources() {
  return html`<${Empty} icon="generation" title="This stack has no resources">
    <p>Add some to its document and apply it again.</p>
    <${Command} label="apply command">${cli("apply -f stack.json")}<//><//>`;
}

function contains(resource, text) {
  const { kind, name, reason, message, phase } = resource;
  const all = [`${kind}/${name}`, reason, message, phaseWord(phase)].join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

function Summary({ name, data }) {
  const phases = data.status?.phases ?? countPhases(data.resources ?? []);
  const { spec = {}, metadata = {} } = data;
  const worst = present(phases)[0]?.[0];
  return html`<section class="panel summary" aria-label="Summary"><div class="summary-bar"><p class="summary-line">
    ${worst && html`<${Phase} phase=${worst} pill />`}
      <span><strong class="num">${number(phases.InSync ?? 0)}</strong> of <span class="num">${number(total(phases))}</span> in sync</span>
      <a class="quiet" href=${link(["drift"], { stack: name })}>Drift report</a>
      <a class="quiet" href=${link(["events"], { stack: name })}>Events</a></p>
      ${total(phases) > 0 && html`<${PhaseBar} phases=${phases} tall />`}</div>
    <${Facts} items=${[
      ["Account", spec.account ?? "default"],
      ["Region", spec.region],
      ["Generation", metadata.generation && html`<span class="num">${metadata.generation}</span>`],
      ["Created", metadata.createdAt && html`<${Ago} at=${metadata.createdAt} />`],
      ["Labels", pairs(metadata.labels)],
      ["Tags", pairs(spec.tags)],
      ["Policy", pairs(spec.policy)],
      ["Variables", folded(spec.variables)],
    ]} /></section>`;
}

/** A map as small `key value` tags. */
export function pairs(map) {
  const entries = Object.entries(map ?? {}).filter(([, value]) => value !== null && value !== undefined);
  if (!entries.length) return null;
  return html`<span class="pairs">${entries.map(([key, value]) => html`<span key=${key} class="pair"><span class="pair-key">
    ${key}</span> ${typeof value === "object" ? `${value.length ?? Object.keys(value).length}×` : String(value)}</span>`)}</span>`;
}

function folded(map) {
  const n = Object.keys(map ?? {}).length;
  if (!n) return null;
  if (n <= 3 && Object.values(map).every((v) => typeof v !== "object")) return pairs(map);
  return html`<details class="inline"><summary>${plural(n, "variable")}</summary><${Json} value=${map} /></details>`;
}

function Gone({ name }) {
  return html`<${Empty} icon="unknown" title=${`There is no stack named ${name}`}>
    <p>It may have been deleted, or the name is mistyped. These are the stacks there are:</p>
    <${Command} label="stacks command">${cli("get stacks")}<//><${Command} label="curl command">${curl("/v1/stacks")}<//><p>
    <a href=${link()}>Back to the overview</a></p><//>`;
}
