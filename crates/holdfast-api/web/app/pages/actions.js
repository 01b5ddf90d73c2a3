// What a person can do to a stack: reconcile now, pause, resume.
import { html, useState } from "../lib.js";
import { call } from "../api.js";
import { Icon } from "../icons.js";
import { absolute } from "../format.js";
import { advice, cli, Command, Dialog, ErrorNote, Since, toast } from "../parts.js";

const post = (stack, action, body = {}) => call(`/v1/stacks/${encodeURIComponent(stack)}/${action}`, { method: "POST", body });

export function StackActions({ name, paused, onDone }) {
  const [open, setOpen] = useState(null);
  const [busy, setBusy] = useState(false);
  const reconcile = async () => {
    setBusy(true);
    try {
      await post(name, "reconcile");
      toast(`${name} is being reconciled. What changes appears here.`);
      onDone();
    } catch (error) {
      toast(`${name} could not be reconciled: ${error.message} ${advice(error)}`, { bad: true });
    }
    setBusy(false);
  };
  const close = () => setOpen(null);
  return html`<div class="actions no-print">
    <button type="button" onClick=${reconcile} disabled=${busy}>
    <${Icon} name="refresh" class=${busy ? "turning" : ""} />Reconcile now</button>
    ${
      paused
        ? html`<button type="button" class="primary" onClick=${() => setOpen("resume")}><${Icon} name="play" />Resume…</button>`
        : html`<button type="button" onClick=${() => setOpen("pause")}><${Icon} name="pause" />Pause…</button>`
    }
    <${Dialog} open=${open === "pause"} onClose=${close} title=${`Pause ${name}`}><${PauseForm} name=${name} onDone=${() => {
      close();
      onDone();
    }} onCancel=${close} /><//>
    <${Dialog} open=${open === "resume"} onClose=${close} title=${`Resume ${name}`}>
    <${ResumeForm} name=${name} paused=${paused} onDone=${() => {
      close();
      onDone();
    }} onCancel=${close} /><//></div>`;
}

/** Sends one action and keeps what became of it. */
function useSend(name, action, said, onDone) {
  const [state, setState] = useState({ busy: false, error: null });
  const send = async (body) => {
    setState({ busy: true, error: null });
    try {
      await post(name, action, body);
      toast(said);
      onDone();
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return { ...state, send };
}

const HOUR = 3600000;
const LENGTHS = [
  ["", "Until somebody resumes it"],
  [HOUR, "For 1 hour"],
  [4 * HOUR, "For 4 hours"],
  [24 * HOUR, "For 1 day"],
  [7 * 24 * HOUR, "For 7 days"],
];

function PauseForm({ name, onDone, onCancel }) {
  const [reason, setReason] = useState("");
  const [length, setLength] = useState("");
  const { busy, error, send } = useSend(name, "pause", `${name} is paused. Drift is still seen and reported.`, onDone);
  const submit = (event) => {
    event.preventDefault();
    const until = length ? new Date(Date.now() + Number(length)).toISOString() : undefined;
    send({ reason: reason.trim(), ...(until && { until }) });
  };
  return html`<form onSubmit=${submit}>
    <p class="muted">While it is paused, Holdfast goes on looking and reporting, and changes nothing in AWS.</p>
    <label for="pause-reason">Reason</label>
    <input id="pause-reason" required autofocus maxlength="500" autocomplete="off" placeholder="Incident 4711, load test, …"
      value=${reason} onInput=${(e) => setReason(e.currentTarget.value)} />
    <p class="hint">Everybody who wonders why nothing is healed will read this.</p>
    <label for="pause-length">How long</label>
    <span class="choice wide"><select id="pause-length" value=${length} onChange=${(e) => setLength(e.currentTarget.value)}>
    ${LENGTHS.map(([ms, text]) => html`<option key=${ms} value=${ms}>${text}</option>`)}</select><${Icon} name="down" /></span>
    <${ErrorNote} error=${error} title="It is not paused" />
    <div class="dialog-actions"><button type="button" onClick=${onCancel}>Cancel</button>
    <button type="submit" class="primary" disabled=${busy || !reason.trim()}>Pause</button></div></form>`;
}

function ResumeForm({ name, paused, onDone, onCancel }) {
  const said = `${name} goes on. What drifted meanwhile is healed as its policy says.`;
  const { busy, error, send } = useSend(name, "resume", said, onDone);
  const submit = (event) => {
    event.preventDefault();
    send({ reason: "resumed in the dashboard" });
  };
  return html`<form onSubmit=${submit}>
    ${paused?.reason && html`<p>It was paused because: <strong>${paused.reason}</strong></p>`}
    <p class="muted">The next pass acts on everything that drifted meanwhile. To see it first, read the drift of this stack:</p>
    <${Command} label="drift command">${cli(`drift --stack ${name}`)}<//>
    <${ErrorNote} error=${error} title="It is still paused" />
    <div class="dialog-actions"><button type="button" onClick=${onCancel}>Cancel</button>
    <button type="submit" class="primary" disabled=${busy}>Resume</button></div></form>`;
}

/** Says that a stack is held: why, and until when. */
export function PausedNote({ paused }) {
  if (!paused) return null;
  const since = paused.since && html` for <${Since} at=${paused.since} />`;
  return html`<div class="note is-paused" role="note"><${Icon} name="paused" /><div class="note-body">
    <strong>Paused${since}${paused.until && ` until ${absolute(paused.until)}`}</strong>
    <p>${paused.reason || "No reason was given."}</p>
    <p class="muted">Drift is seen and reported; nothing is changed in AWS until it is resumed.</p></div></div>`;
}
