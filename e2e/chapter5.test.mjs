// Chapter 5 as a reader meets it: its numbers against the twins', its state, its keys, its failures.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, until } from "./lib/book.mjs";
import { name as browserName } from "./lib/browser.mjs";

const oracle = JSON.parse(readFileSync(new URL("oracle/chapter5.json", import.meta.url), "utf8"));
const place = `layer=${oracle.layer}&head=${oracle.head}&cell=6.2`;
const labels = ["Q", "K", "V", "Q·K", "Score", "Weight", "Output"];

/** The first frame may wait for a model, a software GPU and its compiler. */
const live = (page) => until(page, () => !!document.querySelector("#ch5-cell [data-value]"), "an open cell", { timeout: 90_000 });

/** What the device computed for the open cell. */
const opened = (page) => page.evaluate(() => Number(document.querySelector("#ch5-cell [data-value]")?.dataset.value));

const chip = (page) => page.evaluate(() => document.querySelector(".exhibit .chip").textContent);

async function stage(page, label) {
  await page.evaluate((label) => {
    const choice = [...document.querySelectorAll(".segmented label")].find((l) => l.textContent.trim() === label);
    choice.querySelector("input").click();
  }, label);
}

async function type(page, text) {
  await page.evaluate((text) => {
    const input = document.getElementById("ch5-text");
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, text);
}

async function equalsTheOracle(page) {
  for (const [i, label] of labels.entries()) {
    await stage(page, label);
    const { cols, data } = oracle.stages[i];
    const right = data[6 * cols + 2];
    await until(
      page,
      (right) => Math.abs(Number(document.querySelector("#ch5-cell [data-value]")?.dataset.value) - right) <= 1e-3 + 1e-3 * Math.abs(right),
      `${label} at 6, 2 to be ${right}`,
      { argument: right, timeout: 10_000 },
    );
  }
}

for (const device of ["cpu", "gpu"]) {
  bookTest(`chapter 5 gives the twins' numbers on the ${device}`, { timeout: 240_000 }, async ({ page, visit }) => {
    await visit(`chapter/5/?device=${device}&${place}`);
    await live(page);
    assert.match(await chip(page), device === "cpu" ? /CPU/ : /GPU/);
    await equalsTheOracle(page);
  });
}

bookTest("chapter 5 lives under a longer path, chooses an executor and says which", { timeout: 240_000 }, async ({ page, visit }) => {
  await visit(`chapter/5/?${place}`, { site: "nested" });
  await live(page);
  assert.match(await chip(page), /live on your (GPU|CPU)/);
  assert.match(await page.evaluate(() => document.querySelector(".why").textContent), /probe|GPU/);
});

bookTest("without WebGPU chapter 5 runs on the CPU and says so", async ({ page, visit }) => {
  await page.evaluateOnNewDocument(() => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
  await visit(`chapter/5/?${place}`);
  await live(page);
  assert.match(await chip(page), /CPU/);
  assert.match(await page.evaluate(() => document.querySelector(".why").textContent), /CPU/);
  await equalsTheOracle(page);
});

bookTest("the address restores chapter 5, and follows it", async ({ page, visit }) => {
  await visit("chapter/5/?device=cpu&text=a+small+dog+sings&layer=2&head=3&scale=off&stage=score&cell=3.1&shuffle=7&edit=3.1.2.5");
  await live(page);
  assert.equal(await page.$eval("#ch5-text", (e) => e.value), "a small dog sings");
  assert.equal(await page.$eval("#ch5-layer", (e) => e.value), "2");
  assert.equal(await page.$eval("#ch5-head", (e) => e.value), "3");
  assert.equal(await opened(page), 2.5);
  await stage(page, "Weight");
  await type(page, "the dogs sing");
  await until(page, () => location.search.includes("text=the+dogs+sing") && !location.search.includes("edit="), "the address");
  assert.ok((await page.evaluate(() => location.search)).includes("device=cpu"), "what it does not know it leaves alone");
});

bookTest("a hostile address is clamped to something that runs", async ({ page, visit }) => {
  await visit("chapter/5/?device=cpu&layer=99&head=-4&scale=maybe&stage=%3Cscript%3E&cell=9e9.x&shuffle=1e400&edit=NaN.1.2&text=%00%F0%9F%99%82%20%D7%A9%D7%9C%D7%95%D7%9D");
  await until(page, () => !!document.querySelector(".heatmap canvas"), "a picture");
  assert.equal(await page.$eval("#ch5-layer", (e) => e.value), "3");
});

bookTest("chapter 5 is walked by keys alone", async ({ page, visit }) => {
  await visit(`chapter/5/?device=cpu&${place}`);
  await live(page);
  await page.focus(".heatmap-grid");
  await page.keyboard.press("ArrowLeft");
  await until(page, () => location.search.includes("cell=6.1"), "the cell to the left");
  await page.keyboard.press("ArrowUp");
  await until(page, () => location.search.includes("cell=5.1"), "the cell above");
  await page.focus("#ch5-head");
  await page.keyboard.press("ArrowRight");
  await until(page, () => location.search.includes("head=3"), "the next head");
});

bookTest("odd sentences are met with words or a picture", { timeout: 180_000 }, async ({ page, visit }) => {
  await visit("chapter/5/?device=cpu");
  await live(page);
  await type(page, "");
  await until(page, () => document.querySelector(".problem")?.textContent.includes("empty"), "a word about the empty sentence");
  for (const text of ["word ".repeat(20_000), "🙂👩‍👩‍👧 ناس שלום", "a\u0000b"]) {
    await type(page, text);
    await until(page, () => !document.querySelector(".problem") && !!document.querySelector("#ch5-cell [data-value]"), "a picture again");
  }
});

bookTest("a truncated model is refused in words", async ({ page, visit, watched }) => {
  watched.allow(/tiny-base/);
  await page.evaluateOnNewDocument(() => {
    const real = window.fetch;
    window.fetch = async (...args) => {
      const response = await real(...args);
      if (!String(args[0]?.url ?? args[0]).includes("tiny-base")) return response;
      return new Response((await response.arrayBuffer()).slice(0, 100_000));
    };
  });
  await visit("chapter/5/?device=cpu");
  await until(page, () => document.querySelector(".problem")?.textContent.includes("safetensors"), "a word about the file");
});

bookTest("a lost GPU is opened again, and nothing is lost", { timeout: 240_000 }, async ({ page, visit, watched }) => {
  watched.allow(/lost|destroyed|device/i);
  await page.evaluateOnNewDocument(() => {
    window.gpus = [];
    const real = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...args) {
      const device = await real.apply(this, args);
      window.gpus.push(device);
      return device;
    };
  });
  await visit(`chapter/5/?device=gpu&${place}&text=the+lion+sings`);
  await live(page);
  const before = await page.evaluate(() => window.gpus.length);
  await page.evaluate(() => window.gpus.at(-1).destroy());
  await until(page, () => new Promise((done) => setTimeout(() => done(true), 300)), "the loss to be known");
  await page.focus("#ch5-head");
  await page.keyboard.press("ArrowRight");
  await until(page, (before) => window.gpus.length > before, "another device", { argument: before });
  await live(page);
  await until(page, () => document.querySelector(".notices")?.textContent.includes("GPU was lost"), "a notice");
  assert.equal(await page.$eval("#ch5-text", (e) => e.value), "the lion sings");
  assert.equal(await page.evaluate(() => document.querySelector(".problem")?.textContent ?? ""), "");
});

for (const theme of ["light", "dark"]) {
  bookTest(`chapter 5 alive has no accessibility fault, ${theme}`, { theme, timeout: 180_000 }, async ({ page, visit }) => {
    await visit(`chapter/5/?device=cpu&${place}&shuffle=3`);
    await live(page);
    await page.evaluate(() => [...document.querySelectorAll(".actions .btn")].find((b) => b.textContent === "Inspect").click());
    await until(page, () => document.querySelectorAll(".work li").length > 4, "the kernels");
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  for (const [size, width] of [["wide", 1440], ["phone", 390]]) {
    bookTest(`chapter 5 is pictured, ${theme}, ${size}`, { theme, width, timeout: 180_000 }, async ({ page, visit }) => {
      await visit(`chapter/5/?device=cpu&${place}&shuffle=3`);
      await live(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing overflows");
      const folder = new URL("screenshots/", import.meta.url).pathname;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: `${folder}chapter5-live-${size}-${theme}-${browserName}.png`, fullPage: true });
    });
  }
}
