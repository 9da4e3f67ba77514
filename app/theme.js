// Runs before the first paint, so that a chosen theme never flashes the other one. The page writes the same key.
(() => {
  let choice = null;
  try { choice = localStorage.getItem("theme"); } catch { /* storage refused: the system's theme it is */ }
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
})();
