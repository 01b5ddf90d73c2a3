// The frame of every page: header, banner of a lost connection, help, token.
import { html, signal, useEffect, useState } from "./lib.js";
import { token, tokenWanted, useQuery, useToken } from "./api.js";
import { connection, reconnect } from "./live.js";
import { helpOpen, KEYS, keysOn, setKeysOn } from "./keys.js";
import { link, route } from "./router.js";
import { number, timeOfDay, until } from "./format.js";
import { Icon } from "./icons.js";
import { Dialog, now } from "./parts.js";

const PAGES = [
  ["Overview", []],
  ["Resources", ["resources"]],
  ["Drift", ["drift"]],
  ["Events", ["events"]],
];

// ---- theme ----

const THEMES = ["auto", "light", "dark"];
const theme = signal(document.documentElement.dataset.theme ?? "auto");

/** Auto (the system's choice), light, dark, and round again. */
export function nextTheme() {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem("holdfast.theme", theme.value);
  } catch {
    /* Then it lasts as long as the page. */
  }
}

function ThemeButton() {
  const icon = { auto: "auto", light: "sun", dark: "moon" }[theme.value];
  return html`<button type="button" class="ghost icon-only" onClick=${nextTheme} title=${`Theme: ${theme.value}`}
    aria-label=${`Theme: ${theme.value}. Change it.`}><${Icon} name=${icon} /></button>`;
}

// ---- header ----

function Live() {
  const { state, since } = connection.value;
  const [look, text] = { live: ["live", "Live"], connecting: ["wait", "Connecting"], lost: ["lost", "Offline"] }[state];
  return html`<span class=${`live is-${look}`} title=${state === "live" ? `Events arrive as they happen, since ${timeOfDay(since)}` : ""}>
    ${look === "lost" ? html`<${Icon} name="offline" />` : html`<span class="dot" aria-hidden="true"></span>`}<span>${text}</span></span>`;
}

/** The number beside "Drift": as many as the report lists; it stays away while there are none. */
function DriftCount() {
  const { data } = useQuery(tokenWanted.value ? null : "/v1/overview");
  const differing = data?.withDrift ?? data?.phases?.Drifted ?? 0;
  return differing > 0 && html` <span class="nav-count num">${number(differing)}<span class="unseen"> differing</span></span>`;
}

/** A link of the main navigation; a stack or a resource belongs to the overview without being its page. */
function PageLink({ name, path }) {
  const first = path[0] ?? "";
  const here = route.value.path[0] ?? "";
  const within = name === "Overview" && here === "stacks";
  const current = here === first ? "page" : within ? "true" : undefined;
  return html`<a href=${link(path)} aria-current=${current}>${name}${name === "Drift" && html`<${DriftCount} />`}</a>`;
}

const openHelp = () => {
  helpOpen.value = true;
};

export function Header() {
  const button = (label, icon, act) => html`<button type="button" class="ghost icon-only" onClick=${act} aria-label=${label} title=${label}>
    <${Icon} name=${icon} /></button>`;
  return html`<header class="top"><div class="top-inner">
    <a class="brand" href=${link()}><svg viewBox="0 0 32 32" aria-hidden="true">
      <path d="M12 8H9v16h3M20 8h3v16h-3" /><circle cx="16" cy="16" r="3.4" /></svg><span>Holdfast</span></a>
    <nav aria-label="Main">${PAGES.map(([name, path]) => html`<${PageLink} key=${name} name=${name} path=${path} />`)}</nav>
    <div class="tools"><${Live} /><${ThemeButton} />
      ${button("Keyboard and help", "keyboard", openHelp)}
      ${token.value && button("Forget the token", "key", () => useToken(""))}</div></div></header>`;
}

/** Says that what is shown may be old, and when the next attempt is made. */
export function LostBanner() {
  const { state, retryAt, since, reason } = connection.value;
  if (state !== "lost" || tokenWanted.value) return null;
  return html`<div class="banner" role="alert"><${Icon} name="offline" />
    <p><strong>Connection lost.</strong> What you see may be out of date since ${timeOfDay(since)}. <span class="muted">${reason}</span></p>
    <span class="num muted" aria-hidden="true">Next attempt ${until(retryAt, now.value)}</span>
    <button type="button" onClick=${reconnect}>Reconnect now</button></div>`;
}

// ---- help ----

export function Help() {
  const close = () => {
    helpOpen.value = false;
  };
  const row = ([keys, what]) => html`<tr key=${keys}>
    <th scope="row">${keys.split("  ").map((key) => html`<kbd key=${key}>${key}</kbd>`)}</th><td>${what}</td></tr>`;
  return html`<${Dialog} open=${helpOpen.value} onClose=${close} title="Keyboard">
    <table class="keys"><tbody>${KEYS.map(row)}</tbody></table>
    <label class="check"><input type="checkbox" checked=${keysOn.value} onChange=${(e) => setKeysOn(e.currentTarget.checked)} />
      Use single-letter keys</label>
    <p class="muted small">The API is described at <a href="/openapi.json">/openapi.json</a>;${" "}
      every page here shows what a call under <code>/v1</code> answers.</p><//>`;
}

// ---- token ----

export function TokenPage() {
  const [value, setValue] = useState("");
  const refused = tokenWanted.value === "refused";
  useEffect(() => {
    document.title = "Token needed · Holdfast";
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (value.trim()) useToken(value.trim());
  };
  return html`<main id="main" class="token-page"><form class="panel token" onSubmit=${submit}>
    <${Icon} name="key" class="large" /><h1 tabindex="-1">This Holdfast asks for a token</h1>
    <p class="muted">Paste one of the tokens named in its configuration under <code>[auth] tokens</code>.${" "}
      It stays in this tab and is forgotten when you close it.</p>
    ${refused && html`<p class="field-error" role="alert" id="token-error"><${Icon} name="failed" />
      The server does not know this token. It may be mistyped or withdrawn.</p>`}
    <label for="token">Token</label>
    <input id="token" type="password" autocomplete="off" spellcheck=${false} required autofocus value=${value}
      aria-invalid=${refused ? "true" : undefined} aria-describedby=${refused ? "token-error" : undefined}
      onInput=${(e) => setValue(e.currentTarget.value)} />
    <button type="submit" class="primary">Open the dashboard</button></form></main>`;
}
