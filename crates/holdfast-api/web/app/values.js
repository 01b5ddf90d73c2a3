// Values of fields: scalars in one line, structures as JSON that opens, and in both the part that differs is marked.
import { html, useState } from "./lib.js";
import { differingLines, differingPart, valueText } from "./format.js";

/** How many lines of a structure are shown before it is opened. */
const LINES = 6;

/**
 * One value. `other` is what it is held against: the part that differs is marked. `absent` is the word for a value that
 * is not there.
 */
export function Value({ value, other, absent = "not there" }) {
  if (value === undefined) return html`<span class="absent">${absent}</span>`;
  if (value === null) return html`<code class="value null">null</code>`;
  if (value === "") return html`<code class="value">""</code>`;
  if (typeof value === "object") return html`<${Block} value=${value} other=${other} />`;
  const text = valueText(value);
  return html`<code class="value">${markable(value, other) ? html`<${Marked} text=${text} other=${valueText(other)} />` : text}</code>`;
}

/** A whole value against one of another type, or against nothing, differs everywhere and needs no mark. */
function markable(value, other) {
  const comparable = typeof value === typeof other && other !== null && other !== "";
  return comparable && valueText(value) !== valueText(other);
}

/** A text is marked where it differs; a number as a whole, for 9090 and 8080 share no meaning with their last digits. */
function Marked({ text, other }) {
  if (!/[^\d.\-]/.test(text + other)) return html`<mark>${text}</mark>`;
  const [head, middle, tail] = differingPart(text, other);
  return middle ? html`${head}<mark>${middle}</mark>${tail}` : text;
}

/** A list or an object, line by line; closed, it shows the lines around the first difference. */
function Block({ value, other }) {
  const [open, setOpen] = useState(false);
  const lines = valueText(value).split("\n");
  const differs = markable(value, other) ? differingLines(lines, valueText(other).split("\n")) : [];
  const long = lines.length > LINES;
  const first = Math.max(0, differs.indexOf(true));
  const from = long ? Math.max(0, Math.min(first - 2, lines.length - LINES + 1)) : 0;
  const cut = (i) => long && !open && (i < from || i >= from + LINES - 1);
  return html`<code class="value block">${from > 0 && !open && html`<span class="faint no-print">⋯${"\n"}</span>`}
      ${lines.map((line, i) => html`<${Line} key=${i} text=${line} differs=${differs[i]} cut=${cut(i)} />`)}</code>
    ${
      long &&
      html`<button type="button" class="ghost tiny no-print" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      ${open ? "Show less" : `Show all ${lines.length} lines`}</button>`
    }`;
}

/** A line that is cut is left out on the screen and printed all the same. */
function Line({ text, differs, cut }) {
  const content = text.trimStart();
  const indent = text.slice(0, text.length - content.length);
  return html`<span class=${cut ? "cut" : undefined}>${differs ? html`${indent}<mark>${content}</mark>` : text}${"\n"}</span>`;
}

/** JSON with quiet colours for keys and strings. */
export function Json({ value }) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const parts = text.split(/("(?:\\.|[^"\\])*"(?:\s*:)?)/);
  const coloured = parts.map((part, i) => {
    if (i % 2 === 0) return part;
    return html`<span key=${i} class=${part.endsWith(":") ? "json-key" : "json-string"}>${part}</span>`;
  });
  return html`<pre class="json" tabindex="0" aria-label="JSON"><code>${coloured}</code></pre>`;
}

const STATES = {
  drift: ["drift", "Drift", "is-drift"],
  owned: ["owned", "Left to its owner", "is-owned"],
  undeclared: ["undeclared", "Undeclared", "is-undeclared"],
  unknown: ["unknown", "Not read", "is-unknown"],
  same: ["same", "Same", "is-same"],
};

/** The states of a field, those that want a look first. */
export const FIELD_STATES = Object.keys(STATES);

/** How a field stands: icon, word and class. */
export function fieldState(state) {
  return STATES[state] ?? STATES.unknown;
}
