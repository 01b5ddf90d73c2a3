// The three-way difference, field by field: declared, live, last written.
import { html, useState } from "../lib.js";
import { number, words } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Panel } from "../parts.js";
import { FIELD_STATES, fieldState, Value } from "../values.js";
import { WhyButton } from "./why.js";
import { absentDeclared, NOT_DECLARED, SEVERITIES, Severity } from "./drift-parts.js";

/**
 * The fields of a resource, those that differ first, each with the differences that lie in it. An answer without
 * fields is filled from the spec and the drift.
 */
function fieldsOf(data) {
  const diffs = data.status?.drift?.fields ?? [];
  const given = Array.isArray(data.fields) ? data.fields : Object.entries(data.spec ?? {}).map(unread);
  const fields = given.map((field) => ({ ...field, diffs: diffs.filter((d) => within(d.path, field.path)) }));
  const missing = diffs.some((d) => d.change === "missing");
  const told = (d) => (missing && fields.length > 0) || fields.some((f) => within(d.path, f.path));
  const all = fields.concat(diffs.filter((d) => !told(d)).map(alone));
  const order = (f) => FIELD_STATES.indexOf(FIELD_STATES.includes(f.state) ? f.state : "unknown");
  return all
    .map((f, i) => [f, i])
    .sort(([a, i], [b, j]) => order(a) - order(b) || i - j)
    .map(([f]) => f);
}

const unread = ([key, declared]) => ({ path: `/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`, declared, state: "unknown" });
const within = (path, outer) => path === outer || path.startsWith(`${outer}/`);

/** A difference that lies in no field, as a field. */
function alone(d) {
  const state = d.change === "undeclared" ? "undeclared" : "drift";
  return { path: d.path, declared: d.desired, live: d.live, lastWritten: d.lastWritten, state, diffs: [d] };
}

export function Fields({ data }) {
  const fields = fieldsOf(data);
  const different = fields.filter((f) => f.state !== "same");
  const [chosen, setChosen] = useState(null);
  const onlyDifferent = (chosen ?? (different.length > 0 ? "different" : "all")) === "different";
  const shown = onlyDifferent ? different : fields;
  const toggle = html`<div class="segments" role="group" aria-label="Which fields">
    <button type="button" aria-pressed=${onlyDifferent} onClick=${() => setChosen("different")}>
      Differences <span class="num">${number(different.length)}</span></button>
    <button type="button" aria-pressed=${!onlyDifferent} onClick=${() => setChosen("all")}>
      All <span class="num">${number(fields.length)}</span></button></div>`;
  return html`<${Panel} title="Fields" actions=${fields.length > 0 && toggle}>
    ${fields.length === 0 && html`<p class="none-found">Nothing is declared in its spec.</p>`}
    ${fields.length > 0 && shown.length === 0 && html`<${NoDifference} n=${fields.length} onAll=${() => setChosen("all")} />`}
    ${shown.length > 0 && html`<${FieldTable} fields=${shown} at=${{ stack: data.metadata?.stack, kind: data.kind, name: data.metadata?.name }} />`}<//>`;
}

function NoDifference({ n, onAll }) {
  return html`<${Empty} icon="insync" title="No difference">
    <p>Every declared field is live as it was declared.</p>
    <button type="button" onClick=${onAll}>Show all ${number(n)}</button><//>`;
}

function FieldTable({ fields, at }) {
  const column = (text, look) => html`<th role="columnheader" scope="col" class=${look}>${text}</th>`;
  return html`<table class="list cards fields" role="table">
    <thead role="rowgroup"><tr role="row">
    ${column("Field", "c-path")}${column("Declared")}${column("Live")}${column("Last written")}</tr></thead>
    <tbody role="rowgroup">${fields.map((f) => html`<${Field} key=${f.path} field=${f} at=${at} />`)}</tbody></table>`;
}

function Field({ field: f, at }) {
  const [icon, word, look] = fieldState(f.state);
  const drifts = f.state === "drift";
  const unknown = f.state === "unknown" && (f.live === undefined || f.live === null);
  const severity = SEVERITIES.find((s) => f.diffs.some((d) => d.severity === s));
  const decisions = [...new Set(f.diffs.map((d) => d.decision).filter(Boolean))];
  return html`<tr role="row" class=${`field ${look}`}>
    <th role="rowheader" scope="row" class="c-path"><code class="path">${f.path || "(the whole thing)"}</code>
      <span class="field-state"><span class=${`phase ${look}`}><${Icon} name=${icon} />${word}</span>
        <${Severity} severity=${severity} />
        ${decisions.length > 0 && html`<span class="muted">${words(decisions.join(", "))}</span>`}
        ${f.owner && html`<span class="muted">${f.owner}</span>`}
        <${WhyButton} at=${at} path=${f.path} /></span></th>
    <td role="cell" data-label="Declared">
      <${Value} value=${declared(f)} other=${drifts ? f.live : undefined} absent=${absentDeclared(f.diffs[0]?.change)} /></td>
    <td role="cell" data-label="Live">
      <${Value} value=${live(f)} other=${drifts ? f.declared : undefined} absent=${unknown ? "not read" : "not there"} /></td>
    <td role="cell" data-label="Last written">
      <${Value} value=${f.lastWritten ?? undefined} other=${drifts ? f.live : undefined} absent="never" /></td></tr>`;
}

/** The API writes null where there is nothing; an added or undeclared field is not "declared null". */
function declared(f) {
  const undeclared = f.state === "undeclared" || f.diffs.some((d) => d.path === f.path && NOT_DECLARED.includes(d.change));
  return f.declared === null && undeclared ? undefined : f.declared;
}

/** Likewise live: null is a value only where null is declared and read. */
function live(f) {
  return f.live === null && (f.declared !== null || f.state === "unknown") ? undefined : f.live;
}
