// The small parts that every page is made of.
import { html, signal, useEffect, useId, useRef, useState } from "./lib.js";
import { absolute, ago, number, span } from "./format.js";
import { Icon } from "./icons.js";
import { phaseClass, phaseMeaning, phaseWord, present, spoken, total } from "./phases.js";
import { token } from "./api.js";

/** The time, for everything that says "ago"; it ticks once a second while somebody looks. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

/** A point in time as "3 min ago", with the exact one on hover and in the markup. */
export function Ago({ at, never = "never" }) {
  if (!at) return html`<span class="faint">${never}</span>`;
  return html`<time class="num" dateTime=${at} title=${absolute(at)}>${ago(at, now.value)}</time>`;
}

/** A length of time from `at` until now. */
export function Since({ at }) {
  if (!at) return null;
  return html`<time class="num" dateTime=${at} title=${`since ${absolute(at)}`}>${span(now.value - new Date(at).getTime())}</time>`;
}

/** A phase: icon and word. As a `pill` it has a tinted ground. */
export function Phase({ phase, pill = false }) {
  const look = phaseClass(phase);
  return html`<span class=${`phase is-${look} ${pill ? "pill" : ""}`} title=${phaseMeaning(phase)}>
    <${Icon} name=${look} class=${look === "progressing" ? "turning" : ""} />${phaseWord(phase)}</span>`;
}

/** A count of a phase, for rows that have no room for the word: the icon carries it for the eye, a text for the ear. */
export function PhaseCount({ phase, n }) {
  return html`<span class=${`phase-count is-${phaseClass(phase)}`} title=${`${n} ${phaseWord(phase).toLowerCase()}`}>
    <${Icon} name=${phaseClass(phase)} /><span class="num">${number(n)}</span>
    <span class="unseen"> ${phaseWord(phase).toLowerCase()}</span></span>`;
}

/** Counts by phase as one bar. */
export function PhaseBar({ phases, tall = false }) {
  const all = total(phases);
  const gap = tall ? 0.2 : 1;
  let x = 0;
  const parts = present(phases).map(([phase, n]) => {
    const width = (n / all) * 100;
    const part = html`<rect key=${phase} class=${`fill-${phaseClass(phase)}`} x=${x.toFixed(3)} y="0" height="8"
      width=${Math.max(width - (x + width < 99.9 ? gap : 0), 0.4).toFixed(3)}><title>
        ${`${n} ${phaseWord(phase).toLowerCase()}`}</title></rect>`;
    x += width;
    return part;
  });
  return html`<svg class=${`phase-bar ${tall ? "tall" : ""}`} viewBox="0 0 100 8" preserveAspectRatio="none" role="img"
    aria-label=${spoken(phases)}>${parts}</svg>`;
}

/** A panel with a heading; `actions` stand at its right. */
export function Panel({ title, count, actions, children, class: extra = "", id }) {
  const heading = useId();
  return html`<section class=${`panel ${extra}`} aria-labelledby=${heading} id=${id}>
    <header class="panel-head"><h2 id=${heading}>${title}${count !== undefined && html` <span class="count num">
    ${typeof count === "number" ? number(count) : count}</span>`}</h2>
      ${actions && html`<div class="panel-actions">${actions}</div>`}</header>
    ${children}</section>`;
}

/** Nothing to show: what that means and what to do next. */
export function Empty({ icon = "info", title, children }) {
  return html`<div class="empty"><${Icon} name=${icon} class="large" /><p class="empty-title">${title}</p>${children}</div>`;
}

/** A command to copy. */
export function Command({ children, label = "command" }) {
  const text = String(children);
  return html`<div class="command"><pre tabindex="0" aria-label=${label}><code>${text}</code></pre>
    <${Copy} text=${text} what=${label} /></div>`;
}

/** A button that copies `text`. */
export function Copy({ text, what = "text" }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => setDone(await copyText(text));
  return html`<button type="button" class="ghost icon-only copy" onClick=${copy} aria-label=${done ? `Copied ${what}` : `Copy ${what}`}
    title=${done ? "Copied" : "Copy"}><${Icon} name=${done ? "true" : "copy"} /></button>`;
}

/** Copies; outside a secure context the clipboard API is missing and the old command still works. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** The same request in the terminal, with the token as a variable and never as its value. */
export function curl(path, { method, data } = {}) {
  const parts = ["curl -sS"];
  if (method) parts.push(`-X ${method}`);
  if (token.value) parts.push('-H "Authorization: Bearer $HOLDFAST_TOKEN"');
  if (data) parts.push(`-H 'Content-Type: application/json' --data ${data}`);
  parts.push(`'${location.origin}${path}'`);
  return parts.join(" ");
}

/** The CLI against this server. */
export const cli = (command) => `holdfast --server ${location.origin} ${command}`;

const ADVICE = {
  0: "Check that the server runs and that this machine reaches it. The page tries again by itself.",
  400: "The address of this page holds something the server cannot read. Go back and choose again.",
  403: "Your token does not allow this. Ask whoever runs this Holdfast for one that does.",
  404: "It may have been deleted or renamed, or the link is mistyped.",
  409: "Something changed in between. Reload, look again, and repeat it if it still makes sense.",
  413: "The request is larger than the server takes.",
  429: "The server asks for a pause. The page tries again by itself.",
};

/** What to do about an error, by its status. */
export function advice(error) {
  if (ADVICE[error.status]) return ADVICE[error.status];
  return error.status >= 500 ? "The server failed at this. Its log says why; the page tries again by itself." : "";
}

/** An error with what to do about it. */
export function ErrorNote({ error, retry, title }) {
  if (!error || error.status === 401) return null;
  return html`<div class="note is-bad" role="alert"><${Icon} name="failed" />
    <div class="note-body"><strong>${title ?? error.title ?? "That did not work"}</strong>
      ${error.message && error.message !== error.title && html`<p>${error.message}</p>`}
      ${error.errors?.length > 0 && html`<ul>${error.errors.map((e, i) => html`<li key=${i}><code>
      ${e.pointer || "/"}</code> ${e.message}</li>`)}</ul>`}
      <p class="muted">${advice(error)}${error.path && html` <span class="nowrap">(<code>${error.path.split("?")[0]}</code>
      ${error.status ? `, status ${error.status}` : ""})</span>`}</p></div>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}</div>`;
}

/** Grey lines where an answer is still to come. */
export function Waiting({ lines = 4, label = "Loading" }) {
  return html`<div class="waiting" role="status"><span class="unseen">${label}</span>
    ${Array.from({ length: lines }, (_, i) => html`<span key=${i} class=${`bone bone-${i % 3}`}></span>`)}</div>`;
}

/** What a query shows before there is data: an error, or the wait for it; null once data is there. */
export function notYet(query, { lines } = {}) {
  if (query.data) return null;
  if (query.error) return html`<${ErrorNote} error=${query.error} retry=${query.reload} />`;
  return html`<${Waiting} lines=${lines} />`;
}

/** A search box that `/` reaches. */
export function Search({ value, onInput, label, placeholder }) {
  return html`<div class="search"><${Icon} name="search" />
    <input type="search" data-search aria-label=${label} placeholder=${placeholder ?? label} value=${value} autocomplete="off"
      spellcheck=${false} onInput=${(e) => onInput(e.currentTarget.value)}
      onKeyDown=${(e) => {
        if (e.key === "Escape") {
          onInput("");
          e.currentTarget.blur();
        }
      }} />
    <kbd aria-hidden="true">/</kbd></div>`;
}

/** A choice with "all" in front. `options`: strings, or `[value, text]`. */
export function Choice({ label, value, onChange, options, all = `All ${label.toLowerCase()}s` }) {
  return html`<label class="choice"><span class="unseen">${label}</span>
    <select value=${value} onChange=${(e) => onChange(e.currentTarget.value)}>
      <option value="">${all}</option>
      ${options.map((o) => {
        const [v, text] = Array.isArray(o) ? o : [o, o];
        return html`<option key=${v} value=${v} selected=${v === value}>${text}</option>`;
      })}
    </select><${Icon} name="down" /></label>`;
}

/** Chips that narrow a list by phase; `value` is a phase or "". */
export function PhaseChips({ phases, value, onChange }) {
  const shown = present(value && !phases[value] ? { ...phases, [value]: 0.1 } : phases);
  return html`<div class="chips" role="group" aria-label="Phase">
    <button type="button" class="chip" aria-pressed=${!value} onClick=${() => onChange("")}>All <span class="num">
    ${number(total(phases))}</span></button>
    ${shown.map(
      ([
        phase,
        n,
      ]) => html`<button key=${phase} type="button" class=${`chip is-${phaseClass(phase)}`} aria-pressed=${value === phase}
      onClick=${() => onChange(value === phase ? "" : phase)}><${Icon} name=${phaseClass(phase)} />${phaseWord(phase)} <span class="num">
        ${number(Math.floor(n))}</span></button>`,
    )}</div>`;
}

/** Name and value pairs; pairs without a value are left out. */
export function Facts({ items }) {
  return html`<dl class="facts">${items
    .filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false)
    .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A modal dialog. `open` shows it; the browser traps the focus and gives it back. */
export function Dialog({ open, onClose, title, children }) {
  const box = useRef(null);
  const heading = useId();
  useEffect(() => {
    const dialog = box.current;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  const outside = (e) => {
    if (e.target === box.current) onClose();
  };
  return html`<dialog ref=${box} aria-labelledby=${heading} onClose=${onClose} onClick=${outside}>
    ${
      open &&
      html`<div class="dialog-body"><header><h2 id=${heading}>${title}</h2>
      <button type="button" class="ghost icon-only" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
      ${children}</div>`
    }</dialog>`;
}

// ---- short messages about what was done ----

const toasts = signal([]);
let nextToast = 1;

/** Says what happened, for a while; errors stay until they are dismissed. */
export function toast(text, { bad = false } = {}) {
  const id = nextToast++;
  toasts.value = [...toasts.value, { id, text, bad }];
  if (!bad) setTimeout(() => dismiss(id), 6000);
}

const dismiss = (id) => {
  toasts.value = toasts.value.filter((t) => t.id !== id);
};

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">${toasts.value.map(
    (t) => html`
    <div key=${t.id} class=${`toast ${t.bad ? "is-bad" : ""}`}><${Icon} name=${t.bad ? "failed" : "insync"} /><span>${t.text}</span>
      <button type="button" class="ghost icon-only" aria-label="Dismiss" onClick=${() => dismiss(t.id)}>
      <${Icon} name="close" /></button></div>`,
  )}</div>`;
}

/** Saves `value` as a JSON file. */
export function saveJson(name, value) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  URL.revokeObjectURL(url);
}
