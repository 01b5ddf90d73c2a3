// Starts the dashboard and chooses the page for the address.
import { html, render, useEffect, useRef } from "./lib.js";
import { tokenWanted } from "./api.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import * as router from "./router.js";
import { Header, Help, LostBanner, nextTheme, TokenPage } from "./shell.js";
import { Empty, Toasts } from "./parts.js";
import { Overview } from "./pages/overview.js";
import { Stack } from "./pages/stack.js";
import { Resource } from "./pages/resource.js";
import { Resources } from "./pages/resources.js";
import { Drift } from "./pages/drift.js";
import { catchUp } from "./pages/event-list.js";
import { Events } from "./pages/events.js";

function NotFound() {
  useEffect(() => {
    document.title = "Not found · Holdfast";
  }, []);
  return html`<h1 tabindex="-1">Not found</h1><${Empty} icon="unknown" title="There is no page at this address">
    <p>Start from the <a href=${router.link()}>overview</a>, or look through all <a href=${router.link(["resources"])}>resources</a>.</p><//>`;
}

function pageFor(path) {
  const [first, stack, kind, name, more] = path;
  if (path.length === 0) return html`<${Overview} />`;
  if (first === "stacks" && path.length === 1) return html`<${Overview} />`;
  if (first === "stacks" && path.length === 2) return html`<${Stack} key=${stack} name=${stack} />`;
  if (first === "stacks" && name && !more)
    return html`<${Resource} key=${path.join("/")} stack=${stack} kind=${kind} name=${name} />`;
  if (path.length === 1 && first === "resources") return html`<${Resources} />`;
  if (path.length === 1 && first === "drift") return html`<${Drift} />`;
  if (path.length === 1 && first === "events") return html`<${Events} />`;
  return html`<${NotFound} />`;
}

function App() {
  const { path, key } = router.route.value;
  const first = useRef(true);
  useEffect(() => {
    // After a change of page the focus goes to its heading, where a reload would have put a reader.
    if (first.current) {
      first.current = false;
      return;
    }
    document.querySelector("main h1")?.focus({ preventScroll: true });
  }, [key]);
  if (tokenWanted.value) return html`<${TokenPage} />`;
  return html`<a class="skip" href="#main">Skip to the content</a><${Header} /><${LostBanner} />
    <main id="main" tabindex="-1" key=${key}>${pageFor(path)}</main><${Help} /><${Toasts} />`;
}

router.start();
live.start(catchUp);
keys.start({ theme: nextTheme });
render(html`<${App} />`, document.getElementById("app"));
