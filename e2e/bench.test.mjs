// The bench page: real times, between ceilings, exported as they are shown.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { name as browserName } from "./lib/browser.mjs";
import { bookTest, until } from "./lib/book.mjs";

bookTest("cases are timed, and a reader may stop", { timeout: 180_000, width: 1440 }, async ({ page, visit }) => {
  await visit("bench/?device=cpu");
  assert.equal(await page.evaluate(() => document.getElementById("bench-json").textContent), "[]");
  await page.evaluate(() => document.getElementById("bench-run").click());
  await until(page, () => document.querySelectorAll("#bench-table tbody tr").length >= 4, "four cases", { timeout: 120_000 });
  await page.evaluate(() => document.getElementById("bench-stop").click());
  await until(page, () => document.getElementById("bench-state").dataset.phase === "stopped", "a stop");
  const rows = JSON.parse(await page.evaluate(() => document.getElementById("bench-json").textContent));
  assert.ok(rows.length >= 4);
  const row = (part) => rows.find(({ case: name }) => name.includes(part));
  for (const each of rows) {
    assert.ok(each.time_ms > 0 && each.runs >= 3, each.case);
    assert.ok(Math.abs(each.gflops - each.flops / each.time_ms / 1e6) <= 1e-6 * each.gflops, each.case);
    assert.ok(Math.abs(each.gbytes - each.bytes_moved / each.time_ms / 1e6) <= 1e-6 * each.gbytes, each.case);
  }
  assert.equal(row("ceiling: copy").of_copy, 1);
  assert.equal(row("ceiling: multiply-add").of_multiply_add, 1);
  assert.equal(row("matmul 256").flops, 2 * 256 ** 3);
  assert.equal(row("matmul 256").bytes_moved, 3 * 4 * 256 ** 2);
  const csv = decodeURIComponent(await page.evaluate(() => document.getElementById("bench-save-csv").href.split(",").slice(1).join(",")));
  assert.equal(csv.trim().split("\n").length, rows.length + 1);
  assert.deepEqual(await accessibilityFaults(page), []);
  const folder = new URL("screenshots/", import.meta.url).pathname;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}bench-wide-light-${browserName}.png`, fullPage: true });
  await page.setViewport({ width: 390, height: 844 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "a phone holds it");
  await page.screenshot({ path: `${folder}bench-phone-light-${browserName}.png`, fullPage: true });
});
