// norm backward: dx[r, j] = s_r (u[j] - mean(u) - h[j] mean(u h)), with u = gain dy and h = (x - m_r) s_r
// Without centring (RMSNorm) the term mean(u) is missing. x, dy, dx: [rows, cols], contiguous; gain: [cols].
// One workgroup or invocation a row; the statistics are computed again, which costs less than to keep and fetch them.
// include row
// include norm_row
struct Params { rows: u32, cols: u32, centred: u32, eps: f32 }
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
    var sum_u = 0.0;
    var sum_uh = 0.0;
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let u = gain[j] * dy[base + j];
        sum_u += u;
        sum_uh += u * (x[base + j] - s.x) * s.y;
    }
    var mean_u = 0.0;
    if (p.centred == 1u) { mean_u = row_sum(t, sum_u) / f32(p.cols); }
    let mean_uh = row_sum(t, sum_uh) / f32(p.cols);
    if (row >= p.rows) { return; }
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let h = (x[base + j] - s.x) * s.y;
        dx[base + j] = s.y * (gain[j] * dy[base + j] - mean_u - h * mean_uh);
    }
}
