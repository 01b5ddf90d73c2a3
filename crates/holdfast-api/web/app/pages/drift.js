// The drift report: everything that differs now, as a page that can be linked and printed.
import { html, useEffect } from "../lib.js";
import { useQuery, withQuery } from "../api.js";
import { absolute, number, plural, words } from "../format.js";
import { Icon } from "../icons.js";
import { link, route, setQuery, toResource, toStack } from "../router.js";
import { Ago, Choice, cli, Command, copyText, curl, Empty, ErrorNote, notYet, Panel, saveJson, Since, toast } from "../parts.js";
import { SweepTable } from "./sweep-table.js";
import { Value } from "../values.js";
import { absentDeclared, Change, NOT_DECLARED, SEVERITIES, Severity, worstSeverity } from "./drift-parts.js";

const FILTERS = ["stack", "account", "region", "kind", "severity"];

export function Drift() {
  const { query } = route.value;
  const filter = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const path = withQuery("/v1/drift", filter);
  const report = useQuery(path);
  const overview = useQuery("/v1/overview");
  useEffect(() => {
    document.title = `Drift report${filter.stack ? ` · ${filter.stack}` : ""} · Holdfast`;
  }, [filter.stack]);
  return html`<div class="page-head"><h1 tabindex="-1">Drift report</h1>
      ${report.data && html`<p class="muted small print-show">${plural((report.data.items ?? []).length, "item")}, <span class="no-print">
      <${Ago} at=${report.data.generatedAt} /></span><span class="print-only">${absolute(report.data.generatedAt)}</span></p>`}
      <${Tools} report=${report.data} /></div>
    <p class="print-only small">${location.href}</p>
    <${Filters} filter=${filter} overview=${overview.data} />
    ${report.data && html`<${ErrorNote} error=${report.error} retry=${report.reload} title="This could not be brought up to date" />`}
    ${notYet(report, { lines: 8 }) ?? html`<${Report} report=${report.data} filter=${filter} path=${path} />`}`;
}

const fileName = () => `drift-${new Date().toISOString().slice(0, 16).replace(":", "")}.json`;
const clearFilters = () => setQuery(Object.fromEntries(FILTERS.map((name) => [name, ""])));
const keyOf = (item) => `${item.stack}/${item.kind}/${item.name}`;

function Tools({ report }) {
  const copy = async () => {
    if (await copyText(location.href)) toast("The link to this report is copied, with its filters.");
  };
  return html`<div class="actions no-print">
    <button type="button" onClick=${copy}><${Icon} name="link" />Copy link</button>
    <button type="button" disabled=${!report} onClick=${() => saveJson(fileName(), report)}><${Icon} name="download" />JSON</button>
    <button type="button" onClick=${() => window.print()}><${Icon} name="print" />Print</button></div>`;
}

function Filters({ filter, overview }) {
  const names = (rows, chosen) => [...new Set([...(rows ?? []).map((row) => row.name), ...(chosen ? [chosen] : [])])].sort();
  const choice = (name, label, options, all) => {
    const choose = (value) => setQuery({ [name]: value });
    return html`<${Choice} label=${label} value=${filter[name]} options=${options} all=${all} onChange=${choose} />`;
  };
  const active = FILTERS.filter((name) => filter[name]);
  const severities = SEVERITIES.map((severity) => [severity, words(severity)]);
  return html`<div class="filters no-print">
      ${choice("stack", "Stack", names(overview?.byStack, filter.stack))}
      ${choice("account", "Account", names(overview?.byAccount, filter.account))}
      ${choice("region", "Region", names(overview?.byRegion, filter.region))}
      ${choice("kind", "Kind", names(overview?.byKind, filter.kind))}
      ${choice("severity", "Severity", severities, "All severities")}
      ${active.length > 0 && html`<button type="button" class="ghost" onClick=${clearFilters}>Clear</button>`}</div>
    ${active.length > 0 && html`<p class="print-only small">Only ${active.map((name) => `${name} ${filter[name]}`).join(", ")}</p>`}`;
}

/** The worst first, and among equals what has differed for longest. */
const byWeight = (a, b) => worstSeverity(a) - worstSeverity(b) || String(a.since).localeCompare(String(b.since));

function Report({ report, filter, path }) {
  const items = [...(report.items ?? [])].sort(byWeight);
  const chosen = FILTERS.filter((name) => filter[name]);
  const command = ["drift", ...chosen.map((name) => `--${name} ${filter[name]}`)].join(" ");
  return html`<${Summary} summary=${report.summary ?? {}} items=${items} />
    ${items.map((item) => html`<${Item} key=${keyOf(item)} item=${item} />`)}
    ${items.length === 0 && html`<${NoDrift} report=${report} filtered=${chosen.length > 0} />`}
    <${Scopes} scopes=${report.scopes ?? []} />
    <div class="page-foot no-print"><p class="muted small">The same report in a terminal:</p>
      <${Command} label="drift command">${cli(command)}<//>
      <${Command} label="curl command">${curl(path)}<//></div>`;
}

function Summary({ summary, items }) {
  const exposed = items.filter((item) => worstSeverity(item) === 0).length;
  const figure = (name, n, look, icon) => html`<div class=${`small-figure ${n ? `is-${look}` : "none"}`}>
    <dd class="num">${number(n ?? 0)}</dd><dt><${Icon} name=${icon} />${name}</dt></div>`;
  return html`<dl class="panel figures">
    ${figure("Resources", summary.resources, "neutral", "generation")}
    ${figure("In sync", summary.inSync, "insync", "insync")}
    ${figure("Drifted", summary.drifted, "drifted", "drifted")}
    ${figure("Missing", summary.missing, "failed", "failed")}
    ${figure("Unknown", summary.unknown, "unknown", "unknown")}
    ${figure("With exposure", exposed, "failed", "exposure")}</dl>`;
}

function Item({ item }) {
  const weight = (field) => SEVERITIES.indexOf(field.severity);
  const fields = [...(item.fields ?? [])].sort((a, b) => weight(a) - weight(b));
  const worst = SEVERITIES[worstSeverity(item)] ?? "none";
  const column = (text, look) => html`<th role="columnheader" scope="col" class=${look}>${text}</th>`;
  return html`<section class=${`panel drift-item worst-${worst}`} aria-label=${keyOf(item)}>
    <header class="panel-head">
      <h2><a data-row href=${toResource(item)}><span class="kind">${item.kind}<span class="slash">/</span></span>${item.name}</a>${" "}
        <span class="in-stack">in <a href=${toStack(item.stack)}>${item.stack}</a></span></h2>
      <p class="drift-meta">
        <span class="muted">for <${Since} at=${item.since} /><span class="print-only"> (since ${absolute(item.since)})</span></span>
        ${item.action && html`<span class="tag">${words(item.action)}</span>`}</p></header>
    <table class="list cards drift-fields" role="table">
      <thead role="rowgroup"><tr role="row">${column("Field", "c-path")}${column("Change", "c-change")}
        ${column("Declared")}${column("Live")}${column("Decision", "c-decision")}</tr></thead>
      <tbody role="rowgroup">${fields.map((field, i) => html`<${Field} key=${`${field.path} ${i}`} field=${field} />`)}</tbody>
    </table></section>`;
}

function Field({ field: f }) {
  const notThere = ["removed", "missing"].includes(f.change);
  const declared = f.desired === null && NOT_DECLARED.includes(f.change) ? undefined : f.desired;
  const live = f.live === null && notThere ? undefined : f.live;
  return html`<tr role="row"><th role="rowheader" scope="row" class="c-path">
      <code class="path">${f.path || "(the whole thing)"}</code><${Severity} severity=${f.severity} /></th>
    <td role="cell" class="c-change"><${Change} change=${f.change} /></td>
    <td role="cell" data-label="Declared"><${Value} value=${declared} other=${f.live} absent=${absentDeclared(f.change)} /></td>
    <td role="cell" data-label="Live"><${Value} value=${live} other=${f.desired} /></td>
    <td role="cell" class="c-decision" data-label="Decision">
      ${f.decision ? words(f.decision) : html`<span class="faint">–</span>`}</td></tr>`;
}

function NoDrift({ report, filtered }) {
  const unknown = report.summary?.unknown ?? 0;
  if (filtered) {
    return html`<${Empty} icon="insync" title="No drift with these filters"><p>Choose all again to see the whole report.</p>
      <button type="button" onClick=${clearFilters}>Clear the filters</button><//>`;
  }
  if (unknown > 0) {
    return html`<${Empty} icon="unknown" title="No drift among what could be read">
      <p>${plural(unknown, "resource")} could not be read and may differ.</p>
      <a class="button" href=${link(["resources"], { phase: "Unknown" })}>Show them</a><//>`;
  }
  return html`<${Empty} icon="insync" title="Nothing differs from what is declared">
    <p>The next sweep looks again. What was found and healed before stays in the <a href=${link(["events"])}>events</a>.</p><//>`;
}

function Scopes({ scopes }) {
  if (!scopes.length) return null;
  return html`<${Panel} title="What this rests on" count=${scopes.length}><${SweepTable} scopes=${scopes} /><//>`;
}
