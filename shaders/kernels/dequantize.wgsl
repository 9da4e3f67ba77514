// dequantize: w[i, j] = (code[i, j] - zero) step, or table[code] step
// packed: [rows, stride] in planes as quantize_pack makes them; steps, zeros: [groups, stride], or one for the whole matrix;
// w: [k, n]. One invocation a weight.
struct Params {
    planes: vec4<u32>, k: u32, n: u32, stride: u32, blocks: u32, group: u32, whole: u32, kind: u32, zero: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> packed: array<u32>;
@group(0) @binding(2) var<storage, read> steps: array<f32>;
@group(0) @binding(3) var<storage, read> zeros: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<f32>;
@group(0) @binding(5) var<storage, read_write> w: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if (at >= p.k * p.n) { return; }
    let i = at / p.n;
    let col = at % p.n;
    var code = 0u;
    var row = 0u;
    var shift = 0u;
    for (var plane = 0u; plane < 4u; plane++) {
        let bits = p.planes[plane];
        if (bits == 0u) { break; }
        let bit = i * bits;
        code |= ((packed[(row + bit / 32u) * p.stride + col] >> (bit % 32u)) & ((1u << bits) - 1u)) << shift;
        row += p.blocks * bits;
        shift += bits;
    }
    let s = select((i / p.group) * p.stride + col, 0u, p.whole == 1u);
    if (p.kind == 4u) {
        w[at] = table[code] * steps[s];
    } else {
        var zero = p.zero;
        if (p.kind == 1u) { zero = zeros[s]; }
        w[at] = (f32(code) - zero) * steps[s];
    }
}
