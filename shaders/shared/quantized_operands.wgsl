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

// Codes of input i of four columns.
fn codes_at(i: u32, quad: u32) -> vec4<u32> {
    var codes = vec4<u32>();
    var row = 0u;
    var shift = 0u;
    for (var plane = 0u; plane < 4u; plane++) {
        let bits = p.planes[plane];
        if (bits == 0u) { break; }
        let bit = i * bits;
        let words = packed[(row + bit / 32u) * p.quads + quad] >> vec4<u32>(bit % 32u);
        codes |= (words & vec4<u32>((1u << bits) - 1u)) << vec4<u32>(shift);
        row += p.blocks * bits;
        shift += bits;
    }
    return codes;
}
// What codes stand for, before zero and step. The conversion is of signed integers: the one processors have.
fn levels(codes: vec4<u32>) -> vec4<f32> {
    if (p.kind == 4u) { return vec4<f32>(table[codes.x], table[codes.y], table[codes.z], table[codes.w]); }
    return vec4<f32>(vec4<i32>(codes));
}
// The levels of inputs i to i + 3, i a multiple of four, of four columns: a vector of columns for each input.
fn levels_of_four(i: u32, quad: u32) -> mat4x4<f32> {
    let bits = p.planes.x;
    if (p.planes.y == 0u) {
        // One plane: one vector of words holds all four inputs.
        let mask = vec4<u32>((1u << bits) - 1u);
        let words = packed[(i * bits / 32u) * p.quads + quad] >> vec4<u32>((i * bits) % 32u);
        return mat4x4<f32>(
            levels(words & mask), levels((words >> vec4<u32>(bits)) & mask),
            levels((words >> vec4<u32>(2u * bits)) & mask), levels((words >> vec4<u32>(3u * bits)) & mask),
        );
    }
    return mat4x4<f32>(
        levels(codes_at(i, quad)), levels(codes_at(i + 1u, quad)),
        levels(codes_at(i + 2u, quad)), levels(codes_at(i + 3u, quad)),
    );
}
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
