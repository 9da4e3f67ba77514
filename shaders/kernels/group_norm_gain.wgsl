// group norm gain: partial[n, c] = sum over i of dy[n, c, i] h[n, c, i], with h = (x - m) s
// x, dy: [n, channels, plane], contiguous, read as rows as in group_norm; partial: [n, channels], to be summed over pictures.
// One workgroup or invocation a row: its invocations find the group's statistics, then the sum of one channel after the other.
// include row
// include norm_row
struct Params { rows: u32, cols: u32, groups: u32, plane: u32, centred: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let mine = share(group, groups, t);
    let row = mine.row;
    let base = min(row, p.rows - 1u) * p.cols;
    let s = statistics(t, mine, base);
    let channels = p.cols / p.plane;
    for (var c = 0u; c < channels; c++) {
        var own = 0.0;
        for (var j = c * p.plane + mine.first; j < (c + 1u) * p.plane; j += mine.step) { own += dy[base + j] * (x[base + j] - s.x); }
        let sum = row_sum(t, own) * s.y;
        if (mine.first == 0u && row < p.rows) { partial[row * channels + c] = sum; }
    }
}
