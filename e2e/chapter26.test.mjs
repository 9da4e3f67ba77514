// Chapter 26 as a reader meets it: a frame against the machine's own numbers, the measurement, its state and keys.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, until } from "./lib/book.mjs";
import { name as browserName } from "./lib/browser.mjs";

const oracle = JSON.parse(readFileSync(new URL("oracle/chapter26.json", import.meta.url), "utf8"));
const place = `frame=${oracle.frame}&row=2`;

/** The opened row is there as soon as the program is: nothing is fetched for it. */
const live = (page) => until(page, () => !!document.querySelector("#ch26-cell [data-name=new_l]"), "an open row");

/** A named number of the exhibit. */
const named = (page, name) => page.evaluate((name) => Number(document.querySelector(`[data-name="${name}"]`)?.dataset.value), name);

const near = (a, b, what) => assert.ok(Math.abs(a - b) <= 1e-5 * (1 + Math.abs(b)), `${what}: ${a}, and ${b} is right`);

const visits = (page) => page.evaluate(() => document.querySelector('output[for="ch26-frame"]').textContent);

const press = (page, id) => page.evaluate((id) => document.getElementById(id).click(), id);

/** Measures, and waits for the end. */
async function measure(page) {
  await press(page, "ch26-measure");
  await until(page, () => document.getElementById("ch26-state").dataset.phase === "done", "the measurement", { timeout: 200_000 });
}

bookTest("a frame of chapter 26 is the machine's", async ({ page, visit }) => {
  await visit(`chapter/26/?device=cpu&${place}`);
  await live(page);
  assert.equal(await visits(page), `${oracle.frame} of ${oracle.frames}`);
  for (const [r, state] of oracle.states.entries()) {
    await page.evaluate((r) => document.querySelectorAll("#ch26-rows button")[r].click(), r);
    await until(page, (row) => document.querySelector("#ch26-cell b").textContent === `query ${row}`, `query ${state.row}`, { argument: state.row });
    for (const name of ["old_m", "new_m", "repair", "old_l", "repaired", "arrived", "new_l"]) {
      near(await named(page, name), state[name], `${name} of query ${state.row}`);
    }
  }
  for (const way of ["naive", "tiled"]) {
    for (const what of ["moved", "held"]) assert.equal(await named(page, `${way}-${what}`), oracle[way][what]);
  }
  const scores = await page.evaluate(() => [...document.querySelectorAll("#ch26-scores td[data-value]")].map((td) => Number(td.dataset.value)));
  const right = oracle.scores.filter((s) => s !== null);
  assert.equal(scores.length, right.length);
  scores.forEach((score, i) => near(score, right[i], `score ${i}`));
});

for (const device of ["cpu", "gpu"]) {
  bookTest(`chapter 26 measures a difference that is rounding and not zero on the ${device}`, { timeout: 240_000 }, async ({ page, visit }) => {
    await visit(`chapter/26/?device=${device}&length=6&width=4&heads=1&backward=on`);
    await live(page);
    await measure(page);
    const rows = await page.evaluate(() =>
      [...document.querySelectorAll("#ch26-table tbody tr")].map((tr) => ({
        way: tr.dataset.way,
        held: Number(tr.querySelector("[data-held]").dataset.held),
        difference: tr.querySelector("[data-difference]")?.dataset.difference,
      })));
    assert.equal(rows.length, device === "cpu" ? 2 : 4);
    assert.equal(rows[0].way, "naive");
    for (const row of rows.slice(1)) {
      const difference = Number(row.difference);
      assert.ok(difference > 0 && difference <= oracle.tolerance, `${row.way} differs by ${row.difference}`);
      if (row.way !== "fused, for decoding") assert.ok(row.held < rows[0].held, `${row.way} holds ${row.held}, naive ${rows[0].held}`);
    }
    const chip = await page.evaluate(() => [...document.querySelectorAll(".exhibit .chip")].at(-1).textContent);
    assert.match(chip, device === "cpu" ? /CPU/ : /GPU/);
    await page.evaluate(() => [...document.querySelectorAll(".actions .btn")].find((b) => b.textContent === "Inspect").click());
    await until(page, () => !document.getElementById("ch26-kernels").hidden, "the kernels");
    const text = await page.evaluate(() => document.getElementById("ch26-kernels").textContent);
    if (device === "gpu") assert.match(text, /attention_tiled\.wgsl.*online softmax/s);
    else assert.match(text, /No GPU runs here/);
  });
}

bookTest("without WebGPU chapter 26 measures on the CPU, cuts N, and says both", { timeout: 240_000 }, async ({ page, visit }) => {
  await page.evaluateOnNewDocument(() => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
  await visit("chapter/26/?length=11&width=7&heads=8", { site: "nested" });
  await live(page);
  await measure(page);
  assert.match(await page.evaluate(() => document.getElementById("ch26-state").textContent), /N was cut to \d+: on one thread/);
  assert.match(await page.evaluate(() => [...document.querySelectorAll(".why")].at(-1).textContent), /CPU/);
});

bookTest("a measurement of chapter 26 can be stopped and started again", { timeout: 240_000 }, async ({ page, visit }) => {
  await visit("chapter/26/?device=cpu&length=6");
  await live(page);
  await page.evaluate(() => {
    document.getElementById("ch26-measure").click();
    return new Promise((done) => setTimeout(() => (document.getElementById("ch26-measure").click(), done()), 0));
  });
  await until(page, () => document.getElementById("ch26-state").dataset.phase === "stopped", "a stop");
  await measure(page);
  assert.equal(await page.evaluate(() => document.querySelectorAll("#ch26-table tbody tr").length), 2);
});

bookTest("the address restores chapter 26, and follows it", async ({ page, visit }) => {
  await visit("chapter/26/?device=cpu&n=48&d=4&rows=16&cols=12&seed=7&causal=off&frame=3&row=5&length=9&heads=3&backward=on");
  await live(page);
  const value = (id) => page.evaluate((id) => document.getElementById(id).value, id);
  for (const [id, right] of [["ch26-n", "48"], ["ch26-d", "4"], ["ch26-rows-of-tile", "16"], ["ch26-cols-of-tile", "12"], ["ch26-seed", "7"], ["ch26-frame", "3"], ["ch26-length", "9"], ["ch26-heads", "3"]]) {
    assert.equal(await value(id), right, id);
  }
  assert.equal(await visits(page), "3 of 12");
  assert.equal(await page.evaluate(() => document.querySelector("#ch26-cell b").textContent), "query 5");
  await press(page, "ch26-step");
  await until(page, () => location.search.includes("frame=4") && location.search.includes("device=cpu"), "the address");
});

bookTest("a hostile address of chapter 26 is clamped", async ({ page, visit }) => {
  await visit("chapter/26/?device=cpu&n=1e9&d=-3&rows=NaN&cols=99999&seed=%3Cscript%3E&frame=888888&row=99999&length=1e300&width=-1&heads=0&causal=maybe");
  await live(page);
  assert.match(await visits(page), /^(\d+) of \1$/);
  const value = (id) => page.evaluate((id) => document.getElementById(id).value, id);
  for (const [id, right] of [["ch26-n", "64"], ["ch26-d", "2"], ["ch26-rows-of-tile", "8"], ["ch26-cols-of-tile", "32"], ["ch26-length", "11"], ["ch26-width", "4"], ["ch26-heads", "1"]]) {
    assert.equal(await value(id), right, id);
  }
});

bookTest("chapter 26 is walked by keys alone, runs and pauses, and starts at rest", async ({ page, visit }) => {
  await visit(`chapter/26/?device=cpu&${place}`);
  await live(page);
  await new Promise((done) => setTimeout(done, 1200));
  assert.equal(await visits(page), `${oracle.frame} of ${oracle.frames}`, "nothing moves on its own");
  await page.focus("#ch26-back");
  await page.keyboard.press("Enter");
  await until(page, () => location.search.includes("frame=8"), "a step back");
  await page.focus("#ch26-frame");
  await page.keyboard.press("Home");
  await until(page, () => document.getElementById("ch26-cell").textContent.includes("Nothing has come by"), "the beginning");
  await page.focus("#ch26-run");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector('output[for="ch26-frame"]').textContent.startsWith("2 "), "two visits by themselves");
  await page.keyboard.press("Enter");
  const stood = await visits(page);
  await new Promise((done) => setTimeout(done, 1200));
  assert.equal(await visits(page), stood, "paused");
});

for (const theme of ["light", "dark"]) {
  bookTest(`chapter 26 alive has no accessibility fault, ${theme}`, { theme, timeout: 240_000 }, async ({ page, visit }) => {
    await visit(`chapter/26/?device=cpu&${place}&length=5`);
    await live(page);
    await measure(page);
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  for (const [size, width] of [["wide", 1440], ["phone", 390]]) {
    bookTest(`chapter 26 is pictured, ${theme}, ${size}`, { theme, width, timeout: 240_000 }, async ({ page, visit }) => {
      await visit(`chapter/26/?device=cpu&${place}&length=6`);
      await live(page);
      await measure(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing overflows");
      const folder = new URL("screenshots/", import.meta.url).pathname;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: `${folder}chapter26-live-${size}-${theme}-${browserName}.png`, fullPage: true });
    });
  }
}
