// The program comes in parts: a page loads what it shows and no more, and a part that does not come can be asked for again.

import assert from "node:assert/strict";
import { bookTest, until } from "./lib/book.mjs";

/** The parts of the program that a page has asked for so far, by the names of their files. */
function partsAskedFor(page) {
  const names = new Set();
  page.on("request", (request) => {
    const file = new URL(request.url()).pathname.split("/").at(-1);
    if (/^(part|chunk)_.*\.wasm$/.test(file)) names.add(file.replace(/-[0-9a-f]+\.wasm$/, ""));
  });
  return names;
}

const exhibitsOf = (names) => [...names].filter((name) => /^part_ch\d+/.test(name)).sort();

bookTest("a page without an exhibit loads none", async ({ page, visit }) => {
  const asked = partsAskedFor(page);
  for (const route of ["", "chapter/1/", "glossary/", "idea/softmax/"]) await visit(route);
  assert.deepEqual([...asked], []);
});

bookTest("a chapter loads its own exhibit and no other, under any path", async ({ page, visit }) => {
  const asked = partsAskedFor(page);
  await visit("chapter/5/", { site: "nested" });
  await until(page, () => document.querySelector("[data-part=ch05] > .exhibit") !== null, "the exhibit");
  assert.deepEqual(exhibitsOf(asked), ["part_ch05"]);
});

bookTest("a chapter that is turned to brings its exhibit", async ({ page, visit }) => {
  const asked = partsAskedFor(page);
  await visit("act/2/");
  assert.deepEqual(exhibitsOf(asked), []);
  await page.evaluate(() => document.querySelector(".act-chapters a[href='chapter/5/']").click());
  await until(page, () => document.querySelector("[data-part=ch05] > .exhibit") !== null, "the exhibit");
  assert.deepEqual(exhibitsOf(asked), ["part_ch05"]);
});

bookTest("an exhibit takes the place that was kept for it", async ({ page, visit }) => {
  await page.evaluateOnNewDocument(() => {
    const heights = (window.exhibitHeights = []);
    const look = () => {
      const exhibit = document.querySelector("[data-part=ch05] .exhibit");
      const height = exhibit?.getBoundingClientRect().height;
      if (height && heights.at(-1) !== height) heights.push(height);
      // The first result makes it what it is; until then nothing may move.
      if (!document.querySelector("[data-part=ch05] .heatmap")) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await visit("chapter/5/");
  await until(page, () => document.querySelector("[data-part=ch05] > .exhibit") !== null, "the exhibit");
  const heights = await page.evaluate(() => window.exhibitHeights.slice());
  assert.ok(Math.max(...heights) - Math.min(...heights) <= 1, `the exhibit was ${heights.join(", then ")} pixels high`);
});

bookTest("a part that does not come says so, and comes when asked again", async ({ page, visit, watched }) => {
  watched.allow(/part_ch05|The part ch05 of the program did not come|Failed to load/);
  let broken = true;
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (broken && /part_ch05/.test(request.url())) return request.abort("failed");
    return request.continue();
  });
  await visit("chapter/5/", { parts: false });
  await until(page, () => /did not come/.test(document.querySelector("[data-part=ch05] [role=alert]")?.textContent ?? ""),
    "word of what is missing");
  const text = await page.evaluate(() => document.querySelector("#trick [data-passage]").textContent.length);
  assert.ok(text > 200, "the text reads on");
  broken = false;
  await page.evaluate(() => document.querySelector("[data-part=ch05] button").click());
  await until(page, () => document.querySelector("[data-part=ch05] #ch5-text") !== null, "the exhibit");
});
