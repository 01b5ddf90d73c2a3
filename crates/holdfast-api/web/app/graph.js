// The dependency graph of a stack: what must exist first stands at the left.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./lib.js";
import { Icon } from "./icons.js";
import { phaseClass, phaseWord } from "./phases.js";
import { toResource } from "./router.js";
import { plural } from "./format.js";
import { Waiting } from "./parts.js";

const WIDTH = 196;
const HEIGHT = 46;
const MARGIN = 12;
/** Above this the drawing helps nobody until it is asked for. */
const MANY = 150;

const idOf = ({ stack, kind, name }) => `${stack}/${kind}/${name}`;

/** Nodes and edges of a stack's resources; what they use in other stacks are nodes too. */
function graphOf(stack, resources) {
  const nodes = new Map(),
    edges = new Map();
  for (const resource of resources) nodes.set(idOf({ stack, ...resource }), { stack, ...resource });
  for (const resource of resources) {
    const to = idOf({ stack, ...resource });
    for (const dependency of resource.dependsOn ?? []) {
      const node = { ...dependency, stack: dependency.stack ?? stack };
      const from = idOf(node);
      if (!nodes.has(from)) nodes.set(from, { ...node, outside: true });
      if (from !== to) edges.set(`${from} ${to}`, { from, to });
    }
  }
  return { nodes: [...nodes.values()].map((node) => ({ ...node, id: idOf(node) })), edges: [...edges.values()] };
}

let dagre = null;

/** The layout engine is the largest file; only pages with a graph load it. */
async function layout({ nodes, edges }) {
  dagre ??= (await import("../vendor/dagre.js")).default;
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({
    rankdir: "LR",
    nodesep: 12,
    edgesep: 8,
    ranksep: 56,
    marginx: MARGIN,
    marginy: MARGIN,
    ranker: "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: WIDTH, height: HEIGHT });
  for (const { from, to } of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const { width, height } = graph.graph();
  const places = new Map(
    nodes.map(({ id }) => {
      const { x, y } = graph.node(id);
      return [id, { x, y }];
    }),
  );
  const lines = edges.map(({ from, to }) => ({
    from,
    to,
    path: curve(graph.edge(from, to).points, places.get(from), places.get(to)),
  }));
  return { width, height, places, lines };
}

/** A smooth line through dagre's points that leaves at the right of a node and arrives at the left of the next. */
function curve(points, from, to) {
  const inner = points.slice(1, -1);
  const forward = to.x > from.x;
  const side = forward ? WIDTH / 2 : -WIDTH / 2;
  const whole = [
    { x: from.x + side, y: from.y },
    ...inner.filter((p) => Math.abs(p.x - from.x) > WIDTH / 2 && Math.abs(p.x - to.x) > WIDTH / 2),
    { x: to.x - side - (forward ? 5 : -5), y: to.y },
  ];
  let path = `M${round(whole[0].x)} ${round(whole[0].y)}`;
  for (let i = 1; i < whole.length; i += 1) {
    const a = whole[i - 1],
      b = whole[i],
      middle = round((a.x + b.x) / 2);
    path += `C${middle} ${round(a.y)} ${middle} ${round(b.y)} ${round(b.x)} ${round(b.y)}`;
  }
  return path;
}

const round = (n) => Math.round(n * 10) / 10;

/** `shown(resource)` dims what a filter leaves out. */
export function Graph({ stack, resources, shown }) {
  const [wanted, setWanted] = useState(false);
  const graph = useMemo(() => graphOf(stack, resources), [stack, resources]);
  const shape = JSON.stringify([graph.nodes.map((n) => n.id), graph.edges]);
  const [drawn, setDrawn] = useState(null);
  const many = graph.nodes.length > MANY && !wanted;
  useEffect(() => {
    // Only a change of shape moves nodes; a change of phase recolours them where they are.
    if (many || graph.nodes.length === 0) return undefined;
    let gone = false;
    layout(graph).then((result) => {
      if (!gone) setDrawn({ shape, ...result });
    });
    return () => {
      gone = true;
    };
  }, [shape, many]);
  if (many)
    return html`<div class="graph-ask"><p class="muted">${plural(graph.nodes.length, "node")} make a large drawing.</p>
      <button type="button" onClick=${() => setWanted(true)}>Draw the graph</button></div>`;
  if (!drawn) return html`<${Waiting} lines=${5} label="Laying out the graph" />`;
  return html`<${Drawing} graph=${graph} drawn=${drawn} stack=${stack} shown=${shown} />`;
}

function Drawing({ graph, drawn, stack, shown }) {
  const [near, setNear] = useState(null);
  const [entry, setEntry] = useState(null);
  const box = useRef(null);
  const [scale, setScale] = useScale(box, drawn);
  usePan(box);
  const nodes = graph.nodes.filter((node) => drawn.places.has(node.id));
  const first = nodes.some((n) => n.id === entry) ? entry : leftmost(nodes, drawn);
  const linked = useMemo(() => neighbours(graph.edges, near), [graph.edges, near]);
  const size = `${plural(nodes.length, "node")}, ${plural(graph.edges.length, "edge")}`;
  const onKey = (event) => {
    const next = step(event.key, document.activeElement?.dataset.node, graph.edges, drawn.places);
    if (!next) return;
    event.preventDefault();
    const element = [...box.current.querySelectorAll("[data-node]")].find((e) => e.dataset.node === next);
    element?.focus();
  };
  return html`<div class="graph-frame"><div class="graph" ref=${box} tabindex="-1">
      <svg width=${drawn.width * scale} height=${drawn.height * scale} viewBox=${`0 0 ${drawn.width} ${drawn.height}`} role="group"
        aria-label=${`Dependencies of ${stack}: ${size}. Arrow keys walk along them.`} onKeyDown=${onKey}>
        <defs><marker id="arrow" viewBox="0 0 6 6" refX="1" refY="3" markerWidth="6" markerHeight="6" orient="auto-start-reverse">
        <path d="M0 0.5 5.5 3 0 5.5Z" class="arrow" /></marker></defs>
        <g class=${`edges ${near ? "some" : ""}`}>${drawn.lines.map(
          (line) => html`<path key=${`${line.from} ${line.to}`} d=${line.path} marker-end="url(#arrow)"
          class=${`edge ${near && (line.from === near || line.to === near) ? "near" : ""}`} />`,
        )}</g>
        <g>${nodes.map(
          (
            node,
          ) => html`<${Node} key=${node.id} node=${node} place=${drawn.places.get(node.id)} home=${stack} entry=${node.id === first}
          dim=${(near && near !== node.id && !linked.has(node.id)) || (shown && !node.outside && !shown(node))}
          onNear=${setNear} onEnter=${setEntry} />`,
        )}</g></svg></div>
    <div class="graph-tools no-print">
    <button type="button" class="icon-only" aria-label="Zoom in" onClick=${() => setScale(scale * 1.25)}><${Icon} name="plus" /></button>
      <button type="button" class="icon-only" aria-label="Zoom out" onClick=${() => setScale(scale / 1.25)}>
      <${Icon} name="minus" /></button>
      <button type="button" class="icon-only" aria-label="Fit the width" onClick=${() => setScale(null)}>
      <${Icon} name="fit" /></button></div></div>`;
}

function Node({ node, place, home, entry, dim, onNear, onEnter }) {
  const phase = node.outside ? null : (node.phase ?? "Unknown");
  const where = node.stack === home ? "" : ` in stack ${node.stack}`;
  const missing = node.outside && node.stack === home;
  const state = missing ? "Not declared" : node.outside ? node.stack : phaseWord(phase);
  const look = phase ? phaseClass(phase) : missing ? "unknown" : "outside";
  return html`<a class=${`node is-${look} ${dim ? "dim" : ""}`} href=${toResource(node)} data-node=${node.id} tabindex=${entry ? 0 : -1}
      aria-label=${`${node.kind} ${node.name}${where}: ${state}`}
      transform=${`translate(${round(place.x - WIDTH / 2)} ${round(place.y - HEIGHT / 2)})`}
      onMouseEnter=${() => onNear(node.id)} onMouseLeave=${() => onNear(null)} onFocus=${() => {
        onNear(node.id);
        onEnter(node.id);
      }} onBlur=${() => onNear(null)}>
    <title>${`${node.kind}/${node.name}${where}: ${state}`}</title>
    <rect class="node-box" width=${WIDTH} height=${HEIGHT} rx="7" />
    <${Icon} name=${look === "outside" ? "link" : look} x="10" y="8" width="14" height="14" class="node-icon" />
    <text class="node-name" x="31" y="19">${fitted(node.name, WIDTH - 41)}</text>
    <text class="node-kind" x="31" y="35">${node.kind}</text><text class="node-phase" x=${WIDTH - 10} y="35" text-anchor="end">
    ${fitted(state, 72, 10.5)}</text></a>`;
}

function leftmost(nodes, { places }) {
  const order = [...nodes].sort((a, b) => places.get(a.id).x - places.get(b.id).x || places.get(a.id).y - places.get(b.id).y);
  return order[0]?.id;
}

function neighbours(edges, id) {
  const found = new Set();
  for (const { from, to } of edges) {
    if (from === id) found.add(to);
    if (to === id) found.add(from);
  }
  return found;
}

/** Right and left follow edges, or else the drawing; up and down stay in the column. */
function step(key, id, edges, places) {
  const here = places.get(id);
  if (!here) return null;
  const along = {
    ArrowRight: edges.filter((e) => e.from === id).map((e) => e.to),
    ArrowLeft: edges.filter((e) => e.to === id).map((e) => e.from),
  }[key];
  const ahead = {
    ArrowRight: (p) => p.x > here.x + 1,
    ArrowLeft: (p) => p.x < here.x - 1,
    ArrowDown: (p) => p.y > here.y + 1,
    ArrowUp: (p) => p.y < here.y - 1,
  }[key];
  if (!ahead) return null;
  const sideways = key === "ArrowRight" || key === "ArrowLeft";
  const far = ({ x, y }) =>
    sideways ? Math.abs(x - here.x) + Math.abs(y - here.y) * 2 : Math.abs(y - here.y) + Math.abs(x - here.x) * 4;
  const linked = (along ?? []).filter((other) => places.has(other) && ahead(places.get(other)));
  const candidates = linked.length ? linked : [...places.keys()].filter((other) => ahead(places.get(other)));
  return candidates.sort((a, b) => far(places.get(a)) - far(places.get(b)))[0] ?? null;
}

/** The scale: what fits the width, never too small to read, until somebody zooms. */
function useScale(box, drawn) {
  const [chosen, setChosen] = useState(null);
  const [fit, setFit] = useState(1);
  useLayoutEffect(() => {
    const measure = () => {
      if (box.current?.clientWidth) setFit(Math.min(1, Math.max(0.62, box.current.clientWidth / drawn.width)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [drawn.width]);
  const set = (value) => setChosen(value === null ? null : Math.min(2, Math.max(0.25, value)));
  return [chosen ?? fit, set];
}

/** Dragging the ground moves the drawing. */
function usePan(box) {
  useEffect(() => {
    const element = box.current;
    let from = null;
    const down = (e) => {
      if (e.pointerType === "mouse" && e.button === 0 && !e.target.closest("[data-node]"))
        from = { x: e.clientX + element.scrollLeft, y: e.clientY + element.scrollTop };
    };
    const move = (e) => {
      if (from) {
        element.scrollLeft = from.x - e.clientX;
        element.scrollTop = from.y - e.clientY;
      }
    };
    const up = () => {
      from = null;
    };
    element.addEventListener("pointerdown", down);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    return () => {
      element.removeEventListener("pointerdown", down);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
    };
  }, []);
}

let pen = null;

/** The text, cut in the middle so that it is at most `width` wide: names differ at their ends as often as at their heads. */
function fitted(text, width, size = 12.5) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `500 ${size}px ${getComputedStyle(document.body).fontFamily}`;
  if (pen.measureText(text).width <= width) return text;
  let keep = text.length - 1;
  while (keep > 2 && pen.measureText(cut(text, keep)).width > width) keep -= 1;
  return cut(text, keep);
}

const cut = (text, keep) => `${text.slice(0, Math.ceil(keep / 2))}…${text.slice(text.length - Math.floor(keep / 2))}`;
