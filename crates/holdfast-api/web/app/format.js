// How numbers, times and values are written.

const whole = new Intl.NumberFormat("en");
const stamp = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export const number = (n) => (Number.isFinite(n) ? whole.format(n) : "–");
export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;
export const absolute = (at) => (valid(at) ? stamp.format(new Date(at)) : "");
export const timeOfDay = (at) => (valid(at) ? clock.format(new Date(at)) : "");

function valid(at) {
  return Boolean(at) && !Number.isNaN(new Date(at).getTime());
}

/** "840 ms", "4.2 s", "3 min". */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms);
}

/** A length of time in its two largest units: "12 s", "3 min", "2 h 5 min", "4 d 3 h". */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** "12 s ago"; a clock that runs ahead is "just now", not "in 2 s". */
export function ago(at, now) {
  if (!valid(at)) return "never";
  const ms = now - new Date(at).getTime();
  return ms < 1500 ? "just now" : `${span(ms)} ago`;
}

/** How long until `at`: "in 3 min", or "now". */
export function until(at, now) {
  if (!valid(at)) return "";
  const ms = new Date(at).getTime() - now;
  return ms < 1000 ? "now" : `in ${span(ms)}`;
}

/** A value as people write it: strings without quotes when alone, everything else as JSON. */
export function valueText(value) {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (value !== null && typeof value === "object") return JSON.stringify(value, null, 2);
  return String(value);
}

/** Cuts two texts where they differ: `[same head, own middle, same tail]` of the first. */
export function differingPart(text, other) {
  const shorter = Math.min(text.length, other.length);
  let head = 0;
  while (head < shorter && text[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && text[text.length - 1 - tail] === other[other.length - 1 - tail]) tail += 1;
  return [text.slice(0, head), text.slice(head, text.length - tail), text.slice(text.length - tail)];
}

/** "inSync" and "InSync" to "In sync". */
export function words(camel) {
  const spaced = String(camel ?? "")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_-]+/g, " ")
    .toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

// Beyond this, comparing line by line costs more than it tells.
const MOST_LINES = 600;

/** For each line of `lines`, whether it is missing from `others`, by their longest common subsequence. */
export function differingLines(lines, others) {
  if (lines.length > MOST_LINES || others.length > MOST_LINES) return lines.map((line) => !others.includes(line));
  const width = others.length + 1;
  const common = new Uint16Array((lines.length + 1) * width);
  for (let i = lines.length - 1; i >= 0; i -= 1) {
    for (let j = others.length - 1; j >= 0; j -= 1) {
      const down = common[(i + 1) * width + j],
        right = common[i * width + j + 1];
      common[i * width + j] = lines[i] === others[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(down, right);
    }
  }
  const differs = [];
  for (let i = 0, j = 0; i < lines.length;) {
    if (j < others.length && lines[i] === others[j]) {
      differs.push(false);
      i += 1;
      j += 1;
    } else if (j < others.length && common[i * width + j + 1] >= common[(i + 1) * width + j]) j += 1;
    else {
      differs.push(true);
      i += 1;
    }
  }
  return differs;
}
