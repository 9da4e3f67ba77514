// The reading room: the search, terms and their definitions, what the page remembers, the quick walk, the self-check.

import assert from "node:assert/strict";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, sites, until } from "./lib/book.mjs";

const isOpen = () => document.querySelector("dialog.palette").open;
const isClosed = () => !document.querySelector("dialog.palette").open;

/** Opens the palette by its key, and waits for the index. */
async function openPalette(page, key = "/") {
  // A closed palette gives the focus back with the next frame; until then the key would be text.
  await until(page, () => document.activeElement.id !== "palette-query", "the focus to be elsewhere");
  await page.keyboard.press(key);
  await until(page, isOpen, "the palette to open");
  await until(page, () => document.activeElement.id === "palette-query", "the question to have the focus");
  await until(page, () => !/on its way/.test(document.querySelector(".palette-state").textContent), "the index");
}

/** Types a question and says which address is chosen. */
async function ask(page, text) {
  await page.evaluate(() => document.getElementById("palette-query").select());
  await page.keyboard.type(text);
  await until(page, (text) => document.getElementById("palette-query").value === text, "the question", { argument: text });
  return page.evaluate(() => {
    const id = document.getElementById("palette-query").getAttribute("aria-activedescendant");
    return id && document.getElementById(id)?.dataset.address;
  });
}

for (const [question, address, shown] of [
  ["flshattn", "chapter/26/", "FlashAttention"],
  ["online softmax", "idea/online-softmax/", "Online softmax"],
  ["milakov", "papers/#paper-online-softmax", "Papers"],
  ["towing tank for a network", "chapter/12/#puzzle", "Scaling laws"],
]) {
  bookTest(`the palette leads from "${question}" to ${address} by keyboard alone`, async ({ page, visit }) => {
    await visit("chapter/1/", { site: "nested" });
    await openPalette(page);
    assert.equal(await ask(page, question), address);
    await page.keyboard.press("Enter");
    await until(page, isClosed, "the palette to close");
    await until(page, (shown) => document.querySelector("h1").textContent.includes(shown), shown, { argument: shown });
    assert.equal(page.url(), new URL(address, sites.nested).href);
    const anchor = address.split("#")[1];
    if (anchor) {
      const inView = (id) => {
        const box = document.getElementById(id)?.getBoundingClientRect();
        const settled = [...document.querySelectorAll("main [data-passage]")].every((passage) => passage.hasChildNodes());
        return settled && box && box.top > -5 && box.top < innerHeight;
      };
      await until(page, inView, "the part to be in view", { argument: anchor });
    }
  });
}

bookTest("the palette answers to its keys, its button and Escape, and gives the focus back", async ({ page, visit }) => {
  await visit("chapter/5/");
  await page.evaluate(() => document.querySelector(".search-button").focus());
  await page.keyboard.press("Enter");
  await until(page, isOpen, "the palette to open by its button");
  await page.keyboard.press("Escape");
  await until(page, isClosed, "the palette to close");
  assert.ok(await page.evaluate(() => document.activeElement.matches(".search-button")), "the focus is back on the button");

  await page.keyboard.down("Control");
  await page.keyboard.press("k");
  await page.keyboard.up("Control");
  await until(page, isOpen, "the palette to open by Control-K");
  await until(page, () => /Type a few letters/.test(document.querySelector(".palette-state").textContent), "the invitation");

  assert.ok(await ask(page, "softmax"));
  const chosen = () => page.evaluate(() => document.querySelector(".palette [aria-selected=true]").id);
  const count = await page.evaluate(() => document.querySelectorAll(".palette [role=option]").length);
  assert.ok(count > 3, `${count} results`);
  assert.equal(await chosen(), "found-0");
  await page.keyboard.press("ArrowDown");
  assert.equal(await chosen(), "found-1");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.equal(await chosen(), `found-${count - 1}`, "the list goes round");

  assert.equal(await ask(page, "qqzzxxv"), null);
  assert.match(await page.$eval(".palette-state", (state) => state.textContent), /Nothing in the book/);
  await page.keyboard.press("Enter");
  assert.ok(await page.evaluate(isOpen), "Enter on nothing stays");
});

bookTest("the palette says so when its index does not come, and tries again", async ({ page, visit, watched }) => {
  watched.allow(/search\.json|Failed to load|503/);
  await visit("");
  await page.evaluate(() => {
    const fetch = window.fetch;
    window.fetch = (...what) => {
      window.fetch = fetch;
      return Promise.resolve(new Response("", { status: 503 }));
    };
  });
  await page.keyboard.press("/");
  await until(page, () => /did not come/.test(document.querySelector(".palette-state").textContent), "the failure");
  await page.keyboard.press("Escape");
  await until(page, isClosed, "the palette to close");
  await openPalette(page);
  assert.equal(await ask(page, "lora"), "chapter/22/");
});

for (const theme of ["light", "dark"]) {
  bookTest(`nothing bars a reader from the palette, ${theme}`, { theme }, async ({ page, visit }) => {
    await visit("chapter/12/");
    await openPalette(page);
    await ask(page, "gradient");
    assert.deepEqual(await accessibilityFaults(page), []);
  });
}

bookTest("on a phone the palette fills the screen and overflows nowhere", { width: 390, height: 844 }, async ({ page, visit }) => {
  await visit("chapter/12/");
  await page.evaluate(() => document.querySelector(".search-button").click());
  await until(page, () => /Type/.test(document.querySelector(".palette-state").textContent), "the index");
  await ask(page, "attention");
  const [left, width, inner, page_] = await page.evaluate(() => {
    const box = document.querySelector("dialog.palette").getBoundingClientRect();
    return [box.left, box.width, document.querySelector(".palette-box").scrollWidth, document.documentElement.scrollWidth];
  });
  assert.deepEqual([left, width], [0, 390]);
  assert.ok(inner <= 390 && page_ <= 390, `${inner} and ${page_} px wide`);
});

bookTest("a term shows its definition on focus, within the page, and Escape sends it away", { width: 390, height: 844 }, async ({ page, visit }) => {
  await visit("chapter/12/");
  const total = await page.evaluate(() => document.querySelectorAll(".term").length);
  assert.ok(total > 2, `${total} terms`);
  for (let i = 0; i < total; i++) {
    const seen = await page.evaluate((i) => {
      const term = document.querySelectorAll(".term")[i];
      const definition = document.getElementById(term.getAttribute("aria-describedby"));
      const before = getComputedStyle(definition).display;
      term.focus();
      const box = definition.getBoundingClientRect();
      return { before, left: box.left, right: box.right, height: box.height, words: definition.textContent.length,
        below: box.top >= term.getBoundingClientRect().bottom - 6, page: document.documentElement.scrollWidth };
    }, i);
    assert.equal(seen.before, "none");
    assert.ok(seen.height > 20 && seen.words > 20, `term ${i} shows its definition`);
    assert.ok(seen.below, `the definition of term ${i} leaves its term readable`);
    assert.ok(seen.left >= 0 && seen.right <= 390 && seen.page <= 390, `term ${i}: ${seen.left} to ${seen.right}`);
  }
  await page.keyboard.press("Escape");
  await until(page, () => !document.activeElement.matches(".term"), "the definition to go");
});

bookTest("a chapter is read when its end is reached; that outlasts a reload, and can be erased", async ({ page, visit }) => {
  await visit("chapter/22/");
  assert.equal(await page.$eval("#chapter-read", (box) => box.checked), false);
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await until(page, () => document.getElementById("chapter-read").checked, "the chapter to be marked");
  await visit("");
  await until(page, () => /only: 1\./.test(document.getElementById("home-progress").textContent), "the count");
  const ticked = await page.$$eval(".rail li", (all) => all.filter((li) => li.querySelector(".tick")).map((li) => li.textContent.trim()));
  assert.equal(ticked.length, 1);
  assert.match(ticked[0], /^22/);

  // Not read after all; moving the page does not insist.
  await visit("chapter/22/");
  await until(page, () => document.getElementById("chapter-read").checked, "the mark to be remembered");
  await page.evaluate(() => document.getElementById("chapter-read").click());
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.evaluate(() => scrollBy(0, -50));
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  assert.equal(await page.$eval("#chapter-read", (box) => box.checked), false);

  await page.evaluate(() => document.getElementById("chapter-read").click());
  const [file, name] = await page.$eval("a[download]", (a) => [decodeURIComponent(a.href), a.download]);
  assert.match(name, /\.json$/);
  assert.deepEqual(JSON.parse(file.slice(file.indexOf(",") + 1)).chapters_read, [22]);
  const erase = () => page.evaluate(() => document.getElementById("erase-progress").click());
  await erase();
  assert.equal(await page.$eval("#chapters-read", (count) => count.textContent), "1", "the first press only asks");
  await erase();
  await until(page, () => document.getElementById("chapters-read").textContent === "0", "nothing to be left");
  await visit("chapter/22/");
  assert.equal(await page.$eval("#chapter-read", (box) => box.checked), false);
});

bookTest("how the page looks outlasts a reload", async ({ page, visit }) => {
  await visit("chapter/12/");
  const look = () => page.evaluate(() => {
    const prose = document.querySelector(".prose");
    return { size: parseFloat(getComputedStyle(prose).fontSize), width: prose.getBoundingClientRect().width,
      paper: getComputedStyle(document.documentElement).backgroundColor };
  });
  const before = await look();
  const choose = (name, value) =>
    page.evaluate(([name, value]) => document.querySelector(`input[name=${name}][value=${value}]`).click(), [name, value]);
  await choose("size", "large");
  await choose("width", "narrow");
  await choose("theme", "contrast");
  const chosen = await look();
  assert.ok(chosen.size > before.size * 1.1, `${before.size} px became ${chosen.size} px`);
  assert.ok(chosen.width < before.width, `${before.width} px became ${chosen.width} px`);
  assert.equal(chosen.paper, "rgb(255, 255, 255)");
  await visit("chapter/13/");
  const kept = await look();
  assert.deepEqual([kept.size, kept.paper], [chosen.size, chosen.paper]);
  assert.ok(await page.evaluate(() => document.querySelector("input[name=size][value=large]").checked), "the choice is shown");
  assert.deepEqual(await accessibilityFaults(page), []);
});

bookTest("a quick walk shows the trick and the exhibit, and the whole when asked", async ({ page, visit }) => {
  await visit("chapter/5/");
  await page.evaluate(() => document.querySelector("input[name=walk][value=quick]").click());
  const parts = () => page.evaluate(() => ["puzzle", "bad-attempt", "trick", "maths", "unmentioned"]
    .filter((id) => document.getElementById(id).checkVisibility()).join());
  assert.equal(await parts(), "trick");
  assert.ok(await page.evaluate(() => document.querySelector(".exhibit").checkVisibility()), "the exhibit is there");
  await visit("chapter/5/");
  assert.equal(await parts(), "trick", "it is kept");
  await page.evaluate(() => document.querySelector(".walk-note .primary").click());
  assert.equal(await parts(), "puzzle,bad-attempt,trick,maths,unmentioned");
  await visit("chapter/12/#maths");
  assert.equal(await parts(), "puzzle,bad-attempt,trick,maths,unmentioned", "a link to a part shows it");
});

bookTest("what was known and what was not is marked, counted and remembered", async ({ page, visit }) => {
  await visit("act/4/");
  const press = (question, label) => page.evaluate(([question, label]) => {
    const item = document.querySelectorAll(".self-check li")[question];
    item.querySelector("details").open = true;
    [...item.querySelectorAll("button")].find((button) => button.textContent === label).click();
  }, [question, label]);
  const count = () => page.$eval(".self-check [role=status]", (status) => status.textContent.match(/^\d+ of \d+/)[0]);
  assert.equal(await count(), "0 of 9");
  await press(0, "Knew it");
  await press(1, "Knew it");
  await press(2, "Not yet");
  assert.equal(await count(), "2 of 9");
  await press(1, "Not yet");
  assert.equal(await count(), "1 of 9");
  await visit("act/4/");
  await until(page, () => /^1 of 9/.test(document.querySelector(".self-check [role=status]").textContent), "the count to be kept");
  const pressed = await page.$$eval(".self-check li", (all) =>
    all.slice(0, 4).map((li) => [...li.querySelectorAll("button")].filter((b) => b.ariaPressed === "true").map((b) => b.textContent).join()));
  assert.deepEqual(pressed, ["Knew it", "Not yet", "Not yet", ""]);
  await press(0, "Knew it");
  assert.equal(await count(), "0 of 9", "saying it again takes it back");
});
