// reduce: y[r] = sum, mean or max over j of x[r, j]
// x: [rows, cols], contiguous; y: [rows]. One workgroup a row, whose invocations stride along it, or one invocation.
// include row
struct Params { rows: u32, cols: u32, kind: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let mine = share(group, groups, t);
    let r = mine.row;
    let base = min(r, p.rows - 1u) * p.cols;
    var acc = select(0.0, -3.0e38, p.kind == 2u);
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let v = x[base + j];
        acc = select(acc + v, max(acc, v), p.kind == 2u);
    }
    if (p.kind == 2u) { acc = row_max(t, acc); } else { acc = row_sum(t, acc); }
    if (mine.first == 0u && r < p.rows) {
        y[r] = select(acc, acc / f32(p.cols), p.kind == 1u);
    }
}
