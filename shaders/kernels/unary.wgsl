// unary: y[i] = f(x[i]), f one of exp, log, negate, square, square root, reciprocal square root, reciprocal, affine
// x: any view of up to four axes; y: the same shape, contiguous. Affine is a x + b with a and b in the parameters.
// include strided
struct Params { shape: vec4<u32>, strides: vec4<u32>, offset: u32, count: u32, kind: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(id, groups, 64u);
    if (i >= p.count) { return; }
    let v = x[address(unravel(i, p.shape), p.offset, p.strides)];
    var r = v;
    switch p.kind {
        case 0u: { r = exp(v); }
        case 1u: { r = log(v); }
        case 2u: { r = -v; }
        case 3u: { r = v * v; }
        case 4u: { r = sqrt(v); }
        case 5u: { r = inverseSqrt(v); }
        case 6u: { r = 1.0 / v; }
        default: { r = p.a * v + p.b; }
    }
    y[i] = r;
}
