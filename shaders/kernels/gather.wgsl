// gather: y[r, j] = x[r, index[r, j]]
// x: [rows, cols]; index, y: [rows, k], contiguous. An index beyond the row reads its last element.
struct Params { count: u32, cols: u32, k: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if (i >= p.count) { return; }
    y[i] = x[i / p.k * p.cols + min(index[i], p.cols - 1u)];
}
