// binary: y[i] = a[i] (+, -, *, /, max, =, >) b[i]; a comparison gives 1 or 0
// a, b: views broadcast to one shape of up to four axes (a broadcast axis has stride 0); y: that shape, contiguous.
// include strided
struct Params {
    shape: vec4<u32>, a_strides: vec4<u32>, b_strides: vec4<u32>,
    a_offset: u32, b_offset: u32, count: u32, kind: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(id, groups, 64u);
    if (i >= p.count) { return; }
    let at = unravel(i, p.shape);
    let u = a[address(at, p.a_offset, p.a_strides)];
    let v = b[address(at, p.b_offset, p.b_strides)];
    var r = u + v;
    switch p.kind {
        case 1u: { r = u - v; }
        case 2u: { r = u * v; }
        case 3u: { r = u / v; }
        case 4u: { r = max(u, v); }
        case 5u: { r = select(0.0, 1.0, u == v); }
        case 6u: { r = select(0.0, 1.0, u > v); }
        default: {}
    }
    y[i] = r;
}
