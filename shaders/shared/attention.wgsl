// What the fused attention kernels are told, and which keys a query sees.
// q: [b, h, queries, d], k: [b, kv, keys, d], v: [b, kv, keys, dv], strided. Heads that share a key head are worked on
// together: workgroup z is one key head of one sequence, and its rows are the queries of all heads that read it. The backward
// kernels read the gradient of out too, [b, h, queries, dv], strided.
struct Params {
    q_strides: vec4<u32>, k_strides: vec4<u32>, v_strides: vec4<u32>, d_out_strides: vec4<u32>,
    q_offset: u32, k_offset: u32, v_offset: u32, d_out_offset: u32,
    batch: u32, heads: u32, kv_heads: u32, queries: u32, keys: u32, d: u32, dv: u32,
    causal: u32, masked: u32, padded: u32, through_lse: u32, splits: u32, split: u32, scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;

// The score of a hidden key, and the log-sum-exp of a row that sees nothing: finite.
const HIDDEN: f32 = -1.0e30;

fn row_count() -> u32 { return p.heads / p.kv_heads * p.queries; }
// Where row r of workgroup z begins in q.
fn q_row(z: u32, r: u32) -> u32 {
    let head = z % p.kv_heads * (p.heads / p.kv_heads) + r / p.queries;
    return p.q_offset + z / p.kv_heads * p.q_strides.x + head * p.q_strides.y + r % p.queries * p.q_strides.z;
}
fn k_head(z: u32) -> u32 { return p.k_offset + z / p.kv_heads * p.k_strides.x + z % p.kv_heads * p.k_strides.y; }
fn d_out_row(z: u32, r: u32) -> u32 {
    let head = z % p.kv_heads * (p.heads / p.kv_heads) + r / p.queries;
    return p.d_out_offset + z / p.kv_heads * p.d_out_strides.x + head * p.d_out_strides.y + r % p.queries * p.d_out_strides.z;
}
fn v_head(z: u32) -> u32 { return p.v_offset + z / p.kv_heads * p.v_strides.x + z % p.kv_heads * p.v_strides.y; }
