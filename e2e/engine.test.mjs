// The engine as a module for other people's pages.

import assert from "node:assert/strict";
import { accessibilityFaults } from "./lib/accessibility.mjs";
import { bookTest, until } from "./lib/book.mjs";

// These pages are not the book and start no program of it.
const plain = { started: false };

for (const device of ["cpu", "gpu"]) {
  bookTest(`engine.js multiplies matrices on the ${device}`, async ({ page, visit }) => {
    await visit("engine-example.html", plain);
    const result = await page.evaluate(async (device) => {
      const { Engine } = await import(new URL("engine.js", document.baseURI).href);
      const engine = await Engine.create({ device });
      const [m, k, n] = [17, 33, 9];
      const values = (count, seed) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i * 0.7));
      const [a, b] = [values(m * k, 1), values(k * n, 2)];
      const product = await engine.prepare("matmul", { a: { data: a, shape: [m, k] }, b: { data: b, shape: [k, n] } });
      await product.run(3);
      const { y } = await product.read();
      let largest = 0;
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
          const difference = Math.abs(sum - y.data[i * n + j]);
          if (!(difference <= largest)) largest = difference;
        }
      const { flops, bytesMoved, launches } = product;
      product.dispose();
      return { kind: engine.device, shape: y.shape, largest, flops, bytesMoved, launches };
    }, device);
    const [m, k, n] = [17, 33, 9];
    assert.deepEqual(result.shape, [m, n]);
    assert.equal(result.kind, device);
    assert.equal(result.flops, 2 * m * k * n);
    assert.equal(result.bytesMoved, 4 * (m * k + k * n + m * n));
    assert.equal(result.launches, 1);
    assert.ok(result.largest < 1e-4, `off by ${result.largest}`);
  });
}

bookTest("engine.js lists every op, and says what is wrong with a call", async ({ page, visit }) => {
  await visit("engine-example.html", plain);
  const { names, errors } = await page.evaluate(async () => {
    const { Engine } = await import(new URL("engine.js", document.baseURI).href);
    const engine = await Engine.create({ device: "cpu" });
    const one = { data: new Float32Array([1]), shape: [1, 1] };
    const calls = [
      ["no-such-op", {}],
      ["softmax", { x: { data: [1, 2], shape: [1, 2] } }],
      ["softmax", { x: { data: new Float32Array(3), shape: [2, 2] } }],
      ["softmax", { x: { data: new Float32Array(1), shape: [0.5] } }],
      ["softmax", { x: one }, { scale: {} }],
      ["softmax", { x: one }, { colour: "red" }],
      ["matmul", { a: one, b: { data: new Float32Array(2), shape: [2, 1] } }],
    ];
    const errors = [];
    for (const call of calls) {
      errors.push(await engine.prepare(...call).then(() => "no error", (error) => error.message));
    }
    errors.push(await Engine.create({ device: "abacus" }).then(() => "no error", (error) => error.message));
    return { names: engine.ops().map((op) => op.name), errors };
  });
  for (const name of ["matmul", "softmax", "layer_norm", "attention", "conv2d", "group_norm"]) assert.ok(names.includes(name), name);
  const wanted = [/no-such-op/, /Float32Array/, /do not fill/, /whole numbers/, /attribute scale/, /colour/, /1 columns do not meet 2 rows/, /abacus/];
  wanted.forEach((pattern, i) => assert.match(errors[i], pattern));
});

bookTest("the example runs a kernel and reports its time", async ({ page, visit }) => {
  await visit("engine-example.html", plain);
  await until(page, () => !document.getElementById("run").disabled, "a device");
  await page.evaluate(() => {
    document.getElementById("side").value = 64;
    document.getElementById("run").click();
  });
  await until(page, () => /64 x 64 on .*GFLOP/.test(document.getElementById("output").textContent), "a product");
  assert.deepEqual(await accessibilityFaults(page), []);
});
