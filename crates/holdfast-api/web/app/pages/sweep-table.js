// The scopes with their last sweep: what every figure on the page rests on.
import { html } from "../lib.js";
import { absolute, duration, number } from "../format.js";
import { Icon } from "../icons.js";
import { Ago } from "../parts.js";

export function SweepTable({ scopes }) {
  const throttled = scopes.some((scope) => scope.throttles !== undefined);
  return html`<table class="plain sweeps" role="table"><thead role="rowgroup"><tr role="row">
      <th role="columnheader" scope="col">Scope</th><th role="columnheader" scope="col" class="right">Swept</th>
      <th role="columnheader" scope="col" class="right">Took</th><th role="columnheader" scope="col" class="right">Calls</th>
      ${throttled && html`<th role="columnheader" scope="col" class="right">Throttles</th>`}</tr></thead>
    <tbody role="rowgroup">
    ${scopes.map((scope) => html`<${Scope} key=${`${scope.account}/${scope.region}`} scope=${scope} throttled=${throttled} />`)}</tbody>
    </table>`;
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
