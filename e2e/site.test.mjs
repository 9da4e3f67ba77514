// What holds for every page of the book.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { name as browserName } from "./lib/browser.mjs";
import { bookTest, routes, sites, until } from "./lib/book.mjs";

/** Where a chapter with and one without its exhibit are tried in every way. */
const pages = { home: "", built: "chapter/5/", unbuilt: "chapter/6/" };

/** One page of every kind, and the chapters whose tables, formulas and asides are the hardest to fit. */
const kinds = {
  ...pages, tables: "chapter/26/", formulas: "chapter/12/", asides: "chapter/34/", act: "act/4/", idea: "idea/online-softmax/",
  papers: "papers/", glossary: "glossary/", map: "map/", verify: "verify/",
};

for (const [site, home] of Object.entries(sites)) {
  test(`every route answers 200 with a title of its own, at ${site}`, async () => {
    const titles = new Map();
    for (const route of await routes()) {
      const response = await fetch(new URL(route, home));
      const html = await response.text();
      assert.equal(response.status, 200, route);
      const title = html.match(/<title>([^<]+)<\/title>/)?.[1];
      assert.ok(title, `${route} has a title`);
      assert.ok(!titles.has(title), `"${title}" is the title of ${route} and of ${titles.get(title)}`);
      titles.set(title, route);
      assert.match(html, /<meta name="description" content="[^"]+">/, route);
      const folder = route.startsWith("id/") ? "id/" : "";
      assert.ok(html.includes(`<base href="${new URL(home).pathname}${folder}">`), `${route} knows where it is mounted`);
      const policy = html.match(/Content-Security-Policy" content="([^"]*)"/)?.[1] ?? "";
      assert.match(policy, /^default-src 'none'/, route);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)/, route);
    }
    assert.ok(titles.size > 0);
  });

  test(`an address without its closing slash leads to the page, at ${site}`, async () => {
    const response = await fetch(new URL(pages.built.slice(0, -1), home));
    assert.equal(response.status, 200);
    assert.equal(response.url, new URL(pages.built, home).href);
  });

  test(`an unknown address is a 404 page, at ${site}`, async () => {
    const response = await fetch(new URL("no/such/page", home));
    assert.equal(response.status, 404);
    assert.match(await response.text(), /<div id="app">[^]*<a /);
  });

  bookTest(`pages start and their links lead somewhere, at ${site}`, async ({ page, visit }) => {
    const links = new Set();
    for (const route of Object.values(pages)) {
      await visit(route, { site });
      for (const href of await page.$$eval("a[href]", (all) => all.map((a) => a.href))) links.add(href.split("#")[0]);
    }
    // Other hosts are not ours to test; a link that misses the mount point is.
    for (const link of [...links].filter((link) => new URL(link).host === new URL(home).host)) {
      assert.ok(link.startsWith(home), `${link} is within the site`);
      assert.equal((await fetch(link)).status, 200, link);
    }
  });

  bookTest(`a link turns the page without leaving the site, at ${site}`, async ({ page, visit }) => {
    await visit("", { site });
    const title = await page.title();
    const link = await page.$(`main a[href="${pages.built}"]`);
    assert.ok(link, "the front page links to the chapter");
    await link.evaluate((a) => a.click());
    await until(page, (before) => document.title !== before, "the title to change", { argument: title });
    assert.equal(page.url(), new URL(pages.built, sites[site]).href);
  });
}

bookTest("an unknown address shows the way back", async ({ page, visit, watched }) => {
  watched.allow(/404/);
  await visit("no/such/page", { site: "nested", status: 404 });
  assert.ok(await page.$("main a[href]"), "there is a link to go on from");
});

for (const [kind, route] of Object.entries(kinds)) {
  bookTest(`the text is there without JavaScript: ${kind}`, { script: false }, async ({ page, visit, watched }) => {
    // Chromium fetches the program ahead of time and then, rightly, does not load it.
    watched.allow(/^request failed: .*\.(js|wasm) $/);
    await visit(route);
    assert.ok(await page.$("h1"), "the page has a heading");
    const [shown, height] = await page.$eval("main", (main) => [main.innerText, main.getBoundingClientRect().height]);
    assert.ok(shown.length > 200 && height > 200, `the page shows its text, not ${shown.length} characters`);
  });

  for (const theme of ["light", "dark"]) {
    bookTest(`nothing bars a reader: ${kind}, ${theme}`, { theme }, async ({ page, visit }) => {
      await visit(route);
      assert.deepEqual(await accessibilityFaults(page), []);
    });

    // What sticks out does so in both themes; the other one is for the eye.
    const views = theme === "light" || kind in pages ? [["wide", 1440, 900], ["phone", 390, 844]] : [];
    for (const [size, width, height] of views) {
      bookTest(`nothing sticks out sideways: ${kind}, ${theme}, ${size}`, { theme, width, height }, async ({ page, visit }) => {
        await visit(route);
        const folder = new URL("screenshots/", import.meta.url).pathname;
        await mkdir(folder, { recursive: true });
        await page.screenshot({ path: `${folder}${browserName}-${kind}-${theme}-${size}.png`, fullPage: size === "wide" && kind !== "home" });
        const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(content <= window, `the page is ${content} px wide in a window of ${window} px`);
      });
    }
  }
}

bookTest("the first stop of the keyboard skips to the text", async ({ page, visit }) => {
  await visit(pages.built);
  await page.keyboard.press("Tab");
  const target = await page.evaluate(() => {
    const link = document.activeElement;
    const box = link.getBoundingClientRect();
    return { hash: link.hash, visible: box.width > 1 && box.height > 1 && box.top >= 0 };
  });
  assert.ok(target.hash, "the first stop is a link within the page");
  assert.ok(target.visible, "it shows itself when focused");
  const before = page.url();
  await page.keyboard.press("Enter");
  assert.equal(page.url().split("#")[0], before, "it stays on its page");
  await page.keyboard.press("Tab");
  assert.ok(
    await page.evaluate(() => document.querySelector("main").contains(document.activeElement)),
    "the next stop is in the text",
  );
});

bookTest("the keyboard reaches every control", async ({ page, visit }) => {
  await visit(pages.built);
  const total = await page.evaluate(() => {
    const controls = [...document.querySelectorAll("button, input, select, textarea, summary, [tabindex], main a[href]")]
      .filter((control) => control.tabIndex >= 0 && !control.disabled && control.checkVisibility())
      // Of a group of radio buttons the keyboard stops at one.
      .filter((control) => control.type !== "radio" || control.checked);
    controls.forEach((control, i) => (control.dataset.stop = i));
    return { controls: controls.length, all: document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]").length };
  });
  assert.ok(total.controls > 0, "the page has controls");
  const reached = new Set();
  for (let press = 0; press < total.all + 5 && reached.size < total.controls; press++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => document.activeElement?.dataset.stop);
    if (stop !== undefined) reached.add(stop);
  }
  const missed = await page.$$eval(
    "[data-stop]",
    (controls, reached) => controls.filter((c) => !reached.includes(c.dataset.stop)).map((c) => c.outerHTML.slice(0, 120)),
    [...reached],
  );
  assert.deepEqual(missed, []);
});
