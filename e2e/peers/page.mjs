// What runs in the browser: opens every engine, prepares a case in each, and times what run.mjs asks for.

import { cases, errorOf, kinds } from "./cases.mjs";

/** An error above this part of the largest output is a wrong answer. */
const TOLERANCE = 1e-4;
/** Of a run this long, what the first one costs more is no longer worth another. */
const LONG_MS = 3000;
const files = { ours: "ours.mjs", ort: "ort.mjs", tfjs: "tfjs.mjs", jax: "jax.mjs" };

const engines = new Map();
let current;
let ready = new Map();

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Prepared, run once and found right, or an error. */
async function checked(prepare, c, inputs) {
  const prepared = await prepare();
  try {
    const first = await timed(() => prepared.run(1));
    const error = errorOf(c, inputs, await prepared.read());
    if (!(error <= TOLERANCE)) throw new Error(`${prepared.how}: wrong by ${error.toExponential(1)} of the largest output`);
    return { prepared, first, error };
  } catch (error) {
    await prepared.dispose();
    throw error;
  }
}

globalThis.bench = {
  /** Opens engines; what each says of itself, or why it does not open. */
  async open(backend, names) {
    const opened = {};
    for (const name of names) {
      try {
        const { open } = await import(`./engines/${files[name]}`);
        engines.set(name, await open(backend));
        opened[name] = { about: engines.get(name).about };
      } catch (error) {
        opened[name] = { error: String(error.message ?? error) };
      }
    }
    return opened;
  },

  async adapter() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return "no WebGPU";
    const { vendor, architecture, device, description } = adapter.info;
    return description || [vendor, architecture, device].filter(Boolean).join(" ") || "an adapter without a name";
  },

  /** Makes the inputs of a case; which engines are open to prepare it. */
  begin(name) {
    const c = cases.find((one) => one.name === name);
    current = { c, inputs: kinds[c.kind].inputs(c), shape: kinds[c.kind].shape(c) };
    ready = new Map();
    return [...engines.keys()];
  },

  /** Prepares the case in one engine. Of several ways an engine knows, the fastest that is right is kept. */
  async prepare(name) {
    const { c, inputs, shape } = current;
    const { prepare, ways } = engines.get(name);
    const failed = [];
    let best;
    try {
      for (const way of ways ? ways(c, inputs, shape) : [() => prepare(c, inputs)]) {
        try {
          const found = await checked(way, c, inputs);
          const ms = found.first > LONG_MS ? found.first : await timed(() => found.prepared.run(1));
          if (best && best.ms <= ms) await found.prepared.dispose();
          else {
            await best?.prepared.dispose();
            best = { ...found, ms };
          }
        } catch (error) {
          failed.push(String(error.message ?? error));
        }
      }
    } catch (error) {
      failed.push(String(error.message ?? error));
    }
    if (!best) return { failed };
    ready.set(name, best.prepared);
    return { how: best.prepared.how, firstMs: best.first, error: best.error, estimateMs: best.ms, failed };
  },

  /** Milliseconds a run, of `count` runs back to back, the device having finished. */
  async sample(engine, count) {
    return (await timed(() => ready.get(engine).run(count))) / count;
  },

  async end() {
    for (const prepared of ready.values()) await prepared.dispose();
    ready = new Map();
  },
};
