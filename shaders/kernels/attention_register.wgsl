// attention, register tile: the same sums as attention_tiled
// Shapes as there, with d and dv multiples of 4 whose columns lie together. The one idea: an invocation owns 8 query rows
// and walks over the keys 16 at a time, all in 4x4 blocks: with Q = (q_0 q_1 q_2 q_3) and K = (k_0 k_1 k_2 k_3), four of
// their columns at a time, a block of scores is transpose(K) Q; with W its weights, a block of out is V W. So 24 loads of
// four words feed 512 multiply-adds, and there is no barrier and no workgroup memory, which is what software adapters pay
// for. What was summed so far waits in out itself: a private array would hold it else, which such adapters compile slowly.
// include attention
// include attention_fours
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
// include attention_seen
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

// What each of four rows sees: nothing past the edge, so that the last row, repeated there, is added to once.
fn four_seen(z: u32, first: u32) -> vec4<u32> {
    let r = four_rows(first) % p.queries;
    let counts = vec4<u32>(seen(z, r.x), seen(z, r.y), seen(z, r.z), seen(z, r.w));
    return select(vec4<u32>(), counts, first + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(row_count()));
}
// Scaled scores of a row and four keys, HIDDEN past what the row sees and where the key's bit is not set.
fn hide(s: vec4<f32>, key: u32, seen: u32, bits: u32) -> vec4<f32> {
    let four = vec4<u32>(0u, 1u, 2u, 3u);
    let visible = (key + four < vec4<u32>(seen)) & (((vec4<u32>(bits) >> four) & vec4<u32>(1u)) == vec4<u32>(1u));
    return select(vec4<f32>(HIDDEN), s * p.scale, visible);
}
// A block of them, rows as columns; a row's bits are the low or, for the second four keys, the high half of a byte.
fn hide_block(s: mat4x4<f32>, key: u32, seen: vec4<u32>, bits: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        hide(s[0], key, seen.x, bits), hide(s[1], key, seen.y, bits >> 8u),
        hide(s[2], key, seen.z, bits >> 16u), hide(s[3], key, seen.w, bits >> 24u),
    );
}
// The largest score of each row of a block.
fn largest(s: mat4x4<f32>) -> vec4<f32> {
    let t = transpose(s);
    return max(max(t[0], t[1]), max(t[2], t[3]));
}
fn four_weights(s: vec4<f32>, m: f32) -> vec4<f32> {
    return select(vec4<f32>(), exp(s - m), s > vec4<f32>(0.5 * HIDDEN));
}
fn weigh(s: mat4x4<f32>, m: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(four_weights(s[0], m.x), four_weights(s[1], m.y), four_weights(s[2], m.z), four_weights(s[3], m.w));
}
fn add(at: vec4<u32>, fade: vec4<f32>, sums: mat4x4<f32>) {
    out[at.x] = out[at.x] * fade.x + sums[0];
    out[at.y] = out[at.y] * fade.y + sums[1];
    out[at.z] = out[at.z] * fade.z + sums[2];
    out[at.w] = out[at.w] * fade.w + sums[3];
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(global_invocation_id) id: vec3<u32>) {
    let z = group.z;
    let rows = row_count();
    let row = id.x * 8u;
    if (row >= rows) { return; }
    let many = min(8u, rows - row);
    let wide = p.d / 4u;
    let columns = p.dv / 4u;
    let seen_a = four_seen(z, row);
    let seen_b = four_seen(z, row + 4u);
    let until = seen_by_any(z, row, row + many - 1u);
    let qa = q_fours(z, row);
    let qb = q_fours(z, row + 4u);
    let oa = (z * rows + four_rows(row)) * columns;
    let ob = (z * rows + four_rows(row + 4u)) * columns;
    for (var c = 0u; c < many * columns; c++) { out[oa.x + c] = vec4<f32>(); }
    var ma = vec4<f32>(HIDDEN); var mb = vec4<f32>(HIDDEN);
    var la = vec4<f32>(); var lb = vec4<f32>();
    for (var key = 0u; key < until; key += 16u) {
        let ka = k_fours(z, key);
        let kb = k_fours(z, key + 4u);
        let kc = k_fours(z, key + 8u);
        let kd = k_fours(z, key + 12u);
        // Scores, named by rows and keys: ad are those of rows a and keys d.
        var aa = mat4x4<f32>(); var ab = mat4x4<f32>(); var ac = mat4x4<f32>(); var ad = mat4x4<f32>();
        var ba = mat4x4<f32>(); var bb = mat4x4<f32>(); var bc = mat4x4<f32>(); var bd = mat4x4<f32>();
        for (var c = 0u; c < wide; c++) {
            let xa = mat4x4<f32>(q[qa.x + c], q[qa.y + c], q[qa.z + c], q[qa.w + c]);
            let xb = mat4x4<f32>(q[qb.x + c], q[qb.y + c], q[qb.z + c], q[qb.w + c]);
            let ta = transpose(mat4x4<f32>(k[ka.x + c], k[ka.y + c], k[ka.z + c], k[ka.w + c]));
            aa += ta * xa; ba += ta * xb;
            let tb = transpose(mat4x4<f32>(k[kb.x + c], k[kb.y + c], k[kb.z + c], k[kb.w + c]));
            ab += tb * xa; bb += tb * xb;
            let tc = transpose(mat4x4<f32>(k[kc.x + c], k[kc.y + c], k[kc.z + c], k[kc.w + c]));
            ac += tc * xa; bc += tc * xb;
            let td = transpose(mat4x4<f32>(k[kd.x + c], k[kd.y + c], k[kd.z + c], k[kd.w + c]));
            ad += td * xa; bd += td * xb;
        }
        // A word for rows a and the first 8 keys, one for their last 8, two for rows b; in a word a byte a row, a bit a key.
        var bits = vec4<u32>(0xffffffffu);
        if (p.masked == 1u) {
            bits = vec4<u32>();
            for (var i = 0u; i < many * 16u; i++) {
                let r = i / 16u;
                let j = i % 16u;
                let visible = mask[(row + r) % p.queries * p.keys + min(key + j, p.keys - 1u)] != 0.0;
                bits[r / 4u * 2u + j / 8u] |= select(0u, 1u, visible) << (r % 4u * 8u + j % 8u);
            }
        }
        aa = hide_block(aa, key, seen_a, bits.x); ab = hide_block(ab, key + 4u, seen_a, bits.x >> 4u);
        ac = hide_block(ac, key + 8u, seen_a, bits.y); ad = hide_block(ad, key + 12u, seen_a, bits.y >> 4u);
        ba = hide_block(ba, key, seen_b, bits.z); bb = hide_block(bb, key + 4u, seen_b, bits.z >> 4u);
        bc = hide_block(bc, key + 8u, seen_b, bits.w); bd = hide_block(bd, key + 12u, seen_b, bits.w >> 4u);
        let raised_a = max(ma, max(max(largest(aa), largest(ab)), max(largest(ac), largest(ad))));
        let raised_b = max(mb, max(max(largest(ba), largest(bb)), max(largest(bc), largest(bd))));
        let fade_a = exp(ma - raised_a);
        let fade_b = exp(mb - raised_b);
        ma = raised_a; mb = raised_b;
        aa = weigh(aa, ma); ab = weigh(ab, ma); ac = weigh(ac, ma); ad = weigh(ad, ma);
        ba = weigh(ba, mb); bb = weigh(bb, mb); bc = weigh(bc, mb); bd = weigh(bd, mb);
        la = la * fade_a + vec4<f32>(1.0) * (aa + ab + ac + ad);
        lb = lb * fade_b + vec4<f32>(1.0) * (ba + bb + bc + bd);
        let va = v_fours(z, key);
        let vb = v_fours(z, key + 4u);
        let vc = v_fours(z, key + 8u);
        let vd = v_fours(z, key + 12u);
        for (var c = 0u; c < columns; c++) {
            let xa = mat4x4<f32>(v[va.x + c], v[va.y + c], v[va.z + c], v[va.w + c]);
            let xb = mat4x4<f32>(v[vb.x + c], v[vb.y + c], v[vb.z + c], v[vb.w + c]);
            let xc = mat4x4<f32>(v[vc.x + c], v[vc.y + c], v[vc.z + c], v[vc.w + c]);
            let xd = mat4x4<f32>(v[vd.x + c], v[vd.y + c], v[vd.z + c], v[vd.w + c]);
            add(oa + c, fade_a, xa * aa + xb * ab + xc * ac + xd * ad);
            add(ob + c, fade_b, xa * ba + xb * bb + xc * bc + xd * bd);
        }
    }
    for (var i = 0u; i < many; i++) {
        let l = select(la, lb, i > 3u)[i % 4u];
        let m = select(ma, mb, i > 3u)[i % 4u];
        let at = z * rows + row + i;
        for (var c = 0u; c < columns; c++) { out[at * columns + c] /= max(l, 1.0e-37); }
        lse[at] = select(HIDDEN, m + log(max(l, 1.0e-37)), l > 0.0);
    }
}
