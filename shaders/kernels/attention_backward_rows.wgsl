// attention backward, first pass: what the other two need of each query row
// rows[i] = (lse[i], D[i], how many keys causality and padding leave), D[i] = sum_c d_out[i, c] out[i, c] - d_lse[i]
// The one idea: a softmax's gradient, ds_ij = p_ij (dp_ij - sum_j' p_ij' dp_ij'), asks for a sum over a row of weights, and
// that sum is d_out[i] . out[i] (Dao et al., 2022), so no row of weights is needed. The gradient of lse adds p_ij d_lse[i] to
// ds_ij: the same with that much less of D. out: [b, h, queries, dv], lse, d_lse: [b, h, queries], contiguous. An invocation
// a row.
// include strided
// include attention
@group(0) @binding(1) var<storage, read> out: array<f32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> d_out: array<f32>;
// include attention_seen
@group(0) @binding(6) var<storage, read> d_lse: array<f32>;
@group(0) @binding(7) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(id, groups, 64u);
    if (i >= p.batch * p.heads * p.queries) { return; }
    let z = i / row_count();
    let r = i % row_count();
    var sum = 0.0;
    for (var c = 0u; c < p.dv; c++) { sum += d_out[d_out_row(z, r) + c * p.d_out_strides.w] * out[i * p.dv + c]; }
    if (p.through_lse == 1u) { sum -= d_lse[i]; }
    rows[i * 3u] = lse[i];
    rows[i * 3u + 1u] = sum;
    rows[i * 3u + 2u] = f32(seen(z, r % p.queries));
}
