// reduce columns: y[o, c] = sum, mean or max over r of x[o, r, c]
// x: [outer, rows, cols], contiguous; y: [outer, cols]. One invocation a column: neighbours read neighbouring words.
struct Params { outer: u32, rows: u32, cols: u32, kind: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if (i >= p.outer * p.cols) { return; }
    let base = (i / p.cols) * p.rows * p.cols + i % p.cols;
    var acc = select(0.0, -3.0e38, p.kind == 2u);
    for (var r = 0u; r < p.rows; r++) {
        let v = x[base + r * p.cols];
        acc = select(acc + v, max(acc, v), p.kind == 2u);
    }
    y[i] = select(acc, acc / f32(p.rows), p.kind == 1u);
}
