// cross entropy backward: dx[r, j] = dlosses[r] (exp(x[r, j] - m) / sum_j' exp(x[r, j'] - m) - [j = target])
// x, dx: [rows, cols], contiguous; targets, dlosses: [rows]. A row whose target is 2^32 - 1 gets 0. One workgroup or invocation a row.
// include row
struct Params { rows: u32, cols: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> dlosses: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let mine = share(group, groups, t);
    let row = mine.row;
    let r = min(row, p.rows - 1u);
    let base = r * p.cols;
    var m = -3.0e38;
    for (var j = mine.first; j < p.cols; j += mine.step) { m = max(m, x[base + j]); }
    m = row_max(t, m);
    var sum = 0.0;
    for (var j = mine.first; j < p.cols; j += mine.step) { sum += exp(x[base + j] - m); }
    sum = row_sum(t, sum);
    if (row >= p.rows) { return; }
    let weight = select(dlosses[r], 0.0, targets[r] == 0xffffffffu);
    let target_at = min(targets[r], p.cols - 1u);
    for (var j = mine.first; j < p.cols; j += mine.step) {
        dx[base + j] = weight * (exp(x[base + j] - m) / sum - select(0.0, 1.0, j == target_at));
    }
}
