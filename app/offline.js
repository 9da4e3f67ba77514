// The book without a network: a service worker that keeps every page once the first one has been read.
//
// The build writes two lists above this text: FILES, every file of the site with the hash of its content, and READING,
// those of them that reading needs. READING is fetched at once; the rest (models, recorded runs, the exhibits' programs)
// is kept when it is first used. An entry of the cache is named by path and hash, so two editions of the site live side by
// side in one cache: a page gets all its files from the edition that it belongs to, and what did not change is not
// fetched again. The next edition waits until no page of this one is open, or until the reader asks for it.

/* global FILES, READING */

const CACHE = "the-field-rhymes";
const AT_ONCE = 4;
const root = new URL("./", self.location);

self.addEventListener("install", (event) => event.waitUntil(keepReading()));
self.addEventListener("activate", (event) => event.waitUntil(sweep().then(() => self.clients.claim())));
self.addEventListener("message", ({ data }) => {
  if (data === "take over") self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  // A part of a file is the network's business.
  if (request.method !== "GET" || url.origin !== root.origin || request.headers.has("range")) return;
  if (!url.pathname.startsWith(root.pathname)) return;
  const path = decodeURI(url.pathname.slice(root.pathname.length)).replace(/(^|\/)index\.html$/, "$1");
  if (path in FILES) {
    event.respondWith(answer(event, path));
  } else if (`${path}/` in FILES && request.mode === "navigate") {
    event.respondWith(Response.redirect(new URL(`${path}/${url.search}`, root), 301));
  } else if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => answer(event, "404.html")));
  }
});

/** What stands for a file in the cache: its address with its hash. */
const entry = (path) => new URL(`${encodeURI(path)}?${FILES[path]}`, root).href;

async function answer(event, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(entry(path));
  if (kept) return kept;
  const response = await fetch(event.request);
  // Whether it can be kept is no concern of who asked for it.
  if (response.ok) event.waitUntil(keep(cache, path, response.clone()).catch(() => {}));
  return response;
}

/** Keeps a file if it is the one this edition means; a host that is just being given another edition has others. */
async function keep(cache, path, response) {
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  const body = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  const hash = [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hash !== FILES[path]) throw new Error(`${path} is of another edition`);
  const type = response.headers.get("content-type") ?? "";
  // A response made afresh, because one that came by a redirect may not answer for a page.
  await cache.put(entry(path), new Response(body, { headers: { "content-type": type } }));
}

async function keepReading() {
  const cache = await caches.open(CACHE);
  const waiting = [...READING];
  const fetchNext = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      if (await cache.match(entry(path))) continue;
      await keep(cache, path, await fetch(new URL(encodeURI(path), root), { cache: "no-cache", priority: "low" }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fetchNext));
}

/** Lets go of what only earlier editions had. */
async function sweep() {
  const cache = await caches.open(CACHE);
  const current = new Set(Object.keys(FILES).map(entry));
  for (const request of await cache.keys()) {
    if (!current.has(request.url)) await cache.delete(request);
  }
}
