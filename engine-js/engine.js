// The engine of The Field Rhymes for any page: WGSL kernels on the GPU, their Rust fast paths on the CPU.
// Types and documentation stand in engine.d.ts.

import start, { Core, ops as list } from "./engine-core.js";

let started;

export class Engine {
  #core;

  constructor(core) {
    this.#core = core;
  }

  static async create({ device = "auto" } = {}) {
    started ??= start({ module_or_path: new URL("engine-core_bg.wasm", import.meta.url) });
    await started;
    return new Engine(await Core.open(device));
  }

  get device() {
    return this.#core.kind;
  }

  get adapter() {
    return this.#core.adapter;
  }

  get why() {
    return this.#core.why;
  }

  ops() {
    return list();
  }

  async prepare(op, inputs, attributes = {}) {
    return new Prepared(await this.#core.prepare(op, inputs, attributes));
  }

  dispose() {
    this.#core.free();
  }
}

class Prepared {
  #call;

  constructor(call) {
    this.#call = call;
  }

  get flops() {
    return this.#call.flops;
  }

  get bytesMoved() {
    return this.#call.bytesMoved;
  }

  get launches() {
    return this.#call.launches;
  }

  async run(count = 1) {
    await this.#call.run(count);
  }

  async read() {
    return await this.#call.read();
  }

  dispose() {
    this.#call.free();
  }
}
