// attention, register tile: the same sums as attention_tiled
// Shapes as there, with d and dv multiples of 4 that lie together. The one idea: an invocation keeps 8 query rows and walks
// over the keys 8 at a time, all in blocks of 4x4: a block of scores is transpose(K) Q with Q = (q_0 q_1 q_2 q_3) and
// K = (k_0 k_1 k_2 k_3) a few of d at a time, and a block of out is V W. So 16 loads of four words feed 256
// multiply-adds, and there is no barrier and no workgroup memory, which is what software adapters pay for.
// include attention
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
// include attention_seen
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

fn masked_scores(s: vec4<f32>, row: u32, key: u32, seen: u32) -> vec4<f32> {
    return vec4<f32>(
        masked_score(s.x, row, key, seen), masked_score(s.y, row, key + 1u, seen),
        masked_score(s.z, row, key + 2u, seen), masked_score(s.w, row, key + 3u, seen),
    );
}
fn largest(a: vec4<f32>, b: vec4<f32>) -> f32 {
    let c = max(a, b);
    return max(max(c.x, c.y), max(c.z, c.w));
}
fn weights(s: vec4<f32>, m: f32) -> vec4<f32> {
    return select(vec4<f32>(), exp(s - m), s > vec4<f32>(0.5 * HIDDEN));
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(global_invocation_id) id: vec3<u32>) {
    let z = group.z;
    let rows = row_count();
    let row = id.x * 8u;
    if (row >= rows) { return; }
    let last = rows - 1u;
    // Past the edge a row repeats the last one: read in bounds, never stored.
    let ra = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(last));
    let rb = min(vec4<u32>(row + 4u, row + 5u, row + 6u, row + 7u), vec4<u32>(last));
    let qa = vec4<u32>(q_row(z, ra.x), q_row(z, ra.y), q_row(z, ra.z), q_row(z, ra.w)) / 4u;
    let qb = vec4<u32>(q_row(z, rb.x), q_row(z, rb.y), q_row(z, rb.z), q_row(z, rb.w)) / 4u;
    let sa = vec4<u32>(
        seen(z, ra.x % p.queries), seen(z, ra.y % p.queries), seen(z, ra.z % p.queries), seen(z, ra.w % p.queries));
    let sb = vec4<u32>(
        seen(z, rb.x % p.queries), seen(z, rb.y % p.queries), seen(z, rb.z % p.queries), seen(z, rb.w % p.queries));
    let until = seen_by_any(z, ra.x, rb.w);
    let wide = p.d / 4u;
    let columns = p.dv / 4u;
    var oa: array<mat4x4<f32>, 32>;
    var ob: array<mat4x4<f32>, 32>;
    for (var c = 0u; c < columns; c++) { oa[c] = mat4x4<f32>(); ob[c] = mat4x4<f32>(); }
    var ma = vec4<f32>(HIDDEN); var mb = vec4<f32>(HIDDEN);
    var la = vec4<f32>(); var lb = vec4<f32>();
    for (var key = 0u; key < until; key += 8u) {
        let ka = min(vec4<u32>(key, key + 1u, key + 2u, key + 3u), vec4<u32>(p.keys - 1u));
        let kb = min(vec4<u32>(key + 4u, key + 5u, key + 6u, key + 7u), vec4<u32>(p.keys - 1u));
        // Scores: column r of a block is a row of queries, its elements keys.
        var aa = mat4x4<f32>(); var ab = mat4x4<f32>();
        var ba = mat4x4<f32>(); var bb = mat4x4<f32>();
        let pa = (ka * p.k_strides.z + k_head(z)) / 4u;
        let pb = (kb * p.k_strides.z + k_head(z)) / 4u;
        for (var c = 0u; c < wide; c++) {
            let ta = transpose(mat4x4<f32>(k[pa.x + c], k[pa.y + c], k[pa.z + c], k[pa.w + c]));
            let tb = transpose(mat4x4<f32>(k[pb.x + c], k[pb.y + c], k[pb.z + c], k[pb.w + c]));
            let xa = mat4x4<f32>(q[qa.x + c], q[qa.y + c], q[qa.z + c], q[qa.w + c]);
            let xb = mat4x4<f32>(q[qb.x + c], q[qb.y + c], q[qb.z + c], q[qb.w + c]);
            aa += ta * xa; ab += tb * xa;
            ba += ta * xb; bb += tb * xb;
        }
        for (var i = 0u; i < 4u; i++) {
            aa[i] = masked_scores(aa[i], ra[i], key, sa[i]); ab[i] = masked_scores(ab[i], ra[i], key + 4u, sa[i]);
            ba[i] = masked_scores(ba[i], rb[i], key, sb[i]); bb[i] = masked_scores(bb[i], rb[i], key + 4u, sb[i]);
        }
        let na = max(ma, vec4<f32>(largest(aa[0], ab[0]), largest(aa[1], ab[1]), largest(aa[2], ab[2]), largest(aa[3], ab[3])));
        let nb = max(mb, vec4<f32>(largest(ba[0], bb[0]), largest(ba[1], bb[1]), largest(ba[2], bb[2]), largest(ba[3], bb[3])));
        let waa = mat4x4<f32>(weights(aa[0], na.x), weights(aa[1], na.y), weights(aa[2], na.z), weights(aa[3], na.w));
        let wab = mat4x4<f32>(weights(ab[0], na.x), weights(ab[1], na.y), weights(ab[2], na.z), weights(ab[3], na.w));
        let wba = mat4x4<f32>(weights(ba[0], nb.x), weights(ba[1], nb.y), weights(ba[2], nb.z), weights(ba[3], nb.w));
        let wbb = mat4x4<f32>(weights(bb[0], nb.x), weights(bb[1], nb.y), weights(bb[2], nb.z), weights(bb[3], nb.w));
        let fa = exp(ma - na);
        let fb = exp(mb - nb);
        ma = na; mb = nb;
        let one = vec4<f32>(1.0);
        la = la * fa + one * waa + one * wab;
        lb = lb * fb + one * wba + one * wbb;
        let va = (ka * p.v_strides.z + v_head(z)) / 4u;
        let vb = (kb * p.v_strides.z + v_head(z)) / 4u;
        for (var c = 0u; c < columns; c++) {
            let xa = mat4x4<f32>(v[va.x + c], v[va.y + c], v[va.z + c], v[va.w + c]);
            let xb = mat4x4<f32>(v[vb.x + c], v[vb.y + c], v[vb.z + c], v[vb.w + c]);
            let o = oa[c];
            oa[c] = mat4x4<f32>(o[0] * fa.x, o[1] * fa.y, o[2] * fa.z, o[3] * fa.w) + xa * waa + xb * wab;
            let u = ob[c];
            ob[c] = mat4x4<f32>(u[0] * fb.x, u[1] * fb.y, u[2] * fb.z, u[3] * fb.w) + xa * wba + xb * wbb;
        }
    }
    let ia = 1.0 / max(la, vec4<f32>(1.0e-37));
    let ib = 1.0 / max(lb, vec4<f32>(1.0e-37));
    for (var i = 0u; i < 4u; i++) {
        if (row + i < rows) {
            let at = z * rows + row + i;
            for (var c = 0u; c < columns; c++) { out[at * columns + c] = oa[c][i] * ia[i]; }
            lse[at] = select(HIDDEN, ma[i] + log(max(la[i], 1.0e-37)), la[i] > 0.0);
        }
        if (row + 4u + i < rows) {
            let at = z * rows + row + 4u + i;
            for (var c = 0u; c < columns; c++) { out[at * columns + c] = ob[c][i] * ib[i]; }
            lse[at] = select(HIDDEN, mb[i] + log(max(lb[i], 1.0e-37)), lb[i] > 0.0);
        }
    }
}
