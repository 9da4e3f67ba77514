// matmul, register tile: C[b] = f(A[b] B[b] + bias) + residual
// Shapes and strides as in matmul_naive. The one idea: an invocation keeps a 4x4 tile of C in registers, so eight loads feed
// sixteen multiply-adds. No barrier and no workgroup memory, which is what software adapters pay for, as they do for both sides of
// every branch: so what is done to a product is decided when the pipeline is made.
// include activation
struct Params {
    batch1: u32, m: u32, n: u32, k: u32,
    a_offset: u32, a_batch0: u32, a_batch1: u32, a_row: u32, a_col: u32,
    b_offset: u32, b_batch0: u32, b_batch1: u32, b_row: u32, b_col: u32,
    alpha: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<f32>;

override has_bias: u32 = 0u;
override has_residual: u32 = 0u;
override activation: u32 = 0u;

fn store(batch: u32, row: u32, col: u32, sum: f32) {
    if (row >= p.m || col >= p.n) { return; }
    let at = (batch * p.m + row) * p.n + col;
    var v = sum * p.alpha;
    if (has_bias == 1u) { v += bias[col]; }
    if (activation != 0u) { v = activate(activation, v); }
    if (has_residual == 1u) { v += residual[at]; }
    c[at] = v;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 4u;
    let col = id.x * 4u;
    if (row >= p.m || col >= p.n) { return; }
    let a_base = p.a_offset + (id.z / p.batch1) * p.a_batch0 + (id.z % p.batch1) * p.a_batch1;
    let b_base = p.b_offset + (id.z / p.batch1) * p.b_batch0 + (id.z % p.batch1) * p.b_batch1;
    // Past the edge a row or column repeats the last one: read in bounds, never stored.
    let rows = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(p.m - 1u)) * p.a_row + a_base;
    let cols = min(vec4<u32>(col, col + 1u, col + 2u, col + 3u), vec4<u32>(p.n - 1u)) * p.b_col + b_base;
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    for (var i = 0u; i < p.k; i++) {
        let ia = i * p.a_col;
        let ib = i * p.b_row;
        let v = vec4<f32>(b[cols.x + ib], b[cols.y + ib], b[cols.z + ib], b[cols.w + ib]);
        c0 += a[rows.x + ia] * v;
        c1 += a[rows.y + ia] * v;
        c2 += a[rows.z + ia] * v;
        c3 += a[rows.w + ia] * v;
    }
    for (var j = 0u; j < 4u; j++) {
        store(id.z, row, col + j, c0[j]);
        store(id.z, row + 1u, col + j, c1[j]);
        store(id.z, row + 2u, col + j, c2[j]);
        store(id.z, row + 3u, col + j, c3[j]);
    }
}
