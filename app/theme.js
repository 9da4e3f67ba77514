// Runs before the first paint, so that what the reader has chosen never flashes the other way. The page writes the same keys.
(() => {
  const ways = {
    theme: ["light", "dark", "contrast"],
    size: ["large", "largest"],
    width: ["narrow", "wide"],
    walk: ["quick"],
  };
  for (const [name, values] of Object.entries(ways)) {
    let chosen = null;
    try { chosen = localStorage.getItem(name); } catch { /* storage refused: the page as it comes */ }
    if (values.includes(chosen)) document.documentElement.dataset[name] = chosen;
  }
})();
