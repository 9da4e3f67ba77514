// quantize rows: xq[r, i] = round(x[r, i] / step[r]) in signed bytes, step[r] = max_i |x[r, i]| / 127
// x: [m, k], k whole blocks of 32; xq: [m, k / 4] words of four bytes, the first in the lowest bits; steps: [m]. Activations
// are quantised as they come, a step a row (Dettmers et al. 2022, LLM.int8()). One workgroup a row.
// include row
// include nearest
struct Params { m: u32, k: u32, factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> xq: array<u32>;
@group(0) @binding(3) var<storage, read_write> steps: array<f32>;

fn byte(v: f32, step: f32) -> u32 {
    if (step == 0.0) { return 0u; }
    return u32(i32(clamp(nearest(v, step), -127.0, 127.0))) & 255u;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let r = group.x + group.y * groups.x;
    let words = p.k / 4u;
    let base = min(r, p.m - 1u) * words;
    var largest = 0.0;
    for (var i = t; i < words; i += 64u) {
        let v = abs(x[base + i]);
        largest = max(largest, max(max(v.x, v.y), max(v.z, v.w)));
    }
    let product = row_max(t, largest) * p.factor;
    let step = select(product, 0.0, product < 1.0e-30);
    if (r >= p.m) { return; }
    for (var i = t; i < words; i += 64u) {
        let v = x[base + i];
        xq[base + i] = byte(v.x, step) | (byte(v.y, step) << 8u) | (byte(v.z, step) << 16u) | (byte(v.w, step) << 24u);
    }
    if (t == 0u) { steps[r] = step; }
}
