// copy: y[i] = x[layout(i)]
// Lays a strided view out row by row. x: any view of up to four axes; y: the same shape, contiguous.
// include strided
struct Params { shape: vec4<u32>, strides: vec4<u32>, offset: u32, count: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(id, groups, 64u);
    if (i >= p.count) { return; }
    y[i] = x[address(unravel(i, p.shape), p.offset, p.strides)];
}
