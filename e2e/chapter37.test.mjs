// Chapter 37 as a reader meets it: its numbers against the twins', pictures of every kind, its state, its keys, its failures.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, until } from "./lib/book.mjs";
import { name as browserName } from "./lib/browser.mjs";

const oracle = JSON.parse(readFileSync(new URL("oracle/chapter37.json", import.meta.url), "utf8"));
const SIDE = 32;

/** The address of the oracle's question with squares of that side. */
function place({ patch, square }) {
  const grid = SIDE / patch;
  const pixel = (at) => at * patch + Math.floor(patch / 2);
  const at = `${pixel(Math.floor(square / grid))}.${pixel(square % grid)}`;
  return `scene=${oracle.seed}&patch=${Math.log2(patch)}&layer=${oracle.layer + 1}&head=${oracle.head + 1}&at=${at}&number=${oracle.component}`;
}

const trained = oracle.passes.find((pass) => pass.patch === 4);

/** The first frame may wait for a model, a software GPU and its compiler. */
const live = (page) => until(page, () => !!document.querySelector("#ch37-cell [data-value]"), "an open number", { timeout: 90_000 });

const opened = (page) => page.evaluate(() => Number(document.querySelector("#ch37-cell [data-value]")?.dataset.value));
const chip = (page) => page.evaluate(() => document.querySelector(".exhibit .chip").textContent);

/** The numbers under one of the pictures, as they are written there. */
async function numbers(page, id) {
  await page.evaluate((id) => {
    const details = document.getElementById(id).closest("figure").querySelector("details");
    if (!details.open) details.querySelector("summary").click();
  }, id);
  await until(page, (id) => document.getElementById(id).closest("figure").querySelectorAll("td").length > 1, `the numbers of ${id}`, { argument: id });
  const texts = await page.evaluate((id) => [...document.getElementById(id).closest("figure").querySelectorAll("tbody td")].map((cell) => cell.textContent), id);
  return texts.map((text) => Number(text.replaceAll("\u2212", "-").replaceAll("\u202f", "")));
}

/** Colours of the squares, each red, green and blue. */
async function colours(page) {
  await numbers(page, "ch37-picture");
  const texts = await page.evaluate(() => [...document.getElementById("ch37-picture").closest("figure").querySelectorAll("tbody td")].map((cell) => cell.textContent));
  return texts.map((text) => text.split(" ").map(Number));
}

function near(found, right, what) {
  assert.equal(found.length, right.length, what);
  for (const [i, x] of right.entries()) {
    // Three significant digits are written, and a GPU sums in another order.
    assert.ok(Math.abs(found[i] - x) <= 1e-3 + 0.01 * Math.abs(x), `${what}, square ${i}: ${found[i]} for ${x}`);
  }
}

async function equalsTheOracle(page, pass) {
  assert.ok(Math.abs(await opened(page) - pass.opened) <= 1e-3, `${await opened(page)} for ${pass.opened}`);
  near(await numbers(page, "ch37-attention"), pass.attention.slice(1), "attention");
  near(await numbers(page, "ch37-rollout"), pass.rollout.slice(1), "rollout");
  near(await numbers(page, "ch37-positions"), pass.positions, "likeness of positions");
  for (const { list } of pass.answers) {
    const [word, share] = list.reduce((a, b) => (b[1] > a[1] ? b : a));
    const found = await page.evaluate((word) => Number(document.querySelector(`#ch37-answers [data-answer="${word}"]`)?.dataset.share), word);
    assert.ok(Math.abs(found - share) <= 2e-3, `${word}: ${found} for ${share}`);
  }
}

for (const device of ["cpu", "gpu"]) {
  bookTest(`chapter 37 gives the twins' numbers on the ${device}`, { timeout: 300_000 }, async ({ page, visit }) => {
    await visit(`chapter/37/?device=${device}&${place(trained)}`);
    await live(page);
    assert.match(await chip(page), device === "cpu" ? /CPU/ : /GPU/);
    await equalsTheOracle(page, trained);
    assert.match(await page.evaluate(() => document.getElementById("ch37-about").textContent.toLowerCase()), new RegExp(`^${oracle.caption}`));
  });
}

bookTest("squares of every size are counted, and only those of 4 pixels claim to be trained", { timeout: 240_000 }, async ({ page, visit }) => {
  for (const pass of oracle.passes) {
    await visit(`chapter/37/?device=cpu&${place(pass)}`);
    await live(page);
    await equalsTheOracle(page, pass);
    const row = await page.evaluate((patch) => {
      const row = document.querySelector(`#ch37-costs [data-patch="${patch}"]`);
      const of = (name) => Number(row.querySelector(`[data-${name}]`).dataset[name]);
      return [of("tokens"), of("pairs"), of("each"), row.classList.contains("chosen")];
    }, pass.patch);
    assert.deepEqual(row, [pass.tokens, pass.pairs, pass.each, true]);
    const said = await page.evaluate(() => document.getElementById("ch37-trained").textContent);
    assert.match(said, pass.patch === 4 ? /was trained/ : /untrained/);
  }
});

bookTest("times are measured on request", { timeout: 240_000 }, async ({ page, visit }) => {
  await visit(`chapter/37/?device=cpu&${place(trained)}`);
  await live(page);
  assert.equal(await page.evaluate(() => document.querySelectorAll("#ch37-costs [data-ms]").length), 0);
  await page.evaluate(() => document.getElementById("ch37-measure").click());
  await until(page, () => document.querySelectorAll("#ch37-costs [data-ms]").length === 4, "four times", { timeout: 120_000 });
  assert.ok(await page.evaluate(() => [...document.querySelectorAll("#ch37-costs [data-ms]")].every((e) => Number(e.dataset.ms) > 0)));
});

bookTest("without WebGPU chapter 37 runs on the CPU and says so", async ({ page, visit }) => {
  await page.evaluateOnNewDocument(() => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
  await visit(`chapter/37/?${place(trained)}`);
  await live(page);
  assert.match(await chip(page), /CPU/);
  await equalsTheOracle(page, trained);
});

/** Gives the page a picture of the reader's, made in the page, by one of three ways. */
const give = (page, kind, way) => page.evaluate(async ([kind, way]) => {
  const drawn = async (width, height, type, draw) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    draw(canvas.getContext("2d"));
    return new Blob([await new Promise((done) => canvas.toBlob(done, type, 1))], { type });
  };
  // Left half red, right half blue.
  const halves = (width, height) => (pen) => {
    pen.fillStyle = "#f00";
    pen.fillRect(0, 0, width / 2, height);
    pen.fillStyle = "#00f";
    pen.fillRect(width / 2, 0, width / 2, height);
  };
  const made = {
    halves: () => drawn(640, 480, "image/png", (pen) => {
      // What is beyond the middle square is green, and must not be seen.
      pen.fillStyle = "#0f0";
      pen.fillRect(0, 0, 640, 480);
      pen.translate(80, 0);
      halves(480, 480)(pen);
    }),
    turned: async () => {
      // The same as a JPEG whose EXIF says: turn me a quarter to the right. Left becomes up.
      const jpeg = new Uint8Array(await (await drawn(64, 64, "image/jpeg", halves(64, 64))).arrayBuffer());
      const exif = [0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
      // In one piece, as files are: Firefox guesses the kind of a picture from the first piece.
      return new Blob([new Uint8Array([...jpeg.slice(0, 2), ...exif, ...jpeg.slice(2)])], { type: "image/jpeg" });
    },
    clear: () => drawn(50, 50, "image/png", () => {}),
    dot: () => drawn(1, 1, "image/png", (pen) => {
      pen.fillStyle = "rgb(51 102 204)";
      pen.fillRect(0, 0, 1, 1);
    }),
    huge: () => drawn(8000, 5000, "image/jpeg", halves(8000, 5000)),
    moving: async () => {
      // One red pixel, then one blue.
      const frame = (index) => [0x21, 0xf9, 4, 0, 10, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, index ? 0x4c : 0x44, 1, 0];
      const bytes = [0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255, ...frame(0), ...frame(1), 0x3b];
      return new Blob([new Uint8Array(bytes)], { type: "image/gif" });
    },
    broken: async () => new Blob(["this is no picture"], { type: "image/png" }),
    // Cut before its size is told; of one cut later, Firefox shows what there is.
    cut: async () => (await drawn(200, 200, "image/png", halves(200, 200))).slice(0, 20, "image/png"),
  };
  const data = new DataTransfer();
  const blob = await made[kind]();
  data.items.add(new File([blob], kind, { type: blob.type || "image/png" }));
  if (way === "drop") {
    document.querySelector(".sources").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  } else if (way === "paste") {
    // A ClipboardEvent that a script makes carries no files in Firefox, so an event of that name does.
    const paste = new Event("paste", { bubbles: true, cancelable: true });
    Object.defineProperty(paste, "clipboardData", { value: { files: data.files } });
    document.body.dispatchEvent(paste);
  } else {
    const field = document.getElementById("ch37-file");
    field.files = data.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}, [kind, way]);

const said = (page, text) => until(page, (text) => document.getElementById("ch37-about").textContent.includes(text), text, { argument: text });

bookTest("pictures of the reader's own are read, whichever way they come", { timeout: 300_000 }, async ({ page, visit }) => {
  await visit(`chapter/37/?device=cpu&${place(trained)}`);
  await live(page);
  const [red, blue] = [[1, 0, 0], [0, 0, 1]];
  const half = (at) => (at % 8 < 4 ? red : blue);
  const all = (right) => Array.from({ length: 64 }, (_, at) => right(at));
  const close = async (right, what, margin = 0.02) => {
    const found = await colours(page);
    for (const [at, colour] of right.entries()) {
      for (const [channel, x] of colour.entries()) {
        assert.ok(Math.abs(found[at][channel] - x) <= margin, `${what}, square ${at}: ${found[at]} for ${colour}`);
      }
    }
  };
  for (const way of ["file", "drop", "paste"]) {
    await give(page, "halves", way);
    await said(page, "640 × 480");
    await close(all(half), `halves by ${way}`);
    await page.evaluate(() => document.getElementById("ch37-scene").click());
    await until(page, (caption) => document.getElementById("ch37-about").textContent.toLowerCase().startsWith(caption), "the scene again", { argument: oracle.caption });
  }
  await give(page, "dot", "file");
  await said(page, "was 1 × 1");
  await close(all(() => [0.2, 0.4, 0.8]), "a dot");
  await give(page, "turned", "file");
  await said(page, "was 64 × 64");
  // JPEG smears the seam, which lies between two rows of squares.
  await close(all((at) => (at < 32 ? red : blue)), "turned by its EXIF", 0.06);
  await give(page, "moving", "file");
  await said(page, "was 1 × 1");
  await close(all(() => red), "the first frame");
  await give(page, "clear", "file");
  await said(page, "was 50 × 50");
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number).slice(0, 3).map((x) => x / 255));
  await close(all(() => paper), "over the paper");

  for (const kind of ["broken", "cut"]) {
    await give(page, kind, "file");
    await until(page, () => document.querySelector(".sources .problem")?.textContent.includes("could not read"), `a word about ${kind}`);
    await said(page, "was 50 × 50");
    await close(all(() => paper), "the old picture stays");
    await give(page, "halves", "file");
    await until(page, () => !document.querySelector(".sources .problem"), "the word to go");
    await give(page, "clear", "file");
    await said(page, "was 50 × 50");
  }
  await give(page, "huge", "file");
  await said(page, "8000 × 5000");
  await close(all(half), "forty million pixels", 0.06);
});

bookTest("the camera is asked for only on request, and let go", async ({ page, visit }) => {
  await page.evaluateOnNewDocument(() => {
    window.asked = 0;
    const camera = async () => {
      window.asked += 1;
      if (window.refuse) throw new DOMException("no", "NotAllowedError");
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [64, 64];
      const pen = canvas.getContext("2d");
      const paint = () => {
        pen.fillStyle = "#0c0";
        pen.fillRect(0, 0, 64, 64);
      };
      paint();
      setInterval(paint, 30);
      return window.stream = canvas.captureStream(30);
    };
    const devices = { getUserMedia: camera };
    Object.defineProperty(Navigator.prototype, "mediaDevices", { get: () => devices });
  });
  await visit(`chapter/37/?device=cpu&${place(trained)}`);
  await live(page);
  assert.equal(await page.evaluate(() => window.asked), 0);
  await page.evaluate(() => { window.refuse = true; document.getElementById("ch37-camera").click(); });
  await until(page, () => document.querySelector(".sources .problem")?.textContent.includes("not allowed"), "a word about the refusal");
  await page.evaluate(() => { window.refuse = false; document.getElementById("ch37-camera").click(); });
  await until(page, () => (document.querySelector(".camera video")?.videoWidth ?? 0) > 0, "a moving picture");
  await page.evaluate(() => document.querySelector(".camera .btn").click());
  await said(page, "was 64 × 64");
  const [first] = await colours(page);
  assert.ok(first[1] > 0.7 && first[0] < 0.1 && first[2] < 0.1, `${first}`);
  assert.equal(await page.evaluate(() => window.stream.getTracks().every((t) => t.readyState === "ended")), true);
});

bookTest("the address restores chapter 37, and follows it", async ({ page, visit }) => {
  await visit("chapter/37/?device=cpu&scene=12&pairs=held-out&patch=3&layer=3&head=2&at=12.20&from=class&number=17");
  await live(page);
  assert.equal(await page.$eval("#ch37-patch", (e) => e.value), "3");
  assert.equal(await page.$eval("#ch37-layer", (e) => e.value), "3");
  assert.equal(await page.$eval("#ch37-head", (e) => e.value), "2");
  assert.match(await page.evaluate(() => document.getElementById("ch37-about").textContent), /never shows/);
  assert.match(await page.evaluate(() => document.querySelector("#ch37-attention").getAttribute("aria-label")), /\[CLS\] looks, head 2/);
  await page.evaluate(() => document.getElementById("ch37-scene").click());
  await until(page, () => location.search.includes("scene=13") && location.search.includes("device=cpu"), "the next scene in the address");
});

bookTest("a hostile address is clamped to something that runs", async ({ page, visit }) => {
  await visit("chapter/37/?device=cpu&scene=-1&pairs=%3Cscript%3E&patch=99&layer=1e9&head=NaN&at=9e9.x&number=99999999999&from=%00");
  await until(page, () => !!document.querySelector("#ch37-picture canvas"), "a picture");
  assert.equal(await page.$eval("#ch37-patch", (e) => e.value), "4");
  assert.equal(await page.$eval("#ch37-layer", (e) => e.value), "4");
});

bookTest("chapter 37 is walked by keys alone", async ({ page, visit }) => {
  await visit(`chapter/37/?device=cpu&${place(trained)}`);
  await live(page);
  await page.focus("#ch37-picture");
  const told = () => page.evaluate(() => document.getElementById("ch37-picture-told").textContent);
  assert.match(await told(), /row 3, column 5/);
  await page.keyboard.press("ArrowLeft");
  await until(page, () => document.getElementById("ch37-attention-told").textContent.startsWith("row 3, column 4"), "the square to the left");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Home");
  await until(page, () => location.search.includes("at=14.2"), "the first of the row below");
  await page.focus("#ch37-head");
  await page.keyboard.press("ArrowRight");
  await until(page, (head) => location.search.includes(`head=${head}`), "the next head", { argument: oracle.head + 2 });
  await page.focus("#ch37-vector");
  await page.keyboard.press("ArrowRight");
  await until(page, (number) => location.search.includes(`number=${number}`), "the next number", { argument: oracle.component + 1 });
});

bookTest("a truncated model is refused in words", async ({ page, visit, watched }) => {
  watched.allow(/tiny-vit/);
  await page.evaluateOnNewDocument(() => {
    const real = window.fetch;
    window.fetch = async (...args) => {
      const response = await real(...args);
      if (!String(args[0]?.url ?? args[0]).includes("tiny-vit")) return response;
      return new Response((await response.arrayBuffer()).slice(0, 100_000));
    };
  });
  await visit("chapter/37/?device=cpu");
  await until(page, () => document.querySelector(".problem")?.textContent.includes("safetensors"), "a word about the file");
});

for (const theme of ["light", "dark"]) {
  bookTest(`chapter 37 alive has no accessibility fault, ${theme}`, { theme, timeout: 180_000 }, async ({ page, visit }) => {
    await visit(`chapter/37/?device=cpu&${place(trained)}`);
    await live(page);
    await numbers(page, "ch37-attention");
    await page.evaluate(() => [...document.querySelectorAll(".actions .btn")].find((b) => b.textContent === "Inspect").click());
    await until(page, () => document.querySelectorAll(".work li").length > 4, "the kernels");
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  for (const [size, width] of [["wide", 1440], ["phone", 390]]) {
    bookTest(`chapter 37 is pictured, ${theme}, ${size}`, { theme, width, timeout: 180_000 }, async ({ page, visit }) => {
      await visit("chapter/37/?device=cpu");
      await live(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing overflows");
      const folder = new URL("screenshots/", import.meta.url).pathname;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: `${folder}chapter37-live-${size}-${theme}-${browserName}.png`, fullPage: true });
    });
  }
}
