struct Params {
    m: u32, n: u32, k: u32, quads: u32, group: u32, groups: u32, whole: u32, has_bias: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> xq: array<u32>;
@group(0) @binding(2) var<storage, read> x_steps: array<f32>;
@group(0) @binding(3) var<storage, read> packed: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> steps: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

fn store(row: u32, quad: u32, sum: vec4<f32>) {
    if (row >= p.m) { return; }
    for (var j = 0u; j < 4u; j++) {
        let col = quad * 4u + j;
        if (col < p.n) {
            var v = sum[j] * x_steps[row];
            if (p.has_bias == 1u) { v += bias[col]; }
            y[row * p.n + col] = v;
        }
    }
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let quad = group.x * 16u + t;
    let row = group.y * 4u;
    if (quad >= p.quads) { return; }
    let words = p.k / 4u;
    // Past the edge a row repeats the last one: read in bounds, never stored.
    let at = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(p.m - 1u)) * words;
    var sum0 = vec4<f32>(); var sum1 = vec4<f32>(); var sum2 = vec4<f32>(); var sum3 = vec4<f32>();
    for (var g = 0u; g < p.groups; g++) {
        var part0 = vec4<i32>(); var part1 = vec4<i32>(); var part2 = vec4<i32>(); var part3 = vec4<i32>();
        for (var i = g * p.group / 4u; i < min((g + 1u) * p.group / 4u, words); i++) {
            // The stored code is 128 above the whole number: that is its highest bit turned over.
            let w = packed[i * p.quads + quad] ^ vec4<u32>(0x80808080u);
            part0 += dots(w, xq[at.x + i]);
            part1 += dots(w, xq[at.y + i]);
            part2 += dots(w, xq[at.z + i]);
            part3 += dots(w, xq[at.w + i]);
        }
        var step = vec4<f32>(steps[0]);
        if (p.whole == 0u) {
            let s = (g * p.quads + quad) * 4u;
            step = vec4<f32>(steps[s], steps[s + 1u], steps[s + 2u], steps[s + 3u]);
        }
        sum0 += step * vec4<f32>(part0);
        sum1 += step * vec4<f32>(part1);
        sum2 += step * vec4<f32>(part2);
        sum3 += step * vec4<f32>(part3);
    }
    store(row, quad, sum0);
    store(row + 1u, quad, sum1);
    store(row + 2u, quad, sum2);
    store(row + 3u, quad, sum3);
}
