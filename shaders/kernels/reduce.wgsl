// reduce: y[r] = sum, mean or max over j of x[r, j]
// x: [rows, cols], contiguous; y: [rows]. One workgroup a row: each invocation strides along it, then a tree joins them.
struct Params { rows: u32, cols: u32, kind: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
var<workgroup> part: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let r = group.x + group.y * groups.x;
    let base = min(r, p.rows - 1u) * p.cols;
    var acc = select(0.0, -3.0e38, p.kind == 2u);
    for (var j = t; j < p.cols; j += 64u) {
        let v = x[base + j];
        acc = select(acc + v, max(acc, v), p.kind == 2u);
    }
    part[t] = acc;
    for (var step = 32u; step > 0u; step >>= 1u) {
        workgroupBarrier();
        if (t < step) {
            part[t] = select(part[t] + part[t + step], max(part[t], part[t + step]), p.kind == 2u);
        }
    }
    if (t == 0u && r < p.rows) {
        y[r] = select(part[0], part[0] / f32(p.cols), p.kind == 1u);
    }
}
