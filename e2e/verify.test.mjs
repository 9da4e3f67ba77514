// The verification page: every kernel's cases in this browser, against the CPU twins.

import assert from "node:assert/strict";
import { bookTest, until } from "./lib/book.mjs";

for (const device of ["gpu", "cpu"]) {
  bookTest(`every case agrees with its twin on the ${device}`, { timeout: 600_000 }, async ({ page, visit }) => {
    await visit(`verify/?device=${device}`);
    await page.evaluate(() => document.getElementById("verify-run").click());
    await until(page, () => ["done", "stopped"].includes(document.getElementById("verify-state").dataset.phase), "all cases", { timeout: 580_000 });
    const report = await page.$eval("#verify-report", (e) => e.textContent);
    assert.equal(await page.$eval("#verify-state", (e) => e.dataset.phase), "done", report);
    assert.match(report, /tensors compared, 0 wrong/, report);
    const rows = await page.$$eval("#verify-table tbody tr", (rows) => rows.length);
    assert.ok(rows > 20, `${rows} ops`);
  });
}
