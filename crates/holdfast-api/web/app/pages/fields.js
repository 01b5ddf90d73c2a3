// The three-way difference, field by field: declared, live, last written.
import { html, useState } from "../lib.js";
import { number, words } from "../format.js";
import { Icon } from "../icons.js";
import { Empty, Panel } from "../parts.js";
import { FIELD_STATES, fieldState, Value } from "../values.js";
import { absentDeclared, NOT_DECLARED, Severity } from "./drift-parts.js";

/** The fields of a resource; an answer without them is filled from its drift and its spec. */
export function fieldsOf(data) {
  const drifted = new Map((data.status?.drift?.fields ?? []).map((f) => [f.path, f]));
  const given = Array.isArray(data.fields) ? data.fields : Object.entries(data.spec ?? {}).map(([key, declared]) => ({ path: `/${escape(key)}`, declared, live: undefined, state: "unknown" }));
  const fields = given.map((field) => ({ ...field, drift: drifted.get(field.path) }));
  const known = new Set(fields.map((f) => f.path));
  for (const f of drifted.values()) {
    if (known.has(f.path)) continue;
    fields.push({ path: f.path, declared: NOT_DECLARED.includes(f.change) && f.desired === null ? undefined : f.desired, live: absentLive(f) ? undefined : f.live, lastWritten: f.lastWritten ?? undefined, state: f.change === "undeclared" ? "undeclared" : "drift", drift: f });
  }
  const order = (f) => FIELD_STATES.indexOf(f.state in { drift: 1, undeclared: 1, same: 1 } ? f.state : "unknown");
  return fields.map((f, i) => [f, i]).sort(([a, i], [b, j]) => order(a) - order(b) || i - j).map(([f]) => f);
}

const escape = (key) => key.replace(/~/g, "~0").replace(/\//g, "~1");
const absentLive = (f) => f.change === "removed" || f.change === "missing";

export function Fields({ data }) {
  const fields = fieldsOf(data);
  const different = fields.filter((f) => f.state !== "same");
  const [chosen, setChosen] = useState(null);
  const onlyDifferent = (chosen ?? (different.length > 0 ? "different" : "all")) === "different";
  const shown = onlyDifferent ? different : fields;
  const toggle = html`<div class="segments" role="group" aria-label="Which fields">
    <button type="button" aria-pressed=${onlyDifferent} onClick=${() => setChosen("different")}>Differences <span class="num">${number(different.length)}</span></button>
    <button type="button" aria-pressed=${!onlyDifferent} onClick=${() => setChosen("all")}>All <span class="num">${number(fields.length)}</span></button></div>`;
  return html`<${Panel} title="Fields" actions=${fields.length > 0 && toggle}>
    ${fields.length === 0 && html`<p class="none-found">Nothing is declared in its spec.</p>`}
    ${fields.length > 0 && shown.length === 0 && html`<${Empty} icon="insync" title="No difference"><p>Every declared field is live as it was declared.</p><button type="button" onClick=${() => setChosen("all")}>Show all ${number(fields.length)}</button><//>`}
    ${shown.length > 0 && html`<table class="list cards fields" role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col" class="c-path">Field</th><th role="columnheader" scope="col">Declared</th><th role="columnheader" scope="col">Live</th><th role="columnheader" scope="col">Last written</th></tr></thead>
      <tbody role="rowgroup">${shown.map((f) => html`<${Field} key=${f.path} field=${f} />`)}</tbody></table>`}<//>`;
}

function Field({ field: f }) {
  const [icon, word, look] = fieldState(f.state);
  return html`<tr role="row" class=${`field ${look}`}><th role="rowheader" scope="row" class="c-path"><code class="path">${f.path || "(the whole thing)"}</code>
      <span class="field-state"><span class=${`phase ${look}`}><${Icon} name=${icon} />${word}</span>${f.drift?.severity && html`<${Severity} severity=${f.drift.severity} />`}${f.drift?.decision && html`<span class="muted">${words(f.drift.decision)}</span>`}</span></th>
    <td role="cell" data-label="Declared"><${Value} value=${declared(f)} other=${f.state === "drift" ? f.live : undefined} absent=${absentDeclared(f.drift?.change)} /></td>
    <td role="cell" data-label="Live">${f.state === "unknown" && (f.live === undefined || f.live === null) ? html`<span class="absent">not read</span>` : html`<${Value} value=${live(f)} other=${f.state === "drift" ? f.declared : undefined} absent="not there" />`}</td>
    <td role="cell" data-label="Last written"><${Value} value=${f.lastWritten ?? undefined} other=${f.state === "drift" ? f.live : undefined} absent="never" /></td></tr>`;
}

/** The API writes null where there is nothing; an added or undeclared field is not "declared null". */
function declared(f) {
  const nothing = f.declared === null && (f.state === "undeclared" || NOT_DECLARED.includes(f.drift?.change));
  return nothing ? undefined : f.declared;
}

function live(f) {
  const nothing = f.live === null && f.declared !== null;
  return nothing ? undefined : f.live;
}
