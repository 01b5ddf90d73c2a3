// What awaits approval: the plan, step by step, and the button that carries it out.
import { html, useState } from "../lib.js";
import { call, useQuery } from "../api.js";
import { plural } from "../format.js";
import { Icon } from "../icons.js";
import { cli, Command, Dialog, ErrorNote, toast } from "../parts.js";

const SIGNS = { create: "+", update: "~", delete: "-", adopt: "<" };
const FIRST = 12;

/** The plan that awaits approval, wherever it stands; nothing if there is none. `only` is a resource to show alone. */
export function ApprovalNote({ plan, only, onDone }) {
  const query = useQuery(plan ? `/v1/plans/${encodeURIComponent(plan)}` : null);
  const [open, setOpen] = useState(false);
  if (!plan) return null;
  const { data } = query;
  const all = data?.steps ?? [];
  const steps = only ? all.filter((s) => s.key.kind === only.kind && s.key.name === only.name) : all;
  const close = () => setOpen(false);
  const done = () => {
    close();
    onDone();
  };
  return html`<section class="note is-blocked" aria-label="Awaiting approval"><${Icon} name="blocked" /><div class="note-body">
    <strong>Awaiting approval</strong>
    <p class="muted">Nothing of it is done before it is approved. Drift of what was approved before is healed meanwhile.</p>
    <${ErrorNote} error=${query.error} title="The plan could not be read" />
    ${data && html`<${Steps} steps=${steps} verdicts=${data.verdicts ?? []} />`}
    ${only && all.length > steps.length && html`<p class="muted">One approval covers all ${plural(all.length, "step")} of the plan.</p>`}
    <${Command} label="approve command">${cli(`approve ${plan}`)}<//>
    </div><button type="button" class="primary no-print" disabled=${!data} onClick=${() => setOpen(true)}>Approve…</button>
    <${Dialog} open=${open} onClose=${close} title="Approve this plan">
      <${ApproveForm} plan=${plan} count=${all.length} onDone=${done} onCancel=${close} /><//></section>`;
}

function Steps({ steps, verdicts }) {
  if (steps.length === 0) {
    const reasons = verdicts.map((v) => v.reason).filter(Boolean);
    return html`<p>${reasons[0] ?? "It changes nothing live."}</p>`;
  }
  return html`<ul class="plan-steps">${steps.slice(0, FIRST).map(
    (s) => html`<li key=${s.id}><code aria-label=${s.verb}>${SIGNS[s.verb] ?? s.verb}</code> <strong>${s.key.kind}/${s.key.name}</strong> ${s.text}
      <span class="muted"> because ${s.because}</span></li>`,
  )}${steps.length > FIRST && html`<li class="muted">and ${plural(steps.length - FIRST, "more step")}</li>`}</ul>`;
}

function ApproveForm({ plan, count, onDone, onCancel }) {
  const [reason, setReason] = useState("");
  const [state, setState] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    setState({ busy: true, error: null });
    try {
      const body = reason.trim() ? { reason: reason.trim() } : {};
      await call(`/v1/plans/${encodeURIComponent(plan)}/approve`, { method: "POST", body });
      toast("The plan is approved. The next pass carries it out if nothing has moved.");
      onDone();
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return html`<form onSubmit=${submit}>
    <p class="muted">${plural(count, "step")} will be carried out. If the world or the declarations move before that, nothing is done.</p>
    <label for="approve-reason">Reason</label>
    <input id="approve-reason" autofocus maxlength="500" autocomplete="off" placeholder="Release 12, change 4711, …"
      value=${reason} onInput=${(e) => setReason(e.currentTarget.value)} />
    <p class="hint">Kept with the plan, for those who wonder later.</p>
    <${ErrorNote} error=${state.error} title="It is not approved" />
    <div class="dialog-actions"><button type="button" onClick=${onCancel}>Cancel</button>
    <button type="submit" class="primary" disabled=${state.busy}>Approve</button></div></form>`;
}
