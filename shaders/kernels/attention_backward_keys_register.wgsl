// attention backward, keys, register tile: the same sums as attention_backward_keys
// Shapes as there, with d and dv multiples of 4 whose columns lie together. The one idea is that of attention_register: an
// invocation owns 8 keys and walks over the rows 8 at a time in 4x4 blocks, with no barrier and no workgroup memory. With
// rows as elements and keys as columns a block of scores is transpose(Q) K and one of dp is transpose(d_out) V; with W the
// weights and U the slopes, dv grows by d_out W and dk by Q U, in place.
// include attention
// include attention_fours
// include attention_backward_seen
// include attention_backward_fours
@group(0) @binding(7) var<storage, read_write> dk: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4<f32>>;

// Weights of four rows as elements and four keys as columns; a key's bits are the low half of a byte.
fn weigh(s: mat4x4<f32>, r: Quad, key: u32, bits: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        four_weights(s[0], r.lse, (vec4<u32>(key) < r.seen) & four_bits(bits)),
        four_weights(s[1], r.lse, (vec4<u32>(key + 1u) < r.seen) & four_bits(bits >> 8u)),
        four_weights(s[2], r.lse, (vec4<u32>(key + 2u) < r.seen) & four_bits(bits >> 16u)),
        four_weights(s[3], r.lse, (vec4<u32>(key + 3u) < r.seen) & four_bits(bits >> 24u)),
    );
}
fn slopes(w: mat4x4<f32>, dp: mat4x4<f32>, r: Quad) -> mat4x4<f32> {
    return p.scale * mat4x4<f32>(
        w[0] * (dp[0] - r.term), w[1] * (dp[1] - r.term), w[2] * (dp[2] - r.term), w[3] * (dp[3] - r.term));
}
fn add_dk(at: vec4<u32>, sums: mat4x4<f32>) {
    dk[at.x] += sums[0]; dk[at.y] += sums[1]; dk[at.z] += sums[2]; dk[at.w] += sums[3];
}
fn add_dv(at: vec4<u32>, sums: mat4x4<f32>) {
    dv[at.x] += sums[0]; dv[at.y] += sums[1]; dv[at.z] += sums[2]; dv[at.w] += sums[3];
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(global_invocation_id) id: vec3<u32>) {
    let z = group.z;
    let key = id.x * 8u;
    if (key >= p.keys) { return; }
    let many = min(8u, p.keys - key);
    let wide = p.d / 4u;
    let columns = p.dv / 4u;
    let ka = k_fours(z, key);
    let kb = k_fours(z, key + 4u);
    let va = v_fours(z, key);
    let vb = v_fours(z, key + 4u);
    let dka = (z * p.keys + four_keys(key)) * wide;
    let dkb = (z * p.keys + four_keys(key + 4u)) * wide;
    let dva = (z * p.keys + four_keys(key)) * columns;
    let dvb = (z * p.keys + four_keys(key + 4u)) * columns;
    for (var c = 0u; c < many * wide; c++) { dk[dka.x + c] = vec4<f32>(); }
    for (var c = 0u; c < many * columns; c++) { dv[dva.x + c] = vec4<f32>(); }
    for (var row = 0u; row < row_count(); row += 8u) {
        let more = min(8u, row_count() - row);
        if (seen_by_any(z, row, row + more - 1u) <= key) { continue; }
        let qa = q_fours(z, row);
        let qb = q_fours(z, row + 4u);
        let oa = d_out_fours(z, row);
        let ob = d_out_fours(z, row + 4u);
        let ra = quad(z, row);
        let rb = quad(z, row + 4u);
        // Named by keys and rows: ab are keys a and rows b.
        var aa = mat4x4<f32>(); var ab = mat4x4<f32>(); var ba = mat4x4<f32>(); var bb = mat4x4<f32>();
        for (var c = 0u; c < wide; c++) {
            let xa = transpose(mat4x4<f32>(q[qa.x + c], q[qa.y + c], q[qa.z + c], q[qa.w + c]));
            let xb = transpose(mat4x4<f32>(q[qb.x + c], q[qb.y + c], q[qb.z + c], q[qb.w + c]));
            let ya = mat4x4<f32>(k[ka.x + c], k[ka.y + c], k[ka.z + c], k[ka.w + c]);
            let yb = mat4x4<f32>(k[kb.x + c], k[kb.y + c], k[kb.z + c], k[kb.w + c]);
            aa += xa * ya; ab += xb * ya;
            ba += xa * yb; bb += xb * yb;
        }
        var daa = mat4x4<f32>(); var dab = mat4x4<f32>(); var dba = mat4x4<f32>(); var dbb = mat4x4<f32>();
        for (var c = 0u; c < columns; c++) {
            let xa = transpose(mat4x4<f32>(d_out[oa.x + c], d_out[oa.y + c], d_out[oa.z + c], d_out[oa.w + c]));
            let xb = transpose(mat4x4<f32>(d_out[ob.x + c], d_out[ob.y + c], d_out[ob.z + c], d_out[ob.w + c]));
            let ya = mat4x4<f32>(v[va.x + c], v[va.y + c], v[va.z + c], v[va.w + c]);
            let yb = mat4x4<f32>(v[vb.x + c], v[vb.y + c], v[vb.z + c], v[vb.w + c]);
            daa += xa * ya; dab += xb * ya;
            dba += xa * yb; dbb += xb * yb;
        }
        // A word for each four keys; in a word a byte a key, a bit a row.
        var bits = vec2<u32>(0xffffffffu);
        if (p.masked == 1u) {
            bits = vec2<u32>();
            for (var i = 0u; i < many * 8u; i++) {
                let visible = mask[(row + min(i % 8u, more - 1u)) % p.queries * p.keys + key + i / 8u] != 0.0;
                bits[i / 32u] |= select(0u, 1u, visible) << (i % 32u);
            }
        }
        aa = weigh(aa, ra, key, bits.x); ab = weigh(ab, rb, key, bits.x >> 4u);
        ba = weigh(ba, ra, key + 4u, bits.y); bb = weigh(bb, rb, key + 4u, bits.y >> 4u);
        for (var c = 0u; c < columns; c++) {
            let xa = mat4x4<f32>(d_out[oa.x + c], d_out[oa.y + c], d_out[oa.z + c], d_out[oa.w + c]);
            let xb = mat4x4<f32>(d_out[ob.x + c], d_out[ob.y + c], d_out[ob.z + c], d_out[ob.w + c]);
            add_dv(dva + c, xa * aa + xb * ab);
            add_dv(dvb + c, xa * ba + xb * bb);
        }
        aa = slopes(aa, daa, ra); ab = slopes(ab, dab, rb);
        ba = slopes(ba, dba, ra); bb = slopes(bb, dbb, rb);
        for (var c = 0u; c < wide; c++) {
            let xa = mat4x4<f32>(q[qa.x + c], q[qa.y + c], q[qa.z + c], q[qa.w + c]);
            let xb = mat4x4<f32>(q[qb.x + c], q[qb.y + c], q[qb.z + c], q[qb.w + c]);
            add_dk(dka + c, xa * aa + xb * ab);
            add_dk(dkb + c, xa * ba + xb * bb);
        }
    }
}
