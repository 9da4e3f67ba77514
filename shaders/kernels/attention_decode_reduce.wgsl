// attention, decoding, second pass: out = sum_x e_x sums_x / sum_x e_x l_x and lse = m + log sum_x e_x l_x
// with e_x = exp(m_x - m), m the largest m_x: what the parts of attention_decode saw, as if one had seen it all.
// sums: [rows, splits, dv], largest_total: [rows, splits, 2]; out: [rows, dv], lse: [rows]. The one idea: parts of an online
// softmax join as its own tiles do, in any order. A workgroup a row, an invocation a column.
struct Params { rows: u32, splits: u32, dv: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> largest_total: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let row = group.x + group.y * groups.x;
    if (row >= p.rows) { return; }
    let first = row * p.splits;
    var m = -1.0e30;
    for (var x = 0u; x < p.splits; x++) { m = max(m, largest_total[(first + x) * 2u]); }
    var l = 0.0;
    for (var x = 0u; x < p.splits; x++) {
        l += exp(largest_total[(first + x) * 2u] - m) * largest_total[(first + x) * 2u + 1u];
    }
    for (var c = t; c < p.dv; c += 64u) {
        var sum = 0.0;
        for (var x = 0u; x < p.splits; x++) {
            sum += exp(largest_total[(first + x) * 2u] - m) * sums[(first + x) * p.dv + c];
        }
        out[row * p.dv + c] = sum / max(l, 1.0e-37);
    }
    if (t == 0u) { lse[row] = select(-1.0e30, m + log(max(l, 1.0e-37)), l > 0.0); }
}
