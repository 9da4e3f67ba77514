// What Google's Lighthouse says of the built site, on its laptop profile. It drives Chromium only.

import assert from "node:assert/strict";
import { test } from "node:test";
import { name as browserName, openPage } from "./lib/browser.mjs";
import { sites } from "./lib/book.mjs";

/** The least score of each category, of 100. */
const LEAST = { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 };
/** One page of every kind; the exhibit of the last is left to compute as it likes. */
const PAGES = ["", "act/2/", "chapter/6/", "idea/softmax/", "map/", "chapter/5/"];
/** Speed is judged by the best of so many visits, because other work on the machine makes a page slower and never faster. */
const VISITS = 3;

if (browserName === "chromium") {
  const { default: lighthouse, desktopConfig } = await import("lighthouse");

  for (const route of PAGES) {
    test(`Lighthouse is content with /${route}`, { timeout: 240_000 }, async () => {
      const best = {};
      for (let visit = 0; visit < VISITS; visit += 1) {
        const { lhr } = await look(lighthouse, desktopConfig, route);
        let isContent = true;
        for (const [category, least] of Object.entries(LEAST)) {
          const score = Math.round(100 * lhr.categories[category].score);
          if (!(score <= best[category]?.score)) best[category] = { score, faults: faults(lhr, category) };
          isContent &&= best[category].score >= least;
        }
        if (isContent) break;
      }
      for (const [category, least] of Object.entries(LEAST)) {
        const { score, faults } = best[category];
        assert.ok(score >= least, `${category} of /${route} is ${score}, and must be ${least}: ${faults}`);
      }
    });
  }
}

async function look(lighthouse, config, route) {
  const { page, close } = await openPage({ width: 1350, height: 940 });
  try {
    return await lighthouse(new URL(route, sites.root).href, { output: "json", logLevel: "error" }, config, page);
  } finally {
    await close();
  }
}

/** The audits of a category that are not at their best, with what was measured. */
function faults(lhr, category) {
  return lhr.categories[category].auditRefs
    .map(({ id, weight }) => ({ ...lhr.audits[id], weight }))
    .filter(({ score, weight }) => score !== null && score < 1 && weight > 0)
    .map(({ title, displayValue }) => `${title} ${displayValue ?? ""}`.trim())
    .join("; ");
}
