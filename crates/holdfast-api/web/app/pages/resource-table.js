// Resources as a table; on a narrow screen each row becomes a card.
import { html } from "../lib.js";
import { toResource, toStack } from "../router.js";
import { urgency } from "../phases.js";
import { words } from "../format.js";
import { Icon } from "../icons.js";
import { Phase } from "../parts.js";

/** Urgent first, then by stack, kind and name. */
export function byUrgency(items) {
  const key = (r) => [r.stack ?? "", r.kind, r.name].join("\u0000");
  return [...items].sort((a, b) => urgency(a.phase) - urgency(b.phase) || key(a).localeCompare(key(b)));
}

/** `ready` comes as a boolean, as a condition's status, or not at all. */
export function Ready({ value }) {
  const state = value === true || value === "True" ? "true" : value === false || value === "False" ? "false" : "";
  if (!state)
    return html`<span class="ready faint" title="Its health is not known"><span aria-hidden="true">–</span>
      <span class="unseen">health unknown</span></span>`;
  return html`<span class=${`ready ready-${state}`}><${Icon} name=${state} />${state === "true" ? "Ready" : "Not ready"}</span>`;
}

/** The generation; when a newer one than the observed exists, both. */
export function Generation({ generation, observed }) {
  if (!generation) return html`<span class="faint">–</span>`;
  if (observed === undefined || observed === generation) return html`<span class="num">${generation}</span>`;
  return html`<span class="num" title="Generation ${generation} is declared, ${observed} was seen by the last pass">${observed}
    <span aria-hidden="true"> → </span><span class="unseen"> of </span>${generation}</span>`;
}

export function ResourceTable({ items, stack, withStack = false }) {
  const column = (text, look) => html`<th role="columnheader" scope="col" class=${look}>${text}</th>`;
  const key = (item) => `${item.stack ?? stack}/${item.kind}/${item.name}`;
  return html`<table class="list cards resources" role="table" data-rows>
    <thead role="rowgroup"><tr role="row">${column("Phase", "c-phase")}${column("Resource", "c-name")}
      ${withStack && column("Stack", "c-stack")}${column("Health", "c-ready")}${column("Why", "c-why")}${column("Generation", "right c-gen")}</tr></thead>
    <tbody role="rowgroup">${items.map((item) => html`<${Row} key=${key(item)} item=${item} stack=${stack} withStack=${withStack} />`)}</tbody>
  </table>`;
}

function Row({ item, stack: home, withStack }) {
  const stack = item.stack ?? home;
  const where = [item.account, item.region].filter(Boolean).join(" / ");
  return html`<tr role="row"><td role="cell" class="c-phase"><${Phase} phase=${item.phase} /></td>
    <th role="rowheader" scope="row" class="c-name"><a class="row-link" data-row href=${toResource({ ...item, stack })}>
      <span class="kind">${item.kind}</span><span class="slash">/</span><span class="name">${item.name}</span></a></th>
    ${withStack && html`<td role="cell" class="c-stack"><a href=${toStack(stack)}>${stack}</a>
      ${where && html`<span class="where faint">${where}</span>`}</td>`}
    <td role="cell" class="c-ready"><${Ready} value=${item.ready} /></td>
    <td role="cell" class="c-why">${why(item)}</td>
    <td role="cell" class=${`right c-gen ${settled(item) ? "settled" : ""}`} data-label="Generation">
      <${Generation} generation=${item.generation} observed=${item.observedGeneration} /></td></tr>`;
}

/** True if the newest generation is the one that was planned. */
const settled = (item) => item.observedGeneration === undefined || item.observedGeneration === item.generation;

/** The sentence if there is one, else the reason unless the phase says the same. */
function why(item) {
  if (item.message) return html`<span class="why">${item.message}</span>`;
  if (item.reason && item.reason !== item.phase) return html`<span class="muted">${words(item.reason)}</span>`;
  return null;
}
