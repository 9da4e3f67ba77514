// The watcher must see what it is there to see: one misdeed a test, done on purpose.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { bookTest } from "./lib/book.mjs";

const misdeeds = {
  "an error in the console": [/^console: oh no/, () => console.error("oh no")],
  "an exception": [/^exception: .*oh no/, () => setTimeout(() => { throw new Error("oh no"); })],
  "a rejected promise": [/^exception: .*oh no/, () => void setTimeout(() => Promise.reject(new Error("oh no")))],
  "a missing file": [/^status 404: .*nothing\.json/, () => void fetch("nothing.json")],
  "a request to another host": [/127\.0\.0\.2/, () => void fetch("http://127.0.0.2:9/").catch(() => {})],
  "an inline script": [/^console: breach of script-src/, () => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  }],
  "an inline style": [/^console: breach of style-src/, () => document.body.setAttribute("style", "color: red")],
};

for (const [name, [pattern, misdeed]] of Object.entries(misdeeds)) {
  bookTest(`the watcher sees ${name}`, async ({ page, visit, watched }) => {
    await visit("");
    assert.deepEqual(watched.complaints(), [], "all is well before");
    await page.evaluate(misdeed);
    const seen = () => watched.complaints().some((text) => pattern.test(text));
    for (let wait = 0; wait < 50 && !seen(); wait++) await sleep(100);
    assert.ok(seen(), `among ${JSON.stringify(watched.complaints())}`);
    watched.allow(/./);
  });
}
