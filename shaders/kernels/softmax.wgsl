// softmax: y[r, j] = exp(s x[r, j] - m) / sum_j' exp(s x[r, j'] - m), m the largest visible s x[r, j]
// x, y: [rows, cols], contiguous; s a scale. mask: 0 none; 1 causal, where row r = (outer, query) of `queries` sees
// j <= query + cols - queries; 2 given, mask[r % mask_rows, j] != 0 is visible. Masked places are 0, and a row with
// nothing visible is all 0. log: y[r, j] = s x[r, j] - m - log(sum) instead, masked places at -1e30. One workgroup or
// invocation a row.
// include row
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
