// One door to the vendored modules, so that the rest of the code names no file below vendor/.
import { h, render, Fragment, createRef } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { h, render, Fragment, createRef };
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useId } from "../vendor/preact-hooks.js";
export { signal, computed, effect, batch, untracked } from "../vendor/signals.js";
export const html = htm.bind(h);
