// attention backward, queries: dq[i] = sum_j ds_ij k[j], j over the keys that row i sees
// with p_ij = exp(s_ij - lse[i]) and ds_ij = scale p_ij (d_out[i] . v[j] - D[i]). rows: see attention_backward_rows.
// The one idea: the walk of attention_backward_keys the other way round. A workgroup of 16x16 owns a tile of 32 rows and
// walks over the keys 32 at a time, making the weights a second time rather than adding to dq from many workgroups. An
// invocation makes 2 rows by 4 (of d > 64: twice 4) of dq.
// include attention
// include attention_backward_seen
// include attention_backward
@group(0) @binding(7) var<storage, read_write> dq: array<f32>;

fn store(z: u32, row: u32, col: u32, sums: vec4<f32>) {
    for (var j = 0u; j < 4u; j++) {
        if (row < row_count() && col + j < p.d) { dq[(z * row_count() + row) * p.d + col + j] = sums[j]; }
    }
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let z = group.z;
    let row0 = group.x * 32u;
    let until = seen_by_any(z, row0, min(row0 + 31u, row_count() - 1u));
    let mine = 2u * local.y;
    var q0 = vec4<f32>(); var q1 = vec4<f32>(); var q2 = vec4<f32>(); var q3 = vec4<f32>();
    for (var key0 = 0u; key0 < until; key0 += 32u) {
        make_tile(z, row0, key0, local.x, local.y, t);
        for (var col0 = 0u; col0 < p.d; col0 += 64u) {
            for (var half = 0u; half < 32u; half += 16u) {
                for (var l = t / 64u; l < 16u; l += 4u) {
                    // A key past the last has slope 0, a column past the last is never stored: both only need be finite.
                    let col = min(col0 + t % 64u, p.d - 1u);
                    let key = min(key0 + half + l, p.keys - 1u);
                    stage[l * 64u + t % 64u] = k[k_head(z) + key * p.k_strides.z + col * p.k_strides.w];
                }
                workgroupBarrier();
                for (var i = 0u; i < 16u; i++) {
                    let at = i * 64u + local.x * 4u;
                    let x = vec4<f32>(stage[at], stage[at + 1u], stage[at + 2u], stage[at + 3u]);
                    let a = slopes[mine * 32u + half + i];
                    let b = slopes[(mine + 1u) * 32u + half + i];
                    if (col0 == 0u) { q0 += a * x; q1 += b * x; } else { q2 += a * x; q3 += b * x; }
                }
                workgroupBarrier();
            }
        }
    }
    let row = row0 + mine;
    let col = local.x * 4u;
    store(z, row, col, q0); store(z, row + 1u, col, q1);
    store(z, row, col + 64u, q2); store(z, row + 1u, col + 64u, q3);
}
