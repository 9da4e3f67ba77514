// group norm backward: dx = s (u - mean(u) - h mean(u h)), with u = gain[c] dy and h = (x - m) s, means over the group of a picture
// x, dy, dx: [n, channels, plane], contiguous, read as rows as in group_norm; gain: [channels]. One workgroup or invocation a row.
// include row
// include norm_row
struct Params { rows: u32, cols: u32, groups: u32, plane: u32, centred: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let mine = share(group, groups, t);
    let row = mine.row;
    let base = min(row, p.rows - 1u) * p.cols;
    let s = statistics(t, mine, base);
    let first = row % p.groups * (p.cols / p.plane);
    var sum_u = 0.0;
    var sum_uh = 0.0;
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let u = gain[first + j / p.plane] * dy[base + j];
        sum_u += u;
        sum_uh += u * (x[base + j] - s.x) * s.y;
    }
    let mean_u = row_sum(t, sum_u) / f32(p.cols);
    let mean_uh = row_sum(t, sum_uh) / f32(p.cols);
    if (row >= p.rows) { return; }
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let h = (x[base + j] - s.x) * s.y;
        dx[base + j] = s.y * (gain[first + j / p.plane] * dy[base + j] - mean_u - h * mean_uh);
    }
}
