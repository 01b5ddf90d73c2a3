// Runs before the first paint, as a classic script, so that a chosen theme never flashes the other one.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("holdfast.theme");
  } catch {
    /* Storage may be barred; the system's choice is used. */
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
