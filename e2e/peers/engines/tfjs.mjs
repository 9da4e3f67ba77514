// TensorFlow.js, its WebGPU backend: tensors on the device, ops as a user calls them.
//
// A run calls the ops and drops the last result; after the last run the queue is flushed and waited for.

const folder = "/node_modules/@tensorflow";

function script(address) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { src: address, onload: resolve });
    element.onerror = () => reject(new Error(`no ${address}`));
    document.head.append(element);
  });
}

const kinds = {
  matmul: (tf, c, { a, b }) => tf.matMul(a, b),
  softmax: (tf, c, { x }) => tf.softmax(x, -1),
  // There is no op for it: moments, and the arithmetic around them.
  layerNorm(tf, c, { x, gain, bias }) {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), gain), bias);
  },
  attention(tf, c, { q, k, v, mask }) {
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(c.d));
    return tf.matMul(tf.softmax(mask ? tf.add(scores, mask) : scores, -1), v);
  },
  conv2d: (tf, c, { x, w }) => tf.conv2d(x, w, 1, "same"),
};

/** Where a case's layout is not the library's own: images have their channels last. */
const layouts = {
  attention(tf, c, inputs) {
    if (!c.causal) return inputs;
    const mask = new Float32Array(c.t * c.t);
    for (let i = 0; i < c.t; i++) mask.fill(-1e9, i * c.t + i + 1, (i + 1) * c.t);
    return { ...inputs, mask: { data: mask, shape: [1, 1, c.t, c.t] } };
  },
  conv2d(tf, c, { x, w }) {
    const [image, kernel] = [x, w].map(({ data, shape }) => tf.tensor(data, shape));
    const turned = { x: tf.transpose(image, [0, 2, 3, 1]), w: tf.transpose(kernel, [2, 3, 1, 0]) };
    tf.dispose([image, kernel]);
    return turned;
  },
};

export async function open() {
  await script(`${folder}/tfjs-core/dist/tf-core.min.js`);
  await script(`${folder}/tfjs-backend-cpu/dist/tf-backend-cpu.min.js`);
  await script(`${folder}/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js`);
  const { tf } = globalThis;
  if (!(await tf.setBackend("webgpu"))) throw new Error("its WebGPU backend does not start");
  await tf.ready();
  const backend = tf.backend();
  return {
    about: `tfjs ${tf.version_core}`,
    async prepare(c, inputs) {
      const op = kinds[c.kind];
      if (!op) throw new Error("skipped: it has no such op");
      const laid = layouts[c.kind]?.(tf, c, inputs) ?? inputs;
      const tensors = Object.fromEntries(
        Object.entries(laid).map(([name, one]) => [name, one instanceof tf.Tensor ? one : tf.tensor(one.data, one.shape)]),
      );
      // A read puts the inputs onto the device.
      for (const tensor of Object.values(tensors)) tf.dispose(tf.add(tensor, 0));
      let last;
      return {
        how: c.kind,
        async run(count) {
          for (let i = 0; i < count; i++) {
            last?.dispose();
            last = tf.tidy(() => op(tf, c, tensors));
          }
          backend.endComputePassEncoder();
          backend.submitQueue();
          await backend.device.queue.onSubmittedWorkDone();
        },
        async read() {
          const turned = c.kind === "conv2d" ? tf.transpose(last, [0, 3, 1, 2]) : last.clone();
          const data = await turned.data();
          turned.dispose();
          return data;
        },
        dispose() {
          last?.dispose();
          tf.dispose(Object.values(tensors));
        },
      };
    },
  };
}
