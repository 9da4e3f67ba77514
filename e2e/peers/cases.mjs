// What is measured: one table of cases, and for each kind of case its inputs, its work and its true outputs.
//
// A kind knows nothing of engines, and an engine (engines/*.mjs) says for each kind it can do how it does it.

/** The table. Adding a case is adding a row. */
export const cases = [
  { name: "matmul 256", kind: "matmul", m: 256, k: 256, n: 256 },
  { name: "matmul 512", kind: "matmul", m: 512, k: 512, n: 512 },
  { name: "matmul 1024", kind: "matmul", m: 1024, k: 1024, n: 1024 },
  { name: "softmax 2048x1024", kind: "softmax", rows: 2048, columns: 1024 },
  { name: "layer_norm 2048x1024", kind: "layerNorm", rows: 2048, columns: 1024 },
  { name: "attention 1024", kind: "attention", heads: 8, d: 64, t: 1024, causal: false },
  { name: "attention 1024 causal", kind: "attention", heads: 8, d: 64, t: 1024, causal: true },
  { name: "attention 2048", kind: "attention", heads: 8, d: 64, t: 2048, causal: false },
  { name: "attention 2048 causal", kind: "attention", heads: 8, d: 64, t: 2048, causal: true },
  { name: "int4 matvec 1024", kind: "int4", m: 1, k: 1024, n: 1024 },
  { name: "int4 matmul 128x1024", kind: "int4", m: 128, k: 1024, n: 1024 },
  { name: "conv2d 3x3 64ch 64x64", kind: "conv2d", side: 64, channels: 64, filters: 64, size: 3 },
];

/** Weights that share one step, in int4. */
export const GROUP = 32;

/** Uniform in -1 to 1, the same at every run. */
function uniform(count, seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = (state >>> 0) / 2 ** 31 - 1;
  }
  return values;
}

const floats = (shape, seed) => ({ data: uniform(shape.reduce((a, b) => a * b), seed), shape });

/**
 * For each kind, by the case's row `c`:
 * - `inputs(c)`: tensors by name;
 * - `shape(c)`: of the output;
 * - `value(c, inputs, index)`: one output in double precision, `index` into the flat output;
 * - `flops(c)` where arithmetic is what counts, or `bytes(c)` where moving the tensors is.
 */
export const kinds = {
  matmul: {
    inputs: ({ m, k, n }) => ({ a: floats([m, k], 1), b: floats([k, n], 2) }),
    shape: ({ m, n }) => [m, n],
    value({ k, n }, { a, b }, index) {
      const [row, column] = [Math.floor(index / n), index % n];
      let sum = 0;
      for (let i = 0; i < k; i++) sum += a.data[row * k + i] * b.data[i * n + column];
      return sum;
    },
    flops: ({ m, k, n }) => 2 * m * k * n,
  },

  softmax: {
    inputs: ({ rows, columns }) => ({ x: floats([rows, columns], 3) }),
    shape: ({ rows, columns }) => [rows, columns],
    value({ columns }, { x }, index) {
      const start = index - (index % columns);
      let sum = 0;
      for (let i = start; i < start + columns; i++) sum += Math.exp(x.data[i]);
      return Math.exp(x.data[index]) / sum;
    },
    bytes: ({ rows, columns }) => 4 * 2 * rows * columns,
  },

  layerNorm: {
    epsilon: 1e-5,
    inputs: ({ rows, columns }) => ({
      x: floats([rows, columns], 4),
      gain: floats([columns], 5),
      bias: floats([columns], 6),
    }),
    shape: ({ rows, columns }) => [rows, columns],
    value({ columns }, { x, gain, bias }, index) {
      const [column, start] = [index % columns, index - (index % columns)];
      let [mean, variance] = [0, 0];
      for (let i = start; i < start + columns; i++) mean += x.data[i] / columns;
      for (let i = start; i < start + columns; i++) variance += (x.data[i] - mean) ** 2 / columns;
      return ((x.data[index] - mean) / Math.sqrt(variance + this.epsilon)) * gain.data[column] + bias.data[column];
    },
    bytes: ({ rows, columns }) => 4 * (2 * rows * columns + 2 * columns),
  },

  // One sequence; q, k, v and the output are [1, heads, t, d].
  attention: {
    inputs: ({ heads, t, d }) => ({
      q: floats([1, heads, t, d], 7),
      k: floats([1, heads, t, d], 8),
      v: floats([1, heads, t, d], 9),
    }),
    shape: ({ heads, t, d }) => [1, heads, t, d],
    value({ t, d, causal }, { q, k, v }, index) {
      const [column, row] = [index % d, Math.floor(index / d)];
      const head = row - (row % t);
      const keys = causal ? (row % t) + 1 : t;
      let [total, sum] = [0, 0];
      for (let key = head; key < head + keys; key++) {
        let score = 0;
        for (let i = 0; i < d; i++) score += q.data[row * d + i] * k.data[key * d + i];
        const weight = Math.exp(score / Math.sqrt(d));
        total += weight;
        sum += weight * v.data[key * d + column];
      }
      return sum / total;
    },
    // Two products of t x t x d a head; a causal one needs half of each.
    flops: ({ heads, t, d, causal }) => (4 * heads * t * t * d) / (causal ? 2 : 1),
  },

  // x of m x k times weights of k x n kept in four bits. The weights lie on the grid of their steps and reach its end
  // in every group, so that every symmetric quantiser finds the same codes and all engines have one right answer.
  int4: {
    inputs({ m, k, n }) {
      const steps = Float32Array.from({ length: (k / GROUP) * n }, (_, i) => 2 ** -(4 + (i % 3)));
      const picks = uniform(k * n, 11);
      const weights = picks.map((pick, i) => {
        const [row, column] = [Math.floor(i / n), i % n];
        const code = row % GROUP === column % GROUP ? 7 : Math.max(-7, Math.min(7, Math.round(pick * 7.5)));
        return code * steps[Math.floor(row / GROUP) * n + column];
      });
      return { x: floats([m, k], 10), w: { data: weights, shape: [k, n] }, steps: { data: steps, shape: [k / GROUP, n] } };
    },
    shape: ({ m, n }) => [m, n],
    value: (c, { x, w }, index) => kinds.matmul.value(c, { a: x, b: w }, index),
    flops: ({ m, k, n }) => 2 * m * k * n,
  },

  // One image, a border of zeros, stride 1; x is [1, channels, side, side], w [filters, channels, size, size].
  conv2d: {
    inputs: ({ side, channels, filters, size }) => ({
      x: floats([1, channels, side, side], 12),
      w: floats([filters, channels, size, size], 13),
    }),
    shape: ({ side, filters }) => [1, filters, side, side],
    value({ side, channels, size }, { x, w }, index) {
      const [column, row] = [index % side, Math.floor(index / side) % side];
      const filter = Math.floor(index / side / side);
      const border = (size - 1) / 2;
      let sum = 0;
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < size; i++)
          for (let j = 0; j < size; j++) {
            const [y, z] = [row + i - border, column + j - border];
            if (y < 0 || z < 0 || y >= side || z >= side) continue;
            sum += x.data[(c * side + y) * side + z] * w.data[((filter * channels + c) * size + i) * size + j];
          }
      return sum;
    },
    flops: ({ side, channels, filters, size }) => 2 * side * side * channels * filters * size * size,
  },
};

/** The largest error of sampled outputs against double precision, as a part of the largest true value. */
export function errorOf(c, inputs, output) {
  const count = kinds[c.kind].shape(c).reduce((a, b) => a * b);
  if (output.length !== count) throw new Error(`${output.length} outputs instead of ${count}`);
  let [error, scale] = [0, 0];
  // A prime stride visits all rows and columns; the first and last outputs are where edges go wrong.
  const samples = [0, count - 1, ...Array.from({ length: 200 }, (_, i) => (i * 1_000_003 + 17) % count)];
  for (const index of samples) {
    const right = kinds[c.kind].value(c, inputs, index);
    const difference = Math.abs(output[index] - right);
    if (!(difference <= error)) error = difference;
    scale = Math.max(scale, Math.abs(right));
  }
  return error / scale;
}
