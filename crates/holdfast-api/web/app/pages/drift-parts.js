// The words of drift: change and severity, each with its own sign.
import { html } from "../lib.js";
import { words } from "../format.js";
import { Icon } from "../icons.js";

export const SEVERITIES = ["exposure", "functional", "cosmetic"];
const MEANING = {
  exposure: "Somebody may get in who should not, or a protection is off",
  functional: "It behaves differently",
  cosmetic: "Only people notice",
};

export function Severity({ severity }) {
  if (!severity) return null;
  return html`<span class=${`severity severity-${severity}`} title=${MEANING[severity]}><${Icon} name=${severity} />
    ${words(severity)}</span>`;
}

const SIGNS = { added: "+", removed: "−", changed: "~", missing: "−", undeclared: "?" };

/** A change in the signs that plans use, and its word. */
export function Change({ change }) {
  return html`<span class=${`change change-${change}`}><span class="sign" aria-hidden="true">${SIGNS[change] ?? "·"}</span>
    ${words(change)}</span>`;
}

/** The most severe of an item's fields. */
export function worstSeverity(item) {
  const found = (item.fields ?? []).map((f) => SEVERITIES.indexOf(f.severity)).filter((i) => i >= 0);
  return found.length ? Math.min(...found) : SEVERITIES.length;
}

/** The changes under which a null in `desired` stands for "no value", not for a declared null. */
export const NOT_DECLARED = ["added", "undeclared", "missing"];

/** The word for a declared side without a value: what is missing as a whole is declared all the same. */
export const absentDeclared = (change) => (change === "missing" ? "the whole declaration" : "not declared");
