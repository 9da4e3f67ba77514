// attention backward, queries, register tile: the same sums as attention_backward_queries
// Shapes as there, with d and dv multiples of 4 whose columns lie together. The one idea: the walk of
// attention_backward_keys_register the other way round. An invocation owns 8 rows and walks over the keys 8 at a time; with
// keys as elements and rows as columns a block of scores is transpose(K) Q and one of dp is transpose(V) d_out; with U the
// slopes, dq grows by K U, in place.
// include attention
// include attention_fours
// include attention_backward_seen
// include attention_backward_fours
@group(0) @binding(7) var<storage, read_write> dq: array<vec4<f32>>;

// The gradient of the scores of a row and four keys; the row's bits are the lowest four.
fn slopes(s: vec4<f32>, dp: vec4<f32>, lse: f32, term: f32, seen: u32, key: u32, bits: u32) -> vec4<f32> {
    let visible = (key + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(seen)) & four_bits(bits);
    return p.scale * four_weights(s, vec4<f32>(lse), visible) * (dp - term);
}
// Those of four rows, as columns; a row's bits are the low half of a byte.
fn slope_block(s: mat4x4<f32>, dp: mat4x4<f32>, r: Quad, key: u32, bits: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        slopes(s[0], dp[0], r.lse.x, r.term.x, r.seen.x, key, bits),
        slopes(s[1], dp[1], r.lse.y, r.term.y, r.seen.y, key, bits >> 8u),
        slopes(s[2], dp[2], r.lse.z, r.term.z, r.seen.z, key, bits >> 16u),
        slopes(s[3], dp[3], r.lse.w, r.term.w, r.seen.w, key, bits >> 24u),
    );
}
fn add(at: vec4<u32>, sums: mat4x4<f32>) {
    dq[at.x] += sums[0]; dq[at.y] += sums[1]; dq[at.z] += sums[2]; dq[at.w] += sums[3];
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(global_invocation_id) id: vec3<u32>) {
    let z = group.z;
    let row = id.x * 8u;
    if (row >= row_count()) { return; }
    let many = min(8u, row_count() - row);
    let until = seen_by_any(z, row, row + many - 1u);
    let wide = p.d / 4u;
    let columns = p.dv / 4u;
    let qa = q_fours(z, row);
    let qb = q_fours(z, row + 4u);
    let oa = d_out_fours(z, row);
    let ob = d_out_fours(z, row + 4u);
    let ra = quad(z, row);
    let rb = quad(z, row + 4u);
    let dqa = (z * row_count() + four_rows(row)) * wide;
    let dqb = (z * row_count() + four_rows(row + 4u)) * wide;
    for (var c = 0u; c < many * wide; c++) { dq[dqa.x + c] = vec4<f32>(); }
    for (var key = 0u; key < until; key += 8u) {
        let ka = k_fours(z, key);
        let kb = k_fours(z, key + 4u);
        let va = v_fours(z, key);
        let vb = v_fours(z, key + 4u);
        // Named by rows and keys: ab are rows a and keys b.
        var aa = mat4x4<f32>(); var ab = mat4x4<f32>(); var ba = mat4x4<f32>(); var bb = mat4x4<f32>();
        for (var c = 0u; c < wide; c++) {
            let xa = mat4x4<f32>(q[qa.x + c], q[qa.y + c], q[qa.z + c], q[qa.w + c]);
            let xb = mat4x4<f32>(q[qb.x + c], q[qb.y + c], q[qb.z + c], q[qb.w + c]);
            let ta = transpose(mat4x4<f32>(k[ka.x + c], k[ka.y + c], k[ka.z + c], k[ka.w + c]));
            let tb = transpose(mat4x4<f32>(k[kb.x + c], k[kb.y + c], k[kb.z + c], k[kb.w + c]));
            aa += ta * xa; ab += tb * xa;
            ba += ta * xb; bb += tb * xb;
        }
        var daa = mat4x4<f32>(); var dab = mat4x4<f32>(); var dba = mat4x4<f32>(); var dbb = mat4x4<f32>();
        for (var c = 0u; c < columns; c++) {
            let xa = mat4x4<f32>(d_out[oa.x + c], d_out[oa.y + c], d_out[oa.z + c], d_out[oa.w + c]);
            let xb = mat4x4<f32>(d_out[ob.x + c], d_out[ob.y + c], d_out[ob.z + c], d_out[ob.w + c]);
            let ta = transpose(mat4x4<f32>(v[va.x + c], v[va.y + c], v[va.z + c], v[va.w + c]));
            let tb = transpose(mat4x4<f32>(v[vb.x + c], v[vb.y + c], v[vb.z + c], v[vb.w + c]));
            daa += ta * xa; dab += tb * xa;
            dba += ta * xb; dbb += tb * xb;
        }
        // A word for each four rows; in a word a byte a row, a bit a key.
        var bits = vec2<u32>(0xffffffffu);
        if (p.masked == 1u) {
            bits = vec2<u32>();
            for (var i = 0u; i < many * 8u; i++) {
                let visible = mask[(row + i / 8u) % p.queries * p.keys + min(key + i % 8u, p.keys - 1u)] != 0.0;
                bits[i / 32u] |= select(0u, 1u, visible) << (i % 32u);
            }
        }
        aa = slope_block(aa, daa, ra, key, bits.x); ab = slope_block(ab, dab, ra, key + 4u, bits.x >> 4u);
        ba = slope_block(ba, dba, rb, key, bits.y); bb = slope_block(bb, dbb, rb, key + 4u, bits.y >> 4u);
        for (var c = 0u; c < wide; c++) {
            let xa = mat4x4<f32>(k[ka.x + c], k[ka.y + c], k[ka.z + c], k[ka.w + c]);
            let xb = mat4x4<f32>(k[kb.x + c], k[kb.y + c], k[kb.z + c], k[kb.w + c]);
            add(dqa + c, xa * aa + xb * ab);
            add(dqb + c, xa * ba + xb * bb);
        }
    }
}
