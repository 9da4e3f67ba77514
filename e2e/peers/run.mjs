// The book's engine and its peers on the same cases, in the same browser, in turn.
//
//   node run.mjs --site FOLDER [--backend webgpu|wasm] [--filter TEXT] [--rounds N] [--json FILE] [--markdown FILE]
//
// FOLDER holds the built engine.js. `cargo xtask bench --peers` builds it, installs the packages and calls this.
// Each engine prepares a case with its inputs on its device, and its outputs are held to double precision. Then all
// are timed in turn over several rounds, several runs a sample where a run is short; a sample ends when the device has
// finished. Medians are reported. What a run includes stands at the top of each file in engines/. Where the system tells
// (Linux), the processor time of all the browser's processes is taken too: other work on the machine does not add to it.

import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus, loadavg } from "node:os";
import { extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { closeBrowsers, openPage } from "../lib/browser.mjs";
import { cases, kinds } from "./cases.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));

const { values: options } = parseArgs({
  options: {
    site: { type: "string" },
    backend: { type: "string" },
    filter: { type: "string", default: "" },
    rounds: { type: "string", default: "7" },
    json: { type: "string" },
    markdown: { type: "string" },
  },
});

/** A sample fills this many milliseconds, if runs are short. */
const SAMPLE_MS = 60;
/** Runs so slow that all rounds would take longer than this are sampled in fewer rounds. */
const BUDGET_MS = 20_000;

const names = { ours: "this engine", ort: "onnxruntime-web", tfjs: "tfjs", jax: "jax-js" };
const backends = { webgpu: ["ours", "ort", "tfjs", "jax"], wasm: ["ours", "ort", "jax"] };

const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** The page, the engine's build and the peers' packages, on this machine alone. */
function serve(site) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const root = path.startsWith("/site/") ? site : resolve(here);
    const file = join(root, path.startsWith("/site/") ? path.slice("/site".length) : path);
    const found = file.startsWith(root) && statSync(file, { throwIfNoEntry: false })?.isFile();
    if (!found) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A process and all that it and its children started, by the numbers of their parents. */
function family(pid) {
  const children = new Map();
  for (const name of readdirSync("/proc")) {
    const status = /^\d+$/.test(name) && readIfThere(`/proc/${name}/stat`);
    if (!status) continue;
    // The name in brackets may hold anything; after it come the state and the parent.
    const parent = Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = [pid];
  for (let i = 0; i < all.length; i++) all.push(...(children.get(all[i]) ?? []));
  return all;
}

/** What a file holds; nothing if its process or thread is gone. */
function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Milliseconds that a browser's processes have spent on processors so far; undefined where the system does not tell. */
function processorMs(pid) {
  if (!statSync(`/proc/${pid}/schedstat`, { throwIfNoEntry: false })) return undefined;
  let ns = 0;
  for (const one of family(pid)) {
    let threads = [];
    try {
      threads = readdirSync(`/proc/${one}/task`);
    } catch {
      continue; // it has just ended
    }
    for (const thread of threads) ns += Number(readIfThere(`/proc/${one}/task/${thread}/schedstat`).split(" ")[0]);
  }
  return ns / 1e6;
}

/** Measures one case in all engines that are open in the page. */
async function measure(page, c) {
  const open = await page.evaluate((name) => globalThis.bench.begin(name), c.name);
  const outcomes = {};
  for (const engine of open) outcomes[engine] = await page.evaluate((name) => globalThis.bench.prepare(name), engine);
  const runners = Object.keys(outcomes).filter((engine) => outcomes[engine].how);
  const samples = Object.fromEntries(runners.map((engine) => [engine, []]));
  const processor = Object.fromEntries(runners.map((engine) => [engine, []]));
  const { pid } = page.browser().process();
  for (let round = 0; round < Number(options.rounds); round++) {
    // Another goes first in every round, so that none always follows the same one.
    for (let i = 0; i < runners.length; i++) {
      const engine = runners[(round + i) % runners.length];
      const { estimateMs } = outcomes[engine];
      if (round > 0 && (round + 1) * estimateMs > BUDGET_MS) continue;
      const count = Math.max(1, Math.min(200, Math.ceil(SAMPLE_MS / Math.max(estimateMs, 0.01))));
      const before = processorMs(pid);
      samples[engine].push(await page.evaluate((e, n) => globalThis.bench.sample(e, n), engine, count));
      if (before !== undefined) processor[engine].push((processorMs(pid) - before) / count);
    }
  }
  await page.evaluate(() => globalThis.bench.end());

  const { flops, bytes } = kinds[c.kind];
  const [work, unit] = flops ? [flops(c), "GFLOP/s"] : [bytes(c), "GB/s"];
  for (const engine of runners) {
    const ms = median(samples[engine]);
    Object.assign(outcomes[engine], { ms, samplesMs: samples[engine], rate: work / ms / 1e6 });
    if (processor[engine].length) outcomes[engine].processorMs = median(processor[engine]);
  }
  const rivals = runners.filter((engine) => engine !== "ours").sort((a, b) => outcomes[a].ms - outcomes[b].ms);
  const fastest = rivals[0];
  const ratio = fastest && outcomes.ours?.ms ? outcomes[fastest].ms / outcomes.ours.ms : undefined;
  const least = Math.min(...rivals.map((engine) => outcomes[engine].processorMs ?? Infinity));
  const processorRatio = outcomes.ours?.processorMs && least < Infinity ? least / outcomes.ours.processorMs : undefined;
  return { case: c.name, unit, engines: outcomes, fastestRival: fastest, ratio, processorRatio, load: loadavg()[0] };
}

const digits = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toPrecision(2));

/** A table of texts, columns aligned; Markdown's, which reads well as it is. */
function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length), 3));
  const line = (row) => `| ${row.map((text, i) => (i ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i ? `${"-".repeat(width + 1)}:` : `-${"-".repeat(width)}-`)).join("|")}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}

/** The table of one backend, and notes on what did not run. */
function report({ backend, opened, results }) {
  const columns = backends[backend];
  const notes = Object.entries(opened).flatMap(([engine, { error }]) =>
    error ? [`- ${names[engine]} did not open: ${error.split("\n")[0]}`] : [],
  );
  const rows = [["case", "unit", ...columns.map((engine) => names[engine]), "fastest rival", "ours / it", "by processor time"]];
  for (const result of results) {
    const cells = columns.map((engine) => {
      const outcome = result.engines[engine];
      for (const error of outcome?.failed ?? []) {
        const what = error.replaceAll(/\s+/g, " ").slice(0, 240);
        notes.push(`- ${result.case}, ${names[engine]}${outcome.how ? ` (instead: ${outcome.how})` : ""}: ${what}`);
      }
      return outcome?.rate ? digits(outcome.rate) : "-";
    });
    const times = (ratio) => (ratio ? `${ratio.toFixed(2)}x` : "-");
    rows.push([result.case, result.unit, ...cells, names[result.fastestRival] ?? "-", times(result.ratio), times(result.processorRatio)]);
  }
  return [table(rows), ...(notes.length ? ["", "Not measured, and why:", "", ...new Set(notes)] : [])].join("\n");
}

/** Replaces what stands between the markers of a section, or adds them at the end. */
function replaceSection(file, name, text) {
  const [begin, end] = [`<!-- ${name}: written by the command below -->`, `<!-- end of ${name} -->`];
  const old = statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, "utf8") : "";
  const section = `${begin}\n\n${text}\n\n${end}`;
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  const replaced =
    from < 0 || to < from ? `${old.trimEnd()}\n\n${section}\n` : old.slice(0, from) + section + old.slice(to + end.length);
  writeFileSync(file, replaced.trimStart());
}

async function main() {
  if (!options.site) throw new Error("--site FOLDER is wanted: where the built engine.js is");
  const chosen = cases.filter((c) => c.name.includes(options.filter));
  if (!chosen.length) {
    throw new Error(`no case has '${options.filter}' in its name: ${cases.map((c) => c.name).join(", ")}`);
  }
  const wanted = options.backend ? [options.backend] : Object.keys(backends);
  for (const backend of wanted) if (!backends[backend]) throw new Error(`no backend ${backend}: webgpu or wasm`);

  const server = await serve(resolve(options.site));
  const address = `http://127.0.0.1:${server.address().port}/page.html`;
  const all = [];
  const strangers = new Set();
  let machine;
  try {
    for (const backend of wanted) {
      // A fresh page each, so that no engine's leavings slow another backend down.
      const { page, close } = await openPage();
      page.on("console", (message) => ["error", "warn"].includes(message.type()) && console.error(`   page: ${message.text()}`));
      page.on("pageerror", (error) => console.error(`   page: ${error.message}`));
      page.on("request", (request) => {
        const { protocol, hostname } = new URL(request.url());
        if (protocol.startsWith("http") && hostname !== "127.0.0.1") strangers.add(hostname);
      });
      await page.goto(address);
      await page.waitForFunction(() => globalThis.bench);
      machine ??= {
        cpu: `${cpus()[0].model.trim()}, ${cpus().length} cores`,
        browser: await page.browser().version(),
        adapter: await page.evaluate(() => globalThis.bench.adapter()),
        date: new Date().toISOString().slice(0, 10),
      };
      const opened = await page.evaluate((b, n) => globalThis.bench.open(b, n), backend, backends[backend]);
      console.log(`\n${backend}: ${Object.values(opened).map(({ about, error }) => about ?? error).join("; ")}`);
      const results = [];
      for (const c of chosen) {
        const result = await measure(page, c);
        results.push(result);
        const cells = Object.entries(result.engines).map(([engine, { ms, failed }]) =>
          ms ? `${names[engine]} ${digits(ms)} ms` : `${names[engine]}: ${failed.join("; ").slice(0, 160)}`,
        );
        console.log(`   ${c.name}: ${cells.join(", ")}  [load ${result.load.toFixed(1)}]`);
      }
      all.push({ backend, opened, results });
      await close();
    }
  } finally {
    await closeBrowsers();
    server.close();
  }

  if (strangers.size) throw new Error(`the page asked other hosts: ${[...strangers].join(", ")}`);
  for (const one of all) console.log(`\n${one.backend}, ${machine.adapter}\n\n${report(one)}`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, backends: all }, null, 1)}\n`);
  if (options.markdown && options.filter) console.log(`\n${options.markdown} is left as it is: not all cases were run`);
  if (options.markdown && !options.filter) {
    for (const one of all) {
      const where = one.backend === "webgpu" ? `WebGPU adapter: ${machine.adapter}` : "WebAssembly, one thread";
      const load = Math.max(...one.results.map((result) => result.load)).toFixed(1);
      const about = `${machine.date}; ${machine.cpu}; ${machine.browser}; ${where}; load of the machine up to ${load}. \`cargo xtask bench --peers --backend ${one.backend}\``;
      replaceSection(options.markdown, `peers ${one.backend}`, `${about}\n\n${report(one)}`);
    }
    console.log(`\nwrote ${options.markdown}`);
  }
}

await main();
