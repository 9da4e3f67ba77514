// softmax backward: dx[r, j] = s y[r, j] (dy[r, j] - sum_j' y[r, j'] dy[r, j'])
// log: dx[r, j] = s (dy[r, j] - exp(y[r, j]) sum_j' dy[r, j']), over visible places.
// y, dy, dx: [rows, cols], contiguous. y is the forward result, so nothing else need be kept: a masked place has y = 0
// (or -1e30 in log form) and gets no gradient. One workgroup or invocation a row.
// include row
struct Params { rows: u32, cols: u32, log: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let mine = share(group, groups, t);
    let row = mine.row;
    let base = min(row, p.rows - 1u) * p.cols;
    var sum = 0.0;
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let v = y[base + j];
        sum += select(v * dy[base + j], select(dy[base + j], 0.0, v < -1.0e29), p.log == 1u);
    }
    sum = row_sum(t, sum);
    if (row >= p.rows) { return; }
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let v = y[base + j];
        if (p.log == 1u) {
            dx[base + j] = select(p.scale * (dy[base + j] - exp(max(v, -80.0)) * sum), 0.0, v < -1.0e29);
        } else {
            dx[base + j] = p.scale * v * (dy[base + j] - sum);
        }
    }
}
