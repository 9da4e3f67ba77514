// activation backward: dx[i] = dy[i] f'(x[i])
// x, dy: any views of one shape; dx: that shape, contiguous. f' is evaluated from x, so no activation need be kept.
// include strided
// include activation
struct Params {
    shape: vec4<u32>, x_strides: vec4<u32>, dy_strides: vec4<u32>,
    x_offset: u32, dy_offset: u32, count: u32, kind: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(id, groups, 64u);
    if (i >= p.count) { return; }
    let at = unravel(i, p.shape);
    dx[i] = dy[address(at, p.dy_offset, p.dy_strides)]
        * activate_derivative(p.kind, x[address(at, p.x_offset, p.x_strides)]);
}
