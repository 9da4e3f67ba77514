struct Params { rows: u32, cols: u32, centred: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// One row by the invocations that share it.
fn norm_of_row(mine: Share, t: u32) {
    let row = mine.row;
    let base = min(row, p.rows - 1u) * p.cols;
    let s = statistics(t, mine, base);
    if (row >= p.rows) { return; }
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let scaled = (x[base + j] - s.x) * s.y * gain[j];
        y[base + j] = select(scaled, scaled + bias[j], p.centred == 1u);
    }
}
