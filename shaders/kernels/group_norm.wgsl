// group norm: y[n, c, i] = (x[n, c, i] - m) s gain[c] + bias[c], m and s = 1 / sqrt(variance + eps) of all channels of c's group
// x, y: [n, channels, plane], contiguous, read as rows of one group of one picture: [n groups, cols], cols = channels / groups
// times plane. gain, bias: [channels]. One workgroup or invocation a row. The one thing that norm does not have: the gain belongs to the channel,
// which is the row's group and the place's plane together.
// include row
// include norm_row
struct Params { rows: u32, cols: u32, groups: u32, plane: u32, centred: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let mine = share(group, groups, t);
    let row = mine.row;
    let base = min(row, p.rows - 1u) * p.cols;
    let s = statistics(t, mine, base);
    if (row >= p.rows) { return; }
    let first = row % p.groups * (p.cols / p.plane);
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let c = first + j / p.plane;
        y[base + j] = (x[base + j] - s.x) * s.y * gain[c] + bias[c];
    }
}
