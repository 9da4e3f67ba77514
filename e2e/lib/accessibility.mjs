// axe-core's verdict on a page as it stands.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** One line a fault: the rule, what it asks, and where it is broken. */
export async function accessibilityFaults(page) {
  // Given to the page by the browser's own driver, so no script has to be let in by the Content-Security-Policy.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
  return violations.map((fault) =>
    `${fault.id}: ${fault.help}: ${fault.nodes.slice(0, 5).map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? ""})`).join("; ")}`);
}
