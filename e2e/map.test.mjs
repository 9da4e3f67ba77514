// The rhyme map: that what it lights is true, that it can be walked without a mouse, that its address says all.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { name as browserName } from "./lib/browser.mjs";
import { bookTest, until } from "./lib/book.mjs";

const folder = new URL("screenshots/", import.meta.url).pathname;

async function shot(page, name) {
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}${browserName}-map-${name}.png` });
}

/** What the list below the map says each idea answers, by id; the picture is held to it. */
const readList = (page) => page.evaluate(() => Object.fromEntries(
  [...document.querySelectorAll(".map-list [data-idea]")].map((row) => [
    row.dataset.idea,
    [...row.querySelectorAll("dd.answers a")].map((a) => a.hash.replace("#idea-", "")),
  ])));

/** The picture that is on the screen: the role of every idea and line, by id. */
const readPicture = (page) => page.evaluate(() => {
  const svg = [...document.querySelectorAll(".map-svg")].find((svg) => svg.getBoundingClientRect().width > 0);
  const ids = [...document.querySelectorAll(".map-list [data-idea]")].map((row) => row.dataset.idea);
  const role = (element) => element.dataset.role ?? "plain";
  return {
    ideas: [...svg.querySelectorAll("[data-node]")].map((node) => [ids[node.dataset.node], role(node)]),
    lines: [...svg.querySelectorAll("[data-line]")].map((line) => [...line.dataset.line.split("-").map((i) => ids[i]), role(line)]),
  };
});

function reach(from, next) {
  const seen = new Set();
  const open = [from];
  while (open.length) for (const one of next(open.pop())) if (!seen.has(one)) seen.add(one), open.push(one);
  return seen;
}

/** Fails unless exactly the kin of `id` is lit, as the list tells it. */
async function assertKin(page, answers, id) {
  const offspring = (parent) => Object.keys(answers).filter((child) => answers[child].includes(parent));
  const before = reach(id, (one) => answers[one]);
  const after = reach(id, offspring);
  const role = (one) => one === id ? "here" : before.has(one) ? "before" : after.has(one) ? "after" : "dim";
  const { ideas, lines } = await readPicture(page);
  assert.equal(ideas.length, 93);
  assert.deepEqual(ideas, ideas.map(([one]) => [one, role(one)]), `the ideas lit for ${id}`);
  const line = (from, to) => {
    if (to === id || before.has(to)) return "before";
    if (from === id || after.has(from)) return "after";
    return "dim";
  };
  assert.deepEqual(lines, lines.map(([from, to]) => [from, to, line(from, to)]), `the lines lit for ${id}`);
}

const nodeAt = (id) => `.map-svg.wide [href$="idea/${id}/"]`;

/** Where the middle of an idea's box is in the window, scrolled into it. */
async function middle(page, id) {
  return page.evaluate((selector) => {
    const node = document.querySelector(selector);
    scrollBy({ top: node.getBoundingClientRect().top - innerHeight / 2, behavior: "instant" });
    const box = node.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }, nodeAt(id));
}

bookTest("the picture and the list tell the same facts", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/");
  const answers = await readList(page);
  assert.equal(Object.keys(answers).length, 93);
  const told = Object.entries(answers).flatMap(([to, all]) => all.map((from) => `${from} ${to}`)).sort();
  const { lines } = await readPicture(page);
  assert.deepEqual(lines.map(([from, to]) => `${from} ${to}`).sort(), told);
});

bookTest("pointing at an idea lights exactly its ancestry and its offspring", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/");
  const answers = await readList(page);
  for (const id of ["softmax", "grpo", "attention", "alphafold", "gradient-descent"].filter((id) => answers[id])) {
    await page.mouse.move(...await middle(page, id));
    await until(page, (selector) => document.querySelector(selector).dataset.role === "here", `${id} to light up`, { argument: nodeAt(id) });
    await assertKin(page, answers, id);
  }
  await page.mouse.move(5, 5);
  await until(page, () => !document.querySelector('[data-role="dim"]'), "the map to come to rest");
});

bookTest("the keyboard walks from idea to idea and lights what it stands on", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/");
  const answers = await readList(page);
  await page.evaluate(() => document.querySelector(".map-canvas").focus());
  await page.keyboard.press("Tab");
  const here = () => page.evaluate(() => document.activeElement.getAttribute("href")?.split("/").at(-2));
  assert.equal(await here(), "gradient-descent");
  await assertKin(page, answers, "gradient-descent");
  await page.keyboard.press("ArrowRight");
  const second = await here();
  assert.ok(answers[second].includes("gradient-descent"));
  await assertKin(page, answers, second);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await here(), answers[second][0]);
  await page.keyboard.press("End");
  const last = await here();
  await assertKin(page, answers, last);
  assert.ok(await page.evaluate(() => {
    const box = document.activeElement.getBoundingClientRect();
    return box.height > 0 && box.left >= 0 && box.right <= innerWidth;
  }), "what has the keyboard is on the screen");
  await page.keyboard.press("Tab");
  assert.ok(
    await page.evaluate(() => !document.activeElement.closest(".map-canvas")),
    "all ideas together are one stop of the keyboard",
  );
});

bookTest("why does GRPO exist? by keyboard alone, to the root and by another answer", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/");
  const answers = await readList(page);
  const chain = (id, via = {}) => answers[id].length ? [id, ...chain(via[id] ?? answers[id][0], via)] : [id];
  // Search, open, walk.
  await page.evaluate(() => document.querySelector("#map-search").focus());
  await page.keyboard.type("group relative");
  await until(page, () => document.querySelectorAll(".map-panel .map-open").length === 1, "the search to find one idea");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector("#map-panel-name")?.textContent === "Group relative policy optimization", "the panel");
  for (let tabs = 0; tabs < 40; tabs++) {
    if (await page.evaluate(() => document.activeElement?.dataset.why === "step")) break;
    await page.keyboard.press("Tab");
  }
  const walk = async (expected) => {
    for (let step = 1; step <= expected.length; step++) {
      await page.keyboard.press("Enter");
      await until(page, (n) => document.querySelectorAll(".map-steps > li").length === n, `step ${step}`, { argument: step });
      const { ideas, lines } = await readPicture(page);
      const lit = (role) => ideas.filter(([, r]) => r === role).map(([id]) => id).sort();
      assert.deepEqual(lit("here"), [expected[step - 1]]);
      assert.deepEqual(lit("step"), expected.slice(0, step - 1).sort());
      const steps = lines.filter(([, , r]) => r === "step").map(([from, to]) => `${from} ${to}`).sort();
      assert.deepEqual(steps, expected.slice(1, step + 1).map((from, i) => `${from} ${expected[i]}`).sort());
    }
    assert.deepEqual(await page.$$eval(".map-steps > li", (all) => all.map((li) => li.dataset.step)), expected);
    assert.equal(new URL(page.url()).searchParams.get("why"), String(expected.length));
  };
  const first = chain("grpo");
  assert.ok(first.length > 3 && answers[first.at(-1)].length === 0);
  assert.ok(await page.evaluate(() => document.activeElement?.dataset.why === "step"), "the step button has the keyboard");
  await walk(first);
  const walls = await page.$$eval(".map-step-wall", (all) => all.map((p) => p.textContent));
  const told = await page.evaluate((ids) => ids.map((id) => document.querySelector(`#idea-${id} .constraint`).textContent), first);
  assert.deepEqual(walls, told, "each step says what stood in the way");
  // Start again, take one step, and follow the other answer.
  await page.keyboard.press("Enter");
  await until(page, () => !document.querySelector(".map-steps > li"), "the walk to start again");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelectorAll(".map-steps > li").length === 1, "the first step");
  const other = answers.grpo.find((id) => id !== first[1]);
  for (let tabs = 0; tabs < 10; tabs++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement?.getAttribute("aria-pressed") === "false" && document.activeElement.closest(".map-steps") !== null)) break;
  }
  await page.keyboard.press("Enter");
  await until(page, () => new URLSearchParams(location.search).get("via"), "the address to say so");
  assert.equal(new URL(page.url()).searchParams.get("via"), `grpo:${other}`);
  await page.evaluate(() => document.querySelector('[data-why="all"]').focus());
  await page.keyboard.press("Enter");
  const second = chain("grpo", { grpo: other });
  await until(page, (n) => document.querySelectorAll(".map-steps > li").length === n, "all steps", { argument: second.length });
  assert.deepEqual(await page.$$eval(".map-steps > li", (all) => all.map((li) => li.dataset.step)), second);
  await page.keyboard.press("Escape");
  await until(page, () => !document.querySelector(".map-panel"), "the panel to close");
});

bookTest("an address restores what it says", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/?idea=grpo&act=4&why=2&via=grpo:ppo");
  await until(page, () => document.querySelectorAll(".map-steps > li").length === 2, "two steps");
  assert.deepEqual(await page.$$eval(".map-steps > li", (all) => all.map((li) => li.dataset.step)), ["grpo", "ppo"]);
  assert.equal(await page.$$eval('.map-act-button[aria-pressed="true"]', (all) => all.map((b) => b.textContent).join()), "IV");
  assert.match(await page.$eval(".map-panel .constraint", (dd) => dd.textContent), /\w+ \w+/);
});

for (const query of ["idea=phlogiston&act=99&why=-1", "idea=%3Cscript%3E&act=two&why=1e9&via=:::,", `idea=${"x".repeat(900)}&why=NaN`]) {
  bookTest(`an address that makes no sense is not heard: ${query.slice(0, 40)}`, async ({ page, visit }) => {
    await visit(`map/?${query}`);
    assert.ok(await page.evaluate(() => !document.querySelector(".map-panel") && !document.querySelector('[data-role="dim"]')));
  });
}

bookTest("more steps than there are take all there are", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/?idea=backpropagation&why=900");
  await until(page, () => document.querySelectorAll(".map-steps > li").length === 2, "both steps");
});

bookTest("an act alone, larger, moved, and the whole again", { width: 1440 }, async ({ page, visit }) => {
  await visit("map/");
  const press = (label) => page.evaluate((label) =>
    [...document.querySelectorAll(".map-tools button")].find((b) => (b.getAttribute("aria-label") ?? b.textContent).startsWith(label)).click(), label);
  await press("Act III");
  await until(page, () => document.querySelector('[data-role="dim"]') !== null, "the other acts to step back");
  const { ideas } = await readPicture(page);
  const ofAct = await page.$$eval(".map-act.act-3 [data-idea]", (all) => all.map((row) => row.dataset.idea));
  assert.deepEqual(ideas.filter(([, role]) => role === "plain").map(([id]) => id).sort(), ofAct.sort());
  await press("All");
  await until(page, () => !document.querySelector('[data-role="dim"]'), "all acts");
  const transform = () => page.$eval(".map-svg.wide > g", (g) => g.getAttribute("transform"));
  const whole = await transform();
  await press("Larger");
  assert.notEqual(await transform(), whole);
  const larger = await transform();
  await page.evaluate(() => document.querySelector(".map-canvas").focus());
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await transform(), larger, "arrows move the map");
  const [x, y] = await middle(page, "attention");
  const moved = await transform();
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x - 80, y, { steps: 6 });
  await page.mouse.up();
  assert.notEqual(await transform(), moved, "dragging moves the map");
  assert.ok(await page.evaluate(() => !document.querySelector(".map-panel")), "a drag opens nothing");
  await page.evaluate(() => document.querySelector(".map-canvas").focus());
  await page.keyboard.press("0");
  await until(page, (whole) => document.querySelector(".map-svg.wide > g").getAttribute("transform") === whole, "the whole map", { argument: whole });
  const opened = await middle(page, "attention");
  await page.mouse.click(...opened);
  await until(page, () => document.querySelector("#map-panel-name")?.textContent.startsWith("Attention"), "a click to open an idea");
});

for (const [size, width, height] of [["wide", 1440, 900], ["laptop", 1280, 800], ["phone", 390, 844]]) {
  bookTest(`every name fits its box at a size that can be read: ${size}`, { width, height }, async ({ page, visit }) => {
    await visit("map/");
    await page.evaluate(() => document.fonts.ready.then(() => true));
    const faults = await page.evaluate(() => {
      const svg = [...document.querySelectorAll(".map-svg")].find((svg) => svg.getBoundingClientRect().width > 0);
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      const faults = [];
      for (const node of svg.querySelectorAll("[data-node]")) {
        const box = node.querySelector("rect").getBBox();
        const text = node.querySelector("text").getBBox();
        const fits = text.x >= box.x && text.x + text.width <= box.x + box.width && text.y >= box.y && text.y + text.height <= box.y + box.height + 1;
        if (!fits) faults.push(`${node.textContent} sticks out: ${text.width} in ${box.width}`);
        const px = parseFloat(getComputedStyle(node.querySelector("text")).fontSize) * scale;
        if (!(px >= 10.95)) faults.push(`${node.textContent} is ${px} px`);
        if (!(box.height * scale >= 27.9)) faults.push(`${node.textContent} is ${box.height * scale} px high`);
      }
      return faults;
    });
    assert.deepEqual(faults, []);
  });
}

for (const theme of ["light", "dark"]) {
  for (const [size, width, height] of [["wide", 1440, 900], ["phone", 390, 844]]) {
    bookTest(`nothing bars a reader and nothing sticks out: map, ${theme}, ${size}`, { theme, width, height }, async ({ page, visit }) => {
      await visit("map/");
      await page.evaluate(() => document.fonts.ready.then(() => true));
      assert.deepEqual(await accessibilityFaults(page), []);
      const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(await sideways() <= 0);
      await shot(page, `${theme}-${size}`);
      await visit("map/?idea=grpo&why=3");
      await until(page, () => document.querySelectorAll(".map-steps > li").length === 3, "three steps");
      await new Promise((done) => setTimeout(done, 900));
      assert.deepEqual(await accessibilityFaults(page), []);
      assert.ok(await sideways() <= 0);
      await shot(page, `${theme}-${size}-why`);
    });
  }
}

bookTest("the list is there without JavaScript", { script: false }, async ({ page, visit, watched }) => {
  watched.allow(/^request failed: .*\.(js|wasm) $/);
  await visit("map/");
  const [rows, links] = await page.$eval("main", (main) => [
    main.querySelectorAll(".map-list [data-idea]").length,
    [...main.querySelectorAll(".map-svg.wide a")].map((a) => a.getAttribute("href")),
  ]);
  assert.equal(rows, 93);
  assert.equal(new Set(links).size, 93);
});
