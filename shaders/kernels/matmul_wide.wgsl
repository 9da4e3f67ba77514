// matmul, wide register tile: C[b] = f(A[b] B[b] + bias) + residual
// Shapes as in matmul_naive; k and n multiples of 4, each operand with one axis along which its words lie together, four by
// four: A's columns, or its rows where a_turned is 1, and B's likewise. The one idea: an invocation keeps a 16x16 tile of C in
// registers, as sixteen 4x4 blocks. With X = (x_0 x_1 x_2 x_3), four rows of A and four of their columns, and Y likewise of
// B, a block is the sum of Y X, so 32 loads of four words feed 1024 multiply-adds. Software adapters read word by word,
// whatever neighbours read, so loads are what costs there; a tile this wide needs more registers than a GPU gives one invocation.
// What is done to a product is decided when the pipeline is made: such adapters walk through both sides of every branch.
// include activation
struct Params {
    batch1: u32, m: u32, n: u32, k: u32,
    a_offset: u32, a_batch0: u32, a_batch1: u32, a_row: u32, a_col: u32,
    b_offset: u32, b_batch0: u32, b_batch1: u32, b_row: u32, b_col: u32,
    alpha: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> c: array<vec4<f32>>;

override a_turned: u32 = 0u;
override b_turned: u32 = 0u;
override has_bias: u32 = 0u;
override has_residual: u32 = 0u;
override activation: u32 = 0u;

fn store(batch: u32, row: u32, four: u32, sum: vec4<f32>) {
    if (row >= p.m || four * 4u >= p.n) { return; }
    let at = (batch * p.m + row) * (p.n / 4u) + four;
    var v = sum * p.alpha;
    if (has_bias == 1u) { v += bias[four]; }
    if (activation != 0u) {
        v = vec4<f32>(
            activate(activation, v.x), activate(activation, v.y), activate(activation, v.z), activate(activation, v.w),
        );
    }
    if (has_residual == 1u) { v += residual[at]; }
    c[at] = v;
}
fn store_block(batch: u32, row: u32, four: u32, block: mat4x4<f32>) {
    store(batch, row, four, block[0]);
    store(batch, row + 1u, four, block[1]);
    store(batch, row + 2u, four, block[2]);
    store(batch, row + 3u, four, block[3]);
}
// Where four rows of A, or four columns of B, begin, in fours of words. Past the edge the last again: read in bounds, never
// stored. Where they lie together there is one place for all four.
fn places(first: u32, count: u32, stride: u32, base: u32, together: bool) -> vec4<u32> {
    if (together) { return vec4<u32>((min(first, count - 4u) * stride + base) / 4u); }
    return (min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u)) * stride + base) / 4u;
}
// Four columns of four rows of A: a row of A is a column of the block.
fn a_block(at: vec4<u32>, i: u32) -> mat4x4<f32> {
    if (a_turned == 1u) {
        let col = at.x + i * p.a_col;
        let step = p.a_col / 4u;
        return transpose(mat4x4<f32>(a[col], a[col + step], a[col + 2u * step], a[col + 3u * step]));
    }
    return mat4x4<f32>(a[at.x + i], a[at.y + i], a[at.z + i], a[at.w + i]);
}
// Four columns of four rows of B, likewise.
fn b_block(at: vec4<u32>, i: u32) -> mat4x4<f32> {
    if (b_turned == 1u) { return transpose(mat4x4<f32>(b[at.x + i], b[at.y + i], b[at.z + i], b[at.w + i])); }
    let row = at.x + i * p.b_row;
    let step = p.b_row / 4u;
    return mat4x4<f32>(b[row], b[row + step], b[row + 2u * step], b[row + 3u * step]);
}

@compute @workgroup_size(8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 16u;
    let col = id.x * 16u;
    if (row >= p.m || col >= p.n) { return; }
    let a_base = p.a_offset + (id.z / p.batch1) * p.a_batch0 + (id.z % p.batch1) * p.a_batch1;
    let b_base = p.b_offset + (id.z / p.batch1) * p.b_batch0 + (id.z % p.batch1) * p.b_batch1;
    let a0 = places(row, p.m, p.a_row, a_base, a_turned == 1u);
    let a1 = places(row + 4u, p.m, p.a_row, a_base, a_turned == 1u);
    let a2 = places(row + 8u, p.m, p.a_row, a_base, a_turned == 1u);
    let a3 = places(row + 12u, p.m, p.a_row, a_base, a_turned == 1u);
    let b0 = places(col, p.n, p.b_col, b_base, b_turned == 0u);
    let b1 = places(col + 4u, p.n, p.b_col, b_base, b_turned == 0u);
    let b2 = places(col + 8u, p.n, p.b_col, b_base, b_turned == 0u);
    let b3 = places(col + 12u, p.n, p.b_col, b_base, b_turned == 0u);
    var c00 = mat4x4<f32>(); var c01 = mat4x4<f32>(); var c02 = mat4x4<f32>(); var c03 = mat4x4<f32>();
    var c10 = mat4x4<f32>(); var c11 = mat4x4<f32>(); var c12 = mat4x4<f32>(); var c13 = mat4x4<f32>();
    var c20 = mat4x4<f32>(); var c21 = mat4x4<f32>(); var c22 = mat4x4<f32>(); var c23 = mat4x4<f32>();
    var c30 = mat4x4<f32>(); var c31 = mat4x4<f32>(); var c32 = mat4x4<f32>(); var c33 = mat4x4<f32>();
    for (var i = 0u; i < p.k / 4u; i++) {
        let x0 = a_block(a0, i);
        let x1 = a_block(a1, i);
        let x2 = a_block(a2, i);
        let x3 = a_block(a3, i);
        let y0 = b_block(b0, i);
        c00 += y0 * x0; c10 += y0 * x1; c20 += y0 * x2; c30 += y0 * x3;
        let y1 = b_block(b1, i);
        c01 += y1 * x0; c11 += y1 * x1; c21 += y1 * x2; c31 += y1 * x3;
        let y2 = b_block(b2, i);
        c02 += y2 * x0; c12 += y2 * x1; c22 += y2 * x2; c32 += y2 * x3;
        let y3 = b_block(b3, i);
        c03 += y3 * x0; c13 += y3 * x1; c23 += y3 * x2; c33 += y3 * x3;
    }
    let four = col / 4u;
    store_block(id.z, row, four, c00);
    store_block(id.z, row, four + 1u, c01);
    store_block(id.z, row, four + 2u, c02);
    store_block(id.z, row, four + 3u, c03);
    store_block(id.z, row + 4u, four, c10);
    store_block(id.z, row + 4u, four + 1u, c11);
    store_block(id.z, row + 4u, four + 2u, c12);
    store_block(id.z, row + 4u, four + 3u, c13);
    store_block(id.z, row + 8u, four, c20);
    store_block(id.z, row + 8u, four + 1u, c21);
    store_block(id.z, row + 8u, four + 2u, c22);
    store_block(id.z, row + 8u, four + 3u, c23);
    store_block(id.z, row + 12u, four, c30);
    store_block(id.z, row + 12u, four + 1u, c31);
    store_block(id.z, row + 12u, four + 2u, c32);
    store_block(id.z, row + 12u, four + 3u, c33);
}
