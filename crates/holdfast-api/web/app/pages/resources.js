// All resources, over stacks: what the overview's numbers open.
import { html, useEffect, useState } from "../lib.js";
import { call, useQuery, withQuery } from "../api.js";
import { phaseWord, PHASES } from "../phases.js";
import { go, link, route, setQuery } from "../router.js";
import { Choice, cli, Command, Empty, ErrorNote, notYet, Panel, Search } from "../parts.js";
import { ResourceTable } from "./resource-table.js";

const LIMIT = 100;
const FILTERS = ["stack", "kind", "account", "region", "phase"];

export function Resources() {
  const { query } = route.value;
  const filter = Object.fromEntries([...FILTERS, "q"].map((name) => [name, query.get(name) ?? ""]));
  const path = withQuery("/v1/resources", { ...filter, limit: LIMIT });
  const first = useQuery(path);
  const overview = useQuery("/v1/overview");
  const more = useMore(path);
  useEffect(() => {
    document.title = "Resources · Holdfast";
  }, []);
  const items = joined(first.data?.items ?? [], more.items);
  const cursor = more.pages ? more.cursor : first.data?.nextCursor;
  const filtered = Object.values(filter).some(Boolean);
  const count = first.data ? `${items.length}${cursor ? "+" : ""}` : undefined;
  const list = items.length
    ? html`<${ResourceTable} items=${items.map(flat)} withStack />`
    : html`<${Nothing} filtered=${filtered} />`;
  return html`<div class="page-head"><h1 tabindex="-1">Resources</h1></div>
    <${Panel} title=${filtered ? "Found" : "All"} count=${count} actions=${html`<${Filters} filter=${filter} overview=${overview.data} />`}>
      ${first.data && html`<${ErrorNote} error=${first.error} retry=${first.reload} title="This could not be brought up to date" />`}
      ${notYet(first, { lines: 8 }) ?? list}
      <${ErrorNote} error=${more.error} />
      ${cursor && html`<button type="button" class="ghost more" disabled=${more.loading} onClick=${() => more.load(cursor)}>
        ${more.loading ? "Loading…" : "Show more"}</button>`}<//>`;
}

function Filters({ filter, overview }) {
  const names = (rows) => (rows ?? []).map((row) => row.name).sort();
  const [text, setText] = useState(filter.q);
  useEffect(() => {
    // One request for a word, not one for each letter of it.
    const timer = setTimeout(() => {
      if (text !== filter.q) setQuery({ q: text });
    }, 200);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => setText(filter.q), [filter.q]);
  const choice = (name, label, options) => {
    const choose = (value) => setQuery({ [name]: value });
    const known = withChosen(options, filter[name]);
    return html`<${Choice} label=${label} value=${filter[name]} options=${known} onChange=${choose} />`;
  };
  const phases = PHASES.map((phase) => [phase, phaseWord(phase)]);
  return html`${choice("phase", "Phase", phases)}
    ${choice("stack", "Stack", names(overview?.byStack))}
    ${choice("kind", "Kind", names(overview?.byKind))}
    ${choice("account", "Account", names(overview?.byAccount))}
    ${choice("region", "Region", names(overview?.byRegion))}
    <${Search} value=${text} onInput=${setText} label="Search resources" />`;
}

/** A filter from a link stays choosable, also before or without the list it comes from. */
function withChosen(options, chosen) {
  const known = !chosen || options.some((o) => (Array.isArray(o) ? o[0] : o) === chosen);
  return known ? options : [...options, chosen];
}

/** The pages after the first; they are dropped when the filter changes. */
function useMore(path) {
  const none = { path, items: [], cursor: null, pages: 0, loading: false, error: null };
  const [state, setState] = useState(none);
  const current = state.path === path ? state : none;
  const load = async (cursor) => {
    setState({ ...current, loading: true, error: null });
    try {
      const page = await call(withQuery(path, {}) + `&cursor=${encodeURIComponent(cursor)}`);
      setState({
        path,
        items: current.items.concat(page.items ?? []),
        cursor: page.nextCursor ?? null,
        pages: current.pages + 1,
        loading: false,
        error: null,
      });
    } catch (error) {
      setState({ ...current, loading: false, error });
    }
  };
  return { ...current, load };
}

function joined(first, more) {
  const known = new Set(first.map(keyOf));
  return first.concat(more.filter((item) => !known.has(keyOf(item))));
}

const keyOf = ({ metadata, kind }) => `${metadata?.stack}/${kind}/${metadata?.name}`;

/** A resource as read, brought to the shape of a stack's resource list. */
function flat(resource) {
  const { metadata = {}, status = {}, kind } = resource;
  const conditions = status.conditions ?? [];
  const ready = conditions.find((c) => c.type === "Ready");
  const synced = conditions.find((c) => c.type === "Synced");
  return {
    stack: metadata.stack,
    kind,
    name: metadata.name,
    account: metadata.account,
    region: metadata.region,
    phase: status.phase ?? "Unknown",
    ready: ready?.status,
    reason: synced?.reason,
    message: synced?.message,
    generation: metadata.generation,
    observedGeneration: status.observedGeneration,
  };
}

function Nothing({ filtered }) {
  if (!filtered)
    return html`<${Empty} icon="generation" title="Nothing is declared yet"><p>Apply a stack, and its resources appear here.</p>
      <${Command} label="apply command">${cli("apply -f stack.json")}<//><//>`;
  return html`<${Empty} icon="search" title="No resource matches"><p>Nothing is in this state, or the filters exclude each other.</p>
    <button type="button" onClick=${() => go(link(["resources"]))}>Clear the filters</button><//>`;
}
