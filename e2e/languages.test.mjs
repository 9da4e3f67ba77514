// The book's pages in other languages than its prose, and in a direction of writing that none of them has yet.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { name as browserName } from "./lib/browser.mjs";
import { bookTest, routes, sites, until } from "./lib/book.mjs";

const kinds = {
  home: "id/", chapter: "id/chapter/12/", built: "id/chapter/5/", act: "id/act/4/", idea: "id/idea/softmax/",
  papers: "id/papers/", glossary: "id/glossary/", map: "id/map/", verify: "id/verify/",
};

const folder = new URL("screenshots/", import.meta.url).pathname;

async function shot(page, name) {
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}${browserName}-${name}.png` });
}

const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

for (const [site, home] of Object.entries(sites)) {
  test(`every page names itself in every language, at ${site}`, async () => {
    const all = new Set(await routes());
    const own = [...all].filter((route) => !route.startsWith("id/"));
    assert.equal(all.size, 2 * own.length);
    for (const route of own) {
      assert.ok(all.has(`id/${route}`), route);
      for (const [lang, at] of [["en", route], ["id", `id/${route}`]]) {
        const response = await fetch(new URL(at, home));
        assert.equal(response.status, 200, at);
        const html = await response.text();
        assert.ok(html.includes(`<html lang="${lang}"`), `${at} says its language`);
        for (const [other, there] of [["en", route], ["id", `id/${route}`], ["x-default", route]]) {
          const link = html.match(new RegExp(`<link rel="alternate" hreflang="${other}" href="([^"]*)">`))?.[1];
          assert.equal(new URL(link, home).pathname, new URL(there, home).pathname, `${at} in ${other}`);
        }
      }
    }
  });

  bookTest(`what the page fetches in another language is found, at ${site}`, async ({ page, visit }) => {
    await visit("id/chapter/5/?device=cpu", { site });
    await until(page, () => document.querySelector("#ch5-map canvas") !== null || document.querySelector(".heatmap canvas") !== null, "the exhibit to compute");
    assert.equal(await page.$eval(".exhibit", (e) => e.closest("[lang]").lang), "en", "the exhibit says that it is in English");
    // Turning the page fetches the next one's text, in the same language.
    await page.evaluate(() => document.querySelector(".turning .after").click());
    await until(page, () => location.pathname.endsWith("/id/chapter/6/"), "the next chapter");
    await until(page, () => document.querySelector("#puzzle [data-passage]")?.textContent.length > 200, "its text");
    await page.keyboard.press("/");
    await until(page, () => document.activeElement.id === "palette-query", "the palette");
    await until(page, () => /Ketik/.test(document.querySelector(".palette-state").textContent), "the index");
    await page.keyboard.type("kecocokan kueri");
    await until(page, () => document.querySelector("#found-0")?.dataset.address === "idea/attention/", "the answer in Indonesian to be found");
    await page.keyboard.press("Enter");
    await until(page, () => location.pathname.endsWith("/id/idea/attention/"), "the idea");
  });

  bookTest(`the switch leads to the same page and keeps what the address says, at ${site}`, async ({ page, visit }) => {
    await visit("chapter/5/?layer=2&text=a%20cat#trick", { site });
    // Another document comes, and a question that is asked meanwhile has nobody to answer it.
    const follow = async (lang) => {
      await until(page, (lang) => document.querySelector(`.languages a[hreflang=${lang}]`) !== null, "the switch", { argument: lang });
      await page.evaluate((lang) => { setTimeout(() => document.querySelector(`.languages a[hreflang=${lang}]`).click()); }, lang);
      for (let patience = 0; patience < 200; patience += 1) {
        const there = await page.evaluate((lang) => document.documentElement.lang === lang && document.readyState === "complete", lang).catch(() => false);
        if (there) return;
        await new Promise((done) => setTimeout(done, 100));
      }
      assert.fail(`no page in ${lang}`);
    };
    await follow("id");
    const here = () => page.evaluate(() => [location.pathname, new URLSearchParams(location.search).get("layer"), location.hash]);
    assert.deepEqual(await here(), [new URL("id/chapter/5/", home).pathname, "2", "#trick"]);
    await follow("en");
    assert.deepEqual(await here(), [new URL("chapter/5/", home).pathname, "2", "#trick"]);
  });
}

bookTest("an idea answers in Indonesian and says what is English", async ({ page, visit }) => {
  await visit("id/idea/softmax/");
  assert.equal(await page.title(), "Gagasan: Logits and softmax · The Field Rhymes");
  const [answer, lang, wall, note] = await page.evaluate(() => {
    const of = (selector) => document.querySelector(selector);
    return [of(".idea-text .answer").textContent, of(".idea-text .answer").closest("[lang]").lang,
      of(".idea-text .constraint [lang]").lang, of(".prose-note").textContent];
  });
  assert.match(answer, /Pangkatkan e dengan tiap skor/);
  assert.deepEqual([lang, wall], ["id", "en"]);
  assert.match(note, /berbahasa Inggris/);
});

bookTest("the map opens an idea in Indonesian", { width: 1440 }, async ({ page, visit }) => {
  await visit("id/idea/grpo/");
  await page.evaluate(() => document.querySelector(".on-the-map a").click());
  await until(page, () => location.pathname.endsWith("/id/map/") && location.search === "?idea=grpo", "the map");
  await until(page, () => /Ambil sekelompok jawaban/.test(document.querySelector(".map-panel .answer")?.textContent), "the answer");
  assert.match(await page.$eval("#map-why", (h) => h.textContent), /Mengapa/);
});

bookTest("an idea leads to itself on the map, and back comes back", { width: 1440 }, async ({ page, visit }) => {
  await visit("idea/grpo/", { site: "nested" });
  await page.evaluate(() => document.querySelector(".on-the-map a").click());
  await until(page, () => document.querySelector("#map-panel-name")?.textContent.startsWith("Group relative"), "the idea in the panel");
  assert.equal(page.url(), new URL("map/?idea=grpo", sites.nested).href);
  await page.goBack();
  await until(page, () => location.pathname.endsWith("/idea/grpo/"), "the idea's page");
  assert.equal(await page.evaluate(() => location.search), "", "its address is as it was");
});

for (const [kind, route] of Object.entries(kinds)) {
  for (const theme of ["light", "dark"]) {
    bookTest(`nothing bars an Indonesian reader: ${kind}, ${theme}`, { theme }, async ({ page, visit }) => {
      await visit(route);
      assert.deepEqual(await accessibilityFaults(page), []);
      if (theme === "light") await shot(page, `id-${kind}`);
    });
  }
  bookTest(`Indonesian fits a phone: ${kind}`, { width: 390, height: 844 }, async ({ page, visit }) => {
    await visit(route);
    assert.ok(await sideways(page) <= 0);
    await page.evaluate(() => document.querySelector(".reading summary").click());
    assert.ok(await sideways(page) <= 0);
    await shot(page, `id-${kind}-phone`);
  });
}

bookTest("without JavaScript there is a way to the other language", { script: false }, async ({ page, visit, watched }) => {
  watched.allow(/^request failed: .*\.(js|wasm) $/);
  await visit("id/chapter/12/");
  const [href, note] = await page.evaluate(() => [
    document.querySelector(".languages a[hreflang=en]").href, document.querySelector("noscript").textContent]);
  assert.equal(href, new URL("chapter/12/", sites.root).href);
  assert.match(note, /tanpa JavaScript/);
});

for (const [kind, route] of Object.entries({ home: "", chapter: "chapter/12/", asides: "chapter/34/", built: "chapter/5/", act: "act/4/", idea: "idea/grpo/", map: "map/?idea=grpo", glossary: "glossary/", verify: "verify/" })) {
  for (const [size, width, height] of [["wide", 1440, 900], ["phone", 390, 844]]) {
    bookTest(`written from right to left nothing sticks out: ${kind}, ${size}`, { width, height }, async ({ page, visit }) => {
      await visit(route);
      await page.evaluate(() => (document.documentElement.dir = "rtl"));
      assert.ok(await sideways(page) <= 0);
      // Towards the start there is nothing to scroll to either, and the text begins at the right.
      const [least, text] = await page.evaluate(() => {
        const all = [...document.querySelectorAll("main h1, main .prose, main .exhibit, .top, .foot")].map((e) => e.getBoundingClientRect());
        return [Math.min(...all.map((box) => box.left)), document.querySelector("main h1").getBoundingClientRect().right];
      });
      assert.ok(least >= -1, `something begins at ${least}`);
      assert.ok(text > innerRight(width), `the heading ends at ${text}`);
      await shot(page, `rtl-${kind}-${size}`);
    });
  }
}

/** Where a heading must at least reach when the text begins at the right: on a wide screen the contents are there. */
function innerRight(width) {
  return width > 900 ? width / 2 : width - 60;
}
