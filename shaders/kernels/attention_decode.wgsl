// attention, decoding: partial sums over a range of keys; attention_decode_reduce joins them
// Few query rows, as when one token, or a guess of some tokens, is added to a long text: tiles of queries would leave the
// device idle. The one idea: the keys are split over workgroups. Workgroup (x, y, z) lets rows 4y to 4y + 3 see keys
// x split to x split + split - 1, with an online softmax of its own, 64 keys at a time: first an invocation a key finds the
// scores, then an invocation a column of v sums. A vec4 holds one number of each row, so k and v are read once for four.
// sums: [rows, splits, dv], the unnormalised out; largest_total: [rows, splits, 2], m and l.
// include attention
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
// include attention_seen
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<storage, read_write> largest_total: array<f32>;

var<workgroup> questions: array<vec4<f32>, 128>;
var<workgroup> weights: array<vec4<f32>, 64>;
var<workgroup> part: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let z = group.z;
    let last = row_count() - 1u;
    let rows = min(vec4<u32>(0u, 1u, 2u, 3u) + group.y * 4u, vec4<u32>(last));
    let counts = vec4<u32>(
        seen(z, rows.x % p.queries), seen(z, rows.y % p.queries), seen(z, rows.z % p.queries), seen(z, rows.w % p.queries),
    );
    let first = group.x * p.split;
    let until = min(seen_by_any(z, rows.x, rows.w), first + p.split);
    for (var c = t; c < p.d; c += 64u) {
        let at = vec4<u32>(q_row(z, rows.x), q_row(z, rows.y), q_row(z, rows.z), q_row(z, rows.w)) + c * p.q_strides.w;
        questions[c] = vec4<f32>(q[at.x], q[at.y], q[at.z], q[at.w]);
    }
    workgroupBarrier();
    var m = vec4<f32>(HIDDEN);
    var l = vec4<f32>();
    var low = vec4<f32>();
    var high = vec4<f32>();
    for (var key0 = first; key0 < until; key0 += 64u) {
        let key = key0 + t;
        var s = vec4<f32>(HIDDEN);
        if (key < until) {
            let base = k_head(z) + key * p.k_strides.z;
            var dots = vec4<f32>();
            for (var c = 0u; c < p.d; c++) { dots += k[base + c * p.k_strides.w] * questions[c]; }
            s = vec4<f32>(
                masked_score(dots.x, rows.x, key, counts.x), masked_score(dots.y, rows.y, key, counts.y),
                masked_score(dots.z, rows.z, key, counts.z), masked_score(dots.w, rows.w, key, counts.w),
            );
        }
        part[t] = s;
        for (var step = 32u; step > 0u; step >>= 1u) {
            workgroupBarrier();
            if (t < step) { part[t] = max(part[t], part[t + step]); }
        }
        workgroupBarrier();
        let raised = max(m, part[0]);
        workgroupBarrier();
        let w = vec4<f32>(weight(s.x, raised.x), weight(s.y, raised.y), weight(s.z, raised.z), weight(s.w, raised.w));
        weights[t] = w;
        part[t] = w;
        for (var step = 32u; step > 0u; step >>= 1u) {
            workgroupBarrier();
            if (t < step) { part[t] += part[t + step]; }
        }
        workgroupBarrier();
        let fade = exp(m - raised);
        m = raised;
        l = l * fade + part[0];
        low *= fade;
        high *= fade;
        let many = min(64u, until - key0);
        let base = v_head(z) + key0 * p.v_strides.z;
        if (t < p.dv) {
            for (var i = 0u; i < many; i++) { low += weights[i] * v[base + i * p.v_strides.z + t * p.v_strides.w]; }
        }
        if (t + 64u < p.dv) {
            for (var i = 0u; i < many; i++) { high += weights[i] * v[base + i * p.v_strides.z + (t + 64u) * p.v_strides.w]; }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let row = group.y * 4u + i;
        if (row > last) { break; }
        let at = (z * row_count() + row) * p.splits + group.x;
        if (t < p.dv) { sums[at * p.dv + t] = low[i]; }
        if (t + 64u < p.dv) { sums[at * p.dv + t + 64u] = high[i]; }
        if (t == 0u) {
            largest_total[at * 2u] = m[i];
            largest_total[at * 2u + 1u] = l[i];
        }
    }
}
