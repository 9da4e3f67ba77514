// The engine of the book, through `engine.js`.
//
// `run(n)` submits n runs and resolves when the device has done them. Inputs and outputs stay on the device.

import { Engine } from "/site/engine.js";
import { GROUP } from "../cases.mjs";

export async function open(backend) {
  const engine = await Engine.create({ device: backend === "webgpu" ? "gpu" : "cpu" });
  const listed = new Set(engine.ops().map((op) => op.name));

  /** The first of these ops that this build has. */
  const pick = (...names) => {
    const found = names.find((name) => listed.has(name));
    if (!found) throw new Error(`skipped: this build has no op ${names.join(" or ")}`);
    return found;
  };

  /** For each kind: the op, its inputs and attributes, and the output to check. */
  const calls = {
    matmul: (c, { a, b }) => [pick("matmul"), { a, b }, {}],
    softmax: (c, { x }) => [pick("softmax"), { x }, {}],
    layerNorm: (c, { x, gain, bias }) => [pick("layer_norm"), { x, gain, bias }, {}],
    attention: (c, { q, k, v }) => [pick("flash_attention", "attention"), { q, k, v }, { causal: c.causal }, "output"],
    async int4(c, { x, w }) {
      const op = pick("quantized_matmul");
      const format = `int4/group${GROUP}`;
      const quantize = await engine.prepare(pick("quantize"), { w }, { format });
      await quantize.run();
      const { packed, steps } = await quantize.read();
      quantize.dispose();
      return [op, { x, packed, steps }, { format, n: c.n }];
    },
    conv2d: (c, { x, w }) => [pick("conv2d"), { x, w }, { padding: (c.size - 1) / 2 }],
  };

  return {
    about: `${engine.adapter}`,
    async prepare(c, inputs) {
      const [op, tensors, attributes, output] = await calls[c.kind](c, inputs);
      const call = await engine.prepare(op, tensors, attributes);
      return {
        how: op,
        run: (count) => call.run(count),
        async read() {
          const outputs = await call.read();
          return outputs[output ?? Object.keys(outputs)[0]].data;
        },
        dispose: () => call.dispose(),
      };
    },
  };
}
