struct Params { rows: u32, cols: u32, queries: u32, mask_kind: u32, mask_rows: u32, log: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn visible(r: u32, j: u32) -> bool {
    if (p.mask_kind == 1u) { return j + p.queries <= r % p.queries + p.cols; }
    if (p.mask_kind == 2u) { return mask[(r % p.mask_rows) * p.cols + j] != 0.0; }
    return true;
}

// One row by the invocations that share it: largest, sum, and the row again.
fn softmax_row(mine: Share, t: u32) {
    let row = mine.row;
    let r = min(row, p.rows - 1u);
    let base = r * p.cols;
    var m = -3.0e38;
    for (var j = mine.first; j < p.cols; j += mine.step) {
        if (visible(r, j)) { m = max(m, p.scale * x[base + j]); }
    }
    m = row_max(t, m);
    var sum = 0.0;
    for (var j = mine.first; j < p.cols; j += mine.step) {
        if (visible(r, j)) { sum += exp(p.scale * x[base + j] - m); }
    }
    sum = row_sum(t, sum);
    if (row >= p.rows) { return; }
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let seen = visible(r, j);
        let z = p.scale * x[base + j] - m;
        if (p.log == 1u) {
            y[base + j] = select(-1.0e30, z - log(max(sum, 1.0e-37)), seen);
        } else {
            y[base + j] = select(0.0, exp(z) / max(sum, 1.0e-37), seen);
        }
    }
}
