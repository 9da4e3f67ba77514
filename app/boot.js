// Starts the WebAssembly named by this script's own tag. Addresses are relative to <base>, wherever the site is mounted.
const tag = document.querySelector("script[data-wasm]");
const at = (file) => new URL(file, document.baseURI).href;
const { default: init } = await import(at(tag.dataset.js));
await init({ module_or_path: at(tag.dataset.wasm) });
