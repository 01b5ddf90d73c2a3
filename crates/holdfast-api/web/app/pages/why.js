// Why a field is as it is: the API's own explanation, in a dialog.
import { html, useState } from "../lib.js";
import { useQuery } from "../api.js";
import { words } from "../format.js";
import { cli, Command, Dialog, Facts, notYet } from "../parts.js";
import { Json, Value } from "../values.js";

/** The button that asks; `at` is the resource as `{ stack, kind, name }`. */
export function WhyButton({ at, path }) {
  const [open, setOpen] = useState(false);
  const place = path || "the whole thing";
  return html`<button type="button" class="ghost small no-print" aria-label=${`Why ${place}?`} onClick=${() => setOpen(true)}>Why?</button>
    <${Dialog} open=${open} onClose=${() => setOpen(false)} title=${`Why ${place}?`}>
      ${open && html`<${Explanation} at=${at} path=${path} />`}<//>`;
}

function Explanation({ at, path }) {
  const names = [at.stack, at.kind, at.name];
  const field = path ? `?path=${encodeURIComponent(path)}` : "";
  const query = useQuery(`/v1/resources/${names.map(encodeURIComponent).join("/")}/why${field}`, (e) => e.stack === at.stack);
  if (!query.data) return notYet(query, { lines: 6 });
  const command = cli(`why ${names.join("/")}${path ? ` ${path}` : ""}`);
  if (!path) return html`<${Whole} data=${query.data} at=${at} /><${Command} label="why command">${command}<//>`;
  const why = query.data.fields?.find((f) => f.path === path) ?? query.data.fields?.[0];
  if (!why) return html`<p>${query.data.message}</p><${Command} label="why command">${command}<//>`;
  return html`<p><strong>${words(why.rule.replaceAll("-", " "))}.</strong> ${why.ruleText}</p>
    <${Facts} items=${facts(why)} />
    ${why.edit && html`<p>To keep what is live: ${why.edit.says}</p><${Json} value=${why.edit.patch} />`}
    <${Command} label="why command">${command}<//>`;
}

/** The whole resource: where it stands, what it waits for, and a line for each field there is something to say of. */
function Whole({ data, at }) {
  const { generation, observedGeneration: planned } = data;
  const items = [
    ["Stands", html`${words(data.phase)}, ${words(data.reason)}`],
    ["Generation", planned === generation ? `${generation}, planned` : `${generation}; the last plan was of ${planned}`],
    ["Decision", data.decision ? words(data.decision) : "none since this server started"],
    ["Waits for", data.waitsFor.map((w) => w.message).join(" ")],
  ];
  return html`${data.message && html`<p>${data.message}</p>`}<${Facts} items=${items} />
    ${data.edit && html`<p>To keep what is live: ${data.edit.says}</p><${Json} value=${data.edit.patch} />`}
    ${
      data.fields.length === 0
        ? html`<p class="muted">Nothing to say of any single field.</p>`
        : html`<ul class="why-fields">${data.fields.map(
            (f) => html`<li key=${f.path}><code>${f.path || at.name}</code> <strong>${words(f.rule.replaceAll("-", " "))}.</strong> ${f.ruleText}</li>`,
          )}</ul>`
    }`;
}

function facts(why) {
  const { declared, live, owner } = why;
  const since = declared && `since generation ${declared.generation}${declared.byStack ? ", by the stack's tags" : ""}`;
  const bounds = owner.bounds ? `, between ${owner.bounds.min} and ${owner.bounds.max}` : "";
  const until = owner.until ? `, until ${owner.until}` : "";
  return [
    ["Declared", declared ? html`<${Value} value=${declared.value} /> <span class="muted">${since}</span>` : "not declared"],
    ["Live", live.known ? html`<${Value} value=${live.value ?? undefined} absent="not there" />` : "not known"],
    ["AWS default", why.default && html`<${Value} value=${why.default.value} /> <span class="muted">${why.default.source}</span>`],
    ["Last written", why.lastWritten !== null && html`<${Value} value=${why.lastWritten} />`],
    ["Owner", `${owner.name || "nobody"}${bounds}${until}: ${owner.reason}`],
    ["Decision", words(why.decision)],
    ["Waits for", why.waitsFor.map((w) => w.message).join(" ")],
  ];
}
