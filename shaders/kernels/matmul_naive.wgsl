// matmul, naive: C[b] = f(A[b] B[b] + bias) + residual
// A: [batch, m, k], B: [batch, k, n], any strides (so a transposed operand is free); C: [batch, m, n], contiguous.
// bias: [n]; residual: as C. The one idea: one invocation computes one element of C, reading a row and a column.
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

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= p.n || id.y >= p.m) { return; }
    let a_base = p.a_offset + (id.z / p.batch1) * p.a_batch0 + (id.z % p.batch1) * p.a_batch1 + id.y * p.a_row;
    let b_base = p.b_offset + (id.z / p.batch1) * p.b_batch0 + (id.z % p.batch1) * p.b_batch1 + id.x * p.b_col;
    var sum = 0.0;
    for (var i = 0u; i < p.k; i++) {
        sum += a[a_base + i * p.a_col] * b[b_base + i * p.b_row];
    }
    sum *= p.alpha;
    let at = (id.z * p.m + id.y) * p.n + id.x;
    if (p.has_bias == 1u) { sum += bias[id.x]; }
    sum = activate(p.activation, sum);
    if (p.has_residual == 1u) { sum += residual[at]; }
    c[at] = sum;
}
