// norm: y[r, j] = (x[r, j] - m_r) s_r gain[j] + bias[j], with s_r = 1 / sqrt(mean_j (x[r, j] - m_r)^2 + eps)
// Centred (LayerNorm): m_r is the row's mean. Else (RMSNorm): m_r = 0 and there is no bias.
// x, y: [rows, cols], contiguous; gain, bias: [cols]. One workgroup a row. The squares are of deviations, in a pass
// of their own: mean(x^2) - mean(x)^2 would lose every digit where the mean is large.
// include row
// include norm_row
struct Params { rows: u32, cols: u32, centred: u32, eps: f32 }
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
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let scaled = (x[base + j] - s.x) * s.y * gain[j];
        y[base + j] = select(scaled, scaled + bias[j], p.centred == 1u);
    }
}
