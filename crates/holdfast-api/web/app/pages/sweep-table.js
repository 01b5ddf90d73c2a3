// The scopes with their last sweep: what every figure on the page rests on.
import { html, useState } from "../lib.js";
import { useQuery } from "../api.js";
import { absolute, duration, number } from "../format.js";
import { Icon } from "../icons.js";
import { Ago, notYet } from "../parts.js";

export function SweepTable({ scopes }) {
  const throttled = scopes.some((scope) => scope.throttles !== undefined);
  return html`<table class="plain sweeps" role="table"><thead role="rowgroup"><tr role="row">
      <th role="columnheader" scope="col">Scope</th><th role="columnheader" scope="col" class="right">Swept</th>
      <th role="columnheader" scope="col" class="right">Took</th><th role="columnheader" scope="col" class="right">Calls</th>
      ${throttled && html`<th role="columnheader" scope="col" class="right">Throttles</th>`}</tr></thead>
    <tbody role="rowgroup">
    ${scopes.map((scope) => html`<${Scope} key=${`${scope.account}/${scope.region}`} scope=${scope} throttled=${throttled} />`)}</tbody>
    </table>
    <${Budgets} />`;
}

/** What looking costs, scope by scope; asked for when somebody opens it. */
function Budgets() {
  const [open, setOpen] = useState(false);
  return html`<details class="no-print" onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>Calls and budgets</summary>${open && html`<${Loads} />`}</details>`;
}

function Loads() {
  const query = useQuery("/v1/scopes");
  const waiting = notYet(query, { lines: 3 });
  if (waiting) return waiting;
  const known = (query.data?.items ?? []).filter((scope) => scope.load);
  if (!known.length) return html`<p class="none-found">No scope was looked at by this process yet.</p>`;
  return known.map((scope) => html`<${LoadOf} key=${`${scope.account}/${scope.region}`} scope=${scope} load=${scope.load} />`);
}

function LoadOf({ scope, load }) {
  const rounds = load.rounds ?? {};
  return html`<section aria-label=${`Budgets of ${scope.account} / ${scope.region}`}>
    <h3 class="scope">${scope.account}<span class="faint"> / </span>${scope.region}</h3>
    <p class="muted small">Reading all that AWS gives in batches takes ${duration(load.lookTakesMs)} at least and fits
      every ${duration(load.lookEveryMs)} into a quarter of what AWS grants.${
        rounds.things > 0 &&
        html` ${number(rounds.things)} things are read one a call, all within ${duration(rounds.roundTakesMs)}; the oldest was
        read <${Ago} at=${rounds.oldestReadAt} />${rounds.unread > 0 && html`, ${number(rounds.unread)} not yet`}.`
      }</p>
    <table class="plain"><thead><tr><th scope="col">Action</th><th scope="col" class="right">Calls</th>
      <th scope="col" class="right">Throttles</th></tr></thead><tbody>
      ${[...load.calls].sort((a, b) => b.calls - a.calls).map((row) => html`<tr key=${row.action}><th scope="row">${row.action}</th>
        <td class="right num">${number(row.calls)}</td><td class=${`right num ${row.throttles > 0 ? "fg-drifted" : "faint"}`}>
        ${number(row.throttles)}</td></tr>`)}</tbody></table>
    <table class="plain"><thead><tr><th scope="col">Bucket</th><th scope="col" class="right">Headroom</th>
      <th scope="col" class="right">Refill</th><th scope="col" class="right">Granted</th></tr></thead><tbody>
      ${load.buckets.map((row) => html`<tr key=${row.name}><th scope="row">${row.name}</th>
        <td class="right num nowrap">${number(row.headroom)} / ${number(row.size)}</td>
        <td class="right num nowrap">${row.refillPerSecond}/s</td>
        <td class=${`right num ${row.grantedPercent < 100 ? "fg-drifted" : "faint"}`}>${row.grantedPercent} %</td></tr>`)}</tbody>
    </table></section>`;
}

function Scope({ scope, throttled }) {
  return html`<tr role="row"><th role="rowheader" scope="row"><span class="scope">${scope.account}<span class="faint"> / </span>
    ${scope.region}</span>
      ${scope.error && html`<span class="row-error"><${Icon} name="failed" /> ${scope.error}</span>`}
      ${(scope.gaps ?? []).map((gap) => html`<span key=${gap} class="row-error row-gap"><${Icon} name="unknown" /> ${gap}</span>`)}</th>
    <td role="cell" class="right nowrap"><span class="no-print"><${Ago} at=${scope.sweptAt} /></span><span class="print-only">
    ${absolute(scope.sweptAt)}</span></td>
    <td role="cell" class="right num nowrap">${duration(scope.durationMs)}</td>
    <td role="cell" class="right num" data-unit="calls">${number(scope.apiCalls)}</td>
    ${throttled && html`<td role="cell" class=${`right num ${scope.throttles > 0 ? "fg-drifted" : "faint"}`} data-unit="throttles">
    ${number(scope.throttles)}</td>`}</tr>`;
}
