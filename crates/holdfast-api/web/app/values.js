// Values of fields: scalars in one line, structures as JSON that opens, differences marked where they begin and end.
import { html, useState } from "./lib.js";
import { differingPart, valueText } from "./format.js";

const LINES = 6;

/**
 * One value. `other` is what it is held against: the part that differs is marked. `absent` is the word for a value that
 * is not there.
 */
export function Value({ value, other, absent = "not there" }) {
  const [open, setOpen] = useState(false);
  if (value === undefined) return html`<span class="absent">${absent}</span>`;
  if (value === null) return html`<code class="value null">null</code>`;
  if (value === "") return html`<code class="value">""</code>`;
  const text = valueText(value);
  const lines = text.split("\n");
  const cut = lines.length > LINES && !open;
  const shown = cut ? lines.slice(0, LINES - 1).join("\n") : text;
  return html`<code class=${`value ${lines.length > 1 ? "block" : ""}`}>${!cut && markable(value, other) ? html`<${Marked} text=${shown} other=${valueText(other)} />` : shown}</code>
    ${lines.length > LINES && html`<button type="button" class="ghost tiny no-print" aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? "Less" : `${lines.length - LINES + 1} more lines`}</button>`}`;
}

/** Texts and numbers against their like; null or a missing other differs as a whole and needs no mark. */
function markable(value, other) {
  return other !== undefined && other !== null && other !== "" && typeof value === typeof other && valueText(value) !== valueText(other);
}

function Marked({ text, other }) {
  const [head, middle, tail] = differingPart(text, other);
  return middle ? html`${head}<mark>${middle}</mark>${tail}` : text;
}

/** JSON with quiet colours for keys and strings. */
export function Json({ value }) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const parts = text.split(/("(?:\\.|[^"\\])*"(?:\s*:)?)/);
  return html`<pre class="json" tabindex="0" aria-label="JSON"><code>${parts.map((part, i) => (i % 2 === 0 ? part : html`<span key=${i} class=${part.endsWith(":") ? "json-key" : "json-string"}>${part}</span>`))}</code></pre>`;
}

const STATES = { drift: ["drift", "Drift", "is-drifted"], undeclared: ["undeclared", "Undeclared", "is-undeclared"], unknown: ["unknown", "Not read", "is-unknown"], same: ["same", "Same", "is-same"] };
/** The states of a field, those that want a look first. */
export const FIELD_STATES = Object.keys(STATES);

/** How a field stands: icon and word. */
export function fieldState(state) {
  return STATES[state] ?? STATES.unknown;
}
