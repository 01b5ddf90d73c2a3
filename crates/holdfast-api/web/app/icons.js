// Every icon: 16 units square, drawn with the current colour. Shapes differ, so that no status is told by colour alone.
import { html } from "./lib.js";

const ring = html`<circle cx="8" cy="8" r="6.25" />`;

const SHAPES = {
  insync: html`${ring}<path d="M5.3 8.2 7.2 10l3.6-4" />`,
  drifted: html`<path d="M8 2.1 14.4 13.4H1.6Z" /><path d="M8 6.6v3M8 11.4v.1" />`,
  failed: html`<path d="M5.5 1.8h5L14.2 5.5v5L10.5 14.2h-5L1.8 10.5v-5Z" /><path d="m6 6 4 4M10 6l-4 4" />`,
  blocked: html`${ring}<path d="M4.5 8h7" />`,
  progressing: html`<path d="M13.9 6.2A6.25 6.25 0 1 0 14.2 9" /><path d="M14.3 2.6v3.7h-3.7" />`,
  pending: html`<circle cx="8" cy="8" r="6.25" class="dashed" />`,
  paused: html`${ring}<path d="M6.5 5.8v4.4M9.5 5.8v4.4" />`,
  deleting: html`<path d="M2.8 4.3h10.4M6.2 4.2V2.4h3.6v1.8M4.2 4.4l.6 9.2h6.4l.6-9.2" />`,
  unknown: html`${ring}<path d="M6.1 6.3a1.95 1.95 0 1 1 2.7 1.8c-.5.2-.8.6-.8 1.1M8 11.2v.1" />`,
  true: html`<path d="m3.5 8.4 3 3 6-6.6" />`,
  false: html`<path d="m4.3 4.3 7.4 7.4M11.7 4.3l-7.4 7.4" />`,
  exposure: html`<path d="M8 1.7 13.4 3.6v4.2c0 3-2.2 5.3-5.4 6.5C4.8 13.1 2.6 10.8 2.6 7.8V3.6Z" /><path d="M8 5v3.4M8 10.5v.1" />`,
  functional: html`<path d="M2 8h2.6l1.7-4.6 3.2 9 1.8-4.4H14" />`,
  cosmetic: html`<path d="M2 4.5h12M2 8h8M2 11.5h5" />`,
  same: html`<path d="M4 6.2h8M4 9.8h8" />`,
  drift: html`<path d="M4 6.2h8M4 9.8h8M10.3 3.4 5.7 12.6" />`,
  owned: html`<circle cx="8" cy="5.2" r="2.6" /><path d="M2.8 13.6c.4-2.9 2.5-4.3 5.2-4.3s4.8 1.4 5.2 4.3" />`,
  undeclared: html`<circle cx="8" cy="8" r="5.5" class="dashed" />`,
  search: html`<circle cx="7" cy="7" r="4.5" /><path d="m10.4 10.4 3.3 3.3" />`,
  sun: html`<circle cx="8" cy="8" r="3" /><path d="M8 1.3v1.4M8 13.3v1.4M1.3 8h1.4M13.3 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M12.7 3.3l-1 1M4.3 11.7l-1 1" />`,
  moon: html`<path d="M13.6 9.6A6 6 0 1 1 6.4 2.4a4.8 4.8 0 0 0 7.2 7.2Z" />`,
  auto: html`${ring}<path d="M8 1.75v12.5" /><path d="M8 3.4a4.6 4.6 0 0 1 0 9.2Z" class="solid" />`,
  refresh: html`<path d="M13.9 6.2A6.25 6.25 0 1 0 14.2 9" /><path d="M14.3 2.6v3.7h-3.7" />`,
  pause: html`<path d="M5.5 3v10M10.5 3v10" />`,
  play: html`<path d="M4.5 2.8 13 8l-8.5 5.2Z" />`,
  copy: html`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 3.5v-.2a.8.8 0 0 0-.8-.8H3.3a.8.8 0 0 0-.8.8v6.4a.8.8 0 0 0 .8.8h.2" />`,
  print: html`<path d="M4.5 6V2h7v4M4.5 11.5H2.5V6h11v5.5h-2" /><path d="M4.5 9.5h7V14h-7Z" />`,
  link: html`<path d="M6.7 9.3a2.7 2.7 0 0 0 3.9 0l2.3-2.3a2.75 2.75 0 0 0-3.9-3.9l-.8.8M9.3 6.7a2.7 2.7 0 0 0-3.9 0L3.1 9a2.75 2.75 0 0 0 3.9 3.9l.8-.8" />`,
  download: html`<path d="M8 2v8M4.7 7 8 10.3 11.3 7M2.5 13.5h11" />`,
  right: html`<path d="m6 3.5 4.5 4.5L6 12.5" />`,
  down: html`<path d="m3.5 6 4.5 4.5L12.5 6" />`,
  plus: html`<path d="M8 3v10M3 8h10" />`,
  minus: html`<path d="M3 8h10" />`,
  fit: html`<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />`,
  keyboard: html`<rect x="1.5" y="3.5" width="13" height="9" rx="1.5" /><path d="M4.5 6.5v.1M7 6.5v.1M9.5 6.5v.1M12 6.5v.1M5 9.7h6" />`,
  key: html`<circle cx="5.2" cy="10.8" r="3" /><path d="m7.4 8.6 5.8-5.8M10.7 5.3l2 2" />`,
  offline: html`<path d="M2 2l12 12M1.8 6.3A9.4 9.4 0 0 1 5 4.4M7.6 3.7a9.4 9.4 0 0 1 6.6 2.6M4.3 9a5.8 5.8 0 0 1 2.9-1.5M10.2 7.9c.5.3 1 .7 1.5 1.1M8 12v.1" />`,
  info: html`${ring}<path d="M8 7.3v3.7M8 5v.1" />`,
  generation: html`<path d="M8 1.8 14 5 8 8.2 2 5Z" /><path d="m2 8 6 3.2L14 8M2 11l6 3.2L14 11" />`,
  observation: html`<path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8Z" /><circle cx="8" cy="8" r="2" />`,
  action: html`<path d="M9 1.5 3.5 9H8l-1 5.5L12.5 7H8Z" />`,
  decision: html`<path d="M8 14.5V9M8 9 3.5 5.5V2M8 9l4.5-3.5V2" />`,
  removal: html`<path d="M3 8h10" />`,
  note: html`<path d="M2.5 3h11v8h-6l-3 2.5V11h-2Z" />`,
  event: html`<circle cx="8" cy="8" r="2.5" class="solid" />`,
  close: html`<path d="m4 4 8 8M12 4l-8 8" />`,
};

/** An icon; with a `label` it is read out, without one it is decoration beside a word. */
export function Icon({ name, label, class: extra = "", ...rest }) {
  const shape = SHAPES[name] ?? SHAPES.event;
  const said = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return html`<svg class=${`icon ${extra}`} viewBox="0 0 16 16" ...${said} ...${rest}>${shape}</svg>`;
}
