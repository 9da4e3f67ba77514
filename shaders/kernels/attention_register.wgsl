// attention, register tile: the same sums as attention_tiled
// Shapes as there, with d and dv multiples of 4 whose columns lie together. The one idea: an invocation owns 8 query rows
// and walks over the keys 8 at a time, all in 4x4 blocks: with Q = (q_0 q_1 q_2 q_3) and K = (k_0 k_1 k_2 k_3) a few columns
// at a time, a block of scores is transpose(K) Q; with W its weights, a block of out is V W. So 16 loads of four words feed
// 256 multiply-adds, and there is no barrier and no workgroup memory, which is what software adapters pay for. What was
// summed so far waits in out itself: private arrays would have to hold it else, which such adapters compile slowly.
// include attention
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
// include attention_seen
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

// Four rows from `first` on; past the edge the last one again, in bounds.
fn four_rows(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(row_count() - 1u));
}
fn four_keys(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.keys - 1u));
}
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
fn largest(a: vec4<f32>, b: vec4<f32>) -> f32 {
    let c = max(a, b);
    return max(max(c.x, c.y), max(c.z, c.w));
}
// The largest score of each row so far, with two more blocks.
fn raise(m: vec4<f32>, a: mat4x4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return max(m, vec4<f32>(largest(a[0], b[0]), largest(a[1], b[1]), largest(a[2], b[2]), largest(a[3], b[3])));
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
    // The rows and the keys of a block, a and b; where they lie is counted in fours of words.
    let ra = four_rows(row);
    let rb = four_rows(row + 4u);
    let seen_a = four_seen(z, row);
    let seen_b = four_seen(z, row + 4u);
    let until = seen_by_any(z, row, row + many - 1u);
    let qa = vec4<u32>(q_row(z, ra.x), q_row(z, ra.y), q_row(z, ra.z), q_row(z, ra.w)) / 4u;
    let qb = vec4<u32>(q_row(z, rb.x), q_row(z, rb.y), q_row(z, rb.z), q_row(z, rb.w)) / 4u;
    let oa = (z * rows + ra) * columns;
    let ob = (z * rows + rb) * columns;
    for (var c = 0u; c < many * columns; c++) { out[oa.x + c] = vec4<f32>(); }
    var ma = vec4<f32>(HIDDEN); var mb = vec4<f32>(HIDDEN);
    var la = vec4<f32>(); var lb = vec4<f32>();
    for (var key = 0u; key < until; key += 8u) {
        let keys_a = four_keys(key);
        let keys_b = four_keys(key + 4u);
        let ka = (k_head(z) + keys_a * p.k_strides.z) / 4u;
        let kb = (k_head(z) + keys_b * p.k_strides.z) / 4u;
        var aa = mat4x4<f32>(); var ab = mat4x4<f32>(); var ba = mat4x4<f32>(); var bb = mat4x4<f32>();
        for (var c = 0u; c < wide; c++) {
            let xa = mat4x4<f32>(q[qa.x + c], q[qa.y + c], q[qa.z + c], q[qa.w + c]);
            let xb = mat4x4<f32>(q[qb.x + c], q[qb.y + c], q[qb.z + c], q[qb.w + c]);
            let ta = transpose(mat4x4<f32>(k[ka.x + c], k[ka.y + c], k[ka.z + c], k[ka.w + c]));
            let tb = transpose(mat4x4<f32>(k[kb.x + c], k[kb.y + c], k[kb.z + c], k[kb.w + c]));
            aa += ta * xa; ab += tb * xa;
            ba += ta * xb; bb += tb * xb;
        }
        // A byte a row, a bit a key.
        var bits_a = 0xffffffffu; var bits_b = 0xffffffffu;
        if (p.masked == 1u) {
            bits_a = 0u; bits_b = 0u;
            for (var i = 0u; i < many * 8u; i++) {
                let at = (row + i / 8u) % p.queries * p.keys + min(key + i % 8u, p.keys - 1u);
                let bit = select(0u, 1u << (i % 32u), mask[at] != 0.0);
                if (i < 32u) { bits_a |= bit; } else { bits_b |= bit; }
            }
        }
        aa = hide_block(aa, key, seen_a, bits_a); ab = hide_block(ab, key + 4u, seen_a, bits_a >> 4u);
        ba = hide_block(ba, key, seen_b, bits_b); bb = hide_block(bb, key + 4u, seen_b, bits_b >> 4u);
        let raised_a = raise(ma, aa, ab);
        let raised_b = raise(mb, ba, bb);
        let fade_a = exp(ma - raised_a);
        let fade_b = exp(mb - raised_b);
        ma = raised_a; mb = raised_b;
        aa = weigh(aa, ma); ab = weigh(ab, ma);
        ba = weigh(ba, mb); bb = weigh(bb, mb);
        let one = vec4<f32>(1.0);
        la = la * fade_a + one * aa + one * ab;
        lb = lb * fade_b + one * ba + one * bb;
        let va = (v_head(z) + keys_a * p.v_strides.z) / 4u;
        let vb = (v_head(z) + keys_b * p.v_strides.z) / 4u;
        for (var c = 0u; c < columns; c++) {
            let xa = mat4x4<f32>(v[va.x + c], v[va.y + c], v[va.z + c], v[va.w + c]);
            let xb = mat4x4<f32>(v[vb.x + c], v[vb.y + c], v[vb.z + c], v[vb.w + c]);
            add(oa + c, fade_a, xa * aa + xb * ab);
            add(ob + c, fade_b, xa * ba + xb * bb);
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
