// gather backward: dx[r, c] = sum over the j with index[r, j] = c of dy[r, j]
// index, dy: [rows, k]; dx: [rows, cols], contiguous. Each invocation owns one element of dx and looks through its row's
// indices: no atomics, so the order of additions is the same every time.
struct Params { count: u32, cols: u32, k: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if (i >= p.count) { return; }
    let base = i / p.cols * p.k;
    var sum = 0.0;
    for (var j = 0u; j < p.k; j++) {
        if (min(index[base + j], p.cols - 1u) == i % p.cols) { sum += dy[base + j]; }
    }
    dx[i] = sum;
}
