// What a phase is called, in which order phases want attention, and how counts of them add up.

/** The most urgent first. */
export const PHASES = ["Failed", "Blocked", "Drifted", "Unknown", "Deleting", "Progressing", "Pending", "Paused", "InSync"];

const WORDS = { InSync: "In sync" };
const MEANING = {
  Failed: "AWS refused what has to be done",
  Blocked: "something must come first: a reference, a policy, a person",
  Drifted: "live differs from what is declared",
  Unknown: "it could not be read",
  Deleting: "being deleted",
  Progressing: "steps are under way, or AWS is still changing it",
  Pending: "not looked at yet",
  Paused: "held by a person",
  InSync: "live equals declared",
};

export const phaseWord = (phase) => WORDS[phase] ?? (phase || "Unknown");
export const phaseMeaning = (phase) => MEANING[phase] ?? "";
/** The CSS suffix; a phase this page does not know yet looks like Unknown. */
export const phaseClass = (phase) => (PHASES.includes(phase) ? phase.toLowerCase() : "unknown");

export function urgency(phase) {
  const place = PHASES.indexOf(phase);
  return place < 0 ? PHASES.indexOf("Unknown") : place;
}

export const total = (phases) => Object.values(phases ?? {}).reduce((sum, n) => sum + (Number(n) || 0), 0);

/** `[[phase, count], …]`, urgent first, without zeros. */
export function present(phases) {
  return Object.entries(phases ?? {})
    .filter(([, n]) => n > 0)
    .sort(([a], [b]) => urgency(a) - urgency(b));
}

/** "57 in sync, 3 drifted", for those who do not see the bar. */
export function spoken(phases) {
  const parts = present(phases)
    .reverse()
    .map(([phase, n]) => `${n} ${phaseWord(phase).toLowerCase()}`);
  return parts.join(", ") || "nothing yet";
}

/** Counts the phases of resources. */
export function countPhases(resources) {
  const counts = {};
  for (const resource of resources) counts[resource.phase] = (counts[resource.phase] ?? 0) + 1;
  return counts;
}
