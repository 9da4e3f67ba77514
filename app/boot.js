// Starts the WebAssembly named by this script's own tag. The site's files are at its root: where <base> leads, or above
// that, as the document says in data-root.
const tag = document.querySelector("script[data-wasm]");
const root = new URL(document.documentElement.dataset.root ?? ".", document.baseURI);
const at = (file) => new URL(file, root).href;
const { default: init } = await import(at(tag.dataset.js));
await init({ module_or_path: at(tag.dataset.wasm) });
