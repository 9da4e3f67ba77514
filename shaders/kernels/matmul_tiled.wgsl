// matmul, shared tile: C[b] = f(A[b] B[b] + bias) + residual
// Shapes and strides as in matmul_naive. The one idea: a workgroup of 16x16 loads 64x16 of A and 16x64 of B into workgroup
// memory once, and every invocation reads them from there for its 4x4 tile: each word of A and B leaves memory k/16 times
// less often. Tiles are stored k-major, A one row of 64 per k, so that neighbours read neighbours.
// include activation
struct Params {
    batch1: u32, m: u32, n: u32, k: u32,
    a_offset: u32, a_batch0: u32, a_batch1: u32, a_row: u32, a_col: u32,
    b_offset: u32, b_batch0: u32, b_batch1: u32, b_row: u32, b_col: u32,
    has_bias: u32, has_residual: u32, activation: u32, alpha: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<f32>;

var<workgroup> tile_a: array<f32, 1024>;
var<workgroup> tile_b: array<f32, 1024>;

fn store(batch: u32, row: u32, col: u32, sum: f32) {
    if (row >= p.m || col >= p.n) { return; }
    let at = (batch * p.m + row) * p.n + col;
    var v = sum * p.alpha;
    if (p.has_bias == 1u) { v += bias[col]; }
    v = activate(p.activation, v);
    if (p.has_residual == 1u) { v += residual[at]; }
    c[at] = v;
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let tx = local.x;
    let ty = local.y;
    let row0 = group.y * 64u;
    let col0 = group.x * 64u;
    let a_base = p.a_offset + (group.z / p.batch1) * p.a_batch0 + (group.z % p.batch1) * p.a_batch1;
    let b_base = p.b_offset + (group.z / p.batch1) * p.b_batch0 + (group.z % p.batch1) * p.b_batch1;
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    for (var k0 = 0u; k0 < p.k; k0 += 16u) {
        for (var l = t; l < 1024u; l += 256u) {
            // Whichever axis of the operand is contiguous is the one neighbours walk along.
            let a_walks_k = p.a_col == 1u;
            let a_k = select(l / 64u, l % 16u, a_walks_k);
            let a_r = select(l % 64u, l / 16u, a_walks_k);
            let a_in = row0 + a_r < p.m && k0 + a_k < p.k;
            let a_at = min(row0 + a_r, p.m - 1u) * p.a_row + min(k0 + a_k, p.k - 1u) * p.a_col;
            tile_a[a_k * 64u + a_r] = select(0.0, a[a_base + a_at], a_in);
            let b_walks_k = p.b_row == 1u && p.b_col != 1u;
            let b_k = select(l / 64u, l % 16u, b_walks_k);
            let b_c = select(l % 64u, l / 16u, b_walks_k);
            let b_in = col0 + b_c < p.n && k0 + b_k < p.k;
            let b_at = min(k0 + b_k, p.k - 1u) * p.b_row + min(col0 + b_c, p.n - 1u) * p.b_col;
            tile_b[b_k * 64u + b_c] = select(0.0, b[b_base + b_at], b_in);
        }
        workgroupBarrier();
        for (var i = 0u; i < 16u; i++) {
            let at = i * 64u + tx * 4u;
            let v = vec4<f32>(tile_b[at], tile_b[at + 1u], tile_b[at + 2u], tile_b[at + 3u]);
    c0 += tile_a[i * 64u + ty * 4u + 0u] * v;
            c1 += tile_a[i * 64u + ty * 4u + 1u] * v;
            c2 += tile_a[i * 64u + ty * 4u + 2u] * v;
            c3 += tile_a[i * 64u + ty * 4u + 3u] * v;
        }
        workgroupBarrier();
    }
    for (var j = 0u; j < 4u; j++) {
        let row = row0 + ty * 4u;
        let col = col0 + tx * 4u + j;
        store(group.z, row, col, c0[j]);
        store(group.z, row + 1u, col, c1[j]);
        store(group.z, row + 2u, col, c2[j]);
        store(group.z, row + 3u, col, c3[j]);
    }
}
