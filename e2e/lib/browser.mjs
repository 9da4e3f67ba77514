// Starting the browser under test with WebGPU on, whether the machine has a GPU or not.
//
// BROWSER is `chromium` or `firefox`, BROWSER_PATH its program. puppeteer-core drives both as their makers ship them.

import puppeteer from "puppeteer-core";

export const name = process.env.BROWSER ?? "chromium";

const usual = { chromium: "/usr/bin/chromium", firefox: "/usr/bin/firefox-esr" };

const chromiumFlags = [
  "--headless=new",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  // What follows keeps the browser from talking to anyone but the page.
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const firefoxPreferences = {
  "dom.webgpu.enabled": true,
  "gfx.webgpu.ignore-blocklist": true,
  "gfx.webgpu.force-enabled": true,
  // As with the flags above: silence towards the rest of the network.
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

// Firefox takes the reader's colour scheme, and whether scripts run, as preferences of the whole browser. So for each
// choice of those there is a browser of its own, started when first asked for.
const running = new Map();

function browserFor(theme, script) {
  const key = name === "firefox" ? `${theme} ${script}` : "any";
  if (!running.has(key)) {
    running.set(key, puppeteer.launch({
      browser: name === "firefox" ? "firefox" : "chrome",
      executablePath: process.env.BROWSER_PATH ?? usual[name],
      headless: true,
      args: name === "firefox" ? [] : chromiumFlags,
      extraPrefsFirefox: {
        ...firefoxPreferences,
        "layout.css.prefers-color-scheme.content-override": theme === "dark" ? 0 : 1,
        "javascript.enabled": script,
      },
      // Software WebGPU can keep a page busy for minutes.
      protocolTimeout: 240_000,
    }));
  }
  return running.get(key);
}

/** A page of its own, with nothing stored by any other. `theme` is what the reader's system prefers. */
export async function openPage({ theme = "light", width = 1280, height = 900, script = true } = {}) {
  const browser = await browserFor(theme, script);
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width, height });
  if (name !== "firefox") {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    await page.setJavaScriptEnabled(script);
  }
  return { page, close: () => context.close() };
}

export async function closeBrowsers() {
  await Promise.all([...running.values()].map(async (browser) => (await browser).close()));
  running.clear();
}
