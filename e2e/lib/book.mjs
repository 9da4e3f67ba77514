// What a test of the book starts from: a page that is watched, the two places where the site is mounted, its routes.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { closeBrowsers, name as browserName, openPage } from "./browser.mjs";
import { watch } from "./watch.mjs";

/** The same build under `/` and under a longer path; both end with a slash. */
export const sites = {
  root: process.env.SITE_ROOT ?? "http://127.0.0.1:8080/",
  nested: process.env.SITE_NESTED ?? process.env.SITE_ROOT ?? "http://127.0.0.1:8080/",
};

/**
 * A test in the browser under test. Options are those of `openPage`, `timeout` in ms, and `offline`: whether the browser
 * keeps the book for reading offline, which costs every fresh browser the whole book.
 * `body` gets `{ page, visit, watched }`; the test fails on anything that `watch` sees, even where `body` is content.
 */
export function bookTest(title, options, body) {
  if (typeof options === "function") [options, body] = [{}, options];
  const { timeout = 120_000, offline = false, ...view } = options;
  test(`${title} [${browserName}]`, { timeout }, async () => {
    const { page, close } = await openPage(view);
    try {
      const watched = await watch(page, Object.values(sites));
      if (view.script !== false) await markPrerendered(page);
      if (view.script !== false && !offline) await keepNothing(page);
      const visit = (route, how) => visitPage(page, route, { started: view.script !== false, ...how });
      await body({ page, visit, watched });
      assert.deepEqual(watched.complaints(), []);
    } finally {
      await close();
    }
  });
}

after(closeBrowsers);

/** Goes to a route (`""`, `"verify/"`) of a site and waits until the page is live, with its `parts`. */
async function visitPage(page, route, { site = "root", at = sites[site], status = 200, started = true, parts = true } = {}) {
  const response = await page.goto(new URL(route, at).href, { waitUntil: "load" });
  // A page that the browser has already, from an earlier visit of the same test, is answered "not modified".
  const answer = response.status() === 304 ? 200 : response.status();
  assert.equal(answer, status, `${response.url()} answers ${status}`);
  if (started) {
    const live = () => {
      const first = document.getElementById("app")?.firstElementChild;
      return first && !("prerendered" in first.dataset);
    };
    await until(page, live, "the page to come alive");
    // What stands in for a part of the program looks like it and does nothing.
    if (parts) await until(page, () => !document.querySelector(".part[inert]"), "the parts of the page");
  }
  return response;
}

/** A browser without service workers, as some private windows are. */
async function keepNothing(page) {
  await page.evaluateOnNewDocument(() => {
    Object.defineProperty(Navigator.prototype, "serviceWorker", { value: undefined });
  });
}

/** The program announces itself by putting its own elements in place of those that came with the page. */
async function markPrerendered(page) {
  await page.evaluateOnNewDocument(() => {
    new MutationObserver((_, observer) => {
      const first = document.getElementById("app")?.firstElementChild;
      if (!first) return;
      first.dataset.prerendered = "";
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
}

/**
 * Waits until `condition`, run in the page with `argument`, is true. puppeteer's own `waitForFunction` compiles text in
 * the page, which the Content-Security-Policy forbids.
 */
export async function until(page, condition, what, { argument, timeout = 60_000 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      if (await page.evaluate(condition, argument)) return;
    } catch (error) {
      // The page is just being replaced by the one that is waited for.
      if (!/context was destroyed|navigat|discarded|detached/i.test(error.message)) throw error;
    }
    if (Date.now() > end) throw new Error(`waited ${timeout / 1000} s for ${what}`);
    await sleep(50);
  }
}

/** Every route of the book, relative to the site: `""`, `"map/"`, ... */
export async function routes() {
  const base = new URL(sites.root).pathname;
  const sitemap = await (await fetch(new URL("sitemap.xml", sites.root))).text();
  return [...sitemap.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, address]) =>
    new URL(address, sites.root).pathname.slice(base.length));
}
