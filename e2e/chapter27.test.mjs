// Chapter 27 as a reader meets it: its numbers against those computed natively, its state, its keys, its odd inputs.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, until } from "./lib/book.mjs";
import { name as browserName } from "./lib/browser.mjs";

const oracle = JSON.parse(readFileSync(new URL("oracle/chapter27.json", import.meta.url), "utf8"));

/** Another order of summing, in 32 bits, and levels that a last digit may tip. */
const near = (is, right, what) => assert.ok(Math.abs(is - right) <= 1e-4 + 2e-3 * Math.abs(right), `${what}: ${is}, not ${right}`);

/** The first frame may wait for a model and for a software GPU. */
const measured = (page, scheme, timeout = 100_000) =>
  until(page, (scheme) => {
    const first = document.querySelector("#ch27-origin tbody td")?.textContent;
    return first && (!scheme || first.startsWith(scheme)) && document.querySelector(".progress span").textContent.startsWith("All numbers");
  }, `numbers of ${scheme ?? "the scheme"}`, { argument: scheme, timeout });

/** A row of a table of the exhibit, by its name. */
const row = (page, table, name) =>
  page.evaluate(([table, name]) => {
    const row = [...document.querySelectorAll(`#${table} tbody tr`)].find((r) => r.querySelector("th").textContent === name);
    return row && [...row.querySelectorAll("td")].map((td) => Number(td.dataset.value));
  }, [table, name]);

const text = (page, selector) => page.evaluate((selector) => document.querySelector(selector)?.textContent ?? "", selector);

const press = (page, selector) => page.evaluate((selector) => document.querySelector(selector).click(), selector);

async function type(page, text) {
  await page.evaluate((text) => {
    const input = document.getElementById("ch27-text");
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, text);
}

async function equalsTheOracle(page, right) {
  for (const [name, value] of [["bits a weight", right.bits_per_weight], ["bytes", right.bytes], ["perplexity", right.perplexity], ["KL", right.kl]]) {
    near((await row(page, "ch27-origin", name))[0], value, name);
  }
  for (const [token, whole, rounded] of right.next.slice(0, 4)) {
    const [is, was] = await row(page, "ch27-next", token);
    near(is, whole, `${token} with 16 bits`);
    assert.ok(Math.abs(was - rounded) < 5e-3, `${token} rounded: ${was}, not ${rounded}`);
  }
}

for (const right of oracle.schemes) {
  bookTest(`chapter 27 gives the native numbers of ${right.query} on the cpu`, { timeout: 240_000 }, async ({ page, visit }) => {
    await visit(`chapter/27/?device=cpu&${right.query}&column=${oracle.column}`);
    await measured(page);
    assert.match(await text(page, ".exhibit .chip"), /CPU/);
    assert.match(await text(page, ".why"), /CPU/);
    await equalsTheOracle(page, right);
    assert.equal(await page.evaluate(() => document.querySelectorAll("#ch27-levels tbody tr").length), right.levels);
  });
}

bookTest("chapter 27 gives the native numbers on the gpu", { timeout: 400_000 }, async ({ page, visit }) => {
  const right = oracle.schemes[0];
  await visit(`chapter/27/?device=gpu&${right.query}`);
  await measured(page, undefined, 380_000);
  assert.match(await text(page, ".exhibit .chip"), /GPU/);
  await equalsTheOracle(page, right);
});

bookTest("chapter 27 lives under a longer path and sweeps by steps, on, and over", { timeout: 240_000 }, async ({ page, visit }) => {
  await visit("chapter/27/?device=cpu", { site: "nested" });
  await measured(page);
  for (const [at, right] of oracle.sweep.entries()) {
    await press(page, "#ch27-sweep-step");
    await until(page, (count) => document.querySelectorAll("#ch27-cliff tbody tr").length === count, `scheme ${at + 1}`, { argument: at + 1 });
    near((await row(page, "ch27-cliff", right.scheme))[2], right.perplexity, right.scheme);
    await until(page, () => !document.querySelector("#ch27-sweep-step").disabled && document.querySelector("#ch27-sweep").textContent === "Run", "rest");
  }
  await press(page, "#ch27-sweep");
  await until(page, () => document.querySelectorAll("#ch27-cliff tbody tr").length >= 5, "more schemes");
  // What the reader sets goes before the sweep, which goes on.
  await page.focus("#ch27-bits");
  await page.keyboard.press("ArrowLeft");
  await measured(page, "int3/tensor");
  const found = await page.evaluate(() => document.querySelectorAll("#ch27-cliff tbody tr").length);
  await until(page, (found) => document.querySelectorAll("#ch27-cliff tbody tr").length > found, "the sweep to go on", { argument: found });
  await press(page, "#ch27-sweep");
  await until(page, () => document.querySelector("#ch27-sweep").textContent === "Run", "the sweep to stop");
});

bookTest("chapter 27 trains with the rounding, as it does natively, and can be stopped", { timeout: 300_000 }, async ({ page, visit }) => {
  const { seed, steps, loss, losses } = oracle.training;
  await visit(`chapter/27/?device=cpu&format=int2/group32&steps=${steps}&seed=${seed}`);
  await measured(page);
  await press(page, "#ch27-train");
  await until(page, () => document.querySelector("#ch27-train").textContent === "Train" && document.querySelectorAll("#ch27-curve tbody tr").length === 3, "the end of training", { timeout: 200_000 });
  assert.match(await text(page, "#ch27-trained-told"), /int2\/group32, seed 1: 2 of 2 steps/);
  const first = await row(page, "ch27-curve", "0");
  const [aware, unaware] = await row(page, "ch27-curve", "2");
  near(first[0], (await row(page, "ch27-origin", "perplexity"))[0], "before training");
  // Two updates with rounding in between let last digits grow.
  assert.ok(Math.abs(Math.log(aware) - loss) < 0.03, `${Math.log(aware)}, not ${loss}`);
  assert.ok(aware < unaware && aware < first[0], `${aware}, ${unaware}, ${first}`);
  assert.ok(losses.every(Number.isFinite));

  await page.evaluate(() => {
    const steps = document.getElementById("ch27-steps");
    steps.value = 40;
    steps.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await press(page, "#ch27-train");
  await until(page, () => /: [1-9]\d* of 40/.test(document.querySelector("#ch27-trained-told").textContent), "steps");
  await press(page, "#ch27-train");
  await until(page, () => document.querySelector("#ch27-train").textContent === "Train", "the stop");
});

bookTest("chapter 27 measures what it buys and names the device", { timeout: 200_000 }, async ({ page, visit }) => {
  await visit("chapter/27/?device=cpu&format=int4/group32");
  await measured(page);
  await press(page, "#ch27-measure");
  await until(page, () => document.querySelector("#ch27-measure").textContent === "Measure" && document.querySelectorAll("#ch27-bought tbody tr").length === 2, "speeds", { timeout: 120_000 });
  const [whole, four] = [await row(page, "ch27-bought", "32-bit floats"), await row(page, "ch27-bought", "int4/group32")];
  assert.ok(four[0] * 3 < whole[0], `${four[0]} bytes of ${whole[0]}`);
  assert.ok([...whole, ...four].every((x) => x > 0), `${whole} ${four}`);
  near(four[2], 1e3 / four[1], "tokens a second");
  near(four[4], 128e3 / four[3], "tokens a second, of 128");
  assert.match(await text(page, "#ch27-device"), /Measured on the CPU/);
  await press(page, "#ch27-inspect");
  await until(page, () => document.querySelectorAll("#ch27-kernels li").length === 4, "the kernels");
});

bookTest("the address restores chapter 27, and follows it", { timeout: 180_000 }, async ({ page, visit }) => {
  await visit("chapter/27/?device=cpu&format=uint3/group64&keep=inputs&block=2&embedding=on&matrix=block2.attention.out&column=12&text=a+small+dog&train=ternary&steps=7&seed=5");
  await measured(page, "uint3/group64, 2 inputs kept, embedding too, block 2 only");
  const value = (id) => page.evaluate((id) => document.getElementById(id).value, id);
  assert.equal(await value("ch27-text"), "a small dog");
  assert.equal(await value("ch27-matrix"), "block2.attention.out");
  assert.equal(await value("ch27-column"), "12");
  assert.equal(await value("ch27-steps"), "7");
  assert.equal(await value("ch27-seed"), "5");
  await page.focus("#ch27-bits");
  await page.keyboard.press("ArrowRight");
  await until(page, () => location.search.includes("format=uint4%2Fgroup64") && location.search.includes("device=cpu"), "the address");
  await measured(page, "uint4/group64");
  await type(page, "the dogs sing");
  await until(page, () => location.search.includes("text=the+dogs+sing"), "the text in the address");
});

bookTest("a hostile address of chapter 27 is clamped to something that runs", { timeout: 180_000 }, async ({ page, visit }) => {
  await visit("chapter/27/?device=cpu&format=int99%2Fchannel&keep=%3Cscript%3E&block=1e9&embedding=maybe&matrix=../../x&column=-1e400&text=%00%F0%9F%99%82%20%D7%A9%D7%9C%D7%95%D7%9D&train=0bits&steps=NaN&seed=99999999999");
  await measured(page, "16-bit floats");
  assert.equal(await page.evaluate(() => document.getElementById("ch27-matrix").value), "block1.feed_forward.up");
  assert.equal(await page.evaluate(() => document.getElementById("ch27-steps").value), "20");
  await visit("chapter/27/?device=cpu&format=int4%2Fgroup7&block=99&column=9999&steps=1e9");
  await measured(page, "int4/tensor");
  assert.equal(await page.evaluate(() => document.getElementById("ch27-steps").value), "40");
});

bookTest("odd texts of chapter 27 are met with words or numbers", { timeout: 240_000 }, async ({ page, visit }) => {
  await visit("chapter/27/?device=cpu");
  await measured(page);
  await type(page, "  ");
  await until(page, () => [...document.querySelectorAll(".problem")].some((p) => !p.hidden && p.textContent.includes("empty")), "a word about the empty text");
  for (const text of ["word ".repeat(20_000), "🙂👩‍👩‍👧 ناس שלום", "a\u0000b"]) {
    await type(page, text);
    await measured(page);
    await until(page, () => [...document.querySelectorAll(".problem")].every((p) => p.hidden) && document.querySelectorAll("#ch27-next tbody tr").length === 8, "a prediction");
  }
});

bookTest("a truncated model is refused in words by chapter 27", async ({ page, visit, watched }) => {
  watched.allow(/tiny-base/);
  await page.evaluateOnNewDocument(() => {
    const real = window.fetch;
    window.fetch = async (...args) => {
      const response = await real(...args);
      if (!String(args[0]?.url ?? args[0]).includes("tiny-base")) return response;
      return new Response((await response.arrayBuffer()).slice(0, 100_000));
    };
  });
  await visit("chapter/27/?device=cpu");
  await until(page, () => document.querySelector(".problem:not([hidden])")?.textContent.includes("safetensors"), "a word about the file");
});

for (const theme of ["light", "dark"]) {
  bookTest(`chapter 27 alive has no accessibility fault, ${theme}`, { theme, timeout: 240_000 }, async ({ page, visit }) => {
    await visit("chapter/27/?device=cpu&format=int3/group32&keep=share");
    await measured(page);
    await press(page, "#ch27-inspect");
    await until(page, () => document.querySelectorAll("#ch27-kernels li").length === 4, "the kernels");
    await press(page, "#ch27-sweep");
    await until(page, () => document.querySelectorAll("#ch27-cliff tbody tr").length >= 3, "some schemes");
    await press(page, "#ch27-sweep");
    await page.evaluate(() => document.querySelectorAll(".exhibit details").forEach((d) => { d.open = true; }));
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  for (const [size, width] of [["wide", 1440], ["phone", 390]]) {
    bookTest(`chapter 27 is pictured, ${theme}, ${size}`, { theme, width, timeout: 300_000 }, async ({ page, visit }) => {
      await visit("chapter/27/?device=cpu&format=int3/tensor&keep=share&steps=2");
      await measured(page);
      if (theme === "light" && size === "wide") {
        await press(page, "#ch27-sweep");
        await until(page, () => document.querySelectorAll("#ch27-cliff tbody tr").length === document.querySelector("progress[max='31']")?.max, "the whole sweep", { timeout: 200_000 });
        await press(page, "#ch27-train");
        await until(page, () => document.querySelectorAll("#ch27-curve tbody tr").length === 3, "training", { timeout: 60_000 });
      }
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing overflows");
      const folder = new URL("screenshots/", import.meta.url).pathname;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: `${folder}chapter27-live-${size}-${theme}-${browserName}.png`, fullPage: true });
    });
  }
}
