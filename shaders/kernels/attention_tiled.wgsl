// attention, tiled: out[i] = sum_j exp(s_ij - m_i) v[j] / l_i, s_ij = scale q[i] . k[j]; lse[i] = m_i + log l_i
// FlashAttention-2 (Dao, 2023). The one idea: a workgroup of 16x16 keeps 64 query rows and walks over the keys in tiles of
// 32 that it loads into workgroup memory once for all rows. No row of scores is ever whole: the largest score m and the sum
// l are kept up to date (online softmax, Milakov and Gimelshein, 2018), and when a tile raises m by a, what was summed
// before is multiplied by exp(-a). Memory grows with the keys, not with queries times keys. An invocation makes 4 rows by 2
// keys of a tile's scores and 4 rows by 4 (of dv > 64: twice 4) columns of out.
// include attention
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
// include attention_seen
@group(0) @binding(6) var<storage, read_write> out: array<f32>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

var<workgroup> stage: array<f32, 1024>; // q: 16 of d by 64 rows; later v: 16 keys by 64 columns
var<workgroup> stage_k: array<f32, 512>; // 16 of d by 32 keys
var<workgroup> weights: array<f32, 2048>; // 32 keys by 64 rows
var<workgroup> part: array<f32, 256>;
var<workgroup> largest: array<f32, 64>;
var<workgroup> total: array<f32, 64>;
var<workgroup> fade: array<f32, 64>;

fn store(z: u32, row: u32, col: u32, sums: vec4<f32>) {
    if (row >= row_count()) { return; }
    let inverse = 1.0 / max(total[row % 64u], 1.0e-37);
    for (var j = 0u; j < 4u; j++) {
        if (col + j < p.dv) { out[(z * row_count() + row) * p.dv + col + j] = sums[j] * inverse; }
    }
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let z = group.z;
    let rows = row_count();
    let row0 = group.x * 64u;
    let my_row = row0 + local.y * 4u;
    let my_key = local.x * 2u;
    let until = seen_by_any(z, row0, min(row0 + 63u, rows - 1u));
    // The row and the quarter of a tile's keys whose largest and sum this invocation finds.
    let r = t % 64u;
    let quarter = t / 64u * 8u;
    if (t < 64u) { largest[t] = HIDDEN; total[t] = 0.0; }
    var low0 = vec4<f32>(); var low1 = vec4<f32>(); var low2 = vec4<f32>(); var low3 = vec4<f32>();
    var high0 = vec4<f32>(); var high1 = vec4<f32>(); var high2 = vec4<f32>(); var high3 = vec4<f32>();
    for (var key0 = 0u; key0 < until; key0 += 32u) {
        var s0 = vec4<f32>(); var s1 = vec4<f32>();
        for (var c0 = 0u; c0 < p.d; c0 += 16u) {
            let c = c0 + t % 16u;
            let inside = c < p.d;
            for (var l = t / 16u; l < 64u; l += 16u) {
                let at = q_row(z, min(row0 + l, rows - 1u)) + min(c, p.d - 1u) * p.q_strides.w;
                stage[t % 16u * 64u + l] = select(0.0, q[at], inside);
            }
            for (var l = t / 16u; l < 32u; l += 16u) {
                let at = min(key0 + l, p.keys - 1u) * p.k_strides.z + min(c, p.d - 1u) * p.k_strides.w;
                stage_k[t % 16u * 32u + l] = select(0.0, k[k_head(z) + at], inside);
            }
            workgroupBarrier();
            for (var i = 0u; i < 16u; i++) {
                let at = i * 64u + local.y * 4u;
                let x = vec4<f32>(stage[at], stage[at + 1u], stage[at + 2u], stage[at + 3u]);
                s0 += x * stage_k[i * 32u + my_key];
                s1 += x * stage_k[i * 32u + my_key + 1u];
            }
            workgroupBarrier();
        }
        for (var i = 0u; i < 4u; i++) {
            let row = min(my_row + i, rows - 1u);
            let count = seen(z, row % p.queries);
            let at = my_key * 64u + local.y * 4u + i;
            weights[at] = masked_score(s0[i], row, key0 + my_key, count);
            weights[at + 64u] = masked_score(s1[i], row, key0 + my_key + 1u, count);
        }
        workgroupBarrier();

        var m = HIDDEN;
        for (var i = quarter; i < quarter + 8u; i++) { m = max(m, weights[i * 64u + r]); }
        part[t] = m;
        workgroupBarrier();
        let before = largest[r];
        m = max(max(max(part[r], part[r + 64u]), max(part[r + 128u], part[r + 192u])), before);
        workgroupBarrier();
        var sum = 0.0;
        for (var i = quarter; i < quarter + 8u; i++) {
            let w = weight(weights[i * 64u + r], m);
            weights[i * 64u + r] = w;
            sum += w;
        }
        part[t] = sum;
        if (t < 64u) { largest[r] = m; fade[r] = exp(before - m); }
        workgroupBarrier();
        if (t < 64u) { total[r] = total[r] * fade[r] + part[r] + part[r + 64u] + part[r + 128u] + part[r + 192u]; }

        let f = vec4<f32>(fade[my_row % 64u], fade[my_row % 64u + 1u], fade[my_row % 64u + 2u], fade[my_row % 64u + 3u]);
        low0 *= f.x; low1 *= f.y; low2 *= f.z; low3 *= f.w;
        high0 *= f.x; high1 *= f.y; high2 *= f.z; high3 *= f.w;
        for (var col0 = 0u; col0 < p.dv; col0 += 64u) {
            for (var half = 0u; half < 32u; half += 16u) {
                let col = col0 + t % 64u;
                for (var l = t / 64u; l < 16u; l += 4u) {
                    // A key past the last has weight 0, a column past the last is never stored: both only need to be finite.
                    let at = min(key0 + half + l, p.keys - 1u) * p.v_strides.z + min(col, p.dv - 1u) * p.v_strides.w;
                    stage[l * 64u + t % 64u] = v[v_head(z) + at];
                }
                workgroupBarrier();
                for (var i = 0u; i < 16u; i++) {
                    let at = i * 64u + local.x * 4u;
                    let x = vec4<f32>(stage[at], stage[at + 1u], stage[at + 2u], stage[at + 3u]);
                    let w = (half + i) * 64u + local.y * 4u;
                    if (col0 == 0u) {
                        low0 += weights[w] * x; low1 += weights[w + 1u] * x;
                        low2 += weights[w + 2u] * x; low3 += weights[w + 3u] * x;
                    } else {
                        high0 += weights[w] * x; high1 += weights[w + 1u] * x;
                        high2 += weights[w + 2u] * x; high3 += weights[w + 3u] * x;
                    }
                }
                workgroupBarrier();
            }
        }
    }
    workgroupBarrier();
    let col = local.x * 4u;
    store(z, my_row, col, low0); store(z, my_row + 1u, col, low1);
    store(z, my_row + 2u, col, low2); store(z, my_row + 3u, col, low3);
    store(z, my_row, col + 64u, high0); store(z, my_row + 1u, col + 64u, high1);
    store(z, my_row + 2u, col + 64u, high2); store(z, my_row + 3u, col + 64u, high3);
    if (t < 64u && row0 + t < rows) {
        lse[z * rows + row0 + t] = select(HIDDEN, largest[t] + log(max(total[t], 1.0e-37)), total[t] > 0.0);
    }
}
