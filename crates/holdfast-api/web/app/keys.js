// The keyboard: `/` searches, j and k walk through lists, g and a letter go to a page, ? explains.
import { signal } from "./lib.js";
import { go, link } from "./router.js";

const OFF_KEY = "holdfast.keys";

export const helpOpen = signal(false);
/** Single-letter keys disturb people who dictate; the help dialog can switch them off. */
export const keysOn = signal(readOn());

function readOn() {
  try {
    return localStorage.getItem(OFF_KEY) !== "off";
  } catch {
    return true;
  }
}

export function setKeysOn(on) {
  keysOn.value = on;
  try {
    localStorage.setItem(OFF_KEY, on ? "on" : "off");
  } catch {
    /* Then it lasts as long as the page. */
  }
}

/** What the help dialog lists. */
export const KEYS = [
  ["/", "Search on this page"],
  ["j  k", "Next and previous row (also ↓ ↑ inside a list)"],
  ["Enter", "Open the row"],
  ["g  o", "Go to the overview"],
  ["g  r", "Go to the resources"],
  ["g  d", "Go to the drift report"],
  ["g  e", "Go to the events"],
  ["u", "Go up, to the stack or the overview"],
  ["← → ↑ ↓", "Walk through the graph, once a node has the focus"],
  ["t", "Change the theme"],
  ["?", "This help"],
  ["Esc", "Close, or leave the search"],
];

const PLACES = { o: [], r: ["resources"], d: ["drift"], e: ["events"] };

let afterG = 0;

/** Listens. `actions`: `{ theme() }`. */
export function start(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    if (arrowInList(event)) {
      event.preventDefault();
      return;
    }
    if (keysOn.value && letter(event, actions)) event.preventDefault();
  });
}

function isTyping(element) {
  return (
    element instanceof HTMLElement && (element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName))
  );
}

function arrowInList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  return (
    Boolean(step) &&
    Boolean(document.activeElement?.closest("[data-rows]")) &&
    document.activeElement.matches("[data-row]") &&
    move(step)
  );
}

function letter(event, actions) {
  if (Date.now() - afterG < 1200 && PLACES[event.key]) {
    afterG = 0;
    go(link(PLACES[event.key]));
    return true;
  }
  const act = {
    "/": focusSearch,
    j: () => move(1),
    k: () => move(-1),
    t: actions.theme,
    u: () => {
      const up = document.querySelector("[data-up]");
      up?.click();
      return Boolean(up);
    },
    g: () => {
      afterG = Date.now();
    },
    "?": () => {
      helpOpen.value = true;
    },
  }[event.key];
  return act ? act() !== false : false;
}

function focusSearch() {
  const box = document.querySelector("[data-search]");
  box?.focus();
  box?.select();
  return Boolean(box);
}

/** Moves the focus among the rows that can be seen. */
function move(step) {
  const rows = [...document.querySelectorAll("main [data-row]")].filter((row) => row.getClientRects().length > 0);
  if (!rows.length) return false;
  const at = rows.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].closest("tr, li, .row")?.scrollIntoView({ block: "nearest" });
  return true;
}
