struct Params { rows: u32, cols: u32, centred: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// One row by the 64 invocations of a workgroup.
fn norm_of_row(row: u32, t: u32) {
    let base = min(row, p.rows - 1u) * p.cols;
    let s = statistics(t, base);
    if (row >= p.rows) { return; }
    for (var j = t; j < p.cols; j += 64u) {
        let scaled = (x[base + j] - s.x) * s.y * gain[j];
        y[base + j] = select(scaled, scaled + bias[j], p.centred == 1u);
    }
}
