// embedding: y[n, c] = table[ids[n], c]
// table: [rows, cols]; ids: [n]; y: [n, cols], all contiguous. An id beyond the table reads its last row.
// include strided
struct Params { rows: u32, cols: u32, count: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(id, groups, 64u);
    if (i >= p.count) { return; }
    y[i] = table[min(ids[i / p.cols], p.rows - 1u) * p.cols + i % p.cols];
}
