// Fetches the parts of the program that a page shows. The build puts in its places which pieces there are and who needs
// them (xtask/src/program.rs). A piece is a module that runs in the main module's memory and is called through its table.
//
// What several parts share and is large is a file of its own; the rest of a part is one file, a module that does nothing
// and holds the pieces as its custom sections.
import { initSync } from "./app.js";

const SHARED = /* names */ [];
const PARTS = /* parts */ {};

/** What the main module lends to the pieces. */
const lent = () => {
  const main = initSync(undefined, undefined);
  return { __wasm_split: Object.fromEntries(SHARED.map((name) => [name, main[name]])) };
};

const fetched = (file) => fetch(new URL(file, import.meta.url));

/** Does a thing once, unless it fails: then it is done again when it is asked for again. */
const done = new Map();
function once(name, work) {
  if (!done.has(name)) {
    const doing = work();
    doing.catch(() => done.delete(name));
    done.set(name, doing);
  }
  return done.get(name);
}

async function load({ file, inside, apart }) {
  const own = once(file, () => WebAssembly.compileStreaming(fetched(file)));
  const shared = apart.map((name) => once(name, () => WebAssembly.instantiateStreaming(fetched(name), lent())));
  const [pieces] = await Promise.all([own, ...shared]);
  const add = (name) =>
    once(name, () => WebAssembly.instantiate(WebAssembly.Module.customSections(pieces, name)[0], lent()));
  await Promise.all(inside.map(add));
}

/** The main module's way to ask for a part: it is called back when the part is there, or will not come. */
const loader = (part) => async (callback, data) => {
  const came = await load(PARTS[part]).then(() => true, (error) => {
    console.error(`The part ${part} of the program did not come: ${error}`);
    return false;
  });
  lent().__wasm_split.__indirect_function_table.get(callback)(data, came);
};

/* exports */
