// Exhibits in other pages, and handing them on.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { name as browserName } from "./lib/browser.mjs";
import { bookTest, sites, until } from "./lib/book.mjs";

const folder = new URL("screenshots/", import.meta.url).pathname;

async function shot(page, name) {
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}${browserName}-embed-${name}.png` });
}

for (const [site, home] of Object.entries(sites)) {
  test(`embedded pages are there, and for frames only, at ${site}`, async () => {
    const sitemap = await (await fetch(new URL("sitemap.xml", home))).text();
    const index = await (await fetch(new URL("search.json", home))).text();
    assert.ok(!/embed\//.test(sitemap + index));
    for (const chapter of [5, 26, 27]) {
      const response = await fetch(new URL(`embed/${chapter}/`, home));
      assert.equal(response.status, 200);
      const html = await response.text();
      assert.match(html, /<meta name="robots" content="noindex">/);
      const canonical = html.match(/<link rel="canonical" href="([^"]*)">/)[1];
      assert.equal(new URL(canonical, home).pathname, new URL(`chapter/${chapter}/`, home).pathname);
      assert.ok(!/frame-ancestors/.test(html) && response.headers.get("x-frame-options") === null);
    }
  });

  bookTest(`what is shared is right, at ${site}`, async ({ page, visit }) => {
    await visit("chapter/5/?device=cpu&layer=2", { site });
    await until(page, () => document.querySelector(".heatmap canvas") !== null, "the exhibit to compute");
    await page.evaluate(() => document.querySelector(".share summary").click());
    await until(page, () => document.querySelector(".share-frame").value !== "", "the frame");
    const [link, text] = await page.evaluate(() => [document.querySelector(".share-link").value, document.querySelector(".share-frame").value]);
    assert.equal(new URL(link).pathname, new URL("chapter/5/", home).pathname);
    assert.equal(new URL(link).searchParams.get("layer"), "2");
    const frame = await page.evaluate((text) => {
      const frame = new DOMParser().parseFromString(text, "text/html").querySelector("iframe");
      return Object.fromEntries([...frame.attributes].map((a) => [a.name, a.value]));
    }, text);
    assert.deepEqual(Object.keys(frame).sort(), ["allow", "height", "loading", "src", "title", "width"]);
    const source = new URL(frame.src);
    assert.equal(source.origin + source.pathname, new URL("embed/5/", home).href);
    assert.equal(source.searchParams.get("layer"), "2");
    assert.match(frame.title, /One head, on your sentence/);
    assert.deepEqual([frame.loading, frame.allow, frame.width], ["lazy", "clipboard-write", "100%"]);
    assert.ok(Number(frame.height) > 400, frame.height);
    await page.keyboard.press("Escape");
    await shot(page, `share-${site}`);
  });

  bookTest(`a frame of another host's page shows the exhibit and computes, at ${site}`, { timeout: 240_000 }, async ({ page, watched }) => {
    // Another port is another origin.
    const source = new URL("embed/5/?device=cpu&layer=2", home).href;
    const server = createServer((request, response) => {
      if (request.url !== "/") return response.writeHead(204).end();
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<!doctype html><html lang="en"><title>Host</title><body><p>Before</p>
<iframe src="${source}" title="One head" width="100%" height="900" loading="lazy" allow="clipboard-write"></iframe></body></html>`);
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    watched.allow(new RegExp(`another host: http://127.0.0.1:${server.address().port}/`));
    try {
      await page.setViewport({ width: 800, height: 1000 });
      await page.goto(`http://127.0.0.1:${server.address().port}/`, { waitUntil: "load" });
      const frame = () => page.frames().find((frame) => frame.url().includes("/embed/5/"));
      const inFrame = async (condition, what) => {
        const end = Date.now() + 120_000;
        for (;;) {
          if (frame() && await frame().evaluate(condition).catch(() => false)) return;
          if (Date.now() > end) throw new Error(`waited for ${what}`);
          await new Promise((done) => setTimeout(done, 100));
        }
      };
      await inFrame(() => document.querySelector(".heatmap canvas") !== null, "the exhibit to compute");
      await inFrame(() => /ms|µs/.test(document.querySelector(".strip").textContent), "a measured time");
      const seen = await frame().evaluate(() => ({
        bar: document.querySelector(".top, .rail, .turning, .foot") !== null,
        sideways: document.documentElement.scrollWidth - innerWidth,
        layer: document.querySelector("#ch5-layer").value,
        margin: document.querySelector(".exhibit").getBoundingClientRect().left,
        link: [...document.querySelectorAll(".back-to-chapter a")].map((a) => [a.href, a.target, a.rel])[0],
      }));
      assert.equal(seen.bar, false);
      assert.ok(seen.sideways <= 0 && seen.margin <= 8, `${seen.sideways}, ${seen.margin}`);
      assert.equal(seen.layer, "2");
      assert.deepEqual(seen.link, [new URL("chapter/5/", home).href, "_blank", "noopener"]);
      // The state goes along when the link is pressed.
      const led = await frame().evaluate(() => {
        const link = document.querySelector(".back-to-chapter a");
        link.addEventListener("click", (event) => event.preventDefault());
        link.click();
        return link.href;
      });
      assert.equal(new URL(led).searchParams.get("layer"), "2");
      await shot(page, `frame-${site}`);
    } finally {
      server.close();
    }
  });
}

for (const theme of ["light", "dark"]) {
  for (const [size, width, height] of [["wide", 1000, 900], ["phone", 360, 700]]) {
    bookTest(`nothing bars a reader of a frame: ${theme}, ${size}`, { theme, width, height }, async ({ page, visit }) => {
      await visit("embed/27/?device=cpu");
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.evaluate(() => document.querySelector(".share summary").click());
      await until(page, () => document.querySelector(".share-frame").value !== "", "the panel");
      assert.deepEqual(await accessibilityFaults(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
      await shot(page, `${theme}-${size}`);
    });
  }
}

bookTest("a formula gives its LaTeX to the keyboard, the pointer and the finger", async ({ page, visit }) => {
  await visit("chapter/12/");
  const copies = await page.evaluate(() => {
    window.copied = [];
    Object.defineProperty(navigator, "clipboard", { value: { writeText: (text) => (window.copied.push(text), Promise.resolve()) } });
    return document.querySelectorAll(".copy-latex").length;
  });
  assert.ok(copies > 0, "the chapter has formulas");
  const shown = () => page.evaluate(() => getComputedStyle(document.querySelector(".copy-latex")).opacity);
  assert.equal(await shown(), "0");
  // A finger's touch gives the formula the focus, as the keyboard does.
  await page.evaluate(() => document.querySelector(".formula").focus());
  await until(page, () => getComputedStyle(document.querySelector(".copy-latex")).opacity === "1", "the button");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.matches(".copy-latex")), "the next stop is its button");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector(".copy-latex").textContent === "Copied", "the answer");
  const [copied, source] = await page.evaluate(() => [window.copied, document.querySelector(".formula annotation").textContent]);
  assert.deepEqual(copied, [source]);
  assert.match(copied[0], /[\\^_=]/);
  await until(page, () => document.querySelector(".copy-latex").textContent === "Copy LaTeX", "the button to be itself again");
});

bookTest("a browser that lets nothing be copied shows the LaTeX", async ({ page, visit }) => {
  await visit("chapter/12/");
  await page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", { value: { writeText: () => Promise.reject(new Error("no")) } });
    document.querySelector(".copy-latex").click();
  });
  await until(page, () => document.querySelector(".notice")?.textContent.includes(document.querySelector(".formula annotation").textContent), "the source");
});
