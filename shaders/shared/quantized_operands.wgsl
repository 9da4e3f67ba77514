// What the products with quantised weights share. x: [m, k] in vectors of four inputs, k padded to whole blocks of 32;
// packed: [rows, quads] in vectors of four columns; steps, zeros: [groups, 4 quads], or one for the whole matrix.
struct Params {
    planes: vec4<u32>, m: u32, n: u32, k: u32, quads: u32, blocks: u32, group: u32, groups: u32, whole: u32,
    kind: u32, has_bias: u32, zero: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> packed: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> steps: array<f32>;
@group(0) @binding(4) var<storage, read> zeros: array<f32>;
@group(0) @binding(5) var<storage, read> table: array<f32>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

fn steps_of(g: u32, quad: u32) -> vec4<f32> {
    if (p.whole == 1u) { return vec4<f32>(steps[0]); }
    let at = (g * p.quads + quad) * 4u;
    return vec4<f32>(steps[at], steps[at + 1u], steps[at + 2u], steps[at + 3u]);
}
fn zeros_of(g: u32, quad: u32) -> vec4<f32> {
    if (p.kind != 1u) { return vec4<f32>(p.zero); }
    if (p.whole == 1u) { return vec4<f32>(zeros[0]); }
    let at = (g * p.quads + quad) * 4u;
    return vec4<f32>(zeros[at], zeros[at + 1u], zeros[at + 2u], zeros[at + 3u]);
}
fn store(row: u32, quad: u32, sum: vec4<f32>) {
    if (row >= p.m) { return; }
    for (var j = 0u; j < 4u; j++) {
        let col = quad * 4u + j;
        if (col < p.n) {
            var v = sum[j];
            if (p.has_bias == 1u) { v += bias[col]; }
            y[row * p.n + col] = v;
        }
    }
}
