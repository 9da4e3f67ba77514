// jax-js: each case a function under `jit`, on WebGPU or on wasm (one thread: this page is not isolated).
//
// A run calls the compiled function. Work is not begun before it is asked for, and never if its result was dropped
// before, so results are kept in lots of eight and each lot is waited for.

const address = "/node_modules/@jax-js/jax/dist/index.js";

const kinds = {
  matmul: ({ numpy }, c) => (a, b) => numpy.matmul(a, b),
  softmax: ({ nn }) => (x) => nn.softmax(x, -1),
  layerNorm: ({ nn, numpy }) => (x, gain, bias) => numpy.add(numpy.multiply(nn.standardize(x, -1), gain), bias),
  // Heads come after positions there; the inputs are laid out so, and the output is turned back to be checked.
  attention: ({ nn }, c) => (q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: c.causal }),
  conv2d: ({ lax }, c) => (x, w) => lax.conv(x, w, [1, 1], "SAME"),
};

function swapMiddle(data, [batch, first, second, d]) {
  const moved = new Float32Array(data.length);
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < first; i++)
      for (let j = 0; j < second; j++) {
        const from = ((b * first + i) * second + j) * d;
        moved.set(data.subarray(from, from + d), ((b * second + j) * first + i) * d);
      }
  return moved;
}

export async function open(backend) {
  const jax = await import(address);
  const started = await jax.init(backend);
  if (!started.includes(backend)) throw new Error(`its ${backend} backend does not start`);
  return {
    about: "jax-js",
    async prepare(c, inputs) {
      if (!kinds[c.kind]) throw new Error("skipped: it has no such op");
      jax.defaultDevice(backend);
      const heads = c.kind === "attention";
      const arrays = Object.values(inputs).map(({ data, shape: [b, h, t, d], shape }) =>
        heads
          ? jax.numpy.array(swapMiddle(data, shape), { shape: [b, t, h, d], device: backend })
          : jax.numpy.array(data, { shape, device: backend }),
      );
      await jax.blockUntilReady(arrays);
      const compiled = jax.jit(kinds[c.kind](jax, c));
      let results = [];
      return {
        how: c.kind,
        async run(count) {
          for (let done = 0; done < count; done += results.length) {
            for (const result of results) result.dispose();
            const lot = Math.min(8, count - done);
            results = Array.from({ length: lot }, () => compiled(...arrays.map((array) => array.ref)));
            await jax.blockUntilReady(results);
          }
        },
        async read() {
          const data = await results[0].ref.data();
          return heads ? swapMiddle(data, [1, c.t, c.heads, c.d]) : data;
        },
        dispose() {
          for (const result of results) result.dispose();
          for (const array of arrays) array.dispose();
          compiled.dispose?.();
        },
      };
    },
  };
}
