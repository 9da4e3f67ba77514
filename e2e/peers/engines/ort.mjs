// onnxruntime-web: a model of the one operator, its inputs fed at every run as an application feeds them.
//
// On WebGPU inputs lie in GPU buffers and the output stays in one, so no transfer is timed; after the last run the
// queue is waited for. On wasm one thread runs, and inputs are copied into its memory at every run, as its interface
// has it. Weights that layers keep (of the convolution and in int4) are constants of the model, so it may repack them.

import { GROUP } from "../cases.mjs";
import { model } from "../onnx.mjs";

const files = "/node_modules/onnxruntime-web/dist/";

/** [batch, heads, t, d] to [batch, t, heads * d], which MultiHeadAttention takes. */
function headsLast({ data, shape: [, heads, t, d] }) {
  const moved = new Float32Array(data.length);
  for (let h = 0; h < heads; h++)
    for (let i = 0; i < t; i++) moved.set(data.subarray((h * t + i) * d, (h * t + i + 1) * d), (i * heads + h) * d);
  return { data: moved, shape: [1, t, heads * d] };
}

function headsFirst(data, { heads, t, d }) {
  const moved = new Float32Array(data.length);
  for (let h = 0; h < heads; h++)
    for (let i = 0; i < t; i++)
      moved.set(data.subarray((i * heads + h) * d, (i * heads + h + 1) * d), (h * t + i) * d);
  return moved;
}

/** Added to scores that a query may not see. */
function causalMask(t) {
  const data = new Float32Array(t * t);
  for (let i = 0; i < t; i++) data.fill(-1e9, i * t + i + 1, (i + 1) * t);
  return { data, shape: [1, 1, t, t] };
}

/** Codes of four bits, two a byte along k, with the steps of their groups: as MatMulNBits keeps a matrix. */
function pack({ m, k, n }, { w, steps }) {
  const groups = k / GROUP;
  const codes = new Uint8Array((n * k) / 2);
  const scales = new Float32Array(n * groups);
  for (let column = 0; column < n; column++)
    for (let row = 0; row < k; row++) {
      const step = steps.data[Math.floor(row / GROUP) * n + column];
      const code = Math.round(w.data[row * n + column] / step) + 8;
      codes[(column * k + row) >> 1] |= code << (4 * (row % 2));
      scales[column * groups + Math.floor(row / GROUP)] = step;
    }
  return {
    codes: { data: codes, shape: [n, groups, GROUP / 2] },
    scales: { data: scales, shape: [n * groups] },
  };
}

/** For each kind, the ways to say it, best first: nodes, inputs, constants; the one output is called y. */
const ways = {
  matmul: (c, { a, b }) => [{ nodes: [{ op: "MatMul", inputs: ["a", "b"], outputs: ["y"] }], inputs: { a, b } }],
  softmax: (c, { x }) => [
    { nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: -1 } }], inputs: { x } },
  ],
  layerNorm: (c, { x, gain, bias }) => [
    {
      nodes: [
        {
          op: "LayerNormalization",
          inputs: ["x", "gain", "bias"],
          outputs: ["y"],
          attributes: { axis: -1, epsilon: { float: 1e-5 } },
        },
      ],
      inputs: { x, gain, bias },
    },
  ],
  attention(c, { q, k, v }) {
    const turned = { data: transposed(k.data, c), shape: [1, c.heads, c.d, c.t] };
    const scale = { data: Float32Array.of(1 / Math.sqrt(c.d)), shape: [] };
    return [
      {
        nodes: [
          {
            op: "MultiHeadAttention",
            domain: "com.microsoft",
            inputs: ["q", "k", "v"],
            outputs: ["y"],
            attributes: { num_heads: c.heads, ...(c.causal && { unidirectional: 1 }) },
          },
        ],
        inputs: { q: headsLast(q), k: headsLast(k), v: headsLast(v) },
        shape: [1, c.t, c.heads * c.d],
        back: headsFirst,
      },
      {
        nodes: [
          { op: "MatMul", inputs: ["q", "turned"], outputs: ["products"] },
          { op: "Mul", inputs: ["products", "scale"], outputs: ["scores"] },
          ...(c.causal ? [{ op: "Add", inputs: ["scores", "mask"], outputs: ["masked"] }] : []),
          { op: "Softmax", inputs: [c.causal ? "masked" : "scores"], outputs: ["weights"], attributes: { axis: -1 } },
          { op: "MatMul", inputs: ["weights", "v"], outputs: ["y"] },
        ],
        inputs: { q, turned, v },
        constants: { scale, ...(c.causal && { mask: causalMask(c.t) }) },
      },
    ];
  },
  int4: (c, { x, w, steps }) => [
    {
      nodes: [
        {
          op: "MatMulNBits",
          domain: "com.microsoft",
          inputs: ["x", "codes", "scales"],
          outputs: ["y"],
          attributes: { K: c.k, N: c.n, bits: 4, block_size: GROUP },
        },
      ],
      inputs: { x },
      constants: pack(c, { w, steps }),
    },
  ],
  conv2d: (c, { x, w }) => [
    {
      nodes: [
        {
          op: "Conv",
          inputs: ["x", "w"],
          outputs: ["y"],
          attributes: { kernel_shape: [c.size, c.size], pads: Array(4).fill((c.size - 1) / 2), strides: [1, 1] },
        },
      ],
      inputs: { x },
      constants: { w },
    },
  ],
};

function transposed(data, { heads, t, d }) {
  const moved = new Float32Array(data.length);
  for (let h = 0; h < heads; h++)
    for (let i = 0; i < t; i++) for (let j = 0; j < d; j++) moved[(h * d + j) * t + i] = data[(h * t + i) * d + j];
  return moved;
}

export async function open(backend) {
  // The build for wasm alone is what an application without a GPU loads.
  const ort = await import(`${files}${backend === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs"}`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = files;
  ort.env.logLevel = "error";
  const gpu = backend === "webgpu";

  async function prepared(c, way, outputShape) {
    const shapes = Object.fromEntries(Object.entries(way.inputs).map(([name, { shape }]) => [name, shape]));
    const bytes = model({ ...way, inputs: shapes, outputs: { y: way.shape ?? outputShape } });
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: [backend],
      ...(gpu && { preferredOutputLocation: "gpu-buffer" }),
    });
    // It opens another device after its last session is released.
    const device = gpu ? await ort.env.webgpu.device : undefined;
    const buffers = [];
    const feed = ({ data, shape }) => {
      if (!gpu) return new ort.Tensor("float32", data, shape);
      // Buffers are a multiple of 16 bytes, which kernels that load four floats at once rely on.
      const size = Math.ceil(data.byteLength / 16) * 16;
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
      const buffer = device.createBuffer({ size, usage });
      device.queue.writeBuffer(buffer, 0, data);
      buffers.push(buffer);
      return ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: shape });
    };
    const feeds = Object.fromEntries(Object.entries(way.inputs).map(([name, tensor]) => [name, feed(tensor)]));
    let last;
    return {
      how: way.nodes.map((node) => node.op).join(", "),
      async run(count) {
        for (let i = 0; i < count; i++) {
          last?.dispose();
          last = (await session.run(feeds)).y;
        }
        if (gpu) await device.queue.onSubmittedWorkDone();
      },
      async read() {
        const data = await last.getData();
        return way.back ? way.back(data, c) : data;
      },
      async dispose() {
        last?.dispose();
        await session.release();
        for (const buffer of buffers) buffer.destroy();
      },
    };
  }

  return {
    about: `onnxruntime-web ${ort.env.versions.web}`,
    ways: (c, inputs, shape) => ways[c.kind](c, inputs).map((way) => () => prepared(c, way, shape)),
  };
}
