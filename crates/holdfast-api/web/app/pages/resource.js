// One resource: why it stands where it stands, field by field, and everything that happened to it.
import { html, useEffect, useState } from "../lib.js";
import { useQuery } from "../api.js";
import { number, valueText, words } from "../format.js";
import { Icon } from "../icons.js";
import { link, toResource, toStack } from "../router.js";
import { Ago, cli, Command, Copy, curl, Empty, ErrorNote, Facts, notYet, Panel, Phase, Since } from "../parts.js";
import { Json } from "../values.js";
import { Fields } from "./fields.js";
import { PausedNote, StackActions } from "./actions.js";
import { ApprovalNote } from "./approval.js";
import { Generation, Ready } from "./resource-table.js";
import { pairs } from "./stack.js";
import { WhyButton } from "./why.js";

export function Resource({ stack, kind, name }) {
  const path = `/v1/resources/${[stack, kind, name].map(encodeURIComponent).join("/")}`;
  const mine = (event) =>
    !event.stack || (event.stack === stack && (!event.kind || (event.kind === kind && event.name === name)));
  const query = useQuery(path, mine);
  const history = useQuery(`${path}/history`, mine);
  const parent = useQuery(`/v1/stacks/${encodeURIComponent(stack)}`, (event) => event.stack === stack);
  useEffect(() => {
    document.title = `${kind}/${name} · ${stack} · Holdfast`;
  }, [stack, kind, name]);
  const { data } = query;
  const reload = () => {
    query.reload();
    history.reload();
    parent.reload();
  };
  const paused = parent.data?.status?.paused;
  return html`<nav class="crumbs" aria-label="Breadcrumb"><ol><li><a href=${link()}>Overview</a></li><li>
    <a href=${toStack(stack)} data-up>${stack}</a></li></ol></nav>
    <div class="page-head"><h1 tabindex="-1"><span class="kind">${kind}<span class="slash">/</span></span><wbr />${name}</h1>
      ${data && html`<span class="head-state"><${Phase} phase=${data.status?.phase} pill />
      <${Ready} value=${condition(data, "Ready")?.status} />
      <${WhyButton} at=${{ stack, kind, name }} /></span>
      <${StackActions} name=${stack} paused=${paused} onDone=${reload} />`}</div>
    ${data && html`<${ErrorNote} error=${query.error} retry=${query.reload} title="This could not be brought up to date" />`}
    ${
      query.error?.status === 404
        ? html`<${Gone} stack=${stack} kind=${kind} name=${name} history=${history} />`
        : (notYet(query, { lines: 12 }) ??
          html`<${PausedNote} paused=${paused} />
          <${ApprovalNote} plan=${data.awaitingApproval} only=${{ kind, name }} onDone=${reload} /><${Body} data=${data} stack=${stack} history=${history} path=${path} />`)
    }`;
}

const condition = (data, type) => (data.status?.conditions ?? []).find((c) => c.type === type);

function Body({ data, stack, history, path }) {
  return html`<${Verdict} data=${data} stack=${stack} />
    <div class="split"><div class="split-main"><${Fields} data=${data} />
        <${Conditions} conditions=${data.status?.conditions ?? []} />
        <${Timeline} history=${history} /></div>
      <div class="split-side"><${About} data=${data} /><${Outputs} outputs=${data.status?.outputs} />
        <${Relations} title="Depends on" items=${data.dependsOn} stack=${stack} none="Nothing; it can be made first." />
        <${Relations} title="Used by" items=${data.usedBy} stack=${stack} none="Nothing declared uses it." /></div></div>
    <${Raw} data=${data} path=${path} />`;
}

// ---- the verdict: why it is not in sync, and what to do ----

const BAD = { Stuck: "True", ReferencesResolved: "False", Owned: "False", Synced: "False", Ready: "False" };

/** The conditions that explain the phase, the most telling first. */
function explaining(data) {
  return Object.keys(BAD)
    .map((type) => condition(data, type))
    .filter((c) => c && (c.status === BAD[c.type] || (c.status === "Unknown" && c.message)));
}

/** What to do about it, and the command that does it or tells more. */
function advise(data, stack) {
  const { phase, drift } = data.status ?? {};
  const describe = cli(`describe ${stack}/${data.kind}/${data.metadata?.name}`);
  if (condition(data, "Stuck")?.status === "True") {
    return [
      "The same fix did not take several times, so Holdfast stopped. Remove the cause, then try again:",
      cli(`reconcile ${stack}`),
    ];
  }
  if (condition(data, "Synced")?.reason === "AdoptionUnconfirmed") {
    return [
      "Only its owner tags were written. To bring it to the declaration:",
      cli(`adopt ${stack}/${data.kind}/${data.metadata?.name} --confirm`),
    ];
  }
  if (condition(data, "Owned")?.status === "False") {
    return [
      "Something of the same identity exists and is not Holdfast's. To take it over, declare policy adopt: ifExists here and apply again:",
      cli("apply -f stack.json"),
    ];
  }
  if (phase === "Failed") return ["Remove the cause that AWS names, then try again:", cli(`reconcile ${stack}`)];
  if (phase === "Drifted" && drift?.action === "reporting") {
    return [
      "Policy drift: report leaves it as it is. Declare the live value, or declare drift: heal to have it put back:",
      cli("apply -f stack.json"),
    ];
  }
  if (phase === "Blocked") return ["The reason says what must come first. All that is known of it, in a terminal:", describe];
  if (phase === "Unknown")
    return ["Unknown is not absent: nothing is created or deleted until it can be read. See what the sweep met:", cli("scopes")];
  return null;
}

function Verdict({ data, stack }) {
  const phase = data.status?.phase;
  const reasons = explaining(data).filter((c) => c.message);
  if ((phase === "InSync" || phase === "Paused") && !reasons.length) return null;
  const look = phase === "InSync" ? "pending" : (phase ?? "Unknown").toLowerCase();
  const advice = advise(data, stack);
  const { drift } = data.status ?? {};
  if (!reasons.length && !advice && !drift) return null;
  return html`<section class=${`note verdict is-${look}`} aria-label="Why">
    <${Icon} name=${look} class=${look === "progressing" ? "turning" : ""} /><div class="note-body">
    ${drift && html`<strong>Differs for <${Since} at=${drift.since} />${drift.action ? html` · ${drift.action}` : ""}</strong>`}
    ${reasons.slice(0, 2).map((c) => html`<p key=${c.type}>${!drift && html`<strong>${words(c.reason)}. </strong>`}${c.message}</p>`)}
    ${advice && html`<p class="muted">${advice[0]}</p><${Command} label="command">${advice[1]}<//>`}</div></section>`;
}

// ---- the parts ----

function Conditions({ conditions }) {
  if (conditions.length === 0) return html`<${Panel} title="Conditions"><p class="none-found">No pass has looked at it yet.</p><//>`;
  const column = (text, look) => html`<th role="columnheader" scope="col" class=${look}>${text}</th>`;
  return html`<${Panel} title="Conditions"><table class="list cards conditions" role="table">
    <thead role="rowgroup"><tr role="row">${column("Condition")}${column("Status")}${column("Reason")}${column("For", "right")}</tr></thead>
    <tbody role="rowgroup">${conditions.map((c) => html`<${Condition} key=${c.type} condition=${c} />`)}</tbody></table><//>`;
}

function Condition({ condition: c }) {
  return html`<tr role="row"><th role="rowheader" scope="row">${words(c.type)}</th>
    <td role="cell"><${Truth} condition=${c} /></td>
    <td role="cell" class="c-why"><span class="reason">${words(c.reason)}</span>
      ${c.message && html`<span class="reason-message muted">${c.message}</span>`}</td>
    <td role="cell" class="right nowrap muted c-for"><${Since} at=${c.since} /></td></tr>`;
}

/** A condition's status, with the sign of whether that is good: `Stuck` is good when it is not so. */
function Truth({ condition: { type, status } }) {
  const look = status === "Unknown" ? "unknown" : status === BAD[type] ? "failed" : "insync";
  const word = { True: "Yes", False: "No" }[status] ?? "Unknown";
  return html`<span class=${`phase is-${look}`}><${Icon} name=${look} />${word}</span>`;
}

const FIRST = 25;

function Timeline({ history }) {
  const [all, setAll] = useState(false);
  const items = [...(history.data?.items ?? [])].sort((a, b) => String(b.at).localeCompare(String(a.at)));
  const shown = all ? items : items.slice(0, FIRST);
  return html`<${Panel} title="Timeline" count=${history.data ? items.length : undefined}>
    ${notYet(history, { lines: 4 })}
    ${history.data && items.length === 0 && html`<p class="none-found">Nothing has happened to it yet.</p>`}
    ${shown.length > 0 && html`<ol class="timeline">${shown.map((item, i) => html`<${Moment} key=${`${item.at} ${i}`} item=${item} />`)}</ol>`}
    ${items.length > shown.length && html`<button type="button" class="ghost more" onClick=${() => setAll(true)}>
      Show all ${number(items.length)}</button>`}<//>`;
}

function Moment({ item }) {
  return html`<li class=${`moment what-${item.what}`}><span class="moment-icon"><${Icon} name=${item.what} /></span>
    <div class="moment-body">
      <p><span class="moment-what">${words(item.what)}${item.generation ? ` ${item.generation}` : ""}</span> ${item.summary}</p>
      ${hasData(item.data) && html`<details class="no-print"><summary>Details</summary><${Json} value=${item.data} /></details>`}</div>
    <span class="moment-at muted"><${Ago} at=${item.at} /></span></li>`;
}

const hasData = (data) => data !== null && data !== undefined && (typeof data !== "object" || Object.keys(data).length > 0);

function About({ data }) {
  const { metadata = {}, status = {} } = data;
  return html`<${Panel} title="About"><${Facts} items=${[
    ["Stack", html`<a href=${toStack(metadata.stack)}>${metadata.stack}</a>`],
    ["Account", metadata.account],
    ["Region", metadata.region],
    ["Generation", html`<${Generation} generation=${metadata.generation} observed=${status.observedGeneration} />`],
    ["Last seen", html`<${Ago} at=${status.lastObservedAt} never="not yet" />`],
    ["Details read", data.detailsReadAt && html`<${Ago} at=${data.detailsReadAt} />`],
    ["Created", metadata.createdAt && html`<${Ago} at=${metadata.createdAt} />`],
    ["Policy", pairs(data.effectivePolicy ?? data.policy)],
    ["Labels", pairs(metadata.labels)],
    ["Identity", metadata.uid && html`<code class="break">${metadata.uid}</code>`],
  ]} /><//>`;
}

function Outputs({ outputs }) {
  const entries = Object.entries(outputs ?? {}).map(([name, value]) => [name, valueText(value)]);
  if (entries.length === 0) return html`<${Panel} title="Outputs"><p class="none-found">None yet. They appear once it exists.</p><//>`;
  const row = ([name, text]) => html`<div key=${name}><dt>${name}</dt>
    <dd><code class="break">${text}</code><${Copy} text=${text} what=${`output ${name}`} /></dd></div>`;
  return html`<${Panel} title="Outputs"><dl class="outputs">${entries.map(row)}</dl><//>`;
}

function Relations({ title, items, stack: home, none }) {
  if (!items) return null;
  const row = ({ stack = home, kind, name }) => html`<li key=${`${stack}/${kind}/${name}`} class="row relation">
    <a data-row class="row-link" href=${toResource({ stack, kind, name })}>
      <span class="kind">${kind}</span><span class="slash">/</span>${name}</a>
    ${stack !== home && html`<span class="faint">${stack}</span>`}</li>`;
  return html`<${Panel} title=${title} count=${items.length}>
    ${items.length > 0 ? html`<ul class="rows small-rows" data-rows>${items.map(row)}</ul>` : html`<p class="none-found">${none}</p>`}<//>`;
}

function Raw({ data, path }) {
  const [open, setOpen] = useState(false);
  return html`<section class="panel raw no-print"><details onToggle=${(e) => setOpen(e.currentTarget.open)}><summary>
    <h2>Raw JSON</h2></summary>
    ${open && html`<div class="raw-body"><${Command} label="curl command">${curl(path)}<//><div class="json-frame">
    <${Copy} text=${JSON.stringify(data, null, 2)} what="JSON" /><${Json} value=${data} /></div></div>`}</details></section>`;
}

function Gone({ stack, kind, name, history }) {
  return html`<${Empty} icon="unknown" title=${`${stack} declares no ${kind} named ${name}`}>
    <p>It may have been deleted or renamed. The stack says what there is:</p>
    <${Command} label="get command">${cli(`get ${kind}`)}<//><p><a href=${toStack(stack)}>Back to ${stack}</a></p><//>
    ${history.data?.items?.length > 0 && html`<${Timeline} history=${history} />`}`;
}
