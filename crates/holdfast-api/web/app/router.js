// Real paths below /dashboard, so that every page can be linked, reloaded and opened in another tab.
import { signal } from "./lib.js";

const BASE = "/dashboard";

/** `{ path: ["stacks", "es"], query: URLSearchParams, key }`; `key` changes with the path, not with the query. */
export const route = signal(read());

function read() {
  const rest = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  const path = rest.split("/").filter(Boolean).map(decode);
  return { path, query: new URLSearchParams(location.search), key: path.join("/") };
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The address of a page: segments are escaped, empty parameters left out. */
export function link(segments = [], parameters = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value) query.set(key, value);
  const path = [BASE, ...segments.map(encodeURIComponent)].join("/");
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export const toStack = (stack) => link(["stacks", stack]);
export const toResource = ({ stack, kind, name }) => link(["stacks", stack, kind, name]);

/** Goes to an address of ours. */
export function go(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  const before = route.value.key;
  route.value = read();
  if (!replace && route.value.key !== before) window.scrollTo(0, 0);
}

/** Changes parameters of this page's address without a new entry in the history. */
export function setQuery(changes) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** Follows our own links without loading the page anew; everything else is left to the browser. */
export function start() {
  window.addEventListener("popstate", () => {
    route.value = read();
  });
  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const anchor = event.target.closest?.("a[href]");
    if (!plain || event.defaultPrevented || !anchor || anchor.hasAttribute("download")) return;
    if (anchor.target && anchor.target !== "_self") return;
    const href = anchor.getAttribute("href");
    const url = new URL(anchor.href.baseVal ?? href, location.href);
    const ours = url.origin === location.origin && (url.pathname === BASE || url.pathname.startsWith(`${BASE}/`));
    if (!ours || href.startsWith("#")) return;
    event.preventDefault();
    go(url.pathname + url.search + url.hash);
  });
}
