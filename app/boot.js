// Starts the WebAssembly named by this script's own tag. The site's files are at its root: where <base> leads, or above
// that, as the document says in data-root.
const tag = document.querySelector("script[data-wasm]");
const root = new URL(document.documentElement.dataset.root ?? ".", document.baseURI);
const at = (file) => new URL(file, root).href;
const { default: init } = await import(at(tag.dataset.js));
await init({ module_or_path: at(tag.dataset.wasm) });

// Once the page is live, the book is kept for reading without a network, unless the reader asked the browser to save data.
// The page hears of it by events: "book-kept", "book-renewed" when another edition waits; and says "book-renew" to get it.
const keeper = document.querySelector("meta[name='offline']")?.content;
if (keeper && navigator.serviceWorker && !navigator.connection?.saveData) {
  try {
    await keep(await navigator.serviceWorker.register(at(keeper)));
  } catch (error) {
    // Private windows may refuse; the book is then read online, as any page.
    console.info(`not kept for reading offline: ${error.message}`);
  }
}

async function keep(registration) {
  const { serviceWorker } = navigator;
  const say = (name) => window.dispatchEvent(new Event(name));
  const offer = () => registration.waiting && serviceWorker.controller && say("book-renewed");
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => worker.state === "installed" && offer());
  });
  window.addEventListener("book-renew", () => {
    serviceWorker.addEventListener("controllerchange", () => window.location.reload(), { once: true });
    registration.waiting?.postMessage("take over");
  });
  offer();
  await serviceWorker.ready;
  say("book-kept");
}
