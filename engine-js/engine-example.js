import { Engine } from "./engine.js";

const [side, runs, button, output] = ["side", "runs", "run", "output"].map((id) => document.getElementById(id));
const matrix = (n) => ({ data: Float32Array.from({ length: n * n }, Math.random), shape: [n, n] });

try {
  const engine = await Engine.create({ device: "auto" });
  output.textContent = `ready on ${engine.adapter}: ${engine.why}`;
  button.disabled = false;
  button.onclick = async () => {
    const n = side.valueAsNumber;
    const product = await engine.prepare("matmul", { a: matrix(n), b: matrix(n) });
    await product.run(1); // the first run warms up
    const start = performance.now();
    await product.run(runs.valueAsNumber);
    const ms = (performance.now() - start) / runs.valueAsNumber;
    const { y } = await product.read();
    output.textContent = `${n} x ${n} on ${engine.adapter}: ${ms.toFixed(2)} ms, ${(product.flops / ms / 1e6).toFixed(1)} GFLOP/s; y[0, 0] = ${y.data[0]}`;
    product.dispose();
  };
} catch (error) {
  output.textContent = String(error);
}
