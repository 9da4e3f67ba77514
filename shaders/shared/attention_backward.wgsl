@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> d_out: array<f32>;

var<workgroup> stage: array<f32, 1024>;
var<workgroup> weights: array<f32, 1024>; // 32 rows by 32 keys
var<workgroup> slopes: array<f32, 1024>; // the gradient of the scores, likewise

// Makes a tile of weights p_ij = exp(s_ij - lse_i) again, and of slopes ds_ij = scale p_ij (d_out_i . v_j - D_i). All 16x16
// invocations call it together; each makes 2 rows by 2 keys.
fn make_tile(z: u32, row0: u32, key0: u32, x: u32, y: u32, t: u32) {
    let last_row = row_count() - 1u;
    var s = vec4<f32>();
    var dp = vec4<f32>();
    for (var c0 = 0u; c0 < p.d; c0 += 16u) {
        let c = min(c0 + t % 16u, p.d - 1u);
        let inside = c0 + t % 16u < p.d;
        for (var l = t / 16u; l < 32u; l += 16u) {
            let a = q[q_row(z, min(row0 + l, last_row)) + c * p.q_strides.w];
            let b = k[k_head(z) + min(key0 + l, p.keys - 1u) * p.k_strides.z + c * p.k_strides.w];
            stage[t % 16u * 32u + l] = select(0.0, a, inside);
            stage[512u + t % 16u * 32u + l] = select(0.0, b, inside);
        }
        workgroupBarrier();
        for (var i = 0u; i < 512u; i += 32u) {
            let a = vec2<f32>(stage[i + 2u * y], stage[i + 2u * y + 1u]);
            let b = vec2<f32>(stage[512u + i + 2u * x], stage[512u + i + 2u * x + 1u]);
            s += vec4<f32>(a.x * b, a.y * b);
        }
        workgroupBarrier();
    }
    for (var c0 = 0u; c0 < p.dv; c0 += 16u) {
        let c = min(c0 + t % 16u, p.dv - 1u);
        let inside = c0 + t % 16u < p.dv;
        for (var l = t / 16u; l < 32u; l += 16u) {
            let a = d_out[d_out_row(z, min(row0 + l, last_row)) + c * p.d_out_strides.w];
            let b = v[v_head(z) + min(key0 + l, p.keys - 1u) * p.v_strides.z + c * p.v_strides.w];
            stage[t % 16u * 32u + l] = select(0.0, a, inside);
            stage[512u + t % 16u * 32u + l] = select(0.0, b, inside);
        }
        workgroupBarrier();
        for (var i = 0u; i < 512u; i += 32u) {
            let a = vec2<f32>(stage[i + 2u * y], stage[i + 2u * y + 1u]);
            let b = vec2<f32>(stage[512u + i + 2u * x], stage[512u + i + 2u * x + 1u]);
            dp += vec4<f32>(a.x * b, a.y * b);
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let r = 2u * y + i / 2u;
        let j = 2u * x + i % 2u;
        let at = (z * row_count() + min(row0 + r, last_row)) * 3u;
        var visible = row0 + r <= last_row && key0 + j < u32(rows[at + 2u]);
        if (visible && p.masked == 1u) { visible = mask[(row0 + r) % p.queries * p.keys + key0 + j] != 0.0; }
        var w = 0.0;
        if (visible) { w = exp(s[i] * p.scale - rows[at]); }
        weights[r * 32u + j] = w;
        slopes[r * 32u + j] = w * (dp[i] - rows[at + 1u]) * p.scale;
    }
    workgroupBarrier();
}
