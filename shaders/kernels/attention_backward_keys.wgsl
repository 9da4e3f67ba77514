// attention backward, keys: dv[j] = sum_i p_ij d_out[i], dk[j] = sum_i ds_ij q[i], i over all rows that see key j
// with p_ij = exp(s_ij - lse[i]) and ds_ij = scale p_ij (d_out[i] . v[j] - D[i]). rows: see attention_backward_rows.
// The one idea: a workgroup of 16x16 owns a tile of 32 keys and walks over the rows 32 at a time, of all the heads that
// share the keys, so that everything that adds to a dk or dv is added by one invocation: no atomics, and the same sum every
// time. An invocation makes 2 keys by 4 (of more than 64 columns: twice 4) of dk and of dv.
// include attention
// include attention_backward_seen
// include attention_backward
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

fn store_dk(z: u32, key: u32, col: u32, sums: vec4<f32>) {
    for (var j = 0u; j < 4u; j++) {
        if (key < p.keys && col + j < p.d) { dk[(z * p.keys + key) * p.d + col + j] = sums[j]; }
    }
}
fn store_dv(z: u32, key: u32, col: u32, sums: vec4<f32>) {
    for (var j = 0u; j < 4u; j++) {
        if (key < p.keys && col + j < p.dv) { dv[(z * p.keys + key) * p.dv + col + j] = sums[j]; }
    }
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let z = group.z;
    let key0 = group.x * 32u;
    let last_row = row_count() - 1u;
    let mine = 2u * local.y;
    var k0 = vec4<f32>(); var k1 = vec4<f32>(); var k2 = vec4<f32>(); var k3 = vec4<f32>();
    var v0 = vec4<f32>(); var v1 = vec4<f32>(); var v2 = vec4<f32>(); var v3 = vec4<f32>();
    for (var row0 = 0u; row0 <= last_row; row0 += 32u) {
        if (seen_by_any(z, row0, min(row0 + 31u, row_count() - 1u)) <= key0) { continue; }
        make_tile(z, row0, key0, local.x, local.y, t);
        for (var col0 = 0u; col0 < p.dv; col0 += 64u) {
            for (var half = 0u; half < 32u; half += 16u) {
                for (var l = t / 64u; l < 16u; l += 4u) {
                    // A row past the last has weight 0, a column past the last is never stored: both only need be finite.
                    let col = min(col0 + t % 64u, p.dv - 1u);
                    stage[l * 64u + t % 64u] = d_out[d_out_row(z, min(row0 + half + l, last_row)) + col * p.d_out_strides.w];
                }
                workgroupBarrier();
                for (var i = 0u; i < 16u; i++) {
                    let at = i * 64u + local.x * 4u;
                    let x = vec4<f32>(stage[at], stage[at + 1u], stage[at + 2u], stage[at + 3u]);
                    let a = weights[(half + i) * 32u + mine];
                    let b = weights[(half + i) * 32u + mine + 1u];
                    if (col0 == 0u) { v0 += a * x; v1 += b * x; } else { v2 += a * x; v3 += b * x; }
                }
                workgroupBarrier();
            }
        }
        for (var col0 = 0u; col0 < p.d; col0 += 64u) {
            for (var half = 0u; half < 32u; half += 16u) {
                for (var l = t / 64u; l < 16u; l += 4u) {
                    let col = min(col0 + t % 64u, p.d - 1u);
                    stage[l * 64u + t % 64u] = q[q_row(z, min(row0 + half + l, last_row)) + col * p.q_strides.w];
                }
                workgroupBarrier();
                for (var i = 0u; i < 16u; i++) {
                    let at = i * 64u + local.x * 4u;
                    let x = vec4<f32>(stage[at], stage[at + 1u], stage[at + 2u], stage[at + 3u]);
                    let a = slopes[(half + i) * 32u + mine];
                    let b = slopes[(half + i) * 32u + mine + 1u];
                    if (col0 == 0u) { k0 += a * x; k1 += b * x; } else { k2 += a * x; k3 += b * x; }
                }
                workgroupBarrier();
            }
        }
    }
    let key = key0 + mine;
    let col = local.x * 4u;
    store_dv(z, key, col, v0); store_dv(z, key + 1u, col, v1);
    store_dv(z, key, col + 64u, v2); store_dv(z, key + 1u, col + 64u, v3);
    store_dk(z, key, col, k0); store_dk(z, key + 1u, col, k1);
    store_dk(z, key, col + 64u, k2); store_dk(z, key + 1u, col + 64u, k3);
}
