// The book without a network: after one visit everything reads, a model once used goes on computing, and another edition
// waits until it is asked for.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, request } from "node:http";
import { bookTest, sites, until } from "./lib/book.mjs";

/** Stands between the browser and the site, so that the network can be cut and a file changed on its way. */
async function relay(body) {
  let isCut = false;
  const changed = new Map();
  const server = createServer((ask, answer) => {
    if (isCut) return ask.socket.destroy();
    const there = new URL(ask.url.slice(1), sites.root);
    // Uncompressed, so that a file can be changed on its way.
    const headers = { ...ask.headers, host: there.host, "accept-encoding": "identity" };
    // And never answered "not modified".
    if (changed.has(there.pathname)) for (const name of ["if-modified-since", "if-none-match"]) delete headers[name];
    request(there, { method: ask.method, headers }, (came) => {
      const change = changed.get(there.pathname);
      if (!change) {
        answer.writeHead(came.statusCode, came.headers);
        return came.pipe(answer);
      }
      const parts = [];
      came.on("data", (part) => parts.push(part)).on("end", () => {
        const body = change(Buffer.concat(parts).toString());
        answer.writeHead(came.statusCode, { ...came.headers, "content-length": Buffer.byteLength(body) });
        answer.end(body);
      });
    }).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const site = `http://127.0.0.1:${server.address().port}/`;
  try {
    await body({
      site,
      cut() {
        isCut = true;
        server.closeAllConnections();
      },
      change: (path, how) => changed.set(`/${path}`, how),
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const isKept = () => /keeps the whole text/.test(document.querySelector(".kept-line")?.textContent ?? "");
const text = (page, selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? "", selector);

bookTest("after one visit the whole book reads without a network", { offline: true, timeout: 240_000 }, async ({ page, visit, watched }) => {
  await relay(async ({ site, cut }) => {
    watched.home(site);
    await visit("", { at: site });
    await until(page, isKept, "the book to be kept", { timeout: 120_000 });
    cut();
    for (const [route, heading] of [["chapter/6/", "heads"], ["idea/softmax/", "oftmax"], ["map/", "map"], ["act/7/", ""]]) {
      await visit(route, { at: site });
      assert.match(await text(page, "h1"), new RegExp(heading));
    }
    await visit("glossary/", { at: site });
    assert.ok((await text(page, "main")).length > 2000, "the glossary has its text");
    // Turning a page fetches the next one's text.
    await visit("chapter/12/", { at: site });
    await page.evaluate(() => document.querySelector(".turning .after").click());
    await until(page, () => (document.querySelector("#puzzle")?.textContent ?? "").length > 200, "the text of the next chapter");
    // An address that names nothing says so, and one without its last slash is led to its page.
    await page.goto(new URL("chapter/9", site).href);
    assert.equal(new URL(page.url()).pathname, "/chapter/9/");
  });
});

bookTest("a model once used computes without a network", { offline: true, timeout: 240_000 }, async ({ page, visit, watched }) => {
  await relay(async ({ site, cut }) => {
    watched.home(site);
    const computed = () => Boolean(document.querySelector("#ch5-cell [data-value]"));
    await visit("", { at: site });
    await until(page, isKept, "the book to be kept", { timeout: 120_000 });
    await visit("chapter/5/?device=cpu&cell=6.2", { at: site });
    await until(page, computed, "chapter 5 to compute", { timeout: 90_000 });
    cut();
    await visit("chapter/5/?device=cpu&cell=6.2", { at: site });
    await until(page, computed, "chapter 5 to compute without a network", { timeout: 90_000 });
  });
});

bookTest("another edition waits until the reader asks for it", { offline: true, timeout: 240_000 }, async ({ page, visit, watched }) => {
  await relay(async ({ site, change }) => {
    watched.home(site);
    await visit("", { at: site });
    await until(page, isKept, "the book to be kept", { timeout: 120_000 });

    const other = (html) => html.replaceAll("Glossary", "Word list");
    const before = await (await fetch(new URL("glossary/", site))).text();
    const hash = (body) => createHash("sha256").update(body).digest("hex").slice(0, 16);
    change("glossary/", other);
    change("offline.js", (worker) => {
      assert.ok(worker.includes(hash(before)), "the worker names the page by its hash");
      return worker.replace(hash(before), hash(other(before)));
    });
    const title = async () => page.evaluate(async () => /<title>([^<]*)/.exec(await (await fetch("glossary/")).text())[1]);
    await visit("papers/", { at: site });
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
    await until(page, () => Boolean(document.querySelector(".renewal")), "the offer of the newer edition", { timeout: 120_000 });
    assert.match(await title(), /Glossary/, "the page keeps to its own edition");
    const renewed = page.waitForNavigation({ waitUntil: "load" });
    await page.evaluate(() => document.querySelector(".renewal .primary").click());
    await renewed;
    assert.match(await title(), /Word list/, "the newer edition is read");
  });
});
