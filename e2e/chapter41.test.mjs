// Chapter 41 as a reader meets it: its numbers against those computed natively, its state, its keys, its odd inputs.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, until } from "./lib/book.mjs";
import { name as browserName } from "./lib/browser.mjs";

const oracle = JSON.parse(readFileSync(new URL("oracle/chapter41.json", import.meta.url), "utf8"));

/** Ten updates and six questions in 32 bits: another order of summing moves the last digits. */
const near = (is, right, what, by = 0.01) => assert.ok(Math.abs(is - right) <= by * (1 + Math.abs(right)), `${what}: ${is}, not ${right}`);

const text = (page, selector) => page.evaluate((selector) => document.querySelector(selector)?.textContent ?? "", selector);
const press = (page, selector) => page.evaluate((selector) => document.querySelector(selector).click(), selector);

/** The numbers of a table's rows, by the place of the row or its name. */
const rows = (page, table) =>
  page.evaluate((table) => [...document.querySelectorAll(`#${table} tbody tr`)].map((r) =>
    [r.querySelector("th").textContent, ...[...r.querySelectorAll("td")].map((td) => Number(td.dataset.value))]), table);
const number = async (page, table, name) => (await rows(page, table)).find((r) => r[0] === name)?.[1];

const set = (page, id, value, type = "input") => page.evaluate(([id, value, type]) => {
  const input = document.getElementById(id);
  input.value = value;
  input.dispatchEvent(new Event(type, { bubbles: true }));
}, [id, value, type]);

/** Trained, walked and looked at. */
async function train(page, steps, timeout = 200_000) {
  await until(page, () => document.querySelector("#ch41-train") && !document.querySelector("#ch41-train").disabled, "the button");
  await press(page, "#ch41-train");
  await until(page, (steps) => document.querySelector("#ch41-told").textContent.startsWith(`${steps} of ${steps} `) &&
    document.querySelectorAll("#ch41-field tbody tr").length === 225 &&
    [...document.querySelectorAll("#ch41-numbers th")].some((th) => th.textContent === "distance"), "the end of training", { argument: steps, timeout });
}

async function equalsTheOracle(page, right) {
  near(await number(page, "ch41-numbers", "loss"), right.loss, "loss", 0.002);
  near(await number(page, "ch41-numbers", "variety"), right.variety, "variety");
  if (right.class === null) near(await number(page, "ch41-numbers", "distance"), right.distance_any, "distance");
  for (const [i, [, x, y]] of (await rows(page, "ch41-points")).slice(0, 20).entries()) {
    near(x, right.points[2 * i], `x of point ${i}`, 0.02);
    near(y, right.points[2 * i + 1], `y of point ${i}`, 0.02);
  }
  for (const [i, [, , , x, y]] of (await rows(page, "ch41-field")).slice(0, 20).entries()) {
    near(x, right.homes[2 * i], `expected x at place ${i}`, 0.02);
    near(y, right.homes[2 * i + 1], `expected y at place ${i}`, 0.02);
  }
}

for (const right of oracle.cases) {
  bookTest(`chapter 41 trains and samples as it does natively on the cpu: ${right.query.split("&")[0]}`, { timeout: 240_000 }, async ({ page, visit }) => {
    await visit(`chapter/41/?device=cpu&${right.query}`);
    await train(page, 10);
    assert.match(await text(page, ".exhibit .chip"), /CPU/);
    assert.match(await text(page, ".why"), /CPU/);
    await equalsTheOracle(page, right);
  });
}

bookTest("chapter 41 trains and samples as it does natively on the gpu", { timeout: 400_000 }, async ({ page, visit }) => {
  await visit(`chapter/41/?device=gpu&${oracle.cases[0].query}`);
  await train(page, 10, 380_000);
  assert.match(await text(page, ".exhibit .chip"), /GPU/);
  await equalsTheOracle(page, oracle.cases[0]);
});

bookTest("chapter 41 ruins points by levels, steps, and starts over", { timeout: 200_000 }, async ({ page, visit }) => {
  const right = oracle.cases[0];
  await visit(`chapter/41/?device=cpu&${right.query}`, { site: "nested" });
  // Position 20 of 40 is level 499 of 1000.
  await set(page, "ch41-time", "20");
  await until(page, () => document.querySelectorAll("#ch41-points tbody tr").length === 40, "points");
  for (const [i, [, x, y]] of (await rows(page, "ch41-points")).slice(0, 10).entries()) {
    near(x, right.noised[2 * i], `x of ruined point ${i}`, 1e-3);
    near(y, right.noised[2 * i + 1], `y of ruined point ${i}`, 1e-3);
  }
  await press(page, "#ch41-step");
  await until(page, () => document.querySelector("#ch41-told").textContent.startsWith("1 of 10") && document.querySelectorAll("#ch41-field tbody tr").length === 225, "one step", { timeout: 60_000 });
  await set(page, "ch41-time", "0");
  await until(page, () => document.querySelector("#ch41-level").textContent.startsWith("time 0.999"), "the start of the walk");
  await press(page, "#ch41-reset");
  await until(page, () => document.querySelector("#ch41-told").textContent.startsWith("Not trained"), "the start");
});

bookTest("chapter 41 sweeps over steps", { timeout: 240_000 }, async ({ page, visit }) => {
  const right = oracle.cases[0];
  await visit(`chapter/41/?device=cpu&${right.query}`);
  await train(page, 10);
  await press(page, "#ch41-sweep-step");
  await until(page, () => document.querySelectorAll("#ch41-sweep-table tbody tr").length === 1, "a walk");
  await press(page, "#ch41-sweep");
  await until(page, () => document.querySelectorAll("#ch41-sweep-table tbody tr").length >= 10, "ten walks", { timeout: 120_000 });
  await press(page, "#ch41-sweep");
  await until(page, () => document.querySelector("#ch41-sweep").textContent === "Run", "rest");
  const found = await rows(page, "ch41-sweep-table");
  assert.deepEqual(found.slice(0, 6).map((r) => r[1]), [1, 1, 1, 1, 2, 2], "questions");
  // With one step no sampler has a choice.
  for (const r of found.slice(1, 4)) near(r[2], found[0][2], r[0], 1e-4);
});

bookTest("a reader draws in chapter 41, by pointer and by keys", { timeout: 200_000 }, async ({ page, visit }) => {
  await visit("chapter/41/?device=cpu&data=yours&training=5");
  await until(page, () => document.querySelector("#ch41-pad") !== null, "the pad");
  await press(page, "#ch41-clear");
  await until(page, () => /empty/.test(document.querySelector(".exhibit .problem")?.textContent ?? ""), "a word about the empty drawing");
  await page.focus("#ch41-pad");
  await page.keyboard.press(" ");
  for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press(" ");
  await until(page, () => document.querySelector("#ch41-pad").parentElement.querySelector("output").textContent.startsWith("1 strokes"), "a stroke by keys");
  const box = await page.evaluate(() => { const pad = document.querySelector("#ch41-pad"); pad.scrollIntoView({ block: "center" }); const r = pad.getBoundingClientRect(); return { x: r.x, y: r.y, width: r.width, height: r.height }; });
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
  await page.mouse.down();
  for (let i = 1; i < 8; i++) await page.mouse.move(box.x + box.width * (0.3 + 0.05 * i), box.y + box.height * (0.3 + 0.03 * i));
  await page.mouse.up();
  await until(page, () => document.querySelector("#ch41-pad").parentElement.querySelector("output").textContent.startsWith("2 strokes"), "a stroke by pointer");
  await until(page, () => location.search.includes("drawing=") && location.search.includes("data=yours"), "the drawing in the address");
  await train(page, 5);
  assert.ok((await number(page, "ch41-numbers", "distance")) > 0);
});

bookTest("chapter 41 draws pictures as it does natively, and knows its words", { timeout: 300_000 }, async ({ page, visit }) => {
  const { query, pixels, words } = oracle.pictures;
  await visit(`chapter/41/?device=cpu&${query}`);
  await press(page, "#ch41-draw");
  await until(page, () => document.querySelector("#ch41-drawn").textContent.startsWith("Question 4 of 4"), "the pictures", { timeout: 120_000 });
  const found = await rows(page, "ch41-pixels");
  assert.equal(found.length, pixels.length);
  for (const [i, rgb] of pixels.entries()) for (const c of [0, 1, 2]) near(found[i][1 + c], rgb[c], `pixel ${found[i][0]}, plane ${c}`, 0.02);
  for (const [i, right] of words.entries()) near((await rows(page, "ch41-word-table"))[i][1], right, `word ${i}`, 0.01);
  assert.equal(await page.evaluate(() => document.querySelectorAll("#ch41-words li").length), 5);

  await set(page, "ch41-prompt", "a large red dragon");
  await until(page, () => /dragon/.test(document.querySelector("#ch41-unknown")?.textContent ?? ""), "a word about the unknown word");
  await set(page, "ch41-prompt", "a small blue cross ".repeat(9));
  await until(page, () => /tokens/.test(document.querySelector("#ch41-unknown")?.textContent ?? ""), "a word about the length");
  await set(page, "ch41-prompt", "A small BLUE cross");
  await until(page, () => !document.querySelector("#ch41-unknown") && document.querySelectorAll("#ch41-words li span")[2]?.textContent === "blue", "another picture", { timeout: 120_000 });
  await set(page, "ch41-picture-time", "0");
  await until(page, () => document.querySelector("#ch41-drawn").textContent.startsWith("Question 1 of 4"), "the first question");
});

bookTest("the address restores chapter 41, and follows it; a hostile one is clamped", { timeout: 180_000 }, async ({ page, visit }) => {
  await visit("chapter/41/?device=cpu&data=hills&path=straight&target=flow&training=7&seed=5&sampler=heun&steps=9&class=square&guidance=2.5&prompt=a+small+black+cross&psteps=6&pguidance=1&pseed=8");
  const value = (id) => page.evaluate((id) => document.getElementById(id).value, id);
  for (const [id, right] of Object.entries({ "ch41-seed": "5", "ch41-steps": "9", "ch41-guidance": "2.5", "ch41-prompt": "a small black cross", "ch41-picture-steps": "6", "ch41-picture-seed": "8" })) {
    assert.equal(await value(id), right, id);
  }
  await set(page, "ch41-steps", "33");
  await until(page, () => location.search.includes("steps=33") && location.search.includes("device=cpu"), "the address");
  await visit("chapter/41/?device=cpu&data=%3Cscript%3E&drawing=..%3C%3E&training=1e99&seed=-4&sampler=best&steps=NaN&class=9&guidance=-5&prompt=%00%F0%9F%99%82&psteps=0");
  assert.equal(await value("ch41-steps"), "20");
  assert.equal(await value("ch41-training"), "3000");
  assert.equal(await value("ch41-picture-steps"), "1");
  await until(page, () => document.querySelector("#ch41-unknown") !== null, "a word about the odd prompt");
});

bookTest("a truncated painter is refused in words by chapter 41", async ({ page, visit, watched }) => {
  watched.allow(/tiny-diffusion/);
  await page.evaluateOnNewDocument(() => {
    const real = window.fetch;
    window.fetch = async (...args) => {
      const response = await real(...args);
      if (!String(args[0]?.url ?? args[0]).includes("tiny-diffusion")) return response;
      return new Response((await response.arrayBuffer()).slice(0, 100_000));
    };
  });
  await visit("chapter/41/?device=cpu");
  await press(page, "#ch41-draw");
  await until(page, () => [...document.querySelectorAll(".problem")].some((p) => p.textContent.includes("safetensors")), "a word about the file");
});

for (const theme of ["light", "dark"]) {
  bookTest(`chapter 41 alive has no accessibility fault, ${theme}`, { theme, timeout: 240_000 }, async ({ page, visit }) => {
    await visit("chapter/41/?device=cpu&data=yours&training=20&psteps=3&class=round");
    await train(page, 20);
    await press(page, "#ch41-sweep-step");
    await press(page, "#ch41-draw");
    await until(page, () => document.querySelector("#ch41-drawn").textContent.startsWith("Question 3 of 3"), "the pictures", { timeout: 120_000 });
    await page.evaluate(() => document.querySelectorAll(".exhibit details").forEach((d) => { d.open = true; }));
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  for (const [size, width] of [["wide", 1440], ["phone", 390]]) {
    bookTest(`chapter 41 is pictured, ${theme}, ${size}`, { theme, width, timeout: 400_000 }, async ({ page, visit }) => {
      const steps = theme === "light" && size === "wide" ? 600 : 150;
      await visit(`chapter/41/?device=cpu&training=${steps}&data=${size === "phone" ? "yours" : "moons"}`);
      await train(page, steps, 300_000);
      await press(page, "#ch41-draw");
      await until(page, () => document.querySelector("#ch41-drawn").textContent.startsWith("Question 20 of 20"), "the pictures", { timeout: 200_000 });
      if (steps === 600) {
        await press(page, "#ch41-sweep");
        await until(page, () => document.querySelectorAll("#ch41-sweep-table tbody tr").length === 40, "the sweep", { timeout: 200_000 });
      }
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing overflows");
      const folder = new URL("screenshots/", import.meta.url).pathname;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: `${folder}chapter41-live-${size}-${theme}-${browserName}.png`, fullPage: true });
    });
  }
}
